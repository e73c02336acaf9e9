"""RUN/timeline.jsonl: the events of all sittings at a run, one a line, for whoever looks while it goes or afterwards.

It is no part of a data set: it may be removed at any time, is never compared between runs, and a run goes on without it
where it cannot be written. One process writes it, by one `write` a line, at the end of the file; a slice has a file of
its own beside its status. A kill can leave half a line, which readers pass over.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

from workers.telling.events import Event, JobEnded, PhaseProgress, Said
from workers.telling.scrubbing import scrubbed

NAME: Final = "timeline.jsonl"
#: what files of slices end in, beside their status
OF_SLICE: Final = ".timeline.jsonl"
#: lines until only what is needed for a curve is written: 140 hours of progress, some 100 MB
FULL_LINES: Final = 100_000
#: between two lines of progress, in seconds: before that many lines, and after
_SECONDS: Final = 5.0
_THIN_SECONDS: Final = 60.0

_ENCODER = msgspec.json.Encoder()
_DECODER: msgspec.json.Decoder[Event] = msgspec.json.Decoder(Event)


class TimelineFile:
    """A sink that writes a file, from wherever it ends. Call `close` when nothing is told any more.

    A disk that is full, or a folder that is gone, silences it: nothing of a run depends on it.
    """

    def __init__(self, path: Path, *, full_lines: int = FULL_LINES) -> None:
        self._full_lines = full_lines
        self._progress_at = float("-inf")
        self._phase = ""
        self._file: int | None = None
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._lines, torn = _lines_of(path)
            self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
            if torn:
                self._write(b"\n")
        except OSError:
            self.close()

    def __call__(self, event: Event) -> None:
        """Write it, unless it is one of too many."""
        if self._file is None or not self._wanted(event):
            return
        if isinstance(event, JobEnded):  # its marker has it
            event = msgspec.structs.replace(event, report=None)
        self._lines += 1
        try:
            self._write(_ENCODER.encode(scrubbed(event)) + b"\n")
        except OSError:
            self.close()

    def close(self) -> None:
        """No more is written."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _wanted(self, event: Event) -> bool:
        full = self._lines >= self._full_lines
        if isinstance(event, JobEnded | Said):
            return not full
        if isinstance(event, PhaseProgress):
            now = event.at.timestamp()
            if event.phase == self._phase and now - self._progress_at < (_THIN_SECONDS if full else _SECONDS):
                return False
            self._phase, self._progress_at = event.phase, now
        return True

    def _write(self, line: bytes) -> None:
        assert self._file is not None
        os.write(self._file, line)


def read_timeline(folder: Path) -> list[Event]:
    """All that the sittings at a run have told, its slices included, by time. Empty where nothing was.

    Half lines of killed sittings, and events of later versions, are passed over.

    Args:
        folder: the run's (`RunFolder.path`).

    Raises:
        OSError: a file is there and cannot be read.
    """
    found = [event for path in timelines_of(folder) for event in read_events(path)]
    return sorted(found, key=lambda event: event.at)


def timelines_of(folder: Path) -> list[Path]:
    """The timeline files of a run: its own, and those of its slices."""
    own = folder / NAME
    return [*([own] if own.exists() else []), *sorted((folder / "slices").glob(f"*{OF_SLICE}"))]


def read_events(path: Path) -> Iterator[Event]:
    """The events of one file, in its order.

    Raises:
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        for line in file:
            event = event_of(line)
            if event is not None:
                yield event


def event_of(line: bytes) -> Event | None:
    """The event of a line; None for half a line, and for what this version does not know."""
    try:
        return _DECODER.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError):  # the latter where a name was cut
        return None


def _lines_of(path: Path) -> tuple[int, bool]:
    """How many lines there are, and whether the last one is not whole."""
    lines, last = 0, b"\n"
    if path.exists():
        with path.open("rb") as file:
            while block := file.read(1 << 20):
                lines += block.count(b"\n")
                last = block[-1:]
    return lines, last != b"\n"
