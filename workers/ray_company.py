"""What the workers of a pool share: the desk, the index of what was seen, and the scoring actors.

EXTRACT   nothing
FETCH     the desk
SCORE     the index, and the scorers
CRAWL     all of them
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import msgspec

from crawler.errors import IndexLostError
from crawler.job import Job, JobKind
from crawler.settings import Recipe
from crawler.write import shard_name
from filters import Engine
from workers.ray_cluster import import_ray, losses
from workers.ray_desk import HOLD_SECONDS, start_desk
from workers.ray_room import Need, Node, share_of_a_gpu
from workers.ray_scoring import start_scorers
from workers.ray_seen import seen_over, start_seen, stop_actors, stop_seen
from workers.run_folder import RunFolder

#: for what the scoring actors say at the end, in seconds
_LAST_WORDS = 10.0


@dataclass(frozen=True, slots=True)
class Company:
    """Handles of these actors; None or empty: the kind of job needs none. It travels to each worker."""

    desk: Any = None
    seen: list[Any] = field(default_factory=list)
    scorers: list[Any] = field(default_factory=list)

    def release(self, job: Job, recipe: Recipe) -> None:
        """What a job has claimed of the index is free again: it is set aside."""
        with suppress(IndexLostError):  # then it has forgotten the claim, too
            seen_over(self.seen).release(shard_name(job.number, recipe.output))

    def peaks(self) -> list[int]:
        """Peak memory of each scoring actor that can say so, in bytes."""
        ray = import_ray()
        found = []
        asked = [one.peak.remote() for one in self.scorers]
        for one in ray.wait(asked, num_returns=len(asked), timeout=_LAST_WORDS)[0] if asked else ():
            with suppress(*losses()):
                found.append(ray.get(one))
        return found

    def end(self, *, hurry: bool) -> None:
        """End the actors. In a hurry the index writes nothing: what it has in memory is in the shards.

        Raises:
            IndexLostError, OSError: the index could not be written; the next opening reads it from the shards.
        """
        stop_actors([*self.scorers, *([self.desk] if self.desk else [])])
        if hurry:
            stop_actors(self.seen)
        else:
            stop_seen(self.seen)


def gpus_of_a_scorer(engines: Iterable[Engine], scorers: int, nodes: Sequence[Node]) -> float:
    """What of a GPU each of so many scorers takes for these models: what there is, and a whole one at most.

    One even where there is none, if a model is nothing without; and none where all models say `device = "cpu"`.
    """
    devices = {getattr(one, "device", "cpu") for one in engines}
    if devices <= {"cpu"}:
        return 0.0
    return share_of_a_gpu(nodes, scorers) or float("cuda" in devices)


def start_company(recipe: Recipe, folder: RunFolder, kind: JobKind, need: Need) -> Company:
    """What workers for jobs of this kind share, started in the Ray cluster that this process belongs to.

    Raises:
        SettingsError, RunFolderError, OSError, IndexLostError: as `start_seen`; nothing is left running.
    """
    seen = start_seen(recipe, folder.path.absolute(), own=folder.own) if kind.makes_shards else []
    hold_seconds = HOLD_SECONDS + recipe.fetch.total_seconds
    return Company(
        desk=start_desk(recipe.manners, hold_seconds=hold_seconds) if kind.asks_sites else None,
        seen=seen,
        scorers=start_scorers(msgspec.json.encode(recipe), need, str(folder.elsewhere or "")),
    )
