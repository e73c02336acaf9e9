"""Whether Ray's head still answers.

`ray start --block` does not end when somebody ends the processes that it has started, and a driver spins for minutes on
a head that is gone. So both are asked after.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable

from workers.island.addresses import split_port

#: seconds to wait for an answer
_WAIT = 2.0


class Pulse:
    """Asked seven times in `patience` seconds; dead when nobody has answered for so long."""

    def __init__(
        self, answers: Callable[[], bool], *, patience: float, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._answers = answers
        self._every = patience / 6
        self._patience = patience
        self._now = now
        self._next = now()
        self._silent_since: float | None = None

    @property
    def is_dead(self) -> bool:
        """Ask, if it is time to, and say what follows. Time in which we did not run ourselves does not count."""
        if self._now() < self._next:
            return False
        self._next = self._now() + self._every
        if self._answers():
            self._silent_since = None
            return False
        if self._silent_since is None:
            self._silent_since = self._now()
        return self._now() - self._silent_since >= self._patience


def listens(address: str) -> bool:
    """Whether something takes connections at `ip:port`."""
    try:
        socket.create_connection(split_port(address), timeout=_WAIT).close()
    except OSError:
        return False
    return True
