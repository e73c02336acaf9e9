"""Who made which shard of a campaign: what the tracker's database says of the results that are in the data set."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from crawler.dataset.manifest import Lineage
from crawler.errors import InputError

#: kinds of job that leave a shard, under the job's number
_OF_SHARDS = ("crawl", "score")


def lineage_of(folder: Path) -> dict[int, Lineage]:
    """Worker and time of each shard of a campaign's run folder, by its number; empty where no tracker was at work.

    The worker is the number by which the operator's commands and pages know it; the time is when the tracker received
    the result.

    Raises:
        InputError: the database is there and cannot be read.
    """
    database = folder / "tracker" / "tracker.db"
    if not database.is_file():
        return {}
    query = (
        "SELECT j.number, r.worker, r.received_at FROM results r JOIN jobs j ON j.id = r.job"  # noqa: S608 - constants
        f" WHERE r.canonical = 1 AND r.in_data = 1 AND j.gold = 0 AND j.kind IN ({', '.join('?' * len(_OF_SHARDS))})"
    )
    try:
        link = sqlite3.connect(f"{database.absolute().as_uri()}?mode=ro", uri=True)
        try:
            rows = link.execute(query, _OF_SHARDS).fetchall()
        finally:
            link.close()
    except sqlite3.Error as error:
        raise InputError(f"{database}: cannot be read: {error}; commit a folder without it, or restore it") from error
    return {number: Lineage(str(worker), int(at)) for number, worker, at in rows}
