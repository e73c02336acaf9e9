"""What cheats do to an honest result: each takes the files of one, and leaves those of a liar, whose manifest fits.

Mutations of rows rewrite table, tar, statistics and report together, as somebody would who has read our code.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pyarrow.parquet as pq

from crawler.job import JobKind, Tools
from crawler.job.judging import score_columns
from crawler.raw import RawWriter, read_head, read_rows
from crawler.report import Report, StageCount, chain
from crawler.rows import Pictured, Row, turned_row
from crawler.statuses import status_of
from crawler.tables import CandidateWriter, count_rows, row_candidate
from crawler.write import ShardWriter, read_stats
from tests.workers.tracker.honest import artefacts
from workers.protocol.counts import counts_of
from workers.tracker.checking.inside.reports import stage_of, stages_of
from workers.tracker.checking.looked import Evidence
from workers.tracker.checking.orders import judges_of
from workers.tracker.checking.result_rows import shard_rows

#: rows of a candidate table
Rows = list[dict[str, Any]]
#: rows of a shard, by index, each with its picture
Samples = dict[int, Pictured]


def input_rows(evidence: Evidence) -> int:
    """Rows of the job's input."""
    assert evidence.input is not None
    return read_head(evidence.input).rows if evidence.kind is JobKind.SCORE else count_rows(evidence.input)


def copied(evidence: Evidence, folder: Path) -> Evidence:
    """The same result in another folder, to be changed there."""
    shutil.copytree(evidence.folder, folder)
    return replace(evidence, folder=folder)


def with_bytes(evidence: Evidence, folder: Path, name: str, change: Callable[[bytes], bytes]) -> Evidence:
    """The bytes of one file changed, and nothing else but the manifest."""
    changed = copied(evidence, folder)
    path = folder / name
    path.write_bytes(change(path.read_bytes()))
    return _announced(changed)


def with_candidates(evidence: Evidence, folder: Path, change: Callable[[Rows], Rows]) -> Evidence:
    """The rows of a candidate table changed; counts follow."""
    changed = copied(evidence, folder)
    table = folder / f"{evidence.number:05d}.parquet"
    rows = change(pq.read_table(table).to_pylist())
    table.unlink()
    with CandidateWriter(table) as writer:
        writer.write([row_candidate(row) for row in rows], [row["reason"] for row in rows])
    marker = folder / f"{evidence.number:05d}.json"
    report = msgspec.json.decode(marker.read_bytes(), type=Report)
    reasons = Counter(row["reason"] for row in rows if row["reason"])
    read, extracted, _ = report.stages
    found = len(rows)
    images = StageCount("extract", found + sum(extracted.rejected.values()), found, extracted.rejected)
    stages = (read, images, *chain(found, [("candidates", reasons)], kept=found - reasons.total()))
    report = msgspec.structs.replace(report, stages=stages, bytes_written=table.stat().st_size)
    marker.write_bytes(msgspec.json.encode(report))
    return _announced(changed, report)


def with_rows(evidence: Evidence, folder: Path, tools: Tools, change: Callable[[Samples], None]) -> Evidence:
    """The rows and pictures of a shard changed in place; table, tar, statistics and counts are made anew of them."""
    folder.mkdir(parents=True)
    found = input_rows(evidence)
    rows = shard_rows(evidence.folder, evidence.number, tools.recipe, found)
    samples = {one.index: one.pictured for one in rows}
    change(samples)
    stats = read_stats(evidence.folder, evidence.number, tools.recipe.output)
    old = msgspec.convert(stats["report"], Report)
    columns = score_columns((*tools.picture_filters, *tools.embedding_filters))
    most = max(tools.recipe.plan.rows_per_job, found)
    with ShardWriter(folder, evidence.number, most, tools.recipe.output, columns) as writer:
        for index, one in samples.items():
            if one.extension:
                writer.keep(index, one)
            else:
                writer.reject(index, one.row)
        report = _recounted(old, [one.row for one in samples.values()], found, evidence, tools)
        writer.commit({"report": msgspec.to_builtins(report)})
    return _announced(replace(evidence, folder=folder), report)


def with_raw_rows(evidence: Evidence, folder: Path, tools: Tools, change: Callable[[Samples], None]) -> Evidence:
    """The same of a raw shard."""
    folder.mkdir(parents=True)
    (source,) = evidence.folder.glob("*.parquet")
    samples = dict(read_rows(source))
    found = len(samples)
    change(samples)
    with RawWriter(folder / source.name, found, score_columns(tools.picture_filters)) as writer:
        for index, one in samples.items():
            if one.extension:
                writer.keep(index, one)
            else:
                writer.reject(index, one.row)
        report = _recounted(read_head(source).report, [one.row for one in samples.values()], found, evidence, tools)
        writer.commit(report)
    return _announced(replace(evidence, folder=folder), report)


def turned(pictured: Pictured, reason: str, detail: str = "") -> Pictured:
    """A row that a liar says was rejected by something that looks at pictures."""
    return Pictured(turned_row(pictured.row, reason, detail), b"", "")


def said_dead(pictured: Pictured, reason: str = "http_gone", detail: str = "404") -> Pictured:
    """A row of which a liar says that nothing was there."""
    learnt = (
        "final_url", "content_type", "body_bytes", "fetched_at", "header_opt_outs", "sha256", "md5", "sha1", "phash",
        "pdq", "pdq_quality", "original_width", "original_height", "format", "frames", "made_by", "width", "height",
        "similarity", "similarity_model",
    )  # fmt: skip
    status, message = status_of(reason, detail)
    row: Row = {name: value for name, value in pictured.row.items() if name not in learnt}
    return Pictured(row | {"status": status, "error_message": message, "reason": reason}, b"", "")


def scored(pictured: Pictured, score: float) -> Pictured:
    """A row with another score."""
    return pictured._replace(row=pictured.row | {"similarity": score})


def kept(samples: Samples) -> list[int]:
    """Indexes of the rows with a picture."""
    return [index for index, one in samples.items() if one.extension]


def _recounted(old: Report, rows: Sequence[Row], found: int, evidence: Evidence, tools: Tools) -> Report:
    judges = judges_of(tools)
    names = stages_of(evidence.kind.value)
    by_stage: dict[str, Counter[str]] = {name: Counter() for name in names}
    for row in rows:
        if reason := row.get("reason"):
            stage = stage_of(reason, judges)
            by_stage.get(stage or "", by_stage["fetch"])[reason] += 1
    stages = chain(found, list(by_stage.items()), kept=found - sum(one.total() for one in by_stage.values()))
    return msgspec.structs.replace(old, stages=stages)


def _announced(evidence: Evidence, report: Report | None = None) -> Evidence:
    manifest = msgspec.structs.replace(evidence.manifest, artefacts=artefacts(evidence.folder))
    if report is not None:
        manifest = msgspec.structs.replace(manifest, counts=counts_of(report))
    return replace(evidence, manifest=manifest)
