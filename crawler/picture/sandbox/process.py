"""The parent's side of one child: starting it, bytes to it and from it by a deadline, and its end."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import psutil

from crawler.picture.sandbox.canvas import Canvas

#: what a child is started with, and the number of its canvas behind it
CHILD = (sys.executable, "-P", "-m", "crawler.picture.sandbox.child")
#: for Python and its imports; a cluster's file system may be slow
_START_SECONDS = 120.0
#: for a process whose pipes have closed to be gone; it is killed then
_END_SECONDS = 2.0
#: room in a pipe, where the system lets one ask: 64 KiB would mean two changes of process for every 64 KiB of a body
_PIPE_BYTES = 1024 * 1024
_F_SETPIPE_SZ = 1031  # <fcntl.h> of Linux; Python's fcntl names it only sometimes
#: of what a child that does not start complains about
_COMPLAINT_BYTES = 65_536
#: all of our environment that a child gets: a Python that comes as a cluster's module does not start without
_OF_THE_LOADER = ("LD_LIBRARY_PATH",)
#: what glibc keeps of freed memory, for the next picture: giving it back and taking it again costs as much time as
#: decoding 800 x 600 pixels does (benchmarks/decoding.py)
OF_MALLOC = {"MALLOC_MMAP_THRESHOLD_": str(32 * 1024 * 1024), "MALLOC_TRIM_THRESHOLD_": str(64 * 1024 * 1024)}
#: numpy's libraries would start a thread for each core, of which a decoder, one of several, has no use
_OF_NUMPY = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
_OUT_OF_TIME = -getattr(signal, "SIGXCPU", 0)


class LostError(Exception):
    """A child is gone, or was ended because it was late; the message is the detail of the row that it cost."""


class Child:
    """One child process. Not for two threads at once; to be ended with `end`, whatever happened."""

    def __init__(self, pixels: int, command: Sequence[str] = CHILD) -> None:
        """Start it, without waiting for it; its canvas has room for so many pixels."""
        self.canvas = Canvas(pixels)
        self._process = subprocess.Popen(  # noqa: S603 - our own module, no shell
            [*command, str(self.canvas.number)],
            pass_fds=(self.canvas.number,),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=_environment(),
            cwd="/",
            bufsize=0,
            # a session of its own: Ctrl-C at a terminal is for the parent, which then ends its children in order
            start_new_session=True,
        )
        self.canvas.close_number()
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._to, self._from = self._process.stdin.fileno(), self._process.stdout.fileno()
        self._deadline = time.monotonic() + _START_SECONDS
        assert self._process.stderr is not None
        os.set_blocking(self._process.stderr.fileno(), False)
        os.set_blocking(self._to, False)
        os.set_blocking(self._from, False)
        _widen(self._to)
        #: what it said on standard error, once it is ended; a child that has started says nothing any more
        self.complaint = ""
        self._spent: float | None = None  # processor seconds, once it is ended

    @property
    def pid(self) -> int:
        """The process's number."""
        return self._process.pid

    @property
    def memory_bytes(self) -> int:
        """What the process holds in memory now; 0 where it is gone."""
        try:
            return int(psutil.Process(self.pid).memory_info().rss)
        except psutil.Error:
            return 0

    @property
    def cpu_seconds(self) -> float:
        """Processor time that it has used so far; 0 where the system does not tell."""
        if self._spent is not None:
            return self._spent
        if sys.platform != "linux":
            return 0.0
        try:  # the clock of another process's processor time, as clock_getcpuclockid(3) makes its number: 0.7 µs
            return time.clock_gettime((~self.pid << 3) | 2)
        except OSError:
            return 0.0

    def allow(self, seconds: float) -> None:
        """From now on so much time may pass until the next call of this; before the first, time to start in."""
        self._deadline = time.monotonic() + seconds

    @property
    def has_spoken(self) -> bool:
        """Whether there is something to read, or the other end is closed: between two pictures there must not be."""
        return bool(_poll(self._from, select.POLLIN, 0.0))

    def write(self, *parts: bytes) -> None:
        """All of these bytes.

        Raises:
            LostError: the child does not take them, and was ended.
        """
        views = [memoryview(part) for part in parts]
        while views:
            try:
                written = os.writev(self._to, views)
            except BlockingIOError:
                self._wait(self._to, select.POLLOUT)
                continue
            except OSError as error:  # EPIPE
                raise LostError(self._how_it_ended()) from error
            while views and written >= len(views[0]):
                written -= len(views.pop(0))
            if views:
                views[0] = views[0][written:]

    def read_into(self, view: memoryview) -> None:
        """As many bytes as `view` has.

        Raises:
            LostError: they do not come, and the child was ended.
        """
        while view:
            try:
                taken = os.readv(self._from, [view])
            except BlockingIOError:
                self._wait(self._from, select.POLLIN)
                continue
            if taken == 0:
                raise LostError(self._how_it_ended())
            view = view[taken:]

    def _wait(self, pipe: int, event: int) -> None:
        remaining = self._deadline - time.monotonic()
        if remaining <= 0 or not _poll(pipe, event, remaining):
            self.end()
            raise LostError("no answer in time")

    def _how_it_ended(self) -> str:
        """In words, why the pipes are closed; ends the child if they are all that it has closed."""
        self._settle()
        try:
            code = self._process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            self.end()
            return "closed its pipes"
        self.end()
        if code >= 0:
            return f"ended with code {code}"
        if code == _OUT_OF_TIME:
            return "took more processor time than a picture may"
        return f"signal {-code}"

    def _settle(self) -> None:
        """Read its clock for the last time: once it was waited for, its number may be another process's."""
        self._spent = self.cpu_seconds

    def end(self) -> None:
        """End the child now, if it has not ended; may be called again."""
        self._settle()
        self._process.kill()
        self._process.wait()
        assert self._process.stderr is not None
        if not self._process.stderr.closed:
            self.complaint = (self._process.stderr.read(_COMPLAINT_BYTES) or b"").decode("utf-8", "replace")
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            assert pipe is not None
            pipe.close()
        self.canvas.end()


def _environment() -> dict[str, str]:
    """Where to import from, as in this process, and nothing else of what our environment holds."""
    ours = str(Path(__file__).resolve().parents[2])
    paths = [str(Path(path).absolute()) for path in sys.path]
    given = {name: os.environ[name] for name in _OF_THE_LOADER if name in os.environ}
    return OF_MALLOC | _OF_NUMPY | given | {"PYTHONPATH": os.pathsep.join([*paths, ours])}


def _widen(pipe: int) -> None:
    if sys.platform != "linux":
        return
    import fcntl  # noqa: PLC0415 - not on every system

    try:
        fcntl.fcntl(pipe, _F_SETPIPE_SZ, _PIPE_BYTES)
    except OSError:
        return  # the user has many pipes already (pipe(7), pipe-user-pages-soft)


def _poll(pipe: int, event: int, seconds: float) -> bool:
    poll = select.poll()
    poll.register(pipe, event)
    return bool(poll.poll(seconds * 1000))
