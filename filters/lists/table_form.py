"""Lists that are tables (CSV): comma, semicolon or tab, with headings, or with a map of columns."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from filters.lists.entries import BadEntryError, Cell
from filters.lists.kinds import kind_called, squeezed, unusable_called

#: what a map of columns may name besides kinds, and the headings that are understood without a map
ROLES = {
    "value": "hash digest hashvalue value indicator fingerprint hashes",
    "kind": "type kind hashtype signaltype algorithm",
    "status": "status state",
    "quality": "quality q pdqquality hashquality",
    "entry": "",  # the name of an entry, for tombstones without a value: only where the map says so
}
_ROLES = {word: role for role, words in ROLES.items() for word in words.split()}
_SEPARATORS = ",;\t"
_VALUE = re.compile(r"(?:[0-9a-fA-F]{16,}|[A-Za-z2-7]{32}|.*[./@].*)")


class _Layout(NamedTuple):
    """Where things stand in a row."""

    values: tuple[tuple[int, str], ...]  # column, and the kind of its values, or "" where they do not say
    roles: Mapping[str, int]
    width: int  # columns of the heading; 0 where there is none


def is_table(first_line: str) -> bool:
    """Whether the first line of a list is a row of headings, one of which names values."""
    words = [cell.strip().strip("\"'") for cell in _split(first_line)]
    named = [
        word for word in words if kind_called(word) or unusable_called(word) or _ROLES.get(squeezed(word)) == "value"
    ]
    return bool(named) and not any(_VALUE.fullmatch(word) for word in words)


def read_table(text: str, columns: Mapping[str, str | int] | None) -> Iterator[Cell | tuple[int, str]]:
    """Every value of every row; a row that is longer or shorter than the headings is a problem of its line.

    Args:
        text: the table.
        columns: for each kind or role its heading, or its number from 1 where there are no headings.

    Raises:
        BadEntryError: no heading names values, or the map names something that is not there.
    """
    first = next((line for line in io.StringIO(text) if line.strip() and not line.startswith("#")), "")
    separator = max(_SEPARATORS, key=first.count)
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    layout = _numbered(columns) if columns and any(isinstance(one, int) for one in columns.values()) else None
    try:
        for row in rows:
            if not any(cell.strip() for cell in row) or row[0].startswith("#"):
                continue
            if layout is None:
                layout = _headed(row, columns)
                continue
            yield from _cells(rows.line_num, row, layout)
    except csv.Error:
        yield rows.line_num, "quotes that do not match"


def _cells(line: int, row: list[str], layout: _Layout) -> Iterator[Cell | tuple[int, str]]:
    last = max([column for column, _ in layout.values] + list(layout.roles.values()))
    if (layout.width and len(row) != layout.width) or len(row) <= last:
        yield line, f"{len(row)} columns instead of {layout.width or last + 1}"
        return
    quality, status, entry, kind = (
        row[layout.roles[role]].strip() if role in layout.roles else ""
        for role in ("quality", "status", "entry", "kind")
    )
    filled = [(name or kind, row[column].strip()) for column, name in layout.values if row[column].strip()]
    for name, value in filled or [("", "")]:
        yield Cell(line, value, name, quality, status, entry)


def _headed(headings: list[str], columns: Mapping[str, str | int] | None) -> _Layout:
    if columns:
        places = {squeezed(heading): place for place, heading in reversed(list(enumerate(headings)))}
        missing = [str(heading) for heading in columns.values() if squeezed(str(heading)) not in places]
        if missing:
            # the headings that are there are not quoted: in a file without any they are an entry
            raise BadEntryError(f"columns: of {len(headings)} columns none has the heading {', '.join(missing)}")
        return _laid_out({name: places[squeezed(str(heading))] for name, heading in columns.items()}, len(headings))
    named = [
        (place, heading) for place, heading in enumerate(headings) if kind_called(heading) or unusable_called(heading)
    ]
    roles = {_ROLES[squeezed(heading)]: place for place, heading in enumerate(headings) if squeezed(heading) in _ROLES}
    values = [*named, *([(roles.pop("value"), "")] if "value" in roles else [])]
    if not values:
        raise BadEntryError("no heading says what the values are; the setting columns has to")
    return _Layout(tuple(values), roles, len(headings))


def _numbered(columns: Mapping[str, str | int]) -> _Layout:
    wrong = [name for name, number in columns.items() if not isinstance(number, int) or number < 1]
    if wrong:
        raise BadEntryError(f"columns: {', '.join(wrong)}: either all are headings or all are numbers from 1")
    return _laid_out({name: int(number) - 1 for name, number in columns.items()}, 0)


def _laid_out(places: Mapping[str, int], width: int) -> _Layout:
    unknown = [name for name in places if not kind_called(name) and name not in ROLES]
    if unknown:
        raise BadEntryError(f"columns: {', '.join(unknown)}: neither a kind nor one of {', '.join(ROLES)}")
    values = [
        (place, "" if name == "value" else name)
        for name, place in places.items()
        if name == "value" or kind_called(name)
    ]
    if not values:
        raise BadEntryError("columns: names no column with values")
    return _Layout(
        tuple(values), {name: place for name, place in places.items() if name in ROLES and name != "value"}, width
    )


def _split(line: str) -> list[str]:
    return line.split(max(_SEPARATORS, key=line.count))
