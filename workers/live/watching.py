"""Looks at the folder of a run, again and again, and sees how it goes: markers, plan, statuses of slices, timelines."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Generic, TypeVar

import msgspec

from crawler.errors import RunFolderError
from crawler.plan import Planned
from crawler.report import StageCount
from workers.live.markers import MarkerFolder, read_extract, read_raw, read_shard
from workers.live.seen import AtWork, Curve, Jobs, Seen
from workers.live.tails import BIN_SECONDS, BINS, Sitting, Tail
from workers.run_folder import Pinned, RunFolder
from workers.slice_status import SliceStatus
from workers.telling.timeline import timelines_of

#: failures and lines that are shown
_WORDS = 12
Stored = TypeVar("Stored")


class RunWatch:
    """Sees one run. Not safe for threads.

    Files that are half there, or none of ours, are passed over: who watches disturbs nobody.
    """

    def __init__(self, output: Path) -> None:
        """Watch the run whose output this is; it may have to begin yet.

        Raises:
            RunFolderError: there is no such folder.
        """
        if not output.is_dir():
            raise RunFolderError(f"{output}: is no folder; name the run's, as --output did")
        self._output = output
        self._run = RunFolder.at(output)
        self._begin()

    def _begin(self) -> None:
        self.extracts = MarkerFolder(self._run.candidates, ".json", read_extract)
        self.raws = MarkerFolder(self._run.raw, ".parquet", read_raw)
        self.shards = MarkerFolder(self._run.shards, "_stats.json", read_shard)
        self._tails: dict[Path, Tail] = {}
        self._pin = _Small(Pinned)
        self._plan = _Small(Planned)
        self._statuses: dict[str, _Small[SliceStatus]] = {}

    def look(self) -> Seen:
        """See the run as it is now. Takes the time of what is new, and of listing folders that have changed."""
        if (run := RunFolder.at(self._output)) != self._run:  # it has turned out to be a rebuild
            self._run = run
            self._begin()
        now = datetime.now(UTC)
        self.extracts.look()
        if self.shards.look():
            for number in [one for one in self.raws if one in self.shards]:  # its shard counts what it counted
                self.raws.forget(number)
        self.raws.look(besides=self.shards)
        pinned, planned = self._pin.look(self._run.pin), self._plan.look(self._run.plan.path / "plan.json")
        sittings, slices = self._heard(), self._slices()
        stages = self._stages(planned)
        rows_done = sum(folder.sums.found_first for folder in (self.shards, self.raws))
        curve = _curve(sittings, now)  # of a run that has ended it stands where that was
        at_work = [_at_work(one) for one in sittings]
        failures = [text for one in sittings for text in one.failures]
        jobs, rows = self._jobs(pinned, planned, sliced="fetch" in slices), planned.rows if planned else None
        return Seen(
            at=now, folder=self._output.name, name=pinned.recipe.name if pinned else "",
            jobs=jobs, stages=stages, rows=rows,
            rows_done=rows_done, kept=self.shards.sums.kept_last, sittings=at_work, slices=slices, curve=curve,
            left_seconds=_left(at_work, planned, rows_done, curve), failures=failures[-_WORDS:],
            failed=sum(one.failed for one in sittings), said=[text for one in sittings for text in one.said][-_WORDS:],
            has_report=self._run.page.exists(),
        )  # fmt: skip

    @property
    def report(self) -> Path:
        """The page of the report, where there is one."""
        return self._run.page

    def _jobs(self, pinned: Pinned | None, planned: Planned | None, *, sliced: bool) -> list[Jobs]:
        jobs = planned.jobs if planned else None
        found = []
        if pinned is None or pinned.recipe.rebuild is None:
            total = len(pinned.sources) if pinned else None
            found.append(Jobs("extract", "Archives read", "archives", len(self.extracts), total))
        if len(self.raws) or sliced:
            found.append(Jobs("fetch", "Jobs fetched", "jobs", len(self.raws) + len(self.shards), jobs))
        return [*found, Jobs("crawl", "Shards made", "shards", len(self.shards), jobs)]

    def _stages(self, planned: Planned | None) -> tuple[StageCount, ...]:
        own = (StageCount("plan", planned.candidates, planned.rows, planned.rejected),) if planned else ()
        rows = [*self.shards.sums.stages, *self.raws.sums.stages]
        merged: dict[str, StageCount] = {}
        for one in rows:
            before = merged.get(one.stage, StageCount(one.stage, 0, 0, {}))
            reasons = dict(Counter(before.rejected) + Counter(one.rejected))
            merged[one.stage] = StageCount(one.stage, before.found + one.found, before.kept + one.kept, reasons)
        return (*self.extracts.sums.stages, *own, *merged.values())

    def _heard(self) -> list[Sitting]:
        """The sittings, the run's own first; those of slices that were heard of."""
        there = timelines_of(self._run.path)
        self._tails = {path: self._tails.get(path) or Tail(path) for path in there}
        for tail in self._tails.values():
            tail.look()
        return [tail.sitting for tail in self._tails.values() if tail.sitting.heard]

    def _slices(self) -> dict[str, list[SliceStatus]]:
        try:
            with os.scandir(self._run.slices) as entries:
                there = {one.name: one.path for one in entries if one.name.endswith(".json") and one.name[0] != "."}
        except OSError:
            there = {}
        self._statuses = {name: self._statuses.get(name) or _Small(SliceStatus) for name in there}
        found = (self._statuses[name].look(Path(path)) for name, path in sorted(there.items()))
        by_verb: dict[str, list[SliceStatus]] = {}
        for status in found:
            if status:
                by_verb.setdefault(status.stage, []).append(status)
        return by_verb


class _Small(Generic[Stored]):
    """A small file of the run, read again when it is another one."""

    def __init__(self, kind: type[Stored]) -> None:
        self._kind = kind
        self._known: tuple[int, int] = (0, 0)
        self._value: Stored | None = None

    def look(self, path: Path) -> Stored | None:
        """What stands in it; None where it is not there, or is something else."""
        try:
            found = path.stat()
            if (found.st_ino, found.st_mtime_ns) != self._known:
                self._known = (found.st_ino, found.st_mtime_ns)
                self._value = msgspec.json.decode(path.read_bytes(), type=self._kind)
        except (OSError, msgspec.DecodeError):
            self._known, self._value = (0, 0), None
        return self._value


def _at_work(sitting: Sitting) -> AtWork:
    began, ended = sitting.began, sitting.ended
    return AtWork(
        verb=began.verb if began else "", place=began.place if began else "", host=began.host if began else "",
        slice=sitting.slice, figures=sitting.figures, heard=sitting.heard,
        exit_code=ended.exit_code if ended else None, stopped=ended.stopped if ended else "",
    )  # fmt: skip


def _curve(sittings: Sequence[Sitting], now: datetime) -> Curve | None:
    """What was done in the last half hour, in the phase that something was last done in, by all sittings together."""
    newest = max(((max(bins), phase) for one in sittings for phase, bins in one.done.items() if bins), default=None)
    if newest is None:
        return None
    phase = newest[1]
    summed: Counter[int] = Counter()
    for one in sittings:
        summed.update(one.done.get(phase, Counter()))
    working = any(one.ended is None for one in sittings)
    last = int(now.timestamp()) // BIN_SECONDS if working else newest[0]
    first = max(min(summed), last - BINS + 1)
    units = [one.figures.unit for one in sittings if one.figures and one.figures.phase == phase]
    done = [summed[place] for place in range(first, last + 1)]
    return Curve(phase, units[0] if units else "", BIN_SECONDS, float(first * BIN_SECONDS), done)


def _left(sittings: Iterable[AtWork], planned: Planned | None, rows_done: int, curve: Curve | None) -> float | None:
    """Seconds that what is under way will take; None where that cannot be told."""
    working = [one for one in sittings if one.exit_code is None and one.figures]
    if len(working) == 1 and working[0].figures:
        return working[0].figures.left_seconds
    if working and planned and curve and curve.recent:
        return max(0, planned.rows - rows_done) / curve.recent
    return None
