"""`pairtrawl tracker check`: a checker of a campaign, from its settings to its end."""

from __future__ import annotations

import asyncio
import os
import platform
import secrets
import signal
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from crawler.errors import RunFolderError
from crawler.settings import Recipe
from workers.assemble import assemble
from workers.recipes import recipe_or_default
from workers.scratch import own_scratch
from workers.tracker.checking.canaries import CanaryMaker
from workers.tracker.checking.gathering import Gathering
from workers.tracker.checking.loop import Checker
from workers.tracker.checking.promoting import Promoter
from workers.tracker.checking.real_looks import RealLooks
from workers.tracker.checking.screening import Screener
from workers.tracker.operating import Desk, at_desk
from workers.tracker.settings import read_settings
from workers.tracker.uploads.reserving import Uploads, open_uploads


@dataclass(frozen=True, slots=True)
class Checking:
    """What `tracker check` was told."""

    campaign: Path
    database: str = ""
    #: a recipe with filters that withhold; on the screening host alone
    screening: Path | None = None
    #: end when nothing waits
    once: bool = False
    say: Callable[[str], None] = field(default=print)


async def run_checker(asked: Checking) -> int:
    """Look at results and promote them until told to stop; returns how many were looked at.

    Raises:
        PairtrawlError: it cannot begin: no campaign here, a list that cannot be used, a package that is missing.
    """
    async with at_desk(asked.campaign, asked.database) as desk:
        settings = read_settings(desk.folder.settings)
        uploads = open_uploads(settings.uploads, desk.folder.tracker, desk.store, desk.clock)
        try:
            with own_scratch(desk.folder.tracker / "checking", "check") as scratch:
                checker = _made(asked, desk, scratch, uploads)
                return await checker.run(_told_to_stop(), once=asked.once)
        finally:
            await uploads.close()


def _made(asked: Checking, desk: Desk, scratch: Path, uploads: Uploads) -> Checker:
    folder = desk.folder
    settings = read_settings(folder.settings)
    recipe = recipe_of(desk)
    maker = CanaryMaker(bytes.fromhex(folder.read_secrets().canary_key), settings.canaries)
    screener = None
    if asked.screening is not None:
        screener = Screener.of(recipe_or_default(asked.screening, []), recipe, scratch / "screening")
        asked.say(f"screening by {len(screener.tools.screening.withheld)} confidential filters")
    tools = assemble(recipe, scratch=scratch / "tools")
    return Checker(
        name=f"{platform.node()}-{os.getpid()}-{secrets.token_hex(4)}",
        store=desk.store,
        clock=desk.clock,
        policy=settings.trust,
        gathering=Gathering(folder.path, recipe, uploads, maker),
        looks=RealLooks(tools),
        promoter=Promoter(folder.path, recipe, maker, screener),
        scratch=scratch,
    )


def recipe_of(desk: Desk) -> Recipe:
    """The campaign's recipe, with the folder on which its files stand.

    Raises:
        RunFolderError: the run is of another recipe.
    """
    campaign, pinned = desk.folder.campaign(), desk.folder.run.pinned()
    if pinned is None or pinned.recipe_digest != campaign.recipe_digest:
        raise RunFolderError(f"{desk.folder.path}: run.json and the campaign are of different recipes")
    return pinned.recipe


def _told_to_stop() -> asyncio.Event:
    """Set by SIGINT and SIGTERM."""
    stop = asyncio.Event()
    running = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        running.add_signal_handler(number, stop.set)
    return stop
