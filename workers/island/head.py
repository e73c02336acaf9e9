"""Rank 0: Ray's head, and the driver, which is why the island is there."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from crawler.errors import PairtrawlError, SettingsError
from workers.exit_codes import ExitCode
from workers.island import ray_node
from workers.island.addresses import with_port
from workers.island.asked import Ask
from workers.island.children import Child
from workers.island.part import LOOK, LOOK_FAR, STARTS, Part, RayFailedError
from workers.island.ports import free_ports
from workers.island.pulse import Pulse, listens

#: the driver's words, given the address of Ray's head
Driver = Callable[[str], Sequence[str]]


def lead(part: Part, driver: Driver) -> int:
    """Bring the island together, run the driver, and tell all others when it is over. Returns the exit code.

    Raises:
        PairtrawlError: this node, or too many others, cannot do what was asked for.
    """
    code: int = ExitCode.OURS  # unless it turns out otherwise
    try:
        with part.folder() as folder:
            try:
                code = _lead(part, driver, folder)
            except RayFailedError as error:
                part.say(str(error))
                code = ExitCode.CRASHED
            part.rendezvous.close(rc=code)  # the workers leave while our own children end
            if code in {ExitCode.CRASHED, ExitCode.OURS} or code >= 128:
                part.keep_logs(folder)
    except PairtrawlError:
        code = ExitCode.YOURS
        raise
    finally:
        if part.rendezvous.read("done") is None:
            part.rendezvous.close(rc=code)
    part.say(f"over, exit code {code}")
    return code


def _lead(part: Part, driver: Driver, folder: Path) -> int:
    (part.rendezvous.path / "done").unlink(missing_ok=True)  # of an earlier one in the same batch script, without srun
    part.rendezvous.write_token()
    variables = ray_node.variables(os.environ, part.rendezvous.token, folder)
    head = _start_ray(part, folder, variables)
    if head is None or not _together(part, head[1]):
        return ExitCode.STUCK
    address, ray = head
    pulse = Pulse(partial(listens, address), patience=part.options.silence_seconds)
    running = part.start("driver", driver(address), variables | {"RAY_ADDRESS": address})
    give_up_at: float | None = None
    while (code := running.returned) is None:
        if (ask := part.asked.peek()) is not None and (ask is Ask.GIVE_UP or running.catches(ask.value)):
            running.tell(part.asked.take().value)
            if ask is Ask.GIVE_UP and give_up_at is None:
                give_up_at = time.monotonic() + part.options.drain_seconds
        if give_up_at is not None and time.monotonic() >= give_up_at:
            part.say(f"the driver goes on {part.options.drain_seconds:g} s after it was told to give up: killed")
            running.end(0)
        elif ray.returned is not None:
            raise RayFailedError(f"Ray's head has ended with {ray.returned}")
        elif pulse.is_dead:
            raise RayFailedError(f"Ray's head does not answer at {address}")
        time.sleep(LOOK)
    return code


def _start_ray(part: Part, folder: Path, variables: dict[str, str]) -> tuple[str, Child] | None:
    """The address of Ray's head, and its process; None if somebody wants us to stop before it takes work."""
    ip, share = part.address(), part.share()
    for attempt in range(STARTS):
        own, dashboard, agent = free_ports(part.around.key, ip, 3)
        address, place, log = with_port(ip, own), folder / str(attempt), folder / f"{attempt}.log"
        words = ray_node.head_words(ip, (own, dashboard, agent), place, share)
        ray = part.start("ray head", [*part.options.ray_start, *words], variables, log)
        # a worker that comes before the head has its own node in its list fails: tell them when all of it is there
        if part.comes(ray, partial(ray_node.is_ready, log), lambda: part.asked.to_stop):
            part.rendezvous.publish("address", address=address)
            part.say(f"Ray's head is at {address}")
            return address, ray
        ray.end(0)
        if part.asked.to_stop:
            return None
        part.say(f"Ray's head did not start (attempt {attempt + 1} of {STARTS})")
    raise RayFailedError("Ray's head does not start")


def _together(part: Part, ray: Child) -> bool:
    """Wait for the others. Whether there are enough of them, and nobody wants us to stop."""
    around, options = part.around, part.options
    enough = min(options.min_nodes or around.nodes, around.nodes)
    until = time.monotonic() + options.join_seconds
    while (joined := 1 + len(part.rendezvous.ranks("joined"))) < around.nodes:
        refused = part.rendezvous.ranks("refused")
        if around.nodes - len(refused) < enough:
            raise _refusal([part.rendezvous.read(f"refused-{rank}") or {} for rank in refused])
        if part.asked.to_stop:
            part.say("asked to stop before the island had come together")
            return False
        if ray.returned is not None:
            raise RayFailedError(f"Ray's head has ended with {ray.returned}")
        if time.monotonic() >= until or joined + len(refused) == around.nodes:
            break
        part.nap(LOOK_FAR)
    if joined < enough:
        part.say(f"{joined} of {around.nodes} nodes came within {options.join_seconds:g} s, and {enough} are needed: "
                 "--min-nodes starts with fewer, --join-seconds waits longer")  # fmt: skip
        return False
    if joined < around.nodes:
        part.say(f"starting with {joined} of {around.nodes} nodes")
    return True


def _refusal(facts: Sequence[Mapping[str, Any]]) -> SettingsError | RayFailedError:
    """Why so many nodes do not take part: what somebody can mend goes before what Ray says."""
    text = "; ".join(f"{one.get('node')}: {one.get('why')}" for one in facts)
    return SettingsError(text) if any(one.get("rc") == ExitCode.YOURS for one in facts) else RayFailedError(text)
