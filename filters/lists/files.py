"""The content of files of lists, and the reading of word lists: one entry a line, every line needed."""

from __future__ import annotations

import codecs
import gzip
import zlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TypeVar

from crawler.errors import SettingsError

_GZIP_MAGIC = b"\x1f\x8b"
_PROBLEMS_SHOWN = 3
Entry = TypeVar("Entry")


class BadLineError(ValueError):
    """One line of a list is not an entry; the text says why without quoting it."""


def content_of(path: Path) -> bytes:
    """What a file holds, unpacked, without byte order mark.

    Raises:
        SettingsError: it is missing or damaged.
    """
    try:
        content = path.read_bytes()
        if content.startswith(_GZIP_MAGIC):
            content = gzip.decompress(content)
    except (OSError, EOFError, zlib.error) as error:
        raise SettingsError(f"{path}: cannot be read as a list: {error}") from None
    return content.removeprefix(codecs.BOM_UTF8)


def read_lists(
    path: str | tuple[str, ...], folder: Path, parse: Callable[[str], Iterable[tuple[int, Entry | BadLineError]]]
) -> list[Entry]:
    """The entries of one list or of several, in the order of the files; names stand on `folder`.

    `parse` gives line number and entry, or line number and what is wrong with the line.

    Raises:
        SettingsError: a file is missing, damaged, not UTF-8, has a line that is no entry, or has no entries at all.
    """
    files = (path,) if isinstance(path, str) else path
    if not files:
        raise SettingsError("path: names no list, so nothing would ever be removed")
    return [entry for file in files for entry in _entries(folder / file, parse)]


def lines(text: str) -> Iterator[tuple[int, str]]:
    """Line number from 1 and content of every line that is neither empty nor a `#` comment.

    A byte order mark, spaces around a line, and any of the three line ends are no part of an entry.
    """
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    for number, line in enumerate(text.split("\n"), 1):
        content = line.strip()
        if content and not content.startswith("#"):
            yield number, content


def _entries(path: Path, parse: Callable[[str], Iterable[tuple[int, Entry | BadLineError]]]) -> list[Entry]:
    entries: list[Entry] = []
    problems: list[str] = []
    try:
        text = content_of(path).decode()
    except UnicodeDecodeError:
        # without the error: its text quotes the bytes
        raise SettingsError(f"{path}: cannot be read as a list: not UTF-8 text") from None
    for number, entry in parse(text):
        if isinstance(entry, BadLineError):
            problems.append(f"line {number}: {entry}")
        else:
            entries.append(entry)
    if problems:
        more = f"; and {len(problems) - _PROBLEMS_SHOWN} more lines" if len(problems) > _PROBLEMS_SHOWN else ""
        raise SettingsError(f"{path}: {'; '.join(problems[:_PROBLEMS_SHOWN])}{more}")
    if not entries:
        raise SettingsError(f"{path}: holds no entries; a removal list that removes nothing is taken for a damaged one")
    return entries
