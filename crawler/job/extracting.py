"""The extract job: one archive or list in, one candidate table out."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from crawler.archives import nearby
from crawler.commit import atomic_path, write_atomically
from crawler.extract import Extraction, extract
from crawler.job.costs import Costs, Laps
from crawler.job.judging import judge_all
from crawler.job.markers import ExtractFiles
from crawler.read import Incomplete, Skip, Skipped, read_list, read_pages
from crawler.records import Candidate, Page
from crawler.report import Report, chain
from crawler.settings import Extract
from crawler.sources import ArchiveKind
from crawler.stores import archive_name
from crawler.tables import CandidateWriter

if TYPE_CHECKING:
    from crawler.job import Job, Progress, Tools

#: candidates judged and written at once
_BATCH = 2048
#: of a list one row in so many is extracted by the clock: it takes some 15 µs, and two looks at the clock 0.3
_TIMED_ROWS = 16


@dataclass(slots=True)
class _Count:
    """What went by, counted where it went by."""

    records: int = 0
    pages: int = 0
    images: int = 0
    candidates: int = 0
    written: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    dropped: Counter[str] = field(default_factory=Counter)
    rejected: Counter[str] = field(default_factory=Counter)
    incomplete: str = ""


class _Watch:
    """What reading and extracting cost: the time between two batches, divided by how long extracting takes."""

    def __init__(self, costs: Costs, settings: Extract, *, every: int) -> None:
        self.laps = Laps(costs)
        self._costs = costs
        self._settings = settings
        self._every = every
        self._pages = self._timed = self._records = 0  # since the last batch
        self._seconds = 0.0  # of the pages that were timed

    def extract(self, page: Page) -> Extraction:
        self._pages += 1
        if self._pages % self._every:
            return extract(page, self._settings)
        began = time.perf_counter()
        extraction = extract(page, self._settings)
        self._seconds += time.perf_counter() - began
        self._timed += 1
        return extraction

    def settle(self, records: int) -> None:
        """A batch is full; `records` were read so far."""
        seconds, cpu = self.laps.since()
        share = min(1.0, self._seconds / self._timed * self._pages / seconds) if self._timed and seconds else 0.0
        self._costs.add("read", "", records - self._records, seconds * (1 - share), cpu * (1 - share))
        self._costs.add("extract", "", self._pages, seconds * share, cpu * share)
        self._pages = self._timed = 0
        self._seconds, self._records = 0.0, records


def extract_archive(job: Job, tools: Tools, progress: Progress) -> Report:
    """Read the archive or list, write every candidate with the word of the candidate filters, then the marker.

    A row of a list counts as a page with (mostly) one image.

    Candidates that a confidential list names are counted, and not written.
    """
    began = time.monotonic()
    files = ExtractFiles(Path(job.output), job.number)
    files.folder.mkdir(parents=True, exist_ok=True)
    count, costs = _Count(), Costs()
    with (
        nearby(job.input, tools.etiquette, tools.scratch) as archive,
        atomic_path(files.table, through=tools.scratch) as path,
    ):
        _write_table(job, tools, archive, path, count, costs, progress)
        size = archive.stat().st_size
        stages = (
            *chain(count.records, [("read", count.skipped)], kept=count.pages),
            *chain(count.images, [("extract", count.dropped)], kept=count.candidates),
            *chain(count.candidates, [("candidates", count.rejected)], kept=count.written),
        )
        tools.screening.check(job.name, stages)
    report = Report(
        job=job.name,
        kind=job.kind.value,
        recipe=job.recipe,
        stages=stages,
        incomplete=count.incomplete,
        bytes_read=size,
        bytes_written=files.table.stat().st_size,
        seconds=round(time.monotonic() - began, 3),
        spent=costs.spent(),
    )
    write_atomically(files.marker, msgspec.json.format(msgspec.json.encode(report), indent=2) + b"\n")
    return report


def _write_table(
    job: Job, tools: Tools, archive: Path, path: Path, count: _Count, costs: Costs, progress: Progress
) -> None:
    name = archive_name(job.input)
    is_list = job.form == ArchiveKind.LIST.value
    held: list[Candidate] = []
    watch = _Watch(costs, tools.recipe.extract, every=_TIMED_ROWS if is_list else 1)
    told_by = watch.laps.of_filters("candidates")
    with CandidateWriter(path) as table:

        def flush() -> None:
            watch.settle(count.records)
            rulings = judge_all(tools.candidate_filters, held, told_by)
            reasons = [ruling and ruling[0] for ruling in rulings]
            told = [place for place, reason in enumerate(reasons) if reason not in tools.screening.withheld]
            table.write([held[place] for place in told], [reasons[place] for place in told])
            count.rejected.update(ruling[0] for ruling in rulings if ruling)
            count.written += rulings.count(None)
            watch.laps.lap("write", records=len(told))
            progress(len(held))
            held.clear()

        for item in _records(job, archive, name, tools):
            if isinstance(item, Incomplete):
                where = "row" if is_list else "byte"
                count.incomplete = f"{name} ends in the middle, at {where} {item.offset}: {item.detail}"
                continue
            count.records += 1
            if isinstance(item, Skipped):
                count.skipped[item.reason.value] += 1
                continue
            extraction = watch.extract(item)
            count.pages += 1
            count.images += extraction.images
            count.candidates += len(extraction.candidates)
            if extraction.dropped:
                count.dropped.update({reason.value: number for reason, number in extraction.dropped})
            held.extend(extraction.candidates)
            if len(held) >= _BATCH:
                flush()
        flush()
    if not count.incomplete:
        count.incomplete = _in_vain(count, name, is_list=is_list)


def _records(job: Job, archive: Path, name: str, tools: Tools) -> Iterator[Page | Skipped | Incomplete]:
    """What the archive or list holds, in order."""
    if job.form == ArchiveKind.LIST.value:
        return read_list(archive, name=name, settings=tools.recipe.list)
    return read_pages(archive, name=name, wat=job.form == ArchiveKind.WAT.value, limits=tools.recipe.extract)


def _in_vain(count: _Count, name: str, *, is_list: bool) -> str:
    """What to say of an input of which nothing could be read, or ""."""
    if not is_list and count.records == count.skipped[Skip.BROKEN_RECORD.value]:
        return f"{name} holds no record that can be read: is it a web archive?"
    # a list may be empty: what writes tables in parts leaves parts without rows
    if is_list and 0 < count.records == count.skipped[Skip.BROKEN_ROW.value]:
        return f"{name} holds no row that can be read: is it of another form than its name says?"
    return ""
