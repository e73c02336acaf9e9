"""The report of a whole run, from what the jobs left on disk: any run, finished or not, from any place.

Counts come from the markers of the jobs and must add up; what the markers do not hold (hosts, scores, languages) is
asked of the shard tables with DuckDB, which streams them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import msgspec

from crawler.commit import write_atomically
from crawler.errors import RunFolderError
from crawler.job.markers import read_crawl_reports, read_extract_reports
from crawler.outcome import Outcome
from crawler.raw import read_head
from crawler.report import Report, StageCount, check, merge
from workers.rebuild.planning import ListPlanned, read_lists
from workers.report.page import render
from workers.report.samples import examples_of
from workers.report.tables import ShardTables
from workers.run_folder import RunFolder


def build_report(folder: RunFolder) -> dict[str, Any]:
    """Everything known about the run in `folder`, as plain values that JSON can hold.

    Everything but `speeds` depends on recipe and inputs (and the web's answers) alone.

    Raises:
        RunFolderError: there is no run in the folder, or its pin cannot be read.
        AccountingError: the counts do not add up, which would be a bug of ours.
    """
    pinned = folder.pinned()
    if pinned is None:
        raise RunFolderError(f"{folder.path}: holds no run; name the folder that --output named")
    extracts = list(read_extract_reports(folder.candidates))
    crawls = list(read_crawl_reports(folder.shards))
    # a table that has no marker yet is of a job in flight, or of one that was killed: its rows are not counted either
    committed = sorted(path.name.removesuffix("_stats.json") for path in folder.shards.glob("*_stats.json"))
    raws = _waiting(folder, {int(name) for name in committed})
    planned = folder.plan.read()
    lists = read_lists(folder.plan) if pinned.recipe.rebuild else []
    stages = merge(stage for one in extracts for stage in one.stages)
    if planned:
        stages += (StageCount("plan", planned.candidates, planned.rows, planned.rejected),)
    stages += merge(stage for one in (*crawls, *raws) for stage in one.stages)
    check(stages)
    tables = ShardTables([table for name in committed if (table := folder.shards / f"{name}.parquet").exists()])
    return {
        "name": pinned.recipe.name,
        "description": pinned.recipe.description,
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
        **({"outcomes": _outcomes(folder, committed)} if pinned.recipe.rebuild else {}),
        "top_hosts": tables.top_hosts(),
        "languages": tables.counts("language"),
        "text_sources": tables.counts("caption_source"),
        "opt_outs": tables.opt_outs(),
        "repeated_files": tables.repeated_files(),
        "scores": tables.scores(),
        "speeds": _speeds(extracts, [*crawls, *raws]),
    }


def write_report(folder: RunFolder, peaks: Mapping[str, int]) -> dict[str, Any]:
    """Build the report, write `report.json` and `report.html` beside the data set, and return it.

    Args:
        folder: the run.
        peaks: largest resident memory by kind of process, in bytes; kept out of what must be equal everywhere.
    """
    report = build_report(folder) | {"peak_memory_bytes": dict(peaks)}
    write_atomically(folder.report, msgspec.json.format(msgspec.json.encode(report), indent=2) + b"\n")
    examples = examples_of(folder.shards, next(iter(report["scores"]), ""))
    write_atomically(folder.page, render(report, examples).encode())
    return report


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


def _outcomes(folder: RunFolder, committed: Sequence[str]) -> dict[str, int]:
    """Rows of a rebuild by how they ended, in the order of `crawler.outcome.Outcome`."""
    counts: Counter[str] = Counter()
    for name in committed:
        stats = msgspec.json.decode((folder.shards / f"{name}_stats.json").read_bytes())
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
