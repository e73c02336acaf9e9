"""The doctor tells an absent optional part from a broken one."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from crawler.errors import MissingPackageError
from workers.checkup import _try


def absent() -> str:
    raise ImportError("no torch")


def absent_behind_a_border() -> str:
    try:
        return absent()
    except ImportError as error:
        raise MissingPackageError("needs torch") from error


def wrong() -> str:
    raise MissingPackageError("computes something else")


@pytest.mark.parametrize(
    ("look", "optional", "state"),
    [
        (lambda: "1.0", "", "works"),
        (absent, "clip", "absent"),
        (absent, "", "broken"),
        (absent_behind_a_border, "clip", "absent"),
        (wrong, "clip", "broken"),
    ],
)
def test_a_part_works_is_absent_or_is_broken(look: Callable[[], str], optional: str, state: str) -> None:
    assert _try("part", optional, look).state == state
