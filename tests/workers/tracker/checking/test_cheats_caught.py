"""Cheats with real files, through the whole checker: the mutations of `mutations.py`, and what becomes of who made them."""

from __future__ import annotations

import asyncio
import random
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec
import pytest

from crawler.job import JobKind
from crawler.job.screening import Screening
from crawler.records import Picture, Verdict
from crawler.settings import Recipe
from crawler.write import shard_paths
from tests.builders import image_bytes
from tests.workers.tracker.cheating.real_campaign import RealCampaign, a_campaign
from tests.workers.tracker.checking.made import Here, Made
from tests.workers.tracker.mutations import (
    Rows,
    Samples,
    kept,
    said_dead,
    scored,
    with_candidates,
    with_raw_rows,
    with_rows,
)
from workers.tracker.checking.looked import Evidence
from workers.tracker.checking.real_looks import RealLooks
from workers.tracker.checking.result_rows import shard_rows
from workers.tracker.checking.screening import Screener
from workers.tracker.moves.records import NewJob
from workers.tracker.states import WorkerState

pytestmark = pytest.mark.slow


def looks_of(results: Made) -> RealLooks:
    """The same samples in every run: a job of 120 rows at a dozen hosts is little for the web look."""
    return RealLooks(results.tools, cell=Here(), seed=lambda _count: b"seed")


async def add(campaign: RealCampaign, evidence: Evidence) -> None:
    """The job that this is a result of, with its input where the campaign has it."""
    name = evidence.archive
    if evidence.input is not None:
        name = f"{'raw' if evidence.kind is JobKind.SCORE else 'plan'}/{evidence.number:05d}.parquet"
        (campaign.folder.path / name).parent.mkdir(exist_ok=True)
        shutil.copyfile(evidence.input, campaign.folder.path / name)
    await campaign.add(NewJob(evidence.kind.value, evidence.number, f"{evidence.kind} job", name, evidence.form))


def made_up(share: float) -> Callable[[Rows], Rows]:
    def change(rows: Rows) -> Rows:
        for row in rows[:: round(1 / share)]:
            row["caption"] = "Buy it at Example's"
        return rows

    return change


def raised(samples: Samples) -> None:
    for index in kept(samples):
        samples[index] = scored(samples[index], samples[index].row["similarity"] + 0.02)


def constant(samples: Samples) -> None:
    for index in kept(samples):
        samples[index] = scored(samples[index], 0.31)


def swapped(samples: Samples) -> None:
    """Every picture is the next one's, with its hashes and honestly computed scores."""
    indexes = kept(samples)
    pictures = [samples[index] for index in indexes]
    for index, other in zip(indexes, pictures[1:] + pictures[:1], strict=True):
        of_the_picture = ("sha256", "md5", "sha1", "phash", "pdq", "pdq_quality", "width", "height", "original_width",
                          "original_height", "format", "body_bytes", "similarity")  # fmt: skip
        row = samples[index].row | {name: other.row[name] for name in of_the_picture if name in other.row}
        samples[index] = other._replace(row=row)


def dead(samples: Samples) -> None:
    for index in kept(samples):
        samples[index] = said_dead(samples[index])


def adverts(samples: Samples) -> None:
    for place, index in enumerate(kept(samples)):
        draw = random.Random(place)
        row = samples[index].row | {
            "sha256": f"{place:064x}", "phash": f"{draw.getrandbits(64):016x}", "pdq": f"{draw.getrandbits(256):064x}",
            "width": 80, "height": 60,
        }  # fmt: skip
        samples[index] = samples[index]._replace(row=row, image=image_bytes((80, 60), kind="JPEG"))


@dataclass(frozen=True)
class Lie:
    """A way to cheat, and which look must find it."""

    name: str
    result: str
    make: Callable[[Made, Path], Evidence]
    found_by: set[str]


LIES = (
    Lie("made-up captions", "extract", lambda made, to: with_candidates(made.extract, to, made_up(0.5)), {"parse"}),
    Lie("a candidate table of nothing", "extract", lambda made, to: with_candidates(made.extract, to, lambda _rows: []), {"structure", "parse"}),
    Lie("scores raised by 0.02", "crawl", lambda made, to: with_rows(made.crawl, to, made.tools, raised), {"score", "structure"}),
    Lie("constant scores", "score", lambda made, to: with_rows(made.score, to, made.tools, constant), {"score", "structure"}),
    Lie("pictures of other rows", "crawl", lambda made, to: with_rows(made.crawl, to, made.tools, swapped), {"score", "web", "structure"}),
    Lie("all dead", "fetch", lambda made, to: with_raw_rows(made.fetch, to, made.tools, dead), {"web"}),
    Lie("adverts", "fetch", lambda made, to: with_raw_rows(made.fetch, to, made.tools, adverts), {"score", "web", "structure"}),
)  # fmt: skip


# checklist 35; invariants 19, 20, 21, 22
@pytest.mark.parametrize("lie", LIES, ids=lambda lie: lie.name)
def test_a_lie_with_real_files_is_not_believed_and_an_honest_result_takes_its_place(
    tmp_path: Path, results: Made, lie: Lie
) -> None:
    honest: Evidence = getattr(results, lie.result)

    async def story() -> None:
        async with a_campaign(tmp_path / "campaign", results.tools, looks_of(results)) as campaign:
            kind = honest.kind.value
            await campaign.join("liar", "other", "third", trusted=kind)
            await add(campaign, honest)
            false = await campaign.deliver("liar", lie.make(results, tmp_path / "lie"))
            await campaign.check()
            assert await campaign.result(false) in {"invalid", "suspicious"}
            said = await campaign.signals(false)
            assert {name for name, word in said.items() if word in {"bad", "odd"}} <= lie.found_by | {"replica"}
            assert {name for name, word in said.items() if word in {"bad", "odd"}}
            assert await campaign.state("liar", kind) is not WorkerState.TRUSTED
            true = await campaign.deliver("other", honest)
            await campaign.check()
            if await campaign.result(true) == "suspicious":  # one word against another: a third is asked
                await campaign.deliver("third", honest)
                await campaign.check()
            assert await campaign.result(true) == "valid", await campaign.signals(true)
            assert await campaign.job(honest.number, kind) == "committed"

    asyncio.run(story())


@dataclass(frozen=True)
class Alike:
    """A confidential list of pictures, by pHash."""

    hashes: frozenset[int]
    most_share: float = 1.0
    confidential: bool = True

    def judge(self, batch: Sequence[Picture]) -> list[Verdict]:
        return [Verdict(one.hashes.phash not in self.hashes) for one in batch]


def test_a_picture_on_a_list_is_not_promoted_whatever_its_row_says_of_its_hash(tmp_path: Path, results: Made) -> None:
    """One row tells its hash, another lies about it; both pictures are listed, and neither comes into the data set."""
    recipe = results.tools.recipe
    rows = [one for one in shard_rows(results.crawl.folder, 7, recipe, 120) if one.pictured.extension]
    honest, lying = rows[0], rows[1]
    listed = {int(honest.pictured.row["phash"], 16), own_phash(results, lying.pictured.image)}

    def lie(samples: Samples) -> None:
        row = samples[lying.index].row | {"phash": f"{int(lying.pictured.row['phash'], 16) ^ 3:016x}"}
        samples[lying.index] = samples[lying.index]._replace(row=row)

    def screening(campaign: Recipe, _scratch: Path) -> Screener:
        named = (("secret", Alike(frozenset(listed))),)
        tools = replace(
            results.tools,
            candidate_filters=(),
            body_filters=(),
            picture_filters=named,
            embedding_filters=(),
            screening=Screening.of(named),
        )
        return Screener(tools, campaign)

    async def story() -> None:
        looks = looks_of(results)
        async with a_campaign(tmp_path / "campaign", results.tools, looks, screening=screening) as campaign:
            await campaign.join("worker", trusted="crawl")
            await add(campaign, results.crawl)
            result = await campaign.deliver("worker", with_rows(results.crawl, tmp_path / "lie", results.tools, lie))
            await campaign.check()
            assert await campaign.result(result) == "valid"
            assert await campaign.job(7, "crawl") == "committed"

    asyncio.run(story())
    stats = msgspec.json.decode(shard_paths(tmp_path / "campaign/shards", 7, recipe.output).stats.read_bytes())
    assert stats["withheld"] == 2
    left = {one.index for one in shard_rows(tmp_path / "campaign/shards", 7, recipe, 120)}
    assert set(range(120)) - left >= {honest.index, lying.index}


def own_phash(results: Made, image: bytes) -> int:
    from crawler.job.looking import as_published
    from crawler.picture.sandbox import open_sandboxes
    from workers.tracker.checking.result_rows import ShardRow
    from workers.tracker.checking.screening import _pictures

    rows = [
        one for one in shard_rows(results.crawl.folder, 7, results.tools.recipe, 120) if one.pictured.image == image
    ]
    with open_sandboxes(as_published(results.tools.recipe), 1) as (sandbox,):
        first = next(_pictures(ShardRow(rows[0].index, rows[0].pictured), sandbox))
    return first.hashes.phash
