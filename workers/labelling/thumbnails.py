"""What jobs have kept of rows that have no picture: which of it stands for all of a filter's rejected rows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import xxhash

from crawler.errors import InputError
from workers.labelling.places import Place


class Thumbnail(NamedTuple):
    """One picture that was kept, without its bytes."""

    table: Path  # of its shard
    content_id: str
    filter: str  # as the recipe names it; "" for the job as a whole
    band: str  # "kept", "borderline", "rejected"
    blurred: bool  # for good: nobody can say whether it matches


def thumbnails_of(place: Place) -> list[Thumbnail]:
    """All that a run has kept, in the order of its shards; nothing for what is no run.

    Raises:
        InputError: a file cannot be read.
    """
    return [] if place.run is None else [one for table in place.tables for one in _of_shard(table)]


def random_part(thumbnails: Sequence[Thumbnail], place: Place) -> tuple[str, ...]:
    """Of the thumbnails of one filter and band those that are a random sample of all such rows, in a random order.

    Each shard kept those of the smallest hashes, so many. A shard that kept as many had more of them, from which hash
    on is known: below the least of these limits there is no row of which a thumbnail is missing.
    """
    most = 0 if place.run is None else _kept_a_shard(place)
    ranks: dict[Path, dict[str, int]] = defaultdict(dict)
    for one in thumbnails:
        ranks[one.table][one.content_id] = _rank(one.content_id)
    limit = min((max(there.values()) for there in ranks.values() if len(there) >= most), default=None)
    all_of_them = {content_id: rank for there in ranks.values() for content_id, rank in there.items()}
    inside = [one for one, rank in all_of_them.items() if limit is None or rank <= limit]
    return tuple(sorted(inside, key=lambda one: all_of_them[one]))


def _rank(content_id: str) -> int:
    """The number whose smallest a shard keeps (`crawler.thumbnails`)."""
    return xxhash.xxh3_64_intdigest(content_id.encode())


def _kept_a_shard(place: Place) -> int:
    pinned = None if place.run is None else place.run.pinned()
    return 0 if pinned is None else pinned.recipe.output.thumbnails


def _of_shard(table: Path) -> Iterator[Thumbnail]:
    import pyarrow as pa  # noqa: PLC0415 - heavy
    import pyarrow.parquet as pq  # noqa: PLC0415 - heavy

    from crawler.thumbnails import thumbnails_path  # noqa: PLC0415 - heavy

    path = thumbnails_path(table.parent, table.stem)
    if not path.exists():
        return
    try:
        rows = pq.read_table(path, columns=["content_id", "filter", "band", "blurred"]).to_pylist()
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"{path}: cannot be read as a parquet table: {error}; run its shard again") from error
    for row in rows:
        yield Thumbnail(table, row["content_id"], row["filter"], row["band"], row["blurred"])
