"""Content codings taken off, bombs included."""

from __future__ import annotations

import contextlib
import gzip
import tracemalloc
import zlib
from collections.abc import Callable

import brotli  # type: ignore[import-untyped]  # ships no types
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from crawler.wire.codings import BadCodingError, DecodedTooLargeError, coding_of, decoded

MIB = 1024 * 1024


def _naked_deflate(body: bytes) -> bytes:
    coder = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    return coder.compress(body) + coder.flush()


CODERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "x-gzip": gzip.compress,
    "deflate": zlib.compress,
    "deflate without its wrapper": _naked_deflate,
    "br": lambda body: bytes(brotli.compress(body, quality=5)),
    "zstd": zstandard.compress,
}
each_coding = pytest.mark.parametrize("coder", CODERS)


@pytest.mark.parametrize("headers", [[], [""], ["identity"], ["identity, Identity"], [" , "]])
def test_no_coding_is_no_coding(headers: list[str]) -> None:
    assert coding_of(headers) == ""
    assert decoded("", b"boat", 4) == b"boat"


@pytest.mark.parametrize("headers", [["GZIP"], [" gzip "], ["identity", "gzip"], ["identity, gzip"]])
def test_one_coding_is_found_in_any_spelling(headers: list[str]) -> None:
    assert coding_of(headers) == "gzip"


@pytest.mark.parametrize("headers", [["gzip, gzip"], ["gzip", "br"], ["rot13"], ["utf-8"], ["gzip;q=1"], ["x" * 9000]])
def test_several_codings_or_unknown_ones_are_refused(headers: list[str]) -> None:
    with pytest.raises(BadCodingError) as refused:
        coding_of(headers)
    assert len(str(refused.value)) < 80


@each_coding
@given(body=st.binary(max_size=5000))
def test_what_was_coded_comes_back(coder: str, body: bytes) -> None:
    assert decoded(coder.split(maxsplit=1)[0], CODERS[coder](body), 5000) == body


@each_coding
def test_a_body_of_exactly_the_cap_is_kept_and_one_byte_more_is_not(coder: str) -> None:
    coded = CODERS[coder](bytes(100_000))
    assert len(decoded(coder.split(maxsplit=1)[0], coded, 100_000)) == 100_000
    with pytest.raises(DecodedTooLargeError):
        decoded(coder.split(maxsplit=1)[0], coded, 99_999)


@each_coding
def test_a_coded_body_cut_short_is_no_body(coder: str) -> None:
    coded = CODERS[coder](bytes(range(256)) * 40)
    for end in (len(coded) - 1, len(coded) // 2, 1, 0):
        with pytest.raises(BadCodingError):
            decoded(coder.split(maxsplit=1)[0], coded[:end], MIB)


@each_coding
def test_what_follows_the_end_is_not_dropped_in_silence(coder: str) -> None:
    for more in (b"x", CODERS[coder](b"another"), bytes(1000)):
        with pytest.raises(BadCodingError):
            decoded(coder.split(maxsplit=1)[0], CODERS[coder](b"boat") + more, MIB)


@each_coding
@given(body=st.binary(max_size=300))
def test_any_bytes_either_decode_or_are_refused(coder: str, body: bytes) -> None:
    with contextlib.suppress(BadCodingError, DecodedTooLargeError):
        assert len(decoded(coder.split(maxsplit=1)[0], body, 1000)) <= 1000


@each_coding
def test_a_bomb_stops_at_the_cap_with_flat_memory(coder: str) -> None:
    bomb = CODERS[coder](bytes(64 * MIB))
    tracemalloc.start()
    with pytest.raises(DecodedTooLargeError):
        decoded(coder.split(maxsplit=1)[0], bomb, 2 * MIB)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 12 * MIB


def test_a_zstd_frame_that_wants_a_huge_window_is_refused() -> None:
    parameters = zstandard.ZstdCompressionParameters.from_level(3, window_log=27)
    coder = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    coded = coder.compress(bytes(1000)) + coder.flush()
    with pytest.raises(BadCodingError):
        decoded("zstd", coded, MIB)
