from __future__ import annotations

import gzip
import zlib

import brotli  # type: ignore[import-untyped]  # ships no types
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from crawler.read.http import BadCodingError, BrokenHttpError, body_of, parse_response

HTML = b"<html>a red boat</html>"


def a_block(headers: str, body: bytes = HTML) -> memoryview:
    return memoryview(f"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n{headers}\r\n".encode("latin-1") + body)


def a_body(headers: str, body: bytes, limit: int = 1_000) -> bytes:
    return body_of(parse_response(a_block(headers, body)), limit)


def test_headers_are_lower_case_and_folded_lines_are_joined() -> None:
    response = parse_response(memoryview(b"HTTP/1.0 200\r\nX-Long: a,\r\n\tb\r\nNonsense\r\nDATE:now\r\n\r\nbody"))
    assert response.status == 200
    assert response.headers == (("x-long", "a, b"), ("date", "now"))
    assert bytes(response.body) == b"body"


@pytest.mark.parametrize("block", [b"HTTP/1.1 200 OK\nA: b\n\n<p>\r\n\r\n", b"HTTP/1.1 200 OK\r\nA: b\n\n<p>\r\n\r\n"])
def test_a_header_that_ends_in_line_feeds_ends_there(block: bytes) -> None:
    assert bytes(parse_response(memoryview(block)).body) == b"<p>\r\n\r\n"


@pytest.mark.parametrize(
    "block", [b"", b"<html>", b"HTTP/1.1 OK\r\n\r\n", b"ICY 200 OK\r\n\r\n", b"HTTP/1.1 2000\r\n\r\n"]
)
def test_without_a_status_line_there_is_no_response(block: bytes) -> None:
    with pytest.raises(BrokenHttpError):
        parse_response(memoryview(block))


CODED = [
    ("gzip", gzip.compress(HTML)),
    ("x-gzip", gzip.compress(HTML)),
    ("deflate", zlib.compress(HTML)),
    ("deflate", zlib.compress(HTML)[2:-4]),
    ("br", brotli.compress(HTML)),
    ("zstd", zstandard.ZstdCompressor().compress(HTML)),
    ("identity", HTML),
]


@pytest.mark.parametrize(("coding", "coded"), CODED)
def test_a_coded_body_is_unpacked(coding: str, coded: bytes) -> None:
    assert a_body(f"Content-Encoding: {coding}\r\n", coded) == HTML


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd", "x-unheard-of"])
def test_a_body_that_was_stored_unpacked_is_taken_as_it_is(coding: str) -> None:
    assert a_body(f"Content-Encoding: {coding}\r\n", HTML) == HTML


@pytest.mark.parametrize(
    "headers", ["Content-Encoding: gzip, gzip\r\n", "Content-Encoding: x-unheard-of\r\n", "Content-Encoding: gzip\r\n"]
)
def test_a_coding_that_does_not_explain_the_body_is_refused(headers: str) -> None:
    with pytest.raises(BadCodingError):
        a_body(headers, b"\0\1\2" * 20)


# checklist 25
@pytest.mark.parametrize(
    ("coding", "bomb"),
    [
        ("gzip", gzip.compress(bytes(50_000_000))),
        ("deflate", zlib.compress(bytes(50_000_000))),
        ("br", brotli.compress(bytes(50_000_000), quality=5)),
        ("zstd", zstandard.ZstdCompressor().compress(bytes(50_000_000))),
    ],
)
def test_a_bomb_unpacks_to_the_limit_and_no_further(coding: str, bomb: bytes) -> None:
    assert a_body(f"Content-Encoding: {coding}\r\n", bomb, limit=100) == bytes(100)


def test_a_body_cut_short_gives_what_there_is() -> None:
    text = HTML + bytes(range(256)) * 50
    unpacked = a_body("Content-Encoding: gzip\r\n", gzip.compress(text)[:-20], limit=100_000)
    assert text.startswith(unpacked)
    assert len(unpacked) > 100


@pytest.mark.parametrize(
    ("written", "body"),
    [
        (b"5\r\n<html\r\n2\r\n>!\r\n0\r\n\r\n", b"<html>!"[:5] + b">!"),
        (b"17;name=x\r\n" + HTML + b"\r\n0\r\n\r\n", HTML),
        (b"17\r\n" + HTML + b"\r\n", HTML),
        (b"fff\r\n" + HTML, HTML),
        (HTML, HTML),
        (b"0\r\n\r\n", b""),
    ],
)
def test_chunks_are_joined_and_a_body_without_chunks_stays(written: bytes, body: bytes) -> None:
    assert a_body("Transfer-Encoding: chunked\r\n", written.replace(b"5\r\n<html\r\n", b"5\r\n<html\r\n")) == body


@given(st.binary(max_size=200), st.sampled_from(["", "gzip", "br", "deflate", "zstd", "gzip, br"]), st.booleans())
def test_no_body_raises_anything_else_or_passes_the_limit(body: bytes, coding: str, chunked: bool) -> None:
    headers = f"Content-Encoding: {coding}\r\n" + ("Transfer-Encoding: chunked\r\n" if chunked else "")
    try:
        assert len(a_body(headers, body, limit=50)) <= 50
    except BadCodingError:
        assert coding


@given(st.binary(max_size=200))
def test_no_block_raises_anything_else(block: bytes) -> None:
    for text in (block, b"HTTP/1.1 200 OK\r\n" + block):
        try:
            response = parse_response(memoryview(text))
        except BrokenHttpError:
            continue
        assert all(name == name.lower() for name, _ in response.headers)
