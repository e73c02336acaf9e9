"""Models on Ray: an actor that holds them and serves several workers at once, and what asks it in an engine's place.

A worker brings one batch at a time and waits for it. What several of them ask within a moment, or while the model is
busy, becomes one call of the model, and each gets its own rows back. They are the rows that it would have got alone,
bit for bit: a model works in blocks of one shape, and no row depends on its neighbours (docs/decisions/0006).
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray
from PIL.Image import Image

from crawler.errors import EngineLostError, PairtrawlError
from crawler.settings import Recipe
from filters import Engine, Prepared
from workers.attempt import peak_bytes
from workers.ray_cluster import here, import_ray, losses, stand_in
from workers.ray_room import Need
from workers.staging.weights import stage_weights

#: images, texts, and the processor time that they took
Answered = tuple[NDArray[np.float32], NDArray[np.float32], float]
#: waits for the answer to a call
Get = Callable[[Any], Any]
Vectors = tuple[NDArray[np.float32], NDArray[np.float32]]

#: a question that does not fill its batches waits so long for company, in seconds; a batch takes 5 (GPU) to 200 ms
_MOMENT = 0.002
#: rows of one call of the model at most, in batches of the engine: who comes first must not wait for too many others
_BATCHES_AT_ONCE = 4
#: calls that a scoring actor takes at once, each in a thread; those beyond wait in its line
_CALLS = 16
#: scoring actors of which none can be reached for so long, in seconds, end the job; Ray restarts a dead one in a few
PATIENCE = 120.0
#: between two rounds of asking, in seconds
_PAUSE = 0.5
#: an answer that takes longer, in seconds, is lost: weights of 10 GB are read in a few minutes
_ANSWER = 900.0


class _Question:
    """A batch of one worker; it has no answer yet."""

    def __init__(self, images: NDArray[np.uint8], tokens: NDArray[np.int32]) -> None:
        self.images = images
        self.tokens = tokens
        self.answered = threading.Event()
        self.answers: list[Answered] = []  # one, when it is answered


class Batcher:
    """An engine that many threads may ask at once: whoever finds it idle asks it for all who came in the meantime."""

    def __init__(self, engine: Engine, *, moment_seconds: float = _MOMENT) -> None:
        self._engine = engine
        self._moment = moment_seconds
        self._computing = threading.Lock()
        self._lock = threading.Lock()  # of the line
        self._line: list[_Question] = []

    def embed(self, images: NDArray[np.uint8], tokens: NDArray[np.int32]) -> Answered:
        """As the engine's own, and the share of its processor time, in seconds, that these rows took.

        What it raises is raised for the one who asked it; the others ask anew.
        """
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
        began = time.thread_time()
        images, texts = self._engine.embed(
            np.concatenate([one.images for one in questions]), np.concatenate([one.tokens for one in questions])
        )
        spent = (time.thread_time() - began) / max(1, len(images))
        start = 0
        for one in questions:
            end = start + len(one.images)
            one.answers.append((images[start:end], texts[start:end], spent * len(one.images)))
            one.answered.set()
            start = end


class Scorer:
    """An actor that holds the models of a recipe; Ray calls it from several threads."""

    def __init__(self, recipe: bytes, stand: str = ".", node_local: str = "") -> None:
        """`node_local`: a folder of the driver's machine for copies of weights; "": they are read where they are."""
        stand_in(stand)
        self._node_local = node_local
        self._recipe = msgspec.json.decode(recipe, type=Recipe)
        self._lock = threading.Lock()
        self._engines: dict[str, Engine] = {}
        self._batchers: dict[str, Batcher] = {}

    def embed(self, name: str, images: NDArray[np.uint8], tokens: NDArray[np.int32]) -> Answered:
        """What the engine called `name` makes of a batch, and the processor seconds that it took."""
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

    def node(self) -> str:
        """Where it is: the id of Ray's node."""
        return str(import_ray().get_runtime_context().get_node_id())

    def _batcher(self, name: str) -> Batcher:
        # With the first question, not before: an actor that cannot be made says why to nobody.
        with self._lock:
            if not self._batchers:
                staged_at = here(self._node_local) if self._node_local else None
                self._engines = stage_weights(self._recipe, staged_at)
                self._batchers = {known: Batcher(engine) for known, engine in self._engines.items()}
        return self._batchers[name]


def start_scorers(recipe: bytes, need: Need, node_local: str = "") -> list[Any]:
    """As many scoring actors as are needed, in the Ray cluster that this process belongs to.

    `recipe` is JSON; `node_local` as for `Scorer`. They are spread over the nodes that have what they need. Whoever
    starts them kills them.
    """
    ray = import_ray()
    actor = ray.remote(Scorer).options(
        num_cpus=need.scorer_cpus,
        num_gpus=need.scorer_gpus,
        max_concurrency=_CALLS,
        max_restarts=-1,  # Ray restarts a dead one. It repeats no calls: `RemoteEngine` does, and for a limited time
        scheduling_strategy="SPREAD",
    )
    stand = os.getcwd()  # noqa: PTH109 - a text for another machine
    return [actor.remote(recipe, stand, node_local) for _ in range(need.scorers)]


@dataclass(slots=True)
class Scorers:
    """The scoring actors as one worker asks them: `first` is the nearest, the others stand in for one that is lost."""

    handles: Sequence[Any]
    first: int = 0
    #: one that cannot be reached for so long, in seconds, with all others, ends the job
    patience: float = PATIENCE
    get: Get | None = None

    def ask(self, method: str, *args: object) -> Any:  # noqa: ANN401 - whatever was asked for
        """What one of them answers. Its own error is raised as it was there: Ray's wrapping is a page of traceback.

        Raises:
            EngineLostError: none of them could be reached for too long; nothing is known of the answer.
        """
        from ray.exceptions import RayTaskError  # noqa: PLC0415 - Ray is optional

        get, lost = self.get or _ray_get, losses()
        since, one = 0.0, self.first  # 0: nothing was lost yet
        while True:
            handle = self.handles[one % len(self.handles)]
            try:
                return get(getattr(handle, method).remote(*args))
            except RayTaskError as error:
                if isinstance(error.cause, PairtrawlError):
                    raise error.cause from error
                raise
            except lost as error:
                since = since or time.monotonic()
                away = time.monotonic() - since
                if away >= self.patience:
                    raise EngineLostError(
                        f"the processes that hold the models could not be reached for {away:.0f} s"
                    ) from error
            one += 1
            if (one - self.first) % len(self.handles) == 0:
                time.sleep(_PAUSE)


class _Spent:
    """Processor seconds of scoring actors for one stand-in."""

    def __init__(self) -> None:
        self.seconds = 0.0


@dataclass(frozen=True, slots=True)
class RemoteEngine:
    """Stands in a filter where its own engine stood: prepares here, and asks a scoring actor for the rest."""

    engine: Engine
    scorers: Scorers = field(compare=False)  # equal engines are equal whoever is asked
    _spent: _Spent = field(default_factory=_Spent, compare=False, repr=False)

    @property
    def cpu_seconds_elsewhere(self) -> float:
        """Processor time of the scoring actors for its batches so far."""
        return self._spent.seconds

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
        return str(self.scorers.ask("provenance", self.name))

    def prepare(self, pixels: Image, caption: str) -> Prepared:
        """As the engine's own; reads no weights."""
        return self.engine.prepare(pixels, caption)

    def embed(self, images: NDArray[np.uint8], tokens: NDArray[np.int32]) -> Vectors:
        """As the engine's own."""
        of_images, of_texts, seconds = self.scorers.ask("embed", self.name, images, tokens)
        self._spent.seconds += seconds
        return of_images, of_texts

    def embed_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """As the engine's own."""
        found: NDArray[np.float32] = self.scorers.ask("embed_texts", self.name, texts)
        return found


def _ray_get(question: object) -> Any:  # noqa: ANN401 - whatever was asked for
    return import_ray().get(question, timeout=_ANSWER)
