"""Takes (page, address of an image, alt text) from WARC files in one way or another, each as its users write it.

Runs in the environments of peers too: whatever is not in the standard library is imported by the way that needs it.
"""

from __future__ import annotations

import json
import sys
import zlib
from collections.abc import Callable, Iterable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

ROOT = Path(__file__).resolve().parents[3]
#: address of a page, charset that the server named or "", body
Page = tuple[str, str, bytes]
#: address of an image, and its alt text
Pair = tuple[str, str]


class Side:
    """WARC files, and a way through them."""

    def __init__(self, asked: dict[str, Any]) -> None:
        self._paths = [Path(path) for path in asked["paths"]]
        self._megabytes: float = asked["megabytes"]
        self._way = WAYS[asked["way"]](asked)
        self.versions = {name: version(name) for name in self._way.packages}

    def once(self) -> dict[str, Any]:
        """Go through all files."""
        self._way.found.clear()
        pages = self._way.run(self._paths)
        return {"units": self._megabytes, "pages": pages, "found": len(self._way.found)}

    def save(self, path: str) -> None:
        """Write what was found, as triples."""
        Path(path).write_text(json.dumps(self._way.triples()))


class Way:
    """A way through WARC files; `found` is what it found, in any form."""

    packages: tuple[str, ...] = ()

    def __init__(self, asked: dict[str, Any]) -> None:
        self.found: list[Any] = []

    def run(self, paths: Iterable[Path]) -> int:
        """Find all pairs; the number of pages."""
        raise NotImplementedError

    def triples(self) -> list[tuple[str, str, str]]:
        """Page, address and text of each pair."""
        return self.found


class Read(Way):
    """A library that reads archives, and one that parses pages."""

    def run(self, paths: Iterable[Path]) -> int:
        """As `Way.run`."""
        pages = 0
        for path in paths:
            for url, charset, body in self.pages(path):
                pages += 1
                self.found.extend((url, *pair) for pair in self.pairs(url, charset, body))
        return pages

    def pages(self, path: Path) -> Iterator[Page]:
        """The HTML pages of a file."""
        raise NotImplementedError

    def pairs(self, url: str, charset: str, body: bytes) -> Iterator[Pair]:
        """The images of a page that have an alt text."""
        raise NotImplementedError


class WarcioLxml(Read):
    """warcio's iterator, lxml.html."""

    packages = ("warcio", "lxml")

    def __init__(self, asked: dict[str, Any]) -> None:
        super().__init__(asked)
        from lxml import etree, html
        from warcio.archiveiterator import ArchiveIterator

        self._records: Callable[..., Any] = ArchiveIterator
        self._html = html
        self._unparsable = etree.ParserError

    def pages(self, path: Path) -> Iterator[Page]:
        """As `Read.pages`."""
        with path.open("rb") as file:
            for record in self._records(file):
                if record.rec_type != "response" or record.http_headers.get_statuscode() != "200":
                    continue
                media_type = record.http_headers.get_header("Content-Type") or ""
                if "html" in media_type:
                    charset = media_type.partition("charset=")[2].strip(" \"'")
                    yield record.rec_headers.get_header("WARC-Target-URI"), charset, record.content_stream().read()

    def pairs(self, url: str, charset: str, body: bytes) -> Iterator[Pair]:
        """As `Read.pairs`."""
        try:
            parser = self._html.HTMLParser(encoding=charset or None)
        except LookupError:
            parser = self._html.HTMLParser()
        try:
            tree = self._html.document_fromstring(body, parser=parser)
        except self._unparsable:  # nothing in it
            return
        base = next((urljoin(url, one) for one in tree.xpath("//base/@href")[:1]), url)
        for image in tree.iter("img"):
            src, alt = image.get("src"), image.get("alt")
            if src and alt and (address := joined(base, src)):
                yield address, alt


class Fastwarc(Read):
    """FastWARC's iterator."""

    def __init__(self, asked: dict[str, Any]) -> None:
        super().__init__(asked)
        from fastwarc.stream_io import FileStream
        from fastwarc.warc import ArchiveIterator, WarcRecordType

        def records(path: Path) -> Iterator[Any]:
            found: Iterator[Any] = ArchiveIterator(FileStream(str(path)), record_types=WarcRecordType.response)
            return found

        self._records = records

    def pages(self, path: Path) -> Iterator[Page]:
        """As `Read.pages`."""
        for record in self._records(path):
            if record.http_headers.status_code == 200 and "html" in (record.http_content_type or ""):
                yield record.headers["WARC-Target-URI"], record.http_charset or "", record.reader.read()


class FastwarcSelectolax(Fastwarc):
    """FastWARC, selectolax with lexbor."""

    packages = ("fastwarc", "selectolax")

    def __init__(self, asked: dict[str, Any]) -> None:
        super().__init__(asked)
        from selectolax.lexbor import LexborHTMLParser

        self._parser: Callable[..., Any] = LexborHTMLParser

    def pairs(self, url: str, charset: str, body: bytes) -> Iterator[Pair]:
        """As `Read.pairs`."""
        tree = self._parser(body)
        first = tree.css_first("base[href]")
        base = url if first is None else urljoin(url, first.attributes["href"] or "")
        for image in tree.css("img[src][alt]"):
            attributes = image.attributes
            src, alt = attributes["src"], attributes["alt"]
            if src and alt and (address := joined(base, src)):
                yield address, alt


class FastwarcResiliparse(Fastwarc):
    """FastWARC, resiliparse."""

    packages = ("fastwarc", "resiliparse")

    def __init__(self, asked: dict[str, Any]) -> None:
        super().__init__(asked)
        from resiliparse.parse.encoding import detect_encoding
        from resiliparse.parse.html import HTMLTree

        self._tree = HTMLTree
        self._detect: Callable[[bytes], str] = detect_encoding

    def pairs(self, url: str, charset: str, body: bytes) -> Iterator[Pair]:
        """As `Read.pairs`."""
        tree = self._tree.parse_from_bytes(body, charset or self._detect(body))
        first = tree.document.query_selector("base[href]")
        base = url if first is None else urljoin(url, first["href"])
        for image in tree.document.get_elements_by_tag_name("img"):
            src, alt = image.getattr("src"), image.getattr("alt")
            if src and alt and (address := joined(base, src)):
                yield address, alt


class Ours(Way):
    """Our reading and extraction, as a job does it; with `table`, the candidate table too."""

    packages = ("pairtrawl", "selectolax", "deflate")

    def __init__(self, asked: dict[str, Any]) -> None:
        super().__init__(asked)
        sys.path.insert(0, str(ROOT))
        from crawler.extract import extract
        from crawler.read import read_pages
        from crawler.records import HtmlPage
        from crawler.settings import Extract
        from crawler.tables import CandidateWriter

        self._settings = Extract()
        self._read, self._extract, self._page, self._writer = read_pages, extract, HtmlPage, CandidateWriter
        self._table: str | None = asked.get("table")

    def run(self, paths: Iterable[Path]) -> int:
        """As `Way.run`."""
        pages = 0
        settings, extract = self._settings, self._extract
        for path in paths:
            start = len(self.found)
            for page in self._read(path, name=path.name, wat=False, limits=settings):
                if isinstance(page, self._page):
                    pages += 1
                    self.found += extract(page, settings).candidates
            if self._table:
                rows = self.found[start:]
                with self._writer(Path(self._table)) as table:
                    for first in range(0, len(rows), 2048):
                        batch = rows[first : first + 2048]
                        table.write(batch, [None] * len(batch))
        return pages

    def triples(self) -> list[tuple[str, str, str]]:
        """As `Way.triples`."""
        return [(one.page_url, one.image_url, one.caption.text) for one in self.found]


class Floor(Way):
    """The least: libdeflate on members whose places are known, and one parse of each page; nothing is asked of the tree."""

    packages = ("deflate", "selectolax")

    def __init__(self, asked: dict[str, Any]) -> None:
        super().__init__(asked)
        import deflate
        from selectolax.lexbor import LexborHTMLParser

        self._unpack, self._parser = deflate.gzip_decompress, LexborHTMLParser
        self._members = {path: members(Path(path)) for path in asked["paths"]}

    def run(self, paths: Iterable[Path]) -> int:
        """As `Way.run`."""
        pages = 0
        for path in paths:
            data = memoryview(path.read_bytes())
            for start, end, body in self._members[str(path)]:
                content = self._unpack(data[start:end])
                if body:
                    self._parser(bytes(memoryview(content)[body:]))
                    pages += 1
        return pages


def joined(base: str, link: str) -> str:
    """An absolute web address, or ""."""
    try:
        address = urljoin(base, link.strip())
    except ValueError:
        return ""
    return address if address.startswith(("http://", "https://")) else ""


def members(path: Path) -> list[tuple[int, int, int]]:
    """Start and end of each gzip member, and where in its content the body of a page begins; 0 where it holds none."""
    data = path.read_bytes()
    found, start = [], 0
    while start < len(data):
        stream = zlib.decompressobj(31)
        content = stream.decompress(memoryview(data)[start:])
        end = len(data) - len(stream.unused_data)
        head = content.find(b"\r\n\r\n")
        http = content.find(b"\r\n\r\n", head + 4)
        is_page = (
            b"\r\nwarc-type: response" in content[:head].lower()
            and content[head + 4 : head + 20].split()[1:2] == [b"200"]
            and b"html" in content[head + 4 : http].lower().partition(b"content-type:")[2].partition(b"\r\n")[0]
        )
        found.append((start, end, http + 4 if is_page else 0))
        start = end
    return found


WAYS: dict[str, Callable[[dict[str, Any]], Way]] = {
    "ours": Ours,
    "floor": Floor,
    "warcio lxml": WarcioLxml,
    "fastwarc selectolax": FastwarcSelectolax,
    "fastwarc resiliparse": FastwarcResiliparse,
}
prepare = Side
