"""What runs inside the cell: here the bytes of volunteers are read, and nothing else is in reach."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import msgspec

from workers.tracker.checking.cell_main import Task
from workers.tracker.checking.inside.candidates import look_at_candidates
from workers.tracker.checking.inside.comparing import compare
from workers.tracker.checking.inside.files import check_files
from workers.tracker.checking.inside.places import draw, rows_at
from workers.tracker.checking.inside.raw import look_at_raw
from workers.tracker.checking.inside.samples import sample
from workers.tracker.checking.inside.shard import look_at_shard
from workers.tracker.checking.inside.wrong import WrongError
from workers.tracker.checking.orders import Look, Structure

_LOOKS = {"extract": look_at_candidates, "fetch": look_at_raw, "crawl": look_at_shard, "score": look_at_shard}


def look_at(order: bytes) -> Structure:
    """V0, of every kind of job."""
    look = msgspec.json.decode(order, type=Look)
    try:
        check_files(look)
        return _LOOKS[look.kind](look)
    except WrongError as error:
        return Structure(wrong=str(error)[:1_000])


def _nothing(_order: bytes) -> Structure:
    """What `locks` asks for."""
    return Structure()


#: what a cell can be asked
TASKS: Mapping[str, Task] = MappingProxyType(
    {"nothing": _nothing, "structure": look_at, "draw": draw, "rows_at": rows_at, "sample": sample, "compare": compare}
)
