"""Into the data set (T6): the files of a believed result go where a local run puts its own, the marker last.

Everything here may be done again: a checker that was killed finds the same result still to be promoted, and writes the
same bytes over what it had written. What is taken back goes the other way round, the marker first.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from crawler.commit import atomic_path, remove
from crawler.embeddings import FOLDER
from crawler.job import JobKind
from crawler.job.markers import ExtractFiles, read_extract_reports
from crawler.raw import raw_path, read_head
from crawler.report import Report
from crawler.settings import Recipe
from crawler.tables import count_rows
from crawler.write import read_stats, shard_name, shard_paths
from workers.failpoints import failpoint
from workers.run_folder import RunFolder
from workers.tracker.checking.canaries import INPUTS, CanaryMaker
from workers.tracker.checking.result_rows import raw_rows, reasoned_candidates, shard_rows
from workers.tracker.checking.rewriting import Cut, rewrite_candidates, rewrite_raw, rewrite_shard
from workers.tracker.checking.screening import Screener
from workers.tracker.moves.jobs import content_id
from workers.tracker.moves.records import NewJob


@dataclass(frozen=True, slots=True, kw_only=True)
class Believed:
    """A result that goes into the data set, with what its job was."""

    kind: JobKind
    number: int
    #: the job's, below the campaign's folder; an archive's address for extract
    input: str
    #: holds the result's files under the names of its manifest
    folder: Path


@dataclass(frozen=True, slots=True)
class Placed:
    """What was put into the data set."""

    follow: list[NewJob]
    #: rows that a confidential list took out; for the checker's own log, never for the worker
    withheld: int


@dataclass(frozen=True, slots=True)
class Promoter:
    """Puts results into one run folder."""

    campaign: Path
    recipe: Recipe
    canaries: CanaryMaker | None = None
    screener: Screener | None = None

    @property
    def run(self) -> RunFolder:
        """The data set."""
        return RunFolder(self.campaign)

    def place(self, one: Believed) -> Placed:
        """Put a result into the data set; nothing of it exists there until its marker does.

        Raises:
            ScreeningError: a list matches implausibly much; nothing was placed.
            RunFolderError: the result cannot be read any more.
            OSError: the disk is full.
        """
        failpoint("promoting.begun")
        match one.kind:
            case JobKind.EXTRACT:
                withheld = self._place_candidates(one)
            case JobKind.FETCH:
                withheld = self._place_raw(one)
            case _:
                withheld = self._place_shard(one)
        failpoint("promoting.placed")
        follow = [self._score_job(one.number)] if one.kind is JobKind.FETCH else []
        return Placed(follow, withheld)

    def withdraw(self, kind: JobKind, number: int) -> None:
        """Take a result out of the data set: the marker first, so that half of it is never taken for a whole."""
        match kind:
            case JobKind.EXTRACT:
                files = ExtractFiles(self.run.candidates, number)
                _remove_all([files.marker, files.table])
            case JobKind.FETCH:
                _remove_all([raw_path(self.run.raw, number)])
            case _:
                paths = shard_paths(self.run.shards, number, self.recipe.output)
                _remove_all([paths.stats, paths.tar, paths.table, *self._vectors(number)])

    def _place_candidates(self, one: Believed) -> int:
        source, target = ExtractFiles(one.folder, one.number), ExtractFiles(self.run.candidates, one.number)
        target.folder.mkdir(parents=True, exist_ok=True)
        withheld = self.screener.candidates(reasoned_candidates(source.table)) if self.screener else {}
        if self.screener and withheld:
            (report,) = read_extract_reports(one.folder)
            self.screener.check(f"extract-{one.number:05d}", report.stages, withheld)
            rewrite_candidates(source, target, withheld)
            return len(withheld)
        remove(target.marker)
        _copy(source.table, target.table)
        failpoint("promoting.before_marker")
        _copy(source.marker, target.marker)
        return 0

    def _place_raw(self, one: Believed) -> int:
        source, target = raw_path(one.folder, one.number), raw_path(self.run.raw, one.number)
        target.parent.mkdir(parents=True, exist_ok=True)
        withheld = self.screener.rows(raw_rows(source)) if self.screener else {}
        head = read_head(source)
        cut = self._cut(one, withheld)
        if self.screener and cut.withheld:
            self.screener.check(f"fetch-{one.number:05d}", head.report.stages, cut.withheld)
        if cut:
            rewrite_raw(source, target, cut)
        else:
            _copy(source, target)
        return len(cut.withheld)

    def _place_shard(self, one: Believed) -> int:
        given = self.campaign / one.input
        rows = read_head(given).rows if one.kind is JobKind.SCORE else count_rows(given)
        screened = shard_rows(one.folder, one.number, self.recipe, rows)
        withheld = self.screener.rows(screened) if self.screener else {}
        cut = self._cut(one, withheld)
        if self.screener and cut.withheld:
            stats = read_stats(one.folder, one.number, self.recipe.output)
            report = msgspec.convert(stats["report"], Report)
            self.screener.check(f"{one.kind}-{one.number:05d}", report.stages, cut.withheld)
        if cut:
            rewrite_shard(one.folder, self.run.shards, one.number, self.recipe, rows, cut)
        else:
            self._copy_shard(one)
        return len(cut.withheld)

    def _copy_shard(self, one: Believed) -> None:
        source = shard_paths(one.folder, one.number, self.recipe.output)
        target = shard_paths(self.run.shards, one.number, self.recipe.output)
        target.stats.parent.mkdir(parents=True, exist_ok=True)
        if target.stats.exists():
            remove(target.stats)
        named = read_stats(one.folder, one.number, self.recipe.output).get("files", {})
        made = {self.run.shards / name for name in named}
        for path in self._vectors(one.number):
            if path not in made:
                remove(path)
        for name in sorted(named):
            (self.run.shards / name).parent.mkdir(parents=True, exist_ok=True)
            _copy(one.folder / name, self.run.shards / name)
        failpoint("promoting.before_marker")
        _copy(source.stats, target.stats)

    def _cut(self, one: Believed, withheld: dict[int, tuple[str, str]]) -> Cut:
        """What of a result is left out."""
        has_canaries = self.canaries is not None and one.input.startswith(f"{INPUTS}/")
        planted = self.canaries.in_table(self.campaign / one.input) if self.canaries and has_canaries else ()
        gone = frozenset(canary.index for canary in planted)
        return Cut(gone, {index: why for index, why in withheld.items() if index not in gone})

    def _score_job(self, number: int) -> NewJob:
        """The job that a raw shard gives; the same one when the raw shard was taken back and another came."""
        path = raw_path(self.run.raw, number)
        with path.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        name = path.relative_to(self.campaign).as_posix()
        return NewJob(
            kind=JobKind.SCORE.value,
            number=number,
            content_id=content_id(JobKind.SCORE.value, number, name, self.recipe.digest),
            input=name,
            input_sha256=sha256,
            input_bytes=path.stat().st_size,
        )

    def _vectors(self, number: int) -> list[Path]:
        """The vectors of a shard that are in the data set."""
        name = shard_name(number, self.recipe.output)
        return sorted((self.run.shards / FOLDER).glob(f"*/*/*_{name}.*"))


def _remove_all(paths: Sequence[Path]) -> None:
    for path in paths:
        if path.parent.exists():
            remove(path)


def _copy(source: Path, target: Path) -> None:
    with atomic_path(target) as temporary:
        shutil.copyfile(source, temporary)
