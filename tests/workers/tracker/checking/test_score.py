"""V2: scores that a worker did not compute are found, by single rows or by the mean of all."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from crawler.job import JobKind
from tests.workers.tracker.checking.made import Here, Made
from tests.workers.tracker.honest import crawled, pixel_tools
from tests.workers.tracker.mutations import Samples, kept, scored, with_rows
from workers.tracker.checking.looked import Evidence, Looked
from workers.tracker.checking.score import look_scores
from workers.tracker.trust import Said


def looked(results: Made, evidence: Evidence, sample: int = 100) -> Looked:
    return look_scores(evidence, sample, b"seed", results.tools, Here())


@pytest.mark.parametrize("kind", ["crawl", "score", "fetch"])
def test_an_honest_result_has_the_scores_of_its_pictures(results: Made, kind: str) -> None:
    found = looked(results, getattr(results, kind))
    assert [signal.said for signal in found.signals] == [Said.GOOD]
    assert found.figures["scored"] > 40


def _all(change: Callable[[float, int], float]) -> Callable[[Samples], None]:
    def changed(samples: Samples) -> None:
        for place, index in enumerate(kept(samples)):
            samples[index] = scored(samples[index], change(samples[index].row["similarity"], place))

    return changed


def _shuffled(samples: Samples) -> None:
    """The scores of somebody else's rows: right as numbers, wrong as scores of these."""
    indexes = kept(samples)
    scores = [samples[index].row["similarity"] for index in indexes]
    random.Random(0).shuffle(scores)
    for index, score in zip(indexes, scores, strict=True):
        samples[index] = scored(samples[index], score)


def _another_model(samples: Samples) -> None:
    for index in kept(samples):
        row = samples[index].row | {"similarity_model": "better@sha256:0 float32"}
        samples[index] = samples[index]._replace(row=row)


# invariant 19
@pytest.mark.parametrize(
    "change",
    [
        pytest.param(_all(lambda _score, _place: 0.3), id="constant"),
        pytest.param(_all(lambda _score, place: random.Random(place).uniform(0.2, 0.4)), id="random"),
        pytest.param(_shuffled, id="copied"),
        pytest.param(_all(lambda score, _place: score + 0.02), id="a little better"),
        pytest.param(_all(lambda score, _place: score + 5e-4), id="off by one in the resize"),
        pytest.param(_all(lambda score, _place: score + 1.5e-4), id="within the tolerance, all on one side"),
        pytest.param(_another_model, id="another model"),
    ],
)
def test_scores_that_were_not_computed_are_found(results: Made, change: Callable[[Samples], None]) -> None:
    changed = with_rows(results.score, results.folder(), results.tools, change)
    assert results.wrong(changed) == ""  # the files alone do not tell
    assert looked(results, changed).is_bad


def test_what_arithmetic_differs_between_machines_is_let_through(results: Made) -> None:
    draw = random.Random(3)
    noise = _all(lambda score, _place: score + draw.gauss(0, 4e-5))
    changed = with_rows(results.score, results.folder(), results.tools, noise)
    assert [signal.said for signal in looked(results, changed).signals] == [Said.GOOD]


def test_a_worker_that_computes_something_else_is_found(results: Made) -> None:
    """Not a liar: a machine whose preprocessing is broken."""
    assert results.score.input is not None
    broken = pixel_tools(results.tools.recipe, results.folder(), shift=5.0)
    changed = crawled(broken, results.score.input, results.folder(), JobKind.SCORE)
    assert results.wrong(changed) == ""
    assert looked(results, changed).is_bad


# invariant 21
def test_swapped_pictures_are_found_by_scores_and_hashes(results: Made) -> None:
    def swapped(samples: Samples) -> None:
        indexes = kept(samples)
        pictures = [samples[index].image for index in indexes]
        for place, index in enumerate(indexes):
            samples[index] = samples[index]._replace(image=pictures[place - 1])

    found = looked(results, with_rows(results.crawl, results.folder(), results.tools, swapped))
    assert found.is_bad
    hashes = [signal for signal in found.signals if "hashed" in signal.detail]
    assert hashes
