"""The cells of a column, put together a column at a time by Arrow (docs/versions.md says what a cell is)."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any, TypeAlias

#: a pyarrow.Array of any type: which one is looked at as it runs
Column: TypeAlias = Any


def text_cell(text: str) -> bytes:
    """The cell of a text."""
    encoded = text.encode()
    return b"s%d:%s" % (len(encoded), encoded)


class NoCellsError(Exception):
    """A column's type has no cells; the message is the type."""


def pieces(column: Column) -> list[Any]:
    """What the cells of a column are put together from, as `_joined` takes it; none is null. Raises NoCellsError."""
    import pyarrow as pa  # noqa: PLC0415 - heavy

    kind, types = column.type, pa.types
    if types.is_dictionary(kind):
        return pieces(column.dictionary_decode())
    if types.is_null(kind):
        return [b"-"]
    if types.is_boolean(kind):
        return [_or_null(column, _chosen(column, b"t", b"f"))]
    if types.is_struct(kind):
        return [_or_null(column, _struct_cells(column))]
    if types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind):
        return _list_pieces(column)
    if types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind) or types.is_decimal(kind):
        return _sized(b"s", column.cast(pa.string()).cast(pa.binary()))
    if types.is_binary(kind) or types.is_large_binary(kind) or types.is_fixed_size_binary(kind):
        return _sized(b"b", column.cast(pa.binary()))
    if types.is_floating(kind):
        return [_numbered(b"f", column.cast(pa.float64()).view(pa.int64()))]
    if types.is_integer(kind):
        return [_numbered(b"i", column)]
    if types.is_temporal(kind) and not types.is_interval(kind):
        return [_numbered(b"i", column.view(pa.int32() if kind.bit_width == 32 else pa.int64()))]
    raise NoCellsError(str(kind))


def _struct_cells(column: Column) -> Column:
    parts: list[Any] = [b"m%d;" % column.type.num_fields]
    for field, values in zip(column.type, column.flatten(), strict=True):
        parts += [text_cell(field.name), *pieces(values)]
    return joined(parts, len(column))


def _list_pieces(column: Column) -> list[Any]:
    import numpy as np  # noqa: PLC0415 - heavy
    import pyarrow as pa  # noqa: PLC0415 - heavy
    import pyarrow.compute as pc  # noqa: PLC0415 - heavy

    lengths: Column = pc.list_value_length(column).cast(pa.int64())  # null where the list is
    items = column.flatten()
    if not len(items):
        return [_numbered(b"l", lengths)]
    filled: Column = pc.fill_null(lengths, 0)
    ends = np.cumsum(filled.to_numpy(zero_copy_only=False))
    offsets = pa.array(np.concatenate(([0], ends)), pa.int32())
    cells = joined(pieces(items), len(items))
    return [_numbered(b"l", lengths), pc.binary_join(pa.ListArray.from_arrays(offsets, cells), b"")]


def _sized(letter: bytes, texts: Column) -> list[Any]:
    import pyarrow as pa  # noqa: PLC0415 - heavy
    import pyarrow.compute as pc  # noqa: PLC0415 - heavy

    if texts.null_count == len(texts):
        return [b"-"]  # of no values, too
    lengths: Column = pc.binary_length(texts)
    if not texts.null_count and pc.min(lengths).as_py() == pc.max(lengths).as_py():
        return [letter + b"%d:" % lengths[0].as_py(), texts]  # hashes are all of one length
    return [_numbered(letter, lengths, b":"), pc.fill_null(texts, pa.scalar(b"", pa.binary()))]


def _numbered(letter: bytes, values: Column, end: bytes = b";") -> Column:
    return _or_null(values, joined([letter, _decimal(values), end], len(values)))


def _chosen(condition: Column, yes: bytes, no: bytes) -> Column:
    import pyarrow as pa  # noqa: PLC0415 - heavy
    import pyarrow.compute as pc  # noqa: PLC0415 - heavy

    return pc.if_else(condition, pa.scalar(yes, pa.binary()), pa.scalar(no, pa.binary()))


def _or_null(values: Column, cells: Column) -> Column:
    """The cells, and that of null where the value is null."""
    import pyarrow as pa  # noqa: PLC0415 - heavy
    import pyarrow.compute as pc  # noqa: PLC0415 - heavy

    return pc.if_else(values.is_valid(), cells, pa.scalar(b"-", pa.binary())) if values.null_count else cells


def _decimal(values: Column) -> Column:
    import pyarrow as pa  # noqa: PLC0415 - heavy

    texts: Column = values.cast(pa.string()).cast(pa.binary())
    return texts


def joined(parts: list[Any], rows: int) -> Column:
    """Arrays, and texts that are the same in each row, put together row by row; null where one of them is null."""
    import pyarrow as pa  # noqa: PLC0415 - heavy
    import pyarrow.compute as pc  # noqa: PLC0415 - heavy

    few: list[Any] = []
    for part in parts:  # texts that follow each other are one: each part costs time in each row
        if few and isinstance(part, bytes) and isinstance(few[-1], bytes):
            few[-1] += part
        else:
            few.append(part)
    if len(few) == 1 and isinstance(few[0], bytes):
        return pa.repeat(pa.scalar(few[0], pa.binary()), rows)
    binary = [pa.scalar(part, pa.binary()) if isinstance(part, bytes) else part for part in few]
    joined: Column = pc.binary_join_element_wise(*binary, pa.scalar(b"", pa.binary()))
    return joined


def values(texts: Column) -> Iterator[memoryview]:
    """The bytes of each value, without a copy."""
    import numpy as np  # noqa: PLC0415 - heavy

    offsets: Any
    _, offsets, data = texts.buffers()
    ends = np.frombuffer(offsets, np.int32)[texts.offset : texts.offset + len(texts) + 1].tolist()
    held = memoryview(data) if data is not None else memoryview(b"")
    for start, end in pairwise(ends):
        yield held[start:end]
