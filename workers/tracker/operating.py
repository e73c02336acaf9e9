"""What an operator's command does at a campaign: open its database, make one move, close it, say what is wrong."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from crawler.errors import RunFolderError, SettingsError
from workers.tracker.clock import Clock, open_clock
from workers.tracker.folder import CampaignFolder
from workers.tracker.moves.records import MoveRefused
from workers.tracker.opening import open_database
from workers.tracker.store import Store, StoreError, Tx

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Desk:
    """A campaign as a command has it before it. The server, if one runs, goes on beside it."""

    folder: CampaignFolder
    store: Store
    clock: Clock


@asynccontextmanager
async def at_desk(path: Path, database: str = "") -> AsyncIterator[Desk]:
    """Open a campaign.

    Raises:
        PairtrawlError: there is none, or its database cannot be opened, or what is asked for cannot be.
    """
    folder = CampaignFolder.open(path)
    try:
        store = open_database(folder, database)
        try:
            yield Desk(folder, store, await open_clock(store))
        finally:
            await store.close()
    except MoveRefused as no:
        raise SettingsError(no.message) from no
    except StoreError as error:
        raise RunFolderError(f"{path}: its database cannot, for now: {error}") from error


def run(path: Path, database: str, work: Callable[[Desk], Awaitable[Result]]) -> Result:
    """Do something at a campaign's desk.

    Raises:
        PairtrawlError: as `at_desk`.
    """

    async def opened() -> Result:
        async with at_desk(path, database) as desk:
            return await work(desk)

    return asyncio.run(opened())


def move(path: Path, database: str, make: Callable[[Tx, float], Result]) -> Result:
    """Make one move; returns when it lasts.

    Raises:
        PairtrawlError: as `at_desk`; the move's own refusal among them.
    """

    async def work(desk: Desk) -> Result:
        now = desk.clock()
        return await desk.store.do(lambda tx: make(tx, now))

    return run(path, database, work)


def seconds_of(when: str) -> float:
    """Seconds since 1970 of a time as people write it; UTC where it says nothing else.

    Raises:
        SettingsError: it is no time.
    """
    if re.fullmatch(r"[0-9]{1,12}(\.[0-9]+)?", when):
        return float(when)
    try:
        said = datetime.fromisoformat(when)
    except ValueError as error:
        raise SettingsError(f"{when}: is no time; write 2026-11-20, 2026-11-20T14:00, or seconds since 1970") from error
    return (said if said.tzinfo else said.replace(tzinfo=UTC)).timestamp()
