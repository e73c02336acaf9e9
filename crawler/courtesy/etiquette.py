"""How an archive's server is asked: how often, how patiently, and under which name.

Common Crawl serves everyone from one bucket and asks for whole files, an identifying name, no more than one try a
second, and slowing down on any unusual answer; 403 and 429 are its own rate limits, 503 is the bucket's. Everything
here is arithmetic on numbers that are handed in; the only state is `Pace`, which one process shares.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from crawler.courtesy.agent import identity_of
from crawler.errors import SettingsError


class FailedTryError(Exception):
    """One try came to nothing, but a later one may not. Never leaves the code that tries again."""

    def __init__(self, what: str, retry_after: float = 0.0) -> None:
        super().__init__(what)
        self.what = what  # for people: "503 Service Unavailable"
        self.retry_after = retry_after  # seconds that the server asked for; 0 if it did not


@dataclass(frozen=True, slots=True)
class Etiquette:
    """What we allow ourselves towards a server of archives. Seconds unless the name says otherwise.

    Raises:
        SettingsError: no name of our own, one that cannot stand in a header, or less than one try.
    """

    user_agent: str = "pairtrawl/0.1"
    contact: str = ""  # an address of a page or mailbox where the server's owner reaches us
    spacing_seconds: float = 1.0  # between the starts of two requests of this process, to whatever server
    longest_wait_seconds: float = 300.0  # where the doubling waits between failed tries end
    longest_retry_after_seconds: float = 900.0  # a server that asks for more is left alone: the job is given back
    tries: int = 10
    connect_seconds: float = 30.0
    stall_seconds: float = 60.0  # a try in which no byte comes for so long has failed
    total_seconds: float = 4 * 3600.0  # one try; 1 GB in four hours is 70 kB/s, below that it is a dripping server
    redirects: int = 5
    ca_file: str = ""  # PEM file of further certificate authorities; "" is the system's store alone
    #: whoever names the archives is a stranger: nothing in a private network is dialled, whatever names resolve to
    public_only: bool = False

    def __post_init__(self) -> None:
        identity_of(self.user_agent, self.contact)
        if self.tries < 1:
            raise SettingsError(f"tries = {self.tries}: at least 1 is needed to download anything")

    @property
    def identity(self) -> str:
        """The User-Agent header: `name/version (+contact)`."""
        return identity_of(self.user_agent, self.contact)


@dataclass(frozen=True, slots=True)
class Clock:
    """Time and chance, so that tests need neither.

    `sleep` may raise to end the wait, for instance when the process was told to stop. `uniform` draws from the system:
    workers that were forked from one parent share the state of `random`, and would all come back at the same moment.
    """

    monotonic: Callable[[], float] = time.monotonic
    wall: Callable[[], float] = time.time  # seconds since 1970, UTC
    sleep: Callable[[float], object] = time.sleep
    uniform: Callable[[float, float], float] = random.SystemRandom().uniform


class Pace:
    """Keeps the starts of requests apart, across all threads that share it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._next_start = float("-inf")

    def wait(self, spacing_seconds: float, clock: Clock) -> None:
        """Return when this caller's turn has come: `spacing_seconds` or more after the start of the one before."""
        with self._lock:
            now = clock.monotonic()
            start = max(now, self._next_start)
            self._next_start = start + spacing_seconds
        if start > now:
            clock.sleep(start - now)


def backoff_seconds(failures: int, etiquette: Etiquette, uniform: Callable[[float, float], float]) -> float:
    """How long to wait after so many failed tries in a row (1 or more), before whatever the server itself asked for.

    Exponential backoff with full jitter: anything between the spacing and a ceiling that doubles with every failure,
    up to `longest_wait_seconds`. (https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/)
    """
    shortest = etiquette.spacing_seconds
    doubled = shortest * 2.0 ** min(failures, 64)
    return uniform(shortest, max(shortest, min(doubled, etiquette.longest_wait_seconds)))


def retry_after_seconds(value: str, *, server_date: str, now: float) -> float:
    """The seconds that a Retry-After header asks for, in either of its forms (RFC 9110 section 10.2.3); 0 if neither.

    A date is counted from the server's own Date header where it has a valid one, for the clocks of volunteers are off;
    else from `now` (seconds since 1970). Never negative, never raises.
    """
    text = value.strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])  # more digits than that are no wait but an attack on float()
    until = _http_date(text)
    if until is None:
        return 0.0
    start = _http_date(server_date.strip())
    return max(0.0, until - (now if start is None else start))


def _http_date(text: str) -> float | None:
    """Seconds since 1970 of an HTTP date in any of its three spellings, or None."""
    try:
        moment = parsedate_to_datetime(text)
        aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return (aware - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds()
    except (ValueError, TypeError, IndexError, OverflowError):  # TypeError, IndexError: CPython on odd fragments
        return None
