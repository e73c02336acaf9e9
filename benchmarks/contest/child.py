"""One side of a contest, in its own process and under any Python: what it does is timed, what it imports is not.

    PYTHON child.py SIDE.py '{"what": "it is asked"}'

`SIDE.py` has a function `prepare(asked)` that imports and loads what it needs and returns an object with `once()`, which
does the work one time and returns a dictionary of counts, among them `units`; with `versions`, a dictionary; where something
must be set back first, with `before()`, which is not timed; and, if what was found is to be compared, with `save(path)`,
which writes what the last `once()` found.

On standard input: `once`, `profile` or `save PATH`, one a line; on standard output one line of JSON for each. Nothing but
the standard library is used here: it runs in the environments of peers.
"""

from __future__ import annotations

import collections
import gc
import json
import os
import resource
import runpy
import signal
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import Any, Protocol

_TICKS = os.sysconf("SC_CLK_TCK")


class Side(Protocol):
    """What `prepare` returns; `versions`, `before()` and `save(path)` may be missing."""

    def once(self) -> dict[str, Any]:
        """Do the work one time; counts of it, among them `units`."""


def descendants(pid: int) -> list[int]:
    """All processes under this one that live, children first."""
    found = []
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):
            for one in map(int, children.read_text().split()):
                found += [one, *descendants(one)]
    return found


def measured(side: Side) -> dict[str, Any]:
    """One round: seconds of CPU (descendants included) and of the clock, the peak of memory, and what was counted."""
    _set_back(side)
    gc.collect()
    _forget_peak([os.getpid(), *descendants(os.getpid())])
    cpu, wall = _cpu(), time.perf_counter()
    counts = side.once()
    wall, cpu = time.perf_counter() - wall, _cpu() - cpu
    peak = _peak([os.getpid(), *descendants(os.getpid())])
    return {"cpu": cpu, "wall": wall, "peak_bytes": peak, "counts": counts}


def profiled(side: Side, seconds: float = 4.0) -> list[tuple[str, float]]:
    """Shares of this process's CPU time by function, of the main thread: its innermost Python frame at each sample.

    What a function of C takes is told of the Python function that calls it.
    """
    seen: collections.Counter[str] = collections.Counter()

    def look(_signal: int, frame: FrameType | None) -> None:
        if frame is not None:
            seen[f"{'/'.join(Path(frame.f_code.co_filename).parts[-2:])}:{frame.f_code.co_name}"] += 1

    signal.signal(signal.SIGPROF, look)
    signal.setitimer(signal.ITIMER_PROF, 0.001, 0.001)
    began = time.process_time()
    while time.process_time() - began < seconds:
        _set_back(side)
        side.once()
    signal.setitimer(signal.ITIMER_PROF, 0)
    whole = sum(seen.values()) or 1
    return [(name, count / whole) for name, count in seen.most_common(14)]


def main() -> None:
    """Obey what comes on standard input."""
    said = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what a library prints does not come between our lines
    prepare: Callable[[dict[str, Any]], Side] = runpy.run_path(sys.argv[1], run_name="side")["prepare"]
    side = prepare(json.loads(sys.argv[2]))
    said.write(json.dumps({"versions": getattr(side, "versions", {}), "python": sys.version.split()[0]}) + "\n")
    for line in sys.stdin:
        word, _, rest = line.rstrip("\n").partition(" ")
        answer: object = {}
        if word == "once":
            answer = measured(side)
        elif word == "profile":
            answer = profiled(side)
        else:
            side.save(rest)  # type: ignore[attr-defined] # who asks for it knows that this side has it
        said.write(json.dumps(answer) + "\n")


def _set_back(side: Side) -> None:
    before = getattr(side, "before", None)
    if before:
        before()


def _cpu() -> float:
    """CPU seconds of this process and all under it, ended or not."""
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + ended.ru_utime + ended.ru_stime + _living_seconds(descendants(os.getpid()))


def _living_seconds(pids: Iterable[int]) -> float:
    seconds = 0.0
    for pid in pids:
        with suppress(OSError):
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            seconds += sum(int(one) for one in fields[11:15]) / _TICKS  # its own, and its ended children's
    return seconds


def _forget_peak(pids: Sequence[int]) -> None:
    for pid in pids:
        with suppress(OSError):  # where it cannot be reset, the peak is that of the whole life
            Path(f"/proc/{pid}/clear_refs").write_text("5")


def _peak(pids: Iterable[int]) -> int:
    held = 0
    for pid in pids:
        with suppress(OSError):
            told = Path(f"/proc/{pid}/status").read_text().splitlines()
            held += sum(int(line.split()[1]) * 1024 for line in told if line.startswith("VmHWM:"))
    return held


if __name__ == "__main__":
    main()
