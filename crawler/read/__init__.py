"""Reading archives: WARC and WAT files, one record after another, whatever is broken in them.

The form of a file is told by its content, never by its name (docs/decisions/0002-reading-archives.md):

- one gzip member a record, as Common Crawl writes: split by ourselves, unpacked by libdeflate;
- one Zstandard frame a record (.warc.zst): split by ourselves;
- all others (not compressed, compressed as a whole, ARC): one stream, headers parsed by warcio.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from crawler.read.forms import records_in
from crawler.read.lists import read_list
from crawler.read.outcome import Incomplete, Skip, Skipped
from crawler.read.pages import html_page, wat_page
from crawler.read.record import Record
from crawler.records import HtmlPage, Page, WatPage
from crawler.settings import Extract

__all__ = ["Incomplete", "Skip", "Skipped", "read_list", "read_pages"]

#: what is read before it is worked on, at most; of the bytes one page may be more
_AHEAD_RECORDS = 128
_AHEAD_BYTES = 1024 * 1024


def read_pages(path: Path, *, name: str, wat: bool, limits: Extract) -> Iterator[Page | Skipped | Incomplete]:
    """Every record of an archive, in order: the page that it holds, or why it is none.

    `name` is what pages call their WARC file (a WAT record names it itself); `wat` says which of the two the file is.
    Memory stays flat whatever the file holds: about 200 MB at worst (measured with records of 31 MB). One broken record
    never costs another.

    Raises:
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        yield from _some_ahead(_pages(file, name, limits, wat=wat))


def _pages(file: BinaryIO, name: str, limits: Extract, *, wat: bool) -> Iterator[Page | Skipped | Incomplete]:
    for record in records_in(file):
        if not isinstance(record, Record):
            yield record
        elif wat:
            yield wat_page(record)
        else:
            yield html_page(record, name, limits.html_bytes)


def _some_ahead(items: Iterator[Page | Skipped | Incomplete]) -> Iterator[Page | Skipped | Incomplete]:
    """The same, read in batches: what reads and what works on pages drive each other out of the processor's caches.

    Taking turns for every record costs a tenth to a sixth of both (docs/performance.md).
    """
    held: list[Page | Skipped | Incomplete] = []
    size = 0
    for item in items:
        held.append(item)
        size += len(item.envelope) if isinstance(item, WatPage) else len(item.body) if isinstance(item, HtmlPage) else 0
        if size > _AHEAD_BYTES or len(held) == _AHEAD_RECORDS:
            yield from held
            held, size = [], 0
    yield from held
