from __future__ import annotations

import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.errors import SettingsError
from crawler.records import Candidate, Caption, TextSource, Verdict
from filters.keywords import keywords
from filters.unsafe_rule import UnsafeRule, unsafe_rule
from tests.builders import a_candidate

WORDS = keywords("kid", "child")
ALL = UnsafeRule(1.0)
RESEARCH = UnsafeRule(1.0, 0.95, WORDS)
RESEARCH_SAFE = UnsafeRule(0.45, 0.95, WORDS)

probabilities = st.floats(0, 1) | st.sampled_from([0.0, 0.45, 0.4500001, 0.95, 0.9500001, 1.0])
captions = st.text(max_size=40) | st.sampled_from(["a kid", "a kidney", "Child at sea", "chi\u200bld", "a boat"])


@given(probabilities, captions)
def test_research_safe_is_a_subset_of_research_and_that_of_all(probability: float, caption: str) -> None:
    # Re-LAION-5B (safety.md 1.1)
    candidate = a_candidate(caption)
    in_safe, in_research, in_all = (rule.keeps(probability, candidate) for rule in (RESEARCH_SAFE, RESEARCH, ALL))
    assert in_safe <= in_research <= in_all
    assert in_all
    assert in_research == (not (probability > 0.95 and WORDS.hits(caption)))
    assert in_safe == (in_research and not probability > 0.45)


CASES: list[tuple[float, str, bool, bool]] = [
    (0.95, "a child", True, False),
    (0.96, "a child", False, False),
    (0.96, "a boat", True, False),
    (0.96, "a kidney", True, False),
    (0.99, "a CHI\u200bLD", False, False),
    (1.0, "a boat", True, False),
    (0.46, "a boat", True, False),
    (0.45, "a child", True, True),
    (0.0, "a child", True, True),
]


@pytest.mark.parametrize(("probability", "caption", "research", "safe"), CASES)
def test_the_two_releases_draw_their_lines_where_the_blog_says(
    probability: float, caption: str, research: bool, safe: bool
) -> None:
    candidate = a_candidate(caption)
    assert (RESEARCH.keeps(probability, candidate), RESEARCH_SAFE.keeps(probability, candidate)) == (research, safe)


def test_a_word_in_any_caption_of_the_picture_counts() -> None:
    candidate: Candidate = a_candidate("a boat", other_captions=(Caption(TextSource.TITLE, "a child in a boat"),))
    assert not RESEARCH.keeps(0.96, candidate)


def test_the_score_is_kept_whichever_way_the_verdict_falls() -> None:
    rule = UnsafeRule(0.5)
    assert rule.verdict(0.5, a_candidate(), "punsafe") == Verdict(True, 0.5, "punsafe 0.5000")
    assert rule.verdict(0.75, a_candidate(), "punsafe", ", flag") == Verdict(False, 0.75, "punsafe 0.7500, flag")


def test_a_picture_without_a_number_was_not_found_safe() -> None:
    assert ALL.verdict(math.nan, a_candidate(), "punsafe") == Verdict(False, None, "the model gave no number")


def test_one_half_of_the_keyword_rule_is_a_mistake_and_not_a_rule_that_never_fires(tmp_path: Path) -> None:
    (tmp_path / "words.txt").write_text("kid\nchild\n")
    with pytest.raises(SettingsError, match="keywords: needs keyword_threshold"):
        unsafe_rule(0.5, None, "words.txt", tmp_path)
    with pytest.raises(SettingsError, match="keyword_threshold: needs keywords"):
        unsafe_rule(0.5, 0.95, (), tmp_path)
    assert unsafe_rule(1.0, 0.95, "words.txt", tmp_path) == RESEARCH
    assert unsafe_rule(0.45, None, (), tmp_path) == UnsafeRule(0.45)


def test_a_word_list_that_is_missing_ends_the_run_before_it_begins(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"words\.txt"):
        unsafe_rule(1.0, 0.95, "words.txt", tmp_path)


def test_the_words_of_a_list_show_nowhere(tmp_path: Path) -> None:
    (tmp_path / "words.txt").write_text("kid\n")
    rule = unsafe_rule(0.5, 0.9, "words.txt", tmp_path)
    assert "kid" not in repr(rule)
    assert rule.verdict(0.95, a_candidate("a kid"), "punsafe").detail == "punsafe 0.9500"
