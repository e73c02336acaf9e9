"""Events on a terminal: a bar for the phase, and under it one for each stage of the way; lines are said above them.

rich stops here. What is drawn is a function of the last figures and the width.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Final

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from workers.telling.events import Event, Failure, Figures, PhaseBegan, PhaseEnded, PhaseProgress, Said
from workers.telling.lines import rate_of, time_of

#: drawings a second: enough to see it move, and one per cent of a core
_DRAWINGS: Final = 4
_REASONS: Final = 4
_STAGES: Final = 3
#: columns of a bar, at most
_WIDEST: Final = 32


class Bars:
    """A sink that draws. Between phases, and at the end of the last one, the terminal is as it was."""

    def __init__(self, console: Console, clock: Callable[[], float] = time.monotonic) -> None:
        self._console = console
        self._clock = clock
        self._live: Live | None = None
        self._figures: Figures | None = None
        self._told_at = 0.0
        self._title = ""

    def __call__(self, event: Event) -> None:
        """Draw what it says with the next drawing, or say it above the bars."""
        match event:
            case PhaseBegan(total=0) | PhaseProgress(total=0) | PhaseEnded(total=0):
                pass  # all of it was done before, which is said
            case Said() | Failure():
                self._console.print(event.text, highlight=False, markup=False)
            case PhaseBegan():
                self._stop()
                self._figures, self._title, self._told_at = None, event.phase, self._clock()
                self._live = Live(
                    console=self._console, get_renderable=self._drawing, refresh_per_second=_DRAWINGS,
                    vertical_overflow="crop",
                )  # fmt: skip
                self._live.start()
            case PhaseProgress():
                self._figures, self._told_at = event, self._clock()
            case PhaseEnded():
                self._figures, self._told_at = event, self._clock()
                self._stop()
            case _:
                pass

    def _drawing(self) -> RenderableType:
        if self._figures is None:
            return Text(f"{self._title} ...")
        return drawing(self._figures, self._clock() - self._told_at)

    def _stop(self) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None


def drawing(figures: Figures, later: float = 0.0) -> RenderableType:
    """A phase, so many seconds after these figures; of one that is over its own bar only."""
    if isinstance(figures, PhaseEnded):
        return _head(figures, 0.0)
    return Group(_head(figures, later), *_under_way(figures), *_stages(figures), *_words(figures))


def _head(figures: Figures, later: float) -> RenderableType:
    grid = _grid()
    total = figures.total
    of = f"{figures.done:,}" if total is None else f"{figures.done:,}/{total:,}"
    grid.add_row(Text(figures.phase, style="bold"), _bar(figures.done, total), Text(f"{of} {figures.unit}"))
    told = [time_of(figures.seconds + later)]
    if isinstance(figures, PhaseProgress):
        told += [f"{rate_of(figures.rate)} a second"] if figures.rate else []
        if figures.left_seconds is not None:
            told.append(f"{time_of(max(0.0, figures.left_seconds - later))} left")
    if figures.jobs > 1:
        told.append(f"{figures.jobs_done:,} of {figures.jobs:,} jobs")
    if figures.kept:
        told.append(f"{figures.kept:,} kept")
    if figures.failed:
        told.append(f"{figures.failed:,} failed")
    return Group(grid, Text(f"  {', '.join(told)}", style="dim", no_wrap=True, overflow="ellipsis"))


def _under_way(figures: Figures) -> Iterator[RenderableType]:
    """How far the rows of the present job have come."""
    if not figures.under_way or not figures.under_way_rows:
        return
    grid = _grid()
    for name, count in figures.under_way.items():
        shown = f"{count:,} of {figures.under_way_rows:,} in this job"
        grid.add_row(Text(f"  {name}"), _bar(count, figures.under_way_rows), Text(shown))
    yield grid


def _stages(figures: Figures) -> Iterator[RenderableType]:
    """Of each stage that lost any: how much of what it was given it has passed on."""
    lossy = [one for one in figures.stages if one.found > one.kept]
    if not lossy:
        return
    grid = _grid()
    for one in lossy:
        share = f"{100 * one.kept / one.found:.0f} %"
        grid.add_row(
            Text(f"  {one.stage}"), _bar(one.kept, one.found), Text(f"{one.kept:,} of {one.found:,} passed, {share}")
        )
    yield grid


def _words(figures: Figures) -> Iterator[RenderableType]:
    reasons = sorted(figures.reasons.items(), key=lambda item: (-item[1], item[0]))[:_REASONS]
    if reasons:
        told = ", ".join(f"{reason} {count:,}" for reason, count in reasons)
        yield Text(f"  rejected: {told}", style="dim", no_wrap=True, overflow="ellipsis")
    whole = sum(figures.spent.values())
    if whole > 0:
        shares = sorted(((100 * one / whole, stage) for stage, one in figures.spent.items()), reverse=True)[:_STAGES]
        told = ", ".join(f"{stage} {share:.0f} %" for share, stage in shares if share >= 1)
        yield Text(f"  time goes into: {told}", style="dim", no_wrap=True, overflow="ellipsis")


def _grid() -> Table:
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(width=18, no_wrap=True, overflow="ellipsis")
    grid.add_column(max_width=_WIDEST, min_width=8)
    grid.add_column(no_wrap=True, overflow="ellipsis")
    return grid


def _bar(done: int, total: int | None) -> ProgressBar:
    return ProgressBar(
        total=total or (1 if total == 0 else None), completed=done if total else (total == 0), width=None
    )
