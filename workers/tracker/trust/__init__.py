"""What a worker is believed, as arithmetic: nothing here knows a database."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Said(StrEnum):
    """What one check says of a result."""

    GOOD = "good"
    BAD = "bad"  # for certain: an honest worker with a sound machine does not do that
    ODD = "odd"  # may be chance, or the web: counts in sum with others
    NOTHING = "nothing"  # could not be looked at (the archive was not to be had); counts for neither


@dataclass(frozen=True, slots=True)
class Signal:
    """One measurement of one check."""

    name: str  # of the check: "structure", "parse", "score", "web", "canary", "gold", "replica", "population"
    said: Said
    looked: int = 0  # things looked at
    wrong: int = 0  # of them
    detail: str = ""  # for operators: what, where; never an entry of a confidential list


@dataclass(frozen=True, slots=True)
class Belief:
    """Beta(good, bad): pseudo-counts of checks passed and failed."""

    good: float = 1.0
    bad: float = 1.0
