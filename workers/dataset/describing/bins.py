"""Numbers of rows in bins: edges that all shards share, so that histograms add up."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute
from numpy.typing import NDArray

pc: Any = pyarrow.compute  # its stubs take no plain texts and numbers

#: found rows, kept rows
Pair = tuple[int, int]

_SIDES = (0, 1, 32, 64, 128, 192, 256, 384, 512, 768, 1024, 1536, 2048, 3072, 4096, 6144, 8192, 16384)
_CHARACTERS = (0, 1, 5, 10, 20, 30, 40, 60, 80, 120, 160, 240, 320, 480, 640, 1000, 2000, 5000)
_WORDS = (0, 1, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 40, 50, 77, 100, 200, 500)
_BYTES = (0, *(1 << power for power in range(8, 31)))
_RATIOS = (0, 1, 1.1, 1.25, 1.34, 1.51, 1.78, 2, 2.5, 3, 4, 6, 10, 20)
#: edges of the bins of numbers; the last bin has no upper end
EDGES: Mapping[str, tuple[float, ...]] = {
    **dict.fromkeys(("width", "height", "original_width", "original_height"), _SIDES),
    "body_bytes": _BYTES,
    "caption_characters": _CHARACTERS,
    "caption_words": _WORDS,
    "aspect_ratio": _RATIOS,
}
#: scores have 40 bins from 0 to 1, and so on from -100 to 100; what is outside is counted in the last one of its side.
#: Multiplied, for 0.3 / 0.025 is less than 12
_BINS_A_UNIT = 40
SCORE_STEP = 1 / _BINS_A_UNIT
_SCORE_BINS = 4000


def scores_of(schema: pa.Schema) -> list[str]:
    """The columns of scores: numbers with a fraction, but for what says something of a column of ours."""
    fixed = {"caption_language_confidence"}
    return [one.name for one in schema if pa.types.is_floating(one.type) and one.name not in fixed]


def numbers_of(table: pa.Table) -> dict[str, NDArray[np.float64]]:
    """The columns of numbers that have histograms, NaN where there is none."""
    found = {name: _floats(table.column(name)) for name in (*_stored(table), *scores_of(table.schema))}
    if {"original_width", "original_height"} <= found.keys():
        sides = np.stack([found["original_width"], found["original_height"]])
        with np.errstate(divide="ignore", invalid="ignore"):
            found["aspect_ratio"] = sides.max(axis=0) / sides.min(axis=0)
    if "caption" in table.column_names:
        captions = pc.cast(table.column("caption"), pa.string())
        found["caption_characters"] = _floats(pc.utf8_length(captions))
        words = pc.list_value_length(pc.utf8_split_whitespace(pc.utf8_trim_whitespace(captions)))
        found["caption_words"] = _floats(pc.if_else(pc.equal(pc.utf8_length(captions), 0), 0, words))
    return found


def _stored(table: pa.Table) -> list[str]:
    return [name for name in EDGES if name in table.column_names and pa.types.is_integer(table.schema.field(name).type)]


def _floats(column: pa.ChunkedArray[Any]) -> NDArray[np.float64]:
    return np.asarray(pc.cast(column, pa.float64(), safe=False).fill_null(np.nan), np.float64)


def binned(name: str, values: NDArray[np.float64], kept: NDArray[np.bool_]) -> dict[int, Pair]:
    """How many rows have a number in which bin, and how many of these are kept."""
    known = np.isfinite(values)
    some = values[known]
    if edges := EDGES.get(name):
        places = np.maximum(np.searchsorted(np.asarray(edges), some, side="right") - 1, 0)
    else:
        places = np.clip(np.floor(some * _BINS_A_UNIT), -_SCORE_BINS, _SCORE_BINS - 1)
    bins, where = np.unique(places.astype(np.int64), return_inverse=True)
    found = np.bincount(where, minlength=len(bins))
    ours = np.bincount(where, weights=kept[known], minlength=len(bins))
    return {int(at): (int(count), int(own)) for at, count, own in zip(bins, found, ours, strict=True)}
