"""Gold jobs of a campaign, made by an operator's command on a machine that is trusted."""

from __future__ import annotations

from pathlib import Path

from crawler.errors import SettingsError
from crawler.job import JobKind
from workers.assemble import assemble
from workers.scratch import own_scratch
from workers.tracker.checking.gold import make_gold
from workers.tracker.checking.running import recipe_of
from workers.tracker.operating import Desk, run


def gild(path: Path, database: str, *, kind: str, jobs: int, copies: int) -> int:
    """Do some of a campaign's jobs here, and add gold copies of them; returns how many were added.

    Raises:
        PairtrawlError: the campaign has no such jobs, or one of them cannot be done here.
    """

    async def work(desk: Desk) -> int:
        kinds = desk.folder.campaign().kinds
        if kind not in kinds:
            raise SettingsError(f"--kind {kind}: this campaign has {', '.join(kinds)} jobs")
        with own_scratch(desk.folder.tracker / "checking", "gold") as scratch:
            tools = assemble(recipe_of(desk), scratch, kind=JobKind(kind))
            return await make_gold(path, desk.store, desk.clock, tools, kind=kind, jobs=jobs, copies=copies)

    return run(path, database, work)
