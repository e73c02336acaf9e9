"""The sides of a contest: a loop in a process that stays up, or a command that is run anew for each round."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.contest.child import descendants

ROOT = Path(__file__).resolve().parents[2]
_CHILD = Path(__file__).with_name("child.py")
#: seconds after which a command counts as hanging
LIMIT = 1800.0


class BrokenSideError(Exception):
    """A side did not do its work; the message has what it printed last."""


@dataclass(frozen=True, slots=True)
class Round:
    """What one side took for the work, one time."""

    cpu: float  # seconds, of all its processes
    wall: float  # seconds
    peak_bytes: int
    counts: Mapping[str, Any]  # "units" among them

    @property
    def units(self) -> float:
        """How much work was done."""
        return float(self.counts["units"])


@dataclass(frozen=True, slots=True)
class Loop:
    """A side that runs `prepare(asked).once()` of a file, under a Python: what it imports is not timed."""

    name: str
    file: Path
    asked: Mapping[str, Any]
    python: Path = Path(sys.executable)
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Command:
    """A side that is a program: its start belongs to what is timed.

    `words` makes the command line for a folder that does not exist yet; `count` reads from that folder what was done.
    `few` makes the command line of the same on next to nothing: what starting costs.
    """

    name: str
    words: Callable[[Path], Sequence[str]]
    count: Callable[[Path], Mapping[str, Any]]
    versions: Mapping[str, str]
    few: Callable[[Path], Sequence[str]] | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    before: Callable[[], None] | None = None  # what is set back before each round


class Running:
    """A loop that is up, pinned to cores."""

    def __init__(self, loop: Loop, cores: Sequence[int]) -> None:
        self.loop = loop
        words = [str(loop.python), str(_CHILD), str(loop.file), json.dumps(dict(loop.asked))]
        # one thread for one core: a library that starts two on one core is measured at their quarrel
        quiet = {
            "OMP_NUM_THREADS": str(len(cores)),
            "MKL_NUM_THREADS": str(len(cores)),
            "OPENBLAS_NUM_THREADS": str(len(cores)),
        }
        self._process = subprocess.Popen(
            words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT,
            env={**os.environ, **quiet, **loop.environment}, start_new_session=True,
        )  # fmt: skip
        os.sched_setaffinity(self._process.pid, cores)
        told = self._answer()
        self.versions: dict[str, str] = {"Python": told["python"], **told["versions"]}

    def once(self) -> Round:
        """One round."""
        return Round(**self._ask("once"))

    def profile(self) -> list[tuple[str, float]]:
        """Shares of CPU time by function."""
        return [(name, share) for name, share in self._ask("profile")]

    def save(self, path: Path) -> None:
        """Have written what the last round found."""
        self._ask(f"save {path}")

    def close(self) -> None:
        """End it, with whatever it has started."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(10)
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def _ask(self, word: str) -> Any:  # noqa: ANN401 - the child's JSON
        assert self._process.stdin is not None
        self._process.stdin.write(word + "\n")
        self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> Any:  # noqa: ANN401 - the child's JSON
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise BrokenSideError(f"{self.loop.name} ended without an answer; what it said stands above")
        return json.loads(line)


def run_command(side: Command, words: Sequence[str], cores: Sequence[int], work: Path) -> Round:
    """Run a command to its end, in a process group of its own, pinned to cores.

    Raises:
        BrokenSideError: it ended with another status than 0, or did not end in `LIMIT` seconds.
    """
    if side.before:
        side.before()
    log = work / f"{side.name.replace(' ', '-')}.log"
    # compiled modules are kept: a side whose packages are compiled at every start would be slow for nothing
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    began = time.perf_counter()
    with log.open("wb") as said:
        process = subprocess.Popen(
            words, env={**kept, **side.environment}, stdout=said, stderr=subprocess.STDOUT, start_new_session=True, cwd=ROOT,
            preexec_fn=lambda: os.sched_setaffinity(0, cores),  # noqa: PLW1509 - before exec, or its first threads run anywhere
        )  # fmt: skip
        hanging = threading.Timer(LIMIT, os.killpg, (process.pid, signal.SIGKILL))
        peak = _Peak(process.pid)
        hanging.start()
        peak.start()
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - began
        hanging.cancel()
        peak.ended.set()
        peak.join()
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise BrokenSideError(f"{side.name} left with {process.returncode}: {log.read_text(errors='replace')[-1500:]}")
    return Round(usage.ru_utime + usage.ru_stime, wall, peak.bytes, {"units": 0})


def clear(folder: Path) -> None:
    """Remove what a round has written."""
    shutil.rmtree(folder, ignore_errors=True)


class _Peak(threading.Thread):
    """Looks now and then at what a tree of processes holds in memory, shared pages shared."""

    def __init__(self, pid: int, every: float = 0.25) -> None:
        super().__init__(daemon=True)
        self._pid, self._every = pid, every
        self.bytes = 0
        self.ended = threading.Event()

    def run(self) -> None:
        while not self.ended.wait(self._every):
            self.bytes = max(self.bytes, sum(_held(pid) for pid in (self._pid, *descendants(self._pid))))


def _held(pid: int) -> int:
    """A process's proportional share of memory, in bytes; 0 where it is gone."""
    try:
        told = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0
    return sum(int(line.split()[1]) * 1024 for line in told.splitlines() if line.startswith("Pss:"))
