"""How many actors a cluster has room for. Nothing here talks to Ray."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

#: shares of cores and GPUs are floats
_HAIR = 1e-6
#: what Ray's resources are called that stand for a role
ROLE = "pairtrawl_"
_A_LITTLE = 0.001


@dataclass(frozen=True, slots=True)
class Node:
    """A node of the cluster: what it has, whoever uses it."""

    id: str
    host: str
    cpus: float
    gpus: float = 0.0
    #: what it is for, where somebody has said so (`pairtrawl island --role`); nothing: for everything
    roles: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Need:
    """What the actors of a pool ask for: cores and GPUs of each."""

    #: 0: as many as there is room for
    workers: int
    worker_cpus: float
    scorers: int = 0
    scorer_cpus: float = 0.0
    scorer_gpus: float = 0.0
    #: workers go to nodes with this role only
    worker_role: str = ""

    @property
    def of_a_worker(self) -> Mapping[str, float]:
        """What Ray is told of a role: a little of a resource that only such nodes have."""
        return {f"{ROLE}{self.worker_role}": _A_LITTLE} if self.worker_role else {}

    def bundles(self) -> Sequence[Mapping[str, float]]:
        """What each of the actors asks for, as an autoscaler wants to hear it."""
        scorer = {"CPU": self.scorer_cpus} | ({"GPU": self.scorer_gpus} if self.scorer_gpus else {})
        return [scorer] * self.scorers + [{"CPU": self.worker_cpus, **self.of_a_worker}] * max(1, self.workers)


@dataclass(frozen=True, slots=True)
class Room:
    """How many of each fit."""

    workers: int
    scorers: int


def room(nodes: Iterable[Node], need: Need) -> Room:
    """How many fit: the scorers first, spread, for nothing is scored without them; then the workers.

    No worker fits where scorers are needed and none does.
    """
    left = list(nodes)
    scorers = 0
    for _ in range(need.scorers):
        fits = [one for one in left if _holds(one.cpus, need.scorer_cpus) and _holds(one.gpus, need.scorer_gpus)]
        if not fits:
            break
        roomiest = max(fits, key=lambda one: (one.gpus, one.cpus))
        left.remove(roomiest)
        left.append(replace(roomiest, cpus=roomiest.cpus - need.scorer_cpus, gpus=roomiest.gpus - need.scorer_gpus))
        scorers += 1
    if need.scorers and not scorers:
        return Room(0, 0)
    own = [one for one in left if not need.worker_role or need.worker_role in one.roles]
    workers = sum(math.floor(max(0.0, one.cpus) / need.worker_cpus + _HAIR) for one in own)
    return Room(min(workers, need.workers) if need.workers else workers, scorers)


def _holds(has: float, needs: float) -> bool:
    return has + _HAIR >= needs


def shortage(nodes: Sequence[Node], need: Need) -> str:
    """What the cluster lacks, in words, with what it has; "" where everything fits."""
    fits = room(nodes, need)
    if fits.scorers == need.scorers and fits.workers >= max(1, need.workers):
        return ""
    cpus, gpus = sum(one.cpus for one in nodes), sum(one.gpus for one in nodes)
    has = f"{_some(len(nodes), 'node')} with {_some(cpus, 'core')} and {_some(gpus, 'GPU')}"
    wants = []
    if need.scorers:
        asks = [(need.scorer_cpus, "core"), (need.scorer_gpus, "GPU")]
        each = " and ".join(_some(number, what) for number, what in asks if number) or "nothing"
        wants.append(f"{_some(need.scorers, 'scoring actor')} of {each} each")
    where = f" on nodes with the role {need.worker_role}" if need.worker_role else ""
    wants.append(f"{_some(max(1, need.workers), 'worker')} of {_some(need.worker_cpus, 'core')} each{where}")
    return f"the Ray cluster has {has}; {' and '.join(wants)} do not fit"


def _some(number: float, what: str) -> str:
    """A number of things: "no GPU", "1 node", "0.5 cores"."""
    return f"no {what}" if not number else f"{number:g} {what}{'' if number == 1 else 's'}"


def share_of_a_gpu(nodes: Iterable[Node], scorers: int) -> float:
    """What of a GPU each of so many scorers takes, where they take what there is; 0 where there is none."""
    gpus = sum(math.floor(one.gpus) for one in nodes)
    return 1.0 / math.ceil(max(1, scorers) / gpus) if gpus else 0.0
