"""A crawl job: every row ends once, with the right reason, and what is committed adds up."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow.parquet as pq
import pytest
from numpy.typing import NDArray
from PIL.Image import Image

from crawler.archives import Etiquette
from crawler.errors import RunFolderError, SettingsError
from crawler.fetch import Web
from crawler.job import Job, JobKind, Tools, finished, run_job
from crawler.job.markers import read_crawl_reports
from crawler.records import Candidate, Embedded, Fault, Fetched, Picture, Verdict
from crawler.rights.site_word import NoRules
from crawler.settings import Plan, Recipe, Resources
from crawler.tables import CandidateWriter
from crawler.wire.answers import Answer
from tests.builders import a_candidate, image_bytes
from tests.fakes.web import FakeGet, an_answer

HOST = "http://images.test"


@dataclass(frozen=True)
class Keep:
    """A filter that keeps what a function says."""

    rule: Callable[[Any], bool]

    def judge(self, batch: Sequence[Any]) -> list[Verdict]:
        return [Verdict(self.rule(record), detail="by rule") for record in batch]


class Measured(NamedTuple):
    image: NDArray[np.uint8]
    tokens: NDArray[np.int32]


@dataclass(frozen=True)
class Ruler:
    """An engine whose vector of a picture is its width, and of a caption its length."""

    name: str = "ruler"
    provenance: str = "ruler@1"
    batch_size: int = 4

    def prepare(self, pixels: Image, caption: str) -> Measured:
        return Measured(np.array([pixels.width], np.uint8), np.array([len(caption)], np.int32))

    def embed(
        self, images: NDArray[np.uint8], tokens: NDArray[np.int32]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        return images.astype(np.float32), tokens.astype(np.float32)


@dataclass(frozen=True)
class Width:
    """A filter by embeddings whose score is the width of the picture."""

    at_least: int
    engine: Ruler = Ruler()
    scores: str = "similarity"

    @property
    def engines(self) -> tuple[Ruler, ...]:
        return (self.engine,)

    def engine_for(self, _candidate: Candidate) -> Ruler:
        return self.engine

    def judge_embedded(self, batch: Sequence[Embedded]) -> list[Verdict]:
        return [Verdict(one.image[0] >= self.at_least, float(one.image[0])) for one in batch]


def tools(folder: Path, answers: dict[str, Answer | Fault], **changes: Any) -> Tools:
    @asynccontextmanager
    async def open_fake() -> AsyncIterator[Web]:
        yield Web(FakeGet(dict(answers)), NoRules())

    fields: dict[str, Any] = {
        "recipe": Recipe(plan=Plan(rows_per_job=100)),
        "scratch": folder / "scratch",
        "etiquette": Etiquette(),
        "candidate_filters": (),
        "body_filters": (),
        "picture_filters": (),
        "embedding_filters": (),
        "open_web": open_fake,
    }
    return Tools(**(fields | changes))


def a_job(folder: Path, rows: Sequence[Candidate]) -> Job:
    table = folder / "table.parquet"
    with CandidateWriter(table) as writer:
        writer.write(rows, [None] * len(rows))
    return Job(kind=JobKind.CRAWL, number=0, input=str(table), output=str(folder / "shards"), recipe="digest")


def rows_of(count: int) -> list[Candidate]:
    return [a_candidate(f"picture {number}", image_url=f"{HOST}/{number}.png") for number in range(count)]


def outcomes(folder: Path) -> list[str]:
    table = pq.read_table(folder / "shards" / "00000.parquet", columns=["reason"])
    return [row["reason"] or "kept" for row in table.to_pylist()]


def test_each_row_ends_once_with_the_reason_of_the_stage_that_turned_it_away(tmp_path: Path) -> None:
    rows = rows_of(8)
    answers: dict[str, Answer | Fault] = {row.image_url: an_answer(body=image_bytes((80, 60))) for row in rows}
    answers[rows[1].image_url] = an_answer(404)
    answers[rows[2].image_url] = Fault.TIMEOUT
    answers[rows[3].image_url] = an_answer(body=b"<html>")
    answers[rows[4].image_url] = an_answer(body=image_bytes((20, 60)))
    answers[rows[5].image_url] = an_answer(body=image_bytes((50, 60)))

    def is_first_seven(candidate: Candidate) -> bool:
        return not candidate.image_url.endswith("/7.png")

    def is_not_six(fetched: Fetched) -> bool:
        return not fetched.final_url.endswith("/6.png")

    job = a_job(tmp_path, rows)
    told: list[int] = []
    work = tools(
        tmp_path,
        answers,
        candidate_filters=(("first_seven", Keep(is_first_seven)),),
        body_filters=(("not_six", Keep(is_not_six)),),
        picture_filters=(("wide", Keep(lambda picture: picture.pixels.width >= 40)),),
        embedding_filters=(("ruler", Width(70)),),
    )
    report = run_job(job, work, told.append)
    assert outcomes(tmp_path) == [
        "kept", "http_gone", "timeout", "not_an_image", "wide", "ruler", "not_six", "first_seven",
    ]  # fmt: skip
    assert [(one.stage, one.found, one.kept, one.rejected) for one in report.stages] == [
        ("filter candidates", 8, 7, {"first_seven": 1}),
        ("fetch", 7, 5, {"http_gone": 1, "timeout": 1}),
        ("filter bodies", 5, 4, {"not_six": 1}),
        ("decode", 4, 3, {"not_an_image": 1}),
        ("filter pictures", 3, 1, {"ruler": 1, "wide": 1}),
        ("placeholders", 1, 1, {}),
        ("duplicates", 1, 1, {}),
    ]
    assert sum(told) == 8
    assert finished(job, work.recipe) == report


def test_scores_and_what_made_them_are_kept_with_rejected_rows_too(tmp_path: Path) -> None:
    rows = rows_of(2)
    answers: dict[str, Answer | Fault] = {
        rows[0].image_url: an_answer(body=image_bytes((80, 60))),
        rows[1].image_url: an_answer(body=image_bytes((30, 60))),
    }
    run_job(a_job(tmp_path, rows), tools(tmp_path, answers, embedding_filters=(("ruler", Width(70)),)))
    table = pq.read_table(tmp_path / "shards" / "00000.parquet").to_pylist()
    assert [(row["reason"], row["similarity"], row["similarity_model"]) for row in table] == [
        (None, 80.0, "ruler@1"),
        ("ruler", 30.0, "ruler@1"),
    ]
    assert table[1]["sha256"] is not None


def test_a_budget_smaller_than_a_batch_of_the_model_does_not_stop_the_line(tmp_path: Path) -> None:
    rows = rows_of(12)
    body = image_bytes((80, 60))
    recipe = Recipe(plan=Plan(rows_per_job=100), resources=Resources(body_bytes_in_flight=2 * len(body)))
    bodies = [image_bytes((80, 60), (number, 0, 0)) for number in range(12)]
    answers: dict[str, Answer | Fault] = {
        row.image_url: an_answer(body=one) for row, one in zip(rows, bodies, strict=True)
    }
    work = tools(tmp_path, answers, recipe=recipe, embedding_filters=(("ruler", Width(1, Ruler(batch_size=8))),))
    assert run_job(a_job(tmp_path, rows), work).stages[-1].kept == 12


def test_an_empty_table_makes_an_empty_shard(tmp_path: Path) -> None:
    report = run_job(a_job(tmp_path, []), tools(tmp_path, {}))
    assert report.stages[-1].kept == 0
    assert (tmp_path / "shards" / "00000_stats.json").exists()


def test_the_same_job_twice_gives_the_same_tar(tmp_path: Path) -> None:
    rows = rows_of(20)
    answers: dict[str, Answer | Fault] = {
        row.image_url: an_answer(body=image_bytes((80 + number, 60))) for number, row in enumerate(rows)
    }
    job = a_job(tmp_path, rows)
    tars = []
    for _ in range(2):
        run_job(job, tools(tmp_path, answers))
        tars.append((tmp_path / "shards" / "00000.tar").read_bytes())
    assert tars[0] == tars[1]


def test_a_filter_that_swallows_a_verdict_ends_the_job_and_nothing_is_committed(tmp_path: Path) -> None:
    @dataclass(frozen=True)
    class Swallows:
        def judge(self, batch: Sequence[Any]) -> list[Verdict]:
            return [Verdict(keep=True) for _ in batch[1:]]

    job = a_job(tmp_path, rows_of(3))
    work = tools(tmp_path, {}, candidate_filters=(("swallows", Swallows()),))
    with pytest.raises(ExceptionGroup) as raised:
        run_job(job, work)
    assert raised.group_contains(ValueError, match="shorter")
    assert finished(job, work.recipe) is None
    assert list((tmp_path / "shards").iterdir()) == []


def test_a_bug_in_a_decoder_thread_ends_the_job_and_nothing_is_committed(tmp_path: Path) -> None:
    def explode(_picture: Picture) -> bool:
        raise ZeroDivisionError

    rows = rows_of(3)
    answers: dict[str, Answer | Fault] = {row.image_url: an_answer(body=image_bytes()) for row in rows}
    job = a_job(tmp_path, rows)
    with pytest.raises(ExceptionGroup) as caught:
        run_job(job, tools(tmp_path, answers, picture_filters=(("explodes", Keep(explode)),)))
    assert caught.value.split(ZeroDivisionError)[0] is not None
    assert list((tmp_path / "shards").iterdir()) == []


def test_what_the_user_can_mend_comes_out_of_the_line_as_it_is(tmp_path: Path) -> None:
    def no_model(_picture: Picture) -> bool:
        raise SettingsError("the model is not on this machine")

    rows = rows_of(3)
    answers: dict[str, Answer | Fault] = {row.image_url: an_answer(body=image_bytes()) for row in rows}
    work = tools(tmp_path, answers, picture_filters=(("similar", Keep(no_model)),))
    with pytest.raises(SettingsError, match="the model is not on this machine"):
        run_job(a_job(tmp_path, rows), work)
    assert list((tmp_path / "shards").iterdir()) == []


def test_a_marker_that_is_not_json_is_said(tmp_path: Path) -> None:
    (tmp_path / "00000_stats.json").write_text("{")
    with pytest.raises(RunFolderError, match=r"00000_stats\.json"):
        list(read_crawl_reports(tmp_path))


def test_a_marker_of_somebody_else_is_said(tmp_path: Path) -> None:
    job = a_job(tmp_path, [])
    work = tools(tmp_path, {})
    run_job(job, work)
    marker = tmp_path / "shards" / "00000_stats.json"
    marker.write_text(marker.read_text().replace('"report"', '"raport"'))
    with pytest.raises(RunFolderError, match="this version"):
        finished(job, work.recipe)


def test_the_transport_is_closed_whatever_happens(tmp_path: Path) -> None:
    closed: list[bool] = []

    @asynccontextmanager
    async def open_fake() -> AsyncIterator[Web]:
        try:
            yield Web(FakeGet({}), NoRules())
        finally:
            closed.append(True)

    opened: Callable[[], AbstractAsyncContextManager[Web]] = open_fake
    run_job(a_job(tmp_path, rows_of(1)), replace(tools(tmp_path, {}), open_web=opened))
    assert closed == [True]


def test_one_file_under_many_addresses_is_left_out_at_the_end_and_its_row_says_why(tmp_path: Path) -> None:
    rows = rows_of(12)
    answers: dict[str, Answer | Fault] = {row.image_url: an_answer(body=image_bytes()) for row in rows[:10]}
    answers[rows[10].image_url] = an_answer(body=image_bytes(color=(1, 2, 3)))
    report = run_job(a_job(tmp_path, rows), tools(tmp_path, answers))
    assert outcomes(tmp_path) == ["placeholder"] * 10 + ["kept", "dns_failed"]
    assert (report.stages[-2].found, report.stages[-2].kept) == (11, 1)
    table = pq.read_table(tmp_path / "shards" / "00000.parquet").to_pylist()
    assert len({row["sha256"] for row in table[:10]}) == 1  # what a removal list needs stays in the row
    assert report.bytes_written < 2 * len(image_bytes(color=(1, 2, 3), kind="JPEG", quality=95))


def test_what_was_said_on_the_way_stands_in_the_rows_of_refused_images_too(tmp_path: Path) -> None:
    rows = [*rows_of(1), a_candidate(image_url=f"{HOST}/1.png", opt_outs=("meta robots: noai",))]
    run_job(a_job(tmp_path, rows), tools(tmp_path, {rows[0].image_url: an_answer(x_robots_tag="noai")}))
    table = pq.read_table(tmp_path / "shards" / "00000.parquet").to_pylist()
    assert [(row["reason"], row["header_opt_outs"], row["page_opt_outs"]) for row in table] == [
        ("image_opted_out", ["x-robots-tag: noai"], []),
        ("page_opted_out", None, ["meta robots: noai"]),
    ]
