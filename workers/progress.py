"""Progress for people: a bar on a terminal, a plain line now and then in a log."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from rich.console import Console

#: between two lines in a log
_SECONDS_BETWEEN_LINES = 10.0


class Phase(Protocol):
    """One phase of a run: `advance` may be called from any thread."""

    def advance(self, count: int, /) -> None:
        """`count` more are done."""
        ...


class Display:
    """Shows phases on a console: on a terminal each is a bar, elsewhere a line at start, every ten seconds, at end."""

    def __init__(self, console: Console, clock: Callable[[], float] = time.monotonic) -> None:
        self._console = console
        self._clock = clock

    def say(self, text: str) -> None:
        """A line of text, above any bar; shown as it is, for addresses and tracebacks hold brackets, as markup does."""
        self._console.print(text, highlight=False, markup=False)

    @contextmanager
    def phase(self, title: str, total: int | None, unit: str) -> Iterator[Phase]:
        """Show one phase while inside. `total` is None where it is not known beforehand."""
        if self._console.is_terminal:
            with self._bar(title, total, unit) as bar:
                yield bar
        else:
            lines = _Lines(self, title, total, unit, self._clock)
            yield lines
            lines.end()

    @contextmanager
    def _bar(self, title: str, total: int | None, unit: str) -> Iterator[Phase]:
        from rich.progress import (  # noqa: PLC0415 - only a terminal needs it
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeElapsedColumn,
            TimeRemainingColumn,
        )

        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn(unit),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
        )
        with Progress(*columns, console=self._console) as progress:
            task = progress.add_task(title, total=total)
            yield _Bar(lambda count: progress.advance(task, count))


class _Bar:
    def __init__(self, advance: Callable[[int], None]) -> None:
        self._advance = advance

    def advance(self, count: int, /) -> None:
        self._advance(count)


class _Lines:
    def __init__(self, display: Display, title: str, total: int | None, unit: str, clock: Callable[[], float]) -> None:
        self._display = display
        self._title = title
        self._unit = unit
        self._of = "" if total is None else f" of {total:,}"
        self._clock = clock
        self._done = 0
        self._began = self._last = clock()
        self._lock = threading.Lock()
        display.say(f"{title} ..." if total is None else f"{title}: {total:,} {unit} ...")

    def advance(self, count: int, /) -> None:
        with self._lock:
            self._done += count
            now = self._clock()
            if now - self._last < _SECONDS_BETWEEN_LINES:
                return
            self._last = now
        self._line()

    def end(self) -> None:
        self._line()

    def _line(self) -> None:
        seconds = self._clock() - self._began
        self._display.say(f"{self._title}: {self._done:,}{self._of} {self._unit} after {seconds:.0f} s")
