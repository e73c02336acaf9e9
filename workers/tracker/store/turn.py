"""Who writes next, of several processes at one SQLite file: in turns.

SQLite's own lock goes to whoever asks at the right moment. A busy server, which asks again right after each commit,
would keep it from the checker until the checker's patience ends. Here whoever waits for SQLite's lock holds the turn,
and the one that has just committed must get the turn first.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from workers.tracker.store import StoreError

#: how often is looked: a commit takes longer
_SECONDS = 0.001


class Turn:
    """A lock file beside the database. The system lets go of it when a process ends, however.

    Raises:
        StoreError: the file cannot be made.
    """

    def __init__(self, path: Path, seconds: float) -> None:
        self._seconds = seconds
        try:
            self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise StoreError(f"{path}: {error}") from error

    @contextmanager
    def held(self) -> Iterator[Callable[[Callable[[], bool]], None]]:
        """The turn, while inside. Gives a function that asks something again and again until it is so.

        Raises:
            StoreError: from both: it has taken longer than `seconds` in all.
        """
        until = time.monotonic() + self._seconds

        def insist(is_so: Callable[[], bool]) -> None:
            while not is_so():
                if time.monotonic() > until:
                    raise StoreError(f"another process has held the tracker's database for {self._seconds:g} seconds")
                time.sleep(_SECONDS)

        insist(lambda: _taken(self._file))
        try:
            yield insist
        finally:
            _let_go(self._file)

    def close(self) -> None:
        """Give the file back; once is enough."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1


def _taken(file: int) -> bool:
    if os.name != "posix":
        return True  # one process at a time has the database there
    import fcntl  # noqa: PLC0415 - not on every system

    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _let_go(file: int) -> None:
    if os.name != "posix":
        return
    import fcntl  # noqa: PLC0415 - not on every system

    fcntl.flock(file, fcntl.LOCK_UN)
