from __future__ import annotations

from filters.candidates.text_length import TextLength
from tests.builders import a_candidate


def test_characters_are_code_points_and_not_bytes() -> None:
    candidates = [a_candidate(text) for text in ("", "boat", "boats", "船" * 4, "船" * 5, "x" * 2_000)]
    verdicts = TextLength().judge(candidates)
    assert [verdict.keep for verdict in verdicts] == [False, False, True, False, True, True]


def test_the_upper_bound_is_itself_allowed() -> None:
    verdicts = TextLength(min_characters=0, max_characters=3).judge([a_candidate(text) for text in ("", "abc", "abcd")])
    assert [verdict.keep for verdict in verdicts] == [True, True, False]
