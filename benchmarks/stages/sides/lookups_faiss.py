"""Asks faiss's binary indexes, in their own environment, on one thread; a radius of theirs is one more than ours."""

from pathlib import Path
from typing import Any

import faiss  # type: ignore[import-not-found]  # of this side's own environment
import numpy as np


def _flat(rows: np.ndarray) -> faiss.IndexBinary:
    return faiss.IndexBinaryFlat(rows.shape[1] * 8)


def _multi_hash(rows: np.ndarray) -> faiss.IndexBinary:
    index = faiss.IndexBinaryMultiHash(rows.shape[1] * 8, 16, rows.shape[1] // 2)
    index.nflip = 1
    return index


def _ivf(rows: np.ndarray) -> faiss.IndexBinary:
    bits = rows.shape[1] * 8
    index = faiss.IndexBinaryIVF(faiss.IndexBinaryFlat(bits), bits, 1024)
    index.own_fields, index.nprobe = False, 32
    index.train(rows[:40_000])
    return index


class Side:
    """An index, and the queries."""

    def __init__(self, asked: dict[str, Any]) -> None:
        faiss.omp_set_num_threads(1)
        rows = np.load(asked["rows"])
        self._index = {"flat": _flat, "nearest": _flat, "multi_hash": _multi_hash, "ivf": _ivf}[asked["way"]](rows)
        self._index.add(rows)
        self._queries, self._border = np.load(asked["queries"])[: asked["ask"]], np.load(asked["border"])
        self._radius = asked["radius"]
        self._near = self._by_nearest if asked["way"] == "nearest" else self._by_range
        self.versions = {"faiss-cpu": faiss.__version__, "numpy": np.__version__}

    def once(self) -> dict[str, Any]:
        """Ask for all, in one call."""
        return {"units": len(self._queries), "found": int(self._near(self._queries).sum())}

    def _by_range(self, queries: np.ndarray) -> np.ndarray:
        near: np.ndarray = np.diff(self._index.range_search(queries, self._radius + 1)[0]) > 0
        return near

    def _by_nearest(self, queries: np.ndarray) -> np.ndarray:
        near: np.ndarray = self._index.search(queries, 1)[0][:, 0] <= self._radius
        return near

    def save(self, path: str) -> None:
        """What is found of the queries of the check."""
        with Path(path).open("wb") as file:
            np.save(file, self._near(self._border))


prepare = Side
