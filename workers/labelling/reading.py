"""Some rows of a place by their ids, with their pictures: out of tars, thumbnails, or the objects of a version."""

from __future__ import annotations

import tarfile
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import xxhash

from crawler.dataset.manifest import Shard
from crawler.dataset.store import Store
from crawler.errors import InputError
from workers.labelling.places import Place

if TYPE_CHECKING:
    import pyarrow as pa

_BESIDE = ("json", "txt")
#: columns that hold pictures, where a table does
_PICTURES = ("jpg", "png", "webp")


class Found(NamedTuple):
    """A row, and its picture."""

    content_id: str
    row: Mapping[str, Any]  # the columns of its table that have a value
    image: bytes  # as the shard has it, or a thumbnail; never empty


def row_id(row: Mapping[str, Any]) -> str:
    """The id of a row, also of one that says none: what `crawler.records.Candidate` would say."""
    said = row.get("content_id")
    return (
        str(said) if said else xxhash.xxh3_128_hexdigest(f"{row.get('url') or ''}\n{row.get('caption') or ''}".encode())
    )


def found_rows(place: Place, content_ids: Collection[str]) -> Iterator[Found]:
    """Those of these rows that have a picture, each once, in the order of the tables; files are opened that have some.

    Raises:
        InputError: a table or tar cannot be read.
        DatasetError: a file of a version is missing.
    """
    wanted = frozenset(content_ids)
    seen: set[str] = set()
    parts: Iterator[Found]
    if place.store is not None:
        parts = (one for shard in place.shards for one in _of_version(place.store, shard, wanted))
    else:
        parts = (one for table in place.tables for one in _of_table(table, wanted))
    for one in parts:
        if one.content_id not in seen:
            seen.add(one.content_id)
            yield one


def _of_table(path: Path, wanted: frozenset[str]) -> Iterator[Found]:
    rows = _rows(path, wanted)
    if not rows:
        return
    images = _images(path, {str(row["key"]) for row in rows.values() if row.get("key")})
    small = _thumbnails(path, wanted)
    for content_id, row in rows.items():
        own = next((row.pop(name) for name in _PICTURES if row.get(name)), b"")
        image = own or images.get(str(row.get("key")), b"")
        if image or content_id in small:
            yield Found(content_id, row, image or small[content_id])


def _rows(path: Path, wanted: frozenset[str]) -> dict[str, dict[str, Any]]:
    """The wanted rows of a table, by id. What names them is read first: most tables have none of them."""
    from workers.dataset.columns import Table, uids_of  # noqa: PLC0415 - heavy

    table = Table.open(path)
    here: set[int] = set()
    begin = 0
    for part in table.batches(table.id_columns):
        ids = [uid.tobytes().hex() for uid in uids_of(part)]
        here.update(begin + place for place, one in enumerate(ids) if one in wanted)
        begin += len(ids)
    if not here:
        return {}
    found: dict[str, dict[str, Any]] = {}
    begin = 0
    for part in table.batches(_names(table.names)):
        inside = [place - begin for place in sorted(here) if begin <= place < begin + part.num_rows]
        for row in part.take(inside).to_pylist():
            known = {name: value for name, value in row.items() if value is not None}
            found.setdefault(row_id(known), known)
        begin += part.num_rows
    return found


def _names(names: Mapping[str, str]) -> list[str]:
    """Our names of the columns, each once."""
    theirs = {written: ours for ours, written in names.items()}  # the last name of a column is ours
    return list(theirs.values())


def _images(table: Path, keys: Collection[str]) -> dict[str, bytes]:
    """The pictures of these keys that lie beside a table, in a tar or a folder."""
    tar, folder = table.with_suffix(".tar"), table.with_suffix("")
    found: dict[str, bytes] = {}
    try:
        if tar.exists():
            with tarfile.open(tar, "r:") as archive:
                for member in archive:
                    key, _, extension = member.name.partition(".")
                    if key in keys and extension not in _BESIDE and (file := archive.extractfile(member)) is not None:
                        found[key] = file.read()
                        if len(found) == len(keys):
                            break
        elif folder.is_dir():
            for one in folder.iterdir():
                key, _, extension = one.name.partition(".")
                if key in keys and extension not in _BESIDE:
                    found[key] = one.read_bytes()
    except (OSError, tarfile.TarError) as error:
        raise InputError(f"{tar}: cannot be read as the pictures of a shard: {error}") from error
    return found


def _thumbnails(table: Path, wanted: Collection[str]) -> dict[str, bytes]:
    """The thumbnails of these rows that their job has kept, but for those that are blurred for good."""
    import pyarrow as pa  # noqa: PLC0415 - heavy
    import pyarrow.parquet as pq  # noqa: PLC0415 - heavy

    from crawler.thumbnails import thumbnails_path  # noqa: PLC0415 - heavy

    path = thumbnails_path(table.parent, table.stem)
    if not path.exists():
        return {}
    try:
        rows = pq.read_table(path, columns=["content_id", "jpeg", "blurred"]).to_pylist()
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"{path}: cannot be read as a parquet table: {error}; run its shard again") from error
    return {row["content_id"]: row["jpeg"] for row in rows if row["content_id"] in wanted and not row["blurred"]}


def _of_version(store: Store, shard: Shard, wanted: frozenset[str]) -> Iterator[Found]:
    """Masked and purged rows are in no version, and so not here."""
    from crawler.dataset.tables import POSITION, rows_of, standing  # noqa: PLC0415 - heavy
    from crawler.dataset.tar_index import read_index  # noqa: PLC0415 - heavy
    from workers.dataset.columns import Table  # noqa: PLC0415 - heavy

    if shard.tar is None or shard.index is None:
        return
    here = _inside(store, shard, wanted)
    if not here:
        return
    # a column of ours is called what `rows_of` calls the place of a row in its shard
    columns = [one for one in _names(Table.open(standing(store, shard.table).path).names) if one != POSITION]
    rows: dict[str, tuple[str, dict[str, Any]]] = {}
    for batch in rows_of(store, shard, columns):
        for row in batch.filter(_is_in(batch, here)).to_pylist():
            known = {name: value for name, value in row.items() if value is not None}
            rows[str(known.get("key"))] = (row_id(known), known)
    index = read_index(standing(store, shard.index).path)
    with standing(store, shard.tar).path.open("rb") as tar:
        for sample in index.to_pylist():
            if sample["key"] in rows and sample["image_bytes"]:
                tar.seek(sample["image_offset"])
                content_id, known = rows[sample["key"]]
                yield Found(content_id, known, tar.read(sample["image_bytes"]))


def _inside(store: Store, shard: Shard, wanted: frozenset[str]) -> frozenset[int]:
    """Positions of the wanted rows of a shard."""
    from workers.dataset.version_rows import shard_uids  # noqa: PLC0415 - heavy

    positions, uids = shard_uids(store, shard)
    return frozenset(
        int(position) for position, uid in zip(positions, uids, strict=True) if uid.tobytes().hex() in wanted
    )


def _is_in(batch: pa.RecordBatch, positions: frozenset[int]) -> Any:  # noqa: ANN401 - pyarrow's arrays of truth
    import pyarrow as pa  # noqa: PLC0415 - heavy

    from crawler.dataset.tables import POSITION  # noqa: PLC0415 - heavy

    return pa.array([one in positions for one in batch.column(POSITION).to_pylist()], pa.bool_())
