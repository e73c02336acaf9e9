"""Where filters draw their lines, as their settings alone say it: lists and weights may be gone.

The file of a filter says so by a function `lines`, which is given every setting, defaults included.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from typing import Any, Literal, NamedTuple

from filters import settings_of


class Line(NamedTuple):
    """A line in what a filter measures."""

    column: str  # a score column, or a size of the report, such as "shorter side"
    at: float
    keeps: Literal["from", "below"]  # what lies on the line stays either way
    label: str = ""  # which rows it is drawn for, such as a language; "" for all that have no line of their own


def lines_of(name: str, settings: Mapping[str, Any]) -> tuple[Line, ...]:
    """Where the filter called `name` draws its lines with `settings`; none where it has no such thing.

    Nothing is built for it.

    Raises:
        SettingsError: there is no such filter.
    """
    every = settings_of(name, settings)
    say: Callable[[Mapping[str, Any]], tuple[Line, ...]] | None = getattr(
        importlib.import_module(f"filters.{name}"), "lines", None
    )
    return () if say is None else say(every)


def threshold_lines(column: str, keeps: Literal["from", "below"], settings: Mapping[str, Any]) -> tuple[Line, ...]:
    """The line of a filter that has one threshold."""
    return (Line(column, float(settings["threshold"]), keeps),)
