"""The child, `python -m workers.tracker.checking.cell_main`: one order in, one answer out, in a process without rights.

    standard input     the order, as JSON, to its end
    standard output    a line of JSON: what could not be locked; then the answer, as JSON, to its end

Before the first line nothing was read that a volunteer wrote: what goes wrong until then is this machine's fault, and
what goes wrong afterwards the bytes'. Nothing here is defended against them: whatever happens, the parent sees it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec

from workers.tracker.checking.locks import Bounds, lock_down

#: an order's JSON in, an answer out
Task = Callable[[bytes], msgspec.Struct]


class Order(msgspec.Struct, frozen=True):
    """What the parent says."""

    task: str
    readable: tuple[str, ...]  # files and folders
    bounds: Bounds
    order: msgspec.Raw


def serve(tasks: Mapping[str, Task]) -> None:
    """Lock this process down, and do the one task that it was started for."""
    order = msgspec.json.decode(sys.stdin.buffer.read(), type=Order)
    task = tasks[order.task]
    with os.fdopen(os.dup(1), "wb") as answers:
        # libraries print, and must not do so in the middle of an answer
        nowhere = os.open(os.devnull, os.O_RDWR)
        os.dup2(nowhere, 0)
        os.dup2(nowhere, 1)
        os.close(nowhere)
        missing = lock_down(order.bounds, [Path(one) for one in order.readable])
        answers.write(msgspec.json.encode(missing) + b"\n")
        answers.flush()
        answers.write(msgspec.json.encode(task(bytes(order.order))))


if __name__ == "__main__":
    from workers.tracker.checking.inside import TASKS

    serve(TASKS)
