"""Whose turn it is, at each site and host: a state machine without a clock, a socket or a coroutine.

A *site* is a registrable domain (`domains`). It has places, a time between two starts, and a line. A *host* has
its health (`host_health`): where it is paused, those who wait for it stand aside until the pause is over, and
then join the line at its end; where it is down they are refused; after a rest one of them probes it. What is kept of
both, and how long, is in `host_memory`.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable
from typing import Generic

from crawler.courtesy.desk import Heard, Word
from crawler.courtesy.host_health import Refusal
from crawler.courtesy.host_memory import MOST_REMEMBERED, Host, HostMemory, Site, Ticket, Visit
from crawler.records import Fault
from crawler.settings import Manners

#: who was told to wait, because the turn would come in time, is refused when so many times `longest_wait_seconds` are
#: over. Not at once, for each turn of a line starts a little late, and the last ones would wait for nothing
_GRACE = 1.5


class HostBook(Generic[Ticket]):
    """Who may ask which host, and when. Times are seconds of one monotonic clock and never go back.

    A ticket asks, is called exactly once by `due` (unless it leaves before), and leaves. Whoever drives the book calls
    `due` after each `ask`, `leave` and `slow_to`, and at `next_due`.

    Args:
        manners: how sites are treated. Spacing and Crawl-delay are multiplied by `islands`, and requests at once are
            divided by it; one is always allowed.
        uniform: draws the jitter of pauses and rests.
        hold_seconds: after so long a place is taken back from who holds it, in case its process is dead.
        most_remembered: see `crawler.courtesy.host_memory`.
    """

    def __init__(
        self,
        manners: Manners,
        *,
        uniform: Callable[[float, float], float],
        hold_seconds: float = math.inf,
        most_remembered: int = MOST_REMEMBERED,
    ) -> None:
        self._manners = manners
        self._at_once = max(1, manners.requests_at_once // manners.islands)
        self._hold_seconds = hold_seconds
        self._longest_wait = _GRACE * manners.longest_wait_seconds
        self._first_deadline = math.inf  # no wait and no hold ends earlier; the one that ends then may be gone
        self._memory: HostMemory[Ticket] = HostMemory(manners, uniform, most_remembered)
        # both in the order of `since`, so that the first is the first whose time is over
        self._waiting: OrderedDict[Ticket, Visit[Ticket]] = OrderedDict()
        self._inside: OrderedDict[Ticket, Visit[Ticket]] = OrderedDict()
        self._called: dict[Ticket, Refusal | None] = {}

    def __len__(self) -> int:
        """Sites and hosts remembered now."""
        return len(self._memory)

    def ask(self, host: str, ticket: Ticket, now: float) -> None:
        """Ask for a turn at this host. Asking again is harmless; who is inside is called again."""
        if ticket in self._inside:
            self._called[ticket] = None
        if ticket in self._inside or ticket in self._waiting:
            return
        known = self._memory.known(host)
        if known is not None and known.health.is_down(now):
            self._called[ticket] = known.health.refusal(now)
            return
        visit = Visit(host, self._memory.site(host), now)
        site = visit.site
        site.visits += 1
        if known is None and not site.line and site.inside < self._at_once and site.opens <= now:
            self._let_in(ticket, visit, now)
            return
        ahead = site.visits - site.inside - 1
        start = max(now, site.opens, known.health.paused_until if known else now) + ahead * site.spacing
        if start > now + self._manners.longest_wait_seconds:
            self._called[ticket] = _busy(start - now)
            self._memory.end(site, now)
            return
        known = known or self._memory.host(host)
        known.waiting[ticket] = self._waiting[ticket] = visit
        self._first_deadline = min(self._first_deadline, now + self._longest_wait)
        self._line_up(known, ticket, visit, now)
        self._fill(site, now)

    def leave(self, ticket: Ticket, word: Word | None, now: float) -> None:
        """Give back a place, or stop waiting for one. Nothing happens for a ticket that has no business here (now).

        `word` is what the request taught us of its host; None: nothing.
        """
        self._called.pop(ticket, None)
        if visit := self._inside.pop(ticket, None):
            visit.site.inside -= 1
            self._hear(visit, word, now)
        elif visit := self._waiting.get(ticket):
            self._unqueue(ticket, visit, now)
        else:
            return
        self._fill(visit.site, now)
        self._memory.end(visit.site, now)

    def slow_to(self, host: str, seconds: float, now: float) -> None:
        """Keep starts at this host's site so far apart, if that is more than it was (times `islands`).

        Longer than `longest_crawl_delay_seconds` it does not get: such hosts are not asked at all, by the caller.
        """
        if site := self._memory.slow_to(host, seconds, now):
            start = max(now, site.opens)
            for position, (ticket, visit) in enumerate(list(site.line.items())):
                self._refuse_if_late(ticket, visit, start + position * site.spacing, now)

    def due(self, now: float) -> list[tuple[Ticket, Refusal | None]]:
        """Who is called: with None they are inside from now on, with a refusal they have left."""
        late = self._first_deadline <= now
        while late and self._hold_ends() <= now:
            self.leave(next(iter(self._inside)), None, now)
        for one in self._memory.rung(now) if self._memory.next_ring <= now else ():
            if isinstance(one, Site):
                self._fill(one, now)
            else:
                self._rethink(one, now)
                self._memory.tidy(one, now)
        while late and self._wait_ends() <= now:  # after the alarms: whose turn comes just now has not waited too long
            ticket, visit = next(iter(self._waiting.items()))
            self._refuse(ticket, visit, _busy(now - visit.since), now)
        if late:
            self._first_deadline = min(self._wait_ends(), self._hold_ends())
        self._memory.forget_sites(now)
        called, self._called = self._called, {}
        return list(called.items())

    def next_due(self) -> float:
        """When `due` may next have something to do, or find that there is nothing; inf: not until somebody comes."""
        return -math.inf if self._called else min(self._memory.next_ring, self._first_deadline)

    def _wait_ends(self) -> float:
        """When whoever waits longest has waited too long; inf: nobody waits."""
        return next(iter(self._waiting.values())).since + self._longest_wait if self._waiting else math.inf

    def _hold_ends(self) -> float:
        """When whoever is inside longest has been there too long; inf: nobody is."""
        return next(iter(self._inside.values())).since + self._hold_seconds if self._inside else math.inf

    def _line_up(self, host: Host[Ticket], ticket: Ticket, visit: Visit[Ticket], now: float) -> None:
        """Into the line of the site; or aside, while the host is paused or somebody else probes it."""
        if host.health.paused_until > now:
            self._memory.ring(host, host.health.paused_until)
            return
        if host.health.tripped:
            if host.probe is not None:
                return
            host.probe = visit
        visit.in_line = True
        visit.site.line[ticket] = visit

    def _fill(self, site: Site[Ticket], now: float) -> None:
        """Let in whoever is first in line, while there are places and it is time."""
        while site.line and site.inside < self._at_once:
            if site.opens > now:
                self._memory.ring(site, site.opens)
                return
            ticket, visit = site.line.popitem(last=False)
            visit.in_line = False
            host = self._memory.host(visit.host)
            del host.waiting[ticket], self._waiting[ticket]
            self._let_in(ticket, visit, now)
            self._memory.tidy(host, now)

    def _let_in(self, ticket: Ticket, visit: Visit[Ticket], now: float) -> None:
        visit.site.inside += 1
        visit.site.last_start = visit.since = now
        self._inside[ticket] = visit
        self._first_deadline = min(self._first_deadline, now + self._hold_seconds)
        self._called[ticket] = None

    def _hear(self, visit: Visit[Ticket], word: Word | None, now: float) -> None:
        """Learn from a request that ended, and do what follows for those who wait for the same host."""
        host = self._memory.known(visit.host)
        if host is None:
            if word is None or word.heard is Heard.ANSWERED:
                return
            host = self._memory.host(visit.host)
        probed = host.probe is visit
        if probed:
            host.probe = None
        changed = word is not None and host.health.hear(word, now, probed=probed)
        if not host.health.tripped:
            host.probe = None
        if changed:
            self._rethink(host, now)
        elif probed:
            self._next_probe(host, now)
        self._memory.tidy(host, now)

    def _rethink(self, host: Host[Ticket], now: float) -> None:
        """The health of a host has changed: who waits for it is refused, stands aside, or lines up."""
        health = host.health
        visit = None
        for ticket, visit in list(host.waiting.items()):
            if health.is_down(now):
                self._refuse(ticket, visit, health.refusal(now), now)
            elif health.paused_until > now:
                self._step_aside(ticket, visit)
                if not self._refuse_if_late(ticket, visit, health.paused_until, now):
                    self._line_up(host, ticket, visit, now)
            elif not visit.in_line:
                self._line_up(host, ticket, visit, now)
        if visit is not None:
            self._fill(visit.site, now)

    def _next_probe(self, host: Host[Ticket], now: float) -> None:
        """Nothing was learnt by the probe of a tripped host: whoever has waited longest is the next."""
        if host.waiting:
            ticket, visit = next(iter(host.waiting.items()))
            self._line_up(host, ticket, visit, now)
            self._fill(visit.site, now)

    def _step_aside(self, ticket: Ticket, visit: Visit[Ticket]) -> None:
        if visit.in_line:
            del visit.site.line[ticket]
            visit.in_line = False

    def _unqueue(self, ticket: Ticket, visit: Visit[Ticket], now: float) -> None:
        """Out of the line, or from aside."""
        host = self._memory.host(visit.host)
        self._step_aside(ticket, visit)
        del host.waiting[ticket], self._waiting[ticket]
        if host.probe is visit:
            host.probe = None
            self._next_probe(host, now)
        self._memory.tidy(host, now)

    def _refuse(self, ticket: Ticket, visit: Visit[Ticket], refusal: Refusal, now: float) -> None:
        self._unqueue(ticket, visit, now)
        self._called[ticket] = refusal
        self._memory.end(visit.site, now)

    def _refuse_if_late(self, ticket: Ticket, visit: Visit[Ticket], start: float, now: float) -> bool:
        """Refuse who asked too long before this start; True if it was refused."""
        late = start > visit.since + self._manners.longest_wait_seconds
        if late:
            self._refuse(ticket, visit, _busy(start - visit.since), now)
        return late


def _busy(seconds: float) -> Refusal:
    return Refusal(Fault.HOST_BUSY, f"no turn within {seconds:.0f} s")
