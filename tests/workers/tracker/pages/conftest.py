"""A campaign for a real Chromium to look at."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chromium import browser, chromium
from tests.workers.tracker.pages.busy import Busy, busy

__all__ = ["browser", "campaign", "chromium", "pictures"]


@pytest.fixture(scope="module")
def campaign(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Busy]:
    """A campaign in the middle of its life, served."""
    with busy(tmp_path_factory.mktemp("busy") / "c") as served:
        yield served


@pytest.fixture(scope="session")
def pictures() -> Path | None:
    """Where screenshots for the documentation go; None where none were asked for."""
    if os.environ.get("PAIRTRAWL_WRITE_SCREENSHOTS") != "1":
        return None
    return Path(__file__).parents[4] / "docs" / "images"
