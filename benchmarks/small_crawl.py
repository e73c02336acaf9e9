"""A web of our own for a proof: pictures at addresses, pages that show them, an archive of the pages, a real command.

Every host of it is served from one loopback port and told apart by its Host header.
"""

from __future__ import annotations

import html
import io
import os
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pyarrow.parquet as pq
from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter

ROOT = Path(__file__).resolve().parent.parent
_IMAGES_A_PAGE = 20

#: what every recipe of these proofs has; filters follow
RECIPE = """
name = "proof"
[plan]
rows_per_job = 400
[fetch]
user_agent = "pairtrawl-proof/0.1"
contact = "mailto:nobody@example.org"
allow_networks = ["127.0.0.1/32"]
hosts = {{ "*.test" = "{address}" }}
[manners] # the server is ours
requests_at_once = 8
seconds_between_requests = 0
[output]
placeholder_addresses = 0
{more}
"""


@dataclass(slots=True)
class SmallWeb:
    """Pictures by address, and `<img>` of pages: (address, text) in order."""

    bodies: dict[str, bytes] = field(default_factory=dict)
    images: list[tuple[str, str]] = field(default_factory=list)

    def add(self, url: str, body: bytes, text: str) -> None:
        """A picture at an address, and an `<img>` that shows it."""
        self.bodies[url] = body
        self.images.append((url, text))

    def write_archive(self, path: Path, images: Iterable[tuple[str, str]] | None = None) -> Path:
        """A WARC file with pages of these `<img>`; of all of them where none are given."""
        chosen = list(self.images if images is None else images)
        with path.open("wb") as file:
            writer = WARCWriter(file, gzip=True)
            for start in range(0, len(chosen), _IMAGES_A_PAGE):
                body = _page(chosen[start : start + _IMAGES_A_PAGE])
                headers = StatusAndHeaders(
                    "200 OK", [("Content-Type", "text/html; charset=utf-8")], protocol="HTTP/1.1"
                )
                url = f"http://pages.test/{path.name.partition('.')[0]}/{start}.html"
                writer.write_record(writer.create_warc_record(url, "response", io.BytesIO(body), http_headers=headers))
        return path

    @contextmanager
    def served(self) -> Iterator[str]:
        """Serve the pictures; yields "127.0.0.1:PORT"."""
        server = ThreadingHTTPServer(("127.0.0.1", 0), _handler({_key(url): body for url, body in self.bodies.items()}))
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            server.server_close()


def _page(images: Sequence[tuple[str, str]]) -> bytes:
    shown = "\n".join(f'<p><img src="{html.escape(url)}" alt="{html.escape(text)}"></p>' for url, text in images)
    return f"<!DOCTYPE html><html><head><title>Pictures</title></head><body>\n{shown}\n</body></html>".encode()


def _key(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.hostname}{parts.path}{f'?{parts.query}' if parts.query else ''}"


def _handler(bodies: Mapping[str, bytes]) -> type[BaseHTTPRequestHandler]:
    class Answer(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            body = bodies.get(f"{self.headers.get('Host', '').partition(':')[0]}{self.path}")
            self.send_response(404 if body is None else 200)
            self.send_header("Content-Type", "application/octet-stream")
            self.send_header("Content-Length", str(len(body or b"")))
            self.end_headers()
            self.wfile.write(body or b"")

        def log_message(self, *_words: Any) -> None:  # noqa: ANN401 - as http.server has it
            """Silence: what the web is asked for is not the proof's output."""

    return Answer


def write_recipe(path: Path, address: str, more: str) -> Path:
    """RECIPE with this server and these further tables."""
    path.write_text(RECIPE.format(address=address, more=more))
    return path


def pairtrawl(words: Sequence[str], **environment: str) -> subprocess.CompletedProcess[str]:
    """The real command, in a process of its own; what it says on both streams is kept."""
    script = "from workers.cli import main; main()"
    return subprocess.run(
        [sys.executable, "-c", script, *words], cwd=ROOT, check=False, capture_output=True, text=True,
        env=os.environ | environment,
    )  # fmt: skip


def crawl(
    recipe: Path, archives: Sequence[Path], run: Path, *words: str, **environment: str
) -> subprocess.CompletedProcess[str]:
    """`pairtrawl crawl` of these archives into `run`."""
    named = [str(path) for path in archives]
    return pairtrawl(["crawl", *named, "-o", str(run), "-r", str(recipe), *words], **environment)


def shard_rows(run: Path, *columns: str) -> list[dict[str, Any]]:
    """These columns of all rows of a run's shards, shard by shard."""
    files = sorted((run / "shards").glob("*.parquet"))
    return [row for file in files for row in pq.read_table(file, columns=list(columns)).to_pylist()]


def kept_urls(run: Path) -> list[str]:
    """The addresses of the rows that a run kept, one for each row."""
    return [row["url"] for row in shard_rows(run, "url", "status") if row["status"] == "success"]
