from __future__ import annotations

import pickle
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import filters
from crawler.records import Picture
from filters import Prepared
from filters.models.self_test import KNOWN, drawing
from filters.pictures.clip_similarity import ClipSimilarity, build
from tests.builders import a_candidate, a_fetched, a_picture


class Planted:
    """An engine that knows the answers, as one in another process would."""

    provenance = "planted@sha256:000000000000 float32"

    def __init__(self, *scores: float) -> None:
        self.scores = scores
        self.shapes: list[tuple[tuple[int, ...], tuple[int, ...]]] = []

    def similarities(self, images: NDArray[np.uint8], tokens: NDArray[np.int32]) -> NDArray[np.float32]:
        self.shapes.append((images.shape, tokens.shape))
        return np.array(self.scores, dtype=np.float32)


def prepared(count: int) -> list[Prepared]:
    return [Prepared(np.zeros((64, 64, 3), np.uint8), np.zeros(32, np.int32))] * count


def test_a_similarity_of_at_least_the_threshold_stays_and_every_score_is_kept() -> None:
    verdicts = build(threshold=0.28).scored_by(Planted(0.27, 0.2801, -0.5, 0.9)).judge_prepared(prepared(4))
    assert [verdict.keep for verdict in verdicts] == [False, True, False, True]
    assert [verdict.score for verdict in verdicts] == pytest.approx([0.27, 0.2801, -0.5, 0.9], abs=1e-6)


def test_a_model_that_gives_no_number_keeps_nothing() -> None:
    (verdict,) = build(threshold=-1).scored_by(Planted(float("nan"))).judge_prepared(prepared(1))
    assert (verdict.keep, verdict.score) == (False, None)
    assert "no number" in verdict.detail


def test_the_engine_in_place_is_asked_once_a_batch_and_named_as_the_maker() -> None:
    engine = Planted(0.5, 0.5, 0.5)
    filter_ = build().scored_by(engine)
    filter_.judge_prepared(prepared(3))
    assert engine.shapes == [((3, 64, 64, 3), (3, 32))]
    assert filter_.provenance == Planted.provenance
    assert filter_.scores == "similarity"
    assert filter_.judge_prepared([]) == []


def test_the_maker_of_a_score_is_known_by_the_digest_of_its_weights() -> None:
    assert build().provenance == "pairtrawl-tiny@sha256:78c59187839c float32"
    assert build(precision="bfloat16").provenance.endswith(" bfloat16")


def known_pictures() -> list[Picture]:
    return [
        a_picture(pixels=drawing(name), fetched=a_fetched(candidate=a_candidate(caption))) for name, caption, _ in KNOWN
    ]


def scores(filter_: ClipSimilarity, batch: Sequence[Picture]) -> list[float | None]:
    return [verdict.score for verdict in filter_.judge(batch)]


@pytest.mark.clip
def test_the_known_pictures_have_the_known_similarities() -> None:
    assert scores(build(batch_size=4), known_pictures()) == pytest.approx([known for _, _, known in KNOWN], abs=1e-4)


@pytest.mark.clip
@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_the_lower_precisions_come_close(precision: Any) -> None:
    filter_ = build(batch_size=2, precision=precision)
    assert scores(filter_, known_pictures()) == pytest.approx([known for _, _, known in KNOWN], abs=1e-2)


def many_pictures(count: int) -> list[Picture]:
    """Pictures of noise, with captions of very different lengths."""
    rng = np.random.default_rng(7)
    from PIL import Image

    words = ["a", "red", "boat", "on", "the", "quiet", "lake", "two", "small", "birds", "cat", "船", "湖", "🚀"]
    pictures = []
    for number in range(count):
        pixels = Image.fromarray(rng.integers(0, 256, (40, 50, 3), dtype=np.uint8))
        text = " ".join(rng.choice(words, size=1 + (number * number) % 40))
        pictures.append(a_picture(pixels=pixels, fetched=a_fetched(candidate=a_candidate(text))))
    return pictures


@pytest.mark.clip
def test_a_similarity_is_bit_for_bit_the_same_in_any_order_and_any_company() -> None:
    filter_ = build(batch_size=8)
    batch = [filter_.prepare(picture) for picture in many_pictures(21)]
    together = filter_.judge_prepared(batch)
    assert [filter_.judge_prepared([one])[0] for one in batch] == together
    order = np.random.default_rng(3).permutation(len(batch)).tolist()
    assert filter_.judge_prepared([batch[place] for place in order]) == [together[place] for place in order]
    for size in (2, 5, 8, 13):
        parts = [batch[start : start + size] for start in range(0, len(batch), size)]
        assert [verdict for part in parts for verdict in filter_.judge_prepared(part)] == together


@pytest.mark.clip
def test_prepared_pictures_are_small_and_travel() -> None:
    filter_ = filters.load("pictures.clip_similarity", {"batch_size": 4})
    assert isinstance(filter_, filters.ModelFilter)
    (one,) = (filter_.prepare(picture) for picture in many_pictures(1))
    assert (one.image.shape, one.tokens.shape) == ((64, 64, 3), (32,))
    assert one.image.dtype == np.uint8
    assert one.tokens.dtype == np.int32
    frozen = pickle.dumps(one)
    assert len(frozen) < 64 * 64 * 3 + 32 * 4 + 1_000
    assert filter_.judge_prepared([pickle.loads(frozen)]) == filter_.judge_prepared([one])
