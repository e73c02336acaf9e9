"""What a slice says of itself while it is worked on: RUN/slices/STAGE-KKKKK.json, for whoever watches from outside.

The file also says who owns the slice. A scheduler that lost sight of a node starts the slice elsewhere, and the sitting
it took for dead may live: whoever comes later writes its name over the other's, who sees it before its next job.
"""

from __future__ import annotations

import os
import platform
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import msgspec

from crawler.commit import write_atomically
from crawler.errors import PairtrawlError
from workers.blame import blame_for
from workers.exit_codes import ExitCode, code_of
from workers.slices import Slice
from workers.stored import read_stored
from workers.telling.events import Event, PhaseBegan, PhaseEnded, PhaseProgress

State = Literal["running", "drained", "done", "failed"]

#: between two writings of a status, in seconds: a thousand slices share one file system
_SECONDS_BETWEEN_WRITES = 5.0


class SliceStatus(msgspec.Struct, frozen=True, kw_only=True):
    """How far one slice of one stage is. After a kill it stays "running"; `updated` then tells."""

    stage: str  # the verb
    slice: int  # from 0
    slices: int
    jobs: int = 0  # of the slice
    done: int = 0  # of them, in this sitting or before
    failed: int = 0  # in this sitting
    rows: int = 0  # done in this sitting
    started: str  # when this sitting began; UTC, ISO 8601
    updated: str
    owner: str
    host: str
    state: State = "running"
    exit_code: int | None = None


class StatusFile:
    """The status of the slice that this sitting works on. Opening it takes the slice over.

    Raises:
        OSError: the file cannot be written.
    """

    def __init__(self, path: Path, stage: str, part: Slice, owner: str, clock: Callable[[], float] = time.time) -> None:
        self._path = path
        self._clock = clock
        self._lock = threading.Lock()
        self._written = clock()
        now = _text_of(self._written)
        self._status = SliceStatus(
            stage=stage, slice=part.number, slices=part.of, started=now, updated=now,
            owner=owner or f"{platform.node()}:{os.getpid()}", host=platform.node(),
        )  # fmt: skip
        self._write()

    @property
    def status(self) -> SliceStatus:
        """What it says, or will with the next writing."""
        return self._status

    def __call__(self, event: Event) -> None:
        """Take note of how far a phase is: a sink of the sitting's events."""
        match event:
            case PhaseBegan():
                self._change(0.0, jobs=event.jobs, done=event.jobs_done)
            case PhaseProgress() | PhaseEnded():
                self._change(
                    _SECONDS_BETWEEN_WRITES, jobs=event.jobs, done=event.jobs_done, failed=event.failed, rows=event.rows
                )
            case _:
                pass

    def is_ours(self) -> bool:
        """Whether nobody else has taken the slice over. A file that was removed, or cannot be read, is no claim."""
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=SliceStatus).owner == self._status.owner
        except (OSError, msgspec.DecodeError):
            return True

    def end(self, state: State, exit_code: int) -> None:
        """The last word of this sitting."""
        self._change(0.0, state=state, exit_code=exit_code)

    def _change(self, patience: float, **changes: object) -> None:
        """Take note; write it down if the last writing is so many seconds ago."""
        with self._lock:
            now = self._clock()
            self._status = msgspec.structs.replace(self._status, updated=_text_of(now), **changes)
            if now - self._written >= patience and self.is_ours():
                self._written = now
                self._write()

    def _write(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)  # some file systems delete folders that are empty
        write_atomically(self._path, msgspec.json.encode(self._status) + b"\n")


@contextmanager
def keeping_status(path: Path, stage: str, part: Slice, owner: str = "") -> Iterator[StatusFile]:
    """The status of a slice while inside. What ends the block by an error is written into it; `end` is for the rest.

    Args:
        path: of the file (`RunFolder.slice_status`).
        stage: the verb.
        part: the slice.
        owner: who works on it, such as "4711.0" (SLURM's job and restart); "" for this host and process.

    Raises:
        OSError: the file cannot be written.
    """
    status = StatusFile(path, stage, part, owner)
    try:
        yield status
    except KeyboardInterrupt:
        status.end("drained", ExitCode.WORK_LEFT)
        raise
    except (PairtrawlError, OSError) as error:
        status.end("failed", code_of(blame_for(error)))
        raise
    finally:
        if status.status.state == "running":  # whatever else goes wrong is a bug, which ends the process with 1
            status.end("failed", ExitCode.CRASHED)


def read_status(path: Path) -> SliceStatus | None:
    """What a slice says of itself; None where it was never begun.

    Raises:
        RunFolderError: the file is there and is not one of ours.
    """
    return read_stored(path, SliceStatus, "the status of a slice", "remove it")


def read_statuses(folder: Path, stage: str) -> dict[int, SliceStatus]:
    """What the slices of one stage say, by their number.

    Args:
        folder: RUN/slices.
        stage: the verb.

    Raises:
        RunFolderError: a file is not one of ours.
    """
    found = (read_status(path) for path in sorted(folder.glob(f"{stage}-[0-9]*.json")))
    return {one.slice: one for one in found if one is not None}


def _text_of(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="seconds")
