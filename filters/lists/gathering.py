"""All that one or several files name, brought together: withdrawn entries out, each value once, everything counted."""

from __future__ import annotations

import hashlib
import hmac
from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from filters.lists.entries import BadEntryError, Cell, Entry, Skipped, entries_of, is_withdrawn, most_bits, unfit_value
from filters.lists.kinds import PERCEPTUAL, TEXTS, WIDTHS, Kind
from filters.lists.rows import SortedRows, sorted_rows, without
from filters.lists.text_form import HexLines

#: as objects of Python they take five times the room that they take in a row
_STAMPED_AT_ONCE = 1 << 18
KEPT_BYTES = 16  # of a digest that stands for a value: no two values share one by chance


def stamp(kind: Kind, value: bytes, key: bytes | None) -> bytes:
    """16 bytes that stand for a value: without the key nobody can tell of which, nor make them of a guess."""
    text = f"{kind}|".encode() + value
    digest = hmac.digest(key, text, "sha256") if key else hashlib.sha256(text).digest()
    return digest[:KEPT_BYTES]


def stamped(kind: Kind, values: NDArray[np.uint8], key: bytes) -> NDArray[np.uint8]:
    """What stands for each of the values, N x width: N x 16."""
    stamps = np.empty((len(values), KEPT_BYTES), dtype=np.uint8)
    for first in range(0, len(values), _STAMPED_AT_ONCE):
        some = values[first : first + _STAMPED_AT_ONCE]
        content, width = some.tobytes(), values.shape[1]
        made = b"".join(stamp(kind, content[at : at + width], key) for at in range(0, len(content), width))
        stamps[first : first + len(some)] = np.frombuffer(made, dtype=np.uint8).reshape(-1, KEPT_BYTES)
    return stamps


class Gathered(NamedTuple):
    """What lists name, by kind, and how much of them is not used and why."""

    rows: Mapping[Kind, SortedRows]
    skipped: Mapping[str, int]


class Gathering:
    """Takes cells and rows of hex, in any order, and says in the end what remains.

    An entry that is withdrawn anywhere is out wherever else it stands, for lists are not in the order of time; one that
    was withdrawn by its name alone comes back with a later time.
    """

    def __init__(self, asked: frozenset[Kind], declared: Kind | None, key: bytes | None) -> None:
        self.used = 0  # entries so far that count, or that take others out
        self.skipped: Counter[str] = Counter()
        self.asked = asked
        self.declared = declared
        self._key = key
        self._blocks: dict[Kind, list[NDArray[np.uint8]]] = {}
        self._values: dict[Kind, bytearray] = {}
        self._withdrawn: dict[Kind, bytearray] = {}
        self._gone: dict[str, str] = {}  # entries that are withdrawn by name, and when
        self._named: dict[str, list[tuple[str, Entry]]] = {}

    def add(self, cell: Cell) -> None:
        """One value as a list writes it.

        Raises:
            BadEntryError: it is no entry.
        """
        gone = is_withdrawn(cell.status)
        if gone:
            self.skipped[Skipped.WITHDRAWN] += 1
            self.used += 1
            if cell.entry:
                self._gone[cell.entry] = max(cell.when, self._gone.get(cell.entry, ""))
            if not cell.value:
                return
        entries = entries_of(cell, self.asked, self.declared)
        if isinstance(entries, str):
            self.skipped[entries] += not gone
            return
        self.used += 1
        for entry in entries:
            if gone:
                self._withdrawn.setdefault(entry.kind, bytearray()).extend(self._kept(entry))
            elif cell.entry:
                self._named.setdefault(cell.entry, []).append((cell.when, entry))
            else:
                self._values.setdefault(entry.kind, bytearray()).extend(self._kept(entry))

    def add_lines(self, lines: HexLines) -> None:
        """Many lines of hex digits."""
        fit = np.ones(len(lines.rows), dtype=np.bool_)
        for why, unfit in _unfit(lines).items():
            self.skipped[why] += int((unfit & fit).sum())
            fit &= ~unfit
        self.used += int(fit.sum())
        rows = lines.rows if fit.all() else lines.rows[fit]
        self._blocks.setdefault(lines.kind, []).append(rows)

    def result(self) -> Gathered:
        """What remains of everything that was added."""
        self._settle_named()
        rows: dict[Kind, SortedRows] = {}
        for kind in sorted(self.asked):
            blocks = [*self._blocks.get(kind, []), _rows(kind, self._values.get(kind, bytearray()))]
            every = np.concatenate(blocks)
            once = sorted_rows(every)
            self.skipped[Skipped.DUPLICATE] += len(every) - len(once)
            left = without(once, sorted_rows(_rows(kind, self._withdrawn.get(kind, bytearray()))))
            if len(left):
                rows[kind] = left
        return Gathered(rows, {why: count for why, count in sorted(self.skipped.items()) if count})

    def _settle_named(self) -> None:
        for name, found in self._named.items():
            for when, entry in found:
                if name not in self._gone or when > self._gone[name]:
                    self._values.setdefault(entry.kind, bytearray()).extend(self._kept(entry))
        self._named.clear()

    def _kept(self, entry: Entry) -> bytes:
        return stamp(entry.kind, entry.value, self._key) if entry.kind in TEXTS else entry.value


def problem_of(gathering: Gathering, cell: Cell) -> str:
    """Adds a cell; what is wrong with it, or ""."""
    try:
        gathering.add(cell)
    except BadEntryError as problem:
        return str(problem)
    return ""


def _rows(kind: Kind, values: bytearray) -> NDArray[np.uint8]:
    return np.frombuffer(bytes(values), dtype=np.uint8).reshape(-1, WIDTHS[kind])


def _unfit(lines: HexLines) -> dict[str, NDArray[np.bool_]]:
    """For each reason not to use an entry, which rows it holds for; the same as `entries_of` says one by one."""
    if lines.kind in PERCEPTUAL:
        fewest, most = most_bits(lines.kind)
        bits = np.bitwise_count(lines.rows).sum(axis=1, dtype=np.int32)
        return {Skipped.FLAT: (bits < fewest) | (bits > most)}
    of_nothing = np.frombuffer(unfit_value(lines.kind) or b"", dtype=np.uint8)
    # the first byte decides for nearly all: comparing whole rows of ten million takes a second more
    same = lines.rows[:, 0] == of_nothing[0]
    same[same] = (lines.rows[same] == of_nothing).all(axis=1)
    flat = lines.rows[:, 0] == lines.rows[:, 1]
    flat[flat] = (lines.rows[flat] == lines.rows[flat][:, :1]).all(axis=1)
    return {Skipped.EMPTY_FILE: same, Skipped.PLACEHOLDER: flat}
