from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filters.candidates.alphanumeric import Alphanumeric, share_of_letters
from tests.builders import a_candidate

SHARES = [
    ("boat", 1), ("a b  c", 1), ("4711", 1), ("ab!?", 0.5), ("_-_", 0), ("", 0), ("  ", 0), ("😀", 0), ("😀 boat", 0.8),
    ("赤い船。", 0.75), ("Ünïcödé", 1), ("u\u0308ber", 1), ("बच्चा है", 1), ("เด็ก", 1), ("٤٧", 1), ("\x00a", 0.5),
]  # fmt: skip


@pytest.mark.parametrize(("text", "share"), SHARES)
def test_the_share_of_letters_and_digits(text: str, share: float) -> None:
    assert share_of_letters(text) == pytest.approx(share)


@given(st.text())
def test_a_share_is_between_0_and_1(text: str) -> None:
    assert 0 <= share_of_letters(text) <= 1


def test_the_least_share_is_itself_allowed() -> None:
    verdicts = Alphanumeric(min_share=0.5).judge([a_candidate(text) for text in ("ab!?", "ab!?.", "boat")])
    assert [verdict.keep for verdict in verdicts] == [True, False, True]
