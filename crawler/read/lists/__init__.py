"""Reading lists: published tables of image addresses and captions, one row after another, in flat memory.

Parquet is known by its first bytes, gzip too; which of the text forms it is, only the name or the recipe can tell.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from crawler.errors import InputError
from crawler.list_forms import KNOWN_ENDINGS, ListForm, form_of
from crawler.read.gzip_members import MAGIC as GZIP_MAGIC
from crawler.read.lists.delimited import rows_of_delimited, rows_of_lines
from crawler.read.lists.objects import rows_of_objects
from crawler.read.lists.parquet import MAGIC as PARQUET_MAGIC
from crawler.read.lists.parquet import rows_of_parquet
from crawler.read.outcome import Incomplete, Skipped
from crawler.read.record import CutShortError
from crawler.read.stream import gunzipped_parts, plain_parts
from crawler.records import ListRow
from crawler.settings import List

__all__ = ["read_list"]

_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_ARCHIVE = re.compile(r"[^?#]*\.(?:warc|wat|wet|arc)(?:\.gz|\.zst)?(?:[?#].*)?", re.IGNORECASE | re.DOTALL)


def read_list(path: Path, *, name: str, settings: List) -> Iterator[ListRow | Skipped | Incomplete]:
    """Every row of a list, in order: what it says, or why it cannot be read; `offset` is the number of the row.

    Rows are counted from 0, without the header; a blank line is a row without an address. `name` is the list's name,
    which tells its form where neither the recipe nor the first bytes do. Memory stays flat whatever the list holds.
    One broken row never costs another.

    Raises:
        InputError: it is no list, or not clear how to read it: the message names file, columns and setting.
        OSError: the file cannot be read.
    """
    return _of_images(_rows(path, name, settings), name)


def _rows(path: Path, name: str, settings: List) -> Iterator[ListRow | Skipped | Incomplete]:
    """The rows, and where they end too early."""
    following = 0
    try:
        with path.open("rb") as file:
            start = file.read(len(PARQUET_MAGIC))
            file.seek(0)
            form = ListForm.PARQUET if start == PARQUET_MAGIC else settings.form or form_of(name)
            if not start:
                yield Incomplete(0, "the file is empty")
            elif form is not ListForm.PARQUET:
                for row in _rows_of_text(file, start, form, name, settings):
                    yield row
                    following = row.offset + 1
            elif start == PARQUET_MAGIC:
                yield from rows_of_parquet(path, name, settings)
            else:
                raise InputError(f"{name}: is called parquet and is none: its first bytes are {start!r}")
    except CutShortError as error:
        yield Incomplete(following, str(error))


def _rows_of_text(
    file: BinaryIO, start: bytes, form: ListForm | None, name: str, settings: List
) -> Iterator[ListRow | Skipped]:
    if start.startswith(_UTF16):
        raise InputError(f"{name}: is UTF-16; write it anew as UTF-8")
    parts = gunzipped_parts(file) if start.startswith(GZIP_MAGIC) else plain_parts(file)
    match form:
        case ListForm.CSV:
            return rows_of_delimited(parts, ",", name, settings)
        case ListForm.TSV:
            return rows_of_delimited(parts, "\t", name, settings)
        case ListForm.JSON:
            return rows_of_objects(parts, name, settings)
        case ListForm.TXT:
            return rows_of_lines(parts, name)
        case _:
            raise InputError(f"{name}: not clear how it is written: names of lists end in {KNOWN_ENDINGS}; or put "
                             "`form` under [list] of the recipe")  # fmt: skip


def _of_images(rows: Iterator[ListRow | Skipped | Incomplete], name: str) -> Iterator[ListRow | Skipped | Incomplete]:
    """The same rows, unless the first one names an archive: who wrote that list wants the archives to be read."""
    for row in rows:
        addresses = [address for address, _ in row.images if address] if isinstance(row, ListRow) else []
        if any(map(_ARCHIVE.fullmatch, addresses)):
            raise InputError(
                f"{name}: names archives, not images ({addresses[0][:200]!r}); a listing of archives must be called "
                "like wat.paths.gz"
            )
        yield row
        if addresses:
            break
    yield from rows
