"""From a record of a WARC or WAT file to the page it holds."""

from __future__ import annotations

import re

import msgspec

from crawler.read.http import BadCodingError, BrokenHttpError, Response, body_of, parse_response
from crawler.read.outcome import Skip, Skipped
from crawler.read.record import Record, digest_is_wrong
from crawler.records import HtmlPage, WatPage

_HTML = ("text/html", "application/xhtml+xml")


def html_page(record: Record, archive: str, html_bytes: int) -> HtmlPage | Skipped:
    """The HTML page in a record of a WARC file, cut at `html_bytes`."""
    if not record.head.is_of_type(b"response"):
        return Skipped(Skip.NOT_A_RESPONSE, record.offset)
    url = _page_url(record.head.field(b"warc-target-uri"))
    if not url:
        return Skipped(Skip.BAD_PAGE_URL, record.offset, record.head.field(b"warc-target-uri")[:200])
    try:
        response = parse_response(record.block)
        if response.status != 200:
            return Skipped(Skip.NOT_OK, record.offset, str(response.status))
        if not _is_html(record, response):
            return Skipped(Skip.NOT_HTML, record.offset, response.header("content-type")[:80])
        # Where the compression has a checksum of its own, hashing again costs a tenth of the whole and finds nothing.
        if not record.checked and digest_is_wrong(record):
            return Skipped(Skip.WRONG_DIGEST, record.offset)
        body = body_of(response, html_bytes)
    except BrokenHttpError as error:
        return Skipped(Skip.BROKEN_HTTP, record.offset, str(error))
    except BadCodingError as error:
        return Skipped(Skip.BAD_CODING, record.offset, str(error))
    return HtmlPage(url, archive, record.offset, response.headers, body)


def _page_url(written: str) -> str:
    """The address of a page, or "" where it is not http or https."""
    url = written[1:-1] if written.startswith("<") and written.endswith(">") else written  # as GNU wget 1.19 wrote it
    return url if url[:8].lower().startswith(("http://", "https://")) else ""


def _is_html(record: Record, response: Response) -> bool:
    """Whether the server or the crawler called it HTML: either will do, for a parser takes no harm from the rest."""
    media_type = response.header("content-type").partition(";")[0].strip().lower()
    return media_type in _HTML or record.head.field(b"warc-identified-payload-type").lower() in _HTML


# What WAT records begin with, as Common Crawl's extractor writes them; any other order goes through the JSON parser.
_CONTAINER = re.compile(
    rb'\s*\{"Container":\{"Filename":"([^"\\]*)","Compressed":(?:true|false|"true"|"false"),"Offset":"?([0-9]{1,18})"?[,}]'
)


_RESPONSE = b'"HTTP-Response-Metadata"'


class _Container(msgspec.Struct):
    Filename: str = ""
    Offset: str | int = -1


class _Description(msgspec.Struct):
    Container: _Container


def wat_page(record: Record) -> WatPage | Skipped:
    """The page that a WAT record describes. Its JSON is looked into, not parsed: that comes with extraction."""
    text = bytes(record.block)
    if _RESPONSE not in text:  # two records of three
        if text[:1] == b"{" or text.lstrip().startswith(b"{") or not record.head.is_of_type(b"metadata"):
            return Skipped(Skip.NOT_A_RESPONSE, record.offset)
        return Skipped(Skip.BROKEN_JSON, record.offset, "no JSON object")
    if not record.head.is_of_type(b"metadata"):
        return Skipped(Skip.NOT_A_RESPONSE, record.offset)
    if b'"HTML-Metadata"' not in text:
        return Skipped(Skip.NOT_HTML, record.offset)
    url = _page_url(record.head.field(b"warc-target-uri"))
    if not url:
        return Skipped(Skip.BAD_PAGE_URL, record.offset, record.head.field(b"warc-target-uri")[:200])
    container = _CONTAINER.match(text)
    if container is not None:
        return WatPage(url, container.group(1).decode("utf-8", "replace"), int(container.group(2)), text)
    try:
        described = msgspec.json.decode(text, type=_Description).Container
        offset = int(described.Offset)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ValueError) as error:
        return Skipped(Skip.BROKEN_JSON, record.offset, str(error))
    return WatPage(url, described.Filename, max(offset, -1), text)
