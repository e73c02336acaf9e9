"""The HTTP response in a record: its status, its header, and its body without transfer and content codings.

Common Crawl stores bodies as they were before coding and renames the headers that spoke of it; other crawlers store
what came over the wire, or decode the body and leave the headers. So a header is a hint here, and the bytes decide.
"""

from __future__ import annotations

import re
import zlib
from typing import NamedTuple

import brotli  # type: ignore[import-untyped]  # ships no types
import zstandard

from crawler.read.record import HEADER_BYTES

_STATUS_LINE = re.compile(rb"HTTP/[0-9](?:\.[0-9])?[ \t]+([0-9]{3})(?![0-9])")
_BLANK_LINE = re.compile(rb"\r?\n\r?\n")
#: bytes that are looked into first: the header of nearly all responses
_MOST_HEADERS = 4096
_MOST_CHUNKS = 500_000
_CHUNK_SIZE = re.compile(rb"[ \t]*([0-9a-fA-F]{1,15})[ \t]*(?:;[^\r\n]*)?\r?\n")


class BrokenHttpError(ValueError):
    """A response without a readable status line and header. Never leaves this package."""


class BadCodingError(ValueError):
    """A body that its codings do not explain. Never leaves this package."""


class Response(NamedTuple):
    """An HTTP response as archived: the body still coded."""

    status: int
    headers: tuple[tuple[str, str], ...]  # names in lower case
    body: memoryview

    def header(self, name: str) -> str:
        """The value of the first header `name` (lower case), or ""."""
        for header, value in self.headers:
            if header == name:
                return value
        return ""


def parse_response(block: memoryview) -> Response:
    """The response that a record's block holds.

    Raises:
        BrokenHttpError: no status line, or no end of the header within `HEADER_BYTES`.
    """
    start = bytes(block[:_MOST_HEADERS])
    end = start.find(b"\r\n\r\n")
    if end < 0:
        start = bytes(block[:HEADER_BYTES])
        end = start.find(b"\r\n\r\n")
    status = _STATUS_LINE.match(start)
    if status is None:
        raise BrokenHttpError(f"begins with {start[:40]!r}")
    body_start = end + 4
    blank = _BLANK_LINE.search(start) if end < 0 or b"\n\n" in start[:end] else None
    if blank is not None:
        end, body_start = blank.span()
    if end < 0:
        if len(block) > HEADER_BYTES:
            raise BrokenHttpError(f"no end of header within {HEADER_BYTES} bytes")
        end = body_start = len(start)  # a header, and nothing after it
    return Response(int(status.group(1)), _headers(start[:end]), block[body_start:])


def _headers(head: bytes) -> tuple[tuple[str, str], ...]:
    try:
        text = head.decode("utf-8")
    except UnicodeDecodeError:
        text = head.decode("latin-1")
    lines = text.split("\n")[1:]
    if "\n " in text or "\n\t" in text:
        lines = _unfolded(lines)
    return tuple(
        [
            (name.strip().lower(), value.strip())
            for name, colon, value in [line.partition(":") for line in lines]
            if colon
        ]
    )


def _unfolded(lines: list[str]) -> list[str]:
    """Header lines, with those that begin with white space put behind the header before them."""
    whole: list[str] = []
    for line in lines:
        if line[:1] in (" ", "\t") and whole:
            whole[-1] = f"{whole[-1].rstrip()} {line.strip()}"
        elif ":" in line:
            whole.append(line)
    return whole


def body_of(response: Response, limit: int) -> bytes:
    """The body without transfer and content codings, cut at `limit` bytes: a bomb costs no more than a page.

    Raises:
        BadCodingError: the codings are unknown or stacked, or the body does not unpack.
    """
    body = bytes(response.body)
    if response.header("transfer-encoding").lower().endswith("chunked"):
        body = _unchunk(body, 2 * limit)
    if encoded := response.header("content-encoding"):
        codings = [name.strip().lower() for name in encoded.split(",")]
        codings = [name for name in codings if name not in ("", "identity", "none", "utf-8")]
        if codings:
            body = _unpack(body, codings, limit)
    return body[:limit]


def _unchunk(body: bytes, limit: int) -> bytes:
    """The body without its chunk sizes; unchanged where it does not begin with one: it was stored without them.

    It ends with the chunk that reaches `limit`, or is one too many: five million of one byte each fit into a record.
    """
    parts: list[bytes] = []
    position = joined = 0
    if not _CHUNK_SIZE.match(body):
        return body
    while joined < limit and len(parts) < _MOST_CHUNKS and (size := _CHUNK_SIZE.match(body, position)):
        start = size.end()
        length = int(size.group(1), 16)
        if not length:
            break
        joined += length
        parts.append(body[start : start + length])
        position = start + length
        if body.startswith(b"\r\n", position):
            position += 2
        elif body.startswith(b"\n", position):
            position += 1
        elif position < len(body):
            return body if len(parts) == 1 else b"".join(parts)
    return b"".join(parts)


def _unpack(body: bytes, codings: list[str], limit: int) -> bytes:
    if len(codings) > 1:
        raise BadCodingError(f"stacked codings {', '.join(codings)[:80]}")
    unpack = _CODINGS.get(codings[0])
    if unpack is None:
        if _looks_like_text(body):
            return body
        raise BadCodingError(f"unknown coding {codings[0][:40]!r}")
    try:
        unpacked = unpack(body, limit)
    except (zlib.error, zstandard.ZstdError, brotli.error) as error:
        if _looks_like_text(body):
            return body  # stored decoded, the header left as it was
        raise BadCodingError(f"{codings[0]}: {error}") from error
    return unpacked if unpacked or not body else body


def _looks_like_text(body: bytes) -> bool:
    start = body[:1024]
    return b"<" in start and b"\0" not in start


def _gunzip(body: bytes, limit: int) -> bytes:
    return zlib.decompressobj(31).decompress(body, limit)


def _inflate(body: bytes, limit: int) -> bytes:
    try:
        return zlib.decompressobj().decompress(body, limit)
    except zlib.error:  # many servers send deflate without the zlib header that RFC 9110 asks for
        return zlib.decompressobj(-15).decompress(body, limit)


def _unzstd(body: bytes, limit: int) -> bytes:
    with zstandard.ZstdDecompressor(max_window_size=8 * 1024 * 1024).stream_reader(body) as reader:
        content: bytes = reader.read(limit)
    return content


def _unbrotli(body: bytes, limit: int) -> bytes:
    unpacked: bytes = brotli.Decompressor().process(body, output_buffer_limit=limit)
    return unpacked


_CODINGS = {
    "gzip": _gunzip, "x-gzip": _gunzip, "deflate": _inflate, "br": _unbrotli, "brotli": _unbrotli, "zstd": _unzstd,
}  # fmt: skip
