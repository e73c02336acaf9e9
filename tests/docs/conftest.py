"""What pages share in one session of tests: the demo's web, and a run with scores."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.docs.shared import Shared
from workers.demo.web import demo_web


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shared]:
    """Nothing in it is made before a page asks for it."""
    with demo_web() as web:
        yield Shared(tmp_path_factory.mktemp("shared"), web)
