"""JUMBF boxes and CBOR, as far as C2PA manifests need them (ISO/IEC 19566-5; RFC 8949)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

#: boxes of one file that are looked at: a manifest has about thirty, and a picture's history a few manifests
_MOST_BOXES = 16_384
_DEEPEST_BOX = 8
#: of one CBOR text: values in all, levels, and characters of one text
_MOST_VALUES, _DEEPEST, _LONGEST_TEXT = 20_000, 24, 2_048
_HAS_LABEL = 0x02


class Box(NamedTuple):
    """A labelled box: the superbox of JUMBF, whose first part is its description."""

    label: str  # such as "c2pa.actions.v2", or "" where it has none
    start: int  # of what follows the description
    end: int
    depth: int  # 0 for a box that is in no other


class BrokenError(Exception):
    """CBOR that cannot be read; never leaves these modules."""


def labelled(data: bytes) -> Iterator[Box]:
    """The labelled boxes of JUMBF data in the order in which they begin, those inside of others included."""
    to_do = [(0, len(data), 0)]
    for _ in range(_MOST_BOXES):
        if not to_do:
            return
        start, end, depth = to_do.pop()
        found = box_at(data, start, end)
        if found is None:
            continue
        name, content, after = found
        to_do.append((after, end, depth))
        if name == b"jumb":
            box = _described(data, content, after, depth)
            yield box
            if depth < _DEEPEST_BOX:
                to_do.append((box.start, box.end, depth + 1))


def box_at(data: bytes, start: int, end: int) -> tuple[bytes, int, int] | None:
    """Kind, and where content begins and ends, of the box at `start`, `end` at the latest; None for no box."""
    end = min(end, len(data))
    if start + 8 > end:
        return None
    length, name, content = int.from_bytes(data[start : start + 4], "big"), data[start + 4 : start + 8], start + 8
    if length == 1:
        length, content = int.from_bytes(data[start + 8 : start + 16], "big"), start + 16
    after = end if length == 0 else min(start + length, end)
    return None if after < content else (name, content, after)


def _described(data: bytes, start: int, end: int, depth: int) -> Box:
    found = box_at(data, start, end)
    if found is None or found[0] != b"jumd":
        return Box("", start, end, depth)
    _, content, after = found
    has_label = after > content + 16 and data[content + 16] & _HAS_LABEL
    label = data[content + 17 : min(after, content + 17 + 256)].partition(b"\0")[0] if has_label else b""
    return Box(label.decode("utf-8", "replace"), after, end, depth)


def read_cbor(data: bytes) -> Any:  # noqa: ANN401 - whatever a stranger wrote
    """One CBOR value: maps with text keys, lists, texts, numbers, None. Byte strings become "", long texts their start.

    Raises:
        BrokenError: it is cut short, or goes beyond the limits.
    """
    return _Cbor(data).value(0)


class _Cbor:
    """A place in CBOR data that moves on as values are read."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at, self._values = data, 0, 0

    def value(self, depth: int) -> Any:  # noqa: ANN401 - whatever a stranger wrote
        self._values += 1
        if depth > _DEEPEST or self._values > _MOST_VALUES:
            raise BrokenError
        major, number, is_open = self._head()
        if major == 6:  # a tag says what its value is for
            return self.value(depth + 1)
        if major in (2, 3):
            return self._string(major, number, depth, is_open=is_open)
        if major in (4, 5):
            return self._collection(major, number, depth, is_open=is_open)
        return number if major == 0 else -1 - number if major == 1 else None

    def _head(self) -> tuple[int, int, bool]:
        """Major type, number, and whether it is open: of a length that only its end tells."""
        first = self._take(1)[0]
        major, low = first >> 5, first & 31
        if low < 24:
            return major, low, False
        if low == 31 and major in (2, 3, 4, 5):
            return major, 0, True
        width = {24: 1, 25: 2, 26: 4, 27: 8}.get(low)
        if width is None:
            raise BrokenError
        return major, int.from_bytes(self._take(width), "big"), False

    def _string(self, major: int, length: int, depth: int, *, is_open: bool) -> str:
        if is_open:
            pieces = []
            while not self._is_break():
                pieces.append(self.value(depth + 1))
            return "".join(piece for piece in pieces if isinstance(piece, str))[:_LONGEST_TEXT]
        content = self._take(length)
        return content[:_LONGEST_TEXT].decode("utf-8", "replace") if major == 3 else ""

    def _collection(self, major: int, number: int, depth: int, *, is_open: bool) -> Any:  # noqa: ANN401 - the same
        if number > _MOST_VALUES:
            raise BrokenError
        values: list[Any] = []
        while not self._is_break() if is_open else len(values) < number * (major - 3):
            values.append(self.value(depth + 1))
        if major == 4:
            return values
        return {key: value for key, value in zip(values[::2], values[1::2], strict=False) if isinstance(key, str)}

    def _is_break(self) -> bool:
        if self._data[self._at : self._at + 1] != b"\xff":
            return False
        self._at += 1
        return True

    def _take(self, length: int) -> bytes:
        content = self._data[self._at : self._at + length]
        if len(content) < length:
            raise BrokenError
        self._at += length
        return content
