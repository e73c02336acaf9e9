"""Asks lists: by our own indexes, or by reading the whole table once for each query."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

import numpy as np
from numpy.typing import NDArray

from benchmarks.contest.machine import installed
from filters.hamming import HammingIndex
from filters.lists.rows import sorted_rows


class _Table:
    """No search: every word of the table is read for each query, as any way must that has no index."""

    def __init__(self, rows: NDArray[np.uint8]) -> None:
        self._words = rows.view(np.uint64).ravel()

    def within(self, queries: NDArray[np.uint8]) -> NDArray[np.bool_]:
        return np.array([self._words.max() == 0 for _ in queries])


class Near:
    """Perceptual hashes, and queries that come so many at once."""

    def __init__(self, asked: dict[str, Any]) -> None:
        rows = np.load(asked["rows"])
        self._queries, self._border = np.load(asked["queries"])[: asked["ask"]], np.load(asked["border"])
        self._at_once = asked["at_once"] or len(self._queries)
        self._index = HammingIndex(rows, asked["radius"]) if asked["way"] == "index" else _Table(rows)
        self.versions = installed("pairtrawl", "numpy")

    def once(self) -> dict[str, Any]:
        """Ask for all."""
        found = 0
        for first in range(0, len(self._queries), self._at_once):
            found += int(self._index.within(self._queries[first : first + self._at_once]).sum())
        return {"units": len(self._queries), "found": found}

    def save(self, path: str) -> None:
        """What is found of the queries of the check."""
        with Path(path).open("wb") as file:
            np.save(file, self._index.within(self._border))


class Exact:
    """Digests: by sorted rows, as a set of Python's, or by one read from a place that no cache knows."""

    def __init__(self, asked: dict[str, Any]) -> None:
        rows = np.load(asked["rows"])
        self._queries = np.load(asked["queries"])
        self._found = np.zeros(0, np.bool_)
        self._way = getattr(self, "_" + asked["way"])
        if asked["way"] == "index":
            self._rows = sorted_rows(rows)
        elif asked["way"] == "set":
            self._listed = {row.tobytes() for row in rows}
            self._digests = [row.tobytes() for row in self._queries]
        else:
            self._words = np.ascontiguousarray(rows[:, :8]).view(np.uint64).ravel()
            self._places = np.random.default_rng(3).integers(0, len(rows), len(self._queries))
        self.versions = installed("pairtrawl", "numpy")

    def once(self) -> dict[str, Any]:
        """Ask for all."""
        self._found = self._way()
        return {"units": len(self._queries), "found": int(self._found.sum())}

    def _index(self) -> NDArray[np.bool_]:
        return self._rows.has(self._queries)

    def _set(self) -> NDArray[np.bool_]:
        listed = self._listed
        return np.array([digest in listed for digest in self._digests])

    def _read(self) -> NDArray[np.bool_]:
        read: NDArray[np.bool_] = self._words[self._places] == 0
        return read

    def save(self, path: str) -> None:
        """What was found."""
        with Path(path).open("wb") as file:
            np.save(file, self._found)


def prepare(asked: dict[str, Any]) -> Near | Exact:
    """The side that is asked for."""
    return Near(asked) if "radius" in asked else Exact(asked)
