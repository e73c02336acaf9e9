"""Takes (page, address of an image, text) from WARC files: our way, and the least that any way must do.

Its bases run in the environments of peers too: what is not in the standard library is imported by the way that needs it.
"""

from __future__ import annotations

import json
import sys
import zlib
from collections.abc import Callable, Iterable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[3]


class Side:
    """WARC files, and a way through them."""

    def __init__(
        self, asked: dict[str, Any], ways: Mapping[str, Callable[[dict[str, Any]], Way]] | None = None
    ) -> None:
        self._paths = [Path(path) for path in asked["paths"]]
        self._megabytes: float = asked["megabytes"]
        self._way = (ways or WAYS)[asked["way"]](asked)
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
        self.asked = asked
        self.found: list[Any] = []

    def run(self, paths: Iterable[Path]) -> int:
        """Find all pairs; the number of pages."""
        raise NotImplementedError

    def triples(self) -> list[tuple[str, str, str]]:
        """Page, address and text of each pair."""
        return self.found


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
            if "table" in self.asked:
                rows = self.found[start:]
                with self._writer(Path(self.asked["table"])) as table:
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
}
prepare = Side
