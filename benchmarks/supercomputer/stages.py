"""The stages of a big run: what each has to do, how long a machine takes for it, and what holds it up."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from benchmarks.supercomputer.assumptions import Assumptions, Measured

HOUR = 3600.0
#: "crawl": from archives, as LAION did it; "rebuild": from its published list of addresses
Route = Literal["crawl", "rebuild"]


@dataclass(frozen=True, slots=True)
class Volume:
    """How much there is of everything. Counts are of the whole run."""

    pairs: float
    archives: float
    candidates: float
    rows: float  # planned
    pictures: float  # fetched and decoded

    @property
    def kept_of_rows(self) -> float:
        """Pairs of a planned row."""
        return self.pairs / self.rows


def volume(pairs: float, assumed: Assumptions, route: Route = "crawl") -> Volume:
    """What it takes to end with so many pairs.

    Raises:
        ValueError: `pairs` is not positive.
    """
    if pairs <= 0:
        raise ValueError(f"{pairs} pairs: must be more than none")
    if route == "rebuild":
        pictures = pairs
        rows = pictures / (assumed.asked_share * assumed.rebuild_success_share)
        return Volume(pairs=pairs, archives=0, candidates=rows, rows=rows, pictures=pictures)
    pictures = pairs / assumed.kept_share
    rows = pictures / (assumed.asked_share * assumed.success_share)
    candidates = rows / assumed.unique_share
    return Volume(pairs, candidates / assumed.candidates_per_archive, candidates, rows, pictures)


@dataclass(frozen=True, slots=True)
class Nodes:
    """A machine, or the part of it that we have: islands of some nodes each."""

    islands: int
    nodes_an_island: int = 1

    @property
    def nodes(self) -> int:
        """All of them."""
        return self.islands * self.nodes_an_island


@dataclass(frozen=True, slots=True)
class Stage:
    """What one stage needs, by resource, in hours on this machine; the largest holds it up."""

    name: str
    amount: str
    core_hours: float
    gpu_hours: float
    hours: dict[str, float]

    @property
    def bottleneck(self) -> str:
        """The resource that is used up first."""
        return max(self.hours, key=lambda one: self.hours[one])

    @property
    def wall_hours(self) -> float:
        """How long the stage takes."""
        return max(self.hours.values())


def stages(has: Volume, nodes: Nodes, assumed: Assumptions, measured: Measured, parts: int = 1) -> list[Stage]:
    """All stages, in order. `parts`: into how many runs the whole is divided, each with a plan of its own."""
    cores = nodes.nodes * assumed.cores_a_node
    network = min(nodes.nodes * assumed.node_bytes_per_second, assumed.site_bytes_per_second)
    way = "site's network" if network >= assumed.site_bytes_per_second else "nodes' network"
    found = [_extract(has, cores, network, way, assumed, measured)] if has.archives else []
    found.append(_plan(has, assumed, measured, parts))
    fetch = fetch_core_hours(has, assumed, measured)
    body_hours = has.rows * assumed.asked_share * assumed.body_bytes / network / HOUR
    politeness = polite_hours(has.rows, assumed, 0.99)
    found.append(Stage("fetch", f"{_count(has.rows)} rows", fetch, 0,
                       {"CPU": fetch / cores, way: body_hours, "manners (99 % of rows)": politeness}))  # fmt: skip
    score = has.pictures * measured.score_cpu_seconds_per_picture / HOUR
    gpu = has.pictures / assumed.gpu_pictures_per_second / HOUR
    gpus = nodes.nodes * assumed.gpus_a_node
    found.append(
        Stage("score", f"{_count(has.pictures)} pictures", score, gpu, {"CPU": score / cores, "GPU": gpu / gpus})
    )
    return found


def _extract(has: Volume, cores: float, network: float, way: str, assumed: Assumptions, measured: Measured) -> Stage:
    bytes_read = has.archives * assumed.archive_bytes
    busy = bytes_read / 1e6 * measured.extract_cpu_seconds_per_megabyte / HOUR
    asking = has.archives / assumed.archive_requests_per_second / HOUR
    return Stage("extract", f"{_count(has.archives)} WAT files, {bytes_read / 1e12:,.0f} TB", busy, 0,
                 {"CPU": busy / cores, way: bytes_read / network / HOUR, "archive server": asking})  # fmt: skip


def plan_hours(has: Volume, assumed: Assumptions, measured: Measured) -> float:
    """How long all plans take, one after the other. Sorting n rows is taken for n times one row; it is a little more."""
    return has.candidates / 1e6 * measured.plan_cpu_seconds_per_million_rows / assumed.plan_cores / HOUR


def _plan(has: Volume, assumed: Assumptions, measured: Measured, parts: int) -> Stage:
    hours = plan_hours(has, assumed, measured)
    spill = has.candidates * measured.plan_spill_bytes_per_row / parts
    return Stage("plan", f"{_count(has.candidates)} candidates, {_count(parts)} plans, {spill / 1e12:,.1f} TB of spill each",
                 hours * assumed.plan_cores, 0, {"one process": hours})  # fmt: skip


def fetch_core_hours(has: Volume, assumed: Assumptions, measured: Measured) -> float:
    """CPU of all fetching: pictures, failures, and a TLS connection for each row that is asked for."""
    asked = has.rows * assumed.asked_share
    pictures = has.pictures * measured.fetch_cpu_seconds_per_picture
    failures = (has.rows - has.pictures) * measured.fetch_cpu_seconds_per_failure
    return (pictures + failures + asked * assumed.tls_cpu_seconds) / HOUR


def rows_per_second(nodes: Nodes, assumed: Assumptions, measured: Measured, has: Volume) -> float:
    """How many rows these nodes fetch where only CPU and the nodes' own network count."""
    of_cpu = nodes.nodes * assumed.cores_a_node * has.rows / (fetch_core_hours(has, assumed, measured) * HOUR)
    of_network = nodes.nodes * assumed.node_bytes_per_second / (assumed.asked_share * assumed.body_bytes)
    return min(of_cpu, of_network)


def polite_hours(rows: float, assumed: Assumptions, share: float, rows_per_host: float = 0) -> float:
    """Hours until this share of all rows can have been asked for at one request a site and interval, however many nodes.

    Sites are as large as Zipf's law says; `rows_per_host` caps them (0: no cap), and the share is of what the cap leaves.
    """
    total = _asked_until(float("inf"), rows, assumed, rows_per_host)
    low, high = 0.0, rows * assumed.seconds_between_requests
    for _ in range(80):
        middle = (low + high) / 2
        if _asked_until(middle, rows, assumed, rows_per_host) < share * total:
            low = middle
        else:
            high = middle
    return high / HOUR


def rows_under_cap(rows: float, assumed: Assumptions, rows_per_host: float) -> float:
    """How many rows such a cap leaves."""
    return _asked_until(float("inf"), rows, assumed, rows_per_host)


def _asked_until(seconds: float, rows: float, assumed: Assumptions, rows_per_host: float) -> float:
    """Rows asked for after so long: of each site as many as its turns allow, and as its rows are."""
    limit = seconds / assumed.seconds_between_requests
    if rows_per_host:
        limit = min(limit, rows_per_host)
    sites, shares = _bands(float(assumed.sites), float(assumed.zipf_exponent))
    return float((sites * np.minimum(rows * shares, limit)).sum())


@lru_cache(maxsize=64)
def _bands(sites: float, exponent: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Sites by size in bands: how many are in each, and what share of all rows each one of them has.

    Ranks are taken one by one up to a thousand, then in bands that are wider by a hundredth each, whose mass is the
    integral of k^-exponent.
    """
    edges = [float(rank) for rank in range(1, int(min(sites, 1000)) + 2)]
    while edges[-1] < sites + 1:
        edges.append(min(edges[-1] * 1.01, sites + 1))
    low, high = np.array(edges[:-1]), np.array(edges[1:])
    if exponent == 1:
        integral = np.log(high / low)
    else:
        integral = (high ** (1 - exponent) - low ** (1 - exponent)) / (1 - exponent)
    mass = np.where(high - low > 1, integral, (high - low) * low**-exponent)
    return high - low, mass / mass.sum() / (high - low)


def _count(number: float) -> str:
    """A number for people: 4.7 M."""
    for size, unit in ((1e9, " G"), (1e6, " M"), (1e3, " k")):
        if number >= size:
            return f"{number / size:,.3g}{unit}"
    return f"{number:,.0f}"
