"""What a data set costs: the arithmetic of benchmarks/costs.py, and that its page is what was kept says."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.contest import history
from benchmarks.costing import growth
from benchmarks.costing.bill import a_month, lines, on_gpu
from benchmarks.costing.fit import RowBytes, breaks, power
from benchmarks.costing.fit import growth as growth_of
from benchmarks.costing.funnels import funnels
from benchmarks.costing.growth import Point
from benchmarks.costing.page import PAGE, markdown
from benchmarks.costing.prices import Prices
from benchmarks.costing.units import units
from benchmarks.supercomputer.assumptions import Assumptions, read_measured

MEASURED, ASSUMED, PRICES = read_measured(), Assumptions(), Prices()


def a_point(stage: str, rows: int, cpu: float, disk: int = 1_000) -> Point:
    return Point(stage, rows, cpu, cpu, 1_000_000, disk, "2026-11-22", "a machine, load 1")


def a_contest(stage: str, case: str, sides: dict[str, float], **inputs: Any) -> dict[str, Any]:
    return {
        "stage": stage, "case": case, "when": "2026-11-22T10:00:00Z", "inputs": inputs,
        "sides": [{"name": name, "role": "ours" if "pairtrawl" in name else "peer", "cpu": [3 + seconds * 10] * 3,
                   "start_cpu": [3.0], "units": [10] * 3} for name, seconds in sides.items()],
    }  # fmt: skip


def test_the_page_of_costs_is_what_was_kept() -> None:
    kept, points = history.read(), growth.read()
    assert PAGE.read_text() == markdown(kept, points, MEASURED, ASSUMED, PRICES), "renew: python benchmarks/costs.py"


@given(st.floats(0.5, 2), st.floats(1e-6, 10), st.integers(1, 6))
def test_a_power_is_found_again_and_goes_through_its_largest_point(exponent: float, each: float, steps: int) -> None:
    sizes = [10.0**step for step in range(4, 5 + steps)]
    found = power(sizes, [each * size**exponent for size in sizes])
    assert found.exponent == pytest.approx(exponent)
    assert found.at(sizes[-1]) == pytest.approx(each * sizes[-1] ** exponent)
    assert found.at(1e10) == pytest.approx(each * 1e10**exponent, rel=1e-6)


def test_one_point_is_no_growth() -> None:
    assert growth_of([a_point("plan", 1_000_000, 9)], "plan") is None
    with pytest.raises(ValueError, match="two of each"):
        power([1], [1])


def test_a_stage_that_looks_at_each_row_does_not_grow_slower_than_they_do() -> None:
    """Its start hides what a row costs where there are few."""
    found = growth_of([a_point("report", 100_000, 3), a_point("report", 1_000_000, 8)], "report")
    assert found is not None
    assert found.cpu.at(10_000_000) == pytest.approx(80)


def test_what_ends_first_comes_first_and_a_plan_twice_as_fast_lasts_twice_as_long() -> None:
    def ends(cpu: float) -> dict[str, float]:
        plan = growth_of([a_point("plan", 10**6, cpu / 10), a_point("plan", 10**7, cpu)], "plan")
        assert plan is not None
        found = breaks([plan], RowBytes(170, 36_000, 5_700), 20_000, ASSUMED)
        assert [one.rows for one in found] == sorted(one.rows for one in found)
        return {one.what: one.rows for one in found}

    assert ends(50)["time of the plan"] == pytest.approx(2 * ends(100)["time of the plan"])
    assert ends(100)["disk for raw shards"] == pytest.approx(90e12 / 36_000)


def test_the_newest_contests_say_what_a_piece_costs_without_the_start() -> None:
    kept = [
        a_contest("clip", "ViT-B-32, CPU", {"pairtrawl": 0.5}),
        a_contest("clip", "ViT-B-32, CPU", {"pairtrawl": 0.1, "clip-retrieval": 0.9}),
        a_contest("wat", "real-pages", {"pairtrawl, with the candidate table written": 0.02},
                  **{"bytes": 10, "bytes unpacked": 40}),
        a_contest("download", "fetching alone, http, 400 x 300", {"pairtrawl's wire": 0.001}),
        a_contest("download", "http, 400 x 300", {"pairtrawl rebuild": 0.005, "img2dataset": 0.03}),
        a_contest("download", "https, 400 x 300", {"pairtrawl rebuild": 0.006}),
        a_contest("lookups", "PDQ like real ones, 10,000,000", {"pairtrawl, 16 forms at once": 0.001}),
    ]  # fmt: skip
    found = units(kept, [a_point("plan", 10**6, 9), a_point("plan", 10**7, 120)], MEASURED, ASSUMED)
    assert found.clip.seconds == pytest.approx(0.1)
    assert found.clip.source == "contest clip, ViT-B-32, CPU, 2026-11-22"
    assert found.extract.seconds == pytest.approx(0.08)  # of a compressed megabyte
    assert found.tls.seconds == pytest.approx(0.001)
    assert found.look_ups.seconds == pytest.approx(0.016)
    assert found.plan.seconds == pytest.approx(12)
    # no contest of pictures: the wire is not known apart, and what was measured before stands
    assert found.wire.seconds == MEASURED.fetch_cpu_seconds_per_failure


def test_nothing_is_lost_on_the_way_from_pieces_to_a_bill() -> None:
    cost = units([], [a_point("plan", 10**6, 9), a_point("pictures", 1_000, 20)], MEASURED, ASSUMED)
    for run in funnels(ASSUMED, MEASURED.shard_bytes_per_pair):
        once, twice = lines(run, cost, MEASURED), lines(run.of(2 * run.pairs), cost, MEASURED)
        assert sum(one.euros(PRICES) for one in twice) == pytest.approx(2 * sum(one.euros(PRICES) for one in once))
        assert sum(one.bytes_in for one in once) > run.pictures * run.body_bytes
        assert sum(one.bytes_written for one in once) > run.pairs * run.shard_bytes


def test_a_month_has_the_files_of_a_month_and_a_gpu_takes_the_arithmetic_off_the_cores() -> None:
    cost = units([], [], MEASURED, ASSUMED)
    month = a_month(funnels(ASSUMED, MEASURED.shard_bytes_per_pair)[0], ASSUMED)
    assert month.archive_bytes == pytest.approx(90_000 * 375e6)
    assert month.candidates == pytest.approx(90_000 * 17_600)
    scoring = next(one for one in lines(month, cost, MEASURED) if "CLIP" in one.stage)
    instead = on_gpu(scoring, MEASURED, ASSUMED)
    assert instead.seconds < scoring.seconds
    assert instead.gpu_hours == pytest.approx(month.pictures / 1_800 / 3_600)


def test_a_page_can_be_made_of_nothing() -> None:
    assert "## A month of Common Crawl" in markdown([], [], MEASURED, ASSUMED, PRICES)
