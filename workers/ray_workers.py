"""The actor that runs jobs, and what a new one says of itself before it is given any."""

from __future__ import annotations

import hashlib
import socket
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import msgspec

from crawler.errors import PairtrawlError
from crawler.job import Job, finished
from crawler.settings import Recipe
from filters import Engine
from workers.assemble import assemble
from workers.attempt import Outcome, attempt, failed
from workers.ray_cluster import here, import_ray, stand_in
from workers.ray_company import Company
from workers.ray_desk import RayDesk
from workers.ray_scoring import RemoteEngine, Scorers
from workers.ray_seen import seen_over

#: a shared file system may show a new file this much later to other machines, in seconds
_SIGHT = 15.0


class Hello(msgspec.Struct, frozen=True):
    """What a new actor says: where it is, and which run it sees in the folder."""

    node: str
    host: str
    sees: str


@dataclass(frozen=True, slots=True)
class Ground:
    """Where a run lies, for a worker that may be anywhere."""

    #: what the driver stands in: relative paths of recipes and jobs mean what they mean to it
    stand: str
    scratch: str
    #: the run's pin, which every machine must see, and what it must say
    pin: str
    sees: str


class Worker:
    """An actor that runs jobs, one at a time."""

    def __init__(self, recipe: bytes, place: Ground, company: Company) -> None:
        stand_in(place.stand)
        decoded = msgspec.json.decode(recipe, type=Recipe)
        self._recipe = decoded
        self._place = place
        self._scorers = Scorers(company.scorers)
        # its process's number would be another one's on another machine
        scratch = here(place.scratch) / f"worker-{import_ray().get_runtime_context().get_actor_id()}"

        def remote(engine: Engine) -> Engine:
            return RemoteEngine(engine, self._scorers)

        # With the first job, not here: an actor that cannot be made says why to nobody, and would be replaced in vain.
        self._tools = cache(
            lambda kind: assemble(
                decoded,
                scratch,
                kind=kind,
                swap=remote if company.scorers else None,
                desk=RayDesk(company.desk) if company.desk else None,
                seen=seen_over(company.seen),
            )
        )

    def hello(self) -> bytes:
        """A `Hello` as JSON. What it should see is looked for a while: it may have been made a moment ago elsewhere."""
        pin, last = Path(self._place.pin), time.monotonic() + _SIGHT
        while (sees := fingerprint(pin)) != self._place.sees and time.monotonic() < last:
            time.sleep(_SIGHT / 30)
        node = import_ray().get_runtime_context().get_node_id()
        return msgspec.json.encode(Hello(node, socket.gethostname(), sees))

    def work(self, job: bytes, *, again: bool, scorer: int) -> bytes:
        """One job in, its `Outcome` out, both as JSON.

        `again`: the job may have been done by an actor that could not say so. `scorer` is the nearest one's number.
        """
        decoded = msgspec.json.decode(job, type=Job)
        if again and (report := finished(decoded, self._recipe)) is not None:
            return msgspec.json.encode(Outcome(job=decoded, report=report))
        self._scorers.first = scorer
        try:
            tools = self._tools(decoded.kind)
        except (PairtrawlError, OSError) as error:
            return msgspec.json.encode(failed(decoded, error))
        return msgspec.json.encode(attempt(decoded, tools))


def fingerprint(pin: Path) -> str:
    """The SHA-256 of a run's pin; "" where there is none, or it cannot be read."""
    try:
        return hashlib.sha256(pin.read_bytes()).hexdigest()
    except OSError:
        return ""
