"""The rows of a result, read back with their pictures: for screening, and to write it again without some.

Read only what the locked-down process has read before, as a whole.
"""

from __future__ import annotations

import tarfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from crawler.embeddings import FOLDER
from crawler.errors import RunFolderError
from crawler.raw import read_rows
from crawler.records import Candidate, Embedded
from crawler.rows import Pictured
from crawler.settings import Recipe
from crawler.statuses import SUCCESS
from crawler.write import key_of, shard_paths
from workers.tracker.checking.canaries import FetchedRow
from workers.tracker.checking.looked import Evidence

#: vectors have no candidate here: what writes them asks for the numbers alone
_NOBODY: Any = None


@dataclass(frozen=True, slots=True)
class ShardRow:
    """One row of a result, whatever kind of job made it."""

    index: int
    pictured: Pictured  # without its key; an extension of "" is that of a rejected row


def reasoned_candidates(table: Path) -> Iterator[tuple[Candidate, str | None]]:
    """The rows of a candidate table, each with the filter that rejected it.

    Raises:
        RunFolderError: it cannot be read.
    """
    import pyarrow as pa  # noqa: PLC0415 - heavy
    import pyarrow.parquet as pq  # noqa: PLC0415 - heavy

    from crawler.tables import row_candidate  # noqa: PLC0415 - pyarrow

    try:
        with pq.ParquetFile(table) as file:
            for group in range(file.num_row_groups):
                for row in file.read_row_group(group).to_pylist():
                    yield row_candidate(row), row["reason"]
    except (OSError, KeyError, ValueError, pa.ArrowException) as error:
        raise RunFolderError(f"{table}: cannot be read as a candidate table: {error!r}") from error


def raw_rows(path: Path) -> Iterator[ShardRow]:
    """The rows of a raw shard.

    Raises:
        RunFolderError: it cannot be read.
    """
    for index, pictured in read_rows(path):
        yield ShardRow(index, pictured)


def shard_rows(folder: Path, number: int, recipe: Recipe, rows: int) -> Iterator[ShardRow]:
    """The rows of a shard with their pictures, in order; `rows` of the job's table as it was handed out.

    Raises:
        RunFolderError: it cannot be read, or table and tar are not of one shard.
    """
    import pyarrow as pa  # noqa: PLC0415 - heavy
    import pyarrow.parquet as pq  # noqa: PLC0415 - heavy

    paths = shard_paths(folder, number, recipe.output)
    most = max(recipe.plan.rows_per_job, rows)
    places = {key_of(number, index, most, recipe.output): index for index in range(rows)}
    try:
        with tarfile.open(paths.tar, "r:") as tar, pq.ParquetFile(paths.table) as table:
            pictures = _pictures(tar)
            for batch in table.iter_batches(256):
                for row in batch.to_pylist():
                    key = row.pop("key")
                    known = {name: value for name, value in row.items() if value is not None}
                    image, extension = b"", ""
                    if known["status"] == SUCCESS:
                        name, image = next(pictures)
                        stem, _, extension = name.partition(".")
                        if stem != key:
                            raise RunFolderError(f"{paths.tar}: holds {name} where {key} should be")
                    yield ShardRow(places[key], Pictured(known, image, extension))
    except (OSError, KeyError, StopIteration, tarfile.TarError, pa.ArrowException) as error:
        raise RunFolderError(f"{paths.table}: cannot be read as a shard: {error!r}") from error


def _pictures(tar: tarfile.TarFile) -> Iterator[tuple[str, bytes]]:
    """The pictures of a shard's tar: every third member."""
    for place, member in enumerate(tar):
        if place % 3 == 0:
            file = tar.extractfile(member)
            yield member.name, file.read() if file else b""


def scores_of(folder: Path, number: int, recipe: Recipe) -> list[tuple[str, str]]:
    """The score columns of a shard's table: those between ours."""
    import pyarrow.parquet as pq  # noqa: PLC0415 - heavy

    schema = pq.read_schema(shard_paths(folder, number, recipe.output).table)
    first, last = schema.get_field_index("pdq_quality") + 1, schema.get_field_index("reason")
    kinds = {"double": "float", "string": "string"}
    return [(schema.names[place], kinds[str(schema.types[place])]) for place in range(first, last)]


def vectors_of(folder: Path, name: str) -> dict[str, dict[str, Embedded]]:
    """What engines made of the pictures of a shard, by key; the names of their folders stand for theirs."""
    import numpy as np  # noqa: PLC0415 - heavy
    import pyarrow.parquet as pq  # noqa: PLC0415 - heavy

    found: dict[str, dict[str, Embedded]] = {}
    for engine in sorted((folder / FOLDER).glob("*")):
        described = engine / "metadata" / f"metadata_{name}.parquet"
        if not described.exists():
            continue
        images = np.load(engine / "img_emb" / f"img_emb_{name}.npy", allow_pickle=False)
        texts = np.load(engine / "text_emb" / f"text_emb_{name}.npy", allow_pickle=False)
        keys: Iterable[Any] = pq.read_table(described, columns=["image_path"]).column(0).to_pylist()
        for key, image, text in zip(keys, images, texts, strict=True):
            found.setdefault(key, {})[engine.name] = Embedded(_NOBODY, image, text, "")
    return found


def told_of(evidence: Evidence, addresses: frozenset[str]) -> dict[str, FetchedRow]:
    """What a fetch or crawl result says of these addresses; without those of which it says nothing."""
    import pyarrow as pa  # noqa: PLC0415 - heavy
    import pyarrow.compute as pc  # noqa: PLC0415 - heavy
    import pyarrow.parquet as pq  # noqa: PLC0415 - heavy

    (name,) = (one.name for one in evidence.manifest.artefacts if one.name == f"{evidence.number:05d}.parquet")
    wanted = pa.array(sorted(addresses))
    columns = ["url", "status", "reason", "sha256"]
    try:
        rows = pq.read_table(evidence.folder / name, columns=columns, filters=pc.field("url").isin(wanted)).to_pylist()
    except (OSError, pa.ArrowException) as error:
        raise RunFolderError(f"{name}: cannot be read any more: {error}") from error
    return {row["url"]: FetchedRow(row["status"], row["reason"] or "", row["sha256"] or "") for row in rows}
