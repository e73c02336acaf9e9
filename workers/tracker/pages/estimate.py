"""When a campaign will be done, and how little is known of it: pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from workers.tracker.moves.figure_records import Rate

#: with fewer verified jobs than this nothing is said: the error of a count of n is its square root
FEWEST_JOBS = 10
#: standard deviations to either side: 19 of 20 times, if things go on as they do
_DEVIATIONS = 2.0
#: the last hours, which may show another speed than the whole day
_LATELY_SECONDS = 6 * 3600.0


@dataclass(frozen=True, slots=True)
class Estimate:
    """Seconds until the jobs that are known now are done, if volunteers go on as they do."""

    soonest: float
    likely: float
    latest: float


def estimate(left: int, rates: Sequence[Rate], now: float) -> Estimate | None:
    """When the jobs that are left will be done; None where too little is known.

    The range is that of a Poisson count over the whole time and over the last six hours, whichever is wider: volunteers
    come and go by the hour.

    Args:
        left: jobs without a verified result.
        rates: what was verified when; stretches before the first verified job are left out.
        now: the time, as the rates have it.
    """
    if left <= 0:
        return Estimate(0.0, 0.0, 0.0)
    began = next((one.at for one in rates if one.jobs > 0), None)
    if began is None:
        return None
    spans = [_span(rates, max(began, since), now) for since in (began, now - _LATELY_SECONDS)]
    found = [_of(left, jobs, seconds) for jobs, seconds in spans if jobs >= FEWEST_JOBS and seconds > 0]
    if not found:
        return None
    return Estimate(min(one.soonest for one in found), found[0].likely, max(one.latest for one in found))


def _span(rates: Sequence[Rate], since: float, now: float) -> tuple[int, float]:
    """Verified jobs, and seconds, of the stretches that begin at `since` or later."""
    some = [one for one in rates if one.at >= since]
    if not some:
        return 0, 0.0
    return sum(one.jobs for one in some), now - some[0].at


def _of(left: int, jobs: int, seconds: float) -> Estimate:
    spread = _DEVIATIONS * math.sqrt(jobs)
    return Estimate(left * seconds / (jobs + spread), left * seconds / jobs, left * seconds / max(jobs - spread, 1.0))
