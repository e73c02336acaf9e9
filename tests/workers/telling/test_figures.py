"""Figures of a phase: rates over the last minute, a guess of what is left, and where the job under way is."""

from __future__ import annotations

from crawler.report import Spent
from tests.workers.telling.stories import a_report
from workers.telling.events import Passed, PhaseProgress
from workers.telling.figures import PhaseFigures, reached_of, rows_of


def figures(total: int | None = 1_000, **fields: int) -> PhaseFigures:
    return PhaseFigures("fetch", "pairs", total, 0.0, **fields)


def test_a_rate_is_that_of_the_last_minute() -> None:
    one = figures()
    for second in range(1, 101):
        one.advance(1)
        one.note(float(second))
    assert one.rate(100.0) == 1.0
    for second in range(101, 161):
        one.advance(9)
        one.note(float(second))
    assert 8.8 <= one.rate(160.0) <= 9.0
    told = one.told(PhaseProgress, 160.0)
    assert told.left_seconds is not None
    assert told.left_seconds == 40.0


def test_where_nothing_came_for_a_minute_the_whole_time_tells() -> None:
    one = figures()
    one.advance(100)
    for second in range(1, 101):
        one.note(float(second))
    assert one.rate(200.0) == 0.5


def test_the_end_is_foretold_when_a_hundredth_is_done_or_a_minute_has_passed() -> None:
    one = figures()
    one.advance(1)
    assert one.told(PhaseProgress, 5.0).left_seconds is None
    assert one.told(PhaseProgress, 100.0).left_seconds == 99_900.0
    one.advance(9)
    assert one.told(PhaseProgress, 5.0).left_seconds == 495.0
    unknown = figures(None)
    unknown.advance(500)
    assert unknown.told(PhaseProgress, 100.0).left_seconds is None


def test_stages_reasons_and_costs_are_those_of_jobs_that_ended() -> None:
    one = figures(jobs=3)
    one.job_ended(a_report(kept=30, http_gone=10))
    one.job_ended(a_report(kept=20, http_gone=5, timeout=15))
    one.job_ended(None)
    one.ended(7)
    told = one.told(PhaseProgress, 5.0)
    assert told.stages == (Passed("fetch", 80, 50),)
    assert (told.done, told.rows, told.kept, told.jobs_done, told.failed) == (87, 87, 50, 2, 1)
    assert told.reasons == {"http_gone": 15, "timeout": 15}
    assert told.spent == {"fetch": 4.0}


def test_where_the_job_under_way_is_its_costs_say() -> None:
    class Costs:
        def spent(self) -> tuple[Spent, ...]:
            return (
                Spent("filter bodies", "bodies.hash_removal", 90, 0.0, 0.0),
                Spent("decode", "", 80, 0.0, 0.0),
                Spent("prepare", "engine:tiny", 70, 0.0, 0.0),
                Spent("filter pictures", "engine:tiny", 64, 0.0, 0.0),
            )

    one = figures(total=250, rows_per_job=100)
    one.job_ended(a_report(kept=200))
    assert one.told(PhaseProgress, 1.0).under_way == {}
    one.watch(Costs())
    told = one.told(PhaseProgress, 1.0)
    assert (told.under_way, told.under_way_rows) == ({"fetched": 90, "decoded": 80, "scored": 64}, 50)
    one.job_ended(None)
    assert one.told(PhaseProgress, 1.0).under_way_rows == 0
    assert reached_of([Spent("decode", "", 5, 0.0, 0.0)]) == {"fetched": 5, "decoded": 5}


def test_rows_of_an_archive_are_its_candidates() -> None:
    assert rows_of(a_report(kept=4, kind="extract", no_text=3)) == 7
