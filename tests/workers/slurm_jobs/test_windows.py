"""Windows and expressions: every slice is in one window, below the limit, and in the same one whatever the others are."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.errors import SettingsError
from workers.slurm_jobs.windows import Window, expression, parse_expression, shares, windows

SLICES = st.sets(st.integers(0, 5000), max_size=60)


@given(slices=SLICES, size=st.integers(1, 1001))
def test_windows_hold_every_slice_once_and_no_index_beyond_their_size(slices: set[int], size: int) -> None:
    found = windows(slices, size)
    assert [one for window in found for one in window.slices] == sorted(slices)
    assert all(0 <= index < size for window in found for index in window.indices)
    assert all(window.indices for window in found)


@given(slices=SLICES, others=SLICES, size=st.integers(1, 1001))
def test_a_slice_has_its_window_whatever_the_others_are(slices: set[int], others: set[int], size: int) -> None:
    alone = {one: window.offset for window in windows(slices, size) for one in window.slices}
    together = {one: window.offset for window in windows(slices | others, size) for one in window.slices}
    assert all(together[one] == offset for one, offset in alone.items())


@given(indices=st.sets(st.integers(0, 2000), min_size=1, max_size=50))
def test_an_expression_means_its_indices(indices: set[int]) -> None:
    assert parse_expression(expression(sorted(indices), 4)) == sorted(indices)


@pytest.mark.parametrize(
    ("indices", "at_once", "written"),
    [([0], None, "0"), ([0, 1, 2, 3], None, "0-3"), ([1, 2, 5, 6, 7, 9], 2, "1-2,5-7,9%2"), ([4, 0], None, "0,4")],
)
def test_expressions_are_short(indices: list[int], at_once: int | None, written: str) -> None:
    assert expression(indices, at_once) == written


@pytest.mark.parametrize(
    ("written", "indices"),
    [("[0-3,7%2]", [0, 1, 2, 3, 7]), ("0-8:4", [0, 4, 8]), ("5", [5]), ("[2-3]", [2, 3])],
)
def test_what_squeue_writes_is_understood(written: str, indices: list[int]) -> None:
    assert parse_expression(written) == indices


def test_tasks_beyond_max_array_size_go_into_further_windows() -> None:
    assert windows(range(2002), 1001) == [Window(0, tuple(range(1001))), Window(1001, tuple(range(1001)))]


@given(total=st.integers(1, 500), parts=st.integers(1, 500))
def test_shares_add_up_and_none_is_empty(total: int, parts: int) -> None:
    if total < parts:
        with pytest.raises(SettingsError, match=f"at least {parts}"):
            shares(total, parts)
    else:
        assert sum(shares(total, parts)) == total
        assert min(shares(total, parts)) >= 1
