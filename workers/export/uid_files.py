"""Files of uids as DataComp publishes subsets: numpy, dtype `u8,u8`, sorted; the upper and the lower half of 128 bits.

A uid that stands there twice is wanted twice. Files are memory-mapped: what is looked up is read, and no more.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute
from numpy.typing import NDArray

from crawler.errors import InputError

pc: Any = pyarrow.compute  # its stubs take no plain texts and numbers

UID = np.dtype([("f0", "<u8"), ("f1", "<u8")])
#: of dtype UID, shape (N,)
Uids: TypeAlias = NDArray[np.void]

_NPY = b"\x93NUMPY"
#: rows that are looked at at a time: 64 MB
_ROWS_AT_ONCE = 1 << 22
_DIGITS = 32


def open_uids(path: Path) -> Uids:
    """A file of uids, mapped into memory; a plain array without numpy's header is taken, too, as DataComp's tool does.

    Raises:
        InputError: it cannot be read, is of another type, or is not sorted.
    """
    try:
        with path.open("rb") as file:
            is_npy = file.read(len(_NPY)) == _NPY
        mapped = np.load(path, mmap_mode="r", allow_pickle=False) if is_npy else np.memmap(path, UID, mode="r")
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read as a file of uids: {error}") from error
    if mapped.dtype != UID or mapped.ndim != 1:
        raise InputError(f"{path}: holds {mapped.dtype} of {mapped.ndim} dimensions; DataComp's uid files hold u8,u8")
    for start, some in _chunks(mapped, overlap=1):
        lower = (some["f0"][1:] < some["f0"][:-1]) | (
            (some["f0"][1:] == some["f0"][:-1]) & (some["f1"][1:] < some["f1"][:-1])
        )
        if lower.any():
            at = start + int(np.argmax(lower)) + 1
            raise InputError(f"{path}: is not sorted (uid {at:,} is smaller than the one before); sort it first")
    return mapped


def uids_of(texts: pa.Array[Any]) -> Uids:
    """Uids of their hex digits; shorter ones are filled up with zeros, as DataComp does.

    Raises:
        InputError: one is null, or no number of up to 32 hex digits.
    """
    padded = pc.ascii_lpad(pc.cast(texts, pa.string()), _DIGITS, "0")
    if padded.null_count or (len(padded) and pc.max(pc.binary_length(padded)).as_py() != _DIGITS):
        raise InputError("a uid is missing or longer than 32 hex digits")
    try:
        raw = bytes.fromhex("".join(padded.to_pylist()))
    except ValueError as error:
        raise InputError("a uid is no number of 32 hex digits") from error
    if 2 * len(raw) != _DIGITS * len(padded):  # fromhex passes over spaces
        raise InputError("a uid is no number of 32 hex digits")
    words = np.frombuffer(raw, ">u8").reshape(-1, 2)
    uids = np.empty(len(padded), UID)
    uids["f0"], uids["f1"] = words[:, 0], words[:, 1]
    return uids


def look_up(subset: Uids, wanted: Uids) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Where each of `wanted` stands in the sorted `subset`: its first place, and how many times it stands there.

    By halving for all at once: numpy's own search would copy the whole mapped file first.
    """
    first = _bound(subset, wanted, after=False)
    times = np.zeros(len(wanted), np.int64)
    if not len(subset):
        return first, times
    there = subset[np.minimum(first, len(subset) - 1)]
    found = (first < len(subset)) & (there["f0"] == wanted["f0"]) & (there["f1"] == wanted["f1"])
    times[found] = _bound(subset, wanted[found], after=True) - first[found]
    return first, times


def missing_of(subset: Uids, found: NDArray[np.uint8]) -> Iterator[Uids]:
    """The uids of a subset whose bit in `found` is not set, in order, some at a time."""
    for start, some in _chunks(subset):
        bits = np.unpackbits(found[start // 8 : (start + len(some) + 7) // 8], count=len(some), bitorder="little")
        yield np.asarray(some[bits == 0])


def mark(found: NDArray[np.uint8], first: NDArray[np.int64], times: NDArray[np.int64]) -> None:
    """Set the bits of all places that `look_up` told."""
    repeated = np.repeat(first, times)
    starts = np.repeat(np.cumsum(times) - times, times)
    places = repeated + np.arange(len(repeated)) - starts
    np.bitwise_or.at(found, places >> 3, (1 << (places & 7)).astype(np.uint8))


def no_bits(subset: Uids) -> NDArray[np.uint8]:
    """A bit for each uid, none of them set."""
    return np.zeros((len(subset) + 7) // 8, np.uint8)


def _bound(subset: Uids, wanted: Uids, *, after: bool) -> NDArray[np.int64]:
    """The first place whose uid is not smaller than the wanted one; `after`: is larger."""
    low = np.zeros(len(wanted), np.int64)
    high = np.full(len(wanted), len(subset), np.int64)
    for _ in range(len(subset).bit_length()):
        middle = (low + high) >> 1
        there = subset[np.minimum(middle, len(subset) - 1)]
        less = there["f0"] < wanted["f0"]
        same = there["f0"] == wanted["f0"]
        less |= same & ((there["f1"] <= wanted["f1"]) if after else (there["f1"] < wanted["f1"]))
        less &= low < high
        low = np.where(less, middle + 1, low)
        high = np.where(less, high, np.minimum(high, middle))
    return low


def _chunks(uids: Uids, *, overlap: int = 0) -> Iterator[tuple[int, Uids]]:
    for start in range(0, len(uids), _ROWS_AT_ONCE):
        yield start, uids[start : start + _ROWS_AT_ONCE + overlap]
