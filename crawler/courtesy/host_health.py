"""What we heard of one host lately, and when it may be asked again: a pause it asked for, a rest after failures.

Arithmetic on times that are handed in (seconds of a monotonic clock); no clock, no waiting.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

from crawler.courtesy.desk import Heard, Word
from crawler.courtesy.etiquette import Etiquette, backoff_seconds
from crawler.records import Fault
from crawler.settings import Manners

#: what a host without Retry-After gets: exponential backoff with full jitter from 1 s to 5 min (safety.md 4.3)
_BACKOFF = Etiquette(spacing_seconds=1.0, longest_wait_seconds=300.0)
#: no pause is longer than a day, whatever Retry-After says: after a day the rules of a site are asked anew, too
_LONGEST_PAUSE = 86_400.0
#: rests double up to an hour (or stay as the recipe has them, where that is more)
_LONGEST_REST = 3_600.0
#: and are up to a quarter longer, so that islands of a run do not come back at the same moment
_REST_JITTER = 0.25


class Refusal(NamedTuple):
    """Why there is no turn at a host."""

    fault: Fault  # HOST_BUSY or HOST_DOWN
    detail: str  # for people


class Health:
    """One host's. A circuit breaker and a pause.

    After `failures_in_a_row` failures the breaker has `tripped`: the host rests until `rest_until`, then one request
    may probe it. A probe that fails makes the next rest twice as long; any answer mends everything.
    """

    __slots__ = (
        "_failures",
        "_manners",
        "_patiences",
        "_rests",
        "_uniform",
        "paused_until",
        "remember_until",
        "rest_until",
        "tripped",
    )

    def __init__(self, manners: Manners, uniform: Callable[[float, float], float]) -> None:
        self.paused_until = -math.inf
        self.rest_until = -math.inf
        self.remember_until = -math.inf  # from then on nothing here would change what is decided
        self.tripped = False
        self._failures = 0
        self._rests = 0
        self._patiences = 0
        self._manners = manners
        self._uniform = uniform

    def is_down(self, now: float) -> bool:
        """Whether it rests: nobody is let in, not even a probe."""
        return self.tripped and now < self.rest_until

    def refusal(self, now: float) -> Refusal:
        """What is said to whoever asks while it is down."""
        return Refusal(Fault.HOST_DOWN, f"left alone for another {self.rest_until - now:.0f} s")

    def hear(self, word: Word, now: float, *, probed: bool) -> bool:
        """Learn from the end of a request; `probed`: it was the one that went to a tripped host.

        True where that changes who may go now, False where it only counts.
        """
        match word.heard:
            case Heard.ANSWERED:
                return self._mend()
            case Heard.PATIENCE:
                self._pause(word.seconds, now)
                return True
            case Heard.FAILED:
                return self._fail(now, probed=probed)

    def _mend(self) -> bool:
        was_tripped, self.tripped = self.tripped, False
        self._failures = self._rests = self._patiences = 0
        self.remember_until = self.paused_until  # an answer to another request does not end a pause that was asked for
        return was_tripped

    def _pause(self, seconds: float, now: float) -> None:
        self.tripped = False  # somebody is at home
        self._failures = self._rests = 0
        if now >= self.paused_until:  # else: a request that was under way when the pause began; the same word again
            self._patiences += 1
        backoff = backoff_seconds(self._patiences, _BACKOFF, self._uniform)
        # in this order: max() and min() return the first where the second is not a number
        self.paused_until = max(self.paused_until, now + min(_LONGEST_PAUSE, max(backoff, seconds)))
        self.remember_until = self.paused_until + self._manners.rest_seconds

    def _fail(self, now: float, *, probed: bool) -> bool:
        if self.tripped and not probed:
            return False  # was under way when the host was found to be down: no news
        self._failures += 1
        self.remember_until = max(self.paused_until, now) + self._manners.rest_seconds
        if not probed and self._failures < self._manners.failures_in_a_row:
            return False
        shortest = self._manners.rest_seconds
        rest = min(shortest * 2.0 ** min(self._rests, 64), max(shortest, _LONGEST_REST))
        rest = self._uniform(rest, rest * (1.0 + _REST_JITTER))
        self.tripped = True
        self._rests += 1
        self.rest_until = now + rest
        self.remember_until = self.rest_until + rest
        return True
