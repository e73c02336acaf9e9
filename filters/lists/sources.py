"""Files of lists: which form they have, and what they name. They fail closed.

A list that cannot be read to its end ends the run before it begins: a filter with half a list looks exactly like a
filter with a whole one. Messages name the file and the line, never what the line holds, for a list may be confidential
and messages end in logs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Literal

from crawler.errors import SettingsError
from filters.lists.entries import BadEntryError, Cell, hex_lengths
from filters.lists.files import content_of
from filters.lists.gathering import Gathered, Gathering, problem_of
from filters.lists.json_form import read_json
from filters.lists.kinds import Kind
from filters.lists.table_form import is_table, read_table
from filters.lists.text_form import HexLines, read_text
from filters.lists.xml_form import read_xml

Form = Literal["auto", "text", "csv", "json", "xml"]
_PROBLEMS_SHOWN = 3
_HEAD_BYTES = 1 << 16


class _Problems:
    """What is wrong with a file, as far as it is shown."""

    def __init__(self, unit: str) -> None:
        self._unit = unit
        self._shown: list[str] = []
        self._count = 0

    def add(self, place: int, problem: str) -> None:
        self._count += 1
        if len(self._shown) < _PROBLEMS_SHOWN:
            self._shown.append(f"{self._unit} {place}: {problem}")

    def text(self) -> str:
        more = f"; and {self._count - _PROBLEMS_SHOWN} more" if self._count > _PROBLEMS_SHOWN else ""
        return f"{'; '.join(self._shown)}{more}"


def gather(
    files: Iterable[Path],
    asked: frozenset[Kind],
    declared: Kind | None,
    form: Form,
    columns: Mapping[str, str | int] | None,
    key: bytes | None = None,
) -> Gathered:
    """What the files name of the kinds asked for, together: an entry that is withdrawn in one is withdrawn in all.

    Args:
        files: lists in any of the forms.
        asked: the kinds that are wanted.
        declared: what a value is that does not say so itself.
        form: how to read the files, or "auto": their content says it.
        columns: for each kind or role of a table its heading or number, of JSON its name.
        key: what addresses and domains are stamped with (see `stamp`).

    Raises:
        SettingsError: a file is missing, damaged, has something in it that is no entry, or nothing that can be used.
    """
    gathering = Gathering(asked, declared, key)
    for path in files:
        before, skipped = gathering.used, gathering.skipped.copy()
        try:
            _gather_one(content_of(path), form, columns, gathering)
        except UnicodeDecodeError:
            # without the error: its text quotes the bytes
            raise SettingsError(f"{path}: cannot be read as a list: not UTF-8 text") from None
        except BadEntryError as problem:
            raise SettingsError(f"{path}: {problem}") from None
        if gathering.used == before:
            raise SettingsError(f"{path}: {_nothing(asked, gathering.skipped - skipped)}")
    return gathering.result()


def declared_kind(written: str, kinds: frozenset[Kind]) -> Kind | None:
    """The kind that the setting `kind` names, or None where it names none.

    Raises:
        SettingsError: it is none of those that can be asked for.
    """
    if not written:
        return None
    if written not in kinds:
        raise SettingsError(f"kind = {written!r}: has to be one of {', '.join(sorted(kinds))}")
    return Kind(written)


def nothing_left(asked: Iterable[Kind]) -> str:
    """What to say of lists in which every entry is withdrawn."""
    return f"every entry of {', '.join(sorted(asked))} is withdrawn; leave the filter out if that is right"


def _nothing(asked: Iterable[Kind], unused: Mapping[str, int]) -> str:
    why = f" ({', '.join(f'{count} {reason}' for reason, count in sorted(unused.items()))})" if unused else ""
    return (
        f"holds no entries of {', '.join(sorted(asked))} that can be used{why}; "
        "a removal list that removes nothing is taken for a damaged one"
    )


def _gather_one(content: bytes, form: Form, columns: Mapping[str, str | int] | None, gathering: Gathering) -> None:
    form = _form_of(content, columns) if form == "auto" else form
    problems = _Problems("entry" if form == "json" else "line")
    for one in _read(content, form, columns, gathering):
        if isinstance(one, HexLines):
            gathering.add_lines(one)
        elif isinstance(one, Cell):
            if problem := problem_of(gathering, one):
                problems.add(one.place, problem)
        else:
            problems.add(*one)
    if text := problems.text():
        raise BadEntryError(text)


def _read(
    content: bytes, form: Form, columns: Mapping[str, str | int] | None, gathering: Gathering
) -> Iterator[HexLines | Cell | tuple[int, str]]:
    if form == "json":
        return read_json(content, columns)
    if form == "xml":
        return read_xml(content)
    if form == "csv":
        return read_table(content.decode(), columns)
    clear = hex_lengths(gathering.asked, gathering.declared)
    return read_text(content, clear, careful=gathering.declared is None and Kind.SHA1 in gathering.asked)


def _form_of(content: bytes, columns: Mapping[str, str | int] | None) -> Form:
    """The form that a list has, by its first character and its first line."""
    head = content[:_HEAD_BYTES].lstrip()
    if head[:1] in (b"{", b"["):
        return "json"
    if head[:1] == b"<":
        return "xml"
    if columns:
        return "csv"
    lines = (line.strip() for line in head.decode(errors="replace").splitlines())
    first = next((line for line in lines if line and not line.startswith("#")), "")
    return "csv" if is_table(first) else "text"
