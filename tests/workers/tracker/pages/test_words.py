"""Numbers and estimates as people read them."""

from __future__ import annotations

import re
from importlib.resources import files

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.tracker.moves.figure_records import Checked, Overview, Rate
from workers.tracker.pages.checks import checks_of
from workers.tracker.pages.estimate import estimate
from workers.tracker.pages.stages import stages_of
from workers.tracker.pages.words import (
    KINDS,
    LEASE_STATES,
    RESULT_STATES,
    SHARES,
    WORKER_STATES,
    duration,
    problems,
    share,
)
from workers.tracker.states import JobState, LeaseState, ResultState, WorkerState

HOUR = 3_600.0


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "less than a minute"),
        (59, "1 minute"),
        (3_600, "1 hour"),
        (100_000, "28 hours"),
        (200_000, "2 days"),
        (9e7, "3 years"),
    ],
)
def test_a_stretch_of_time_has_one_unit(seconds: float, words: str) -> None:
    assert duration(seconds) == words


@given(st.integers(0, 10**12), st.integers(0, 10**12))
def test_a_share_is_all_only_when_it_is(part: int, whole: int) -> None:
    told = share(part, whole)
    assert (told == "100 %") == (0 < whole <= part)
    assert float(re.findall(r"[\d.]+", told)[0]) <= 100


def some_rates(jobs: list[int]) -> list[Rate]:
    return [Rate(hour * HOUR, HOUR, many, many * 100) for hour, many in enumerate(jobs)]


def test_an_estimate_says_how_little_it_knows() -> None:
    found = estimate(1_000, some_rates([100] * 24), 24 * HOUR)
    assert found is not None
    assert found.likely == pytest.approx(10 * HOUR)
    assert found.soonest < found.likely < found.latest
    slowing = estimate(1_000, some_rates([100] * 18 + [10] * 6), 24 * HOUR)
    assert slowing is not None
    assert slowing.latest > 100 * HOUR  # the last hours say so


def test_nothing_is_said_of_too_few_jobs_and_all_is_done_at_once() -> None:
    assert estimate(100, some_rates([3, 3, 3]), 3 * HOUR) is None
    assert estimate(100, [], 0.0) is None
    done = estimate(0, [], 0.0)
    assert done is not None
    assert done.latest == 0


@given(st.integers(0, 10**7), st.lists(st.integers(-1_000, 10**6), max_size=30))
def test_an_estimate_is_in_order_whatever_was_taken_back(left: int, jobs: list[int]) -> None:
    found = estimate(left, some_rates(jobs), len(jobs) * HOUR)
    if found is not None:
        assert 0 <= found.soonest <= found.latest


def test_every_state_has_words() -> None:
    assert set(WORKER_STATES) == set(WorkerState)
    assert set(RESULT_STATES) == set(ResultState)
    assert set(LEASE_STATES) == set(LeaseState)
    assert {state for _, _, some in SHARES for state in some} == set(JobState) - {JobState.CANCELLED}


def test_problems_are_kinds_and_unknown_ones_are_not_told() -> None:
    told = problems({"poisoned": 2, "outage": 1, "somebody's host is bad.example": 9, "expired": 0})
    assert told == [
        (2, "jobs were set aside after several failures"),
        (1, "break of the tracker, which cost nobody a job"),
    ]


def test_checks_are_told_as_sentences_and_known_answers_only_among_others() -> None:
    found = checks_of(
        [Checked("parse", 3_000, 12, 30, 0, 0), Checked("gold", 1, 0, 1, 0, 0), Checked("replica", 40, 0, 1, 0, 0)]
    )
    assert [one.words for one in found] == [
        "12 of 3,000 rows compared with the archive", "none of 41 jobs and rows compared with what others found",
    ]  # fmt: skip


def test_the_map_counts_each_job_once_and_never_over_all() -> None:
    # invariant 28: distinct jobs, not results
    jobs = {"extract": dict.fromkeys(JobState, 7), "fetch": {JobState.READY: 3}}
    seen = Overview(jobs, 14, 100, 10, 5, 50, 1, 1, 1, 1)
    cards = {one.name: one for one in stages_of(seen, ("extract", "fetch", "score"))}
    assert list(cards) == ["Extract", "Plan", "Fetch", "Score", "Data set"]
    assert (cards["Extract"].done, cards["Extract"].total) == (14, 49)
    assert sum(many for _, _, many in cards["Extract"].parts) == 49
    assert cards["Plan"].text == "Made: 3 tables of addresses."
    assert cards["Score"].total == 0
    assert seen.done_jobs <= seen.total_jobs
    assert list(KINDS) == ["extract", "fetch", "score", "crawl"]


def _luminance(colour: str) -> float:
    full = colour if len(colour) == 7 else "#" + "".join(2 * one for one in colour[1:])
    parts = [int(full[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [one / 12.92 if one <= 0.03928 else ((one + 0.055) / 1.055) ** 2.4 for one in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_text_stands_out_from_its_ground_in_light_and_dark() -> None:
    # WCAG 2.1, 1.4.3: 4.5 to 1
    themes: list[dict[str, str]] = [{}, {}]
    for package, name in (("workers.report.drawn", "page.css"), ("workers.tracker.pages", "tracker.css")):
        text = files(package).joinpath(name).read_text()
        for theme, block in zip(themes, re.findall(r":root \{(.*?)\}", text, re.DOTALL)[:2], strict=True):
            theme |= dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{3,6})", block))
    for theme in themes:
        for ink, ground in [(a, b) for a in ("ink", "soft", "link", "kept", "bad") for b in ("ground", "card")] + [
            ("warn", "warn-ground")
        ]:
            light, dark = sorted((_luminance(theme[ink]), _luminance(theme[ground])), reverse=True)
            assert (light + 0.05) / (dark + 0.05) >= 4.5, (ink, ground)
