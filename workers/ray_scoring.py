"""Models on Ray: an actor that holds them and serves several workers at once, and what asks it in an engine's place.

A worker brings one batch at a time and waits for it. What several of them ask within a moment, or while the model is
busy, becomes one call of the model, and each gets its own rows back. They are the rows that it would have got alone,
bit for bit: a model works in blocks of one shape, and no row depends on its neighbours (docs/decisions/0006).
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from crawler.errors import PairtrawlError
from crawler.records import Picture
from crawler.settings import Recipe
from filters import Engine, Prepared
from workers.assemble import engines_of
from workers.attempt import peak_bytes

Vectors = tuple[NDArray[np.float32], NDArray[np.float32]]

#: a question that does not fill its batches waits so long for company, in seconds; a batch takes 5 (GPU) to 200 ms
_MOMENT = 0.002
#: rows of one call of the model at most, in batches of the engine: who comes first must not wait for too many others
_BATCHES_AT_ONCE = 4


class _Question:
    """A batch of one worker; it has no answer yet."""

    def __init__(self, images: NDArray[np.uint8], tokens: NDArray[np.int32]) -> None:
        self.images = images
        self.tokens = tokens
        self.answered = threading.Event()
        self.answers: list[Vectors] = []  # one, when it is answered


class Batcher:
    """An engine that many threads may ask at once: whoever finds it idle asks it for all who came in the meantime."""

    def __init__(self, engine: Engine, *, moment_seconds: float = _MOMENT) -> None:
        self._engine = engine
        self._moment = moment_seconds
        self._computing = threading.Lock()
        self._lock = threading.Lock()  # of the line
        self._line: list[_Question] = []

    def embed(self, images: NDArray[np.uint8], tokens: NDArray[np.int32]) -> Vectors:
        """As the engine's own. What it raises is raised for the one who asked it; the others ask anew."""
        if len(images) != len(tokens):
            raise ValueError(f"{len(images)} images and {len(tokens)} captions")
        question = _Question(images, tokens)
        with self._lock:
            self._line.append(question)
        try:
            if len(images) % self._engine.batch_size:
                question.answered.wait(self._moment)
            with self._computing:
                if not question.answered.is_set():
                    self._answer(self._company_of(question))
        finally:
            with self._lock:
                self._line.remove(question)
        return question.answers[0]

    def embed_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """As the engine's own."""
        with self._computing:
            return self._engine.embed_texts(texts)

    def _company_of(self, question: _Question) -> list[_Question]:
        """The question, and those before and behind it that fit into one call of the engine with it."""
        room = self._engine.batch_size * _BATCHES_AT_ONCE - len(question.images)
        company = [question]
        with self._lock:
            for other in self._line:
                if other is not question and not other.answered.is_set() and len(other.images) <= room:
                    company.append(other)
                    room -= len(other.images)
        return company

    def _answer(self, questions: Sequence[_Question]) -> None:
        images, texts = self._engine.embed(
            np.concatenate([one.images for one in questions]), np.concatenate([one.tokens for one in questions])
        )
        start = 0
        for one in questions:
            end = start + len(one.images)
            one.answers.append((images[start:end], texts[start:end]))
            one.answered.set()
            start = end


class Scorer:
    """An actor that holds the models of a recipe; Ray calls it from several threads."""

    def __init__(self, recipe: bytes) -> None:
        self._recipe = msgspec.json.decode(recipe, type=Recipe)
        self._lock = threading.Lock()
        self._engines: dict[str, Engine] = {}
        self._batchers: dict[str, Batcher] = {}

    def embed(self, name: str, images: NDArray[np.uint8], tokens: NDArray[np.int32]) -> Vectors:
        """What the engine called `name` makes of a batch."""
        return self._batcher(name).embed(images, tokens)

    def embed_texts(self, name: str, texts: Sequence[str]) -> NDArray[np.float32]:
        """What the engine called `name` makes of texts."""
        return self._batcher(name).embed_texts(texts)

    def provenance(self, name: str) -> str:
        """What the engine called `name` is."""
        self._batcher(name)
        return self._engines[name].provenance

    def peak(self) -> int:
        """Peak memory of this actor, in bytes."""
        return peak_bytes()

    def _batcher(self, name: str) -> Batcher:
        # With the first question, not before: an actor that cannot be made says why to nobody.
        with self._lock:
            if not self._batchers:
                self._engines = engines_of(self._recipe)
                self._batchers = {known: Batcher(engine) for known, engine in self._engines.items()}
        return self._batchers[name]


@dataclass(frozen=True, slots=True)
class RemoteEngine:
    """Stands in a filter where its own engine stood: prepares here, and asks a scoring actor for the rest."""

    engine: Engine
    scorer: Any = field(compare=False)  # Ray's handle; equal engines are equal whoever is asked

    @property
    def name(self) -> str:
        """As the engine's own."""
        return self.engine.name

    @property
    def batch_size(self) -> int:
        """As the engine's own."""
        return self.engine.batch_size

    @property
    def provenance(self) -> str:
        """As the engine's own, where the weights are."""
        return str(answer_of(self.scorer.provenance.remote(self.name)))

    def prepare(self, picture: Picture) -> Prepared:
        """As the engine's own; reads no weights."""
        return self.engine.prepare(picture)

    def embed(self, images: NDArray[np.uint8], tokens: NDArray[np.int32]) -> Vectors:
        """As the engine's own."""
        found: Vectors = answer_of(self.scorer.embed.remote(self.name, images, tokens))
        return found

    def embed_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """As the engine's own."""
        found: NDArray[np.float32] = answer_of(self.scorer.embed_texts.remote(self.name, texts))
        return found


def answer_of(question: object) -> Any:  # noqa: ANN401 - whatever was asked for
    """What an actor answers. Its own error is raised as it was there: Ray's wrapping is a page of traceback."""
    import ray  # noqa: PLC0415 - heavy, and optional

    try:
        return ray.get(question)
    except ray.exceptions.RayTaskError as error:
        if isinstance(error.cause, PairtrawlError):
            raise error.cause from error
        raise
