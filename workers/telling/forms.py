"""The forms in which a verb tells how it goes; by itself, for the command line is read before anything is imported."""

from __future__ import annotations

from enum import StrEnum


class LogForm(StrEnum):
    """How a verb tells people, or programs, how it goes."""

    AUTO = "auto"  # bars on a terminal, lines elsewhere
    LINES = "lines"
    JSON = "json"
