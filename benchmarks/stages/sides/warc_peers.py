"""Takes (page, address of an image, alt text) from WARC files with two libraries, each as its users write it.

Runs in the environment of the peers.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from benchmarks.stages.sides.warc import Side, Way

#: address of a page, charset that the server named or "", body
Page = tuple[str, str, bytes]
#: address of an image, and its alt text
Pair = tuple[str, str]


class Read(Way):
    """A library that reads archives, and one that parses pages."""

    def run(self, paths: Iterable[Path]) -> int:
        """As `Way.run`."""
        pages = 0
        for path in paths:
            for page in self.pages(path):
                pages += 1
                self.found.extend((page[0], *pair) for pair in self.pairs(page))
        return pages

    def pages(self, path: Path) -> Iterator[Page]:
        """The HTML pages of a file."""
        raise NotImplementedError

    def pairs(self, page: Page) -> Iterator[Pair]:
        """The images of a page that have an alt text."""
        raise NotImplementedError


class WarcioLxml(Read):
    """warcio's iterator, lxml.html."""

    packages = ("warcio", "lxml")

    def __init__(self, asked: dict[str, Any]) -> None:
        super().__init__(asked)
        from lxml import etree, html  # type: ignore[import-untyped]  # ships no types
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

    def pairs(self, page: Page) -> Iterator[Pair]:
        """As `Read.pairs`."""
        url, charset, body = page
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
        from fastwarc.warc import ArchiveIterator, WarcRecordType

        self._records: Callable[..., Any] = ArchiveIterator
        self._responses = WarcRecordType.response

    def pages(self, path: Path) -> Iterator[Page]:
        """As `Read.pages`."""
        with path.open("rb") as file:
            for record in self._records(file, record_types=self._responses):
                if record.http_headers.status_code == 200 and "html" in (record.http_content_type or ""):
                    yield record.headers["WARC-Target-URI"], record.http_charset or "", record.reader.read()


class FastwarcSelectolax(Fastwarc):
    """FastWARC, selectolax with lexbor."""

    packages = ("fastwarc", "selectolax")

    def __init__(self, asked: dict[str, Any]) -> None:
        super().__init__(asked)
        from selectolax.lexbor import LexborHTMLParser

        self._parser: Callable[..., Any] = LexborHTMLParser

    def pairs(self, page: Page) -> Iterator[Pair]:
        """As `Read.pairs`."""
        url, _, body = page
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

        self._tree: Any = HTMLTree
        self._detect: Callable[..., str | None] = detect_encoding

    def pairs(self, page: Page) -> Iterator[Pair]:
        """As `Read.pairs`."""
        url, charset, body = page
        tree = self._tree.parse_from_bytes(body, charset or self._detect(body))
        first = tree.document.query_selector("base[href]")
        base = url if first is None else urljoin(url, first["href"])
        for image in tree.document.get_elements_by_tag_name("img"):
            src, alt = image.getattr("src"), image.getattr("alt")
            if src and alt and (address := joined(base, src)):
                yield address, alt


def joined(base: str, link: str) -> str:
    """An absolute web address, or ""."""
    try:
        address = urljoin(base, link.strip())
    except ValueError:
        return ""
    return address if address.startswith(("http://", "https://")) else ""


WAYS: dict[str, Callable[[dict[str, Any]], Way]] = {
    "warcio lxml": WarcioLxml,
    "fastwarc selectolax": FastwarcSelectolax,
    "fastwarc resiliparse": FastwarcResiliparse,
}


def prepare(asked: dict[str, Any]) -> Side:
    """The side."""
    return Side(asked, WAYS)
