"""An extract job: every candidate is in the table, kept or not, and a short archive is never a short success."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from crawler.errors import InputError, RunFolderError, ScreeningError
from crawler.job import Job, JobKind, finished, run_job
from crawler.job.screening import Screening
from crawler.settings import Recipe
from tests.crawler.job.test_crawling import Keep, tools
from workers.demo import inputs


def a_job(folder: Path, archive: str) -> Job:
    form = "list" if archive.endswith((".parquet", ".csv")) else "wat" if ".wat" in archive else "warc"
    output = str(folder / "candidates")
    return Job(kind=JobKind.EXTRACT, number=3, input=archive, output=output, recipe="digest", form=form)


def test_every_candidate_is_in_the_table_with_the_word_of_the_filters(tmp_path: Path) -> None:
    for archive in inputs():
        long_enough = (("long_enough", Keep(lambda candidate: len(candidate.caption.text) > 8)),)
        job = a_job(tmp_path, archive)
        report = run_job(job, tools(tmp_path, {}, candidate_filters=long_enough))
        read, extract, candidates = report.stages
        table = pq.read_table(tmp_path / "candidates" / "00003.parquet").to_pylist()
        assert read.kept > 5
        assert len(table) == extract.kept == candidates.found > 100
        assert sum(row["reason"] is None for row in table) == candidates.kept
        assert {row["reason"] for row in table} == {None, "long_enough"}
        assert report.incomplete == ""
        assert finished(job, Recipe()) == report


# checklist 38
def test_a_candidate_that_a_confidential_list_names_is_counted_and_not_written(tmp_path: Path) -> None:
    secret = (("secret", Keep(lambda candidate: len(candidate.caption.text) != 9)),)
    screening = Screening(withheld=frozenset({"secret"}))
    report = run_job(a_job(tmp_path, inputs()[0]), tools(tmp_path, {}, candidate_filters=secret, screening=screening))
    candidates = report.stages[-1]
    table = pq.read_table(tmp_path / "candidates" / "00003.parquet").to_pylist()
    assert candidates.rejected["secret"] > 0
    assert len(table) == candidates.kept == candidates.found - candidates.rejected["secret"]
    assert all(len(row["caption"]) != 9 for row in table)


# checklist 40
def test_a_list_that_names_too_many_candidates_leaves_no_table(tmp_path: Path) -> None:
    listed = (("secret", Keep(lambda _: False)),)
    screening = Screening(most_shares={"secret": 0.5})
    with pytest.raises(ScreeningError, match="extract-00003: secret"):
        run_job(a_job(tmp_path, inputs()[0]), tools(tmp_path, {}, candidate_filters=listed, screening=screening))
    assert list((tmp_path / "candidates").iterdir()) == []


def test_an_archive_that_was_cut_is_reported_as_incomplete(tmp_path: Path) -> None:
    for archive in inputs():
        cut = tmp_path / Path(archive).name
        content = Path(archive).read_bytes()
        cut.write_bytes(content[: len(content) * 2 // 3])
        report = run_job(a_job(tmp_path, str(cut)), tools(tmp_path, {}))
        assert cut.name in report.incomplete
        assert report.stages[0].kept > 3


def test_a_text_that_is_called_an_archive_is_reported(tmp_path: Path) -> None:
    letter = tmp_path / "letter.warc.gz"
    letter.write_text("Dear crawler,\n\nthis is no archive.\n" * 50)
    report = run_job(a_job(tmp_path, str(letter)), tools(tmp_path, {}))
    assert "is it a web archive?" in report.incomplete


def test_a_marker_of_somebody_else_is_said(tmp_path: Path) -> None:
    job = a_job(tmp_path, inputs()[0])
    run_job(job, tools(tmp_path, {}))
    (tmp_path / "candidates" / "00003.json").write_text("{}")
    with pytest.raises(RunFolderError, match=r"00003\.json"):
        finished(job, Recipe())


def a_laion_list(path: Path) -> Path:
    """A part of LAION-400M: its columns and types, width and height swapped as they are there."""
    rows = [
        (1, "http://images.test/1.jpg", "a red boat on a lake", 640, 480, "?", "UNLIKELY", 0.31),
        (2, "http://images.test/2.jpg", "Ein Boot, \u201egrün\u201c", 480, 640, "?", "UNLIKELY", 0.33),
        (3, "http://images.test/1.jpg", "a red boat on a lake", 640, 480, "?", "UNLIKELY", 0.31),
        (4, None, "nothing", None, None, "?", None, 6016.0),
        (5, "data:image/gif;base64,R0lGODlh", "a pixel", 1, 1, "?", "UNSURE", 0.3),
        (6, "http://images.test/6.jpg", None, 640, 480, "?", "UNLIKELY", 0.3),
        (7, "http://images.test/7.jpg", "x" * 61_192, 640, 480, "?", "NSFW", 0.3),
    ]
    columns = {
        "SAMPLE_ID": pa.int64(), "URL": pa.string(), "TEXT": pa.string(), "HEIGHT": pa.int32(), "WIDTH": pa.int32(),
        "LICENSE": pa.string(), "NSFW": pa.string(), "similarity": pa.float64(),
    }  # fmt: skip
    schema = pa.schema([pa.field(name, kind) for name, kind in columns.items()])
    table = pa.Table.from_pylist([dict(zip(columns, row, strict=True)) for row in rows], schema)
    pq.write_table(table, path, compression="snappy", row_group_size=3)
    return path


def test_a_published_list_becomes_a_candidate_table_and_every_row_is_accounted_for(tmp_path: Path) -> None:
    name = "part-00000-5b54c5d5-c000.snappy.parquet"
    job = a_job(tmp_path, str(a_laion_list(tmp_path / name)))
    captioned = (("text_length", Keep(lambda candidate: len(candidate.caption.text) >= 5)),)
    report = run_job(job, tools(tmp_path, {}, candidate_filters=captioned))
    read, extract, candidates = report.stages
    assert (read.found, read.kept) == (7, 7)
    assert (extract.found, extract.kept, extract.rejected) == (7, 5, {"no_address": 2})
    assert (candidates.kept, candidates.rejected) == (4, {"text_length": 1})
    rows = pq.read_table(tmp_path / "candidates" / "00003.parquet").to_pylist()
    assert [(row["archive"], row["offset"]) for row in rows] == [(name, number) for number in (0, 1, 2, 5, 6)]
    assert {(row["image_source"], row["caption_source"], row["page_url"]) for row in rows} == {("list", "list", "")}
    assert [row["caption"][:20] for row in rows] == [
        "a red boat on a lake", "Ein Boot, \u201egrün\u201c", "a red boat on a lake", "", "x" * 20,
    ]  # fmt: skip
    assert [row["caption_language"] for row in rows][:2] == ["en", "de"]
    assert rows[0]["content_id"] == rows[2]["content_id"]  # the plan keeps the first
    assert len(rows[4]["caption"]) == 2000
    assert report.incomplete == ""
    assert finished(job, Recipe()) == report


def test_the_rows_of_a_list_that_cannot_be_read_are_counted(tmp_path: Path) -> None:
    csv = tmp_path / "list.csv"
    csv.write_bytes(b"url,text\nhttp://images.test/1.jpg,a boat\nhttp://images.test/2.jpg,a, b\n")
    report = run_job(a_job(tmp_path, str(csv)), tools(tmp_path, {}))
    assert report.stages[0].rejected == {"broken_row": 1}
    assert report.incomplete == ""
    csv.write_bytes(b"url,text\na\nb\n")
    assert "no row that can be read" in run_job(a_job(tmp_path, str(csv)), tools(tmp_path, {})).incomplete
    csv.write_bytes(b"url,text\n")
    assert run_job(a_job(tmp_path, str(csv)), tools(tmp_path, {})).incomplete == ""


def test_a_list_without_a_column_of_addresses_leaves_no_table(tmp_path: Path) -> None:
    csv = tmp_path / "list.csv"
    csv.write_text("link,words\n")
    with pytest.raises(InputError, match="'link', 'words'"):
        run_job(a_job(tmp_path, str(csv)), tools(tmp_path, {}))
    assert list((tmp_path / "candidates").iterdir()) == []
