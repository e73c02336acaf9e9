"""Stopping politely: the first Ctrl-C (or TERM) lets the jobs in flight end, the second one drops them."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


class Stop:
    """Whether somebody has asked to stop. Places look at it before they take the next job."""

    def __init__(self) -> None:
        self.asked = False

    def __bool__(self) -> bool:
        return self.asked


@contextmanager
def stop_on_signals(say: Callable[[str], None]) -> Iterator[Stop]:
    """While inside, the first INT or TERM sets the `Stop`, and the next one raises `KeyboardInterrupt`.

    Nothing is lost either way: a job that is dropped has committed nothing and runs again on resume.
    """
    stop = Stop()

    def handle(_number: int, _frame: FrameType | None) -> None:
        if stop.asked:
            raise KeyboardInterrupt
        stop.asked = True
        say("Stopping: the jobs in flight are finished first. Press Ctrl-C again to drop them; they will run again.")

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
