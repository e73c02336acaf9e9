"""What head and workers of an island have in common: their options, their folder, their children, their patience."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from workers.island import children
from workers.island.addresses import own_address
from workers.island.asked import Asked
from workers.island.children import Child
from workers.island.memory import allowed_bytes
from workers.island.node_local import own_folder
from workers.island.ray_node import START, Share
from workers.island.rendezvous import Rendezvous
from workers.island.surroundings import Surroundings
from workers.island.tails import keep_tails

#: how often a start of Ray that failed is tried again, for somebody may have taken a port in between
STARTS = 3
#: seconds between two looks at signals and children; and at files of the run, which lie where thousands look
LOOK, LOOK_FAR = 0.2, 1.0
#: where Ray's files lie, unless the site says better
_SHORT = Path("/tmp")  # noqa: S108 - a private folder is made in it
#: seconds that Ray's processes have to end; and where we shall be killed ourselves, some seconds after TERM
_GRACE, _HURRY = 5.0, 0.5


class RayFailedError(Exception):
    """Ray does not start, or has ended; what it said is kept in the run's logs."""


@dataclass(frozen=True, slots=True)
class Options:
    """What the flags say; times in seconds."""

    run: Path
    min_nodes: int | None = None  # None: all of them
    join_seconds: float = 300.0
    drain_seconds: float = 20.0
    net_suffix: str = ""
    node_ip: str = ""
    node_local: Path | None = None
    role: str = ""
    object_store_bytes: int = 200 * 1024 * 1024
    silence_seconds: float = 30.0  # of Ray's head, until it is taken for dead
    ray_start: tuple[str, ...] = START  # the words before the options of `ray start`


@dataclass(frozen=True, slots=True)
class Part:
    """One task's part of the island."""

    around: Surroundings
    options: Options
    rendezvous: Rendezvous
    asked: Asked
    say: Callable[[str], None]
    started: list[Child] = field(default_factory=list)

    @contextmanager
    def folder(self) -> Iterator[Path]:
        """A folder on this node's disk, until everything that was started has ended.

        Raises:
            SettingsError: the node has no place for it.
        """
        wished = self.options.node_local or _SHORT
        with own_folder([wished, _SHORT]) as folder:
            if folder.parent != wished:
                self.say(f"Ray's files lie in {folder.parent}: {wished} is too long for a socket, or cannot be written")
            try:
                yield folder
            finally:
                self._end_all()

    def start(self, name: str, words: Sequence[str], variables: dict[str, str], log: Path | None = None) -> Child:
        """Start a process that ends with this part."""
        child = children.start(name, words, variables, log)
        self.started.append(child)
        return child

    def address(self) -> str:
        """Where the others reach this node.

        Raises:
            SettingsError: they cannot.
        """
        alone = self.around.nodes == 1
        return own_address(self.around.node, alone=alone, suffix=self.options.net_suffix, ip=self.options.node_ip)

    def share(self) -> Share:
        """What Ray may give away here."""
        allowed = allowed_bytes()
        return Share(
            cpus=self.around.cpus or len(os.sched_getaffinity(0)),
            memory_bytes=min(self.around.memory_bytes or allowed, allowed),
            object_store_bytes=self.options.object_store_bytes,
            gpus=self.around.gpus,
            role=self.options.role,
        )

    def comes(self, ray: Child, there: Callable[[], bool], unwanted: Callable[[], bool]) -> bool:
        """Whether it comes while Ray starts; a start that hangs, or is no longer wanted, is one that failed."""
        until = time.monotonic() + self.options.join_seconds
        while not there():
            if ray.returned is not None or time.monotonic() >= until or unwanted():
                return False
            time.sleep(LOOK)
        return True

    def nap(self, seconds: float) -> None:
        """Sleep, but not when told to give up: signals do not end a sleep."""
        until = time.monotonic() + seconds
        while time.monotonic() < until and not self.asked.to_give_up:
            time.sleep(LOOK)

    def keep_logs(self, folder: Path) -> None:
        """Save what Ray has said, before its folder goes.

        Raises:
            OSError: the run's folder cannot be written.
        """
        sessions = sorted(folder.glob("*/session_latest"))
        into = self.options.run / "logs" / f"{self.around.key}-rank-{self.around.rank}-ray.log"
        kept = keep_tails(into, sorted(folder.glob("*.log")), [one / "logs" for one in sessions])
        if kept:
            self.say(f"the ends of Ray's logs: {kept}")

    def _end_all(self) -> None:
        """What was started last ends first."""
        while self.started:
            self.started.pop().end(_HURRY if self.asked.to_give_up else _GRACE)
