"""What a volunteer says: to a person at a terminal, to a log, or to a program, as JSON lines. No secrets."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol, TextIO

from workers.home.words import shown

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress, TaskID

#: between two lines about one job in a log
_SECONDS_BETWEEN_LINES = 60.0
_UNITS = {"input": "bytes", "job": "rows", "upload": "bytes"}


class Voice(Protocol):
    """Whom a volunteer talks to."""

    def say(self, event: str, text: str, **details: str | float) -> None:
        """Something has happened: `event` for programs, `text` for people."""
        ...

    def under_way(self, job: str, step: str, done: int, total: int) -> None:
        """A job is so far; `total` 0: nobody knows. `step`: input, job or upload."""
        ...

    def over(self, job: str) -> None:
        """Nothing more is said of this job."""
        ...

    def close(self) -> None:
        """Nothing more is said."""
        ...


class JsonVoice:
    """One object a line on standard output."""

    def __init__(self, out: TextIO) -> None:
        self._out = out

    def say(self, event: str, text: str, **details: str | float) -> None:
        """As `Voice`."""
        self._print({"event": event, "text": shown(text, 2_000)} | details)

    def under_way(self, job: str, step: str, done: int, total: int) -> None:
        """As `Voice`."""
        self._print({"event": "progress", "job": job, "step": step, "done": done, "total": total})

    def over(self, job: str) -> None:
        """As `Voice`."""

    def close(self) -> None:
        """As `Voice`."""

    def _print(self, what: dict[str, Any]) -> None:
        self._out.write(json.dumps(what) + "\n")
        self._out.flush()


class PlainVoice:
    """Lines for a log: what happens, and now and then how far jobs are."""

    def __init__(self, out: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        self._out = out
        self._clock = clock
        self._last: dict[str, float] = {}

    def say(self, event: str, text: str, **details: str | float) -> None:  # noqa: ARG002 - for programs
        """As `Voice`."""
        self._out.write(f"{shown(text, 2_000)}\n")
        self._out.flush()

    def under_way(self, job: str, step: str, done: int, total: int) -> None:
        """As `Voice`."""
        now = self._clock()
        if now - self._last.setdefault(job, now) < _SECONDS_BETWEEN_LINES:
            return
        self._last[job] = now
        of = f" of {total:,}" if total else ""
        self.say("progress", f"{job}: {step}, {done:,}{of} {_UNITS.get(step, '')}")

    def over(self, job: str) -> None:
        """As `Voice`."""
        self._last.pop(job, None)

    def close(self) -> None:
        """As `Voice`."""


class TerminalVoice:
    """Lines, and below them a bar for each job."""

    def __init__(self, console: Console) -> None:
        from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn  # noqa: PLC0415 - only a terminal needs it

        self._console = console
        self._bars: Progress = Progress(
            TextColumn("{task.description}", markup=False), BarColumn(), TaskProgressColumn(), TimeRemainingColumn(),
            console=console, transient=True,
        )  # fmt: skip
        self._tasks: dict[str, TaskID] = {}
        self._bars.start()

    def say(self, event: str, text: str, **details: str | float) -> None:  # noqa: ARG002 - for programs
        """As `Voice`."""
        self._console.print(shown(text, 2_000), highlight=False, markup=False)

    def under_way(self, job: str, step: str, done: int, total: int) -> None:
        """As `Voice`."""
        if job not in self._tasks:
            self._tasks[job] = self._bars.add_task(job)
        self._bars.update(self._tasks[job], description=f"{job} {step}", completed=done, total=total or None)

    def over(self, job: str) -> None:
        """As `Voice`."""
        if job in self._tasks:
            self._bars.remove_task(self._tasks.pop(job))

    def close(self) -> None:
        """As `Voice`."""
        self._bars.stop()


def a_voice(*, as_json: bool) -> Voice:
    """Whoever listens to this process."""
    if as_json:
        return JsonVoice(sys.stdout)
    from rich.console import Console  # noqa: PLC0415 - takes a moment

    console = Console(soft_wrap=True)
    return TerminalVoice(console) if console.is_terminal else PlainVoice(sys.stdout)
