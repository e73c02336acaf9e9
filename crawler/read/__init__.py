"""Reading archives: WARC and WAT files, one record after another, whatever is broken in them.

The form of a file is told by its content, never by its name (docs/decisions/0002-reading-archives.md):

- one gzip member a record, as Common Crawl writes: split by ourselves, unpacked by libdeflate;
- one Zstandard frame a record (.warc.zst): split by ourselves;
- all others (not compressed, compressed as a whole, ARC): one stream, headers parsed by warcio.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from crawler.read.forms import records_in
from crawler.read.lists import read_list
from crawler.read.outcome import Incomplete, Skip, Skipped
from crawler.read.pages import html_page, wat_page
from crawler.read.record import Record
from crawler.records import Page
from crawler.settings import Extract

__all__ = ["Incomplete", "Skip", "Skipped", "read_list", "read_pages"]


def read_pages(path: Path, *, name: str, wat: bool, limits: Extract) -> Iterator[Page | Skipped | Incomplete]:
    """Every record of an archive, in order: the page that it holds, or why it is none.

    `name` is what pages call their WARC file (a WAT record names it itself); `wat` says which of the two the file is.
    Memory stays flat whatever the file holds: about 200 MB at worst (measured with records of 31 MB). One broken record
    never costs another.

    Raises:
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        for record in records_in(file):
            if not isinstance(record, Record):
                yield record
            elif wat:
                yield wat_page(record)
            else:
                yield html_page(record, name, limits.html_bytes)
