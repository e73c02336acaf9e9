"""Which rows of a candidate table come from which records."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from crawler.tables import candidate_schema
from workers.tracker.checking.fingerprints import fingerprint
from workers.tracker.checking.inside.tables import opened
from workers.tracker.checking.inside.wrong import WrongError
from workers.tracker.checking.orders import Draw, Drawn, Fingerprint, Fingerprints, Place, RowsAt

_COLUMNS = ["archive", "offset"]


def draw(order: bytes) -> Drawn:
    """Where the rows at some shares of the table's length come from."""
    asked = msgspec.json.decode(order, type=Draw)
    try:
        return _drawn(asked)
    except WrongError as error:
        return Drawn(wrong=str(error)[:1_000])


def rows_at(order: bytes) -> Fingerprints:
    """All rows of the table that come from some records."""
    asked = msgspec.json.decode(order, type=RowsAt)
    try:
        return _rows_at(asked)
    except WrongError as error:
        return Fingerprints(wrong=str(error)[:1_000])


def _drawn(asked: Draw) -> Drawn:
    found: dict[int, Place] = {}
    with opened(Path(asked.table), candidate_schema(), asked.bound) as file:
        total = file.metadata.num_rows
        if not total:
            return Drawn()
        numbers = [min(int(share * total), total - 1) for share in asked.shares]
        first = 0
        for group in range(file.num_row_groups):
            length = file.metadata.row_group(group).num_rows
            here = sorted({number for number in numbers if first <= number < first + length})
            if here:
                rows = file.read_row_group(group, columns=_COLUMNS, use_threads=False)
                for number in here:
                    (row,) = rows.slice(number - first, 1).to_pylist()
                    found[number] = Place(row["archive"], row["offset"])
            first += length
    return Drawn(places=[found[number] for number in numbers])


def _integers(numbers: Sequence[int]) -> pa.Array[Any]:
    """Numbers as arrow holds them, of their bytes: made of a list, arrow would first look for pandas, for seconds."""
    return pa.Array.from_buffers(pa.int64(), len(numbers), [None, pa.py_buffer(np.array(numbers, "<i8").tobytes())])


def _rows_at(asked: RowsAt) -> Fingerprints:
    found: dict[Place, list[Fingerprint]] = {place: [] for place in asked.places}
    offsets = _integers(sorted({place.offset for place in asked.places}))
    with opened(Path(asked.table), candidate_schema(), asked.bound) as file:
        for group in range(file.num_row_groups):
            places = file.read_row_group(group, columns=_COLUMNS, use_threads=False)
            if not pc.any(pc.is_in(places["offset"], value_set=offsets)).as_py():
                continue
            table = file.read_row_group(group, use_threads=False)
            chosen = table.filter(pc.is_in(table["offset"], value_set=offsets))
            for batch in chosen.to_batches(max_chunksize=512):
                for row in batch.to_pylist():
                    if (rows := found.get(Place(row["archive"], row["offset"]))) is not None:
                        rows.append(fingerprint(row))
    return Fingerprints(rows=[found[place] for place in asked.places])
