"""An extract job: every candidate is in the table, kept or not, and a short archive is never a short success."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from crawler.errors import RunFolderError, ScreeningError
from crawler.job import Job, JobKind, finished, run_job
from crawler.job.screening import Screening
from crawler.settings import Recipe
from tests.crawler.job.test_crawling import Keep, tools
from workers.demo import inputs


def a_job(folder: Path, archive: str) -> Job:
    form = "wat" if ".wat" in archive else "warc"
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
