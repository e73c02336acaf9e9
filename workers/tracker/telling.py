"""How a campaign stands, for an operator's terminal."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec

from workers.tracker.moves import figures
from workers.tracker.moves.figure_records import Overview
from workers.tracker.operating import Desk, run
from workers.tracker.settings import read_settings
from workers.tracker.uploads.collecting import fsck_objects
from workers.tracker.uploads.reserving import open_uploads


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """What `tracker status` tells."""

    name: str
    recipe: str
    public_key: str
    overview: Overview


def status_of(path: Path, database: str) -> Status:
    """How far the campaign is.

    Raises:
        PairtrawlError: it cannot be opened.
    """

    async def work(desk: Desk) -> Status:
        campaign, now = desk.folder.campaign(), desk.clock()
        overview = await desk.store.look(lambda tx: figures.overview(tx, now))
        return Status(
            name=campaign.name, recipe=campaign.recipe_digest, public_key=desk.folder.signed_campaign().public_key,
            overview=overview,
        )  # fmt: skip

    return run(path, database, work)


def status_lines(status: Status) -> Iterator[str]:
    """The same for people."""
    overview = status.overview
    yield f"{status.name}: recipe {status.recipe}{f', {overview.paused}' if overview.paused else ''}"
    for kind, states in overview.jobs.items():
        yield f"{kind}: " + ", ".join(f"{number:,} {state}" for state, number in sorted(states.items()))
    yield f"verified: {overview.verified_jobs:,} jobs, {overview.verified_pairs:,} pairs"
    yield f"now: {overview.workers_now:,} workers, {overview.leases_now:,} leases"
    yield f"waiting for a check: {overview.results_waiting:,} results"


def problems_of(path: Path, database: str, *, mend: bool) -> list[str]:
    """Everything that is not as it must be, in the database and between it and the uploads.

    Raises:
        PairtrawlError: it cannot be opened.
    """

    async def work(desk: Desk) -> list[str]:
        now = desk.clock()
        found = await desk.store.look(lambda tx: figures.fsck(tx, now))
        uploads = open_uploads(read_settings(desk.folder.settings).uploads, desk.folder.tracker, desk.store, desk.clock)
        try:
            return [*found, *await fsck_objects(uploads, mend=mend)]
        finally:
            await uploads.close()

    return run(path, database, work)
