from __future__ import annotations

import gzip
import tracemalloc
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crawler.read import Incomplete, Skip, Skipped, read_pages
from crawler.read.record import HEADER_BYTES, RECORD_BYTES, Head, declared_length
from crawler.records import HtmlPage
from crawler.settings import Extract
from tests.crawler.read.archives import HTML, a_record, in_short, members, pages_of_number, read

Pack = Callable[[list[bytes]], bytes]


def frames(records: list[bytes]) -> bytes:
    return b"".join(zstandard.ZstdCompressor(write_checksum=True).compress(record) for record in records)


def frames_of_unknown_size(records: list[bytes]) -> bytes:
    compressor = zstandard.ZstdCompressor(write_content_size=False)
    return b"".join(compressor.compress(record) for record in records)


@cache
def a_dictionary() -> zstandard.ZstdCompressionDict:
    return zstandard.train_dictionary(4096, [a_record(f"http://x.test/{n}", HTML * (n % 7)) for n in range(300)])


def frames_with_a_dictionary(records: list[bytes]) -> bytes:
    dictionary = a_dictionary()
    packed = zstandard.ZstdCompressor().compress(dictionary.as_bytes())
    head = 0x184D2A5D.to_bytes(4, "little") + len(packed).to_bytes(4, "little") + packed
    compressor = zstandard.ZstdCompressor(dict_data=dictionary)
    return head + b"".join(compressor.compress(record) for record in records)


def members_with_names(records: list[bytes]) -> bytes:
    """Members as `gzip FILE` writes them: a time and a name in the header."""
    packed = []
    for record in records:
        plain = gzip.compress(record, mtime=123_456_789)
        packed.append(plain[:3] + b"\x08" + plain[4:10] + b"record.warc\0" + plain[10:])
    return b"".join(packed)


PIECEWISE: list[Pack] = [members, members_with_names, frames, frames_of_unknown_size, frames_with_a_dictionary]
AS_A_WHOLE: list[Pack] = [
    b"".join,
    lambda records: gzip.compress(b"".join(records)),
    lambda records: zstandard.ZstdCompressor().compress(b"".join(records)),
    # bgzip: members that have nothing to do with records
    lambda records: b"".join(gzip.compress(b"".join(records)[start : start + 500]) for start in range(0, 10_000, 500)),
]


@pytest.mark.parametrize("pack", PIECEWISE + AS_A_WHOLE)
def test_every_form_gives_the_same_pages_in_order(tmp_path: Path, pack: Pack) -> None:
    found = read(tmp_path, pack([a_record(kind="warcinfo", url=""), *pages_of_number(4)]))
    assert in_short(found) == ["not_a_response", "0", "1", "2", "3"]
    assert all(page.body == HTML for page in found if isinstance(page, HtmlPage))


def test_a_page_says_where_it_was_found(tmp_path: Path) -> None:
    first, second = (members([record]) for record in pages_of_number(2))
    page = read(tmp_path, first + second)[1]
    assert page == HtmlPage(
        "http://pages.test/1", "archive.warc.gz", len(first), (("content-type", "text/html"),), HTML
    )


@pytest.mark.parametrize("pack", [members, frames])
@pytest.mark.parametrize("damage", [20, 60, -9])
def test_a_damaged_piece_costs_itself_alone(tmp_path: Path, pack: Pack, damage: int) -> None:
    good = [pack([record]) for record in pages_of_number(3)]
    bad = bytearray(good[1])
    bad[damage] ^= 0xFF
    assert in_short(read(tmp_path, good[0] + bytes(bad) + good[2])) == ["0", "broken_record", "2"]


# checklist 25
@pytest.mark.parametrize("pack", PIECEWISE)
def test_a_file_cut_short_is_incomplete_and_says_where(tmp_path: Path, pack: Pack) -> None:
    records = pages_of_number(3)
    whole, start = pack(records), len(pack(records[:2]))
    for end in range(start + 1, len(whole)):
        found = read(tmp_path, whole[:end])
        assert in_short(found) == ["0", "1", "incomplete"]
        assert isinstance(found[-1], Incomplete)
        assert found[-1].offset == start


# checklist 25
@pytest.mark.parametrize("pack", AS_A_WHOLE[:3])
def test_a_stream_cut_short_is_incomplete(tmp_path: Path, pack: Pack) -> None:
    whole = pack([a_record(f"http://pages.test/{n}", bytes(range(97, 123)) * 40) for n in range(3)])
    for end in range(len(whole) - 60, len(whole) - 8):
        found = read(tmp_path, whole[:end])
        assert in_short(found)[-1] == "incomplete"
        assert [kind for kind in in_short(found)[:-1] if kind not in "012"] == []


def test_an_empty_file_is_incomplete(tmp_path: Path) -> None:
    assert in_short(read(tmp_path, b"")) == ["incomplete"]


def test_text_that_is_no_archive_is_one_broken_record(tmp_path: Path) -> None:
    assert in_short(read(tmp_path, b"<html>\nNot found, sorry\n</html>\n" * 9)) == ["broken_record"]


# checklist 25
@pytest.mark.parametrize("pack", [members, frames, b"".join])
@pytest.mark.parametrize("length", [b"-5", b"9x", b"", b"99999", b"10", "٣".encode()])
def test_a_length_that_is_not_true_costs_one_record(tmp_path: Path, pack: Pack, length: bytes) -> None:
    records = pages_of_number(4)
    head, colon, rest = records[1].partition(b"Content-Length: ")
    records[1] = head + colon + length + rest[rest.index(b"\r\n") :]
    assert in_short(read(tmp_path, pack(records))) == ["0", "broken_record", "2", "3"]


# checklist 25
def test_a_length_that_ends_inside_the_next_record_swallows_nothing(tmp_path: Path) -> None:
    records = pages_of_number(4)
    head, colon, rest = records[1].partition(b"Content-Length: ")
    declared, _, after = rest.partition(b"\r\n")
    records[1] = head + colon + str(int(declared) + len(records[2]) // 2).encode() + b"\r\n" + after
    for pack in (members, frames, b"".join):
        assert in_short(read(tmp_path, pack(records))) == ["0", "broken_record", "2", "3"]


def test_garbage_between_members_is_counted_and_stepped_over(tmp_path: Path) -> None:
    one, two = (members([record]) for record in pages_of_number(2))
    for garbage in (b"\0" * 700, b"\x1f\x8b\x08 not gzip", b"x" * 9, gzip.compress(b"another thing")):
        assert in_short(read(tmp_path, one + garbage + two)) == ["0", "broken_record", "1"]


def test_a_member_that_holds_gzip_inside_is_one_record(tmp_path: Path) -> None:
    inner = members(pages_of_number(3)) * 20
    stored = [gzip.compress(a_record(body=inner, headers=[("Content-Type", "text/html")]), compresslevel=0)]
    found = read(tmp_path, stored[0] + members(pages_of_number(1)))
    assert in_short(found) == ["boats.html", "0"]


# checklist 25
def test_a_bomb_is_a_counted_record_and_takes_no_memory(tmp_path: Path) -> None:
    bomb = b"WARC/1.0\r\nWARC-Type: response\r\nContent-Length: 100000000\r\n\r\n" + bytes(100_000_000)
    path = tmp_path / "bomb"
    one, two = pages_of_number(2)
    path.write_bytes(members([one]) + gzip.compress(bomb, 6) + members([two]))
    del bomb
    tracemalloc.start()
    found = list(read_pages(path, name="x", wat=False, limits=Extract()))
    assert tracemalloc.get_traced_memory()[1] < 4 * RECORD_BYTES
    tracemalloc.stop()
    assert in_short(found) == ["0", "record_too_large", "1"]


# checklist 25
def test_a_size_that_lies_sets_no_memory_aside(tmp_path: Path) -> None:
    one, two = (members([record]) for record in pages_of_number(2))
    lies = one[:-4] + (0xFFFFFFFF).to_bytes(4, "little")
    assert in_short(read(tmp_path, lies + two)) == ["broken_record", "1"]


# checklist 26
def test_a_million_header_lines_are_a_broken_record(tmp_path: Path) -> None:
    bomb = b"WARC/1.0\r\nWARC-Type: response\r\n" + b"X: y\r\n" * 1_000_000 + b"Content-Length: 0\r\n\r\n\r\n\r\n"
    for pack in (members, b"".join):
        assert in_short(read(tmp_path, pack([bomb, *pages_of_number(1)]))) == ["broken_record", "0"]


# checklist 25
def test_bytes_that_do_not_have_their_digest_are_refused_where_nothing_else_checks(tmp_path: Path) -> None:
    records = pages_of_number(3)
    records[1] = records[1].replace(b"A red boat", b"A bad boat")
    assert in_short(read(tmp_path, b"".join(records))) == ["0", "wrong_digest", "2"]


# checklist 25
@pytest.mark.parametrize("url", ["file:///etc/passwd", "dns:pages.test", "ftp://pages.test/", "", "javascript:0"])
def test_a_page_has_an_address_on_the_web(tmp_path: Path, url: str) -> None:
    assert in_short(read(tmp_path, members([a_record(url)]))) == ["bad_page_url"]


def test_an_address_in_angle_brackets_is_read_without(tmp_path: Path) -> None:
    assert in_short(read(tmp_path, members([a_record("<http://pages.test/x>")]))) == ["x"]


def test_every_record_that_is_no_page_says_why(tmp_path: Path) -> None:
    records = [
        a_record(kind="request", body=b""),
        a_record(kind="metadata"),
        a_record(kind="resource"),
        a_record(status="404 Not Found"),
        a_record(headers=[("Content-Type", "image/png")]),
        a_record(headers=[]),
        a_record(headers=[("Content-Type", "Text/HTML;charset=x")]),
        a_record(headers=[("Content-Type", "application/xhtml+xml")]),
        a_record(headers=[], warc_headers={"WARC-Identified-Payload-Type": "text/html"}),
    ]
    assert in_short(read(tmp_path, members(records))) == [
        "not_a_response", "not_a_response", "not_a_response", "not_ok", "not_html", "not_html",
        "boats.html", "boats.html", "boats.html",
    ]  # fmt: skip


def test_a_page_is_cut_at_the_limit(tmp_path: Path) -> None:
    page = read(tmp_path, members([a_record(body=b"x" * 5_000)]), limits=Extract(html_bytes=100))[0]
    assert isinstance(page, HtmlPage)
    assert page.body == b"x" * 100


# checklist 26
def test_an_http_header_without_end_is_broken(tmp_path: Path) -> None:
    block = b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * (HEADER_BYTES // 5)
    head = b"WARC/1.0\r\nWARC-Type: response\r\nWARC-Target-URI: http://a.test/\r\n"
    record = head + f"Content-Length: {len(block)}\r\n\r\n".encode() + block + b"\r\n\r\n"
    assert in_short(read(tmp_path, members([record, record.replace(b"HTTP/1.1", b"ICY 1.1/")]))) == ["broken_http"] * 2


def test_an_arc_file_is_read_through_warcio(tmp_path: Path) -> None:
    http = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n" + HTML
    version = b"1 0 InternetArchive\nURL IP-address Archive-date Content-type Archive-length\n\n"
    lines = [b"filedesc://x.arc 0.0.0.0 20070101000000 text/plain %d\n" % len(version) + version]
    lines += [
        b"%s 192.0.2.1 20070101000000 text/html %d\n" % (url, len(http)) + http + b"\n"
        for url in (b"http://pages.test/a", b"dns:pages.test", b"http://pages.test/b")
    ]
    for data in (b"".join(lines), gzip.compress(b"".join(lines)), b"".join(map(gzip.compress, lines))):
        assert in_short(read(tmp_path, data)) == ["not_a_response", "a", "bad_page_url", "b"]


_JUNK = st.one_of(
    st.binary(max_size=40),
    st.sampled_from(
        [b"\x1f\x8b\x08\0\0\0\0\0", b"WARC/1.0\r\n", b"\x28\xb5\x2f\xfd", b"Content-Length: 9\r\n", b"\r\n\r\n"]
    ),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(st.lists(st.one_of(_JUNK, st.integers(0, 4)), max_size=8), st.sampled_from([members, frames, b"".join]))
def test_whatever_a_file_holds_reading_ends_and_never_raises(
    tmp_path: Path, parts: list[bytes | int], pack: Pack
) -> None:
    good = [pack([record]) for record in pages_of_number(5)]
    found = read(tmp_path, b"".join(good[part] if isinstance(part, int) else part for part in parts))
    assert all(not isinstance(one, Incomplete) for one in found[:-1])
    assert all(one.reason in Skip for one in found if isinstance(one, Skipped))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40)
@given(st.integers(0, 10_000), st.integers(1, 255), st.sampled_from([members, frames, b"".join]))
def test_one_wrong_byte_costs_one_record_at_most(tmp_path: Path, place: int, mask: int, pack: Pack) -> None:
    data = bytearray(pack(pages_of_number(6)))
    data[place % len(data)] ^= mask
    found = in_short(read(tmp_path, bytes(data)))
    assert sum(kind in "012345" for kind in found) >= 5


_HEADER_PARTS = st.sampled_from([
    b"\r\nContent-Length: ", b"\r\ncontent-length: ", b"\nContent-Length:", b"12", b"7", b"\r\n ", b"\r\n\t", b"\n", b"\r", b"x",
    b"\r\nWARC-Type: response", b"\r\nA: b", b" ", b"1234567890123456789",
])  # fmt: skip


@given(st.lists(_HEADER_PARTS, max_size=8))
def test_a_length_told_in_short_is_the_length(parts: list[bytes]) -> None:
    text = b"WARC/1.0" + b"".join(parts)
    for form in (text, bytearray(text)):
        plain = Head(form).plain_length()
        assert plain < 0 or plain == declared_length(Head(form))
