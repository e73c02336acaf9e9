"""Records of an archive without reading it all: some by chance, and some by name.

Most archives are made of one gzip member a record, and can be read from anywhere. Others, and lists, and archives on
servers that give no parts, are brought here whole.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, cast

import msgspec

from crawler.archive_parts import Parts, parts_of
from crawler.archives import NoPartsError, nearby
from crawler.job import Tools
from crawler.read import Incomplete, Skipped, read_list, read_pages
from crawler.read.gzip_members import GZIP
from crawler.read.pages import html_page, wat_page
from crawler.read.pieces import records_of_pieces
from crawler.read.record import Record
from crawler.records import Page
from crawler.stores import archive_name
from workers.tracker.checking.orders import Place

#: bytes of one request: some records of common archives
CHUNK_BYTES = 128 * 1024
_WHOLE_BYTES = 32 * CHUNK_BYTES
#: pages that are taken where one reads: they cost nothing more, and stand for fewer places
_PAGES_AT_A_PLACE = 4
#: requests to find one page of a WAT, whose records are named by where they stand in another file
_STEPS = 40


class Found:
    """What was found in an archive: the pages of records by their place; None where no page is."""

    def __init__(self) -> None:
        self.pages: dict[Place, Page | None] = {}
        self.picked = 0
        self.bytes_read = 0
        self.requests = 0

    def note(self, page: Page) -> Place:
        """Take a page."""
        place = Place(page.archive, page.offset)
        self.pages[place] = page
        return place


def find(address: str, form: str, named: Iterable[Place], most: int, draw: random.Random, tools: Tools) -> Found:
    """About `most` pages by chance, and those that are named.

    A place that is not in `Found.pages` could not be looked up.

    Raises:
        PairtrawlError: the archive cannot be had.
    """
    if form != "list":
        with suppress(NoPartsError), parts_of(address, tools.etiquette, tools.scratch) as parts:
            # a small one is read as a whole for less than its parts would take
            if parts.size > _WHOLE_BYTES and _is_of_members(parts):
                return _Members(parts, address, form, tools).find(named, most, draw)
    with nearby(address, tools.etiquette, tools.scratch) as path:
        return _find_in_whole(path, archive_name(address), form, set(named), most, draw, tools)


def _is_of_members(parts: Parts) -> bool:
    """Whether the archive begins with a member that holds one record, so that the others will too."""
    first = next(records_of_pieces(cast("BinaryIO", _Reading(parts, 0)), GZIP), None)
    return isinstance(first, Record)


class _Reading:
    """An archive as a file that is read from some place on, a chunk at a time."""

    def __init__(self, parts: Parts, start: int) -> None:
        self._parts = parts
        self._position = start

    def read(self, _most: int) -> bytes:
        """The next chunk; fewer bytes than were asked for, for what is not needed need not be sent."""
        content = self._parts.read(self._position, CHUNK_BYTES)
        self._position += len(content)
        return content


class _Members:
    """An archive of one member a record."""

    def __init__(self, parts: Parts, address: str, form: str, tools: Tools) -> None:
        self._parts = parts
        self._name = archive_name(address)
        self._is_wat = form == "wat"
        self._html_bytes = tools.recipe.extract.html_bytes

    def find(self, named: Iterable[Place], most: int, draw: random.Random) -> Found:
        found = Found()
        tries = 0
        while found.picked < most and tries < most:
            tries += 1
            for number, (_, page) in enumerate(self._pages_from(draw.randrange(max(1, self._parts.size)))):
                found.picked += found.note(page) is not None
                if number + 1 == _PAGES_AT_A_PLACE or found.picked == most:
                    break
        for place in named:
            if place in found.pages:
                continue
            if not self._is_wat:
                found.pages[place] = self._page_at(place)
            elif place.offset >= 0:
                self._look_up(place, found)
        found.bytes_read, found.requests = self._parts.bytes_read, self._parts.requests
        return found

    def _records_from(self, start: int) -> Iterator[Record]:
        """Whole records from the next one on that begins at `start` or behind it."""
        for item in records_of_pieces(cast("BinaryIO", _Reading(self._parts, start)), GZIP):
            if isinstance(item, Record):
                yield msgspec.structs.replace(item, offset=item.offset + start)

    def _pages_from(self, start: int) -> Iterator[tuple[int, Page]]:
        """Pages, each with where its record begins in this file."""
        for record in self._records_from(start):
            page = self._page(record)
            if page is not None:
                yield record.offset, page

    def _page(self, record: Record) -> Page | None:
        page = wat_page(record) if self._is_wat else html_page(record, self._name, self._html_bytes)
        return None if isinstance(page, Skipped) else page

    def _page_at(self, place: Place) -> Page | None:
        """The page of the record that begins at this very byte."""
        if place.archive != self._name or not 0 <= place.offset < self._parts.size:
            return None
        record = next(self._records_from(place.offset), None)
        return self._page(record) if record is not None and record.offset == place.offset else None

    def _look_up(self, place: Place, found: Found) -> None:
        """Find the record that describes a record of another file. They stand in that file's order."""
        low, high = 0, self._parts.size
        least, most = 0, max(place.offset * 2, 1)
        for step in range(_STEPS):
            # as in a dictionary, one opens where the letter should be; every third time in the middle, to be sure
            share = 0.5 if step % 3 == 2 else min(max((place.offset - least) / max(most - least, 1), 0.02), 0.98)
            start = low + int((high - low) * share) if high - low > CHUNK_BYTES else low
            pages = self._pages_of_chunk(start, high)
            if pages and pages != sorted(pages, key=_offset):
                return  # in no order: nothing can be said
            for _, page in pages:
                found.note(page)
            if place in found.pages:
                return
            if not pages:
                if start == low:
                    break
                high = start
            elif place.offset < pages[0][1].offset:
                if start == low:
                    break
                high, most = start, pages[0][1].offset
            elif place.offset > pages[-1][1].offset:
                low, least = pages[-1][0] + 1, pages[-1][1].offset
            else:
                break
        else:
            return
        found.pages[place] = None

    def _pages_of_chunk(self, start: int, end: int) -> list[tuple[int, Page]]:
        """The pages whose records begin in one chunk; or the next one, where none does."""
        pages: list[tuple[int, Page]] = []
        for offset, page in self._pages_from(start):
            if pages and offset >= start + CHUNK_BYTES:
                break
            if offset >= end:
                break
            pages.append((offset, page))
        return pages


def _offset(page: tuple[int, Page]) -> int:
    return page[1].offset


def _find_in_whole(
    path: Path, name: str, form: str, named: set[Place], most: int, draw: random.Random, tools: Tools
) -> Found:
    """Read all of it once; whichever pages are picked, each has the same chance."""
    found = Found()
    picked: list[Page] = []
    pages = 0
    if form == "list":
        items: Iterator[Page | Skipped | Incomplete] = read_list(path, name=name, settings=tools.recipe.list)
    else:
        items = read_pages(path, name=name, wat=form == "wat", limits=tools.recipe.extract)
    for item in items:
        if isinstance(item, Skipped | Incomplete):
            continue
        pages += 1
        if Place(item.archive, item.offset) in named:
            found.note(item)
        if len(picked) < most:
            picked.append(item)
        elif (number := draw.randrange(pages)) < most:
            picked[number] = item
    for page in picked:
        found.note(page)
    for place in named:
        found.pages.setdefault(place, None)
    found.picked, found.bytes_read, found.requests = len(picked), path.stat().st_size, 1
    return found
