"""Progress: from the markers of jobs and what slices say, with and without a queue."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from crawler.errors import RunFolderError, SettingsError
from crawler.job.markers import ExtractFiles
from crawler.plan import MARKER, Planned
from crawler.raw import raw_path
from crawler.settings import Rebuild, Recipe
from crawler.sources import ArchiveKind, Source
from crawler.write import shard_paths
from workers.run_folder import RunFolder
from workers.slice_status import SliceStatus
from workers.slices import deal
from workers.slurm_jobs.ledger import Entry, Ledger, Ordered, alone, read_ledger, write_ledger
from workers.slurm_jobs.progress import missing, progress, slices_left, what_is_left
from workers.slurm_jobs.scheduler import Queued
from workers.slurm_jobs.sites import Stage

RECIPE = Recipe(name="test")
JOBS, SLICES = 6, 3
DEALT = deal([str(number) for number in range(JOBS)], SLICES)


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    """A planned run of two archives and six jobs."""
    folder = RunFolder(tmp_path / "run")
    folder.open(RECIPE, [Source("/a.warc.gz", ArchiveKind.WARC), Source("/b.warc.gz", ArchiveKind.WARC)], "1")
    folder.plan.path.mkdir()
    planned = Planned(candidates=60, rejected={}, rows=60, rows_per_job=10, jobs=JOBS)
    (folder.plan.path / MARKER).write_bytes(msgspec.json.encode(planned))
    return folder


def mark(path: Path) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text("{}")


def fetched(run: RunFolder, *numbers: int) -> None:
    for number in numbers:
        mark(raw_path(run.raw, number))


def scored(run: RunFolder, *numbers: int) -> None:
    for number in numbers:
        mark(shard_paths(run.shards, number, RECIPE.output).stats)


def say(run: RunFolder, stage: str, part: int, **said: object) -> None:
    plain = SliceStatus(stage=stage, slice=part, slices=SLICES, started="2026-11-22T10:00:00+00:00",
                        updated="2026-11-22T10:00:20+00:00", owner="7.0", host="n1")  # fmt: skip
    path = run.slices / f"{stage}-{part:05d}.json"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(msgspec.json.encode(msgspec.structs.replace(plain, **said)))


def a_ledger(*stages: str) -> Ledger:
    """Of arrays whose job ids count from 1."""
    entries = [Entry(stage=stage, job=job, offset=0, indices="0-2") for job, stage in enumerate(stages, 1)]
    return Ledger(ordered=Ordered(site="local", slices=SLICES, stages=list(stages)), entries=entries)


def of_slice(part: int) -> list[int]:
    return [number for number, dealt in enumerate(DEALT) if dealt == part]


def test_a_slice_is_left_until_its_last_job_is_done(run: RunFolder) -> None:
    assert slices_left(run.path, Stage.FETCH, SLICES) == [0, 1, 2]
    fetched(run, *of_slice(1), of_slice(0)[0])
    assert slices_left(run.path, Stage.FETCH, SLICES) == [0, 2]


def test_a_rebuild_is_found_beside_its_shards_and_numbered_as_it_says(tmp_path: Path) -> None:
    recipe = msgspec.structs.replace(RECIPE, rebuild=Rebuild(first_shard=7))
    folder = RunFolder.of(tmp_path, recipe)
    folder.open(recipe, [Source("/list.parquet", ArchiveKind.LIST)], "1")
    folder.plan.path.mkdir()
    planned = Planned(candidates=60, rejected={}, rows=60, rows_per_job=10, jobs=JOBS, first=7)
    (folder.plan.path / MARKER).write_bytes(msgspec.json.encode(planned))
    dealt = deal([str(number) for number in range(7, 7 + JOBS)], SLICES)
    for number, part in enumerate(dealt, 7):
        if part != 1:
            mark(shard_paths(tmp_path, number, recipe.output).stats)
    assert slices_left(tmp_path, Stage.REBUILD, SLICES) == [1]
    assert what_is_left(tmp_path, "rebuild", "0/3") == ""
    say(folder, "rebuild", 1, state="failed")
    lines = {line.stage: line for line in progress(tmp_path, a_ledger("plan", "rebuild", "report"), [])}
    assert (lines["plan"].done, lines["report"].idle) == (1, 1)
    assert (lines["rebuild"].done, lines["rebuild"].failed, lines["rebuild"].jobs) == (2, 1, JOBS)
    assert missing(tmp_path, a_ledger("plan", "rebuild", "report")) == {Stage.REBUILD: [1], Stage.REPORT: [0]}


def test_a_raw_shard_that_was_scored_and_dropped_was_fetched(run: RunFolder) -> None:
    scored(run, *of_slice(2))
    assert slices_left(run.path, Stage.FETCH, SLICES) == [0, 1]
    assert slices_left(run.path, Stage.SCORE, SLICES) == [0, 1]


def test_before_there_is_a_plan_all_slices_are_left(run: RunFolder) -> None:
    (run.plan.path / MARKER).unlink()
    assert slices_left(run.path, Stage.SCORE, SLICES) == [0, 1, 2]
    assert slices_left(run.path, Stage.PLAN, 1) == [0]
    assert "not known yet" in what_is_left(run.path, "fetch", "0/3")


def test_a_run_that_was_never_opened_has_everything_left(tmp_path: Path) -> None:
    assert slices_left(tmp_path, Stage.EXTRACT, 2) == [0, 1]
    assert what_is_left(tmp_path, "extract", None)


def test_what_is_left_of_one_slice_is_said(run: RunFolder) -> None:
    fetched(run, of_slice(0)[0])
    assert "1 of 2 jobs of fetch are not done" in what_is_left(run.path, "fetch", "0/3")
    fetched(run, of_slice(0)[1])
    assert what_is_left(run.path, "fetch", "0/3") == ""
    assert "4 of 6" in what_is_left(run.path, "fetch", None)


@pytest.mark.parametrize(("stage", "part"), [("plan", None), ("filter", None), ("fetch", "3/3"), ("fetch", "x")])
def test_a_question_about_nothing_is_refused(run: RunFolder, stage: str, part: str | None) -> None:
    with pytest.raises(SettingsError):
        what_is_left(run.path, stage, part)


def test_what_is_missing_is_of_stages_that_were_submitted(run: RunFolder) -> None:
    fetched(run, *of_slice(0), *of_slice(2))
    scored(run, *of_slice(0))
    mark(run.report)
    found = missing(run.path, a_ledger("plan", "fetch", "score", "report"))
    assert found == {Stage.FETCH: [1], Stage.SCORE: [1, 2], Stage.REPORT: [0]}
    assert missing(run.path, a_ledger("plan", "fetch")) == {Stage.FETCH: [1]}


def test_archives_that_the_plan_left_out_are_not_missing(run: RunFolder) -> None:
    assert missing(run.path, a_ledger("extract", "plan")) == {}
    (run.plan.path / MARKER).unlink()
    mark(ExtractFiles(run.candidates, 0).marker)
    left = deal(["/a.warc.gz", "/b.warc.gz"], SLICES)[1]
    assert missing(run.path, a_ledger("extract", "plan")) == {Stage.EXTRACT: [left], Stage.PLAN: [0]}


def test_the_table_adds_up(run: RunFolder) -> None:
    fetched(run, *of_slice(0))
    say(run, "fetch", 1, rows=100, jobs=2, done=1)
    say(run, "fetch", 2, state="failed", exit_code=2)
    queue = [Queued(1, 1, "RUNNING", "None")]
    (line,) = progress(run.path, a_ledger("fetch"), queue)
    assert (line.done, line.running, line.waiting, line.failed, line.idle) == (1, 1, 0, 1, 0)
    assert (line.jobs, line.jobs_done) == (6, 2)
    assert line.rows_a_second == 5.0
    assert line.oldest_heartbeat == "2026-11-22T10:00:20+00:00"


def test_a_slice_that_waits_in_the_queue_is_no_failure(run: RunFolder) -> None:
    say(run, "fetch", 2, state="failed", exit_code=2)
    queue = [Queued(1, 0, "PENDING", "Priority"), Queued(1, 2, "PENDING", "Priority"), Queued(9, 1, "RUNNING", "None")]
    (line,) = progress(run.path, a_ledger("fetch"), queue)
    assert (line.done, line.running, line.waiting, line.failed, line.idle) == (0, 0, 2, 0, 1)


def test_slices_that_were_submitted_by_hand_are_shown_by_what_they_say(run: RunFolder) -> None:
    say(run, "crawl", 0)
    say(run, "crawl", 1, state="drained", exit_code=75)
    (line,) = progress(run.path, None, [])
    assert (line.stage, line.running, line.idle) == ("hybrid", 1, 2)


def test_stages_of_one_process_are_one_slice(run: RunFolder) -> None:
    plan, report = progress(run.path, a_ledger("plan", "report"), [])
    assert (plan.slices, plan.done, plan.jobs_done) == (1, 1, 1)
    assert (report.done, report.idle, report.jobs_done) == (0, 1, 0)


def test_a_ledger_is_read_as_it_was_written(tmp_path: Path) -> None:
    assert read_ledger(tmp_path) is None
    write_ledger(tmp_path, a_ledger("fetch", "score"))
    assert read_ledger(tmp_path) == a_ledger("fetch", "score")
    (tmp_path / "slurm/submitted.json").write_text("{")
    with pytest.raises(RunFolderError, match="scancel"):
        read_ledger(tmp_path)


def test_two_do_not_submit_for_a_run_at_the_same_moment(tmp_path: Path) -> None:
    with alone(tmp_path), pytest.raises(RunFolderError, match="right now"), alone(tmp_path):
        pass
    with alone(tmp_path):
        pass
