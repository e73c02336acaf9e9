"""Events as lines of a log: what is said, and how far a phase is, at its start, every ten seconds, and at its end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from workers.telling.events import Event, Failure, Figures, PhaseBegan, PhaseEnded, PhaseProgress, Said

#: between two lines of a phase
SECONDS: Final = 10.0


class Lines:
    """A sink that says lines."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._said_at = 0.0  # seconds of the phase

    def __call__(self, event: Event) -> None:
        """Say it, unless a line of this phase was said a moment ago."""
        match event:
            case PhaseBegan(total=0) | PhaseProgress(total=0) | PhaseEnded(total=0):
                pass  # all of it was done before, which is said
            case Said() | Failure():
                self._say(event.text)
            case PhaseBegan():
                self._said_at = 0.0
                self._say(
                    f"{event.phase} ..." if event.total is None else f"{event.phase}: {event.total:,} {event.unit} ..."
                )
            case PhaseProgress() if event.seconds - self._said_at >= SECONDS:
                self._said_at = event.seconds
                self._say(line_of(event))
            case PhaseEnded():
                self._say(line_of(event))
            case _:
                pass


def line_of(figures: Figures) -> str:
    """How far a phase is, in one line."""
    of = "" if figures.total is None else f" of {figures.total:,}"
    told = [f"{figures.phase}: {figures.done:,}{of} {figures.unit} after {figures.seconds:.0f} s"]
    under_way = isinstance(figures, PhaseProgress)
    if under_way and figures.rate:
        told.append(f"{rate_of(figures.rate)} a second")
    if under_way and figures.left_seconds is not None:
        told.append(f"{time_of(figures.left_seconds)} left")
    if figures.unit == "archives":
        told.append(f"{figures.rows:,} candidates")
    if figures.kept:
        told.append(f"{figures.kept:,} kept")
    if figures.failed:
        told.append(f"{figures.failed:,} failed")
    return ", ".join(told)


def rate_of(rate: float) -> str:
    """A rate as people write it: "1,234", "12.3", "0.05"."""
    if rate >= 100:
        return f"{rate:,.0f}"
    return f"{rate:.1f}" if rate >= 1 else f"{rate:.2f}"


def time_of(seconds: float) -> str:
    """A stretch of time by its two largest units: "2 d 3 h", "12 min 30 s", "8 s"."""
    parts: list[str] = []
    rest = round(seconds)
    for name, step in (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1)):
        many, rest = divmod(rest, step)
        if many or (name == "s" and not parts):
            parts.append(f"{many} {name}")
    return " ".join(parts[:2])
