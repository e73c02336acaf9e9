"""The timelines of a run, read as they grow: what was new since the last look, and no more."""

from __future__ import annotations

import os
from collections import Counter, deque
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from workers.telling.events import (
    Event,
    Failure,
    Figures,
    PhaseBegan,
    PhaseEnded,
    PhaseProgress,
    RunBegan,
    RunEnded,
    Said,
)
from workers.telling.timeline import event_of

#: of a file that is seen for the first time, its end: some hours, or the sitting so far
_FIRST_BYTES = 1 << 20
#: at one look, of one file: a timeline that somebody has copied there does not stop the page
_MOST_BYTES = 4 << 20
_WORDS = 12
#: a bin of the curve, in seconds, and how many are kept
BIN_SECONDS = 15
BINS = 120


@dataclass(slots=True)
class Sitting:
    """What one timeline tells: of the sitting that wrote its end."""

    slice: str = ""
    began: RunBegan | None = None
    ended: RunEnded | None = None
    figures: Figures | None = None
    heard: datetime | None = None
    said: deque[str] = field(default_factory=lambda: deque(maxlen=_WORDS))
    failures: deque[str] = field(default_factory=lambda: deque(maxlen=_WORDS))
    failed: int = 0
    #: phase, number of the bin -> units that were done in it
    done: dict[str, Counter[int]] = field(default_factory=dict)
    _last: tuple[str, int] = ("", 0)

    def hear(self, event: Event) -> None:
        """Take note of an event."""
        self.heard = event.at
        match event:
            case RunBegan():
                self.began, self.ended, self.figures, self.failed = event, None, None, 0
                self.slice = event.slice
                self.failures.clear()
            case RunEnded():
                self.ended = event
            case PhaseBegan():
                self._last = (event.phase, 0)
            case PhaseProgress() | PhaseEnded():
                self._count(event)
                self.figures = event
            case Failure():
                self.failed += 1
                self.failures.append(event.text)
            case Said():
                self.said.append(event.text)
            case _:
                pass

    def _count(self, figures: Figures) -> None:
        """What was done since the last figures goes into the bin of this moment."""
        phase, before = self._last
        more = figures.done - before if phase == figures.phase else 0
        self._last = (figures.phase, figures.done)
        bins = self.done.setdefault(figures.phase, Counter())
        now = int(figures.at.timestamp()) // BIN_SECONDS
        if more > 0:
            bins[now] += more
        for old in [one for one in bins if one <= now - BINS]:
            del bins[old]


class Tail:
    """One timeline file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._inode = 0
        self._at = 0
        self._rest = b""
        self.sitting = Sitting()

    def look(self) -> bool:
        """Hear what is new; whether anything is. A file that was begun anew is heard from its beginning."""
        try:
            with self._path.open("rb") as file:
                found = os.fstat(file.fileno())
                if found.st_ino != self._inode or found.st_size < self._at:
                    self._begin(found.st_ino, found.st_size)
                if found.st_size == self._at:
                    return False
                file.seek(self._at)
                new = file.read(_MOST_BYTES)
        except OSError:  # gone, with the run that it was of
            self._begin(0, 0)
            return False
        self._at += len(new)
        *lines, self._rest = (self._rest + new).split(b"\n")
        for line in lines:
            event = event_of(line)
            if event is not None:
                self.sitting.hear(event)
        return True

    def _begin(self, inode: int, size: int) -> None:
        self._inode, self._rest = inode, b""
        self._at = max(0, size - _FIRST_BYTES)  # half a line at its beginning is no event
        self.sitting = Sitting()
