"""From the columns of a list to those of a rebuild's table, as whole columns: nothing here goes row by row.

What a list recorded is validated, and what is known to be wrong in it is put right, with a count of what was.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute

from crawler.columns import EXACT
from crawler.errors import InputError
from crawler.list_tables import BOXES, EXPECTED
from crawler.read.lists.schemas import DIGITS, Schema

#: its stubs do not know that it takes an array and a number
pc: Any = pyarrow.compute
#: a cosine of two unit vectors in float16 may come out so much beyond 1
_MOST_COSINE = 1.001
_BITS_32 = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a rebuild takes of a list: the names of columns as the list writes them, under those they go by later."""

    schema: Schema
    #: name in table and tar -> column of the list, in order; `url` is the last
    carried: Mapping[str, str]
    boxes: str = ""  # the column of what is blurred, or ""

    def columns(self) -> list[str]:
        """All columns that are read, each once."""
        schema = self.schema
        wanted = [*self.carried.values(), schema.url, schema.caption, schema.page, schema.width, schema.height]
        wanted += [self.boxes, *(column for column, _ in schema.hashes)]
        return [one for one in dict.fromkeys(wanted) if one]


def wanted_of(
    schema: Schema,
    names: Sequence[str],
    carry: Sequence[str],
    *,
    captions: bool,
    explicit: Mapping[str, str],
    boxes: str,
) -> Wanted:
    """What a rebuild takes: the columns to carry, the caption, exact hashes that the recipe names, and the address.

    `explicit` are columns of hashes and their kinds. Like img2dataset's, such a column is called by its kind, and holds
    what was computed in the end (`crawler.columns.columns_of_rebuild`).

    Raises:
        InputError: a column is not there.
    """
    written: dict[str, str] = {}
    for one in names:
        written.setdefault(one.strip().lower(), one)

    def found(name: str) -> str:
        column = name if name in names else written.get(name.strip().lower())
        if column is None:
            raise InputError(f"there is no column {name!r}; the columns are: {', '.join(names)[:500]}")
        return column

    carried = {found(one): found(one) for one in carry}
    if captions and schema.caption:
        carried["caption"] = schema.caption
    carried |= {kind: found(one) for one, kind in explicit.items() if kind in EXACT and kind not in carried}
    carried.pop("url", None)
    carried["url"] = schema.url
    if schema.swapped and schema.width in carried and schema.height in carried:
        carried[schema.width], carried[schema.height] = schema.height, schema.width
    return Wanted(schema, carried, found(boxes) if boxes else "")


@dataclass(slots=True)
class Repair:
    """Makes the columns of a rebuild's table; `counts` says how many values were not what they should be, and why."""

    wanted: Wanted
    counts: Counter[str] = field(default_factory=Counter)

    def repaired(self, batch: pa.RecordBatch) -> pa.Table:
        """A table without schema metadata, of as many rows, with the columns of `crawler.list_tables`."""
        columns = {name: self._valid(name, batch.column(name)) for name in batch.schema.names}
        schema = self.wanted.schema
        carried = {name: self._carried(name, column, columns) for name, column in self.wanted.carried.items()}
        empty = pa.nulls(batch.num_rows, pa.string())
        fields = {
            "url": _text(carried["url"]),
            "caption": _text(self._texts(columns[schema.caption]) if schema.caption else empty),
            "page_url": _text(self._texts(columns[schema.page]) if schema.page else empty),
            "expected": self._expected(columns, batch.num_rows),
            "boxes": self._boxes(columns, batch.num_rows),
            "carried": pa.StructArray.from_arrays(list(carried.values()), names=list(carried)),
        }
        return pa.Table.from_arrays(list(fields.values()), names=list(fields))

    def _valid(self, name: str, column: pa.Array[Any]) -> pa.Array[Any]:
        valid, mended = as_utf8(column, name)
        if mended:
            self.counts["texts that are no UTF-8"] += mended
        return valid

    def _carried(self, name: str, column: str, columns: Mapping[str, pa.Array[Any]]) -> pa.Array[Any]:
        values = columns[column]
        if name in ("url", "caption"):
            return self._texts(values)
        if column in self.wanted.schema.cosines and pa.types.is_floating(values.type):
            beyond = pc.fill_null(pc.greater(pc.abs(values), pa.scalar(_MOST_COSINE, values.type)), False)
            if number := pc.sum(beyond).as_py():
                self.counts[f"values of {column} beyond 1"] += number
                return _only(pc.invert(beyond), values)
        return values

    def _texts(self, column: pa.Array[Any]) -> pa.Array[Any]:
        """Addresses or captions as texts, whatever type they are of."""
        if pa.types.is_string(column.type):
            return column
        if pa.types.is_dictionary(column.type):
            return self._texts(column.cast(column.type.value_type))
        if pa.types.is_binary(column.type) or pa.types.is_large_binary(column.type):
            raw = column.to_pylist()
            return pa.array([None if one is None else one.decode("utf-8", "replace") for one in raw], pa.string())
        try:
            return column.cast(pa.string())
        except (pa.ArrowNotImplementedError, pa.ArrowInvalid) as error:
            raise InputError(f"a column of {column.type} cannot hold addresses or captions; name others") from error

    def _expected(self, columns: Mapping[str, pa.Array[Any]], rows: int) -> pa.StructArray:
        schema = self.wanted.schema
        found: dict[str, pa.Array[Any]] = {}
        for column, kind in schema.hashes:
            found[kind] = self._hashes(column, kind, columns[column])
        for name, column in (("width", schema.width), ("height", schema.height)):
            if column:
                found[name] = _side(columns[column])
        arrays = [found.get(one.name, pa.nulls(rows, one.type)) for one in EXPECTED]
        return pa.StructArray.from_arrays(arrays, fields=list(EXPECTED))

    def _hashes(self, name: str, kind: str, column: pa.Array[Any]) -> pa.Array[Any]:
        """Hex digits in lower case; null where they are no such hash."""
        texts = pc.utf8_lower(self._texts(column))
        right = pc.fill_null(pc.match_substring_regex(texts, f"^[0-9a-f]{{{DIGITS[kind]}}}$"), False)
        there = pc.fill_null(pc.not_equal(texts, ""), False)
        wrong = pc.sum(pc.and_(there, pc.invert(right))).as_py() or 0
        if wrong:
            self.counts[f"values of {name} that are no {kind}"] += wrong
        return _only(right, texts)

    def _boxes(self, columns: Mapping[str, pa.Array[Any]], rows: int) -> pa.Array[Any]:
        if not self.wanted.boxes:
            return pa.nulls(rows, BOXES)
        column = columns[self.wanted.boxes]
        try:
            return column.cast(BOXES)
        except (pa.ArrowNotImplementedError, pa.ArrowInvalid) as error:
            raise InputError(f"column {self.wanted.boxes!r} of {column.type} holds no boxes: lists of lists of four "
                             "numbers would be some") from error  # fmt: skip


def as_utf8(column: pa.Array[Any], name: str) -> tuple[pa.Array[Any], int]:
    """The column with texts that are UTF-8, and how many were not: parquet promises that, and nobody checks.

    Raises:
        InputError: it is no column of texts, and damaged.
    """
    try:
        column.validate(full=True)
    except pa.ArrowInvalid:
        pass
    else:
        return column, 0
    if not _is_text(column.type):
        raise InputError(f"its column {name!r} is damaged")
    raw = column.cast(pa.binary()).to_pylist()
    mended = [None if one is None else one.decode("utf-8", "replace") for one in raw]
    return pa.array(mended, pa.string()).cast(column.type), sum("\ufffd" in one for one in mended if one)


def _text(column: pa.Array[Any]) -> pa.Array[Any]:
    filled: pa.Array[Any] = pc.fill_null(column, "")
    return filled


def _only(right: pa.Array[Any], values: pa.Array[Any]) -> pa.Array[Any]:
    """The values that are right; the others are null."""
    chosen: pa.Array[Any] = pc.if_else(right, values, pa.scalar(None, values.type))
    return chosen


def _is_text(type_: pa.DataType) -> bool:
    return pa.types.is_string(type_) or pa.types.is_large_string(type_)


def _side(column: pa.Array[Any]) -> pa.Array[Any]:
    """A side in pixels; null where it is none, such as NaN, which pandas writes for what is missing."""
    if pa.types.is_string(column.type):
        column = _only(pc.match_substring_regex(column, r"^[0-9]{1,9}$"), column)
    try:
        numbers = column.cast(pa.float64(), safe=False)
    except (pa.ArrowNotImplementedError, pa.ArrowInvalid):
        return pa.nulls(len(column), pa.int32())
    right = pc.and_(pc.greater(numbers, 0), pc.less(numbers, _BITS_32))
    return _only(pc.fill_null(right, False), numbers).cast(pa.int32(), safe=False)
