"""What a slice says of itself is whole at any moment, is not written too often, and names who owns the slice."""

from __future__ import annotations

from pathlib import Path

import pytest

from crawler.errors import ArchiveUnavailableError, RunFolderError, SettingsError
from tests.workers.telling.stories import Clock, at, progress
from workers.slice_status import SliceStatus, StatusFile, keeping_status, read_status, read_statuses
from workers.slices import Slice
from workers.telling.events import PhaseBegan

PART = Slice(3, 16)


def begun(jobs: int, done: int) -> PhaseBegan:
    return PhaseBegan(at=at(0), phase="fetch", unit="pairs", total=1_000, jobs=jobs, jobs_done=done)


def said(path: Path) -> SliceStatus:
    status = read_status(path)
    assert status is not None
    return status


def test_it_says_how_far_the_slice_is(tmp_path: Path) -> None:
    path, clock = tmp_path / "slices" / "fetch-00003.json", Clock()
    status = StatusFile(path, "fetch", PART, "4711.0", clock)
    status(begun(10, 4))
    clock.now += 60
    status(progress(60, 300, jobs=10, jobs_done=6, failed=1))
    status.end("failed", 75)
    assert said(path) == SliceStatus(
        stage="fetch", slice=3, slices=16, jobs=10, done=6, failed=1, rows=300, owner="4711.0", host=said(path).host,
        started="2026-11-21T00:00:00+00:00", updated="2026-11-21T00:01:00+00:00", state="failed", exit_code=75,
    )  # fmt: skip
    assert list(path.parent.iterdir()) == [path]


def test_it_is_written_every_few_seconds_at_most(tmp_path: Path) -> None:
    path, clock = tmp_path / "fetch-00003.json", Clock()
    status = StatusFile(path, "fetch", PART, "", clock)
    status(begun(10, 0))
    for done in range(5):
        status(progress(done, 0, jobs_done=done + 1))
    assert said(path).done == 0
    clock.now += 5
    status(progress(9, 0, jobs_done=6))
    assert said(path).done == 6


def test_whoever_comes_later_owns_the_slice_and_the_other_one_writes_no_more(tmp_path: Path) -> None:
    path, clock = tmp_path / "fetch-00003.json", Clock()
    lost = StatusFile(path, "fetch", PART, "4711.0", clock)
    assert lost.is_ours()
    found = StatusFile(path, "fetch", PART, "4711.1", clock)
    assert not lost.is_ours()
    clock.now += 60
    lost(progress(60, 0, jobs_done=1))
    lost.end("drained", 75)
    assert said(path).owner == "4711.1"
    assert said(path).state == "running"
    assert found.is_ours()


def test_a_status_that_was_removed_is_nobodys_claim(tmp_path: Path) -> None:
    path = tmp_path / "fetch-00003.json"
    status = StatusFile(path, "fetch", PART, "")
    path.unlink()
    assert status.is_ours()
    status.end("done", 0)
    assert said(path).state == "done"


@pytest.mark.parametrize(
    ("error", "state", "code"),
    [
        (KeyboardInterrupt(), "drained", 75),
        (SettingsError("no model"), "failed", 2),
        (ArchiveUnavailableError("busy"), "failed", 75),
        (ZeroDivisionError(), "failed", 1),
    ],
)
def test_however_a_sitting_ends_the_status_says_so(error: BaseException, state: str, code: int, tmp_path: Path) -> None:
    path = tmp_path / "fetch-00003.json"
    with pytest.raises(type(error)), keeping_status(path, "fetch", PART):
        raise error
    assert (said(path).state, said(path).exit_code) == (state, code)


def test_those_of_one_stage_are_read_by_number(tmp_path: Path) -> None:
    assert read_statuses(tmp_path / "slices", "fetch") == {}
    for stage, number in (("fetch", 0), ("fetch", 12), ("score", 3)):
        StatusFile(tmp_path / f"{stage}-{number:05d}.json", stage, Slice(number, 16), "")
    assert sorted(read_statuses(tmp_path, "fetch")) == [0, 12]


def test_a_broken_status_is_said(tmp_path: Path) -> None:
    path = tmp_path / "fetch-00003.json"
    assert read_status(path) is None
    path.write_bytes(b"")
    with pytest.raises(RunFolderError, match=r"fetch-00003\.json"):
        read_status(path)
