"""The vectors of a shard's pictures and captions, where the recipe keeps them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from workers.tracker.checking.inside.files import engines_kept, vectors_of
from workers.tracker.checking.inside.tables import opened, rows_of
from workers.tracker.checking.inside.wrong import WrongError, insist
from workers.tracker.checking.orders import Look

#: of a vector of float16 numbers from one, twice the worst that rounding does at 1,024 numbers
_LENGTH = 0.01
_MOST_DIMENSIONS = 16_384
_HEADER_BYTES = 1_024


def check_vectors(look: Look, scores: Sequence[tuple[str, str]], kept: Sequence[dict[str, Any]]) -> None:
    """Whether each engine's files hold a row for each picture that it embedded, and every picture was embedded.

    Raises:
        WrongError: it is not so.
    """
    if not look.recipe.output.keep_embeddings:
        return
    by_key = {row["key"]: row for row in kept}
    left = set(by_key)
    for engine in engines_kept(look):
        images, texts, metadata = (Path(look.folder) / name for name in vectors_of(look, engine))
        keys = _keys(metadata, scores, by_key, look)
        left -= set(keys)
        if _shape(images, len(keys)) != _shape(texts, len(keys)):
            raise WrongError(f"{images.name}: of another shape than {texts.name}")
    insist(not left, f"{len(left)} pictures were embedded by no engine")


def _keys(path: Path, scores: Sequence[tuple[str, str]], by_key: dict[str, dict[str, Any]], look: Look) -> list[str]:
    columns = [(name, "string") for name in ("image_path", "caption", "url", "key")] + list(scores)
    schema = pa.schema([(name, pa.float64() if kind == "float" else pa.string()) for name, kind in columns])
    keys: list[str] = []
    with opened(path, schema, look.bound) as file:
        for row in rows_of(file):
            wanted = by_key.get(row["key"])
            if wanted is None or row != {"image_path": row["key"], **wanted}:
                raise WrongError(f"{path.name}: a row that is not the table's")
            keys.append(row["key"])
    insist(keys == sorted(set(keys)), f"{path.name}: rows come twice, or out of order")
    return keys


def _shape(path: Path, rows: int) -> tuple[int, ...]:
    """The shape that an .npy file announces and has; its rows have length one, or are those of an overflow."""
    with path.open("rb") as file:
        try:
            insist(np.lib.format.read_magic(file) == (1, 0), f"{path.name}: is of another version")
            shape, fortran, scalar = np.lib.format.read_array_header_1_0(file, max_header_size=_HEADER_BYTES)
        except (ValueError, SyntaxError, EOFError, TypeError) as error:
            raise WrongError(f"{path.name}: is no array: {error}") from error
        insist(scalar == np.dtype("<f2") and not fortran and len(shape) == 2, f"{path.name}: is no array of ours")
        insist(shape[0] == rows, f"{path.name}: {shape[0]} rows, but {rows} in its table")
        insist(0 < shape[1] <= _MOST_DIMENSIONS, f"{path.name}: vectors of {shape[1]} numbers")
        insist(path.stat().st_size == file.tell() + 2 * rows * shape[1], f"{path.name}: not as long as its shape")
        _check_lengths(file, rows, shape[1], path.name)
    return tuple(shape)


def _check_lengths(file: IO[bytes], rows: int, dimensions: int, name: str) -> None:
    for first in range(0, rows, 1024):
        number = min(1024, rows - first)
        block = np.frombuffer(file.read(2 * number * dimensions), "<f2").reshape(number, dimensions)
        lengths: NDArray[np.float32] = np.linalg.norm(block.astype(np.float32), axis=1)
        fits = np.abs(lengths - 1) <= _LENGTH
        overflown = np.isnan(block).all(axis=1)
        insist(bool((fits | overflown).all()), f"{name}: vectors that are not of length one")
