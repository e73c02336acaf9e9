"""What jobs have kept of rows that have no picture: which of it stands for all of a filter's rejected rows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from crawler.thumbnails import rank_of
from workers.labelling.places import Place
from workers.report.sample_rows import read_thumbnails, thumbnails_of_tables


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
    return [
        Thumbnail(table, row["content_id"], row["filter"], row["band"], row["blurred"])
        for table, path in (thumbnails_of_tables(place.tables) if place.run is not None else ())
        for row in read_thumbnails(path, ("content_id", "filter", "band", "blurred"))
    ]


def random_part(thumbnails: Sequence[Thumbnail], place: Place) -> tuple[str, ...]:
    """Of the thumbnails of one filter and band those that are a random sample of all such rows, in a random order.

    Each shard kept those of the smallest hashes, so many. A shard that kept as many had more of them, from which hash
    on is known: below the least of these limits there is no row of which a thumbnail is missing.
    """
    most = 0 if place.run is None else _kept_a_shard(place)
    ranks: dict[Path, dict[str, int]] = defaultdict(dict)
    for one in thumbnails:
        ranks[one.table][one.content_id] = rank_of(one.content_id)
    limit = min((max(there.values()) for there in ranks.values() if len(there) >= most), default=None)
    all_of_them = {content_id: rank for there in ranks.values() for content_id, rank in there.items()}
    inside = [one for one, rank in all_of_them.items() if limit is None or rank <= limit]
    return tuple(sorted(inside, key=lambda one: all_of_them[one]))


def _kept_a_shard(place: Place) -> int:
    pinned = None if place.run is None else place.run.pinned()
    return 0 if pinned is None else pinned.recipe.output.thumbnails
