"""Which form an archive has, told by its first bytes."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import BinaryIO

import zstandard

from crawler.read.gzip_members import GZIP
from crawler.read.gzip_members import MAGIC as GZIP_MAGIC
from crawler.read.outcome import Incomplete, Skipped
from crawler.read.pieces import records_of_pieces
from crawler.read.record import BrokenRecordError, Record, declared_length, split_head
from crawler.read.stream import gunzipped_parts, plain_parts, records_of_stream, unzstd_parts
from crawler.read.zstd_frames import MAGIC as ZSTD_MAGIC
from crawler.read.zstd_frames import is_skippable, zstd

_LOOK_BYTES = 1024 * 1024


def records_in(file: BinaryIO) -> Iterator[Record | Skipped | Incomplete]:
    """The records of an archive of whatever form; `file` stands at its start and can seek."""
    start = file.read(_LOOK_BYTES)
    file.seek(0)
    if not start:
        return iter([Incomplete(0, "the file is empty")])
    if start.startswith(GZIP_MAGIC):
        if _is_one_record(*_begin_of_member(start)):
            return records_of_pieces(file, GZIP)
        return records_of_stream(gunzipped_parts(file))
    if is_skippable(start) or (start.startswith(ZSTD_MAGIC) and _is_one_record(*_begin_of_frame(start))):
        return records_of_pieces(file, zstd())
    if start.startswith(ZSTD_MAGIC):
        return records_of_stream(unzstd_parts(file))
    for compression in (GZIP, zstd()):
        # the first bytes are damaged, the next piece is not
        found = start.find(compression.magic)
        if found >= 0 and not start.startswith(b"WARC/") and compression.begins_a_record(start[found : found + 4096]):
            return records_of_pieces(file, compression)
    return records_of_stream(plain_parts(file))


def _begin_of_member(data: bytes) -> tuple[bytes, bool]:
    """What the first gzip member begins with, and whether that is all of it."""
    stream = zlib.decompressobj(31)
    try:
        return stream.decompress(data, _LOOK_BYTES), stream.eof
    except zlib.error:
        return b"", False


def _begin_of_frame(data: bytes) -> tuple[bytes, bool]:
    """What the first Zstandard frame begins with, and whether that is all of it."""
    try:
        with zstandard.ZstdDecompressor().stream_reader(data) as reader:
            content: bytes = reader.read(_LOOK_BYTES)
    except zstandard.ZstdError:
        return b"", False
    return content, len(content) < _LOOK_BYTES


def _is_one_record(content: bytes, is_all: bool) -> bool:
    """Whether the first compressed piece holds one WARC record, so that the others will too.

    A damaged first piece is taken for one: that reader finds its way to the next.
    """
    if not content:
        return True
    try:
        head, start = split_head(content)
        end = start + declared_length(head)
    except BrokenRecordError:
        return content.startswith(b"WARC/") and b"\nWARC/" not in content
    if is_all:
        return not content[end:].strip(b"\r\n")
    return end + 4 >= len(content)
