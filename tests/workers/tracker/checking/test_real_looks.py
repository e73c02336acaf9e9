"""From a volunteer's upload to the data set with nothing in between that is not the real thing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path

import pytest

from crawler.job import Tools
from tests.workers.tracker.cheating.real_campaign import RealCampaign, a_campaign
from tests.workers.tracker.honest import extracted, pixel_recipe, pixel_tools
from workers.demo.web import demo_web
from workers.tracker.checking.looked import Evidence
from workers.tracker.checking.real_looks import RealLooks
from workers.tracker.moves.jobs import content_id
from workers.tracker.moves.records import NewJob

Story = Callable[[RealCampaign], Coroutine[None, None, None]]


@pytest.fixture(scope="module")
def tools(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tools]:
    with demo_web() as web:
        yield pixel_tools(pixel_recipe(web.address), tmp_path_factory.mktemp("tools"))


@pytest.fixture(scope="module")
def honest(tools: Tools, tmp_path_factory: pytest.TempPathFactory) -> Evidence:
    """An extract job, done honestly."""
    return extracted(tools, tmp_path_factory.mktemp("honest"))


def job_of(evidence: Evidence) -> NewJob:
    name = content_id(evidence.kind.value, evidence.number, evidence.archive, evidence.recipe_digest)
    return NewJob(evidence.kind.value, evidence.number, name, evidence.archive, evidence.form)


def run(path: Path, tools: Tools, story: Story) -> None:
    async def told() -> None:
        async with a_campaign(path, tools, RealLooks(tools)) as campaign:
            await story(campaign)

    asyncio.run(told())


@pytest.mark.slow
def test_what_two_strangers_agree_on_is_in_the_data_set_under_the_names_of_a_local_run(
    tmp_path: Path, tools: Tools, honest: Evidence
) -> None:
    async def story(campaign: RealCampaign) -> None:
        await campaign.join("one", "two")
        await campaign.add(job_of(honest))
        first = await campaign.deliver("one", honest)
        await campaign.check()
        assert await campaign.result(first) == "received"  # nobody else has done it yet
        assert not list((tmp_path / "candidates").glob("*"))
        second = await campaign.deliver("two", honest)
        await campaign.check()
        assert [await campaign.result(first), await campaign.result(second)] == ["valid", "valid"]
        assert await campaign.job(0, "extract") == "committed"
        for name in ("00000.parquet", "00000.json"):
            assert (tmp_path / "candidates" / name).read_bytes() == (honest.folder / name).read_bytes()
        assert await campaign.value("SELECT SUM(jobs) FROM ledger") == 1

    run(tmp_path, tools, story)
