"""What a run has seen (`crawler.seen`), on a Ray cluster: actors that hold a range of the keys each, and a client.

An actor is a `LocalSeen` over its partitions. It has no memory beyond the shards: if it dies, Ray starts another, which
reads what the index on disk lacks. Claims of jobs that were just about to commit are lost then, and for those seconds a
file may be kept twice. Every question can be repeated without harm, so a client that gets no answer asks again.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from crawler.errors import IndexLostError, PairtrawlError
from crawler.seen import NothingSeen, Seen
from crawler.seen.keys import Keys
from crawler.seen.opening import OwnShards, forget_other_shares, open_seen, shares
from crawler.settings import Recipe
from workers.ray_cluster import import_ray, losses, near_the_driver, stand_in

#: an actor that cannot be reached for so long, in seconds, ends the job; Ray restarts a dead one in a few
PATIENCE = 60.0
#: between two tries to reach it, in seconds
_PAUSE = 0.5

#: waits for the answer to a call
Get = Callable[[Any], Any]


class SeenActor:
    """An actor that holds the keys of some partitions."""

    def __init__(
        self, recipe: bytes, run: str, first: int, end: int, own: OwnShards | None = None, stand: str = "."
    ) -> None:
        stand_in(stand)
        decoded = msgspec.json.decode(recipe, type=Recipe)
        # with the first call, not here: an actor that cannot be made says why to nobody
        self._seen = cache(lambda: open_seen(decoded, Path(run), range(first, end), own))

    def open(self) -> None:
        """Bring the index up to date; until then every other call would wait."""
        self._seen()

    def claim(self, shard: str, keys: Keys) -> NDArray[np.bool_]:
        """See `Seen.claim`; the keys are of this actor's partitions."""
        return self._seen().claim(shard, keys)

    def confirm(self, shard: str) -> None:
        """See `Seen.confirm`."""
        self._seen().confirm(shard)

    def release(self, shard: str) -> None:
        """See `Seen.release`."""
        self._seen().release(shard)

    def close(self) -> None:
        """See `Seen.close`."""
        self._seen().close()


def start_seen(recipe: Recipe, run: Path, number: int = 1, own: OwnShards | None = None) -> list[Any]:
    """So many actors in the Ray cluster that this process belongs to, up to date; none where the recipe needs none.

    Whoever starts them stops them when the run ends (`stop_seen`). `run` is the run's folder, which all of them see,
    and `own` says which shards are the slice's, where this is one.

    Raises:
        SettingsError, RunFolderError, OSError: as `open_seen`.
        IndexLostError: an actor dies before it has begun.
    """
    if recipe.duplicates.files == "keep":
        return []
    ray = import_ray()
    ranges = shares(number)
    forget_other_shares(run, ranges, own)
    # Ray restarts a dead one. It repeats no calls: `RaySeen` does, and for a limited time
    options = {"num_cpus": 0, "max_restarts": -1, "scheduling_strategy": near_the_driver()}
    actor = ray.remote(SeenActor).options(**options)
    encoded = msgspec.json.encode(recipe)
    stand = os.getcwd()  # noqa: PTH109 - a text for another machine
    actors = [actor.remote(encoded, str(run), parts.start, parts.stop, own, stand) for parts in ranges]
    try:
        RaySeen(actors).open()
    except (PairtrawlError, OSError):
        stop_actors(actors)
        raise
    return actors


def stop_seen(actors: Sequence[Any]) -> None:
    """Let the actors write what they have in memory, and end them.

    Raises:
        IndexLostError, OSError: it could not be written; the next opening reads it from the shards. They have ended.
    """
    try:
        seen_over(actors).close()
    finally:
        stop_actors(actors)


def stop_actors(actors: Sequence[Any]) -> None:
    """End the actors as they are."""
    ray = import_ray()
    for actor in actors:
        ray.kill(actor)


def seen_over(actors: Sequence[Any]) -> Seen:
    """What a worker asks, over the handles that `start_seen` gave."""
    return RaySeen(actors) if actors else NothingSeen()


class RaySeen:
    """`Seen` over the handles of actors, in the order of their partitions. `patience` in seconds."""

    def __init__(self, actors: Sequence[Any], *, patience: float = PATIENCE, get: Get | None = None) -> None:
        self._actors = tuple(actors)
        self._patience = patience
        self._get = get or _ray_get
        self._starts = np.array([parts.start for parts in shares(len(self._actors))])

    def open(self) -> None:
        """Wait until all of them are up to date.

        Raises:
            RunFolderError, SettingsError, OSError: an index cannot be opened.
            IndexLostError: an actor cannot be reached.
        """
        self._ask_all("open")

    def claim(self, shard: str, keys: Keys) -> NDArray[np.bool_]:
        """See `Seen.claim`."""
        owners = np.searchsorted(self._starts, keys["part"], side="right") - 1
        answer = np.empty(len(keys), np.bool_)
        # those without keys are asked, too: what an earlier try of the job has claimed of them must be let go
        questions = [("claim", shard, keys[owners == number]) for number in range(len(self._actors))]
        for number, taken in enumerate(self._ask(questions)):
            answer[owners == number] = taken
        return answer

    def confirm(self, shard: str) -> None:
        """See `Seen.confirm`."""
        self._ask_all("confirm", shard)

    def release(self, shard: str) -> None:
        """See `Seen.release`."""
        self._ask_all("release", shard)

    def close(self) -> None:
        """See `Seen.close`."""
        self._ask_all("close")

    def _ask_all(self, *question: object) -> None:
        self._ask([question] * len(self._actors))

    def _ask(self, questions: Sequence[tuple[Any, ...]]) -> list[Any]:
        """Each actor its own question, all at once; the answers in the order of the actors."""
        under_way = [
            getattr(actor, name).remote(*rest) for actor, (name, *rest) in zip(self._actors, questions, strict=True)
        ]
        return [
            self._answer(one, actor, question)
            for one, actor, question in zip(under_way, self._actors, questions, strict=True)
        ]

    def _answer(self, under_way: object, actor: object, question: tuple[Any, ...]) -> Any:  # noqa: ANN401 - whatever was asked for
        """What the actor says; asked again while it is being restarted. Its own error is raised as it was there."""
        from ray.exceptions import RayTaskError  # noqa: PLC0415 - Ray is optional

        name, *rest = question
        lost, since = losses(), 0.0  # 0: nothing was lost yet
        while True:
            try:
                return self._get(under_way)
            except RayTaskError as error:
                if isinstance(error.cause, PairtrawlError | OSError):
                    raise error.cause from error
                raise
            except lost as error:
                since = since or time.monotonic()
                away = time.monotonic() - since
                if away >= self._patience:
                    raise IndexLostError(
                        f"the index of files that were seen before could not be reached for {away:.0f} s"
                    ) from error
            time.sleep(_PAUSE)
            under_way = getattr(actor, name).remote(*rest)


def _ray_get(under_way: object) -> Any:  # noqa: ANN401 - whatever was asked for
    return import_ray().get(under_way)
