"""Content codings taken off a body, with a cap on what comes out.

We ask for `Accept-Encoding: identity`, since images are compressed already; some servers code them anyway. A coded body
is the oldest bomb there is: 1 MB of gzip holds 1 GiB, 1.6 kB of brotli does too. Every decoder here stops as soon as
more than the cap has come out.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence

import brotli  # type: ignore[import-untyped]  # ships no types
import zstandard


class BadCodingError(ValueError):
    """The body is not in the coding that its header names, or the coding is none that we take off."""


class DecodedTooLargeError(ValueError):
    """More comes out than the cap."""


#: the window that RFC 9659 allows zstd on the web; a frame may ask for gigabytes
_ZSTD_WINDOW_BYTES = 8 * 1024 * 1024
#: zstd's decoder has no output limit: 4 bytes can say 128 kB, so it is fed in slices that can grow to 4 MB each
_ZSTD_SLICE_BYTES = 128


def coding_of(headers: Sequence[str]) -> str:
    """The one coding that these Content-Encoding values name, in lower case; "" for none.

    Raises:
        BadCodingError: it is unknown, or there are several: nobody codes an image twice but to get past a cap.
    """
    names = [name.strip().lower() for value in headers for name in value.split(",")]
    coded = [name for name in names if name not in {"", "identity"}]
    if not coded:
        return ""
    if len(coded) > 1:
        raise BadCodingError(f"coded {len(coded)} times")
    if coded[0] not in _DECODERS:
        raise BadCodingError(f"unknown coding {coded[0][:40]}")
    return coded[0]


def decoded(coding: str, body: bytes, cap_bytes: int) -> bytes:
    """The body with this coding (from `coding_of`) taken off. Holds at most about twice `cap_bytes` of memory.

    Raises:
        BadCodingError: it is not a complete body of that coding, or something follows its end.
        DecodedTooLargeError: it is longer than `cap_bytes`.
    """
    return _DECODERS[coding](body, cap_bytes) if coding else body


def _zlib(window_bits: int) -> Callable[[bytes, int], bytes]:
    def decode(body: bytes, cap_bytes: int) -> bytes:
        decoder = zlib.decompressobj(window_bits)
        try:
            out = decoder.decompress(body, cap_bytes + 1)
        except zlib.error as error:
            raise BadCodingError(str(error)) from error
        _check(len(out), cap_bytes, complete=decoder.eof, trailing=decoder.unused_data)
        return out

    return decode


def _deflate(body: bytes, cap_bytes: int) -> bytes:
    """RFC 9110 means zlib's wrapper; many servers mean the naked stream. Two bytes of a zlib header tell."""
    wrapped = len(body) >= 2 and body[0] & 0x0F == 8 and int.from_bytes(body[:2], "big") % 31 == 0
    return _zlib(zlib.MAX_WBITS if wrapped else -zlib.MAX_WBITS)(body, cap_bytes)


def _brotli(body: bytes, cap_bytes: int) -> bytes:
    decoder = brotli.Decompressor()
    try:
        out: bytes = decoder.process(body, output_buffer_limit=cap_bytes + 1)
    except brotli.error as error:
        raise BadCodingError(str(error)) from error
    _check(len(out), cap_bytes, complete=decoder.is_finished(), trailing=b"")
    return out


def _zstd(body: bytes, cap_bytes: int) -> bytes:
    decoder = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW_BYTES).decompressobj()
    out: list[bytes] = []
    size = at = 0
    while at < len(body) and not decoder.eof and size <= cap_bytes:
        try:
            out.append(decoder.decompress(body[at : at + _ZSTD_SLICE_BYTES]))
        except zstandard.ZstdError as error:
            raise BadCodingError(str(error)) from error
        size += len(out[-1])
        at += _ZSTD_SLICE_BYTES
    _check(size, cap_bytes, complete=decoder.eof, trailing=decoder.unused_data + body[at:])
    return b"".join(out)


def _check(size: int, cap_bytes: int, *, complete: bool, trailing: bytes) -> None:
    if size > cap_bytes:
        raise DecodedTooLargeError(f"more than {cap_bytes} bytes after decoding")
    if not complete:
        raise BadCodingError("the coded body ends early")
    if trailing:
        raise BadCodingError("something follows the end of the coded body")


_DECODERS: dict[str, Callable[[bytes, int], bytes]] = {
    "gzip": _zlib(16 + zlib.MAX_WBITS),
    "x-gzip": _zlib(16 + zlib.MAX_WBITS),
    "deflate": _deflate,
    "br": _brotli,
    "zstd": _zstd,
}
