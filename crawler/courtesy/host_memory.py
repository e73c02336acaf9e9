"""What a `HostBook` remembers of sites and hosts, and until when: nothing here decides whose turn it is.

Remembered are sites and hosts where somebody is inside or waiting, sites whose next start is still to come, and hosts
with a pause, a rest or failures behind them, for about one rest longer. Crawl-delays are remembered as long as there is
room. Of hosts without anybody there, and of Crawl-delays, there are `MOST_REMEMBERED` at most; the oldest are forgotten
first. Everything else is forgotten, so memory follows the requests in flight and not the hosts ever seen.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from heapq import heappop, heappush
from itertools import count
from typing import Generic, TypeVar

from crawler.courtesy.domains import site_of
from crawler.courtesy.host_health import Health
from crawler.settings import Manners

Ticket = TypeVar("Ticket", bound=Hashable)

#: 64 MB of hosts, and 24 MB of Crawl-delays (measured)
MOST_REMEMBERED = 100_000


class Visit(Generic[Ticket]):
    """One ticket's way from asking to leaving."""

    __slots__ = ("host", "in_line", "since", "site")

    def __init__(self, host: str, site: Site[Ticket], now: float) -> None:
        self.host = host
        self.site = site
        self.since = now  # asking; then, inside, entering
        self.in_line = False  # of the site; else inside, or aside until the host may be asked


class Site(Generic[Ticket]):
    """A registrable domain: places, spacing and a line."""

    __slots__ = ("alarm", "inside", "last_start", "line", "name", "spacing", "visits")

    def __init__(self, name: str, spacing: float) -> None:
        self.name = name
        self.spacing = spacing
        self.last_start = -math.inf
        self.inside = 0
        self.visits = 0  # inside, in line and aside
        self.line: OrderedDict[Ticket, Visit[Ticket]] = OrderedDict()  # a queue from which anyone can leave at once
        self.alarm = math.inf

    @property
    def opens(self) -> float:
        """When the next request may start, as far as spacing goes."""
        return self.last_start + self.spacing


class Host(Generic[Ticket]):
    """A host that somebody waits for, or of which there is something to remember."""

    __slots__ = ("alarm", "health", "name", "probe", "waiting")

    def __init__(self, name: str, health: Health) -> None:
        self.name = name
        self.health = health
        self.waiting: OrderedDict[Ticket, Visit[Ticket]] = OrderedDict()  # in line and aside
        self.probe: Visit[Ticket] | None = None  # the one who may go to a tripped host: in line or inside
        self.alarm = math.inf


class HostMemory(Generic[Ticket]):
    """Sites and hosts by name, and when to look at them again."""

    def __init__(self, manners: Manners, uniform: Callable[[float, float], float], most_remembered: int) -> None:
        self._manners = manners
        self._most_remembered = most_remembered
        self._uniform = uniform
        self._spacing = manners.seconds_between_requests * manners.islands
        self._sites: dict[str, Site[Ticket]] = {}
        self._idle: list[tuple[float, int, Site[Ticket]]] = []  # a heap: to be forgotten then, if nobody has come
        self._hosts: OrderedDict[str, Host[Ticket]] = OrderedDict()
        self._crawl_delays: OrderedDict[str, float] = OrderedDict()
        self._alarms: list[tuple[float, int, Site[Ticket] | Host[Ticket]]] = []
        self._numbers = count()  # so that a heap never compares sites

    def __len__(self) -> int:
        """Sites and hosts remembered now."""
        return len(self._sites) + len(self._hosts)

    def site(self, host: str) -> Site[Ticket]:
        """The site of this host. Whoever takes it counts up its `visits`, and calls `end` in the end."""
        name = site_of(host)
        site = self._sites.get(name)
        if site is None:
            site = self._sites[name] = Site(name, self._crawl_delays.get(name, self._spacing))
        return site

    def end(self, site: Site[Ticket], now: float) -> None:
        """One visit less; after the last one the site is forgotten, once its next start is no longer to come."""
        site.visits -= 1
        if not site.visits:
            self._forget_later(site)
            self.forget_sites(now)

    def forget_sites(self, now: float) -> None:
        """Forget sites whose time has come."""
        while self._idle and self._idle[0][0] <= now:
            _, _, site = heappop(self._idle)
            if site.visits or self._sites.get(site.name) is not site:
                continue
            if site.opens <= now:
                del self._sites[site.name]
            else:  # it was used, or slowed down, since
                self._forget_later(site)

    def _forget_later(self, site: Site[Ticket]) -> None:
        heappush(self._idle, (site.opens, next(self._numbers), site))

    def slow_to(self, host: str, seconds: float, now: float) -> Site[Ticket] | None:
        """Widen the spacing of this host's site (see `HostBook.slow_to`). The site, if it was widened."""
        # in this order: min() returns the first where it is not a number
        spacing = min(seconds, self._manners.longest_crawl_delay_seconds) * self._manners.islands
        name = site_of(host)
        if not spacing > self._crawl_delays.get(name, self._spacing):
            return None
        self._crawl_delays[name] = spacing
        if len(self._crawl_delays) > self._most_remembered:
            self._crawl_delays.popitem(last=False)
        site = self._sites.get(name)
        if site is None:
            site = self._sites[name] = Site(name, spacing)
            self._forget_later(site)
        if site.last_start == -math.inf:  # forgotten: whoever read of the delay has asked there a moment ago
            site.last_start = now
        site.spacing = spacing
        return site

    def known(self, name: str) -> Host[Ticket] | None:
        """The host of that name, if there is anything to know of it."""
        return self._hosts.get(name)

    def host(self, name: str) -> Host[Ticket]:
        """The host of that name. Whoever is done with it calls `tidy`."""
        known = self._hosts.get(name)
        if known is not None:
            return known
        if len(self._hosts) >= self._most_remembered:
            oldest = next(iter(self._hosts.values()))
            if oldest.waiting or oldest.probe:  # those do not count: there are no more of them than requests
                self._hosts.move_to_end(oldest.name)
            else:
                del self._hosts[oldest.name]
        host = self._hosts[name] = Host(name, Health(self._manners, self._uniform))
        return host

    def tidy(self, host: Host[Ticket], now: float) -> None:
        """Forget this host if nobody is there and nothing is to be remembered; else look again when that may be so."""
        if host.waiting or host.probe or self._hosts.get(host.name) is not host:
            return
        if host.health.remember_until <= now:
            del self._hosts[host.name]
        else:
            self.ring(host, host.health.remember_until)

    def ring(self, one: Site[Ticket] | Host[Ticket], when: float) -> None:
        """`rung` shall name this site or host at that time, or earlier."""
        if when < one.alarm:
            one.alarm = when
            heappush(self._alarms, (when, next(self._numbers), one))

    def rung(self, now: float) -> Iterator[Site[Ticket] | Host[Ticket]]:
        """Whose alarm has rung. Alarms that are set meanwhile ring too, if they are due."""
        while self._alarms and self._alarms[0][0] <= now:
            when, _, one = heappop(self._alarms)
            if one.alarm == when:  # else it was set again, for earlier, and has rung
                one.alarm = math.inf
                yield one

    @property
    def next_ring(self) -> float:
        """When the next alarm rings; inf: none is set."""
        return self._alarms[0][0] if self._alarms else math.inf
