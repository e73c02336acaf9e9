"""Questions with known answers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.settings import Recipe
from workers.home.known_answers import KNOWN
from workers.home.selftest import answers
from workers.protocol.answers import wrong

SCORES = {"score/tiny float32/right/0": "0.700241", "score/tiny bfloat16/right/0": "0.500000"}


def test_this_machine_knows_the_known_answers() -> None:
    found = answers(Recipe(), models=False)
    assert set(found) == set(KNOWN)
    assert wrong(found, KNOWN) == []


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("size/alpha.png", "128x127"),
        ("size/bomb.png", "20000x20000"),
        ("parse/sha256", "0" * 64),
        ("phash/alpha.png", "0" * 16),
        ("phash/alpha.png", "ba92"),
        ("phash/alpha.png", "no hash of any"),
        ("pdq/alpha.png", "0" * 64),
    ],
)
def test_another_answer_is_a_wrong_one(name: str, answer: str) -> None:
    assert wrong(KNOWN | {name: answer}, KNOWN) == [name]


def test_a_hash_may_differ_by_a_bit() -> None:
    other = f"{int(KNOWN['phash/alpha.png'], 16) ^ 1:016x}"
    assert wrong(KNOWN | {"phash/alpha.png": other}, KNOWN) == []


@pytest.mark.parametrize(
    ("name", "answer", "right"),
    [
        ("score/tiny float32/right/0", "0.7015", True),
        ("score/tiny float32/right/0", "0.7050", False),
        ("score/tiny float32/right/0", "2.53", False),
        ("score/tiny float32/right/0", "nan", False),
        ("score/tiny float32/right/0", "inf", False),
        ("score/tiny float32/right/0", "", False),
        ("score/tiny bfloat16/right/0", "0.5080", True),
        ("score/tiny bfloat16/right/0", "0.5200", False),
    ],
)
def test_scores_agree_within_a_tolerance(name: str, answer: str, right: bool) -> None:
    assert wrong(SCORES | {name: answer}, SCORES) == ([] if right else [name])


def test_a_machine_without_models_is_asked_nothing_of_them_and_one_with_models_all() -> None:
    assert wrong(KNOWN, KNOWN | SCORES) == []
    assert len(wrong(KNOWN | {"score/tiny float32/right/0": "0.7"}, KNOWN | SCORES)) == 1


@given(st.dictionaries(st.sampled_from(sorted(KNOWN | SCORES)), st.text()))
def test_no_answer_makes_it_stumble(given_answers: dict[str, str]) -> None:
    assert set(wrong(given_answers, KNOWN | SCORES)) <= set(KNOWN | SCORES)
