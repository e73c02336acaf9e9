"""Arithmetic of waiting."""

from __future__ import annotations

import pickle
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime, formatdate
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from crawler.courtesy.etiquette import Clock, Etiquette, Pace, backoff_seconds, retry_after_seconds

NOON = 1_795_262_400.0


@given(st.text(), st.text(), st.floats(0, 1e11))
def test_any_text_is_a_wait_of_zero_or_more_seconds(value: str, date: str, now: float) -> None:
    assert retry_after_seconds(value, server_date=date, now=now) >= 0


@given(st.integers(0, 10**30))
def test_digits_are_seconds_and_never_overflow(seconds: int) -> None:
    asked = retry_after_seconds(f" {seconds} ", server_date="", now=NOON)
    assert asked == (seconds if seconds < 10**9 else float(str(seconds)[:9]))


@given(st.floats(1, 3e9), st.integers(-100, 10**6))
def test_a_date_is_counted_from_the_servers_date_or_from_now(start: float, ahead: int) -> None:
    start = float(int(start))
    until = formatdate(start + ahead, usegmt=True)
    assert retry_after_seconds(until, server_date=formatdate(start, usegmt=True), now=0) == max(0, ahead)
    assert retry_after_seconds(until, server_date="yesterday", now=start) == max(0, ahead)


def test_the_three_spellings_of_an_http_date_are_one_moment() -> None:
    spellings = ("Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994")
    assert {retry_after_seconds(text, server_date="", now=784_111_777 - 5) for text in spellings} == {5.0}


def test_a_date_in_another_zone_is_the_moment_it_names() -> None:
    there = datetime.fromtimestamp(NOON + 30, timezone(timedelta(hours=-5)))
    assert retry_after_seconds(format_datetime(there), server_date="", now=NOON) == 30


@given(st.integers(1, 10_000), st.floats(0, 1), st.floats(0.1, 10), st.floats(0.1, 1000))
def test_a_wait_is_never_shorter_than_the_spacing_nor_longer_than_the_longest(
    failures: int, chance: float, spacing: float, longest: float
) -> None:
    etiquette = Etiquette(spacing_seconds=spacing, longest_wait_seconds=longest)
    wait = backoff_seconds(failures, etiquette, lambda low, high: low + (high - low) * chance)
    assert spacing <= wait <= max(spacing, longest) * (1 + 1e-9)


@given(st.lists(st.floats(0, 5), min_size=1, max_size=20), st.floats(0.1, 3))
def test_starts_are_never_closer_than_the_spacing(idle: list[float], spacing: float) -> None:
    now, starts, pace = [NOON], list[float](), Pace()

    def sleep(seconds: float) -> None:
        now[0] += seconds

    for seconds in idle:
        now[0] += seconds
        pace.wait(spacing, Clock(lambda: now[0], lambda: now[0], sleep, min))
        starts.append(now[0])
    assert starts[0] == NOON + idle[0], "the first does not wait"
    assert all(later - earlier >= spacing - 1e-6 for earlier, later in pairwise(starts))


def test_chance_lies_in_its_range() -> None:
    assert all(1 <= Clock().uniform(1, 2) <= 2 for _ in range(100))


def test_an_etiquette_travels_to_other_processes() -> None:
    etiquette = Etiquette(contact="mailto:crawl@lab.test")
    assert pickle.loads(pickle.dumps(etiquette)) == etiquette
    assert etiquette.identity == "pairtrawl/0.1 (+mailto:crawl@lab.test)"
    assert Etiquette().identity == "pairtrawl/0.1"
