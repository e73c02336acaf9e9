"""What the stages and filters of one job cost: measured in the thread that does the work, where it is done.

A reading of both clocks takes some 1.5 µs, so that work of milliseconds is measured piece by piece (a picture, a
filter), and work of microseconds by the batch. `docs/formats.md` says what the numbers mean.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from typing import Protocol

from crawler.report import Spent, use_of

#: stages in the order of the way; those of `crawler.job.ledger`, and what is done between them
_ORDER = (
    "read", "extract", "candidates", "filter candidates", "fetch", "filter bodies", "decode", "filter pictures",
    "thumbnails", "encode", "prepare", "write",
)  # fmt: skip

Told = Callable[[str, int], None]


class Elsewhere(Protocol):
    """What has others work for it: a decoder's process, a scoring actor."""

    @property
    def cpu_seconds_elsewhere(self) -> float:
        """Processor time that others have spent for it so far; it never falls."""
        ...


def cpu_elsewhere(one: object) -> float:
    """Processor time that was spent for `one` outside of this process so far; 0 where nothing is."""
    return float(getattr(one, "cpu_seconds_elsewhere", 0.0))


class Costs:
    """The sums of one job. May be used by many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sums: dict[tuple[str, str], list[float]] = {}  # records, seconds, processor seconds

    def add(self, stage: str, what: str, records: int, seconds: float, cpu_seconds: float) -> None:
        """So much more was spent there; `what` is as in `crawler.report.Spent`."""
        with self._lock:
            sums = self._sums.setdefault((stage, what), [0, 0.0, 0.0])
            sums[0] += records
            sums[1] += seconds
            sums[2] += cpu_seconds

    def carry_over(self, spent: Iterable[Spent]) -> None:
        """What an earlier job spent that did a part of this one's work."""
        for one in spent:
            self.add(one.stage, one.what, one.records, one.seconds, one.cpu_seconds)

    def spent(self) -> tuple[Spent, ...]:
        """The sums so far, in the order of the way, to the microsecond."""
        places = {stage: place for place, stage in enumerate(_ORDER)}
        with self._lock:
            known = sorted(self._sums.items(), key=lambda item: places.get(item[0][0], len(places)))
            return tuple(
                Spent(stage, what, int(records), round(seconds, 6), round(cpu_seconds, 6))
                for (stage, what), (records, seconds, cpu_seconds) in known
            )


class Laps:
    """The clocks of one thread, read between one piece of work and the next. For the thread that made it."""

    __slots__ = ("_costs", "_cpu", "_wall")

    def __init__(self, costs: Costs) -> None:
        self._costs = costs
        self.skip()

    def skip(self) -> None:
        """What has passed since the last lap was nobody's work."""
        self._wall = time.perf_counter()
        self._cpu = time.thread_time()

    def since(self) -> tuple[float, float]:
        """Seconds and processor seconds since the last lap, which ends here."""
        wall, cpu = time.perf_counter(), time.thread_time()
        passed = (wall - self._wall, cpu - self._cpu)
        self._wall, self._cpu = wall, cpu
        return passed

    def lap(self, stage: str, what: str = "", records: int = 1, *, cpu_elsewhere: float = 0.0) -> None:
        """All since the last lap was this; others have spent `cpu_elsewhere` processor seconds on it."""
        wall, cpu = self.since()
        self._costs.add(stage, what, records, wall, cpu + cpu_elsewhere)

    def of_filters(self, stage: str) -> Told:
        """To be told the name of each filter of a stage when it has judged, and how many records it was shown."""
        return lambda name, records: self.lap(stage, use_of(stage, name), records)
