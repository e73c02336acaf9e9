"""How many of everything there are for each million pairs that are kept, by run; with whose figures these are."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.supercomputer.assumptions import Assumptions
from benchmarks.supercomputer.stages import Volume, volume

MILLION = 1e6


@dataclass(frozen=True, slots=True)
class Funnel:
    """Counts for a number of kept pairs."""

    name: str
    source: str
    archive_bytes: float  # of WAT, compressed
    candidates: float  # that extraction found
    rows: float  # planned
    asked: float  # requests that are sent
    pictures: float  # decoded and scored
    pairs: float  # kept
    body_bytes: float  # mean, of what is received
    shard_bytes: float  # mean, of a kept pair
    small: bool = False  # pictures of a few kilobytes, and the model that comes along

    def of(self, pairs: float) -> Funnel:
        """The same for another number of kept pairs."""
        times = pairs / self.pairs
        return Funnel(
            self.name, self.source, self.archive_bytes * times, self.candidates * times, self.rows * times, self.asked * times,
            self.pictures * times, pairs, self.body_bytes, self.shard_bytes, self.small,
        )  # fmt: skip


def funnels(assumed: Assumptions, shard_bytes: float) -> list[Funnel]:
    """LAION-5B again, its list fetched again, and the demo."""
    return [
        _of_volume(
            "like LAION-5B, from WAT files", "the shares of docs/supercomputer.md (`python benchmarks/big_run.py`): LAION-5B's "
            "candidates, duplicates and kept share; COYO's share of pictures that are still there",
            volume(MILLION, assumed), assumed, shard_bytes,
        ),
        _of_volume(
            "a published list, fetched again", "the same page: what GRIT found of such lists in 2025; every picture that is "
            "still there is kept",
            volume(MILLION, assumed, "rebuild"), assumed, shard_bytes,
        ),
        # 3 archives of 228,707 bytes, 9,729,409 bytes received, 7,310,232 written
        Funnel(
            "the demo", "`pairtrawl demo` (its report.json): emoji of a few kilobytes, judged by the model that comes along; "
            "nothing in it is like the web but the order of the stages",
            228_707, 2_125, 1_992, 1_992, 1_964, 1_319, 9_729_409 / 1_969, 7_310_232 / 1_319, small=True,
        ).of(MILLION),
    ]  # fmt: skip


def _of_volume(name: str, source: str, has: Volume, assumed: Assumptions, shard_bytes: float) -> Funnel:
    return Funnel(
        name, source, has.archives * assumed.archive_bytes, has.candidates, has.rows, has.rows * assumed.asked_share,
        has.pictures, has.pairs, float(assumed.body_bytes), shard_bytes,
    )  # fmt: skip
