"""The cell: a process that can do no harm, in which everything is read that volunteers sent, pictures excepted.

parquet, numpy and JSON readers are large programs in C, and the bytes that they are shown here were made by somebody
who may want to find a hole in them. So they run in a fresh interpreter that has given up files, network, programs,
other processes, memory and time (`locks`), of which nothing is believed but one JSON message of a known form, and that
is killed at a deadline with all that it started. Pictures go to `crawler.picture.sandbox`, which is the same for them.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import msgspec

from crawler.errors import PairtrawlError
from workers.tracker.checking.locks import Bounds

#: what is started; -P: no module of the working directory comes before ours
CELL = (sys.executable, "-P", "-m", "workers.tracker.checking.cell_main")
#: of what a child writes on standard error, the end of which says why it ended
_COMPLAINT_BYTES = 8_192
#: for Python and its imports; a cluster's file system may be slow
_START_SECONDS = 300.0
#: for a process whose pipes have closed to be gone
_END_SECONDS = 10.0
#: the one thing of our environment that it gets: a Python that comes as a cluster's module does not start without
_OF_THE_LOADER = "LD_LIBRARY_PATH"
_SINGLE = {
    # arrow's own allocators reserve address space by the gigabyte, which a limit of it would count
    "ARROW_DEFAULT_MEMORY_POOL": "system",
    "MALLOC_ARENA_MAX": "1",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
}

Answer = TypeVar("Answer")


class CellError(PairtrawlError):
    """No checking process can be started, or something else on this machine ended it: nothing was learnt."""


class BrokeOutError(Exception):
    """The bytes ended the process that read them, or made it talk nonsense; the message says how."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """How cells are made, and what one look may take. An honest result takes a tenth of it."""

    bounds: Bounds = field(default_factory=Bounds)
    #: by the clock, from when it is locked in; far more than processor time, for the machine may have much else to do
    wall_seconds: float = 1_800.0
    answer_bytes: int = 64 * 1024 * 1024
    command: tuple[str, ...] = CELL

    def ask(self, task: str, order: msgspec.Struct, answer: type[Answer], readable: Sequence[Path]) -> Answer:
        """Have one task done in a fresh cell, which may read `readable` and nothing else.

        Raises:
            BrokeOutError: it crashed, took too much, or answered nonsense: the fault of what it read.
            CellError: it never began, or was killed by somebody else.
        """
        said = _said(task, order, readable, self)
        _, _, content = said.partition(b"\n")
        try:
            return msgspec.json.decode(content, type=answer)
        except msgspec.DecodeError as error:
            raise BrokeOutError(f"answered nonsense: {error}") from error


def locks(cell: Cell | None = None) -> list[str]:
    """What the cell cannot lock on this machine, a sentence each; empty where it locks everything.

    Raises:
        CellError: no cell can be started here.
    """
    try:
        said = _said("nothing", _Nothing(), (), cell or Cell())
        return msgspec.json.decode(said.partition(b"\n")[0], type=list[str])
    except (BrokeOutError, msgspec.DecodeError) as error:
        raise CellError(f"the checking process does not work here: {error}") from error


class _Nothing(msgspec.Struct, frozen=True):
    """An order that needs no words."""


def _said(task: str, order: msgspec.Struct, readable: Sequence[Path], cell: Cell) -> bytes:
    """All that the child said, its first line included."""
    told = {"task": task, "readable": [str(one.resolve()) for one in readable], "bounds": cell.bounds, "order": order}
    with tempfile.TemporaryFile() as file:  # a pipe holds 64 KiB, and orders may be longer
        file.write(msgspec.json.encode(told))
        file.seek(0)
        try:
            process = subprocess.Popen(  # noqa: S603 - our own module, no shell
                cell.command,
                stdin=file,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=_environment(),
                cwd="/",
                bufsize=0,
                start_new_session=True,  # so that it can be killed with all that it started
            )
        except OSError as error:
            raise CellError(f"no checking process can be started with `{' '.join(cell.command)}`: {error}") from error
    heard = _Heard(process, cell)
    with process:
        try:
            heard.listen()
        finally:
            _end(process)
    return heard.verdict()


class _Heard:
    """What one child says, as long as it may."""

    def __init__(self, process: subprocess.Popen[bytes], cell: Cell) -> None:
        self._process = process
        self._cell = cell
        self._deadline = time.monotonic() + _START_SECONDS
        self._answer = bytearray()
        self._complaint = bytearray()
        self._ended_by_us = ""

    def listen(self) -> None:
        """Until both pipes are closed, or it is enough."""
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        answers, complaints = self._process.stdout.fileno(), self._process.stderr.fileno()
        poll = select.poll()
        open_pipes = {answers, complaints}
        for pipe in open_pipes:
            poll.register(pipe, select.POLLIN)
        while open_pipes:
            remaining = self._deadline - time.monotonic()
            if remaining <= 0:
                self._ended_by_us = f"was not done after {self._cell.wall_seconds:g} seconds"
                return
            for pipe, _event in poll.poll(remaining * 1000):
                content = os.read(pipe, 1 << 16)
                if not content:
                    poll.unregister(pipe)
                    open_pipes.discard(pipe)
                elif pipe == answers:
                    if b"\n" not in self._answer and b"\n" in content:
                        self._deadline = time.monotonic() + self._cell.wall_seconds
                    self._answer += content
                else:
                    self._complaint = (self._complaint + content)[-_COMPLAINT_BYTES:]
            if len(self._answer) > self._cell.answer_bytes:
                self._ended_by_us = f"said more than {self._cell.answer_bytes} bytes"
                return
        try:
            self._process.wait(max(0.0, min(_END_SECONDS, self._deadline - time.monotonic())))
        except subprocess.TimeoutExpired:
            self._ended_by_us = "had closed its pipes, and did not end"

    def verdict(self) -> bytes:
        """What it said, if it ended well.

        Raises:
            BrokeOutError, CellError: as `ask_cell`.
        """
        code = self._process.returncode
        *_, last = ["", *self._complaint.decode("utf-8", "replace").split("\n")[:-1]]
        if b"\n" not in self._answer:
            raise CellError(f"the checking process did not begin: {self._ended_by_us or last or _how(code)}")
        if self._ended_by_us:
            raise BrokeOutError(self._ended_by_us)
        if code == -signal.SIGKILL:
            raise CellError("the checking process was killed by somebody else: was the machine out of memory?")
        if code != 0:
            raise BrokeOutError(f"{_how(code)}{': ' if last else ''}{last}")
        return bytes(self._answer)


def _how(code: int | None) -> str:
    if code is not None and code < 0:
        try:
            return f"ended by {signal.Signals(-code).name}"
        except ValueError:
            return f"ended by signal {-code}"
    return f"ended with {code}"


def _end(process: subprocess.Popen[bytes]) -> None:
    """Kill it, if it is not gone, with all of its session."""
    if process.poll() is None:
        # it is not waited for yet, so that its number, and its group's, is nobody else's
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _environment() -> dict[str, str]:
    loader = {_OF_THE_LOADER: value} if (value := os.environ.get(_OF_THE_LOADER)) else {}
    return loader | _SINGLE
