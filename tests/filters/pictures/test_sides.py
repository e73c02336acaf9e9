from __future__ import annotations

from filters.pictures.aspect import Aspect
from filters.pictures.min_side import MinSide
from tests.builders import a_picture


def test_the_shorter_side_decides() -> None:
    verdicts = MinSide(64).judge([a_picture(size) for size in ((64, 64), (63, 900), (900, 63), (64, 900))])
    assert [verdict.keep for verdict in verdicts] == [True, False, False, True]


def test_the_ratio_counts_lying_and_standing_and_is_itself_allowed() -> None:
    verdicts = Aspect(3).judge([a_picture(size) for size in ((30, 10), (31, 10), (10, 30), (10, 31), (1, 1))])
    assert [verdict.keep for verdict in verdicts] == [True, False, True, False, True]
