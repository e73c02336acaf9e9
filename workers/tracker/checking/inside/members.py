"""The tar of a shard, byte for byte: it is not parsed but predicted, so that nothing can hide in what a parser allows.

Names, owners, times, kinds and paddings have one form (`crawler.tar`); json and text follow from the row. All that a
worker can choose is the pictures. Links, absolute names, sparse files or a million members of no row differ from what
is predicted at their first byte, and nothing behind it is read.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import msgspec

from crawler.rows import SampleJson
from crawler.tar import member
from workers.tracker.checking.inside.wrong import WrongError, insist

_BLOCK = 512
_RECORD = 20 * _BLOCK
_SIZE = slice(124, 136)
_OCTAL = re.compile(rb"[0-7]{11}\0")


class Members:
    """Reads one tar from its start; a context manager."""

    def __init__(self, path: Path, columns: Sequence[tuple[str, str]], picture_bytes: int) -> None:
        """Of rows with these columns, and pictures of at most so many bytes."""
        self._name = path.name
        self._file = path.open("rb", buffering=1 << 20)
        self._said = SampleJson(columns)
        self._most = picture_bytes
        self._encoder = msgspec.json.Encoder()
        self._position = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def sample(self, row: dict[str, Any], extension: str) -> tuple[int, bytes]:
        """The picture of a row, and where in the file it begins; the members of the row are what is next.

        Raises:
            WrongError: something else is next.
        """
        key = row["key"]
        name = f"{key}.{extension}"
        head = self._file.read(_BLOCK)
        insist(_OCTAL.fullmatch(head[_SIZE]) is not None, f"{self._name}: no {name} where it should be")
        size = int(head[_SIZE][:11], 8)
        insist(0 < size <= self._most, f"{self._name}: {name} has {size} bytes")
        offset = self._position + _BLOCK
        rest = self._file.read(size + -size % _BLOCK)
        picture = rest[:size]
        if head + rest != member(name, picture):
            raise WrongError(f"{self._name}: no {name} as we write it where it should be")
        self._position += len(head) + len(rest)
        self._expect(member(f"{key}.json", self._encoder.encode(self._said.of(row))), f"{key}.json")
        self._expect(member(f"{key}.txt", row["caption"].encode()), f"{key}.txt")
        return offset, picture

    def end(self) -> None:
        """Whether the archive ends here, as ours do.

        Raises:
            WrongError: it does not.
        """
        closed = self._position + 2 * _BLOCK
        self._expect(b"\0" * (2 * _BLOCK + -closed % _RECORD), "its end")
        insist(not self._file.read(1), f"{self._name}: goes on behind its end")

    def _expect(self, content: bytes, what: str) -> None:
        if self._file.read(len(content)) != content:
            raise WrongError(f"{self._name}: not {what} where it should be, or not as its row says")
        self._position += len(content)
