"""What a volunteer does next, given how it stands."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.home.deciding import AskForWork, EndNow, Situation, WaitFor, may_finish, what_next
from workers.home.machine import KEEP_FREE_BYTES, Capacity

GB = 10**9
NEEDS = {"extract": 2 * GB, "fetch": GB, "score": GB, "crawl": GB}
FREE = Situation(
    running=(), kept=0, spool_bytes=0, free_bytes=500 * GB, in_hours=True, ask_in=0, jobs_left=None, asked_before=False,
    ending=False,
)  # fmt: skip
FOUR = Capacity(("extract", "crawl"), 4, 4, (0, 1, 2, 3), 1, 2**32, 100 * GB)


def test_a_free_machine_asks_for_all_that_it_can_do() -> None:
    assert what_next(FREE, FOUR, NEEDS) == AskForWork(("extract", "crawl"), 1)


def test_a_machine_that_fetches_asks_for_others_only() -> None:
    now = replace(FREE, running=("crawl",))
    assert what_next(now, FOUR, NEEDS) == AskForWork(("extract",), 3)


def test_a_busy_machine_waits() -> None:
    now = replace(FREE, running=("crawl", "extract", "extract", "extract"))
    assert isinstance(what_next(now, FOUR, NEEDS), WaitFor)


def test_work_that_is_not_delivered_yet_does_not_hold_up_asking() -> None:
    assert isinstance(what_next(replace(FREE, kept=50, spool_bytes=50 * GB), FOUR, NEEDS), AskForWork)


@pytest.mark.parametrize(
    "full", [replace(FREE, spool_bytes=100 * GB), replace(FREE, free_bytes=GB), replace(FREE, spool_bytes=99 * GB + 1)]
)
def test_no_lease_is_taken_that_could_not_be_spooled(full: Situation) -> None:
    # invariant 12
    told = what_next(full, FOUR, NEEDS)
    assert isinstance(told, WaitFor)
    assert "the spool is full" in told.why


def test_a_small_room_is_for_small_jobs() -> None:
    now = replace(FREE, free_bytes=KEEP_FREE_BYTES + GB)
    assert what_next(now, FOUR, NEEDS) == AskForWork(("crawl",), 1)


def test_outside_of_its_hours_no_job_is_begun_and_those_that_run_go_on() -> None:
    told = what_next(replace(FREE, in_hours=False, kept=1, running=("extract",)), FOUR, NEEDS)
    assert isinstance(told, WaitFor)
    assert "--hours" in told.why


def test_a_request_that_was_perhaps_sent_is_sent_again_first() -> None:
    assert isinstance(what_next(replace(FREE, asked_before=True, running=("crawl",) * 4), FOUR, NEEDS), AskForWork)


@pytest.mark.parametrize("done", [replace(FREE, ending=True), replace(FREE, jobs_left=0)])
def test_the_end_is_when_nothing_is_kept(done: Situation) -> None:
    assert what_next(done, FOUR, NEEDS) == EndNow()
    assert isinstance(what_next(replace(done, kept=1), FOUR, NEEDS), WaitFor)


def test_the_last_jobs_are_not_overdrawn() -> None:
    extract_only = replace(FOUR, kinds=("extract",))
    assert what_next(replace(FREE, jobs_left=2), extract_only, NEEDS) == AskForWork(("extract",), 2)


@given(
    running=st.lists(st.sampled_from(sorted(NEEDS)), max_size=8), spool=st.integers(0, 200 * GB),
    free=st.integers(0, 200 * GB), at_once=st.integers(1, 8), left=st.none() | st.integers(0, 9),
)  # fmt: skip
def test_whatever_is_asked_for_fits(running: list[str], spool: int, free: int, at_once: int, left: int | None) -> None:
    capacity = Capacity(("extract", "fetch", "score", "crawl"), at_once, at_once, (0,), 1, 2**32, 100 * GB)
    now = replace(FREE, running=tuple(running), kept=len(running), spool_bytes=spool, free_bytes=free, jobs_left=left)
    told = what_next(now, capacity, NEEDS)
    if isinstance(told, AskForWork):
        assert len(running) + told.most <= at_once
        assert left is None or told.most <= left
        for kind in told.kinds:
            assert told.most <= capacity.room_for(kind, running)
            grown = sum(NEEDS[one] for one in running) + told.most * NEEDS[kind]
            assert spool + grown <= capacity.spool_bytes
            assert grown + KEEP_FREE_BYTES <= free
        assert not {"fetch", "crawl"} & set(told.kinds) or not {"fetch", "crawl"} & set(running)


@pytest.mark.parametrize(
    ("done", "total", "seconds", "may"),
    [(90, 100, 500, True), (10, 100, 500, False), (0, 100, 500, True), (5, 0, 500, True), (100, 100, 9_999, True)],
)
def test_a_job_may_finish_that_ends_within_a_minute(done: int, total: int, seconds: float, may: bool) -> None:
    assert may_finish(done, total, seconds) is may
