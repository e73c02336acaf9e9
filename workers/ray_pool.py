"""Jobs on a Ray cluster: actors that run `run_job`, fed one job at a time, and actors that hold the model.

The driver holds one job per actor and nothing else: jobs are pulled from an iterator when an actor is free, so memory
does not grow with the run. Jobs and outcomes travel as JSON. Pictures travel only between a crawling and a scoring
actor (`workers.ray_scoring`), in full batches, as the model's small uint8 input; one call per picture would cost more
than the work (docs/decisions/0007). An actor that dies is replaced and its job runs again, three times at most.
"""

from __future__ import annotations

import math
import os
import secrets
import sys
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Self

import msgspec

from crawler.errors import MissingPackageError, PairtrawlError, SettingsError
from crawler.job import Job, JobKind, Progress
from crawler.settings import Recipe
from crawler.write import shard_name
from filters import Engine
from workers.assemble import assemble
from workers.attempt import Outcome, attempt, failed
from workers.crawl import Run
from workers.ray_desk import RayDesk, start_desk
from workers.ray_scoring import RemoteEngine, Scorer
from workers.ray_seen import seen_over, start_seen, stop_seen
from workers.run_folder import RunFolder
from workers.stop import Stop

#: a job that took this many actors with it is set aside as failed
TRIES = 3
#: seconds between two looks at the stop sign
_LOOK = 0.5
#: shared memory of the local object store, in bytes: it holds a few batches of small pictures
_OBJECT_STORE = 160 * 1024 * 1024
#: a place at a host that is held so much longer than a download may take, in seconds, was not given back
_HOLD_SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class Actors:
    """How many of each kind, and what each may use. The sums must fit the cluster, or Ray waits for ever."""

    workers: int = 2
    scorers: int = 1
    worker_cpus: float = 0.5
    scorer_cpus: float = 0.5
    scorer_gpus: float = 0.0

    @property
    def workers_of_a_scorer(self) -> int:
        """How many workers bring their batches to the same scoring actor, at most."""
        return math.ceil(self.workers / max(1, self.scorers))

    @property
    def cpus(self) -> int:
        """What all of them ask for together, in whole cores."""
        return math.ceil(self.workers * self.worker_cpus + self.scorers * self.scorer_cpus)


@contextmanager
def local_ray(cpus: float | None = None) -> Iterator[None]:
    """A Ray of our own on this machine while inside; or the cluster that RAY_ADDRESS names, or that we are in already.

    `cpus` is what the actors will ask for together: a Ray of our own believes to have them, for they only count actors.

    Raises:
        MissingPackageError: Ray is not installed.
        SettingsError: the cluster cannot be reached, or has fewer cores; some actors would wait for ever.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing phones home
    of_others = "RAY_ADDRESS" in os.environ  # Ray's own way to say so, which `ray job submit` takes too
    if "ray" not in sys.modules and "RAY_AUTH_MODE" not in os.environ and not of_others:  # read when Ray is imported
        # Whoever can talk to a Ray cluster can run code in it: a token for this run alone, and no file at home.
        os.environ |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
    ray = _import_ray()
    if ray.is_initialized():
        yield
        return
    quiet = {"log_to_driver": False, "logging_level": "ERROR", "configure_logging": False}
    if of_others:
        try:
            ray.init(**quiet)
        except (ConnectionError, ValueError) as error:
            raise SettingsError(f"RAY_ADDRESS: the cluster cannot be reached: {error}") from error
    else:
        # "local", or Ray would join whatever Ray somebody has started on this machine
        ray.init("local", num_cpus=cpus, include_dashboard=False, object_store_memory=_OBJECT_STORE, **quiet)
    try:
        cores = ray.cluster_resources().get("CPU", 0)
        if cpus is not None and cores < cpus:
            raise SettingsError(f"the Ray cluster has {cores:g} cores and these actors need {cpus:g}: "
                                "lower --workers or --scorers")  # fmt: skip
        yield
    finally:
        ray.shutdown()


class Worker:
    """An actor that runs jobs, one at a time."""

    def __init__(self, recipe: bytes, scratch: str, scorer: object | None, desk: object, seen: list[Any]) -> None:
        def remote(engine: Engine) -> Engine:
            return RemoteEngine(engine, scorer)

        decoded = msgspec.json.decode(recipe, type=Recipe)
        folder = Path(scratch) / f"worker-{os.getpid()}"
        # With the first job, not here: an actor that cannot be made says why to nobody, and would be replaced in vain.
        self._tools = cache(
            lambda kind: assemble(
                decoded, folder, kind=kind, swap=remote if scorer else None, desk=RayDesk(desk), seen=seen_over(seen)
            )
        )

    def work(self, job: bytes) -> bytes:
        """One job in, its outcome out, both as JSON."""
        decoded = msgspec.json.decode(job, type=Job)
        try:
            tools = self._tools(decoded.kind)
        except (PairtrawlError, OSError) as error:
            return msgspec.json.encode(failed(decoded, error))
        return msgspec.json.encode(attempt(decoded, tools))


class RayPool:
    """Actors for one recipe, ready to run jobs. A context manager: leaving it ends its actors."""

    def __init__(self, recipe: Recipe, folder: RunFolder, actors: Actors, kind: JobKind) -> None:
        self._ray = _import_ray()
        self._recipe = msgspec.json.encode(recipe)
        self._output = recipe.output
        self._scratch = str(folder.scratch)
        self._actors = actors
        self._worker_class = self._ray.remote(Worker).options(num_cpus=actors.worker_cpus, max_restarts=0)
        self._seen = start_seen(recipe, folder.path) if kind is JobKind.CRAWL else []
        self._scorers = [self._new_scorer() for _ in range(actors.scorers)] if kind is JobKind.CRAWL else []
        self._desk = start_desk(recipe.manners, hold_seconds=_HOLD_SECONDS + recipe.fetch.total_seconds)
        self._started = 0
        self._workers = [self._new_worker() for _ in range(actors.workers)]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        for actor in (*self._workers, *self._scorers, self._desk):
            self._ray.kill(actor)
        stop_seen(self._seen)

    def scorer_peaks(self) -> list[int]:
        """Peak memory of each scoring actor, in bytes."""
        return list(self._ray.get([one.peak.remote() for one in self._scorers]))

    def run(self, jobs: Iterable[Job], progress: Progress, stop: Stop) -> Iterator[Outcome]:
        """Attempt each job; outcomes come as jobs end. Asked to stop, it ends when those in flight do."""
        waiting = iter(jobs)
        again: deque[tuple[Job, int]] = deque()
        idle = deque(range(len(self._workers)))
        flying: dict[Any, tuple[Job, int, int]] = {}
        while True:
            while idle and not stop and (turn := _next(again, waiting)):
                job, tries = turn
                place = idle.popleft()
                flying[self._workers[place].work.remote(msgspec.json.encode(job))] = (job, tries, place)
            if not flying:
                return
            for done in self._ray.wait(list(flying), num_returns=1, timeout=_LOOK)[0]:
                job, tries, place = flying.pop(done)
                outcome = self._outcome(done, job, tries, place)
                idle.append(place)
                if outcome is None:
                    again.append((job, tries + 1))
                    continue
                if outcome.report:
                    progress(outcome.report.stages[0].found)
                yield outcome

    def _outcome(self, done: object, job: Job, tries: int, place: int) -> Outcome | None:
        """What an actor answered; None where it died and the job is worth another try."""
        try:
            return msgspec.json.decode(self._ray.get(done), type=Outcome)
        except self._ray.exceptions.RayActorError as error:
            self._workers[place] = self._new_worker()
            if tries + 1 < TRIES:
                return None
            if job.kind is JobKind.CRAWL:
                seen_over(self._seen).release(shard_name(job.number, self._output))
            return Outcome(job=job, failure=f"{job.name}: took {TRIES} actors with it: {error}")

    def _new_worker(self) -> Any:  # noqa: ANN401 - Ray's handle
        scorer = self._scorers[self._started % len(self._scorers)] if self._scorers else None
        self._started += 1
        return self._worker_class.remote(self._recipe, self._scratch, scorer, self._desk, self._seen)

    def _new_scorer(self) -> Any:  # noqa: ANN401 - Ray's handle
        # Ray itself restarts a dead scorer and repeats its calls: scoring has no side effects
        options = {
            "num_cpus": self._actors.scorer_cpus,
            "num_gpus": self._actors.scorer_gpus,
            "max_concurrency": self._actors.workers_of_a_scorer + 1,  # and the driver, which asks for its peak
        }
        actor = self._ray.remote(Scorer).options(max_restarts=-1, max_task_retries=TRIES, **options)
        return actor.remote(self._recipe)


def _next(again: deque[tuple[Job, int]], waiting: Iterator[Job]) -> tuple[Job, int] | None:
    """The next job with its count of earlier tries: those of dead actors first."""
    if again:
        return again.popleft()
    job = next(waiting, None)
    return None if job is None else (job, 0)


def require_ray() -> None:
    """Look whether Ray is there without importing it, for it reads its settings when it is imported.

    Raises:
        MissingPackageError: Ray is not installed.
    """
    try:
        found = find_spec("ray") is not None
    except ImportError:
        found = False
    if not found:
        raise MissingPackageError("Ray is not installed: pip install 'pairtrawl[ray]', or use --place local")


def _import_ray() -> Any:  # noqa: ANN401 - ships no types
    require_ray()
    import ray  # noqa: PLC0415 - heavy, and optional

    return ray


@dataclass(frozen=True, slots=True)
class OnRay:
    """A place to run jobs: the Ray cluster that this process belongs to."""

    actors: Actors = Actors()
    #: largest resident memory of a scoring actor, in bytes
    peaks: dict[str, int] = field(default_factory=dict)

    @contextmanager
    def open(self, recipe: Recipe, folder: RunFolder, kind: JobKind) -> Iterator[Run]:
        """Parsing actors for extract jobs; fetching and scoring actors for crawl jobs."""
        with RayPool(recipe, folder, self.actors, kind) as pool:
            yield pool.run
            if scorers := pool.scorer_peaks():
                self.peaks["scoring actor"] = max(scorers)


@contextmanager
def on_local_ray(actors: Actors) -> Iterator[OnRay]:
    """A Ray of our own that has room for all these actors, however few cores there are."""
    with local_ray(actors.cpus):
        yield OnRay(actors)
