"""One WARC record in memory: its header, its block, and whether the lengths are true."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re

import msgspec

#: a WARC or HTTP header larger than this is an attack: a million header lines fit into 9 kB of gzip (safety.md 5.4)
HEADER_BYTES = 64 * 1024
#: a record larger than this, unpacked, is no page; Common Crawl cuts pages at 5 MiB. Bounds memory against bombs
RECORD_BYTES = 32 * 1024 * 1024

Bytes = bytes | bytearray

_FOLDED = re.compile(rb"\r?\n[ \t]+")
_LENGTH = b"\r\nContent-Length: "
#: between a line and another that is its end (RFC 822)
_GOES_ON = frozenset((b"\r\n ", b"\r\n\t"))
_BLANK_LINE = re.compile(rb"\r?\n\r?\n")


class BrokenRecordError(ValueError):
    """The bytes are no WARC record; the message says why. Never leaves this package."""


class TooLargeError(BrokenRecordError):
    """More than any page holds; perhaps a bomb."""


class CutShortError(BrokenRecordError):
    """The file ends before the record does."""


class Record(msgspec.Struct, frozen=True, gc=False):
    """One record: a header, and a block of bytes that it describes."""

    offset: int  # as in `Skipped`
    head: Head
    block: memoryview
    checked: bool  # the container's own checksum covered the block


class Head:
    """The header of a record: lines of `name: value`, each behind a line feed. Looked into when it is asked."""

    __slots__ = ("_lower", "_text")

    def __init__(self, text: Bytes) -> None:
        self._text = text
        self._lower: Bytes = b""

    def _unfold(self) -> None:
        if b"\n " in self._text or b"\n\t" in self._text:
            self._text = _FOLDED.sub(b" ", self._text)
        self._lower = self._text.lower()

    def plain_length(self) -> int:
        """The Content-Length, where it is told once and spelt as nearly all writers do, else -1."""
        begin = self._text.find(_LENGTH)
        if begin < 0:
            return -1
        place = begin + len(_LENGTH)
        end = self._text.find(b"\r", place)
        written = self._text[place:] if end < 0 else self._text[place:end]
        if not written.isdigit() or len(written) > 18 or bytes(self._text[end : end + 3]) in _GOES_ON:
            return -1
        return int(written) if self._text.lower().count(b"\ncontent-length") == 1 else -1

    def field(self, name: bytes) -> str:
        """The value of the first line `name` (lower case here, any case there), or ""."""
        return self.field_bytes(name).decode("utf-8", "replace")

    def field_bytes(self, name: bytes) -> bytes:
        """As `field`, not decoded."""
        if not self._lower:
            self._unfold()
        start = self._lower.find(b"\n" + name + b":")
        if start < 0:
            return b""
        start += len(name) + 2
        end = self._text.find(b"\n", start)
        value = self._text[start:] if end < 0 else self._text[start:end]
        return bytes(value.strip())

    def is_of_type(self, name: bytes) -> bool:
        """Whether WARC-Type is `name` (lower case)."""
        return b"\r\nWARC-Type: " + name + b"\r\n" in self._text or self.field(b"warc-type").lower() == name.decode()


def split_head(data: Bytes) -> tuple[Head, int]:
    """The header that `data` begins with, and where the block after it begins.

    Raises:
        BrokenRecordError: there is no WARC header, or it has no end within `HEADER_BYTES`.
    """
    if not data.startswith(b"WARC/"):
        raise BrokenRecordError("does not begin with WARC/")
    end = data.find(b"\r\n\r\n", 0, HEADER_BYTES)
    if end >= 0:
        return Head(data[:end]), end + 4
    # lines that end in a line feed alone are wrong, and exist
    blank = _BLANK_LINE.search(data, 0, HEADER_BYTES)
    if blank is None:
        raise BrokenRecordError(f"no end of header within {HEADER_BYTES} bytes")
    return Head(bytes(data[: blank.start()])), blank.end()


def declared_length(head: Head) -> int:
    """The Content-Length of a record.

    Raises:
        BrokenRecordError: it is missing, negative or no number.
    """
    written = head.field_bytes(b"content-length")
    if not (written.isdigit() and len(written) < 19):
        raise BrokenRecordError(f"Content-Length is {head.field(b'content-length')[:40]!r}")
    return int(written)


def whole_record(data: Bytes, offset: int, *, checked: bool) -> Record:
    """The record that `data` holds: one, complete, and nothing but line ends after it.

    A length that runs past the end would swallow the next record in a reader that believes it; one that is too small
    would leave text behind that is taken for a record. Both are refused here.

    Raises:
        BrokenRecordError: it is not so.
    """
    head, start = split_head(data)
    length = head.plain_length()
    if length < 0:
        length = declared_length(head)
    end = start + length
    if end + 4 == len(data) and data.endswith(b"\r\n\r\n"):  # nearly all
        return Record(offset, head, memoryview(data)[start:end], checked)
    if end > len(data):
        raise BrokenRecordError(f"Content-Length {length}, but only {len(data) - start} bytes are there")
    if data[end : end + 9] != b"\r\n\r\n" and data[end : end + 9].strip(b"\r\n"):
        raise BrokenRecordError(f"Content-Length {length}, but {len(data) - start} bytes are there")
    return Record(offset, head, memoryview(data)[start:end], checked)


def digest_is_wrong(record: Record) -> bool:
    """Whether the record carries a sha1 WARC-Block-Digest that its block does not have.

    Only the block digest is compared: what a payload digest covers differs between writers.
    """
    algorithm, _, written = record.head.field(b"warc-block-digest").partition(":")
    if algorithm.lower() not in ("sha1", "sha-1"):
        return False
    try:
        expected = base64.b32decode(written.upper()) if len(written) == 32 else bytes.fromhex(written)
    except (binascii.Error, ValueError):
        return False
    # not for security: the digest is the archive's own, against accidents
    return len(expected) == 20 and hashlib.sha1(record.block, usedforsecurity=False).digest() != expected
