"""Every other rank: a node of Ray that serves the driver, and leaves when the head says so or is gone."""

from __future__ import annotations

import os
import time
from functools import partial
from itertools import count
from pathlib import Path

from crawler.errors import PairtrawlError
from workers.exit_codes import ExitCode
from workers.island import ray_node
from workers.island.children import Child
from workers.island.part import LOOK_FAR, Part, RayFailedError
from workers.island.ports import free_ports
from workers.island.pulse import Pulse, listens


def serve(part: Part) -> int:
    """Be a node of Ray until the island is over. Returns 0, or 1 where Ray has failed here; the driver goes on then.

    Raises:
        PairtrawlError: this node cannot do what was asked for; the head knows.
    """
    try:
        with part.folder() as folder:
            try:
                _serve(part, folder)
            except RayFailedError as error:
                part.say(str(error))
                _refuse(part, ExitCode.CRASHED, error)
                part.keep_logs(folder)
                return ExitCode.CRASHED
    except PairtrawlError as error:
        _refuse(part, ExitCode.YOURS, error)
        raise
    return ExitCode.DONE


def _refuse(part: Part, code: int, why: Exception) -> None:
    """Tell the head, which would wait for us."""
    part.rendezvous.publish(f"refused-{part.around.rank}", node=part.around.node, rc=code, why=str(why))


def _serve(part: Part, folder: Path) -> None:
    ip = part.address()
    head = _wait_for_head(part)
    ray = _join(part, head, ip, folder) if head else None
    if head is None or ray is None:
        return
    pulse = Pulse(partial(listens, head), patience=part.options.silence_seconds)
    while not _is_over(part):
        if ray.returned is not None:
            raise RayFailedError(f"Ray's node has ended with {ray.returned}")
        if pulse.is_dead:
            raise RayFailedError(f"Ray's head does not answer at {head}")
        part.nap(LOOK_FAR)


def _wait_for_head(part: Part) -> str | None:
    """The address of Ray's head; None if the island is over before there is one."""
    until = time.monotonic() + part.options.join_seconds
    while not _is_over(part):
        if (found := part.rendezvous.read("address")) is not None:
            return str(found["address"])
        if time.monotonic() >= until:
            raise RayFailedError(f"no head within {part.options.join_seconds:g} s")
        part.nap(LOOK_FAR)
    return None


def _join(part: Part, head: str, ip: str, folder: Path) -> Child | None:
    """Ray's node, ready for work; None if the island is over before. Tried again until the head waits no longer."""
    variables = ray_node.variables(os.environ, part.rendezvous.token, folder)
    share = part.share()
    until = time.monotonic() + part.options.join_seconds
    for attempt in count():
        (agent,) = free_ports(part.around.key, ip, 1)
        place, log = folder / str(attempt), folder / f"{attempt}.log"
        words = ray_node.worker_words(head, ip, agent, place, share)
        ray = part.start("ray node", [*part.options.ray_start, *words], variables, log)
        if part.comes(ray, partial(ray_node.is_ready, log), partial(_is_over, part)):
            part.rendezvous.publish(f"joined-{part.around.rank}", node=part.around.node, ip=ip)
            part.say(f"joined {head} as {ip}")
            return ray
        ray.end(0)
        if _is_over(part):
            return None
        if time.monotonic() >= until:
            break
        part.say(f"Ray's node did not start (attempt {attempt + 1})")
        part.nap(LOOK_FAR)
    raise RayFailedError("Ray's node does not start")


def _is_over(part: Part) -> bool:
    """The head has said so; or TERM has. USR1 is the driver's affair: it needs us while it drains."""
    return part.asked.to_give_up or part.rendezvous.read("done") is not None
