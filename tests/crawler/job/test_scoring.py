"""Scoring: each picture is shown to an engine once, in full batches, and only while the filters before let it pass."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL.Image import Image

from crawler.job.costs import Costs
from crawler.job.judging import Engine, Prepared
from crawler.job.looking import Looked, Turned
from crawler.job.scoring import Scored, Scoring
from crawler.records import Candidate, Embedded, Tongue, Verdict
from crawler.rows import Pictured
from tests.builders import a_candidate


class Numbered(NamedTuple):
    image: NDArray[np.uint8]
    tokens: NDArray[np.int32]


@dataclass(frozen=True)
class Eye:
    """An engine that sees a picture's number, and remembers which it was shown at once."""

    name: str
    batch_size: int = 4
    shown: list[list[int]] = field(default_factory=list, compare=False)

    @property
    def provenance(self) -> str:
        return f"{self.name}@1"

    def prepare(self, _pixels: Image, _caption: str) -> Numbered:
        raise NotImplementedError

    def embed(
        self, images: NDArray[np.uint8], tokens: NDArray[np.int32]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        self.shown.append([int(image[0]) for image in images])
        return images.astype(np.float32), tokens.astype(np.float32)


@dataclass(frozen=True)
class By:
    """A filter that keeps what `rule` says of a number, by the engine that `choose` names; remembers what it judged."""

    choose: Callable[[Candidate], Eye]
    engines: tuple[Eye, ...]
    rule: Callable[[int], bool] = lambda _number: True
    scores: str = "similarity"
    judged: list[int] = field(default_factory=list)
    made_by: str = ""

    def engine_for(self, candidate: Candidate) -> Eye:
        return self.choose(candidate)

    def judge_embedded(self, batch: Sequence[Embedded]) -> list[Verdict]:
        numbers = [int(one.image[0]) for one in batch]
        self.judged.extend(numbers)
        return [Verdict(self.rule(number), float(number)) for number in numbers]


def by(engine: Eye, rule: Callable[[int], bool] = lambda _number: True, scores: str = "similarity") -> By:
    return By(lambda _candidate: engine, (engine,), rule, scores)


def by_language(english: Eye, other: Eye) -> By:
    return By(lambda candidate: english if candidate.tongue.language == "en" else other, (english, other))


def looked(number: int, filters: Sequence[By], language: str = "") -> Looked:
    candidate = a_candidate(f"picture {number}", tongue=Tongue(language, 1.0, "Latn"))
    seen = Numbered(np.array([number], np.uint8), np.array([number], np.int32))
    prepared: dict[Engine, Prepared] = {one.engine_for(candidate): seen for one in filters}
    return Looked(candidate, Pictured({"status": "success", "looks": 0.5}, b"picture", "jpg"), prepared)


def run(filters: Sequence[By], pictures: Sequence[Looked], *, partial_after: int = 10**9) -> dict[int, Scored | Turned]:
    """How all pictures end; `partial_after` each so many pictures the web stalls."""
    scoring = Scoring([(f"filter{place}", one) for place, one in enumerate(filters)], Costs())
    ended: dict[int, Scored | Turned] = {}

    def go_on(*, partial: bool) -> None:
        while batch := scoring.next_batch(partial=partial):
            for index, outcome in scoring.score(batch):
                assert index not in ended
                ended[index] = outcome

    for index, picture in enumerate(pictures):
        if scored := scoring.enter(index, picture):
            ended[index] = scored
        go_on(partial=index % partial_after == partial_after - 1)
    go_on(partial=True)
    assert not scoring.is_waiting
    return ended


def test_filters_that_ask_one_engine_have_it_asked_once_a_picture() -> None:
    eye = Eye("eye")
    filters = [by(eye, scores="one"), by(Eye("eye"), scores="two"), by(eye, scores="three")]
    ended = run(filters, [looked(number, filters) for number in range(8)])
    assert eye.shown == [[0, 1, 2, 3], [4, 5, 6, 7]]
    assert [type(ended[index]) for index in range(8)] == [Scored] * 8
    assert [one.judged for one in filters] == [list(range(8))] * 3


def test_what_a_filter_rejects_is_not_shown_to_later_ones_nor_to_engines_that_only_they_ask() -> None:
    first, second = Eye("first"), Eye("second")
    filters = [by(first, lambda number: number % 2 == 0), by(first, lambda number: number != 2), by(second)]
    ended = run(filters, [looked(number, filters) for number in range(8)])
    assert filters[1].judged == [0, 2, 4, 6]
    assert filters[2].judged == [0, 4, 6]
    assert second.shown == [[0, 4, 6]]
    turned = {index: one.reason for index, one in ended.items() if isinstance(one, Turned)}
    assert turned == {1: "filter0", 3: "filter0", 5: "filter0", 7: "filter0", 2: "filter1"}


def test_batches_are_full_whatever_the_route_of_a_picture() -> None:
    english, other = Eye("english"), Eye("other")
    filters = [by_language(english, other)]
    languages = ["en", "de", "en", "en", "ru", "en", "de", "en", "de", "de"]
    run(filters, [looked(number, filters, language) for number, language in enumerate(languages)])
    assert english.shown == [[0, 2, 3, 5], [7]]
    assert other.shown == [[1, 4, 6, 8], [9]]


def test_a_picture_that_two_engines_must_see_keeps_the_order_of_the_recipe() -> None:
    english, other = Eye("english"), Eye("other")
    filters = [by_language(english, other), by(english, lambda number: number < 5, scores="second")]
    languages = ["en", "de"] * 4
    ended = run(filters, [looked(number, filters, language) for number, language in enumerate(languages)])
    # those that were not English have the second filter's engine to come
    assert other.shown == [[1, 3, 5, 7]]
    assert english.shown == [[0, 2, 4, 6], [1, 3, 5, 7]]
    assert {index for index, one in ended.items() if isinstance(one, Scored)} == {0, 1, 2, 3, 4}


def test_all_scores_stay_with_the_row_and_say_which_engine_made_them() -> None:
    eye, other = Eye("eye"), Eye("other")
    head = By(lambda _candidate: other, (other,), lambda number: number != 1, "nice", made_by="head.npy@2")
    filters = [by(eye), head]
    ended = run(filters, [looked(number, filters) for number in range(2)])
    kept, turned = ended[0], ended[1]
    assert isinstance(kept, Scored)
    assert kept.pictured.row == {
        "status": "success", "looks": 0.5, "similarity": 0.0, "similarity_model": "eye@1", "nice": 0.0,
        "nice_model": "other@1 head.npy@2",
    }  # fmt: skip
    assert {engine: one.image.tolist() for engine, one in kept.embedded.items()} == {"eye": [0.0], "other": [0.0]}
    assert isinstance(turned, Turned)
    assert (turned.row["nice"], turned.row["status"], turned.row["reason"]) == (1.0, "filtered", "filter1")


def test_without_filters_a_picture_comes_straight_back() -> None:
    ended = run([], [looked(0, [])])
    assert isinstance(ended[0], Scored)


def test_a_verdict_too_few_is_a_bug_that_is_said() -> None:
    class Swallows(By):
        def judge_embedded(self, batch: Sequence[Embedded]) -> list[Verdict]:
            return super().judge_embedded(batch)[1:]

    eye = Eye("eye")
    with pytest.raises(ValueError, match="shorter"):
        run([Swallows(lambda _candidate: eye, (eye,))], [looked(0, [by(eye)])])


@given(
    st.lists(st.sampled_from(["en", "de", ""]), max_size=30),
    st.integers(1, 7),
    st.integers(1, 7),
    st.integers(1, 12),
    st.sets(st.integers(0, 30)),
)
def test_outcomes_depend_on_nothing_but_the_picture(
    languages: list[str], english_size: int, other_size: int, stall: int, unwanted: set[int]
) -> None:
    english, other = Eye("english", english_size), Eye("other", other_size)
    filters = [by_language(english, other), by(english, lambda number: number not in unwanted, "second"), by(other)]
    pictures = [looked(number, filters, language) for number, language in enumerate(languages)]
    ended = run(filters, pictures, partial_after=stall)
    assert sorted(ended) == list(range(len(languages)))
    assert {index for index, one in ended.items() if isinstance(one, Turned)} == unwanted & set(range(len(languages)))
    for eye in (english, other):
        seen = [number for batch in eye.shown for number in batch]
        assert len(seen) == len(set(seen))
        assert all(len(batch) <= eye.batch_size for batch in eye.shown)
