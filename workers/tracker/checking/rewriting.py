"""A result without some of its rows: as the job would have made it, had it never had them, or been forbidden them.

Two reasons: canaries, which were never part of the job, so that the rows after them move up; and what a confidential
list matches on the screening host, which keeps its place and is counted, and nothing else (`crawler.job.screening`).

The rows go through the very writers that made them, so that the files are those of an undisturbed job, byte for byte
(but for the seconds in reports). What is read here was read before, as a whole, by the locked-down process.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from crawler.commit import atomic_path, write_atomically
from crawler.job.markers import ExtractFiles
from crawler.raw import RawWriter, read_head
from crawler.report import Report, StageCount, chain
from crawler.rows import Pictured, Row
from crawler.settings import Recipe
from crawler.write import ShardWriter, key_of, read_stats, shard_name
from workers.tracker.checking.result_rows import (
    ShardRow,
    raw_rows,
    reasoned_candidates,
    scores_of,
    shard_rows,
    vectors_of,
)


@dataclass(frozen=True, slots=True)
class Cut:
    """Which rows go, by their index in the result."""

    #: were never part of the job
    canaries: frozenset[int] = frozenset()
    #: the stage and the name of the filter that withholds it
    withheld: Mapping[int, tuple[str, str]] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.canaries or self.withheld)

    def moved(self, index: int) -> int:
        """Where a row comes to stand that is no canary."""
        return index - sum(1 for canary in self.canaries if canary < index)


class _Tally:
    """What a report has to forget, and what to learn."""

    def __init__(self, cut: Cut) -> None:
        self._cut = cut
        self._off: Counter[str] = Counter()  # rejections that were, by reason
        self._on: Counter[tuple[str, str]] = Counter()  # rejections that are, by stage and filter
        self._kept = self._found = self._received = self._written = 0

    def takes(self, row: ShardRow) -> bool:
        """Whether this row goes; then it is counted."""
        if row.index not in self._cut.canaries and row.index not in self._cut.withheld:
            return False
        reason = row.pictured.row.get("reason")
        if row.pictured.extension:
            self._kept += 1
            self._written += len(row.pictured.image)
        else:
            self._off[str(reason)] += 1
        if row.index in self._cut.canaries:
            self._found += 1
            self._received += row.pictured.row.get("body_bytes") or 0
        else:
            self._on[self._cut.withheld[row.index]] += 1
        return True

    def amended(self, report: Report, *, first: int = 0) -> Report:
        """The report of the job without these rows; its stages before `first` know nothing of rows."""
        changed = (*report.stages[:first], *self._stages(report.stages[first:]))
        return msgspec.structs.replace(
            report,
            stages=changed,
            bytes_received=max(0, report.bytes_received - self._received),
            bytes_written=max(0, report.bytes_written - self._written),
        )

    def _stages(self, stages: tuple[StageCount, ...]) -> tuple[StageCount, ...]:
        left = Counter(self._off)
        steps: list[tuple[str, Mapping[str, int]]] = []
        for one in stages:
            rejected = Counter(one.rejected)
            gone = {reason: min(number, left[reason]) for reason, number in rejected.items() if left[reason]}
            rejected.subtract(gone)
            left.subtract(gone)
            rejected.update({name: number for (stage, name), number in self._on.items() if stage == one.stage})
            steps.append((one.stage, {reason: number for reason, number in rejected.items() if number}))
        return chain(stages[0].found - self._found, steps, kept=stages[-1].kept - self._kept)


def rewrite_candidates(source: ExtractFiles, target: ExtractFiles, withheld: Mapping[int, tuple[str, str]]) -> Report:
    """A candidate table and its marker without what is withheld; `withheld` by the row's place in the table.

    Raises:
        InputError, RunFolderError: they cannot be read.
        OSError: the disk is full.
    """
    from crawler.job.markers import read_extract_reports  # noqa: PLC0415 - beside its one use
    from crawler.tables import CandidateWriter  # noqa: PLC0415 - pyarrow

    (report,) = read_extract_reports(source.folder)
    tally = _Tally(Cut(withheld=withheld))
    target.folder.mkdir(parents=True, exist_ok=True)
    with atomic_path(target.table) as temporary:
        with CandidateWriter(temporary) as table:
            for place, (candidate, reason) in enumerate(reasoned_candidates(source.table)):
                row: Row = {} if reason is None else {"reason": reason}
                if not tally.takes(ShardRow(place, Pictured(row, b"", "" if reason else "kept"))):
                    table.write([candidate], [reason])
        if target.marker.exists():
            target.marker.unlink()  # it must not vouch for another table
    changed = msgspec.structs.replace(
        tally.amended(report, first=len(report.stages) - 1), bytes_written=target.table.stat().st_size
    )
    write_atomically(target.marker, msgspec.json.format(msgspec.json.encode(changed), indent=2) + b"\n")
    return changed


def rewrite_raw(source: Path, target: Path, cut: Cut) -> Report:
    """A raw shard without the rows of `cut`, as the file `target`.

    Raises:
        RunFolderError: it cannot be read.
        OSError: the disk is full.
    """
    head = read_head(source)
    tally = _Tally(cut)
    target.parent.mkdir(parents=True, exist_ok=True)
    with RawWriter(target, head.rows - len(cut.canaries), head.scores) as writer:
        for index in head.withheld:
            writer.withhold(cut.moved(index))
        for row in raw_rows(source):
            if tally.takes(row):
                if row.index in cut.withheld:
                    writer.withhold(cut.moved(row.index))
            elif row.pictured.extension:
                writer.keep(cut.moved(row.index), row.pictured)
            else:
                writer.reject(cut.moved(row.index), row.pictured.row)
        report = tally.amended(head.report)
        writer.commit(report)
    return report


def rewrite_shard(source: Path, target: Path, number: int, recipe: Recipe, rows: int, cut: Cut) -> Report:
    """A shard without the rows of `cut`, in the folder `target`.

    Args:
        source: the folder that holds it.
        target: the folder that takes it.
        number: of the shard.
        recipe: of the campaign.
        rows: of the job's table as it was handed out.
        cut: what goes.

    Raises:
        RunFolderError: it cannot be read.
        OSError: the disk is full.
    """
    stats = read_stats(source, number, recipe.output)
    report = msgspec.convert(stats["report"], Report)
    tally = _Tally(cut)
    most = max(recipe.plan.rows_per_job, rows - len(cut.canaries))
    vectors = vectors_of(source, shard_name(number, recipe.output)) if recipe.output.keep_embeddings else {}
    seen: set[int] = set()
    target.mkdir(parents=True, exist_ok=True)
    with ShardWriter(target, number, most, recipe.output, scores_of(source, number, recipe)) as writer:
        for row in shard_rows(source, number, recipe, rows):
            seen.add(row.index)
            if tally.takes(row):
                if row.index in cut.withheld:
                    writer.withhold(cut.moved(row.index))
            elif row.pictured.extension:
                key = key_of(number, row.index, max(recipe.plan.rows_per_job, rows), recipe.output)
                writer.keep(cut.moved(row.index), row.pictured, vectors.get(key, {}))
            else:
                writer.reject(cut.moved(row.index), row.pictured.row)
        for index in sorted(set(range(rows)) - seen):  # withheld by the campaign's own recipe
            writer.withhold(cut.moved(index))
        report = tally.amended(report)
        writer.commit({"report": msgspec.to_builtins(report)})
    return report
