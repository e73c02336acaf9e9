"""Rows cut out of a shard's vectors, which lie beside it in clip-retrieval's layout (`crawler.embeddings`)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from crawler.dataset.cutting_tables import read_table, write_table
from crawler.embeddings import FOLDER
from crawler.errors import InputError

#: columns of the metadata that hold the keys of samples
_KEYED = ("key", "image_path")
_KINDS = ("img_emb", "text_emb")
_ROWS_AT_ONCE = 4_096
#: what pyarrow compresses with where nothing is said, as in `crawler.embeddings`
_ZSTD_LEVEL = 1


def vector_tables(folder: Path, name: str) -> list[Path]:
    """The metadata of the vectors that a folder of shards has of the shard `name`, one for each engine."""
    return sorted((folder / FOLDER).glob(f"*/metadata/metadata_{name}.parquet"))


def vector_files(folder: Path, name: str) -> list[Path]:
    """All files of the vectors of the shard `name`."""
    found = []
    for metadata in vector_tables(folder, name):
        engine = metadata.parent.parent
        found += [*(engine / kind / f"{kind}_{name}.npy" for kind in _KINDS), metadata]
    return found


def cut_vectors(folder: Path, name: str, target: Path, keys: Mapping[str, str]) -> list[Path]:
    """Write what is left of a shard's vectors below the folder `target`, laid out as below `folder`.

    Args:
        folder: where the shards lie.
        name: the shard's.
        target: another folder, in which none of the files exists yet.
        keys: of the rows that stay, old to new (`crawler.dataset.cutting.Cut`).

    Returns:
        The new files, relative to `target`. An engine none of whose rows stay leaves none.

    Raises:
        InputError: a file is not what it should be.
        OSError: the disk is full.
    """
    made = []
    for metadata in vector_tables(folder, name):
        table = read_table(metadata)
        if "key" not in table.column_names:
            raise InputError(f"{metadata}: has no column key, so that its rows cannot be told apart")
        own = table.column("key").to_pylist()
        keep = np.array([place for place, key in enumerate(own) if key in keys], np.int64)
        if not len(keep):
            continue
        engine = metadata.parent.parent
        for kind in _KINDS:
            path = engine / kind / f"{kind}_{name}.npy"
            made.append(path.relative_to(folder))
            _cut_npy(path, _made_room(target / made[-1]), keep, len(own))
        made.append(metadata.relative_to(folder))
        write_table(
            _made_room(target / made[-1]), table, keep, like=metadata, keys=keys, keyed=_KEYED, zstd_level=_ZSTD_LEVEL
        )
    return made


def _made_room(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def _cut_npy(source: Path, target: Path, keep: np.ndarray, rows: int) -> None:
    try:
        vectors = np.load(source, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError) as error:
        raise InputError(f"{source}: cannot be read as vectors: {error}") from error
    if vectors.ndim != 2 or len(vectors) != rows:
        raise InputError(f"{source}: has {len(vectors)} rows where its metadata has {rows}")
    header = {"descr": vectors.dtype.str, "fortran_order": False, "shape": (len(keep), vectors.shape[1])}
    with target.open("xb") as file:
        np.lib.format.write_array_header_1_0(file, header)
        for start in range(0, len(keep), _ROWS_AT_ONCE):
            file.write(np.ascontiguousarray(vectors[keep[start : start + _ROWS_AT_ONCE]]).tobytes())
