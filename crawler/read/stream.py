"""Every other archive: not compressed, compressed as a whole, WARC or the older ARC. Headers are parsed by warcio.

There is no boundary between records here but their declared lengths, so a length is believed only if the next record
(or the end of the file) stands where it points to. After an error, reading goes on at the next line that begins one.
"""

from __future__ import annotations

import io
import logging
import re
import zlib
from collections.abc import Iterable, Iterator
from typing import BinaryIO

import zstandard
from warcio.exceptions import ArchiveLoadFailed
from warcio.recordloader import ArcWarcRecordLoader
from warcio.statusandheaders import StatusAndHeadersParserException

from crawler.read.outcome import Incomplete, Skip, Skipped
from crawler.read.record import (
    HEADER_BYTES,
    RECORD_BYTES,
    BrokenRecordError,
    CutShortError,
    Head,
    Record,
    TooLargeError,
    declared_length,
)

# What an archive does wrong is counted here; warcio would also write a line to standard error for each.
logging.getLogger("warcio").setLevel(logging.ERROR)

_PART_BYTES = 1024 * 1024
# "http://a.test/ 192.0.2.1 20070101000000 text/html 123": an ARC record has one line for a header
_ARC_LINE = rb"[a-z]+:[^\s]+ [^ \n]+ \d{14} [^\n]{1,200} \d{1,18}\r?\n"
_RECORD_START = re.compile(rb"WARC/[0-9]\.[0-9]+\r?\n|" + _ARC_LINE)
_NEXT_RECORD = re.compile(rb"(?<=\n)(?:" + _RECORD_START.pattern + rb")")
_BLANK_LINE = re.compile(rb"\r?\n\r?\n")
_LINE_ENDS = b"\r\n"


class _Tape:
    """The unpacked bytes of an archive, as far as they are needed: `data` begins at `offset`."""

    def __init__(self, parts: Iterable[bytes]) -> None:
        self._parts = iter(parts)
        self.data = bytearray()
        self.offset = 0
        self.at_end = False
        self.cut = ""  # why the rest cannot be had

    def have(self, length: int) -> bool:
        """Whether `data` has `length` bytes, after reading on if it must."""
        while len(self.data) < length and not self.at_end:
            try:
                part = next(self._parts, b"")
            except CutShortError as error:
                # not yet: what was unpacked before may hold whole records
                part, self.cut = b"", str(error)
            self.at_end = not part
            self.data += part
        return len(self.data) >= length

    def drop(self, length: int) -> None:
        """Step over bytes."""
        self.offset += min(length, len(self.data))
        del self.data[:length]


def plain_parts(file: BinaryIO) -> Iterator[bytes]:
    """The bytes of a file that is not compressed."""
    while part := file.read(_PART_BYTES):
        yield part


def gunzipped_parts(file: BinaryIO) -> Iterator[bytes]:
    """The bytes of a gzip file of whatever members.

    Raises:
        CutShortError: at the place where it ends too early or cannot be unpacked any further.
    """
    stream = zlib.decompressobj(31)
    begun = False
    for packed in plain_parts(file):
        data = packed
        while data:
            if not begun and not data.strip(b"\0"):
                break  # padding, which gzip ignores
            try:
                yield stream.decompress(data, _PART_BYTES)
            except zlib.error as error:
                raise CutShortError(f"the rest cannot be unpacked: {error}") from error
            begun = not stream.eof
            data = stream.unused_data if stream.eof else stream.unconsumed_tail
            if stream.eof:
                stream = zlib.decompressobj(31)
    if begun:
        raise CutShortError("the file ends in the middle of a gzip member")


def unzstd_parts(file: BinaryIO) -> Iterator[bytes]:
    """The bytes of a Zstandard file of whatever frames.

    Raises:
        CutShortError: at the place where it cannot be unpacked any further.
    """
    try:
        with zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True, closefd=False) as reader:
            while part := reader.read(_PART_BYTES):
                yield part
    except zstandard.ZstdError as error:
        raise CutShortError(f"the rest cannot be unpacked: {error}") from error


def records_of_stream(parts: Iterable[bytes]) -> Iterator[Record | Skipped | Incomplete]:
    """The records in the unpacked bytes of an archive."""
    tape = _Tape(parts)
    loader = ArcWarcRecordLoader(arc2warc=True)
    while _skip_line_ends(tape):
        offset = tape.offset
        try:
            record, length = _next_record(tape, loader)
        except CutShortError as error:
            yield Incomplete(offset, tape.cut or str(error))
            return
        except TooLargeError as error:
            yield Skipped(Skip.RECORD_TOO_LARGE, offset, str(error))
            _resync(tape)
        except BrokenRecordError as error:
            yield Skipped(Skip.BROKEN_RECORD, offset, str(error))
            _resync(tape)
        else:
            yield record
            tape.drop(length)
    if tape.cut:
        yield Incomplete(tape.offset, tape.cut)


def _skip_line_ends(tape: _Tape) -> bool:
    """Step over the empty lines between records; whether anything follows."""
    while tape.have(1):
        if tape.data[0] not in _LINE_ENDS:
            return True
        tape.drop(1)
    return False


def _next_record(tape: _Tape, loader: ArcWarcRecordLoader) -> tuple[Record, int]:
    """The record at the start of the tape, and its length there.

    Raises:
        CutShortError: the archive ends in the middle of it, and nothing after it looks like a record.
        TooLargeError: it is larger than `RECORD_BYTES`.
        BrokenRecordError: it is no record, or its length is not true.
    """
    tape.have(HEADER_BYTES)
    head, start = _head(tape, loader)
    length = declared_length(head)
    if length > RECORD_BYTES:
        raise TooLargeError(f"Content-Length {length}")
    end = start + length
    if not tape.have(end):
        if _NEXT_RECORD.search(tape.data, start):
            raise BrokenRecordError(f"Content-Length {length} runs over the next record to the end of the file")
        raise CutShortError(f"Content-Length {length}, but the file ends after {len(tape.data) - start} bytes")
    _check_what_follows(tape, start, end)
    return Record(tape.offset, head, memoryview(bytes(tape.data[start:end])), checked=False), end


def _check_what_follows(tape: _Tape, start: int, end: int) -> None:
    """Raise BrokenRecordError where the block from `start` to `end` is not all of one record."""
    tape.have(end + HEADER_BYTES)
    following = tape.data[end : end + HEADER_BYTES].lstrip(_LINE_ENDS)
    if not following or _RECORD_START.match(following) or (len(following) < 200 and b"\n" not in following):
        return
    # Either the length is not true, or the next record's first line is damaged, which is not this one's fault.
    if tape.data[end : end + 2] != b"\r\n" or _NEXT_RECORD.search(tape.data, start, end):
        raise BrokenRecordError("no record begins where the Content-Length points to")


def _head(tape: _Tape, loader: ArcWarcRecordLoader) -> tuple[Head, int]:
    """The header at the start of the tape as `Record.head`, and where it ends.

    warcio gets the bytes of the header only, for it would read a million lines, or a block without end, if it were let.
    """
    if not _RECORD_START.match(tape.data):
        if tape.at_end and len(tape.data) < 200 and b"\n" not in tape.data:
            raise CutShortError("the file ends in the first line of a record")
        raise BrokenRecordError("no record begins here")
    if tape.data.startswith(b"WARC/"):
        blank = _BLANK_LINE.search(tape.data, 0, HEADER_BYTES)
        if blank is None:
            if tape.at_end and len(tape.data) < HEADER_BYTES:
                raise CutShortError("the file ends in the header of a record")
            raise BrokenRecordError(f"no end of header within {HEADER_BYTES} bytes")
        end = blank.end()
    else:
        end = tape.data.index(b"\n") + 1
    try:
        # the version of a WARC is no reason to refuse it: warcio knows 1.1 at most
        text = re.sub(rb"^WARC/[0-9.]+", b"WARC/1.0", bytes(tape.data[:end]))
        fields = loader.parse_record_stream(io.BytesIO(text), no_record_parse=True).rec_headers
    except (ArchiveLoadFailed, StatusAndHeadersParserException, EOFError, ValueError) as error:
        raise BrokenRecordError(f"warcio: {error}") from error
    lines = (f"\n{name}: {value}" for name, value in fields.headers)
    return Head("".join(lines).encode("utf-8", "replace")), end


def _resync(tape: _Tape) -> None:
    """Step to the next line that begins a record, or to the end."""
    searched = 1
    while True:
        tape.have(searched + _PART_BYTES)
        found = _NEXT_RECORD.search(tape.data, searched)
        if found:
            tape.drop(found.start())
            return
        if tape.at_end:
            tape.drop(len(tape.data))
            return
        tape.drop(max(len(tape.data) - HEADER_BYTES, 0))
        searched = 1
