"""The limit of a run is whoever was busy all the time, and the network where nobody was."""

from __future__ import annotations

from typing import Any

import pytest

from crawler.report import Report, Spent, StageCount
from crawler.settings import FilterChoice
from workers.report.judging import filters_of, lines_drawn, with_lines
from workers.report.limits import limit_of, limits_of


def a_report(seconds: float, **spent: float) -> Report:
    """Of a job; names are stages with _ for a blank, and `engine` is a model."""
    told = tuple(
        Spent("filter pictures", "engine:tiny", 10, took, took)
        if name == "engine"
        else Spent(name.replace("_", " "), "pictures.aspect" if name == "filter_pictures" else "", 10, took, took / 2)
        for name, took in spent.items()
    )
    return Report(job="a", kind="crawl", recipe="", stages=(), seconds=seconds, spent=told)


@pytest.mark.parametrize(
    ("extracts", "crawls", "stage", "told"),
    [
        ([], [a_report(100, fetch=95, decode=40)], "fetch", "The network: the decoders idled 80 % of the time."),
        ([], [a_report(100, fetch=95, decode=190, engine=30)], "decode", "The decoders: busy 95 % of the time."),
        ([], [a_report(100, fetch=95, decode=90, encode=90)], "decode", "The decoders: busy 90 % of the time."),
        ([], [a_report(100, fetch=95, decode=10, engine=80)], "filter pictures", "The models: busy 80 % of the time."),
        ([], [a_report(100, engine=30)], "filter pictures", "The models: busy 30 % of the time."),
        ([], [a_report(50, fetch=9, write=45), a_report(50, fetch=9, write=45)], "write", "The disk: busy 90 % of the time."),
        ([a_report(300, read=100, extract=200)], [a_report(100, fetch=95)], "extract",
         "Reading archives: 75 % of the time of all jobs, most of it looking through pages."),
    ],
)  # fmt: skip
def test_the_limit_is_said_in_words(extracts: list[Report], crawls: list[Report], stage: str, told: str) -> None:
    assert limit_of(extracts, crawls, 2) == {"stage": stage, "told": told}


def test_jobs_that_measured_nothing_have_no_limit() -> None:
    assert limit_of([a_report(10)], [a_report(100)], 2) == {}
    assert limits_of([a_report(10)]) == []


def test_jobs_that_did_not_measure_do_not_make_others_idle() -> None:
    crawls = [a_report(100), a_report(100, fetch=90, decode=160)]
    assert limit_of([], crawls, 2)["stage"] == "decode"


def test_a_stage_of_filters_alone_is_followed_by_them() -> None:
    told = limits_of([a_report(1, fetch=1, filter_pictures=2, engine=3), a_report(1, fetch=1)])
    assert [(one["stage"], one["what"], one["records"], one["seconds"]) for one in told] == [
        ("fetch", "", 20, 2),
        ("filter pictures", "", 10, 5),
        ("filter pictures", "pictures.aspect", 10, 2),
        ("filter pictures", "engine:tiny", 10, 3),
    ]


CHOICES = (
    FilterChoice(use="candidates.text_length", settings={"min_characters": 5}),
    FilterChoice(use="pictures.min_side", settings={"pixels": 64}),
    FilterChoice(use="pictures.clip_similarity", settings={"threshold": 0.28}),
)
STAGES = (
    StageCount("candidates", 100, 90, {"text_length": 10}),
    StageCount("filter candidates", 90, 89, {"text_length": 1}),
    StageCount("filter pictures", 80, 50, {"min_side": 10, "clip_similarity": 20}),
)


def test_filters_say_what_they_were_shown_and_where_their_lines_are() -> None:
    length, side, similarity = filters_of(CHOICES, STAGES, [])
    assert [(one["judged"], one["rejected"]) for one in (length, side, similarity)] == [(100, 11), (80, 10), (70, 20)]
    assert similarity["column"] == "similarity"
    assert similarity["lines"] == [{"column": "similarity", "at": 0.28, "keeps": "from", "label": ""}]
    assert (side["column"], side["lines"][0]["column"]) == ("", "shorter side")


def test_filters_say_what_they_cost() -> None:
    spent = [Spent("candidates", "candidates.text_length", 100, 1.0, 0.5),
             Spent("filter candidates", "candidates.text_length", 90, 2.0, 0.25)]  # fmt: skip
    told = filters_of(CHOICES, STAGES, spent)[0]
    assert (told["judged"], told["seconds"], told["cpu_seconds"]) == (100, 3.0, 0.75)


@pytest.mark.parametrize(
    ("use", "kept"), [("pictures.clip_similarity", [9, 4, 1]), ("pictures.unsafe_prompts", [0, 5, 8])]
)
def test_a_curve_counts_the_side_that_its_lines_keep(use: str, kept: list[int]) -> None:
    column = "similarity" if use.endswith("similarity") else "punsafe_prompts"
    score: dict[str, Any] = {"edges": [0, 1, 2], "curve": {"thresholds": [0, 1, 2], "kept": [9, 4, 1], "scored": 9}}
    told: dict[str, Any] = {"scores": {column: score}}
    with_lines(told, lines_drawn([FilterChoice(use=use, settings={"threshold": 0.5})]))
    assert score["curve"]["kept"] == kept
    assert [one["at"] for one in score["lines"]] == [0.5]
