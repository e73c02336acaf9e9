"""Counts add up, and stay added up when reports are merged."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.report import AccountingError, StageCount, chain, check, merge

REASONS = st.dictionaries(st.sampled_from(["timeout", "http_gone", "min_side", "duplicate"]), st.integers(0, 50))


def test_each_stage_finds_what_the_one_before_kept() -> None:
    stages = chain(10, [("fetch", {"timeout": 3}), ("decode", {"image_broken": 2})], kept=5)
    assert stages == (
        StageCount("fetch", 10, 7, {"timeout": 3}),
        StageCount("decode", 7, 5, {"image_broken": 2}),
    )


@pytest.mark.parametrize("kept", [4, 6])
def test_a_record_lost_or_counted_twice_is_our_bug_and_is_said(kept: int) -> None:
    with pytest.raises(AccountingError, match="10 found"):
        chain(10, [("fetch", {"timeout": 5})], kept=kept)


def test_a_stage_that_does_not_add_up_is_found() -> None:
    with pytest.raises(AccountingError, match="decode"):
        check([StageCount("fetch", 2, 1, {"timeout": 1}), StageCount("decode", 5, 5, {"image_broken": 1})])


@given(st.lists(st.tuples(REASONS, REASONS, st.integers(0, 100)), max_size=8))
def test_merged_reports_still_add_up(jobs: list[tuple[dict[str, int], dict[str, int], int]]) -> None:
    reports = [
        chain(kept + sum(one.values()) + sum(two.values()), [("fetch", one), ("decode", two)], kept=kept)
        for one, two, kept in jobs
    ]
    merged = merge(stage for report in reports for stage in report)
    check(merged)
    assert sum(stage.found for report in reports for stage in report) == sum(stage.found for stage in merged)
