"""Batches of several workers become one call of the model, and nobody can tell from what he gets back."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from crawler.errors import SettingsError
from crawler.job.costs import cpu_elsewhere
from crawler.settings import FilterChoice, Output, Recipe
from filters import Prepared
from filters.models.choice import engine_of
from tests.builders import a_candidate, a_fetched, a_picture
from tests.fakes.work import busy_for
from workers.assemble import assemble, engines_of
from workers.ray_scoring import Answered, Batcher, RemoteEngine, Scorer, Scorers, _Question


@dataclass(frozen=True)
class Gate:
    """An engine that works when it is let, fails as often as it is told to, and remembers how many rows it was given."""

    name: str = "gate"
    provenance: str = "gate@1"
    batch_size: int = 4
    entered: threading.Event = field(default_factory=threading.Event, compare=False)
    open: threading.Event = field(default_factory=threading.Event, compare=False)
    calls: list[int] = field(default_factory=list, compare=False)
    errors: list[Exception] = field(default_factory=list, compare=False)

    def prepare(self, _pixels: Image.Image, _caption: str) -> Prepared:
        raise NotImplementedError

    def embed(
        self, images: NDArray[np.uint8], tokens: NDArray[np.int32]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        self.calls.append(len(images))
        self.entered.set()
        assert self.open.wait(60)
        if self.errors:
            raise self.errors.pop()
        return images.astype(np.float32), tokens.astype(np.float32)

    def embed_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return np.array([[len(text)] for text in texts], np.float32)


def ask(batcher: Batcher, *numbers: int) -> list[float]:
    """Ask about rows that are these numbers; what comes back are the numbers."""
    images, texts, seconds = batcher.embed(
        np.array([[one] for one in numbers], np.uint8), np.array([[one] for one in numbers], np.int32)
    )
    assert np.array_equal(images, texts)
    assert seconds >= 0
    return [float(one) for one in images[:, 0]]


def until_in_line(batcher: Batcher, count: int) -> None:
    """Wait until so many questions have come."""
    last = time.monotonic() + 60
    while len(batcher._line) < count:
        assert time.monotonic() < last
        time.sleep(0.001)


def test_who_comes_while_the_model_is_busy_goes_in_one_call_and_gets_his_own_rows() -> None:
    gate = Gate()
    batcher = Batcher(gate)
    with ThreadPoolExecutor(4) as workers:
        first = workers.submit(ask, batcher, 1, 2, 3, 4)
        assert gate.entered.wait(60)
        others = [workers.submit(ask, batcher, *numbers) for numbers in ((5, 6), (7,), (8, 9, 10, 11))]
        until_in_line(batcher, 4)
        gate.open.set()
        assert [one.result(60) for one in (first, *others)] == [[1, 2, 3, 4], [5, 6], [7], [8, 9, 10, 11]]
    assert gate.calls == [4, 7]


def test_one_call_has_no_more_rows_than_four_batches() -> None:
    gate = Gate(batch_size=2)
    batcher = Batcher(gate)
    with ThreadPoolExecutor(8) as workers:
        first = workers.submit(ask, batcher, 0, 0)
        assert gate.entered.wait(60)
        others = [workers.submit(ask, batcher, number, number) for number in range(1, 8)]
        until_in_line(batcher, 8)
        gate.open.set()
        assert [one.result(60) for one in (first, *others)] == [[number, number] for number in range(8)]
    assert gate.calls == [2, 8, 6]


def test_alone_it_waits_a_moment_and_goes() -> None:
    gate = Gate()
    gate.open.set()
    assert ask(Batcher(gate, moment_seconds=0), 1) == [1]
    assert ask(Batcher(gate), 1, 2, 3) == [1, 2, 3]
    assert gate.calls == [1, 3]


def test_an_error_is_told_to_the_one_who_asked_and_the_others_ask_anew() -> None:
    gate = Gate(errors=[SettingsError("the model is not here")])
    batcher = Batcher(gate)
    with ThreadPoolExecutor(2) as workers:
        first = workers.submit(ask, batcher, 1)
        assert gate.entered.wait(60)
        second = workers.submit(ask, batcher, 2)
        until_in_line(batcher, 2)
        gate.open.set()
        assert isinstance(first.exception(60), SettingsError)
        assert second.result(60) == [2]
    assert batcher._line == []


def test_images_without_captions_are_refused_before_they_are_mixed_with_others() -> None:
    with pytest.raises(ValueError, match="2 images and 1 captions"):
        Batcher(Gate()).embed(np.zeros((2, 1), np.uint8), np.zeros((1, 1), np.int32))


class Busy(Gate):
    """Takes 10 ms of a processor for each row."""

    def embed(
        self, images: NDArray[np.uint8], tokens: NDArray[np.int32]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        busy_for(0.01 * len(images))
        return super().embed(images, tokens)


def test_who_goes_in_one_call_shares_what_it_cost_by_rows() -> None:
    gate = Busy()
    gate.open.set()
    small, large = [_Question(np.zeros((rows, 1), np.uint8), np.zeros((rows, 1), np.int32)) for rows in (1, 3)]
    Batcher(gate)._answer([small, large])
    assert 0.01 <= small.answers[0][2] == pytest.approx(large.answers[0][2] / 3)


@dataclass
class Handle:
    """An actor's, in this process."""

    batcher: Batcher

    @property
    def embed(self) -> Handle:
        return self

    def remote(self, _name: str, images: NDArray[np.uint8], tokens: NDArray[np.int32]) -> Answered:
        return self.batcher.embed(images, tokens)


@pytest.mark.ray
def test_a_stand_in_tells_what_scoring_actors_have_spent_for_it() -> None:
    gate = Busy()
    gate.open.set()
    one, other = [RemoteEngine(gate, Scorers([Handle(Batcher(gate))], get=lambda answer: answer)) for _ in range(2)]
    assert one == other
    assert cpu_elsewhere(one) == 0
    for _ in range(2):
        images, texts = one.embed(np.ones((2, 1), np.uint8), np.ones((2, 1), np.int32))
        assert np.array_equal(images, texts)
    assert cpu_elsewhere(one) >= 0.04
    assert cpu_elsewhere(other) == 0


@pytest.mark.clip
def test_any_company_gives_the_bits_that_one_gets_alone() -> None:
    engine = engine_of(batch_size=16)
    rng = np.random.default_rng(5)
    pictures = [
        a_picture(
            pixels=Image.fromarray(rng.integers(0, 256, (40, 50, 3), dtype=np.uint8)),
            fetched=a_fetched(candidate=a_candidate("boat " * (1 + number % 9))),
        )
        for number in range(60)
    ]
    prepared = [engine.prepare(one.pixels, one.fetched.candidate.caption.text) for one in pictures]
    images, tokens = np.stack([one.image for one in prepared]), np.stack([one.tokens for one in prepared])
    alone = engine.embed(images, tokens)
    batcher = Batcher(engine)
    cuts = [0, 3, 19, 20, 36, 47, 59, 60]
    parts = [slice(start, end) for start, end in pairwise(cuts)]
    with ThreadPoolExecutor(len(parts)) as workers:
        found = list(workers.map(lambda part: batcher.embed(images[part], tokens[part]), parts))
    for place in range(2):
        assert np.array_equal(np.concatenate([one[place] for one in found]), alone[place])


# what is put together --------------------------------------------------------------------------------------------

CLIP = FilterChoice(use="pictures.clip_similarity", settings={"threshold": 0.4})


def test_stand_ins_take_the_places_of_all_engines_and_equal_ones_stay_equal(tmp_path: Path) -> None:
    settings = {"routes": [{"languages": ["de"], "model": "pairtrawl-tiny", "precision": "bfloat16", "threshold": 0.3}]}
    recipe = Recipe(filters=(FilterChoice(use="pictures.clip_similarity", settings=settings),))
    ((_, one),) = assemble(recipe, tmp_path, swap=lambda engine: RemoteEngine(engine, Scorers([]))).embedding_filters
    ((_, other),) = assemble(recipe, tmp_path, swap=lambda engine: RemoteEngine(engine, Scorers([]))).embedding_filters
    assert [engine.name for engine in one.engines] == ["pairtrawl-tiny float32", "pairtrawl-tiny bfloat16"]
    assert one.engines == other.engines
    assert list(engines_of(recipe)) == [engine.name for engine in one.engines]


def test_a_scorer_knows_its_engines_by_the_names_that_workers_use() -> None:
    import msgspec

    scorer = Scorer(msgspec.json.encode(Recipe(filters=(CLIP,))))
    assert scorer.provenance("pairtrawl-tiny float32") == "pairtrawl-tiny@sha256:78c59187839c float32"


def test_one_model_in_two_ways_is_refused_for_it_would_be_asked_twice(tmp_path: Path) -> None:
    settings = {
        "routes": [
            {"languages": ["de"], "model": f"local-dir:{tmp_path}/{name}/clip", "threshold": 0.2} for name in "a"
        ]
        + [{"languages": ["fr"], "model": f"local-dir:{tmp_path}/{name}/clip", "threshold": 0.2} for name in "b"]
    }
    for name in "ab":
        (tmp_path / name / "clip").mkdir(parents=True)
        (tmp_path / name / "clip" / "open_clip_config.json").write_text("{}")
        (tmp_path / name / "clip" / "open_clip_model.safetensors").write_bytes(b"")
    with pytest.raises(SettingsError, match=r"clip_similarity: asks local-dir:clip float32 otherwise"):
        assemble(Recipe(filters=(FilterChoice(use="pictures.clip_similarity", settings=settings),)), tmp_path)


def test_embeddings_that_nothing_makes_cannot_be_kept(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="keep_embeddings"):
        assemble(Recipe(output=Output(keep_embeddings=True)), tmp_path)
    assemble(Recipe(output=Output(keep_embeddings=True), filters=(CLIP,)), tmp_path)
