"""What all processes of a run must agree on, as the rest of the crawler sees it: turns at hosts, and rules of sites.

A desk keeps them. `local_desk` is one for a single process, `workers.ray_desk` one that the actors of a run share;
both obey one contract test. Jobs open the desk inside their own event loop; what it knows outlives them.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

import msgspec

from crawler.records import Fault


class Heard(StrEnum):
    """What a request taught us of its host."""

    ANSWERED = "answered"  # whatever it said, somebody is at home
    FAILED = "failed"  # no connection, no answer in time, or 5xx
    PATIENCE = "patience"  # it asks for less haste: 429 or 503


class Word(msgspec.Struct, frozen=True):
    """What is told to the desk when a turn ends."""

    heard: Heard
    seconds: float = 0.0  # of patience: what Retry-After asked for; 0 where it did not say


@dataclass(slots=True)
class Turn:
    """A place at a host, held inside a `with`. `word` is passed on when it is left; None: nothing was learnt."""

    word: Word | None = None


class TurnRefusedError(Exception):
    """There is no turn at this host soon enough: `fault` is HOST_BUSY or HOST_DOWN; `detail` is for people."""

    def __init__(self, fault: Fault, detail: str = "") -> None:
        super().__init__(f"{fault}: {detail}" if detail else str(fault))
        self.fault = fault
        self.detail = detail


class Turns(Protocol):
    """Who may ask a host, and when."""

    def turn(self, host: str) -> AbstractAsyncContextManager[Turn]:
        """Wait for a turn at this host (a name or address, lower case, without port) and hold it inside the `with`.

        Deadlines belong inside, not around. Cancelling the wait is safe.

        Raises:
            TurnRefusedError: the host is left alone just now, or its turn would come too late.
        """
        ...  # pragma: no cover

    def slow_to(self, host: str, seconds: float) -> None:
        """Keep requests at this host's site so far apart from now on, where that is more than it was (Crawl-delay)."""
        ...  # pragma: no cover


class FileState(StrEnum):
    """What became of asking for a file of a site's rules."""

    FOUND = "found"
    ABSENT = "absent"  # 4xx: there is none, and none means no rule; also where the recipe does not ask
    UNREACHABLE = "unreachable"  # there may be one, but it cannot be had: 429, 5xx, no connection


class SiteFile(msgspec.Struct, frozen=True):
    """What of one file of rules concerns us; `text` is empty unless it was found."""

    state: FileState
    text: str = ""
    fault: Fault | None = None  # of unreachable: what its host cannot be asked for either, such as DNS_FAILED
    detail: str = ""  # of unreachable: why, for people


class SiteFiles(msgspec.Struct, frozen=True):
    """The files of rules of one origin."""

    expires_at: float  # seconds since 1970, UTC: from then on they are asked for anew (see `crawler.rights.sites`)
    robots: SiteFile
    tdmrep: SiteFile
    ai_txt: SiteFile


class RuleStore(Protocol):
    """The rule files of every origin met in this run, each asked for once (and again when they have expired)."""

    async def of(self, origin: str, make: Callable[[], Awaitable[SiteFiles]]) -> SiteFiles:
        """The files of this origin ("http://host:port"); `make` asks for them, and is called by whoever comes first.

        The others wait for the first. What `make` raises reaches its own caller, and the next one tries.
        """
        ...  # pragma: no cover


@dataclass(frozen=True, slots=True)
class OpenDesk:
    """A desk inside an event loop."""

    turns: Turns
    rules: RuleStore


class Desk(Protocol):
    """What a process has of the run's desk: opened anew by each job, inside its event loop."""

    def open(self) -> AbstractAsyncContextManager[OpenDesk]:
        """The desk, for as long as the context lasts."""
        ...  # pragma: no cover
