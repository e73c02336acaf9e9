"""`pairtrawl tracker check`, killed with SIGKILL at each of its boundaries, one after another; then it ends well."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import pytest

from tests.workers.tracker.cheating.real_campaign import RealCampaign, a_campaign
from tests.workers.tracker.honest import extracted, pixel_recipe
from tests.workers.tracker.mutations import Rows, with_candidates
from workers.assemble import assemble
from workers.tracker.checking.looked import Evidence
from workers.tracker.checking.real_looks import RealLooks
from workers.tracker.moves.records import NewJob

#: in the order in which a checker comes by
PLACES = (
    "checking.looked",
    "checking.concluded",
    "promoting.begun",
    "promoting.before_marker",
    "promoting.placed",
    "checking.promoted",
)


def check(campaign: Path, place: str = "") -> int:
    """Run the command until nothing is left, or until it is killed."""
    done = subprocess.run(
        [sys.executable, "-m", "workers", "tracker", "check", str(campaign), "--once"],
        env=os.environ | {"PAIRTRAWL_FAILPOINT": place},
        check=False,
    )
    return done.returncode


def a_job(evidence: Evidence, number: int) -> NewJob:
    return NewJob("extract", number, f"job {number}", evidence.archive, evidence.form)


def numbered(evidence: Evidence, folder: Path, number: int) -> Evidence:
    """The same result as that of another job: names, report and manifest fit."""
    folder.mkdir()
    old, new = f"{evidence.number:05d}", f"{number:05d}"
    for path in evidence.folder.iterdir():
        content = path.read_bytes().replace(f"extract-{old}".encode(), f"extract-{new}".encode())
        (folder / path.name.replace(old, new)).write_bytes(content)
    manifest = msgspec.structs.replace(evidence.manifest, number=number)
    return Evidence(
        kind=evidence.kind, number=number, folder=folder, input=None, archive=evidence.archive, form=evidence.form,
        manifest=manifest, recipe=evidence.recipe, recipe_digest=evidence.recipe_digest,
    )  # fmt: skip


def adverts(rows: Rows) -> Rows:
    for row in rows:
        row["caption"] = "Buy it at Example's"
    return rows


@pytest.mark.minutes
def test_killed_at_every_boundary_in_turn_the_data_set_is_the_undisturbed_one(tmp_path: Path) -> None:
    recipe = pixel_recipe("127.0.0.1:9")
    judged = tuple(one for one in recipe.filters if one.use != "pictures.clip_similarity")
    tools = assemble(msgspec.structs.replace(recipe, filters=judged), tmp_path / "scratch")
    first = extracted(tools, tmp_path / "first")
    second = numbered(first, tmp_path / "second", 1)
    lie = with_candidates(numbered(first, tmp_path / "third", 2), tmp_path / "lie", adverts)
    path = tmp_path / "campaign"

    async def at(step: int) -> None:
        async with a_campaign(path, tools, RealLooks(tools)) as campaign:
            await steps[step](campaign)

    async def begins(campaign: RealCampaign) -> None:
        campaign.now = time.time()  # as the command's clock
        await campaign.join("liar", trusted="extract")
        await campaign.add(a_job(first, 0), a_job(first, 1))
        for _ in range(2):
            await campaign.deliver_any("liar", {0: first, 1: second})

    async def goes_on(campaign: RealCampaign) -> None:
        await campaign.store.do(lambda tx: tx.run("UPDATE results SET check_until = 0 WHERE state = 'checking'"))

    async def lies(campaign: RealCampaign) -> None:
        campaign.now = time.time()
        await campaign.add(a_job(first, 2))
        campaign.workers["liar"] = 1
        await campaign.deliver("liar", lie)

    steps = [begins, goes_on, lies]
    asyncio.run(at(0))
    for place in PLACES:
        assert check(path, place) == -signal.SIGKILL, place
        asyncio.run(at(1))
    assert check(path) == 0
    wanted = {one.name: one.read_bytes() for result in (first, second) for one in result.folder.iterdir()}
    assert {one.name: one.read_bytes() for one in (path / "candidates").iterdir()} == wanted
    asyncio.run(at(2))
    assert check(path, "checking.withdrawn") == -signal.SIGKILL
    assert check(path) == 0
    assert list((path / "candidates").iterdir()) == []
