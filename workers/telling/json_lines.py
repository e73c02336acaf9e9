"""Events as JSON, one object a line: `--log json`, and what it means for everything else that is written to stderr."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from typing import Final

import msgspec

from workers.telling.events import Event, PhaseBegan, PhaseProgress, Said, moment
from workers.telling.forms import LogForm
from workers.telling.lines import SECONDS
from workers.telling.scrubbing import scrubbed

_ENCODER = msgspec.json.Encoder()
_STDERR: Final = 2


class JsonLines:
    """A sink that writes objects. Progress of a phase is written every ten seconds, as in a log."""

    def __init__(self, write: Callable[[bytes], object] | None = None) -> None:
        """`write` takes a line, its end included; without it stderr does, by one `write` of the system."""
        self._write = write or _to_stderr
        self._said_at = 0.0  # seconds of the phase

    def __call__(self, event: Event) -> None:
        """Write it, unless progress of this phase was written a moment ago."""
        if isinstance(event, PhaseBegan):
            self._said_at = 0.0
        if isinstance(event, PhaseProgress):
            if event.seconds - self._said_at < SECONDS:
                return
            self._said_at = event.seconds
        self._write(line_of(event))


class FromLogging(logging.Handler):
    """What libraries log, as events: a line of theirs among ours would not be read."""

    def __init__(self, tell: Callable[[Event], None]) -> None:
        super().__init__(logging.WARNING)
        self._tell = tell

    def emit(self, record: logging.LogRecord) -> None:
        """Tell it."""
        self._tell(Said(at=moment(), text=f"{record.name}: {self.format(record)}"))


def line_of(event: Event) -> bytes:
    """The event as a line of JSON, without secrets."""
    return _ENCODER.encode(scrubbed(event)) + b"\n"


def saying(form: LogForm) -> Callable[[str], None]:
    """Says lines on stderr, in this form: for what is told before there is a sitting, or after it."""
    if form is LogForm.JSON:
        return lambda text: _to_stderr(line_of(Said(at=moment(), text=text)))
    return lambda text: _to_stderr(f"{text}\n".encode(errors="replace"))


def _to_stderr(line: bytes) -> None:
    """As a whole, and not through a buffer: a signal may come in the middle of anything."""
    while line:
        line = line[os.write(_STDERR, line) :]
