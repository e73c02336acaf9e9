"""A server in a process of its own that can be killed: started from a process that has everything imported already."""

from __future__ import annotations

import asyncio
import multiprocessing
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
from pathlib import Path

from workers import failpoints
from workers.tracker.web.serving import Serving, serve

_FORKED = multiprocessing.get_context("forkserver")
# not this module: before Python 3.13 that process does not know where tests are
_FORKED.set_forkserver_preload(
    ["workers.tracker.web.serving", "workers.tracker.store.sqlite", "workers.tracker.pages.serving"]
)


def _serve(folder: Path, failpoint: str, says: Connection) -> None:
    """In the child: what `PAIRTRAWL_FAILPOINT=... pairtrawl tracker serve` does."""
    name, _, time = failpoint.partition(":")
    failpoints._NAME, failpoints._left = name, int(time or 1)
    asyncio.run(serve(Serving(folder=folder, port=0, say=says.send)))


@dataclass(slots=True)
class Dying:
    """A server that dies at a failpoint, and is started again with the same one, as often as it takes."""

    folder: Path
    failpoint: str
    root: str = ""
    starts: int = 0
    deaths: int = 0
    _process: ForkServerProcess | None = field(default=None)

    def start(self) -> None:
        """Start it, or start it again; it answers when this returns, unless it died before."""
        self.stop()
        listens, says = _FORKED.Pipe(duplex=False)
        self._process = _FORKED.Process(target=_serve, args=(self.folder, self.failpoint, says))
        self._process.start()
        says.close()
        self.starts += 1
        try:
            self.root = str(listens.recv()).rstrip("/")
        except EOFError:
            assert self.failpoint, "died of something else than the failpoint"

    def stop(self) -> None:
        """Let it finish, if it lives."""
        if self._process is None:
            return
        self._process.terminate()
        self._process.join()
        assert self._process.exitcode in {0, -9}, "died of something else than the failpoint"
        self.deaths += self._process.exitcode == -9
        self._process = None
