"""Time is cut into few round buckets, and pauses are where nobody was at work."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.report.times import bucket_seconds, sittings_of
from workers.telling.events import Event, RunBegan, RunEnded, Said

TEN = datetime(2026, 1, 1, 10, tzinfo=UTC)


def began(minute: float, part: str = "") -> RunBegan:
    at = TEN + timedelta(minutes=minute)
    return RunBegan(
        at=at, name="boats", verb="crawl", place="local", inputs=1, version="0", host="h", process=1, slice=part
    )


def ended(minute: float, why: str = "", code: int = 0) -> RunEnded:
    return RunEnded(at=TEN + timedelta(minutes=minute), exit_code=code, seconds=1.0, stopped=why)


def said(minute: float) -> Said:
    return Said(at=TEN + timedelta(minutes=minute), text="a line")


@given(st.integers(0, 4 * 10**9), st.integers(0, 4 * 10**9))
def test_buckets_are_few_and_no_shorter_ones_would_do(one: int, other: int) -> None:
    first, last = sorted((one, other))
    seconds = bucket_seconds(first, last)
    assert last // seconds - first // seconds < 120
    if seconds > 86_400:
        shorter = seconds - 86_400
        assert last // shorter - first // shorter >= 120 or last - first > 118 * shorter


@pytest.mark.parametrize(("span", "seconds"), [(0, 1), (100, 1), (3_600, 60), (40_000, 600), (86_400 * 10, 10_800)])
def test_buckets_have_lengths_that_people_can_read(span: int, seconds: int) -> None:
    assert bucket_seconds(1_767_225_600, 1_767_225_600 + span) == seconds


@pytest.mark.parametrize(
    ("events", "pauses"),
    [
        ([began(0), ended(5), began(15), ended(16)], [("2026-01-01T10:05:00Z", 600, "ended")]),
        ([began(0), ended(5, "interrupted"), began(6)], [("2026-01-01T10:05:00Z", 60, "interrupted")]),
        ([began(0), ended(5, code=1), began(6)], [("2026-01-01T10:05:00Z", 60, "failed")]),
        ([began(0), said(3), began(10)], [("2026-01-01T10:03:00Z", 420, "killed")]),
        ([began(0, "0/2"), began(0, "1/2"), ended(5), said(9), began(9, "0/2"), ended(12), ended(13)], []),
        ([began(0)], []),
        ([], []),
    ],
)
def test_a_pause_is_where_nobody_was_at_work(events: list[Event], pauses: list[tuple[str, int, str]]) -> None:
    told = sittings_of(events)
    assert [tuple(one.values()) for one in told.get("pauses", [])] == pauses
    assert len(told.get("sittings", [])) == sum(isinstance(one, RunBegan) for one in events)
