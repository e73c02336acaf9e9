"""The reports of jobs that are committed, read back from the markers that they left."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from crawler.errors import RunFolderError
from crawler.raw import raw_path, read_head
from crawler.report import Report
from crawler.write import is_committed, read_stats

if TYPE_CHECKING:
    from crawler.job import Job
    from crawler.settings import Recipe


@dataclass(frozen=True, slots=True)
class ExtractFiles:
    """Names of the files of an extract job."""

    folder: Path
    number: int

    @property
    def table(self) -> Path:
        """The candidate table."""
        return self.folder / f"{self.number:05d}.parquet"

    @property
    def marker(self) -> Path:
        """The report of the job; where it exists the table is whole."""
        return self.folder / f"{self.number:05d}.json"


def read_extract_report(job: Job) -> Report | None:
    """The report of this extract job if it is committed.

    Raises:
        RunFolderError: there is a marker, and it is not one of ours.
    """
    marker = ExtractFiles(Path(job.output), job.number).marker
    return _report(_tree(marker), marker) if marker.exists() else None


def read_extract_reports(folder: Path) -> Iterator[Report]:
    """The reports of all committed extract jobs of a folder, by number.

    Raises:
        RunFolderError: a marker is not one of ours.
    """
    for path in sorted(folder.glob("*.json")):
        yield _report(_tree(path), path)


def read_fetch_report(job: Job) -> Report | None:
    """The report of this fetch job if its raw shard is there.

    Raises:
        RunFolderError: the file is there, and it is not one of ours.
    """
    path = raw_path(Path(job.output), job.number)
    return read_head(path).report if path.exists() else None


def read_fetch_reports(folder: Path) -> Iterator[tuple[int, Report]]:
    """The reports of all raw shards of a folder with their numbers, in order.

    Raises:
        RunFolderError: a file is no raw shard.
    """
    for path in sorted(folder.glob("*.parquet")):
        yield int(path.stem), read_head(path).report


def read_crawl_report(job: Job, recipe: Recipe) -> Report | None:
    """The report of this crawl job if its shard is committed.

    Raises:
        RunFolderError: there is a marker, and it is not one of ours.
    """
    folder = Path(job.output)
    if not is_committed(folder, job.number, recipe.output):
        return None
    stats = read_stats(folder, job.number, recipe.output)
    if stats.get("round", 0) < job.round and any(stats.get("outcomes", {}).get(one) for one in job.again):
        return None
    return _report(stats.get("report"), folder)


def read_crawl_reports(folder: Path) -> Iterator[Report]:
    """The reports of all committed shards of a folder, by number.

    Raises:
        RunFolderError: a marker is not one of ours.
    """
    for path in sorted(folder.glob("*_stats.json")):
        stats = _tree(path)
        yield _report(stats.get("report") if isinstance(stats, dict) else None, path)


def _tree(marker: Path) -> Any:  # noqa: ANN401 - whatever JSON the file holds
    try:
        return msgspec.json.decode(marker.read_bytes())
    except msgspec.DecodeError as error:
        raise RunFolderError(f"{marker}: cannot be read as the marker of a job: {error}") from error


def _report(tree: object, where: Path) -> Report:
    try:
        return msgspec.convert(tree, Report)
    except msgspec.ValidationError as error:
        raise RunFolderError(f"{where}: was not written by this version of pairtrawl: {error}") from error
