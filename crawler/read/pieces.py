"""Archives in which every record is compressed by itself: one loop, whatever the compression.

A damaged piece costs itself alone: reading goes on where the next one that begins like a record begins.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import BinaryIO, NamedTuple, TypeVar

import msgspec

from crawler.read.outcome import Incomplete, Skip, Skipped
from crawler.read.record import (
    RECORD_BYTES,
    BrokenRecordError,
    Bytes,
    CutShortError,
    Record,
    TooLargeError,
    whole_record,
)

_WINDOW_BYTES = 16 * 1024 * 1024
#: deflate and Zstandard store what they cannot compress with less than 1 in 1,024 on top; what is longer holds too much
PIECE_BYTES = RECORD_BYTES + RECORD_BYTES // 1024


Measured = TypeVar("Measured")


class Window:
    """A part of the file in memory. What lies before `position` is forgotten when more is read: memory stays flat."""

    __slots__ = ("_file", "at_end", "data", "position", "start", "view")

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.start = 0  # of `data` in the file
        self.data = b""
        self.view = memoryview(b"")  # of `data`
        self.position = 0  # in `data`: where the next piece begins
        self.at_end = False
        self.read_more()

    @property
    def is_spent(self) -> bool:
        """Whether nothing is left; reads on where nothing is left in memory."""
        while not self.at_end and self.position == len(self.data):
            self.read_more()
        return self.position == len(self.data)

    @property
    def is_full(self) -> bool:
        """Whether the largest piece would lie in memory as a whole."""
        return len(self.data) - self.position > PIECE_BYTES

    def read_more(self) -> None:
        """Forget what lies behind and append the next part of the file; at its end, set `at_end`."""
        more = self._file.read(_WINDOW_BYTES)
        self.at_end = not more
        self.start += self.position
        self.data = self.data[self.position :] + more
        self.view = memoryview(self.data)
        self.position = 0

    def find(self, magic: bytes, after: int) -> int:
        """Index in `data` of the next `magic`, `after` bytes or more past `position`; reads on until it is found.

        -1 if there is none in the rest of the file, or none within the largest piece.
        """
        while True:
            found = self.data.find(magic, self.position + after)
            if found >= 0 or self.at_end or self.is_full:
                return found
            self.read_more()

    def measure(self, look: Callable[[memoryview], Measured]) -> Measured:
        """What `look` says of the bytes from `position` on; while it raises CutShortError, it gets more of them.

        Raises:
            CutShortError: there are no more.
            TooLargeError: it has seen as much as the largest piece.
        """
        while True:
            try:
                return look(self.view[self.position : self.position + PIECE_BYTES])
            except CutShortError:
                if self.at_end:
                    raise
                if self.is_full:
                    raise TooLargeError(f"takes more than {PIECE_BYTES} bytes") from None
                self.read_more()


class Piece(msgspec.Struct, frozen=True, gc=False):
    """What one compressed piece holds."""

    content: Bytes
    checked: bool  # against a checksum of the compression


class Compression(NamedTuple):
    """How pieces of one kind are found and unpacked."""

    magic: bytes
    #: unpack the piece at the window's position and step over it; None for a piece without content (a dictionary).
    #: Raises BrokenRecordError, the position unmoved
    unpack: Callable[[Window], Piece | None]
    #: whether the piece at the start of these bytes begins like a record
    begins_a_record: Callable[[bytes], bool]


def records_of_pieces(file: BinaryIO, compression: Compression) -> Iterator[Record | Skipped | Incomplete]:
    """The records of an archive of compressed pieces; `file` is read from where it stands, once, in windows."""
    window = Window(file)
    # Pieces that ran to the end of the file: damaged if a good one follows, else the file is cut there.
    cut: list[Skipped] = []
    while window.position < len(window.data) or not window.is_spent:
        offset = window.start + window.position
        try:
            piece = compression.unpack(window)
            record = None if piece is None else whole_record(piece.content, offset, checked=piece.checked)
        except CutShortError as error:
            cut.append(Skipped(Skip.BROKEN_RECORD, offset, str(error)))
        except TooLargeError as error:
            yield Skipped(Skip.RECORD_TOO_LARGE, offset, str(error))
        except BrokenRecordError as error:
            yield Skipped(Skip.BROKEN_RECORD, offset, str(error))
        else:
            if cut:
                yield from cut
                cut.clear()
            if record is not None:
                yield record
        if window.start + window.position == offset:  # nothing was stepped over
            _resync(window, compression)
    if cut:
        yield Incomplete(cut[0].offset, cut[0].detail)


def _resync(window: Window, compression: Compression) -> None:
    """Step to the next piece that begins like a record, or to the end of the file."""
    while True:
        found = window.find(compression.magic, 1)
        if found >= 0:
            window.position = found
            if compression.begins_a_record(window.data[found : found + 4096]):
                return
        elif window.at_end:
            window.position = len(window.data)
            return
        else:
            window.position = len(window.data) - len(compression.magic)
