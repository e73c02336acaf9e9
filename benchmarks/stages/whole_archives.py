"""The archives of the contest of whole crawls: WAT files whose pictures a web on loopback has.

Every host is an address of its own, so that neither side needs names: the corpus's hosts are renamed in its WAT files, and
where a web of photographs is to be crawled, its pages are made.
"""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit

_NAME = re.compile(rb"(https?://)?([a-z0-9-]+\.test)\b")
_LENGTH = re.compile(rb"\r\nContent-Length: *([0-9]+)")
_IMAGES_A_PAGE = 20


def rewritten(wat: Path, to: Path, places: Mapping[str, str], scheme: str) -> Path:
    """A WAT file with other hosts: `places` says which "address:port" stands for which name."""

    def place(found: re.Match[bytes]) -> bytes:
        there = places.get(found[2].decode())
        if there is None:
            return found[0]
        return (f"{scheme}://".encode() if found[1] else b"") + there.encode()

    with gzip.open(wat) as file:
        content = file.read()
    records = []
    start = 0
    while start < len(content):
        end = content.index(b"\r\n\r\n", start) + 4
        head = content[start:end]
        length = int(_LENGTH.search(head)[1])  # type: ignore[index]  # every record has one
        body = _NAME.sub(place, content[end : end + length])
        records.append(_LENGTH.sub(b"\r\nContent-Length: %d" % len(body), _NAME.sub(place, head)) + body + b"\r\n\r\n")
        start = end + length + 4
    _write(to, records)
    return to


def written(to: Path, images: Sequence[str]) -> Path:
    """A WAT file of pages that show these pictures, twenty a page, each with a text of its own."""
    records = []
    for number, urls in enumerate(_batched(images, _IMAGES_A_PAGE)):
        host = urlsplit(urls[0]).netloc
        page = f"{urls[0].partition(':')[0]}://{host}/pages/{number}.html"
        links = [{"path": "IMG@/src", "url": url, "alt": _text(url)} for url in urls]
        links.append({"path": "A@/href", "url": f"/pages/{number + 1}.html", "text": "the next page"})
        records.append(_record(page, to.name, number, links))
    _write(to, records)
    return to


def _text(url: str) -> str:
    return f"a photograph of a place, taken as number {url.rpartition('/')[2].removesuffix('.jpg')} of that day"


def _batched(images: Sequence[str], size: int) -> Iterable[Sequence[str]]:
    return (images[start : start + size] for start in range(0, len(images), size))


def _record(page: str, name: str, number: int, links: list[dict[str, str]]) -> bytes:
    headers = {"Content-Type": "text/html; charset=utf-8", "Server": "nginx", "Date": "Sat, 21 Nov 2026 21:00:00 GMT"}
    said = {"Status": "200", "Version": "HTTP/1.1", "Reason": "OK"}
    html = {"Head": {"Title": f"Page {number}"}, "Links": links}
    target = {"WARC-Type": "response", "WARC-Target-URI": page, "WARC-Date": "2026-11-21T21:00:00Z"}
    body = json.dumps({
        "Container": {"Filename": name.replace(".wat", ""), "Compressed": True, "Offset": str(20_000 * number)},
        "Envelope": {
            "Format": "WARC/1.0", "WARC-Header-Metadata": target,
            "Payload-Metadata": {
                "Actual-Content-Type": "application/http; msgtype=response",
                "HTTP-Response-Metadata": {"Headers": headers, "Response-Message": said, "HTML-Metadata": html},
            },
        },
    }).encode()  # fmt: skip
    head = (
        f"WARC/1.0\r\nWARC-Type: metadata\r\nWARC-Target-URI: {page}\r\nWARC-Date: 2026-11-21T21:00:00Z\r\n"
        f"WARC-Record-ID: <urn:uuid:00000000-0000-4000-8000-{number:012d}>\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body + b"\r\n\r\n"


def _write(path: Path, records: Iterable[bytes]) -> None:
    """Each record is a member of its own, as everywhere."""
    with path.open("wb") as file:
        file.writelines(gzip.compress(record, 6, mtime=0) for record in records)
