"""A timeline is whole lines whenever its writer is killed, is no longer than it has to be, and never ends a run."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.workers.telling.stories import a_story, at, progress
from workers.telling.events import Event, JobEnded, PhaseProgress, Said
from workers.telling.timeline import NAME, OF_SLICE, TimelineFile, read_events, read_timeline

_FOREVER = """
import sys
from pathlib import Path
from tests.workers.telling.stories import a_story
from workers.telling.timeline import TimelineFile
file = TimelineFile(Path(sys.argv[1]))
print("begun", flush=True)
while True:
    for event in a_story():
        file(event)
"""


def written(path: Path, *events: Event, **settings: int) -> list[Event]:
    file = TimelineFile(path, **settings)
    for event in events:
        file(event)
    file.close()
    return list(read_events(path))


def test_what_was_told_is_read_back_but_reports_of_jobs_which_their_markers_have(tmp_path: Path) -> None:
    story = a_story()
    found = written(tmp_path / NAME, *story)
    assert [type(one) for one in found] == [type(one) for one in story]
    (job,) = [one for one in found if isinstance(one, JobEnded)]
    assert job.report is None
    assert (job.rows, job.kept, job.reasons) == (50, 40, {"http_gone": 10})
    others = [one for one in story if not isinstance(one, JobEnded)]
    assert [one for one in found if not isinstance(one, JobEnded)] == others


def test_a_second_sitting_goes_on_behind_the_first(tmp_path: Path) -> None:
    written(tmp_path / NAME, *a_story())
    assert len(written(tmp_path / NAME, *a_story())) == 2 * len(a_story())


def test_half_a_line_at_any_place_is_passed_over_and_the_next_sitting_begins_a_line_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / NAME
    written(path, Said(at=at(0), text="größer"), Said(at=at(1), text="größer"))
    whole = path.read_bytes()
    for cut in range(len(whole)):
        path.write_bytes(whole[:cut])
        file = TimelineFile(path)
        file(Said(at=at(2), text="again"))
        file.close()
        told = [one.text for one in read_timeline(tmp_path) if isinstance(one, Said)]
        assert told[-1] == "again"
        assert told[:-1] == ["größer"] * (whole[:cut] + b"\n").count(b"}\n")


def test_events_of_a_later_version_are_passed_over(tmp_path: Path) -> None:
    (tmp_path / NAME).write_text('{"event":"moved","at":"2026-11-22T17:30:00Z"}\n[1]\nno\n')
    assert read_timeline(tmp_path) == []


def test_a_run_without_a_timeline_has_none(tmp_path: Path) -> None:
    assert read_timeline(tmp_path / "not there") == []


def test_those_of_slices_are_read_with_it_in_the_order_of_time(tmp_path: Path) -> None:
    written(tmp_path / "slices" / f"fetch-00003{OF_SLICE}", Said(at=at(5), text="second"))
    written(tmp_path / NAME, Said(at=at(1), text="first"), Said(at=at(9), text="third"))
    assert [one.text for one in read_timeline(tmp_path) if isinstance(one, Said)] == ["first", "second", "third"]


def test_progress_is_written_every_five_seconds_and_less_often_when_the_file_is_long(tmp_path: Path) -> None:
    told = [progress(second, second) for second in range(600)]
    often = written(tmp_path / "short", *told)
    assert [one.at for one in often] == [at(second) for second in range(0, 600, 5)]
    long = written(tmp_path / "long", *told, full_lines=20)
    assert [one.at for one in long[:20]] == [at(second) for second in range(0, 100, 5)]
    assert [one.at for one in long[20:]] == [at(second) for second in range(155, 600, 60)]


def test_a_long_file_takes_no_more_jobs_and_lines_but_beginnings_ends_and_failures(tmp_path: Path) -> None:
    written(tmp_path / NAME, *(Said(at=at(0), text="line") for _ in range(30)), full_lines=20)
    found = written(tmp_path / NAME, *a_story(), full_lines=20)[20:]
    assert {type(one) for one in a_story()} - {type(one) for one in found} == {JobEnded, Said}


def test_secrets_in_addresses_are_not_kept(tmp_path: Path) -> None:
    text = "https://who:pass@bucket.test/a.warc?X-Amz-Signature=abc: no"
    (found,) = written(tmp_path / NAME, Said(at=at(0), text=text))
    assert isinstance(found, Said)
    assert found.text == "https://...@bucket.test/a.warc?... no"


@pytest.mark.parametrize("name", ["a file/timeline.jsonl", "a folder"])
def test_a_place_that_cannot_be_written_costs_the_timeline_and_nothing_else(name: str, tmp_path: Path) -> None:
    (tmp_path / "a file").touch()
    (tmp_path / "a folder").mkdir()
    file = TimelineFile(tmp_path / name)
    for event in a_story():
        file(event)
    file.close()


def test_a_disk_that_is_full_silences_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_file: int, _line: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    file = TimelineFile(tmp_path / NAME)
    file(a_story()[0])
    monkeypatch.setattr(os, "write", full)
    file(a_story()[1])
    monkeypatch.undo()
    file(a_story()[2])
    assert list(read_events(tmp_path / NAME)) == a_story()[:1]


@pytest.mark.parametrize("microseconds", [0, 900])
def test_killed_at_any_moment_it_leaves_whole_events(microseconds: int, tmp_path: Path) -> None:
    path = tmp_path / NAME
    process = subprocess.Popen([sys.executable, "-c", _FOREVER, str(path)], stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"begun\n"
    while not path.stat().st_size > 1_000 + microseconds:
        os.sched_yield()
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    lines = path.read_bytes().split(b"\n")
    found = list(read_events(path))
    assert len(found) in {len(lines) - 1, len(lines)}
    progress_told = [one for one in found if isinstance(one, PhaseProgress)]
    assert progress_told
