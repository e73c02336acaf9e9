"""A result without some rows is what the job would have made without them, byte for byte."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pyarrow.parquet as pq

from crawler.job import Job, JobKind, run_job
from crawler.raw import raw_path, read_head
from crawler.records import Candidate
from crawler.report import Report
from crawler.settings import Output, Plan, Recipe
from crawler.tables import CandidateWriter, row_candidate
from tests.builders import image_bytes
from tests.crawler.job.test_crawling import rows_of, tools
from tests.crawler.job.test_fetch_then_score import files_of, rows_in, the_web, working
from tests.fakes.web import an_answer
from workers.tracker.checking.canaries import INPUTS, CanaryMaker, CanarySettings
from workers.tracker.checking.promoting import Believed, Promoter
from workers.tracker.checking.result_rows import raw_rows, shard_rows
from workers.tracker.checking.rewriting import Cut, rewrite_raw, rewrite_shard

MAKER = CanaryMaker(b"k" * 32, CanarySettings(hosts=("https://img.example.org/",), rows=4))
OUTPUT = Output(image_size=100, keep_embeddings=True)


def a_table(path: Path, rows: Sequence[Candidate]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with CandidateWriter(path) as writer:
        writer.write(rows, [None] * len(rows))
    return path


def did(folder: Path, table: Path, recipe: Recipe, kind: JobKind = JobKind.CRAWL, **changes: Any) -> Report:
    """Do a job over a table of `rows_of` and canaries, as a volunteer would: whatever web stands behind it answers."""
    rows = [row for row in table_rows(table) if "example.org" not in row.image_url]
    answers = the_web(rows)
    for canary in MAKER.in_table(table):
        picture = MAKER.picture_at(canary.address)
        assert picture is not None
        answers[canary.address] = an_answer(body=picture)
    job = Job(kind=kind, number=0, input=str(table), output=str(folder), recipe="digest")
    folder.mkdir(parents=True, exist_ok=True)
    made = replace(working(folder, recipe, rows, **changes), open_web=tools(folder, answers).open_web)
    return run_job(job, made)


def table_rows(table: Path) -> list[Candidate]:
    return [row_candidate(row) for row in pq.read_table(table).to_pylist()]


def recipe_of(output: Output, rows_per_job: int = 30) -> Recipe:
    return Recipe(plan=Plan(rows_per_job=rows_per_job), output=output)


def report_of(folder: Path) -> Report:
    stats = msgspec.json.decode((folder / "00000_stats.json").read_bytes())
    return msgspec.convert(stats["report"], Report)


def stats_of(folder: Path) -> Mapping[str, Any]:
    stats = msgspec.json.decode((folder / "00000_stats.json").read_bytes())
    return {
        name: value
        for name, value in stats.items()
        if name not in {"duration", "start_time", "end_time", "report", "files"}
    }


# invariant 26
def test_a_shard_with_its_canaries_taken_out_is_the_one_without_any(tmp_path: Path) -> None:
    """Thirty rows and four canaries: the keys have a digit more, the rows stand elsewhere, and nothing is left of it."""
    recipe, rows = recipe_of(OUTPUT), rows_of(30)
    plain = a_table(tmp_path / "plan/00000.parquet", rows)
    planted = a_table(tmp_path / INPUTS / "crawl-00000.parquet", MAKER.planted("crawl", 0, rows, rows))
    alone = did(tmp_path / "alone", plain, recipe)
    did(tmp_path / "volunteer", planted, recipe)
    assert files_of(tmp_path / "volunteer").keys() == files_of(tmp_path / "alone").keys()
    assert files_of(tmp_path / "volunteer") != files_of(tmp_path / "alone")
    believed = Believed(
        kind=JobKind.CRAWL, number=0, input=f"{INPUTS}/crawl-00000.parquet", folder=tmp_path / "volunteer"
    )
    placed = Promoter(tmp_path, recipe, MAKER).place(believed)
    assert placed.follow == []
    assert files_of(tmp_path / "shards") == files_of(tmp_path / "alone")
    assert rows_in(tmp_path / "shards") == rows_in(tmp_path / "alone")
    assert stats_of(tmp_path / "shards") == stats_of(tmp_path / "alone")
    made = report_of(tmp_path / "shards")
    assert made.stages == alone.stages
    assert (made.bytes_received, made.bytes_written) == (alone.bytes_received, alone.bytes_written)
    left = b"".join(path.read_bytes() for path in (tmp_path / "shards").rglob("*") if path.is_file())
    assert b"img.example.org" not in left


# invariant 26
def test_a_raw_shard_with_its_canaries_taken_out_is_the_one_without_any(tmp_path: Path) -> None:
    recipe, rows = recipe_of(Output()), rows_of(30)
    plain = a_table(tmp_path / "plan/00000.parquet", rows)
    planted = a_table(tmp_path / INPUTS / "fetch-00000.parquet", MAKER.planted("fetch", 0, rows, rows))
    alone = did(tmp_path / "alone", plain, recipe, JobKind.FETCH, embedding_filters=())
    did(tmp_path / "volunteer", planted, recipe, JobKind.FETCH, embedding_filters=())
    believed = Believed(
        kind=JobKind.FETCH, number=0, input=f"{INPUTS}/fetch-00000.parquet", folder=tmp_path / "volunteer"
    )
    placed = Promoter(tmp_path, recipe, MAKER).place(believed)
    one, other = raw_path(tmp_path / "raw", 0), raw_path(tmp_path / "alone", 0)
    assert without_time(one) == without_time(other)
    assert read_head(one).report.stages == alone.stages
    assert read_head(one).rows == 30
    (score,) = placed.follow
    assert (score.kind, score.number, score.input, score.input_bytes) == (
        "score", 0, "raw/00000.parquet", one.stat().st_size,
    )  # fmt: skip


def without_time(path: Path) -> list[Any]:
    return [(row.index, row.pictured.row | {"fetched_at": 0}, row.pictured.image) for row in raw_rows(path)]


def test_without_a_reason_to_cut_a_shard_written_again_is_the_same(tmp_path: Path) -> None:
    recipe, rows = recipe_of(OUTPUT), rows_of(30)
    did(tmp_path / "one", a_table(tmp_path / "plan/00000.parquet", rows), recipe)
    rewrite_shard(tmp_path / "one", tmp_path / "two", 0, recipe, 30, Cut())
    assert files_of(tmp_path / "two") == files_of(tmp_path / "one")
    assert (tmp_path / "two/00000.parquet").read_bytes() == (tmp_path / "one/00000.parquet").read_bytes()
    assert report_of(tmp_path / "two") == report_of(tmp_path / "one")


def test_what_is_withheld_keeps_its_place_and_is_counted_and_nothing_else(tmp_path: Path) -> None:
    recipe, rows = recipe_of(Output()), rows_of(30)
    before = did(tmp_path / "one", a_table(tmp_path / "plan/00000.parquet", rows), recipe)
    kept = next(row for row in shard_rows(tmp_path / "one", 0, recipe, 30) if row.pictured.extension)
    dead = next(
        row for row in shard_rows(tmp_path / "one", 0, recipe, 30) if row.pictured.row.get("reason") == "timeout"
    )
    cut = Cut(withheld={kept.index: ("filter bodies", "secret"), dead.index: ("filter candidates", "secret_too")})
    after = rewrite_shard(tmp_path / "one", tmp_path / "two", 0, recipe, 30, cut)
    left = {row["url"] for row in rows_in(tmp_path / "two")}
    assert {row["url"] for row in rows_in(tmp_path / "one")} - left == {
        kept.pictured.row["url"], dead.pictured.row["url"],
    }  # fmt: skip
    assert {row["key"] for row in rows_in(tmp_path / "two")} < {row["key"] for row in rows_in(tmp_path / "one")}
    assert after.stages[0].found == before.stages[0].found == 30
    assert after.stages[-1].kept == before.stages[-1].kept - 1
    stages = {one.stage: one.rejected for one in after.stages}
    assert stages["filter bodies"]["secret"] == 1
    assert stages["filter candidates"]["secret_too"] == 1
    assert "timeout" not in stages["fetch"]
    assert stats_of(tmp_path / "two")["withheld"] == stats_of(tmp_path / "one")["withheld"] + 2
    everything = b"".join(path.read_bytes() for path in (tmp_path / "two").rglob("*") if path.is_file())
    assert kept.pictured.image not in everything


def test_a_withheld_row_of_a_raw_shard_leaves_its_number(tmp_path: Path) -> None:
    recipe, rows = recipe_of(Output()), rows_of(30)
    did(tmp_path / "one", a_table(tmp_path / "plan/00000.parquet", rows), recipe, JobKind.FETCH, embedding_filters=())
    source = raw_path(tmp_path / "one", 0)
    cut = Cut(withheld={7: ("filter pictures", "secret")})
    rewrite_raw(source, tmp_path / "two.parquet", cut)
    head = read_head(tmp_path / "two.parquet")
    assert set(head.withheld) == {7, *read_head(source).withheld}
    assert {row.index for row in raw_rows(source)} - {row.index for row in raw_rows(tmp_path / "two.parquet")} == {7}
    assert image_bytes((67, 293)) not in (tmp_path / "two.parquet").read_bytes()
