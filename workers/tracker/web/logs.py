"""The server's log: one JSON object a line, without tokens, addresses, or anything that a caller has written."""

from __future__ import annotations

import logging
import sys
import traceback
from datetime import UTC, datetime
from typing import TextIO

import msgspec

#: name of the log of the tracker; that of aiohttp's own troubles hangs below it
LOG = "pairtrawl.tracker"
HTTP_LOG = f"{LOG}.http"


class _Lines(logging.Formatter):
    """Makes a line of a record. `extra={"about": {...}}` adds what is known of the request."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its end."""
        line: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            # aiohttp's arguments hold addresses, and lines of requests: its words alone are enough
            "what": str(record.msg) if record.name == HTTP_LOG else record.getMessage(),
        }
        about = getattr(record, "about", None)
        if isinstance(about, dict):
            line |= about
        if record.exc_info and record.exc_info[1] is not None:
            line["error"] = _where(record.exc_info[1])
        return msgspec.json.encode(line).decode()


def log_to(stream: TextIO | None = None, *, requests: bool = False) -> logging.Logger:
    """The tracker's log, written to a stream; may be called again.

    Args:
        stream: stderr, if none is given.
        requests: also a line for every request.
    """
    log = logging.getLogger(LOG)
    handler = logging.StreamHandler(sys.stderr if stream is None else stream)
    handler.setFormatter(_Lines())
    log.handlers[:] = [handler]
    log.propagate = False
    log.setLevel(logging.INFO if requests else logging.WARNING)
    return log


def _where(error: BaseException) -> str:
    """Type and place of an error, and not its text: that may quote what a caller has sent."""
    frames = traceback.extract_tb(error.__traceback__)
    places = " < ".join(f"{frame.name}:{frame.lineno}" for frame in reversed(frames[-6:]))
    return f"{type(error).__name__} in {places}"
