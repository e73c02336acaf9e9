"""Results that all tests of this folder look at; none of them changes one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.workers.tracker.checking.made import Made, made


@pytest.fixture(scope="session")
def results(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Made]:
    with made(tmp_path_factory.mktemp("results")) as found:
        yield found
