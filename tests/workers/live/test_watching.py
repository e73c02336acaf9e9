"""What is seen of a run is what stands in its folder, whoever works on it."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from crawler.errors import RunFolderError
from crawler.report import StageCount
from tests.workers.live.runs import a_report, a_run, a_shard, told
from tests.workers.telling.stories import a_story, at, began, progress
from workers.live.markers import MarkerFolder
from workers.live.tails import Tail
from workers.live.watching import RunWatch
from workers.run_folder import RunFolder
from workers.slice_status import StatusFile
from workers.slices import Slice
from workers.telling.events import PhaseBegan, RunEnded, Said


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(RunFolderError, match="is no folder"):
        RunWatch(tmp_path / "typo")


def test_a_run_is_seen_from_before_its_beginning_to_its_end(tmp_path: Path) -> None:
    run = tmp_path / "run"
    run.mkdir()
    watch = RunWatch(run)
    nothing = watch.look()
    assert (nothing.name, nothing.rows, nothing.is_at_work) == ("", None, False)
    run.rmdir()
    a_run(run)
    told(run / "timeline.jsonl", a_story()[:4])
    a_shard(run, 0)
    seen = watch.look()
    assert (seen.name, seen.rows, seen.rows_done, seen.kept) == ("small", 100, 10, 6)
    assert [(one.kind, one.done, one.total) for one in seen.jobs] == [("extract", 3, 3), ("crawl", 1, 10)]
    assert seen.is_at_work
    assert seen.left_seconds == 60.0
    assert not seen.has_report
    told(run / "timeline.jsonl", [RunEnded(at=at(90), exit_code=0, seconds=90.0)])
    (run / "report.html").touch()
    seen = watch.look()
    assert not seen.is_at_work
    assert seen.left_seconds is None
    assert seen.has_report


def test_stages_and_reasons_are_those_of_all_jobs_and_of_the_plan(tmp_path: Path) -> None:
    run = a_run(tmp_path / "run", archives=2)
    for number in range(3):
        a_shard(run, number)
    seen = RunWatch(run).look()
    assert [(one.stage, one.found, one.kept) for one in seen.stages] == [
        ("read", 20, 16), ("candidates", 80, 80), ("plan", 120, 100), ("fetch", 30, 24), ("filter pictures", 24, 18),
    ]  # fmt: skip
    assert list(seen.reasons.items()) == [("duplicate", 20), ("http_gone", 6), ("min_side", 6), ("not_html", 4)]


def test_a_raw_shard_counts_until_its_shard_does(tmp_path: Path) -> None:
    run = a_run(tmp_path / "run")
    watch = RunWatch(run)
    raw = run / "raw"
    raw.mkdir()
    (raw / "00004.parquet").touch()

    def read(_path: Path) -> object:
        return a_report(4, kind="fetch")

    watch.raws = MarkerFolder(raw, ".parquet", read)  # type: ignore[arg-type]  # the file of a real one takes a crawl
    seen = watch.look()
    assert [(one.kind, one.done) for one in seen.jobs] == [("extract", 3), ("fetch", 1), ("crawl", 0)]
    assert (seen.rows_done, seen.kept) == (10, 0)
    a_shard(run, 4)
    seen = watch.look()
    assert (seen.rows_done, seen.kept) == (10, 6)
    assert StageCount("fetch", 10, 8, {"http_gone": 2}) in seen.stages


def test_slices_are_seen_side_by_side_with_their_speeds_added_up(tmp_path: Path) -> None:
    run = a_run(tmp_path / "run")
    for number in range(2):
        folder, part = RunFolder(run), Slice(number, 2)
        StatusFile(folder.slice_status("fetch", part), "fetch", part, f"owner {number}")
        told(
            folder.slice_timeline("fetch", part),
            [
                began(verb="fetch", slice=str(part)),
                PhaseBegan(at=at(0), phase="fetch", unit="pairs", total=50),
                progress(5, 10, phase="fetch"),
                progress(12, 25, phase="fetch"),
            ],
        )
    seen = RunWatch(run).look()
    assert sorted(one.slice for one in seen.sittings) == ["0/2", "1/2"]
    assert [one.owner for one in seen.slices["fetch"]] == ["owner 0", "owner 1"]
    assert [one.title for one in seen.jobs] == ["Archives read", "Jobs fetched", "Shards made"]
    assert seen.curve is not None
    assert (seen.curve.phase, sum(seen.curve.done)) == ("fetch", 0)  # the story is of another day


def test_a_curve_has_what_was_done_between_two_words(tmp_path: Path) -> None:
    path = tmp_path / "timeline.jsonl"
    told(path, [PhaseBegan(at=at(0), phase="fetch", unit="pairs"), progress(5, 40, phase="fetch")])
    tail = Tail(path)
    assert tail.look()
    told(path, [progress(20, 100, phase="fetch"), progress(29, 130, phase="fetch", ended=True)])
    assert tail.look()
    assert not tail.look()
    assert sorted(tail.sitting.done["fetch"].values()) == [40, 90]


def test_of_a_sitting_that_begins_anew_nothing_is_counted_twice(tmp_path: Path) -> None:
    path = tmp_path / "timeline.jsonl"
    for _ in range(2):
        told(path, [began(), PhaseBegan(at=at(0), phase="fetch", unit="pairs"), progress(5, 40, phase="fetch")])
    tail = Tail(path)
    tail.look()
    assert sum(tail.sitting.done["fetch"].values()) == 80
    assert tail.sitting.failed == 0


def test_a_timeline_that_grows_by_half_lines_is_heard_when_they_are_whole(tmp_path: Path) -> None:
    path = tmp_path / "timeline.jsonl"
    line = msgspec.json.encode(Said(at=at(0), text="there")) + b"\n"
    tail = Tail(path)
    assert not tail.look()
    path.write_bytes(line[:20])
    tail.look()
    assert not tail.sitting.said
    with path.open("ab") as file:
        file.write(line[20:])
    tail.look()
    assert list(tail.sitting.said) == ["there"]
    path.unlink()
    tail.look()
    assert not tail.sitting.said
