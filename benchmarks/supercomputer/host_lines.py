"""How polite islands are, and what it costs them: a simulation of the lines at hosts, seeded, some seconds long.

An island takes job after job; all rows of a job ask for their turn when it starts. A site gives an island a turn each
`islands` x `seconds_between_requests`, and a row whose turn would come later than `longest_wait_seconds` is given up: the
rule of crawler/courtesy/hosts.py. Sites are as large as Zipf's law says. Two ways to deal rows to islands are compared:
by job, as it is now, where each island meets each site; and by host, where a site belongs to one island, which then
needs to share its turns with nobody.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

#: share of an island's jobs that is not counted, for the lines have not grown to their usual length yet
_WARM_UP = 0.25
#: islands looked at where there are too many to look at all: the first ones own the largest sites
_FIRST, _OTHERS = 8, 8


@dataclass(frozen=True, slots=True)
class Lines:
    """The web and the manners of a simulation."""

    sites: int = 20_000_000
    exponent: float = 0.9
    rows_per_job: int = 10_000
    rows_per_second: float = 500.0  # of one island, while nobody waits
    jobs: int = 40  # that an island takes, one after the other
    seconds_between_requests: float = 1.0
    longest_wait_seconds: float = 300.0
    #: what a cap leaves of a site, as a share of all rows before the cap (`plan.rows_per_host`); 0 is no cap
    most_of_a_site: float = 0.0


@dataclass(frozen=True, slots=True)
class Told:
    """What came of it, all islands together."""

    given_up: float  # share of rows
    new_sites: float  # share of rows that are an island's first at their site: its robots.txt and name are asked for
    first_at_once: float  # requests that the largest site gets within one interval when all islands start together


def by_job(lines: Lines, islands: int, seed: int = 0) -> Told:
    """Each island meets each site, and has its share of the site's turns."""
    chance = np.random.default_rng(seed)
    so_far = np.cumsum(_sizes(lines.sites, lines.exponent, lines.most_of_a_site))
    lost, new = _one_island(lines, so_far, lines.seconds_between_requests * islands, chance)
    return Told(lost, new, float(islands))


def by_host(lines: Lines, islands: int, seed: int = 0) -> Told:
    """Each site belongs to one island. Islands are unlike then: each counts by the rows that it has."""
    chance = np.random.default_rng(seed)
    mass = _sizes(lines.sites, lines.exponent, lines.most_of_a_site)
    looked_at = list(range(min(islands, _FIRST)))
    others = chance.choice(np.arange(len(looked_at), islands), min(_OTHERS, islands - len(looked_at)), replace=False)
    told: list[tuple[float, float, float]] = []  # weight, lost, new
    left = float(mass.sum())
    for island in looked_at:
        own = mass[island::islands]
        told.append((float(own.sum()), *_one_island(lines, np.cumsum(own), lines.seconds_between_requests, chance)))
        left -= float(own.sum())
    for island in others:  # each stands for as many as were not looked at
        own = np.cumsum(mass[island::islands])
        told.append((left / len(others), *_one_island(lines, own, lines.seconds_between_requests, chance)))
    total = sum(weight for weight, _, _ in told)
    return Told(sum(weight * lost for weight, lost, _ in told) / total,
                sum(weight * new for weight, _, new in told) / total, 1.0)  # fmt: skip


@lru_cache(maxsize=2)
def _sizes(sites: int, exponent: float, most: float) -> NDArray[np.float64]:
    """How large each site is, the largest first, as a share of all rows before the cap."""
    shares = np.arange(1, sites + 1, dtype=np.float64) ** -exponent
    shares /= shares.sum()
    return np.asarray(np.minimum(shares, most) if most else shares)


def _one_island(
    lines: Lines, mass_so_far: NDArray[np.float64], spacing: float, chance: np.random.Generator
) -> tuple[float, float]:
    """Shares of an island's rows that are given up, and that are its first at their site."""
    free_from = np.zeros(len(mass_so_far))
    met = np.zeros(len(mass_so_far), dtype=bool)
    lost = rows = first = 0
    for job in range(lines.jobs):
        now = job * lines.rows_per_job / lines.rows_per_second
        drawn = np.searchsorted(mass_so_far, chance.random(lines.rows_per_job) * mass_so_far[-1])
        sites, asking = np.unique(np.minimum(drawn, len(mass_so_far) - 1), return_counts=True)
        opens = np.maximum(free_from[sites], now)
        room = np.floor((now + lines.longest_wait_seconds - opens) / spacing) + 1 if spacing else asking
        served = np.clip(room, 0, asking)
        free_from[sites] = opens + served * spacing
        if job >= _WARM_UP * lines.jobs:
            rows += lines.rows_per_job
            lost += int((asking - served).sum())
            first += int((~met[sites]).sum())
        met[sites] = True
    return lost / rows, first / rows
