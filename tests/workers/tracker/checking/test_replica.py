"""Two results of one job: the same where they must be, alike where the web decides."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.workers.tracker.checking.made import Here, Made
from tests.workers.tracker.mutations import Rows, Samples, kept, said_dead, scored, with_candidates, with_rows
from workers.tracker.checking.looked import Evidence
from workers.tracker.checking.replica import compare
from workers.tracker.trust import Said


def said(results: Made, one: Evidence, other: Evidence) -> Said:
    (signal,) = compare(one, other, results.tools, Here()).signals
    return signal.said


@pytest.mark.parametrize("kind", ["extract", "crawl", "fetch", "score"])
def test_a_result_agrees_with_itself(results: Made, kind: str) -> None:
    evidence = getattr(results, kind)
    assert said(results, evidence, evidence) is Said.GOOD


def test_crawl_and_score_of_one_plan_agree(results: Made) -> None:
    assert said(results, results.crawl, results.score) is Said.GOOD


def _without_one(rows: Rows) -> Rows:
    return rows[1:]


def _another_caption(rows: Rows) -> Rows:
    return [rows[0] | {"caption": "buy now"}, *rows[1:]]


@pytest.mark.parametrize("change", [_without_one, _another_caption])
def test_one_row_of_an_archive_that_differs_is_a_contradiction(results: Made, change: Callable[[Rows], Rows]) -> None:
    changed = with_candidates(results.extract, results.folder(), change)
    assert said(results, results.extract, changed) is Said.BAD


def _other_hash(samples: Samples) -> None:
    index = kept(samples)[0]
    samples[index] = samples[index]._replace(row=samples[index].row | {"phash": "0" * 16})


def _raised_scores(samples: Samples) -> None:
    for index in kept(samples):
        samples[index] = scored(samples[index], samples[index].row["similarity"] + 0.02)


def _one_dead(samples: Samples) -> None:
    samples[kept(samples)[0]] = said_dead(samples[kept(samples)[0]])


def _all_dead(samples: Samples) -> None:
    for index in kept(samples):
        samples[index] = said_dead(samples[index])


@pytest.mark.parametrize(
    ("change", "wanted"),
    [(_other_hash, Said.BAD), (_raised_scores, Said.BAD), (_one_dead, Said.GOOD), (_all_dead, Said.BAD)],
)
def test_two_crawls_may_differ_as_the_web_does_and_no_further(
    results: Made, change: Callable[[Samples], None], wanted: Said
) -> None:
    changed = with_rows(results.crawl, results.folder(), results.tools, change)
    assert said(results, results.crawl, changed) is wanted
