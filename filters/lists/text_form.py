"""Lists with one entry a line: a value, a kind and a value (`MD5 ...`), or a PDQ with metadata (`hash=...,idx=1`).

Lines of nothing but hex digits, of which a list has millions, are read by numpy, a block at a time; the others one by
one. `#` starts a comment; a byte order mark, spaces around a line, and any of the three line ends are no part of an
entry.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from filters.lists.entries import Cell
from filters.lists.kinds import Kind, kind_called, unusable_called

_BLOCK_BYTES = 1 << 24
_NEW_LINE, _RETURN = 10, 13
#: marks of characters that cannot be part of hex, and of base32
_NO_HEX, _NO_BASE32 = 1, 2
_QUALITY = re.compile(r"[,;\t ]\s*(?:quality|q)\s*=\s*([^,;\t ]*)", re.IGNORECASE)
_HAS_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")


class HexLines(NamedTuple):
    """Many lines of hex digits, read at once."""

    kind: Kind
    rows: NDArray[np.uint8]  # N x width


def read_text(content: bytes, clear: Mapping[int, Kind], *, careful: bool) -> Iterator[HexLines | Cell]:
    """Everything that a list with one entry a line names.

    Args:
        content: the list, without byte order mark.
        clear: of how many hex digits a line may be to be read at once, and the kind that it then is.
        careful: whether 32 characters that could also be base32 are left to be read one by one.

    Raises:
        UnicodeDecodeError: it is not UTF-8.
    """
    if content.count(b"\r") != content.count(b"\r\n"):
        content = content.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    number = 1
    start = 0
    while start < len(content):
        end = content.find(b"\n", min(start + _BLOCK_BYTES, len(content) - 1)) + 1 or len(content)
        block = content[start:end]
        lengths, starts = _lines(np.frombuffer(block, dtype=np.uint8))
        left = np.ones(len(starts), dtype=np.bool_)
        for digits, kind in clear.items():
            among = np.flatnonzero(lengths == digits)
            words = _words(np.frombuffer(block, dtype=np.uint8), starts, among, digits)
            values, good = unhexed(words, careful=careful and digits == 32)
            left[among[good]] = False
            if good.any():
                yield HexLines(kind, values[good] if not good.all() else values)
        for at in np.flatnonzero(left):
            line = block[starts[at] : starts[at] + lengths[at]].decode().strip()
            if line and not line.startswith("#"):
                yield _cell(number + int(at), line)
        number += len(starts)
        start = end


def _lines(block: NDArray[np.uint8]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Length and start of each line of a block; its end is no part of it."""
    ends = np.flatnonzero(block == _NEW_LINE)
    if len(block) and block[-1] != _NEW_LINE:
        ends = np.append(ends, len(block))
    starts = np.append([0], ends[:-1] + 1)[: len(ends)]
    returned = (ends > starts) & (block[np.maximum(ends - 1, 0)] == _RETURN)
    return ends - starts - returned, starts


def _words(
    block: NDArray[np.uint8], starts: NDArray[np.int64], among: NDArray[np.int64], digits: int
) -> NDArray[np.uint8]:
    """The lines `among` of those that begin at `starts`, N x digits."""
    strides = np.diff(starts)
    if len(among) == len(starts) > 1 and (strides == strides[0]).all():
        # all alike, as most lists are: a view, without an index for every character
        stride = int(strides[0])
        padded = np.append(block, np.zeros(max(0, stride * len(starts) - len(block)), dtype=np.uint8))
        rows: NDArray[np.uint8] = padded[: stride * len(starts)].reshape(-1, stride)
        return rows[:, :digits]
    words: NDArray[np.uint8] = block[starts[among][:, None] + np.arange(digits)]
    return words


def unhexed(words: NDArray[np.uint8], *, careful: bool) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """The bytes that each word (N x digits) is in hex, and for which words that holds.

    Careful: not for those that can be base32 as well.
    """
    pairs = _PAIRS[np.ascontiguousarray(words).view("<u2")]
    marks = np.bitwise_or.reduce((pairs >> np.uint16(8)).astype(np.uint8), axis=1)
    good: NDArray[np.bool_] = (marks & _NO_HEX) == 0
    if careful:
        good &= (marks & _NO_BASE32) != 0
    return pairs.astype(np.uint8), good


def _pairs() -> NDArray[np.uint16]:
    """For each two characters, the first in the lower byte: the byte that they are in hex, and the marks above it."""
    digits = {ord(digit): int(digit, 16) for digit in "0123456789abcdefABCDEF"}
    nibbles = np.array([digits.get(character, 0) for character in range(256)], dtype=np.uint16)
    base32 = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ234567")
    marks = [_NO_HEX * (one not in digits) | _NO_BASE32 * (one not in base32) for one in range(256)]
    above = np.array(marks, dtype=np.uint16) << np.uint16(8)
    first, second = np.tile(np.arange(256), 256), np.repeat(np.arange(256), 256)
    table: NDArray[np.uint16] = (nibbles[first] << np.uint16(4)) | nibbles[second] | above[first] | above[second]
    return table


_PAIRS = _pairs()


def _cell(place: int, line: str) -> Cell:
    """One line that is neither empty nor a comment."""
    kind, _, value = line.partition(" ") if " " in line else line.partition("\t")
    if value.strip() and (kind_called(kind) or unusable_called(kind)):
        typed = kind_called(kind)
        value = value.strip()
    else:
        kind, typed, value = "", None, line
    quality = ""
    if typed is not Kind.URL and not _HAS_SCHEME.match(value):
        if found := _QUALITY.search(value):
            quality = found[1]
        value = first_column(value)
    return Cell(place, value, kind, quality)


def first_column(line: str) -> str:
    """The first column of a line of a CSV file (comma, semicolon or tab), without quotes and spaces."""
    for separator in ",;\t":
        line = line.partition(separator)[0]
    return line.strip().strip("\"'").strip()
