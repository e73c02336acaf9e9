"""What signals ask of a launcher, in the order in which they came."""

from __future__ import annotations

import signal
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum
from types import FrameType


class Ask(Enum):
    """Finish what is in flight; or give up now."""

    DRAIN = signal.SIGUSR1
    GIVE_UP = signal.SIGTERM


class Asked:
    """Filled by the handlers, emptied by the loop."""

    def __init__(self) -> None:
        self._waiting: deque[Ask] = deque()
        self._interrupted = False
        #: whether somebody has asked to give up; stays
        self.to_give_up = False
        #: whether somebody has asked for either; stays
        self.to_stop = False

    def peek(self) -> Ask | None:
        """The next thing that was asked for."""
        return self._waiting[0] if self._waiting else None

    def take(self) -> Ask:
        """The next thing that was asked for, once; there must be one."""
        return self._waiting.popleft()

    def hear(self, number: int, _frame: FrameType | None = None) -> None:
        """A signal came. The first Ctrl-C of a person asks for what USR1 asks, the next for what TERM does."""
        again = number == signal.SIGINT and self._interrupted
        self._interrupted = self._interrupted or number == signal.SIGINT
        ask = Ask.GIVE_UP if number == signal.SIGTERM or again else Ask.DRAIN
        if ask is Ask.GIVE_UP:  # does not wait behind a wish to drain that the driver is not ready for
            self._waiting.clear()
        self._waiting.append(ask)
        self.to_stop = True
        self.to_give_up = self.to_give_up or ask is Ask.GIVE_UP


@contextmanager
def listening() -> Iterator[Asked]:
    """While inside, USR1, INT and TERM are taken note of."""
    asked = Asked()
    before = {one: signal.signal(one, asked.hear) for one in (signal.SIGUSR1, signal.SIGINT, signal.SIGTERM)}
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
