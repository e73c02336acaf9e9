"""A publisher's keys and an empty store, for all tests of this folder that ask for them."""

from __future__ import annotations

from pathlib import Path

import pytest

from crawler.dataset.keys import Keys
from crawler.dataset.store import Store
from tests.dataset_versions import a_keys, a_store


@pytest.fixture
def keys(tmp_path: Path) -> Keys:
    """The publisher's."""
    return a_keys(tmp_path / "keys")


@pytest.fixture
def store(tmp_path: Path, keys: Keys) -> Store:
    """A store without versions."""
    return a_store(tmp_path / "store", keys)
