"""The report of a whole run, from what the jobs left on disk: any run, finished or not, from any place.

Counts come from the markers of the jobs and must add up; what the markers do not hold (hosts, scores, languages) is
asked of the shard tables with DuckDB, which streams them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import xxhash

from crawler.errors import RunFolderError
from crawler.job.markers import read_crawl_reports, read_extract_reports
from crawler.outcome import Outcome
from crawler.raw import read_head
from crawler.report import Report, StageCount, add_up, check, merge
from workers.rebuild.planning import ListPlanned, read_lists
from workers.report.finding import searchable
from workers.report.judging import filters_of, with_lines
from workers.report.limits import limit_of, limits_of
from workers.report.rows import open_rows
from workers.report.samples import sheets_of
from workers.report.tables import told_by
from workers.report.times import sittings_of
from workers.report.writing import Looked, write
from workers.run_folder import Pinned, RunFolder
from workers.telling.timeline import read_timeline

#: on each contact sheet
PICTURES = 24
#: rows that tables are asked about, some 4 s of a processor for each million; a larger run shows a sample of its shards
MOST_ROWS = 20_000_000
#: what a report of a run says of its tables even where it is nothing: programs look for it
_ALWAYS: Mapping[str, type] = {
    "top_hosts": list, "languages": dict, "text_sources": dict, "opt_outs": list, "repeated_files": list,
    "scores": dict,
}  # fmt: skip


def build_report(folder: RunFolder) -> dict[str, Any]:
    """Everything known about the run in `folder`, as plain values that JSON can hold; docs/formats.md lists them.

    Everything but `speeds`, `limits`, `limit`, `timeline` and the seconds of `filters` depends on recipe and inputs
    (and the web's answers) alone.

    Raises:
        RunFolderError: there is no run in the folder, or its pin cannot be read.
        AccountingError: the counts do not add up, which would be a bug of ours.
        InputError: a table cannot be read.
    """
    return _look(folder).report


def look_at_run(folder: RunFolder, pictures: int = PICTURES, *, most_rows: int = MOST_ROWS) -> Looked:
    """The same, with a sample of rows to search and samples of pictures: all that a page is made of.

    Args:
        folder: the run.
        pictures: on each contact sheet.
        most_rows: of a run with more of them, some shards speak for all, but for what their markers count; the report
            says so under `asked`. 0 asks all.

    Raises:
        RunFolderError, AccountingError, InputError: as `build_report`.
    """
    return _look(folder, pictures, most_rows)


def write_report(folder: RunFolder, peaks: Mapping[str, int]) -> dict[str, Any]:
    """Build the report, write `report.json` and `report.html` beside the data set, and return it.

    Tables are read once, but for the few columns of the sample to search: on two cores some 4 s for a million rows,
    up to `MOST_ROWS`; this ends every sitting, and must not take hours.

    Args:
        folder: the run.
        peaks: largest resident memory by kind of process, in bytes; kept out of what must be equal everywhere.

    Raises:
        RunFolderError, AccountingError, InputError: as `build_report`.
    """
    looked = look_at_run(folder)
    looked = looked._replace(report=looked.report | {"peak_memory_bytes": dict(peaks)})
    write(looked, folder.page, folder.report)
    return looked.report


def _look(folder: RunFolder, pictures: int | None = None, most_rows: int = MOST_ROWS) -> Looked:
    """`pictures` is None where only the numbers are asked for."""
    pinned = folder.pinned()
    if pinned is None:
        raise RunFolderError(f"{folder.path}: holds no run; name the folder that --output named")
    # a table that has no marker yet is of a job in flight, or of one that was killed: its rows are not counted either
    committed = sorted(path.name.removesuffix("_stats.json") for path in folder.shards.glob("*_stats.json"))
    report = _counted(folder, pinned, committed)
    every = [table for name in committed if (table := folder.shards / f"{name}.parquet").exists()]
    planned = folder.plan.read()
    tables = some_of(every, most_rows // max(1, planned.rows_per_job if planned else 1)) if most_rows else every
    if len(tables) < len(every):
        report["asked"] = {"shards": len(tables), "of": len(every)}
    search: dict[str, Any] = {}
    with open_rows(tables, alike=True) as rows:
        told = told_by(rows)
        if pictures is not None:
            search = searchable(rows)
    told.pop("totals", None)
    told.pop("reasons", None)
    with_lines(told, report["filters"])
    timeline = told.pop("timeline", {}) | sittings_of(read_timeline(folder.path))
    report |= {name: kind() for name, kind in _ALWAYS.items()} | told
    report |= {"timeline": timeline} if timeline else {}
    if search.get("rows"):
        report["search"] = {"rows": len(search["rows"]), "of": search["of"]}
    sheets = sheets_of(folder, report, most=pictures) if pictures else []
    return Looked(report, tuple(sheets), search)


def some_of(tables: Sequence[Path], most: int) -> list[Path]:
    """At most so many of the tables, but one at least, in their order: those whose names have the smallest hashes.

    The same ones every time, and a random part: what is asked of them is what all of them would say, but for chance.
    """
    if len(tables) <= most:
        return list(tables)
    chosen = sorted(tables, key=lambda one: xxhash.xxh3_64_intdigest(one.stem.encode()))[: max(1, most)]
    return sorted(chosen)


def _counted(folder: RunFolder, pinned: Pinned, committed: Sequence[str]) -> dict[str, Any]:
    """What the markers say."""
    extracts = list(read_extract_reports(folder.candidates))
    crawls = list(read_crawl_reports(folder.shards))
    raws = _waiting(folder, {int(name) for name in committed})
    planned = folder.plan.read()
    recipe = pinned.recipe
    lists = read_lists(folder.plan) if recipe.rebuild else []
    stages = merge(stage for one in extracts for stage in one.stages)
    if planned:
        stages += (StageCount("plan", planned.candidates, planned.rows, planned.rejected),)
    stages += merge(stage for one in (*crawls, *raws) for stage in one.stages)
    check(stages)
    every = (*extracts, *crawls, *raws)
    return {
        "kind": "run",
        "name": recipe.name,
        "description": recipe.description,
        "recipe_digest": pinned.recipe_digest,
        "version": pinned.version,
        "stages": [msgspec.to_builtins(one) for one in stages],
        "archives": _lists(len(pinned.sources), lists) if lists else _archives(len(pinned.sources), extracts),
        "totals": {
            "archives": len(pinned.sources),
            "jobs": planned.jobs if planned else 0,
            "shards": len(crawls),
            "raw_shards": len(raws),
            **_totals(stages),
            "bytes_read": sum(one.bytes_read for one in extracts),
            "bytes_received": sum(one.bytes_received for one in (*crawls, *raws)),
            "bytes_written": sum(one.bytes_written for one in crawls),
        },
        "reasons": _reasons(stages),
        **({"outcomes": _outcomes(folder.shards, committed)} if recipe.rebuild else {}),
        "filters": filters_of(recipe.filters, stages, add_up(one for report in every for one in report.spent)),
        "limits": limits_of(every),
        "limit": limit_of(extracts, (*crawls, *raws), recipe.resources.decoders),
        "speeds": _speeds(extracts, [*crawls, *raws]),
    }


def _waiting(folder: RunFolder, scored: Collection[int]) -> list[Report]:
    """What was counted of raw shards that wait to be scored; of the others their shards' reports say it, too."""
    reports = []
    for path in sorted(folder.raw.glob("[0-9]*.parquet")):
        if int(path.stem) in scored:
            continue
        try:
            reports.append(read_head(path).report)
        except RunFolderError:
            if path.exists():  # it was scored and dropped just now, if not
                raise
    return reports


def _archives(asked: int, extracts: Sequence[Report]) -> dict[str, Any]:
    incomplete = [{"name": one.job, "detail": one.incomplete} for one in extracts if one.incomplete]
    return {"complete": len(extracts) - len(incomplete), "incomplete": incomplete, "unread": asked - len(extracts)}


def _lists(asked: int, lists: Sequence[ListPlanned]) -> dict[str, Any]:
    """The same of the lists of a rebuild."""
    incomplete = [{"name": one.name, "detail": one.incomplete} for one in lists if one.incomplete]
    return {"complete": len(lists) - len(incomplete), "incomplete": incomplete, "unread": asked - len(lists)}


def _outcomes(shards: Path, committed: Iterable[str]) -> dict[str, int]:
    """Rows of a rebuild by how they ended, in the order of `crawler.outcome.Outcome`."""
    counts: Counter[str] = Counter()
    for name in committed:
        stats = msgspec.json.decode((shards / f"{name}_stats.json").read_bytes())
        counts.update(stats.get("outcomes", {}))
    return {one.value: counts[one.value] for one in Outcome if counts[one.value]}


def _totals(stages: Sequence[StageCount]) -> dict[str, int]:
    """The numbers that people ask for first, under the names of what they count."""
    by_name = {one.stage: one for one in stages}

    def number(stage: str, side: str) -> int:
        return int(getattr(by_name[stage], side)) if stage in by_name else 0

    return {
        "records": number("read", "found"),
        "pages": number("read", "kept"),
        "images": number("extract", "found"),
        "candidates": number("extract", "kept") or number("plan", "found"),  # a rebuild extracts nothing
        "planned": number("plan", "kept"),
        "fetched": number("fetch", "kept"),
        "kept": number("duplicates", "kept"),
    }


def _reasons(stages: Sequence[StageCount]) -> dict[str, int]:
    """Rejected candidates by reason, most frequent first; records that are no candidates yet are not among them."""
    reasons: Counter[str] = Counter()
    for one in stages:
        if one.stage not in {"read", "extract"}:
            reasons.update(one.rejected)
    return dict(sorted(reasons.items(), key=lambda item: (-item[1], item[0])))


def _speeds(extracts: Sequence[Report], crawls: Sequence[Report]) -> dict[str, float]:
    """Seconds are those that jobs took, added up: with several workers more than the clock on the wall."""
    reading = sum(one.seconds for one in extracts)
    crawling = sum(one.seconds for one in crawls)
    rows = sum(one.stages[0].found for one in crawls)
    read = sum(one.bytes_read for one in extracts)
    return {
        "seconds": round(reading + crawling, 1),
        "read_seconds": round(reading, 1),
        "crawl_seconds": round(crawling, 1),
        "pairs_per_second": round(rows / crawling, 1) if crawling else 0.0,
        "names_looked_up": sum(one.names_looked_up for one in crawls),
        "names_asked_of_servers": sum(one.names_asked for one in crawls),
        "archive_megabytes_per_second": round(read / reading / 1e6, 1) if reading else 0.0,
    }
