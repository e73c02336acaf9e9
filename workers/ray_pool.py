"""Jobs on a Ray cluster: actors that run `run_job`, fed from an iterator, and the actors that they share.

The driver holds two jobs per worker and nothing else: jobs are pulled from an iterator when a worker is free, so memory
does not grow with the run. Jobs and outcomes travel as JSON. Pictures travel only between a crawling and a scoring
actor (`workers.ray_scoring`), in full batches, as the model's small uint8 input; one call per picture would cost more
than the work (docs/decisions/0007). Workers come and go with the cluster (`workers.ray_crew`); a job whose worker dies
runs again elsewhere. docs/ray.md says what happens when something is lost.
"""

from __future__ import annotations

import getpass
import math
import os
import socket
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import Self

import msgspec

from crawler.errors import SettingsError
from crawler.job import Job, JobKind, Progress, finished
from crawler.settings import Recipe
from workers.assemble import engines_of
from workers.attempt import Outcome
from workers.blame import Blame
from workers.crawl import Run
from workers.ray_agency import RayAgency
from workers.ray_cluster import RayCluster, import_ray, joined, require_ray
from workers.ray_company import gpus_of_a_scorer, start_company
from workers.ray_crew import Crew, CrewLostError
from workers.ray_errands import Errand, Hand, Line
from workers.ray_hints import hints
from workers.ray_room import Need
from workers.ray_workers import Ground, Hello, fingerprint
from workers.run_folder import RunFolder
from workers.stop import Stop
from workers.telling.figures import rows_of

#: a job that took this many actors with it, or lost a process that it needs so often, is set aside as failed
TRIES = 3
#: a job whose node was lost so often is set aside: it may be what brings nodes down
NODES = 10
#: a cluster that has no room for all that was asked for has so long to get it, in seconds: nodes may be about to join
WAIT = 60.0
#: the role of nodes that have internet, in a cluster where not all have it
_FETCHERS = "download"
#: seconds between two looks at the stop sign
_LOOK = 0.5


@dataclass(frozen=True, slots=True)
class Actors:
    """How many of each kind, and what each may use."""

    #: at most, now and when the cluster grows and shrinks; 0: as many as there is room for
    workers: int = 2
    #: 0: models are in the workers
    scorers: int = 1
    #: cores; 0: half a one where the number of workers is given, for they mostly wait, and else a whole one
    worker_cpus: float = 0.0
    #: cores, where the number of workers is given; else none, or a node of one core had no room for a worker
    scorer_cpus: float = 0.5
    #: None: what there is of GPUs, one for each at most, unless the recipe's models say `device = "cpu"`
    scorer_gpus: float | None = None
    #: a cluster that grows on demand is asked for room, and waited for so long, in seconds; None: it does not grow
    wait_for_nodes: float | None = None

    @property
    def cpus_of_a_worker(self) -> float:
        """What each worker asks for, in cores."""
        return self.worker_cpus or (0.5 if self.workers else 1.0)

    @property
    def cpus(self) -> int | None:
        """What all of them ask for together, in whole cores; None where they are as many as there is room for."""
        if not self.workers:
            return None
        return math.ceil(self.workers * self.cpus_of_a_worker + self.scorers * self.scorer_cpus)


class RayPool:
    """Actors for one recipe, ready to run jobs. A context manager: leaving it ends its actors.

    Raises:
        SettingsError: the cluster has no room for one of each, and got none in time; the message says what it lacks.
    """

    def __init__(self, recipe: Recipe, folder: RunFolder, actors: Actors, kind: JobKind) -> None:
        self._ray = import_ray()
        self._cluster = RayCluster()
        self._recipe = recipe
        self._wishes = actors.wait_for_nodes is not None  # of an autoscaler
        need = _need(recipe, actors, kind, self._cluster)
        seconds = WAIT if actors.wait_for_nodes is None else actors.wait_for_nodes
        self._cluster.await_room(need, seconds, ask=self._wishes)
        self._company = start_company(recipe, folder, kind, need)
        folder.scratch.mkdir(parents=True, exist_ok=True)  # who does not find it is on another machine
        self._ground = Ground(
            stand=os.getcwd(),  # noqa: PTH109 - a text for other machines
            scratch=str(folder.scratch),
            pin=str(folder.pin),
            sees=fingerprint(folder.pin),
        )
        agency = RayAgency(msgspec.json.encode(recipe), self._ground, self._company, need)
        self._draining = False
        self._crew = Crew(self._cluster, agency, need, patience=actors.wait_for_nodes or 0.0)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_exc: object) -> None:
        if self._crew.lost_head:  # whoever asks for anything hangs; the actors end with the head
            return
        self._crew.dismiss()
        if self._wishes:
            self._cluster.wish([])
        self._company.end(hurry=kind is not None)

    def scorer_peaks(self) -> list[int]:
        """Peak memory of each scoring actor that can say so, in bytes."""
        return [] if self._crew.lost_head else self._company.peaks()

    def run(self, jobs: Iterable[Job], progress: Progress, stop: Stop) -> Iterator[Outcome]:
        """Attempt each job; outcomes come as jobs end. Asked to stop, it ends when those in flight do.

        It also ends, with one failure that is nobody's, when the cluster's head is lost, or all nodes are for long.

        Raises:
            SettingsError: a worker cannot be made, or does not see the folder of the run.
        """
        line = Line(jobs)
        try:
            while True:
                self._draining = bool(stop)
                line.back(self._crew.look(line.holds if not stop else lambda _number: False))
                if not stop:
                    self._crew.hand_out(line)
                self._crew.call_in(all_of_them=bool(stop))
                if not self._crew.busy and (stop or not line.holds(1)):
                    return
                for outcome in self._ended(line):
                    if outcome.report:
                        progress(rows_of(outcome.report))
                    yield outcome
        except CrewLostError as error:
            if lost := next((one for hand in self._crew.hands for one in hand.errands), None) or next(line, None):
                yield Outcome(job=lost.job, failure=f"{lost.job.name} and all that were under way: {error}")

    def _ended(self, line: Line) -> list[Outcome]:
        """What has come in a moment. Meanwhile each worker has begun its second job."""
        refs = self._crew.refs()
        if not refs:
            time.sleep(_LOOK)
            return []
        if not self._ray.wait(list(refs), num_returns=1, timeout=_LOOK, fetch_local=False)[0]:
            return []
        ready = self._ray.wait(list(refs), num_returns=len(refs), timeout=0, fetch_local=False)[0]
        outcomes = [self._came_back(ref, *refs[ref], line) for ref in ready if refs[ref][0] in self._crew.hands]
        return [one for one in outcomes if one is not None]

    def _came_back(self, ref: object, hand: Hand, errand: Errand | None, line: Line) -> Outcome | None:
        """What a worker answered; None for a hello, and where a job is worth another try."""
        exceptions = self._ray.exceptions
        try:
            answer = self._ray.get(ref)
        except exceptions.ActorUnavailableError:
            self._crew.unavailable(hand, errand)
            return None
        except exceptions.TaskCancelledError:
            if errand is not None and (self._draining or hand.errands[0] is errand):
                self._crew.doubt(hand, errand)
            elif errand is not None:
                self._crew.answered(hand, errand)
                line.back([errand])
            return None
        except exceptions.RayActorError as error:
            if error.actor_init_failed:
                raise SettingsError(f"a worker cannot be made on the Ray cluster: {error}") from error
            return self._died(hand, line, error)
        if errand is None:
            self._meet(hand, msgspec.json.decode(answer, type=Hello))
            return None
        self._crew.answered(hand, errand)
        if errand.doubted:
            if (report := finished(errand.job, self._recipe)) is not None:
                return Outcome(job=errand.job, report=report)
            line.back([errand])
            return None
        outcome = msgspec.json.decode(answer, type=Outcome)
        if outcome.lost and errand.tries + 1 < TRIES:
            errand.tries += 1
            line.back([errand])
            return None
        return outcome

    def _meet(self, hand: Hand, hello: Hello) -> None:
        if hello.sees != self._ground.sees:
            raise SettingsError(f"node {hello.host} of the Ray cluster does not see {self._ground.pin} as this machine "
                                "does: the run's folder must lie on a file system that all nodes share")  # fmt: skip
        self._crew.came(hand, hello.node)

    def _died(self, hand: Hand, line: Line, error: Exception) -> Outcome | None:
        """Its jobs go to others; but for one that has cost too many actors, or nodes."""
        errands, with_node = self._crew.died(hand)
        failure = ""
        for one in errands[:1]:
            if with_node:
                one.losses += 1
                failure = f"was under way on {NODES} nodes that were lost" if one.losses >= NODES else ""
            else:
                one.tries += 1
                failure = f"took {TRIES} actors with it" if one.tries >= TRIES else ""
        line.back(errands[1:] if failure else errands)
        if not failure:
            return None
        job = errands[0].job
        if job.kind.makes_shards:
            self._company.release(job, self._recipe)
        return Outcome(job=job, failure=f"{job.name}: {failure}: {error}", blame=Blame.NOBODY)


def _need(recipe: Recipe, actors: Actors, kind: JobKind, cluster: RayCluster) -> Need:
    """What the actors for this kind of job ask for; scorers only where there are models."""
    engines = engines_of(recipe).values() if kind.makes_shards else ()
    scorers = actors.scorers if engines else 0
    gpus = actors.scorer_gpus
    if gpus is None:
        gpus = gpus_of_a_scorer(engines, scorers, cluster.nodes())
    cpus = actors.scorer_cpus if actors.workers else 0.0
    # where nodes have roles, those that fetch have internet
    has_roles = any(_FETCHERS in one.roles for one in cluster.nodes())
    role = _FETCHERS if has_roles and kind.asks_sites else ""
    return Need(actors.workers, actors.cpus_of_a_worker, scorers, cpus, gpus, role)


@dataclass(frozen=True, slots=True)
class OnRay:
    """A place to run jobs: the Ray cluster that this process belongs to."""

    actors: Actors = Actors()
    #: largest resident memory of a scoring actor, in bytes
    peaks: dict[str, int] = field(default_factory=dict)

    @contextmanager
    def open(self, recipe: Recipe, folder: RunFolder, kind: JobKind) -> Iterator[Run]:
        """Workers for jobs of this kind, and what they share."""
        with RayPool(recipe, folder, self.actors, kind) as pool:
            yield pool.run
            if scorers := pool.scorer_peaks():
                self.peaks["scoring actor"] = max(scorers)


def on_ray(
    actors: Actors, address: str | None = None, say: Callable[[str], None] = lambda _text: None
) -> AbstractContextManager[OnRay]:
    """The cluster at this address as a place, once it is entered; without one as `ray_cluster.joined` says.

    `say` is told then where one can look at it.

    A Ray of our own has room for all these actors, however few cores there are.

    Raises:
        MissingPackageError: Ray is not installed.
        SettingsError: the cluster cannot be reached.
    """
    require_ray()
    return _on_ray(actors, address, say)


@contextmanager
def _on_ray(actors: Actors, address: str | None, say: Callable[[str], None]) -> Iterator[OnRay]:
    with joined(address, cpus=actors.cpus) as dashboard:
        for line in hints(dashboard, f"{getpass.getuser()}@{socket.gethostname()}"):
            say(line)
        yield OnRay(actors)
