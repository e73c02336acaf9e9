"""Stopping politely: draining lets the jobs in flight end and commit, dropping gives them up.

INT (Ctrl-C)  the first one drains, the second one drops
USR1          drains: a scheduler's word that the time is nearly over
TERM          drops: whoever sends it kills a little later
"""

from __future__ import annotations

import logging
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


class Stop:
    """Whether somebody has asked to stop. Places look at it before they take the next job."""

    def __init__(self) -> None:
        self.asked = False
        #: who asked, in words that a summary can show
        self.why = ""
        #: told not even to let the jobs in flight end
        self.dropped = False

    def __bool__(self) -> bool:
        return self.asked

    def ask(self, why: str) -> None:
        """Take no further job. The first reason stays."""
        self.why = self.why or why
        self.asked = True


@contextmanager
def stop_on_signals(say: Callable[[str], None]) -> Iterator[Stop]:
    """While inside, signals set the `Stop`, or raise `KeyboardInterrupt` where the jobs in flight are to be dropped.

    Nothing is lost either way: a job that is dropped has committed nothing and runs again on resume.
    """
    stop = Stop()

    def interrupted(_number: int, _frame: FrameType | None) -> None:
        if stop.asked:
            drop(_number, _frame)
        stop.ask("interrupted")
        say("Stopping: the jobs in flight are finished first. Press Ctrl-C again to drop them; they will run again.")

    def drain(_number: int, _frame: FrameType | None) -> None:
        if not stop.asked:
            stop.ask("told by USR1")
            say("Draining: the jobs in flight are finished, and no further one is begun.")

    def drop(_number: int, _frame: FrameType | None) -> None:
        stop.ask("told by TERM")
        stop.dropped = True
        # the process ends, and a page for each task that was dropped would hide the one sentence that matters
        logging.getLogger("asyncio").setLevel(logging.CRITICAL)
        raise KeyboardInterrupt

    handlers = {signal.SIGINT: interrupted, signal.SIGTERM: drop}
    if hasattr(signal, "SIGUSR1"):  # not on Windows
        handlers[signal.SIGUSR1] = drain
    before = {number: signal.signal(number, handle) for number, handle in handlers.items()}
    try:
        yield stop
    except RuntimeError as error:  # DuckDB looks for signals itself, and makes this of what a handler raises
        if stop.dropped:
            raise KeyboardInterrupt from error
        raise
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
