"""What a volunteer finds on a machine, and what it makes of it."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from crawler.errors import SettingsError
from crawler.settings import Fetch, Recipe
from workers.home import surroundings
from workers.home.asked import Hours, Limits, parse_hours, parse_kinds
from workers.home.folder import HomeFolder
from workers.home.line_speed import LineSpeed
from workers.home.machine import (
    Found,
    as_told,
    capacity,
    here,
    in_words,
    job_bytes,
    look,
    within_limit,
    within_quota,
)

GIB = 2**30
LAPTOP = Found(tuple(range(8)), 16 * GIB, 200 * 10**9, (), models=False, system="Linux x86_64")
WITH_GPU = Found(tuple(range(8)), 32 * GIB, 200 * 10**9, ("A GPU",), models=True, system="Linux x86_64")
ALL = ("extract", "fetch", "score", "crawl")


@pytest.mark.parametrize(
    ("cgroup", "cpus"),
    [
        ({}, 8),
        ({"cpu.max": "max 100000"}, 8),
        ({"cpu.max": "200000 100000"}, 2),
        ({"cpu.max": "150000 100000"}, 2),
        ({"cpu.max": "1000 100000"}, 1),
        ({"cpu.max": "nonsense"}, 8),
        ({"cpu.max": "5 0"}, 8),
        ({"cpu.max": ""}, 8),
        ({"cpu/cpu.cfs_quota_us": "400000", "cpu/cpu.cfs_period_us": "100000"}, 4),
        ({"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, 8),
    ],
)
def test_a_quota_of_the_cgroup_counts(cgroup: dict[str, str], cpus: int) -> None:
    assert len(within_quota(tuple(range(8)), cgroup)) == cpus


@pytest.mark.parametrize(
    ("cgroup", "memory"),
    [({}, 16), ({"memory.max": "max"}, 16), ({"memory.max": str(2 * GIB)}, 2), ({"memory.max": str(99 * GIB)}, 16),
     ({"memory/memory.limit_in_bytes": str(3 * GIB)}, 3), ({"memory.max": "²"}, 16)],
)  # fmt: skip
def test_a_limit_of_the_cgroup_counts(cgroup: dict[str, str], memory: int) -> None:
    assert within_limit(16 * GIB, cgroup) == memory * GIB


def test_without_models_there_are_archives_and_downloads() -> None:
    assert capacity(LAPTOP, Limits(), ALL).kinds == ("extract", "fetch")
    assert capacity(WITH_GPU, Limits(), ALL).kinds == ALL
    assert capacity(LAPTOP, Limits(), ("score",)).kinds == ()
    assert capacity(WITH_GPU, Limits(kinds=("fetch",)), ALL).kinds == ("fetch",)


def test_limits_hold() -> None:
    told = capacity(LAPTOP, Limits(cpus=2, memory_bytes=4 * GIB, disk_bytes=10**10), ALL)
    assert told.cpus == (0, 1)
    assert told.at_once <= 2
    assert told.at_once * told.memory_bytes <= 4 * GIB
    assert told.spool_bytes == 10**10


def test_half_of_the_free_disk_is_used_if_nobody_says_otherwise() -> None:
    assert capacity(LAPTOP, Limits(), ALL).spool_bytes == 100 * 10**9
    full = Found((0,), GIB, 10, (), models=False, system="")
    assert capacity(full, Limits(), ALL).spool_bytes == 0


def test_a_small_machine_does_one_thing_at_a_time() -> None:
    small = Found((0,), GIB, 10**11, (), models=False, system="")
    told = capacity(small, Limits(), ALL)
    assert (told.at_once, told.threads) == (1, 1)


def test_sites_are_asked_by_one_job_at_a_time() -> None:
    told = capacity(WITH_GPU, Limits(), ALL)
    assert told.room_for("fetch", ["crawl"]) == told.room_for("crawl", ["fetch"]) == 0
    assert told.room_for("fetch", ["extract"]) == 1
    assert told.room_for("score", ["score"]) == 0
    assert told.room_for("rebuild", []) == 0


def test_a_recipe_is_fitted_to_this_machine_and_says_nothing_of_another() -> None:
    fetch = Fetch(
        allow_networks=("10.0.0.0/8",), hosts={"*": "10.0.0.1"}, name_servers=("10.0.0.1",), ca_file="/etc/ca.pem"
    )
    recipe = Recipe(fetch=fetch, folder="/etc", inputs=("/etc/passwd",))
    limits = Limits(cpus=4, bytes_per_second=1e6)
    fitted = here(recipe, LAPTOP, capacity(LAPTOP, limits, ALL), limits, Path("/empty"), allow_private=False)
    assert fitted.folder == "/empty"
    assert fitted.inputs == ()
    assert (fitted.fetch.allow_networks, fitted.fetch.hosts, fitted.fetch.name_servers, fitted.fetch.ca_file) == (
        (), {}, (), ""
    )  # fmt: skip
    assert fitted.resources.downloads == 20
    assert fitted.resources.decoders == fitted.resources.torch_threads == 1
    assert msgspec.structs.replace(fitted, fetch=fetch).digest == recipe.digest


def test_a_line_is_as_fast_as_its_last_files_and_asked_for_no_more_at_once(tmp_path: Path) -> None:
    home = HomeFolder(tmp_path)
    assert look(home, ("extract",)).line_bytes_per_second == 0
    speed = LineSpeed(home)
    speed.came(4_000_000, 8.0)
    speed.went(1_000_000, 10.0)
    speed.came(1_000, 0.001)  # too small a file to tell
    found = look(home, ("extract",))
    assert (home.line().down, home.line().up) == (500_000, 100_000)
    assert "0.5 MB/s" in in_words(found, capacity(found, Limits(), ("extract",)))
    assert as_told(found, capacity(found, Limits(), ("extract",))).download_bytes_per_second == 500_000
    fitted = here(Recipe(), found, capacity(found, Limits(), ALL), Limits(), tmp_path, allow_private=False)
    assert fitted.resources.downloads == 10


def test_larger_jobs_take_more_disk() -> None:
    assert job_bytes("crawl", Recipe()) == 10_000 * 120_000
    assert job_bytes("extract", Recipe()) == 2 * GIB


def test_what_was_found_is_one_line(tmp_path: Path) -> None:
    found = look(HomeFolder(tmp_path), ("extract",))
    assert found.cpus
    assert found.memory_bytes > 0
    line = in_words(found, capacity(found, Limits(), ("extract",)))
    assert "\n" not in line
    assert "cores" in line


@pytest.mark.parametrize(
    ("hours", "within", "outside"), [("22-6", (22, 23, 0, 5), (6, 21)), ("8-18", (8, 17), (7, 18))]
)
def test_hours_may_go_over_midnight(hours: str, within: tuple[int, ...], outside: tuple[int, ...]) -> None:
    parsed = parse_hours(hours)
    assert all(parsed.contain(hour) for hour in within)
    assert not any(parsed.contain(hour) for hour in outside)


def test_hours_may_end_at_midnight() -> None:
    assert parse_hours("20-24") == Hours(20, 24)
    assert parse_hours("20-24").contain(23)
    assert not parse_hours("20-24").contain(0)


@pytest.mark.parametrize("hours", ["", "22", "22-25", "24-3", "7-7", "a-b", "-1-3", "22-6-7"])
def test_what_is_no_time_of_the_day_is_refused(hours: str) -> None:
    with pytest.raises(SettingsError, match="22-6"):
        parse_hours(hours)


def test_unknown_kinds_are_refused() -> None:
    assert parse_kinds("extract, fetch") == ("extract", "fetch")
    with pytest.raises(SettingsError, match="mine"):
        parse_kinds("mine")


def test_a_job_inherits_no_cluster() -> None:
    told = surroundings.environment_of_child(2, {"RAY_ADDRESS": "auto", "PATH": "/bin", "RAY_JOB_ID": "1"})
    assert told == {"PATH": "/bin", "OMP_NUM_THREADS": "2", "PYTHONUNBUFFERED": "1"}


@pytest.mark.parametrize("tracker", ["https://../../etc", "https://a.test:99", "https://A.test", "https://[::1]:5"])
def test_the_folder_of_a_tracker_is_below_our_own(tracker: str) -> None:
    folder = surroundings.default_folder(tracker)
    assert folder.parent == Path.home() / ".pairtrawl"
    assert folder.name.strip(".")
