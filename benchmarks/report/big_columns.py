"""Columns of many values at once, as arrow holds them, for tables that are made up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute
from numpy.typing import NDArray

#: the stubs of pyarrow take no plain texts and numbers, no arrays of numpy's, and no offsets
arrow: Any = pa
pc: Any = pyarrow.compute
Column: TypeAlias = Any

_DIGITS = np.array([int.from_bytes(f"{byte:02x}".encode(), "little") for byte in range(256)], dtype="<u2")


def hex_digits(rng: np.random.Generator, length: int, byte_count: int) -> Column:
    """Random bytes as lower-case hex digits, a text of `2 * byte_count` a row."""
    random = np.frombuffer(rng.bytes(length * byte_count), dtype=np.uint8)
    offsets = np.arange(length + 1, dtype=np.int32) * 2 * byte_count
    return arrow.StringArray.from_buffers(length, arrow.py_buffer(offsets), arrow.py_buffer(_DIGITS[random].tobytes()))


def one_each(values: Sequence[str | None], places: NDArray[np.int64]) -> Column:
    """For each place the value that stands there."""
    return arrow.array(values, arrow.string()).take(arrow.array(places))


def choose(rng: np.random.Generator, values: Sequence[str], length: int) -> Column:
    """Values drawn evenly."""
    return one_each(values, rng.integers(len(values), size=length))


def drawn(rng: np.random.Generator, shares: Mapping[str, int], length: int) -> Column:
    """Values drawn by their shares."""
    return one_each(list(shares), _places(rng, shares, length))


def only(values: Column, where: NDArray[np.bool_]) -> Column:
    """The values where something is known, null elsewhere."""
    if not isinstance(values, arrow.Array):
        return arrow.array(values, mask=~where)
    if arrow.types.is_nested(values.type):  # if_else knows no lists
        return values.take(arrow.array(np.arange(len(values)), mask=~where))
    return pc.if_else(arrow.array(where), values, arrow.scalar(None, values.type))


def some_lists(rng: np.random.Generator, shares: Mapping[str, int], length: int, share: float) -> Column:
    """Lists of texts: a `share` of the rows has one text, the others have none."""
    has = rng.random(length) < share
    return arrow.ListArray.from_arrays(_offsets(has), drawn(rng, shares, int(has.sum())))


def pair_lists(rng: np.random.Generator, length: int, share: float) -> Column:
    """Further captions: a `share` of the rows has one."""
    has = rng.random(length) < share
    number = int(has.sum())
    texts = pc.binary_join_element_wise("another text ", arrow.array(np.arange(number)).cast(arrow.string()), "")
    pairs = arrow.StructArray.from_arrays(
        [drawn(rng, {"title": 2, "figcaption": 1}, number), texts], ["source", "text"]
    )
    return arrow.ListArray.from_arrays(_offsets(has), pairs)


def _places(rng: np.random.Generator, shares: Mapping[str, int], length: int) -> NDArray[np.int64]:
    rising = np.cumsum(list(shares.values()))
    return np.searchsorted(rising, rng.integers(rising[-1], size=length), side="right")


def _offsets(has: NDArray[np.bool_]) -> Column:
    return arrow.array(np.concatenate([[0], np.cumsum(has)]).astype(np.int32))
