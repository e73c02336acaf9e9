from __future__ import annotations

import pickle
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL.Image import Image

import filters
from crawler.errors import SettingsError
from crawler.records import Picture, Tongue
from crawler.settings import parse_recipe
from filters import Engine, Prepared
from filters.models.choice import EMBEDDED
from filters.models.self_test import KNOWN, drawing
from filters.pictures.clip_similarity import ClipSimilarity, Route, build
from tests.builders import a_candidate, a_fetched, a_picture

RED = Prepared(np.zeros((64, 64, 3), np.uint8), np.zeros(32, np.int32))


@dataclass(frozen=True)
class Planted:
    """An engine that knows the answers, as one in another process would."""

    name: str = "planted"
    scores: tuple[float, ...] = ()
    shapes: list[tuple[tuple[int, ...], tuple[int, ...]]] = field(default_factory=list, compare=False)
    batch_size: int = 4

    @property
    def provenance(self) -> str:
        return f"{self.name}@sha256:000000000000 float32"

    def prepare(self, _pixels: Image, _caption: str) -> Prepared:
        return RED

    def embed(
        self, images: NDArray[np.uint8], tokens: NDArray[np.int32]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        self.shapes.append((images.shape, tokens.shape))
        cosines = np.array(self.scores[: len(images)], dtype=np.float64)
        images_out = np.stack([cosines, np.sqrt(1 - cosines**2)], axis=1)
        return images_out.astype(np.float32), np.array([[1, 0]] * len(images), np.float32)

    def embed_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return np.array([[1, 0]] * len(texts), np.float32)


def in_place(engine: Planted, **settings: Any) -> ClipSimilarity:
    return build(**settings).with_engines(lambda _engine: engine)


def pictures(*tongues: Tongue) -> list[Picture]:
    return [a_picture(fetched=a_fetched(candidate=a_candidate(tongue=tongue))) for tongue in tongues]


def test_a_similarity_of_at_least_the_threshold_stays_and_every_score_is_kept() -> None:
    filter_ = in_place(Planted(scores=(0.27, 0.2801, -0.5, 0.9)), threshold=0.28)
    verdicts = filter_.judge(pictures(*[Tongue()] * 4))
    assert [verdict.keep for verdict in verdicts] == [False, True, False, True]
    assert [verdict.score for verdict in verdicts] == pytest.approx([0.27, 0.2801, -0.5, 0.9], abs=1e-6)


def test_a_model_that_gives_no_number_keeps_nothing() -> None:
    (verdict,) = in_place(Planted(scores=(float("nan"),)), threshold=-1).judge(pictures(Tongue()))
    assert (verdict.keep, verdict.score) == (False, None)
    assert "no number" in verdict.detail


def test_the_engine_in_place_is_asked_once_a_batch() -> None:
    engine = Planted(scores=(0.5, 0.5, 0.5))
    filter_ = in_place(engine)
    filter_.judge(pictures(*[Tongue()] * 3))
    assert engine.shapes == [((3, 64, 64, 3), (3, 32))]
    assert filter_.engines == (engine,)
    assert filter_.scores == "similarity"
    assert filter_.judge([]) == []


def test_the_maker_of_a_score_is_known_by_the_digest_of_its_weights() -> None:
    assert build().engines[0].provenance == "pairtrawl-tiny@sha256:78c59187839c float32"
    assert build(precision="bfloat16").engines[0].provenance.endswith(" bfloat16")


def test_equal_settings_are_one_engine_so_that_filters_share_its_work() -> None:
    assert build(threshold=0.3).engines == build(threshold=0.1).engines
    assert build().engines != build(precision="bfloat16").engines
    assert len({build().engines[0], build().engines[0]}) == 1


# routes by language ----------------------------------------------------------------------------------------------

GERMAN, RUSSIAN, ENGLISH = Tongue("de", 0.9, "Latn"), Tongue("ru", 0.9, "Cyrl"), Tongue("en", 0.9, "Latn")


@pytest.fixture
def routed(tmp_path: Path) -> ClipSimilarity:
    """Everything by the embedded model, German and Russian by another one that is less strict."""
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "open_clip_config.json").write_text("{}")
    (tmp_path / "other" / "open_clip_model.safetensors").write_bytes(b"")
    routes = [{"languages": ["de", "ru"], "model": "local-dir:other", "threshold": 0.2, "precision": "bfloat16"}]
    built = filters.load("pictures.clip_similarity", {"routes": routes, "min_confidence": 0.5}, folder=tmp_path)
    assert isinstance(built, ClipSimilarity)
    return built


def test_a_caption_goes_to_the_model_of_its_language_and_meets_its_threshold(routed: ClipSimilarity) -> None:
    assert [engine.name for engine in routed.engines] == ["pairtrawl-tiny float32", "local-dir:other bfloat16"]
    filter_ = routed.with_engines(lambda engine: Planted(engine.name, (0.25, 0.25, 0.25)))
    unsure, unknown = Tongue("de", 0.4, "Latn"), Tongue()
    shown = pictures(GERMAN, ENGLISH, RUSSIAN, unsure, unknown)
    assert [verdict.keep for verdict in filter_.judge(shown)] == [True, False, True, False, False]
    assert [filter_.engine_for(picture.fetched.candidate).name for picture in shown] == [
        "local-dir:other bfloat16", "pairtrawl-tiny float32", "local-dir:other bfloat16", "pairtrawl-tiny float32",
        "pairtrawl-tiny float32",
    ]  # fmt: skip


def test_each_engine_is_asked_once_for_the_pictures_of_its_languages(routed: ClipSimilarity) -> None:
    engines: dict[str, Planted] = {}

    def plant(engine: Engine) -> Planted:
        return engines.setdefault(engine.name, Planted(engine.name, (0.5,) * 9))

    routed.with_engines(plant).judge(pictures(GERMAN, ENGLISH, RUSSIAN, ENGLISH, GERMAN))
    assert {name: [images[0] for images, _ in engine.shapes] for name, engine in engines.items()} == {
        "pairtrawl-tiny float32": [2], "local-dir:other bfloat16": [3],
    }  # fmt: skip


def test_a_filter_with_routes_travels(routed: ClipSimilarity) -> None:
    assert pickle.loads(pickle.dumps(routed)) == routed


def test_two_routes_may_share_a_model_which_is_one_engine() -> None:
    routes = tuple(Route(languages=(one,), model=EMBEDDED, threshold=0.4) for one in ("de", "fr"))
    assert build(routes=routes).engines == build().engines


ROUTE = {"languages": ["de"], "model": EMBEDDED, "threshold": 0.26}
WRONG: list[tuple[list[dict[str, Any]], str]] = [
    ([ROUTE | {"languages": ["xx"]}], "no language 'xx'"),
    ([ROUTE | {"languages": ["DE"]}], "no language 'DE'"),
    ([ROUTE | {"languages": ["deu"]}], "no language 'deu'"),
    ([ROUTE | {"languages": ["de", "fr", "de"]}], "'de' is routed twice"),
    ([ROUTE, ROUTE | {"threshold": 0.3}], "'de' is routed twice"),
    ([ROUTE | {"languages": []}], "languages"),
    ([ROUTE | {"threshold": 2}], "threshold"),
    ([ROUTE | {"precision": "int8"}], "int8"),
    ([ROUTE | {"modl": "x"}], "modl"),
    ([ROUTE | {"model": "ViT-B-32"}], "needs `pretrained`"),
    ([{"languages": ["de"], "threshold": 0.2}], "model"),
]


@pytest.mark.parametrize(("routes", "message"), WRONG)
def test_what_is_wrong_with_a_route_is_said(routes: list[dict[str, Any]], message: str) -> None:
    with pytest.raises(SettingsError, match=r"pictures\.clip_similarity") as caught:
        filters.load("pictures.clip_similarity", {"routes": routes})
    assert message in str(caught.value)


def test_a_recipe_can_hold_routes() -> None:
    text = """
        [[filters]]
        use = "pictures.clip_similarity"
        threshold = 0.28
        [[filters.routes]]
        languages = ["de", "fr"]
        model = "pairtrawl-tiny"
        threshold = 0.26
    """
    (choice,) = parse_recipe(text).filters
    built: Any = filters.load(choice.use, choice.settings)
    assert [(language, scale.threshold) for language, scale in built.routes] == [("de", 0.26), ("fr", 0.26)]


# the embedded model ----------------------------------------------------------------------------------------------


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


@pytest.fixture(scope="module")
def batch() -> list[Prepared]:
    (engine,) = build().engines
    return [engine.prepare(one.pixels, one.fetched.candidate.caption.text) for one in many_pictures(41)]


Vectors = tuple[NDArray[np.float32], NDArray[np.float32]]


def vectors(batch: Sequence[Prepared], batch_size: int = 8) -> Vectors:
    """What the embedded model makes of a batch."""
    (engine,) = build(batch_size=batch_size).engines
    return engine.embed(np.stack([one.image for one in batch]), np.stack([one.tokens for one in batch]))


def same_bits(one: Vectors, other: Vectors) -> bool:
    return all(np.array_equal(ours, theirs) for ours, theirs in zip(one, other, strict=True))


@pytest.mark.clip
def test_vectors_are_bit_for_bit_the_same_in_any_order_and_any_company(batch: list[Prepared]) -> None:
    images, texts = together = vectors(batch)
    for place, one in enumerate(batch):
        assert same_bits(vectors([one]), (images[[place]], texts[[place]]))
    order = np.random.default_rng(3).permutation(len(batch)).tolist()
    assert same_bits(vectors([batch[place] for place in order]), (images[order], texts[order]))
    for size in (2, 5, 8, 13, 40):
        parts = [vectors(batch[start : start + size]) for start in range(0, len(batch), size)]
        assert same_bits(
            (np.concatenate([one for one, _ in parts]), np.concatenate([two for _, two in parts])), together
        )


@pytest.mark.clip
def test_on_a_cpu_vectors_are_bit_for_bit_the_same_for_any_batch_size(batch: list[Prepared]) -> None:
    together = vectors(batch)
    assert all(same_bits(vectors(batch, batch_size), together) for batch_size in (1, 3, 64, 256))


@pytest.mark.clip
def test_the_number_of_threads_changes_a_similarity_by_less_than_a_millionth(batch: list[Prepared]) -> None:
    import torch

    before = torch.get_num_threads()
    found = []
    try:
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            images, texts = vectors(batch)
            found.append((images.astype(np.float64) * texts).sum(axis=1))
    finally:
        torch.set_num_threads(before)
    assert np.abs(np.array(found) - found[0]).max() < 1e-6


@pytest.mark.clip
def test_prepared_pictures_are_small_and_travel() -> None:
    filter_ = filters.load("pictures.clip_similarity", {"batch_size": 4})
    assert isinstance(filter_, ClipSimilarity)
    (engine,) = filter_.engines
    (one,) = (engine.prepare(picture.pixels, "a boat") for picture in many_pictures(1))
    assert (one.image.shape, one.tokens.shape) == ((64, 64, 3), (32,))
    assert one.image.dtype == np.uint8
    assert one.tokens.dtype == np.int32
    frozen = pickle.dumps(one)
    assert len(frozen) < 64 * 64 * 3 + 32 * 4 + 1_000
    assert same_bits(vectors([pickle.loads(frozen)]), vectors([one]))
