"""Lists as tables: every row, in order, some columns, as Arrow. What a rebuild reads, where a crawl reads pairs.

A row that cannot be read is a row of nulls, and counted; a blank line of a text is no row, as img2dataset has it. One
batch is held at a time, whatever the size of the list.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa

from crawler.errors import InputError
from crawler.list_forms import KNOWN_ENDINGS, ListForm, form_of
from crawler.read.gzip_members import MAGIC as GZIP_MAGIC
from crawler.read.lists.delimited import open_records
from crawler.read.lists.lines import lines_of
from crawler.read.lists.objects import flat_objects
from crawler.read.lists.parquet import MAGIC as PARQUET_MAGIC
from crawler.read.lists.parquet import ParquetColumns
from crawler.read.record import CutShortError
from crawler.read.stream import gunzipped_parts, plain_parts
from crawler.settings import List

#: rows of a text that are held at a time, and by which the types of its columns are guessed
ROWS_AT_ONCE = 8192
_UTF16 = (b"\xff\xfe", b"\xfe\xff")


class Batch(NamedTuple):
    """Some rows of a list."""

    columns: pa.RecordBatch
    broken: int  # how many of its rows cannot be read
    not_of_type: int = 0  # values that are not of the type of their column, and null now


@dataclass(slots=True)
class WholeList:
    """A list, opened. `batches` may be called more than once, and starts anew."""

    names: list[str]
    _read: Callable[[Sequence[str]], Iterator[Batch]]
    #: why the list ends too early, once it has been read to its end; "" if it does not
    incomplete: str = field(default="", init=False)

    def batches(self, columns: Sequence[str]) -> Iterator[Batch]:
        """All rows, with these columns of `names`.

        Raises:
            OSError: the file cannot be read.
        """
        try:
            yield from self._read(columns)
        except CutShortError as error:
            self.incomplete = str(error)


def open_whole(path: Path, name: str, settings: List, *, guess_types: bool = False) -> WholeList:
    """The list at `path`, called `name`, which tells its form where neither the recipe nor its first bytes do.

    Values of text forms are texts, unless `guess_types`; those of JSON have the types of the first rows.

    Raises:
        InputError: it is no list, or not clear how to read it.
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        start = file.read(len(PARQUET_MAGIC))
    if start == PARQUET_MAGIC:
        columns = ParquetColumns(path, name)
        return WholeList(columns.names, lambda wanted: (Batch(*one) for one in columns.batches(wanted)))
    form = settings.form or form_of(name)
    if form is ListForm.PARQUET:
        raise InputError(f"{name}: is called parquet and is none: its first bytes are {start!r}")
    if start.startswith(_UTF16):
        raise InputError(f"{name}: is UTF-16; write it anew as UTF-8")
    text = _Text(path, start.startswith(GZIP_MAGIC), name, settings, guess_types)
    match form:
        case ListForm.TXT:
            return WholeList(["url"], text.lines)
        case ListForm.CSV | ListForm.TSV:
            return text.delimited("," if form is ListForm.CSV else "\t")
        case ListForm.JSON:
            return text.objects()
        case _:
            raise InputError(f"{name}: not clear how it is written: names of lists end in {KNOWN_ENDINGS}; or put "
                             "`form` under [list] of the recipe")  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Text:
    """A list that is a text, plain or gzipped."""

    path: Path
    gzipped: bool
    name: str
    settings: List
    guess_types: bool

    def parts(self) -> Iterator[bytes]:
        with self.path.open("rb") as file:
            yield from gunzipped_parts(file) if self.gzipped else plain_parts(file)

    def lines(self, columns: Sequence[str]) -> Iterator[Batch]:
        """An address a line; in quotation marks, or not."""
        rows = ([_unquoted(line)] if line is not None else None for line in lines_of(self.parts()) if line != b"")
        return _batches(rows, ["url"], columns, {})

    def delimited(self, delimiter: str) -> WholeList:
        names, _ = self._records(delimiter)

        def read(columns: Sequence[str]) -> Iterator[Batch]:
            _, records = self._records(delimiter)
            if not self.guess_types:
                return _batches(records, names, columns, {})
            held = list(islice(records, ROWS_AT_ONCE))
            types = {name: _guessed([row[place] for row in held if row]) for place, name in enumerate(names)}
            return _batches(chain(held, records), names, columns, types)

        return WholeList(names, read)

    def objects(self) -> WholeList:
        held = list(islice(self._objects(), ROWS_AT_ONCE))
        names = list(dict.fromkeys(name for row in held if row for name in row))
        if not names:
            raise InputError(f"{self.name}: none of its first rows is a JSON object")
        types = {name: _type_of([row.get(name) for row in held if row]) for name in names}

        def read(columns: Sequence[str]) -> Iterator[Batch]:
            rows = ([row.get(name) for name in names] if row is not None else None for row in self._objects())
            return _batches(rows, names, columns, types)

        return WholeList(names, read)

    def _objects(self) -> Iterator[dict[str, Any] | None]:
        return flat_objects(self.parts(), documents=not self.settings.url_column)

    def _records(self, delimiter: str) -> tuple[list[str], Iterator[list[str] | None]]:
        names, records = open_records(self.parts(), delimiter, self.name, self.settings)
        rows = (None if isinstance(one, str) else one for one in records if one != [])
        return names, rows


def _unquoted(line: bytes) -> str:
    """img2dataset reads lines as CSV: who has commas in addresses has put them into quotation marks."""
    text = line.decode(errors="surrogateescape")
    if len(text) > 1 and text[0] == text[-1] == '"':
        return text[1:-1].replace('""', '"')
    return text


def _batches(
    rows: Iterator[Sequence[Any] | None], names: Sequence[str], columns: Sequence[str], types: Mapping[str, pa.DataType]
) -> Iterator[Batch]:
    """Rows as batches of the asked-for columns; a row that is None is broken."""
    places = [names.index(one) for one in columns]
    while held := list(islice(rows, ROWS_AT_ONCE)):
        broken = held.count(None)
        arrays = []
        wrong = 0
        for place, name in zip(places, columns, strict=True):
            values = [None if row is None else row[place] for row in held]
            array, misfits = as_array(values, types.get(name, pa.string()))
            arrays.append(array)
            wrong += misfits
        yield Batch(pa.RecordBatch.from_arrays(arrays, names=list(columns)), broken, wrong)


def as_array(values: Sequence[Any], type_: pa.DataType) -> tuple[pa.Array[Any], int]:
    """Values as an array of this type, and how many were not of it: these are null.

    In a column of texts everything is a text: what is none is written as JSON, and what is no UTF-8 is replaced.
    """
    try:
        return pa.array(values, type_), 0
    except (pa.ArrowException, UnicodeEncodeError, OverflowError, ValueError, TypeError):
        pass
    found = []
    misfits = 0
    for value in values:
        one = _fitted(value, type_)
        misfits += one is None and value not in (None, "")
        found.append(one)
    return pa.array(found, type_), misfits


def _fitted(value: object, type_: pa.DataType) -> object:
    """The value as one of this type, or None."""
    if value is None:
        return None
    if pa.types.is_string(type_):
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    try:
        if isinstance(value, str):  # of CSV, or a number in quotation marks
            return pa.scalar(value).cast(type_).as_py()
        return pa.scalar(value, type_).as_py()
    except (pa.ArrowException, UnicodeEncodeError, OverflowError, ValueError, TypeError):
        return None


def _type_of(values: Sequence[Any]) -> pa.DataType:
    """The type of a column of JSON by its first values; a mixture is a text."""
    try:
        found = pa.array(values).type
    except (pa.ArrowException, UnicodeEncodeError, OverflowError, ValueError, TypeError):
        return pa.string()
    return pa.string() if pa.types.is_null(found) else found


def _guessed(values: Sequence[str]) -> pa.DataType:
    """The type of a column of CSV by its first values, as pyarrow's reader guesses it for img2dataset."""
    there = [one for one in values if one]
    for type_ in (pa.int64(), pa.float64()):
        try:
            pa.array(there, pa.string()).cast(type_)
        except (pa.ArrowException, UnicodeEncodeError):
            continue
        return type_ if there else pa.string()
    return pa.string()
