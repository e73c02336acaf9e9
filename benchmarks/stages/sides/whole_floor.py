"""The least that a crawl of photographs must do, and nothing else: no rules, no checks, no table, no order.

    python whole_floor.py ARCHIVE.warc.wat.gz OUTPUT [CA]

Unpack, find addresses with one regular expression, ask for each over a blocking socket (one for each host, kept), have
libjpeg-turbo decode at the nearest size that is no smaller, encode that without resizing, hash what came, write what is kept.
"""

from __future__ import annotations

import hashlib
import re
import socket
import ssl
import sys
from pathlib import Path
from urllib.parse import urlsplit

import deflate
import simplejpeg  # type: ignore[import-untyped]  # it has no types

_URL = re.compile(rb'"path": "IMG@/src", "url": "(https?://[^"]+)"')
_LENGTH = re.compile(rb"Content-Length: (\d+)")
_SIDE = 256


def main(archive: Path, output: Path, authorities: str) -> None:
    """Crawl the archive."""
    output.mkdir(parents=True)
    trust = ssl.create_default_context(cafile=authorities) if authorities else None
    hosts: dict[str, socket.socket] = {}
    kept = 0
    whole = hashlib.sha256()
    with (output / "pictures").open("wb", buffering=0) as file:
        for url in _urls(archive.read_bytes()):
            parts = urlsplit(url)
            line = hosts.get(parts.netloc) or hosts.setdefault(
                parts.netloc, _dialled(parts.hostname, parts.port, trust)
            )
            body = _asked(line, parts.netloc, parts.path)
            hashlib.sha256(body).digest()
            drawn = _drawn(body)
            whole.update(drawn)
            file.write(drawn)
            kept += 1
    (output / "kept").write_text(str(kept))


def _urls(content: bytes) -> list[str]:
    """Of all records, whose sizes are known to whoever reads on: each member's is in its last four bytes."""
    found = []
    start = 0
    while start < len(content):
        end = content.find(b"\x1f\x8b\x08\x00\x00\x00\x00\x00", start + 18)
        member = content[start : end if end > 0 else len(content)]
        record = deflate.gzip_decompress(member, int.from_bytes(member[-4:], "little"))
        found += [one.decode() for one in _URL.findall(record)]
        start += len(member)
    return found


def _dialled(host: str | None, port: int | None, trust: ssl.SSLContext | None) -> socket.socket:
    line = socket.create_connection((host, port))
    return trust.wrap_socket(line, server_hostname=host) if trust else line


def _asked(line: socket.socket, place: str, path: str) -> bytes:
    line.sendall(f"GET {path} HTTP/1.1\r\nHost: {place}\r\n\r\n".encode())
    heard = line.recv(65_536)
    head, _, body = heard.partition(b"\r\n\r\n")
    found = _LENGTH.search(head)
    assert found is not None
    parts, left = [body], int(found[1]) - len(body)
    while left:
        parts.append(line.recv(min(left, 1 << 18)))
        left -= len(parts[-1])
    return b"".join(parts)


def _drawn(body: bytes) -> bytes:
    pixels = simplejpeg.decode_jpeg(body, min_height=1, min_width=_SIDE, min_factor=1)
    drawn: bytes = simplejpeg.encode_jpeg(pixels, quality=95, colorsubsampling="420")
    return drawn


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3] if len(sys.argv) > 3 else "")
