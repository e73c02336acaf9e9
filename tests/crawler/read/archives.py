"""Hand-made archives: records by warcio's writer, containers by the standard compressors."""

from __future__ import annotations

import gzip
import io
from collections.abc import Sequence
from pathlib import Path

from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter

from crawler.read import Incomplete, Skipped, read_pages
from crawler.records import Page
from crawler.settings import Extract

HTML = b"<html><img src=boat.jpg alt='A red boat'></html>"


def a_record(
    url: str = "http://pages.test/boats.html",
    body: bytes = HTML,
    status: str = "200 OK",
    headers: Sequence[tuple[str, str]] = (("Content-Type", "text/html"),),
    kind: str = "response",
    warc_headers: dict[str, str] | None = None,
) -> bytes:
    """One WARC record as warcio writes it, not compressed."""
    out = io.BytesIO()
    writer = WARCWriter(out, gzip=False)
    http = StatusAndHeaders(status, list(headers), protocol="HTTP/1.1") if kind in ("response", "request") else None
    writer.write_record(
        writer.create_warc_record(
            url, kind, payload=io.BytesIO(body), http_headers=http, warc_headers_dict=warc_headers
        )
    )
    return out.getvalue()


def pages_of_number(count: int) -> list[bytes]:
    """Records of pages 0 to count - 1, each told by its address."""
    return [a_record(f"http://pages.test/{number}") for number in range(count)]


def members(records: Sequence[bytes]) -> bytes:
    """Common Crawl's form: each record a gzip member of its own."""
    return b"".join(gzip.compress(record, mtime=0) for record in records)


def read(
    tmp_path: Path, data: bytes, *, wat: bool = False, limits: Extract | None = None
) -> list[Page | Skipped | Incomplete]:
    """Everything that reading a file of these bytes yields."""
    path = tmp_path / "archive"
    path.write_bytes(data)
    return list(read_pages(path, name="archive.warc.gz", wat=wat, limits=limits or Extract()))


def in_short(found: Sequence[Page | Skipped | Incomplete]) -> list[str]:
    """Addresses of pages without their common start, reasons of the others."""
    return [
        one.reason.value
        if isinstance(one, Skipped)
        else "incomplete"
        if isinstance(one, Incomplete)
        else one.url.removeprefix("http://pages.test/")
        for one in found
    ]
