"""What breaks first as islands are added: what each thing has to bear, what it can, and from how many islands on not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.supercomputer.assumptions import Assumptions, Measured
from benchmarks.supercomputer.quotas import Cut, jobs_of
from benchmarks.supercomputer.stages import Nodes, Volume, rows_per_second

_MOST_ISLANDS = 1_000_000


@dataclass(frozen=True, slots=True)
class Load:
    """Something that islands share. `bears(islands)` and `limit` are in `unit`."""

    what: str
    unit: str
    bears: Callable[[int], float]
    limit: float
    remedy: str

    @property
    def breaks_at(self) -> int | None:
        """The smallest number of islands that is too many; None where none of up to a million is.

        `bears` must not fall when islands are added.
        """
        if self.bears(_MOST_ISLANDS) <= self.limit:
            return None
        low, high = 0, _MOST_ISLANDS
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if self.bears(middle) > self.limit else (middle, high)
        return high


def loads(
    has: Volume, cut: Cut, nodes_an_island: int, assumed: Assumptions, measured: Measured, new_sites: float
) -> list[Load]:
    """Everything that islands share, the one that breaks first first.

    `new_sites` is the share of an island's rows that are its first at their site, as the simulation says.
    """
    one = rows_per_second(Nodes(1, nodes_an_island), assumed, measured, has)
    workers = assumed.workers_a_node * nodes_an_island
    jobs_second = one / cut.rows_per_job
    asked_bytes = one * assumed.asked_share * assumed.body_bytes
    found = [
        Load("turns at a site: seconds between two of one island", "s",
             lambda islands: islands * assumed.seconds_between_requests, assumed.longest_wait_seconds,
             "manners.longest_wait_seconds grows with islands; plan.rows_per_host"),
        Load("requests at one site at the same time", "",
             lambda islands: max(assumed.requests_at_once, islands), 10 * assumed.requests_at_once,
             "manners.requests_at_once = 1, start times spread; or deal rows by host"),
        Load("way out of the site", "GB/s",
             lambda islands: islands * asked_bytes / 1e9, assumed.site_bytes_per_second / 1e9,
             "no more islands help: run on several sites"),
        Load("questions to the name servers", "/s",
             lambda islands: islands * one * new_sites, assumed.dns_answers_per_second,
             "a caching resolver on each node; deal rows by host, so that each name is asked for once"),
        Load("metadata of the shared file system", "ops/s",
             lambda islands: islands * jobs_second * assumed.metadata_ops_a_job, assumed.metadata_ops_per_second,
             "more rows per job; node-local staging (--scratch)"),
        Load("markers read when islands start together", "s",
             lambda islands: islands * jobs_of(has, cut) / cut.parts / cut.slices * 3 / assumed.metadata_ops_per_second,
             600, "more rows per job; start times spread"),
        Load("archives asked for when all islands start", "requests/s",
             lambda islands: islands * workers / 60, assumed.archive_requests_per_second,
             "spread the starts over more than a minute; read archives beforehand"),
        Load("tasks of one array", "tasks",
             float, assumed.array_tasks - 1,
             "pairtrawl slurm submit cuts into windows"),
        Load("slices of a part", "slices",
             float, float(cut.slices),
             "more slices than islands, or islands stand idle"),
    ]  # fmt: skip
    return sorted(found, key=lambda load: load.breaks_at or _MOST_ISLANDS + 1)
