"""What one labeller has said, on the disk: lines of JSON, only ever appended, each flushed before anybody is told.

A process that is killed while it writes may leave half a line at the end. Nobody was told that it was saved: it is
passed over when the file is read, and closed off when the next one is written.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import zip_longest
from pathlib import Path
from typing import BinaryIO, Self

import msgspec

from crawler.commit import flush, make_folder
from crawler.errors import InputError, RunFolderError
from workers.hold import hold
from workers.labelling.judgement import Judgement, Word, labeller_name

_ENDING = ".jsonl"


def journal_path(labels: Path, labeller: str) -> Path:
    """The file of one labeller.

    Raises:
        SettingsError: this cannot be a name.
    """
    return labels / f"{labeller_name(labeller)}{_ENDING}"


def journals(labels: Path) -> list[Path]:
    """The files of all labellers, by name."""
    return sorted(one for one in labels.glob(f"*{_ENDING}") if not one.name.startswith("."))


def read_journal(path: Path) -> list[Judgement]:
    """Every line of a file, in order; a half one at its end is passed over.

    Raises:
        InputError: another line is no judgement; the message has its number.
    """
    try:
        lines = path.read_bytes().split(b"\n")  # the last one is what stands behind the last line end
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error}") from error
    found = []
    for number, (line, following) in enumerate(zip_longest(lines, lines[1:]), 1):
        if not line:
            continue
        try:
            found.append(msgspec.json.decode(line, type=Judgement))
        except msgspec.DecodeError as error:
            if following:  # nothing or an empty line comes after one that a kill has cut short
                raise InputError(f"{path}, line {number}: is no judgement: {error}") from error
    return found


def standing(lines: list[Judgement]) -> dict[str, Judgement]:
    """What a labeller holds of each pair now, by content id, in the order in which it was said."""
    now: dict[str, Judgement] = {}
    for one in lines:
        now.pop(one.content_id, None)
        if one.verdict is not Word.UNDONE:
            now[one.content_id] = one
    return now


class Journal:
    """The file of one labeller, open to be written. Holds what stands in it already."""

    def __init__(self, file: BinaryIO, lines: list[Judgement], *, is_torn: bool) -> None:
        self._file = file
        self._standing = standing(lines)
        self._is_torn = is_torn  # whether half a line stands at the end

    @classmethod
    @contextmanager
    def open(cls, labels: Path, labeller: str) -> Iterator[Self]:
        """The journal of a labeller, made if absent, for this process alone.

        Raises:
            SettingsError: this cannot be a name.
            RunFolderError: another process is writing it.
            InputError: it cannot be read.
            OSError: it cannot be written.
        """
        path = journal_path(labels, labeller)
        make_folder(labels)
        with hold(path.with_name(f".{path.name}.lock"), shared=False) as ours:
            if not ours:
                raise RunFolderError(f"{path}: {labeller} is labelling already, in another process; end that one, or "
                                     "take another --labeller")  # fmt: skip
            lines = read_journal(path) if path.exists() else []
            with path.open("ab", buffering=0) as file:
                flush(labels)  # the name of a new file
                yield cls(file, lines, is_torn=file.tell() > 0 and not _ends_a_line(path))

    @property
    def standing(self) -> dict[str, Judgement]:
        """What the labeller holds of each pair now, the last one said at the end."""
        return dict(self._standing)

    def append(self, judgement: Judgement) -> None:
        """Write a line; it is on the disk when this returns.

        Raises:
            OSError: the disk is full, or gone; then nothing is told, and half a line may stand at the end.
        """
        line = msgspec.json.encode(judgement) + b"\n"
        if self._is_torn:
            line = b"\n\n" + line  # closed off by an empty line, so that it can be told from a line that is wrong
        self._is_torn = True
        left = memoryview(line)
        while left:
            left = left[self._file.write(left) :]  # may take a part only: at a quota's edge, or after a signal
        os.fsync(self._file.fileno())
        self._is_torn = False
        self._standing.pop(judgement.content_id, None)
        if judgement.verdict is not Word.UNDONE:
            self._standing[judgement.content_id] = judgement


def _ends_a_line(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1) == b"\n"
