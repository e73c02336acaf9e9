"""What may be shown of a job's rows to people who look at what its filters do: rules, and no pictures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from crawler.report import use_of

#: the stage whose rejections have a picture
STAGE = "filter pictures"


class Scale(NamedTuple):
    """Where a filter draws its lines."""

    column: str  # of its score
    lines: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Showing:
    """What may be shown of a job's rows, and how. By default nothing."""

    #: for each filter, band, and shard
    most: int = 0
    #: filters ("pictures.clip_similarity") that have a score and lines in it
    scales: Mapping[str, Scale] = field(default_factory=dict)
    #: filters of which nothing is shown that they reject
    hidden: frozenset[str] = frozenset()
    #: filters that find pictures unsafe
    safety: frozenset[str] = frozenset()
    #: their score columns, and from where on a picture is blurred
    blurred_from: Mapping[str, float] = field(default_factory=dict)

    def shows(self, reason: str) -> bool:
        """Whether a picture may be shown that a filter of this name has rejected."""
        return self.most > 0 and use_of(STAGE, reason) not in self.hidden

    def blurs(self, row: Mapping[str, Any], reason: str = "") -> bool:
        """Whether a picture is shown blurred only: a safety filter of the recipe has rejected it, or may have.

        That is one with a high score, and one that the filter has given none: it was rejected before, or the model
        had no number.
        """
        if reason and use_of(STAGE, reason) in self.safety:
            return True
        return any((score := row.get(column)) is None or score >= at for column, at in self.blurred_from.items())
