"""The adversarial checklist of archives and pages, 25 to 27: bounded time and memory, and nothing lost in silence.

Times are guards against hanging: seconds with the defence, minutes to years without. Memory is what Linux counted for a
process of its own, whatever library took it. Case 28 is in test_hostile_texts.py, 51 in test_archives.py, 55 in
test_masking.py.
"""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
import time
import zlib
from collections.abc import Callable
from pathlib import Path

import brotli  # type: ignore[import-untyped]  # ships no types
import pytest
import zstandard

from crawler.extract import Extraction, NoCandidate, extract
from crawler.records import HtmlPage, WatPage
from crawler.settings import Extract
from tests.crawler.read.archives import a_record, members

# Reads the archive that it is told, and prints what came of it and by how many bytes memory had grown at the most.
_READ = """
import json, sys
from pathlib import Path
from crawler.extract import extract
from crawler.read import Incomplete, Skipped, read_pages
from crawler.settings import Extract

def peak():
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))

wat, path = sys.argv[1] == "wat", Path(sys.argv[2])
before, found = peak(), []
for one in read_pages(path, name="a.warc.gz", wat=wat, limits=Extract()):
    if isinstance(one, Skipped):
        found.append(one.reason)
    elif isinstance(one, Incomplete):
        found.append("incomplete")
    else:
        extraction = extract(one, Extract())
        found.append(f"{len(extraction.candidates)} of {extraction.images}")
print(json.dumps([found, peak() - before]))
"""

MB = 1024 * 1024


def read_in_a_process(path: Path, *, wat: bool = False) -> tuple[list[str], int]:
    """What reading and extraction make of an archive, and the memory they took."""
    command = [sys.executable, "-c", _READ, "wat" if wat else "warc", str(path)]
    done = subprocess.run(command, check=True, capture_output=True, timeout=300)
    found, grown = json.loads(done.stdout)
    return found, grown


def a_gzip_bomb(megabytes: int, head: bytes) -> bytes:
    packer = zlib.compressobj(1, zlib.DEFLATED, 31)
    zeros = bytes(MB)
    return b"".join([packer.compress(head), *(packer.compress(zeros) for _ in range(megabytes)), packer.flush()])


def a_coded_bomb(coding: str, megabytes: int) -> bytes:
    zeros = bytes(MB)
    if coding == "zstd":
        packer = zstandard.ZstdCompressor().compressobj()
        return b"".join([*(packer.compress(zeros) for _ in range(megabytes)), packer.flush()])
    brotli_packer = brotli.Compressor(quality=5)
    parts: list[bytes] = [brotli_packer.process(zeros) for _ in range(megabytes)]
    return b"".join([*parts, brotli_packer.finish()])


# checklist 25
def test_bombs_in_an_archive_cost_one_record_each_and_little_memory(tmp_path: Path) -> None:
    head = b"WARC/1.0\r\nWARC-Type: response\r\nContent-Length: %d\r\n\r\n" % (300 * MB)
    coded = [
        a_record(body=a_coded_bomb(coding, 300), headers=[("Content-Type", "text/html"), ("Content-Encoding", coding)])
        for coding in ("br", "zstd")
    ]
    assert len(coded[0]) < 2_000
    page = members([a_record()])
    path = tmp_path / "bombs.warc.gz"
    path.write_bytes(page + a_gzip_bomb(300, head) + members(coded) + page)
    found, grown = read_in_a_process(path)
    assert found == ["1 of 1", "record_too_large", "0 of 0", "0 of 0", "1 of 1"]
    assert grown < 200 * MB


# checklist 25
def test_a_body_in_five_million_chunks_takes_bounded_time(tmp_path: Path) -> None:
    record = a_record(
        body=b"1\r\nx\r\n" * 5_000_000, headers=[("Content-Type", "text/html"), ("Transfer-Encoding", "chunked")]
    )
    path = tmp_path / "chunks.warc.gz"
    path.write_bytes(gzip.compress(record, 1))
    found, grown = read_in_a_process(path)
    assert found == ["0 of 0"]
    assert grown < 400 * MB


# checklist 26
@pytest.mark.parametrize("pack", [members, b"".join])
def test_a_header_of_fifty_megabytes_is_a_counted_record(tmp_path: Path, pack: Callable[[list[bytes]], bytes]) -> None:
    bomb = b"WARC/1.0\r\nWARC-Type: response\r\nX: " + b"y" * (50 * MB) + b"\r\nContent-Length: 0\r\n\r\n\r\n\r\n"
    path = tmp_path / "header.warc"
    path.write_bytes(pack([a_record(), bomb, a_record()]))
    found, grown = read_in_a_process(path)
    assert found[0] == found[-1] == "1 of 1"
    assert found[1:-1] in (["record_too_large"], ["broken_record"])
    assert grown < 250 * MB


# checklist 26
def test_a_page_of_a_million_images_takes_bounded_memory(tmp_path: Path) -> None:
    path = tmp_path / "images.warc.gz"
    path.write_bytes(members([a_record(body=b"<img src=a alt=x>" * 1_000_000)]))
    (found,), grown = read_in_a_process(path)
    assert found == f"1 of {5 * MB // len('<img src=a alt=x>')}"
    assert grown < 1024 * MB


# checklist 27
def test_a_description_made_to_fill_the_memory_is_counted(tmp_path: Path) -> None:
    path = tmp_path / "bomb.warc.wat.gz"
    container = '{"Container":{"Filename":"a.warc.gz","Compressed":true,"Offset":"1"},'
    bombs = [container + a_description(",".join([value] * 9_000_000)).removeprefix("{") for value in ("{}", "[]", "7")]
    records = [a_record(kind="metadata", body=bomb.encode()) for bomb in bombs]
    path.write_bytes(b"".join(gzip.compress(record, 1) for record in records))
    found, grown = read_in_a_process(path, wat=True)
    assert found == ["0 of 1"] * 3
    assert grown < 400 * MB


def extracted(html: bytes) -> tuple[Extraction, float]:
    """What extraction makes of a page, and the CPU seconds that it took."""
    begin = time.process_time()
    extraction = extract(HtmlPage("http://pages.test/x", "a.warc.gz", 0, (), html), Extract())
    return extraction, time.process_time() - begin


_IMAGES = b"".join(b"<img src=a%d>" % number for number in range(5_000))
_FEW = b"<img src=a alt=x>"
#: each of these took from twenty seconds to hours before something was bounded
BOMBS: dict[str, bytes] = {
    "attributes that quote <": b"<div " + b" ".join(b"a%d='<'" % n if n % 50 == 0 else b"a%d" % n for n in range(140_000)),
    "attributes that quote >": b"<div " + b" ".join(b"a%d='<>'" % n if n % 9 == 0 else b"a%d" % n for n in range(140_000)),
    "depth": _FEW + b"<div>" * 100_000,
    "a long base": b"<base href='http://b.test/" + b"x" * 3_000_000 + b"/'>" + b"<img src=a alt=x>" * 10_000,
    "a long link for many images": b"<picture><source srcset='" + b"a" * 3_000_000 + b"'>" + b"<img src=a alt=x>" * 9_000,
    "sources of many images": b"<picture>" + (b"<source srcset='" + b"a 1w," * 200 + b"'>") * 900 + _FEW * 9_000,
    "pictures in pictures": b"<picture><img src=a alt=x>" * 400 + b"<source>" * 15_000,
    "figures in figures": b"<figure><img src=a alt=x>" * 400 + b"<figcaption>x" * 15_000,
    "captions in captions": b"<figure><img src=a><figcaption>" * 400 + b"x" * 2_000_000,
    "a lazy link of spaces": b"<img src=a alt=x data-src='/" + b" " * 1_000_000 + b"{'>",
    "a lazy link of dots": b"<img src=a alt=x data-src='" + b"." * 1_000_000 + b"{'>",
    "escapes of escapes": b"".join(b"<img src=a alt='\xc3\xa9%d&amp;" % n + b"amp;" * 480 + b"'>" for n in range(1_000)),
    "hidden marks one behind another": b"".join(b"<img src=a alt='%dx" % n + b"\xf3\xa0\x81\x81" * 1_990 + b"'>" for n in range(300)),
    "mojibake of mojibake": b"".join(b"<img src=a alt='%d" % n + "Ã\u0083Â©â\u0080\u0099&#x2dc;".encode() * 20 + b"'>" for n in range(9_000)),
}  # fmt: skip


# checklist 26
@pytest.mark.parametrize("bomb", BOMBS)
def test_a_page_made_to_cost_time_costs_seconds(bomb: str) -> None:
    assert extracted(BOMBS[bomb])[1] < 30


# checklist 26
def test_a_text_of_ten_thousand_images_is_not_written_ten_thousand_times() -> None:
    extraction, _ = extracted(b"<figure>" + _IMAGES + b"<figcaption>" + b"x" * 3_000_000 + b"</figcaption></figure>")
    assert len(extraction.candidates) == 5_000
    assert sum(len(one.written_text) + len(one.caption.text) for one in extraction.candidates) < 5_000 * 20_000
    extraction, _ = extracted(
        b"<base href='http://b.test/" + b"x" * 3_000_000 + b"/'>" + b"<img src=http://c.test/a alt=x>"
    )
    assert [(one.image_url, one.base_url) for one in extraction.candidates] == [("http://c.test/a", "")]


# checklist 26
def test_an_alt_of_ten_megabytes_is_cut() -> None:
    settings = Extract(html_bytes=20 * MB)
    page = HtmlPage("http://pages.test/x", "a.warc.gz", 0, (), b"<img src=a alt='" + b"boat " * 2_000_000 + b"'>")
    (candidate,) = extract(page, settings).candidates
    assert len(candidate.caption.text) <= settings.text_characters
    assert len(candidate.written_text) <= 8 * settings.text_characters


# checklist 26
def test_base_href_to_files_is_no_base() -> None:
    extraction, _ = extracted(b"<base href='file:///'><img src=etc/passwd alt=x><img src=file:///etc/passwd alt=x>")
    assert [one.image_url for one in extraction.candidates] == ["http://pages.test/etc/passwd"]
    assert extraction.dropped == ((NoCandidate.NO_ADDRESS, 1),)


def a_description(text: str) -> str:
    """Valid JSON, as Common Crawl's extractor writes it, around a list of links."""
    return (
        f'{{"Envelope":{{"Payload-Metadata":{{"HTTP-Response-Metadata":{{"HTML-Metadata":{{"Links":[{text}]}}}}}}}}}}'
    )


GOOD = '{"path":"IMG@/src","url":"/a.jpg","alt":"A boat"}'


# checklist 27
@pytest.mark.parametrize(
    ("text", "urls", "dropped"),
    [
        (f'{GOOD},{{"path":"IMG@/src","url":7,"alt":"B"}}', ["a.jpg", ""], {}),  # an empty link is
        (f'{GOOD},{{"path":"IMG@/src","alt":"B"}}', ["a.jpg", ""], {}),  # the page itself, as for cc2dataset
        (f'{GOOD},{{"url":"/b.jpg","alt":"B"}},null,[],"x",5', ["a.jpg"], {}),
        ('{"path":"IMG@/src","url":"/b.jpg","url":"/a.jpg","alt":"C","alt":"A boat"}', ["a.jpg"], {}),  # the last one counts
        (f'{GOOD},{{"path":"IMG@/src","url":"/b.jpg","alt":NaN}}', [], {NoCandidate.UNREADABLE: 1}),
        (f'{GOOD},{{"path":"IMG@/src","url":"/b.jpg","alt":-Infinity}}', [], {NoCandidate.UNREADABLE: 1}),
        (f"{GOOD},1e999", [], {NoCandidate.UNREADABLE: 1}),
        (f"{GOOD},{'[' * 100_000}{']' * 100_000}", [], {NoCandidate.UNREADABLE: 1}),
        (f"{GOOD},{'[' * 100_000}", [], {NoCandidate.UNREADABLE: 1}),
    ],
    ids=["type", "missing", "types", "duplicate", "NaN", "Infinity", "1e999", "depth", "open depth"],
)  # fmt: skip
def test_a_description_that_is_wrong_is_counted(text: str, urls: list[str], dropped: dict[NoCandidate, int]) -> None:
    page = WatPage("http://pages.test/", "a.warc.gz", 0, a_description(text).encode())
    extraction = extract(page, Extract())
    assert [one.image_url for one in extraction.candidates] == [f"http://pages.test/{name}" for name in urls]
    assert dict(extraction.dropped) == dropped
