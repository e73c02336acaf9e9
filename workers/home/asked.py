"""What a volunteer was asked for on the command line: frozen, checked, with units."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from crawler.errors import SettingsError
from workers.protocol.allowed import KINDS

_HOURS = re.compile(r"(\d{1,2})-(\d{1,2})")


@dataclass(frozen=True, slots=True)
class Hours:
    """Hours of the day, by the clock on the wall of this machine: from `first` up to, not including, `last`."""

    first: int
    last: int

    def contain(self, hour: int) -> bool:
        """Whether work is begun in this hour. 22-6 goes over midnight."""
        if self.first < self.last:
            return self.first <= hour < self.last
        return hour >= self.first or hour < self.last


@dataclass(frozen=True, slots=True)
class Limits:
    """How much of a machine may be used. None is no limit but the machine's own."""

    cpus: int | None = None
    memory_bytes: int | None = None
    disk_bytes: int | None = None
    bytes_per_second: float | None = None
    hours: Hours | None = None
    kinds: tuple[str, ...] = ()  # none: all that the machine can do


@dataclass(frozen=True, slots=True)
class AskedWork:
    """One `pairtrawl work`."""

    tracker: str
    folder: Path | None = None
    name: str = ""
    account_file: Path | None = None
    invitation: str = ""
    public_key: str = ""
    limits: Limits = field(default_factory=Limits)
    jobs: int | None = None  # then stop
    allow_private: bool = False
    as_root: bool = False
    as_json: bool = False


def parse_hours(written: str) -> Hours:
    """22-6 as hours.

    Raises:
        SettingsError: these are none.
    """
    found = _HOURS.fullmatch(written.strip())
    if not found or not (0 <= int(found[1]) <= 23 and 0 <= int(found[2]) <= 24) or found[1] == found[2]:
        raise SettingsError(f"--hours {written}: must be two hours of the day, such as 22-6")
    return Hours(int(found[1]), int(found[2]))


def parse_kinds(written: str) -> tuple[str, ...]:
    """extract,fetch as kinds.

    Raises:
        SettingsError: one of them is none.
    """
    kinds = tuple(one.strip() for one in written.split(",") if one.strip())
    if unknown := [one for one in kinds if one not in KINDS]:
        raise SettingsError(f"--kinds {unknown[0]}: there are {', '.join(KINDS)}")
    return kinds
