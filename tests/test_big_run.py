import math
import os
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.big_run import with_settings
from benchmarks.named_cases import Ran, read_report, told_of
from benchmarks.supercomputer.assumptions import MEASURED_HERE, Assumptions, Measured, read_measured
from benchmarks.supercomputer.breaking import Load, loads
from benchmarks.supercomputer.clocking import steady
from benchmarks.supercomputer.host_lines import Lines, by_host, by_job
from benchmarks.supercomputer.hpc_cases import CASES
from benchmarks.supercomputer.quotas import CANDIDATE_FILES, SHARD_FILES, Cut, heaps, jobs_of, judge, recommend
from benchmarks.supercomputer.stages import (
    Nodes,
    polite_hours,
    rows_per_second,
    rows_under_cap,
    stages,
    volume,
)

ASSUMED = Assumptions()
MEASURED = Measured(
    machine="a machine of a test",
    pictures="none",
    extract_cpu_seconds_per_megabyte=0.2,
    candidate_bytes_per_row=80.0,
    plan_cpu_seconds_per_million_rows=16.0,
    plan_spill_bytes_per_row=170.0,
    fetch_cpu_seconds_per_picture=0.03,
    fetch_cpu_seconds_per_failure=0.002,
    score_cpu_seconds_per_picture=0.01,
    raw_bytes_per_picture=48e3,
    shard_bytes_per_pair=53e3,
    shard_bytes_per_rejected=150.0,
    marker_seconds=2e-4,
)
LAION_5B = volume(5.85e9, ASSUMED)
FEW = Lines(sites=1_000, rows_per_job=500, rows_per_second=10.0, jobs=8)


def test_every_assumption_says_where_it_comes_from() -> None:
    for name, _, source in ASSUMED.rows():
        assert len(source) > 10, name


def test_what_was_measured_here_can_be_read() -> None:
    assert read_measured(MEASURED_HERE).fetch_cpu_seconds_per_picture > 0


def test_a_measurement_that_lacks_a_figure_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "measured.json"
    path.write_text('{"machine": "x", "pictures": "y"}')
    with pytest.raises(ValueError, match=r"measured\.json.*extract_cpu_seconds_per_megabyte.*per_job"):
        read_measured(path)


def test_an_assumption_can_be_set_and_a_misspelt_one_is_refused() -> None:
    assert with_settings(ASSUMED, ["sites=5"]).sites == 5
    with pytest.raises(SystemExit, match="there is no `site`"):
        with_settings(ASSUMED, ["site=5"])
    with pytest.raises(SystemExit, match="NAME=NUMBER"):
        with_settings(ASSUMED, ["sites=many"])


# --- how much there is


@given(st.floats(1, 1e12))
def test_archives_lead_to_the_pairs_that_were_asked_for(pairs: float) -> None:
    has = volume(pairs, ASSUMED)
    candidates = has.archives * ASSUMED.candidates_per_archive
    kept = candidates * ASSUMED.unique_share * ASSUMED.asked_share * ASSUMED.success_share * ASSUMED.kept_share
    assert kept == pytest.approx(pairs)
    assert has.candidates >= has.rows >= has.pictures >= has.pairs


def test_a_rebuild_reads_no_archives_and_keeps_what_is_there() -> None:
    has = volume(1e6, ASSUMED, "rebuild")
    assert (has.archives, has.pictures) == (0, 1e6)
    assert has.rows == pytest.approx(1e6 / (0.9 * 0.55))


def test_no_pairs_are_no_run() -> None:
    with pytest.raises(ValueError, match="0 pairs"):
        volume(0, ASSUMED)


# --- how long it takes


@given(st.integers(1, 2_000), st.integers(1, 8))
def test_more_nodes_never_take_longer_and_the_bottleneck_is_the_slowest(islands: int, nodes: int) -> None:
    few = stages(LAION_5B, Nodes(islands, nodes), ASSUMED, MEASURED)
    many = stages(LAION_5B, Nodes(islands + 1, nodes), ASSUMED, MEASURED)
    for one, more in zip(few, many, strict=True):
        assert more.wall_hours <= one.wall_hours * (1 + 1e-9)
        assert one.hours[one.bottleneck] == one.wall_hours == max(one.hours.values())


def test_beyond_the_way_out_of_the_site_more_nodes_do_not_help() -> None:
    (fetch,) = (one for one in stages(LAION_5B, Nodes(1_000), ASSUMED, MEASURED) if one.name == "fetch")
    bytes_asked = LAION_5B.rows * ASSUMED.asked_share * ASSUMED.body_bytes
    assert fetch.hours["site's network"] == pytest.approx(bytes_asked / ASSUMED.site_bytes_per_second / 3600)


def test_gpu_hours_are_pictures_over_what_a_gpu_does() -> None:
    score = stages(LAION_5B, Nodes(1), ASSUMED, MEASURED)[-1]
    assert score.gpu_hours == pytest.approx(LAION_5B.pictures / 1_800 / 3600)


def test_an_island_is_as_fast_as_its_cores_or_its_network() -> None:
    slow_network = replace(ASSUMED, node_bytes_per_second=1.0)
    assert rows_per_second(Nodes(1), slow_network, MEASURED, LAION_5B) == pytest.approx(1 / (0.9 * 109e3))
    fast = replace(ASSUMED, node_bytes_per_second=math.inf)
    one, two = (rows_per_second(Nodes(nodes), fast, MEASURED, LAION_5B) for nodes in (1, 2))
    assert two == pytest.approx(2 * one)


def test_a_single_site_is_asked_once_a_second() -> None:
    one_site = replace(ASSUMED, sites=1)
    assert polite_hours(36_000, one_site, 1.0) == pytest.approx(10)
    assert polite_hours(36_000, one_site, 0.5) == pytest.approx(5)


def test_sites_of_equal_size_are_asked_side_by_side() -> None:
    equal = replace(ASSUMED, sites=100, zipf_exponent=0)
    assert polite_hours(100 * 7_200, equal, 1.0) == pytest.approx(2)


@given(st.floats(0, 2), st.integers(1, 10**6))
def test_a_cap_leaves_fewer_rows_and_bounds_the_time(exponent: float, cap: int) -> None:
    web = replace(ASSUMED, sites=1e5, zipf_exponent=exponent)
    assert rows_under_cap(1e9, web, cap) <= 1e9 * (1 + 1e-9)
    assert rows_under_cap(1e9, web, 0) == pytest.approx(1e9)
    assert polite_hours(1e9, web, 0.99, cap) <= cap / 3600 * 1.001 + 1e-6


# --- files and bytes


def test_a_job_is_three_files_in_the_shards_and_one_in_the_plan() -> None:
    has = replace(LAION_5B, rows=1e6)
    lying = {one.what: one for one in heaps(has, Cut(10_000, 4), Nodes(1), MEASURED)}
    assert jobs_of(has, Cut(10_000, 4)) == 100
    assert lying["shards"].files == SHARD_FILES * 100
    assert lying["plan"].files == 101
    assert lying["candidates"].files == CANDIDATE_FILES * has.archives


def test_raw_shards_lie_there_for_the_slices_under_way_only() -> None:
    lying = {one.what: one for one in heaps(LAION_5B, Cut(10_000, 100), Nodes(5), MEASURED)}
    assert lying["raw shards in flight"].bytes == pytest.approx(0.1 * LAION_5B.pictures * 48e3)
    together = {one.what: one for one in heaps(LAION_5B, Cut(10_000, 100, fetch_then_score=False), Nodes(5), MEASURED)}
    assert together["raw shards in flight"].files == 0


@given(st.integers(1, 100_000), st.integers(1, 50))
def test_larger_jobs_never_make_more_files(rows_per_job: int, parts: int) -> None:
    small, large = (
        sum(one.files for one in heaps(LAION_5B, Cut(size, 64, parts), Nodes(4), MEASURED))
        for size in (rows_per_job, 2 * rows_per_job)
    )
    assert large <= small


def test_laion_5b_in_one_part_and_laions_own_shards_breaks_the_quota_of_files() -> None:
    fit = judge(LAION_5B, Cut(10_000, 128), Nodes(64), ASSUMED, MEASURED)
    assert not fit.fits
    assert any(remark.startswith("files:") for remark in fit.remarks)


@pytest.mark.parametrize("pairs", [1e6, 4e8, 5.85e9])
@pytest.mark.parametrize("islands", [1, 64, 1_000])
def test_what_is_recommended_fits_the_quota_and_ends_within_the_hour(pairs: float, islands: int) -> None:
    fit = recommend(volume(pairs, ASSUMED), Nodes(islands), ASSUMED, MEASURED)
    assert fit.fits, fit
    assert fit.files <= ASSUMED.quota_files
    assert fit.bytes <= ASSUMED.quota_bytes
    assert fit.job_seconds <= 3600
    assert fit.margin_seconds > fit.job_seconds


def test_a_plan_that_outlasts_the_walltime_is_said_so_and_cut_by_the_recommendation() -> None:
    fit = judge(LAION_5B, Cut(100_000, 1_000), Nodes(64), ASSUMED, MEASURED)
    assert any(remark.startswith("the plan of a part takes") for remark in fit.remarks)
    assert recommend(LAION_5B, Nodes(64), ASSUMED, MEASURED).plan_hours < ASSUMED.walltime_hours


def test_shards_leave_only_where_they_must() -> None:
    assert not recommend(volume(1e6, ASSUMED), Nodes(4), ASSUMED, MEASURED).cut.shards_leave
    assert recommend(LAION_5B, Nodes(4), ASSUMED, MEASURED).cut.shards_leave


def test_a_quota_that_nothing_fits_is_said_so() -> None:
    none = replace(ASSUMED, quota_files=10)
    fit = recommend(LAION_5B, Nodes(4), none, MEASURED)
    assert not fit.fits
    assert fit.remarks


# --- lines at hosts


def test_nobody_is_given_up_who_may_wait_for_ever() -> None:
    patient = replace(FEW, longest_wait_seconds=math.inf)
    assert by_job(patient, 50).given_up == by_host(patient, 50).given_up == 0


def test_without_spacing_nobody_is_given_up() -> None:
    assert by_job(replace(FEW, seconds_between_requests=0.0), 1_000).given_up == 0


def test_one_island_is_the_same_by_job_and_by_host() -> None:
    assert by_job(FEW, 1).given_up == by_host(FEW, 1).given_up


def test_more_islands_that_meet_each_site_give_up_more_rows() -> None:
    lost = [by_job(FEW, islands).given_up for islands in (1, 10, 100, 1_000)]
    assert lost == sorted(lost)
    assert lost[0] < lost[-1]


def test_a_site_that_belongs_to_one_island_is_met_for_the_first_time_once() -> None:
    assert by_host(FEW, 100).new_sites < by_job(FEW, 100).new_sites


def test_the_same_seed_tells_the_same() -> None:
    assert by_job(FEW, 10, seed=3) == by_job(FEW, 10, seed=3)


def test_a_cap_spares_the_largest_sites() -> None:
    assert by_job(replace(FEW, most_of_a_site=0.001), 10).given_up < by_job(FEW, 10).given_up


# --- what breaks first


@given(st.integers(1, 10_000))
def test_something_breaks_at_the_first_number_of_islands_that_is_too_many(limit: int) -> None:
    load = Load("it", "", lambda islands: 2.0 * islands, limit, "none")
    assert load.breaks_at is not None
    assert load.bears(load.breaks_at) > limit >= load.bears(load.breaks_at - 1)


def test_what_does_not_grow_never_breaks() -> None:
    assert Load("it", "", lambda _islands: 1.0, 1.0, "none").breaks_at is None


def test_what_breaks_first_comes_first() -> None:
    found = loads(LAION_5B, Cut(20_000, 2_000, 20), 1, ASSUMED, MEASURED, new_sites=0.5)
    numbers = [one.breaks_at for one in found if one.breaks_at]
    assert numbers == sorted(numbers)
    assert next(one for one in found if one.what.startswith("turns at a site")).breaks_at == 301


# --- how it is measured, and how the 22 are told


def test_the_clock_runs_from_where_all_actors_are_at_work(tmp_path: Path) -> None:
    for number, end in enumerate((100.0, 110.0, 112.0, 130.0)):
        path = tmp_path / f"{number}_stats.json"
        path.write_text("{}")
        os.utime(path, (end, end))
    assert steady(tmp_path, "*_stats.json", actors=2) == (2, 110.0, 130.0)
    assert steady(tmp_path, "*_stats.json", actors=1, began=105.0) == (2, 110.0, 130.0)
    with pytest.raises(AssertionError, match="too few"):
        steady(tmp_path, "*_stats.json", actors=4)


_REPORT = """<testsuites><testsuite>
<testcase classname="tests.slurm.test_island" name="test_walltime[a]" time="61.5"><properties>
<property name="restarts" value="3"/></properties></testcase>
<testcase classname="tests.slurm.test_island" name="test_walltime[b]" time="1"><skipped message="no SLURM"/></testcase>
</testsuite></testsuites>"""


def test_a_report_of_pytest_is_read_by_test() -> None:
    ran = read_report(_REPORT)
    assert ran == {
        "tests/slurm/test_island.py::test_walltime": [Ran("passed", 61.5, ("restarts 3",)), Ran("skipped", 1.0, ())]
    }


def test_a_skipped_test_and_a_missing_one_are_failures() -> None:
    ran = read_report(_REPORT)
    words, good = told_of(["tests/slurm/test_island.py::test_walltime"], ran)
    assert (words, good) == ("1 of 2 tests passed, 62 s; skipped; restarts 3", False)
    assert told_of([], ran) == ("NO TEST names it", False)
    assert not told_of(["tests/slurm/test_island.py::test_other"], ran)[1]


def test_a_case_whose_tests_passed_is_shown() -> None:
    ran = {"a.py::test_b": [Ran("passed", 2.0, ())]}
    assert told_of(["a.py::test_b"], ran) == ("1 of 1 tests passed, 2 s", True)


def test_there_are_22_cases() -> None:
    assert list(CASES) == list(range(1, 23))
