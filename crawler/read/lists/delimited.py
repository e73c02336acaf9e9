"""Lists of plain lines: CSV and TSV, and addresses one a line."""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Iterable, Iterator

from crawler.errors import InputError
from crawler.read.lists.columns import BrokenRowError, Columns, Documents, find_columns, said_by, text_of
from crawler.read.lists.lines import lines_of
from crawler.read.outcome import Skip, Skipped
from crawler.records import ListRow
from crawler.settings import List

#: what a line that is too long is read as: a single field, and not one that can be a text
_NO_TEXT = "\udcff"


def rows_of_lines(parts: Iterable[bytes], name: str) -> Iterator[ListRow | Skipped]:
    """A row for every line: an address, white space around it taken off."""
    for number, line in enumerate(lines_of(parts)):
        try:
            yield ListRow("", name, number, ((text_of(_decoded(line).strip()), ""),))
        except BrokenRowError as error:
            yield Skipped(Skip.BROKEN_ROW, number, str(error))


def rows_of_delimited(parts: Iterable[bytes], delimiter: str, name: str, settings: List) -> Iterator[ListRow | Skipped]:
    """A row for every record of a CSV or TSV file.

    Raises:
        InputError: the header cannot be read or names no column of addresses.
    """
    names, records = open_records(parts, delimiter, name, settings)
    columns = find_columns(names, name, settings)
    if isinstance(columns, Documents):
        raise InputError(f"{name}: documents of mmc4 are JSON; in a table put `url_column` under [list] of the recipe")
    for number, record in enumerate(records):
        try:
            yield _row(record, names, columns, name, number)
        except BrokenRowError as error:
            yield Skipped(Skip.BROKEN_ROW, number, str(error))


def open_records(
    parts: Iterable[bytes], delimiter: str, name: str, settings: List
) -> tuple[list[str], Iterator[list[str] | str]]:
    """The columns of a CSV or TSV file, and its records: [] for a blank line, a text for why there is none.

    What is not UTF-8 is surrogates in it.

    Raises:
        InputError: the header cannot be read.
    """
    lines = _Lines(parts)
    # strict: behind a closing quotation mark that was meant to open stands no separator, and that tells it
    reader = csv.reader(
        lines, delimiter=delimiter, quoting=csv.QUOTE_MINIMAL if settings.quotes else csv.QUOTE_NONE, strict=True
    )
    names = list(settings.columns) or _header(reader, name)
    return names, _records(lines, reader, len(names))


def _records(lines: _Lines, reader: Iterator[list[str]], width: int) -> Iterator[list[str] | str]:
    while (record := lines.record(reader, width)) is not None:
        yield record


def _header(reader: Iterator[list[str]], name: str) -> list[str]:
    try:
        names = next(reader, [])
        for one in names:
            text_of(one)
    except (csv.Error, BrokenRowError) as error:
        raise InputError(f"{name}: its first line is no header: {error}") from error
    return names


def _row(record: list[str] | str, names: list[str], columns: Columns, name: str, number: int) -> ListRow:
    if isinstance(record, str):
        raise BrokenRowError(record)
    if not record:  # a blank line
        return ListRow("", name, number, (("", ""),))
    page, images = said_by(dict(zip(names, record, strict=True)), columns)
    return ListRow(page, name, number, images)


def _decoded(line: bytes | None) -> str:
    """A line as text. What is not UTF-8 becomes surrogates, which `text_of` refuses: of fields that are read alone."""
    return _NO_TEXT if line is None else line.decode(errors="surrogateescape")


class _Lines:
    """The lines of a file as csv wants them. Lines that a broken record swallowed are given out once more."""

    def __init__(self, parts: Iterable[bytes]) -> None:
        self._lines = lines_of(parts)
        self._taken: list[str] = []  # by the record that is being read
        self._again: deque[str] = deque()

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._again.popleft() if self._again else f"{_decoded(next(self._lines))}\n"
        self._taken.append(line)
        return line

    def record(self, reader: Iterator[list[str]], width: int) -> list[str] | str | None:
        """The next record of this many fields, [] for a blank line, why it is none, or None at the end.

        Where a quotation mark that nobody closed swallows the lines behind it, its own line is the broken record, and
        the others are read again.
        """
        self._taken.clear()
        try:
            record = next(reader, None)
        except csv.Error as error:
            broken = str(error)
        else:
            if record is None or not record or len(record) == width:
                return record
            broken = f"{len(record)} fields, but there are {width} columns"
        self._again.extendleft(reversed(self._taken[1:]))
        return broken
