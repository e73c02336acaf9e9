"""The Ray cluster that this process belongs to: started or joined, what it has, and whether its head is still there.

The border to Ray as such; actors are in `ray_workers`, `ray_scoring`, `ray_desk` and `ray_seen`.
"""

from __future__ import annotations

import os
import re
import secrets
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from crawler.errors import MissingPackageError, SettingsError
from workers.ray_room import ROLE, Need, Node, room, shortage

#: shared memory of the object store of a Ray of our own, in bytes: it holds a few batches of small pictures
_OBJECT_STORE = 160 * 1024 * 1024
#: for one connection to the head, in seconds
_KNOCK = 2.0
#: a head that is just being started has so long to come up, in seconds
_HEAD_IS_COMING = 10.0
_PAUSE = 0.5
_WITH_PORT = re.compile(r":[0-9]{1,5}$")
_QUIET: Mapping[str, Any] = {"log_to_driver": False, "logging_level": "ERROR", "configure_logging": False}


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


def import_ray() -> Any:  # noqa: ANN401 - ships no types
    """Ray itself.

    Raises:
        MissingPackageError: Ray is not installed.
    """
    require_ray()
    import ray  # noqa: PLC0415 - heavy, and optional

    return ray


@contextmanager
def joined(address: str | None = None, *, cpus: int | None = None) -> Iterator[str]:
    """This process belongs to a Ray cluster while inside. Gives "HOST:PORT" of its dashboard; "" where there is none.

    Args:
        address: "HOST:PORT" of a cluster's head, or "auto": one that runs on this machine. None: the one that
            RAY_ADDRESS names, or that we are in already, or else a Ray of our own on this machine.
        cpus: how many cores a Ray of our own believes to have, for actors only count them; None: those of this process.

    Raises:
        MissingPackageError: Ray is not installed.
        SettingsError: the cluster cannot be reached.
    """
    if address and "://" in address:
        # tried with Ray 2.60: its client needs a package that `ray` does not bring, and ends with the connection
        raise SettingsError(f"--ray-address {address}: give HOST:PORT of the cluster's head (such as 10.0.0.1:6379), "
                            "and start pairtrawl on one of its machines; Ray's client is not used")  # fmt: skip
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing phones home
    # 15 by default: beside anything else that computes, a run on Ray took five times as long as one in this process
    os.environ.setdefault("RAY_worker_niceness", "0")
    address = address or os.environ.get("RAY_ADDRESS")  # Ray's own way to say so, which `ray job submit` takes too
    if "ray" not in sys.modules and "RAY_AUTH_MODE" not in os.environ and not address:  # read when Ray is imported
        # Whoever can talk to a Ray cluster can run code in it: a token for this run alone, and no file at home.
        os.environ |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
    ray = import_ray()
    if ray.is_initialized():
        yield ""  # whoever has joined it knows
        return
    dashboard = ""
    with _our_own_signals():
        if address:
            dashboard = _join(ray, address)
        else:
            cores = len(os.sched_getaffinity(0)) if cpus is None else cpus
            # "local", or Ray would join whatever Ray somebody has started on this machine
            ray.init("local", num_cpus=cores, include_dashboard=False, object_store_memory=_OBJECT_STORE, **_QUIET)
    try:
        yield dashboard
    finally:
        ray.shutdown()


def _join(ray: Any, address: str) -> str:  # noqa: ANN401 - ships no types
    """Raises SettingsError where the cluster cannot be reached, or does not let us in. Gives where its dashboard is."""
    if _WITH_PORT.search(address):
        _knock(address)
    try:
        return str(ray.init(address, **_QUIET).dashboard_url or "")
    except (ConnectionError, ValueError, RuntimeError, AssertionError, ray.exceptions.RayError) as error:
        said = str(error).strip().partition("\n")[0]
        raise SettingsError(f"Ray cluster {address}: cannot be joined: {said} (the head must be up, a node of the "
                            "cluster must run on this machine, and RAY_AUTH_MODE and RAY_AUTH_TOKEN_PATH must be the "
                            "cluster's)") from error  # fmt: skip


def _knock(address: str) -> None:
    """Raises SettingsError where nobody listens: Ray would try for minutes, and then end the process."""
    last = time.monotonic() + _HEAD_IS_COMING
    while not _listens(address):
        if time.monotonic() >= last:
            raise SettingsError(f"Ray cluster {address}: cannot be joined: nobody listens there; the head must be up, "
                                "and reachable from this machine")  # fmt: skip
        time.sleep(_PAUSE)


def _listens(address: str) -> bool:
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=_KNOCK).close()
    except OSError:
        return False
    return True


@contextmanager
def _our_own_signals() -> Iterator[None]:
    """Put our handlers back at the end: `ray.init` takes TERM, and would end the driver in the middle of anything."""
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        with suppress(ValueError):  # not the main thread: Ray touches none there, either
            signal.signal(signal.SIGTERM, before)


class RayCluster:
    """What is asked of the cluster that this process belongs to. A call other than `beats` hangs without its head."""

    def __init__(self) -> None:
        self._ray = import_ray()
        self.address = str(self._ray.get_runtime_context().gcs_address)
        self.here = str(self._ray.get_runtime_context().get_node_id())

    def nodes(self) -> list[Node]:
        """The nodes that are alive."""
        return [
            Node(
                one["NodeID"],
                one["NodeManagerHostname"],
                one["Resources"].get("CPU", 0.0),
                one["Resources"].get("GPU", 0.0),
                frozenset(name.removeprefix(ROLE) for name in one["Resources"] if name.startswith(ROLE)),
            )
            for one in self._ray.nodes()
            if one["Alive"]
        ]

    def beats(self) -> bool:
        """Whether the head can be connected to.

        Ray says nothing when the head is gone: calls just do not return, and after a minute Ray ends the process with
        code 1 (2.60: "Failed to connect to GCS within 60 seconds ... The program will terminate").
        """
        return _listens(self.address)

    def await_room(self, need: Need, seconds: float, *, ask: bool) -> None:
        """Wait until all that is needed fits, for so many seconds at most; `ask`: an autoscaler may be asked for it.

        Raises:
            SettingsError: not even one of each kind fits; the message says what there is and what is lacking.
        """
        last = time.monotonic() + seconds
        while lacks := shortage(nodes := self.nodes(), need):
            if time.monotonic() >= last:
                if room(nodes, need).workers:  # the others may come later
                    return
                raise SettingsError(f"{lacks}, and nobody joined it in {seconds:.0f} s: lower --workers or --scorers, "
                                    "or add nodes")  # fmt: skip
            if ask:
                self.wish(need.bundles())
            time.sleep(_PAUSE)

    def wish(self, bundles: Sequence[Mapping[str, float]]) -> None:
        """Ask an autoscaler for room for all of these at once, until the next wish; without one nothing happens."""
        from ray.autoscaler.sdk import request_resources  # noqa: PLC0415 - heavy, and optional

        request_resources(bundles=[dict(one) for one in bundles])


def near_the_driver() -> Any:  # noqa: ANN401 - ships no types
    """Where actors are put that a run has one of: with the driver, whose loss ends the run anyway; else anywhere.

    Not on a spot node, and not on one that an autoscaler thinks idle because they count no cores.
    """
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy  # noqa: PLC0415 - heavy, and optional

    node = import_ray().get_runtime_context().get_node_id()
    return NodeAffinitySchedulingStrategy(node_id=node, soft=True)


def losses() -> tuple[type[Exception], ...]:
    """What Ray raises in an asker when an actor, its node or an object on its way was lost: asking again may help."""
    exceptions = import_ray().exceptions
    return (
        exceptions.RayActorError,
        exceptions.ObjectLostError,
        exceptions.ObjectStoreFullError,
        exceptions.GetTimeoutError,
    )


def here(folder: str) -> Path:
    """The driver's folder for what is half-made, or on another machine, which has it not, its own temporary folder.

    `pairtrawl island` makes that a folder of the island's own, which goes when it ends.
    """
    path = Path(folder)
    return path if path.is_dir() else Path(tempfile.gettempdir())


def stand_in(folder: str) -> None:
    """Make relative paths mean what they mean to the driver. Actors start where Ray was started, which is anywhere."""
    with suppress(OSError):  # not on this node: whoever needs a file of it says so
        os.chdir(folder)
