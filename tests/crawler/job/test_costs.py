"""What stages and filters cost: measured where it happens, summed over halves and jobs, and never compared."""

from __future__ import annotations

import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from crawler.job import JobKind, run_job
from crawler.job.costs import Costs, Laps
from crawler.picture.sandbox import Sandbox
from crawler.records import Candidate, Fault, Picture, Verdict
from crawler.report import Report, Spent, add_up, use_of
from crawler.settings import Decode, Plan, Recipe, Resources
from crawler.wire.answers import Answer
from tests.builders import image_bytes
from tests.crawler.job.test_crawling import Keep, Ruler, Width, a_job, rows_of, tools
from tests.crawler.job.test_thumbnails import to_score
from tests.fakes.web import an_answer
from tests.fakes.work import busy_for


class Slow:
    """A filter that keeps everything and takes its time."""

    def judge(self, batch: Sequence[Picture]) -> list[Verdict]:
        busy_for(0.01 * len(batch))
        return [Verdict(keep=True) for _ in batch]


class FarRuler(Ruler):
    """An engine that has others work for it."""

    spent: ClassVar[list[float]] = [0.0]

    @property
    def cpu_seconds_elsewhere(self) -> float:
        return self.spent[0]

    def embed(
        self, images: NDArray[np.uint8], tokens: NDArray[np.int32]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        self.spent[0] += 7.0 * len(images)
        return super().embed(images, tokens)


def working(folder: Path, rows: Sequence[Candidate], **changes: Any) -> Any:
    """Ten rows: one is no image, two are too narrow, and the model turns away two more."""
    answers: dict[str, Answer | Fault] = {
        row.image_url: an_answer(body=image_bytes((60 + number, 70))) for number, row in enumerate(rows)
    }
    answers[rows[9].image_url] = an_answer(body=b"<html>")
    fields: dict[str, Any] = {
        "recipe": Recipe(plan=Plan(rows_per_job=100), resources=Resources(decoders=1)),
        "candidate_filters": (("worded", Keep(lambda _one: True)),),
        "body_filters": (("large", Keep(lambda _one: True)),),
        "picture_filters": (("wide", Keep(lambda one: one.pixels.width >= 62)), ("slow", Slow())),
        "embedding_filters": (("ruler", Width(64, FarRuler())),),
    }
    return tools(folder, answers, **(fields | changes))


def by_what(spent: Sequence[Spent]) -> dict[tuple[str, str], Spent]:
    found = {(one.stage, one.what): one for one in spent}
    assert len(found) == len(spent)
    return found


RECORDS = {
    ("filter candidates", "candidates.worded"): 10,
    ("fetch", ""): 10,
    ("filter bodies", "bodies.large"): 10,
    ("decode", ""): 10,
    ("filter pictures", "pictures.wide"): 9,
    ("filter pictures", "pictures.slow"): 7,
    ("filter pictures", "engine:ruler"): 7,
    ("filter pictures", "pictures.ruler"): 7,
    ("encode", ""): 7,
    ("prepare", "engine:ruler"): 7,
}


def test_every_filter_and_stage_says_what_it_was_shown_and_what_that_cost(tmp_path: Path) -> None:
    rows = rows_of(10)
    report = run_job(a_job(tmp_path, rows), working(tmp_path, rows))
    spent = by_what(report.spent)
    assert {key: one.records for key, one in spent.items()} == RECORDS | {("write", ""): 10}
    assert all(one.seconds > 0 for one in spent.values())
    slow = spent["filter pictures", "pictures.slow"]
    assert slow.seconds >= slow.cpu_seconds >= 0.07
    assert spent["filter pictures", "pictures.wide"].cpu_seconds < slow.cpu_seconds
    assert 49 <= spent["filter pictures", "engine:ruler"].cpu_seconds < 50
    stats = msgspec.json.decode((tmp_path / "shards/00000_stats.json").read_bytes())
    assert msgspec.convert(stats["report"], Report) == report


def test_fetched_here_and_scored_there_costs_what_both_halves_cost(tmp_path: Path) -> None:
    rows = rows_of(10)
    job = msgspec.structs.replace(a_job(tmp_path, rows), kind=JobKind.FETCH, output=str(tmp_path / "raw"))
    first = run_job(job, working(tmp_path, rows, embedding_filters=()))
    nothing: dict[str, Any] = {"candidate_filters": (), "body_filters": (), "picture_filters": ()}
    both = run_job(to_score(tmp_path, job), working(tmp_path, rows, **nothing))
    fetched, spent = by_what(first.spent), by_what(both.spent)
    assert {key: one.records for key, one in spent.items()} == RECORDS | {("write", ""): 20}
    assert all(spent[key] == one for key, one in fetched.items() if key != ("write", ""))


def test_a_report_of_an_earlier_version_is_read_and_has_spent_nothing() -> None:
    old = {"job": "crawl-00000", "kind": "crawl", "recipe": "digest", "stages": []}
    assert msgspec.convert(old, Report).spent == ()


def test_costs_of_many_jobs_are_summed_by_stage_and_what() -> None:
    jobs = [Spent("decode", "", 2, 0.5, 0.25), Spent("fetch", "", 1, 9.0, 0.1), Spent("decode", "", 3, 1.0, 0.5)]
    assert add_up(jobs) == (Spent("decode", "", 5, 1.5, 0.75), Spent("fetch", "", 1, 9.0, 0.1))
    assert add_up([]) == ()


def test_what_threads_spend_at_once_is_added_and_nothing_is_lost() -> None:
    costs = Costs()

    def spend() -> None:
        for _ in range(2_000):
            costs.add("decode", "", 1, 0.5, 0.25)

    threads = [threading.Thread(target=spend) for _ in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert costs.spent() == (Spent("decode", "", 8_000, 4_000.0, 2_000.0),)


def test_what_has_passed_between_two_laps_is_nobodys_where_it_is_skipped() -> None:
    costs = Costs()
    laps = Laps(costs)
    busy_for(0.02)
    laps.skip()
    laps.lap("write", records=3)
    laps.of_filters("candidates")("text_length", 5)
    (judged, written) = costs.spent()
    assert (judged.what, judged.records) == ("candidates.text_length", 5)
    assert written.records == 3
    assert judged.cpu_seconds + written.cpu_seconds < 0.02


def test_use_is_the_name_that_recipes_have() -> None:
    stages = ("candidates", "filter candidates", "filter bodies", "filter pictures")
    assert [use_of(stage, "one") for stage in stages] == [
        "candidates.one", "candidates.one", "bodies.one", "pictures.one",
    ]  # fmt: skip


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the system does not tell")
def test_a_decoder_tells_what_its_children_have_spent_also_those_that_are_gone() -> None:
    sandbox = Sandbox(Decode())
    try:
        assert sandbox.cpu_seconds_elsewhere >= 0
        sandbox.draw(image_bytes((64, 64)))
        before = sandbox.cpu_seconds_elsewhere
        assert before > 0
        sandbox._renew()
        assert sandbox.cpu_seconds_elsewhere >= before
        sandbox.draw(image_bytes((64, 64)))
        assert sandbox.cpu_seconds_elsewhere > before
    finally:
        sandbox.end()
    assert sandbox.cpu_seconds_elsewhere > before
