"""The checker between uploads and data set: real moves, database and files; what looks say is decided by the test."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import pytest

from crawler.archives import Etiquette
from crawler.job import JobKind, Tools, screening
from crawler.job.markers import ExtractFiles
from crawler.job.screening import Screening
from crawler.records import Candidate, Verdict
from crawler.report import Report, StageCount
from crawler.settings import Recipe
from crawler.tables import CandidateWriter
from tests.builders import a_candidate
from tests.workers.tracker.cheating.real_campaign import RealCampaign, a_campaign
from tests.workers.tracker.honest import artefacts
from workers.protocol.messages import Manifest
from workers.tracker.checking import loop, promoting
from workers.tracker.checking.gold import Ordinary, copies_of
from workers.tracker.checking.looked import Evidence, Looked
from workers.tracker.checking.peers import Who
from workers.tracker.checking.promoting import Promoter
from workers.tracker.checking.screening import Screener
from workers.tracker.moves.records import NewJob
from workers.tracker.states import WorkerState
from workers.tracker.trust import Said, Signal

Story = Callable[[RealCampaign], Coroutine[None, None, None]]
RECIPE = Recipe()


def signal(name: str, said: Said) -> Looked:
    return Looked((Signal(name, said, 1),), {"kept": 3.0})


@dataclass
class ScriptedLooks:
    """Looks into the table as a child would: a result that says "lie" is one; and two are alike if all bytes are."""

    remembered: list[Mapping[str, float]] = field(default_factory=list)
    archive_is_there: bool = True

    def structure(self, _evidence: Evidence) -> Looked:
        return signal("structure", Said.GOOD)

    def parse(self, evidence: Evidence, _sample: int) -> Looked:
        if not self.archive_is_there:
            return signal("parse", Said.NOTHING)
        return signal("parse", Said.BAD if b"lie" in table_of(evidence) else Said.GOOD)

    def score(self, _evidence: Evidence, _sample: int) -> Looked:
        raise AssertionError("an extract job has no scores")

    def web(self, _evidence: Evidence, _sample: int, _who: Who) -> Looked:
        raise AssertionError("an extract job asks no web")

    def population(self, _figures: Mapping[str, float], _who: Who) -> Looked:
        return signal("population", Said.NOTHING)

    def compare(self, evidence: Evidence, other: Evidence) -> Looked:
        return signal("replica", Said.GOOD if table_of(evidence) == table_of(other) else Said.BAD)

    def remember(self, figures: Mapping[str, float], _who: Who) -> None:
        self.remembered.append(figures)


def table_of(evidence: Evidence) -> bytes:
    return (evidence.folder / f"{evidence.number:05d}.parquet").read_bytes()


def a_result(folder: Path, number: int = 0, words: str = "honest") -> Evidence:
    """An extract job's result with two rows."""
    files = ExtractFiles(folder, number)
    folder.mkdir(parents=True)
    rows = [a_candidate(f"{words} {n}", image_url=f"https://site.test/{number}-{n}.png") for n in range(3)]
    with CandidateWriter(files.table) as table:
        table.write(rows, [None, "alphanumeric", None])
    stages = (
        StageCount("read", 9, 3, {"no_html": 6}),
        StageCount("extract", 3, 3, {}),
        StageCount("candidates", 3, 2, {"alphanumeric": 1}),
    )
    report = Report(job=f"extract-{number:05d}", kind="extract", recipe=RECIPE.digest, stages=stages)
    files.marker.write_bytes(msgspec.json.encode(report))
    manifest = Manifest(
        lease="", job=0, fence=0, kind="extract", number=number, recipe=RECIPE.digest, version="0.1",
        environment="0" * 64, artefacts=artefacts(folder), counts={},
    )  # fmt: skip
    return Evidence(
        kind=JobKind.EXTRACT, number=number, folder=folder, input=None, archive=f"archive {number}", form="warc",
        manifest=manifest, recipe=RECIPE, recipe_digest=RECIPE.digest,
    )  # fmt: skip


def a_job(number: int = 0) -> NewJob:
    return NewJob("extract", number, f"job {number}", f"archive {number}", "warc")


def bare_tools(recipe: Recipe, scratch: Path, **changes: Any) -> Tools:
    """Tools that open no web."""
    fields: dict[str, Any] = {
        "recipe": recipe, "scratch": scratch, "etiquette": Etiquette(), "candidate_filters": (), "body_filters": (),
        "picture_filters": (), "embedding_filters": (), "open_web": None,
    }  # fmt: skip
    return Tools(**(fields | changes))


def run(path: Path, story: Story, looks: ScriptedLooks | None = None, **changes: Any) -> None:
    tools = bare_tools(RECIPE, path)

    async def told() -> None:
        async with a_campaign(path / "campaign", tools, looks or ScriptedLooks(), **changes) as campaign:
            await story(campaign)

    asyncio.run(told())


def data_set(campaign: RealCampaign) -> dict[str, bytes]:
    folder = campaign.folder.path / "candidates"
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())} if folder.exists() else {}


def files_of(*results: Evidence) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for one in results for path in sorted(one.folder.iterdir())}


def test_one_stranger_is_not_believed_and_two_who_agree_are(tmp_path: Path) -> None:
    async def story(campaign: RealCampaign) -> None:
        one = a_result(tmp_path / "one")
        await campaign.join("first", "second")
        await campaign.add(a_job())
        results = [await campaign.deliver("first", one)]
        await campaign.check()
        assert data_set(campaign) == {}
        results.append(await campaign.deliver("second", one))
        await campaign.check()
        assert [await campaign.result(result) for result in results] == ["valid", "valid"]
        assert (await campaign.signals(results[0]))["replica"] == "good"
        assert data_set(campaign) == files_of(one)
        assert await campaign.value("SELECT SUM(pairs) FROM ledger") == 3

    run(tmp_path, story)


def test_a_stranger_who_lies_is_quarantined_and_the_honest_one_is_believed_with_a_third(tmp_path: Path) -> None:
    async def story(campaign: RealCampaign) -> None:
        await campaign.join("honest", "liar", "third")
        await campaign.add(a_job())
        honest = await campaign.deliver("honest", a_result(tmp_path / "one"))
        lie = await campaign.deliver("liar", a_result(tmp_path / "two", words="lie"))
        await campaign.check()
        assert [await campaign.result(one) for one in (honest, lie)] == ["received", "invalid"]
        assert await campaign.state("liar", "extract") is WorkerState.QUARANTINED
        assert await campaign.state("honest", "extract") is WorkerState.PROBATION
        await campaign.deliver("third", a_result(tmp_path / "three"))
        campaign.now += 700.0  # it is looked at later, for its witness lied
        await campaign.check()
        assert await campaign.result(honest) == "valid"
        assert data_set(campaign) == files_of(a_result(tmp_path / "four"))

    run(tmp_path, story)


# invariant 23
def test_who_was_trusted_and_lies_loses_what_came_since_the_last_whole_look_and_nothing_else(tmp_path: Path) -> None:
    async def story(campaign: RealCampaign) -> None:
        await campaign.join("liar", "witness", "other", trusted="extract")
        kept, lost = a_result(tmp_path / "kept", 0), a_result(tmp_path / "lost", 1)
        await campaign.add(a_job(0))
        await campaign.store.do(lambda tx: tx.run("UPDATE jobs SET need = 2"))
        whole = [await campaign.deliver("liar", kept), await campaign.deliver("witness", kept)]
        await campaign.check()
        await campaign.add(a_job(1))
        alone = await campaign.deliver("liar", lost)
        await campaign.check()
        assert data_set(campaign) == files_of(kept, lost)
        await campaign.add(a_job(2))
        lie = await campaign.deliver("liar", a_result(tmp_path / "lie", 2, "lie"))
        await campaign.check()
        states = [await campaign.result(one) for one in (*whole, alone, lie)]
        assert states == ["valid", "valid", "revoked", "invalid"]
        assert data_set(campaign) == files_of(kept)
        assert await campaign.state("liar", "extract") is WorkerState.SUSPECT
        assert [await campaign.job(number, "extract") for number in range(3)] == ["committed", "ready", "ready"]
        assert await campaign.value("SELECT SUM(jobs) FROM ledger WHERE result = ?", alone) == 0
        results = {1: a_result(tmp_path / "again", 1), 2: a_result(tmp_path / "last", 2)}
        for _ in results:
            await campaign.deliver_any("other", results)
        await campaign.check()
        assert data_set(campaign) == files_of(kept, *results.values())

    run(tmp_path, story)


class Killed(BaseException):
    """What a kill -9 leaves of a process: nothing that could tidy up."""


@pytest.mark.parametrize(
    "place",
    [
        "checking.looked",
        "checking.concluded",
        "promoting.begun",
        "promoting.before_marker",
        "promoting.placed",
        "checking.promoted",
        "checking.withdrawn",
    ],
)
def test_killed_anywhere_the_next_checker_ends_with_the_same_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    """Three jobs: one stays, one is taken back and comes again, and one was a lie. benchmarks kill the process itself."""
    left = [2 if place == "promoting.begun" else 1]

    def killed(name: str) -> None:
        if name == place and left[0]:
            left[0] -= 1
            raise Killed

    async def story(campaign: RealCampaign) -> None:
        async def check() -> None:
            try:
                await campaign.check()
            except Killed:
                campaign.now += 4_000.0  # its turn has run out
                await check()

        await campaign.join("liar", "other", trusted="extract")
        results = {number: a_result(tmp_path / f"{number}", number) for number in range(3)}
        await campaign.add(a_job(0))
        await campaign.deliver("other", results[0])
        await campaign.add(a_job(1))
        await campaign.deliver("liar", results[1])
        await check()
        assert data_set(campaign) == files_of(results[0], results[1])
        await campaign.add(a_job(2))
        await campaign.deliver("liar", a_result(tmp_path / "lie", 2, "lie"))
        await check()
        assert data_set(campaign) == files_of(results[0])
        for _ in range(2):
            await campaign.deliver_any("other", results)
        await check()
        assert data_set(campaign) == files_of(*results.values())
        assert not left[0]
        assert await campaign.value("SELECT COUNT(*) FROM jobs WHERE state = 'committed'") == 3

    monkeypatch.setattr(loop, "failpoint", killed)
    monkeypatch.setattr(promoting, "failpoint", killed)
    run(tmp_path, story)


# invariant 26
@pytest.mark.parametrize(("words", "becomes"), [("honest", "valid"), ("false", "invalid")])
def test_a_gold_job_is_held_against_our_own_answer_and_thrown_away(tmp_path: Path, words: str, becomes: str) -> None:
    async def story(campaign: RealCampaign) -> None:
        await campaign.join("worker")
        ours = a_result(campaign.folder.tracker / "gold/extract-00007", 7)
        assert ours.folder.exists()
        ordinary = Ordinary(99, "extract", 7, "job 7", "archive 7", "warc", "", 0)
        await campaign.add(*copies_of(ordinary, "tracker/gold/extract-00007", 1))
        campaign.checker.policy = msgspec.structs.replace(campaign.checker.policy, gold_when_new=10)
        result, theirs = 0, a_result(tmp_path / words, 7, words)
        while not result:  # half of a new worker's jobs are gold: there is no other here
            result = await campaign.deliver_if_any("worker", theirs)
        await campaign.check()
        assert await campaign.result(result) == becomes
        assert (await campaign.signals(result))["gold"] == ("good" if becomes == "valid" else "bad")
        assert data_set(campaign) == {}
        assert await campaign.value("SELECT COUNT(*) FROM ledger") == 0

    run(tmp_path, story)


# invariant 26
def test_nothing_that_a_worker_is_told_tells_a_gold_copy(tmp_path: Path) -> None:
    ordinary = Ordinary(3, "extract", 7, "0" * 32, "archive 7", "warc", "a" * 64, 5)
    plain = NewJob("extract", 7, "0" * 32, "archive 7", "warc", "a" * 64, 5)
    for copy in copies_of(ordinary, "tracker/gold/extract-00007", 5):
        for name in ("kind", "number", "input", "form", "input_sha256", "input_bytes"):
            assert getattr(copy, name) == getattr(plain, name)
        assert len(copy.content_id) == len(plain.content_id)
        assert copy.content_id != plain.content_id


def test_an_archive_that_is_not_to_be_had_makes_nobody_guilty(tmp_path: Path) -> None:
    async def story(campaign: RealCampaign) -> None:
        await campaign.join("one", "two")
        await campaign.add(a_job())
        first = await campaign.deliver("one", a_result(tmp_path / "one"))
        second = await campaign.deliver("two", a_result(tmp_path / "two"))
        await campaign.check()
        assert [await campaign.result(first), await campaign.result(second)] == ["valid", "valid"]

    run(tmp_path, story, ScriptedLooks(archive_is_there=False))


def test_results_whose_files_are_lost_are_done_again_by_another(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def story(campaign: RealCampaign) -> None:
        await campaign.join("one", "two", trusted="extract")
        await campaign.add(a_job())
        first = await campaign.deliver("one", a_result(tmp_path / "one"))
        for path in campaign.folder.objects.rglob("*"):
            if path.is_file():
                path.unlink()
        await campaign.check()
        assert await campaign.result(first) == "suspicious"
        await campaign.deliver("two", a_result(tmp_path / "two"))
        await campaign.check()
        assert await campaign.job(0, "extract") == "committed"
        assert await campaign.state("one", "extract") is WorkerState.TRUSTED

    with caplog.at_level(logging.CRITICAL):
        run(tmp_path, story)


@dataclass(frozen=True)
class Listed:
    """A confidential list of addresses."""

    most_share: float = 1.0
    confidential: bool = True

    def judge(self, batch: Sequence[Candidate]) -> list[Verdict]:
        return [Verdict(not one.image_url.endswith("-2.png")) for one in batch]


def by_list(most_share: float = 1.0) -> Callable[[Recipe, Path], Screener]:
    def made(recipe: Recipe, scratch: Path) -> Screener:
        named = (("secret", Listed(most_share)),)
        tools = bare_tools(recipe, scratch, candidate_filters=named, screening=Screening.of(named))
        return Screener(tools, recipe)

    return made


def test_what_a_list_matches_is_not_promoted_and_the_volunteer_cannot_learn_it(tmp_path: Path) -> None:
    told: list[list[object]] = []

    async def story(campaign: RealCampaign) -> None:
        await campaign.join("worker", trusted="extract")
        await campaign.add(a_job())
        result = await campaign.deliver("worker", a_result(tmp_path / f"{len(told)}"))
        await campaign.check()
        told.append(
            [
                await campaign.result(result),
                await campaign.job(0, "extract"),
                await campaign.value("SELECT why FROM results"),
                await campaign.value("SELECT pairs FROM ledger"),
                await campaign.value("SELECT quota FROM workers"),
                await campaign.signals(result),
                await campaign.value("SELECT COUNT(*) FROM events"),
            ]
        )

    run(tmp_path / "without", story)
    run(tmp_path / "with", story, screening=by_list())
    assert told[0] == told[1]
    without, with_ = (ExtractFiles(tmp_path / name / "campaign/candidates", 0) for name in ("without", "with"))
    assert b"-2.png" in without.table.read_bytes()
    assert b"-2.png" not in with_.table.read_bytes()
    assert msgspec.json.decode(with_.marker.read_bytes())["stages"][-1] == {
        "stage": "candidates", "found": 3, "kept": 1, "rejected": {"alphanumeric": 1, "secret": 1},
    }  # fmt: skip


def test_a_list_that_matches_implausibly_much_holds_the_promotion_and_tells_the_operator(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story(campaign: RealCampaign) -> None:
        await campaign.join("worker", trusted="extract")
        await campaign.add(a_job())
        result = await campaign.deliver("worker", a_result(tmp_path / "one"))
        await campaign.check()
        assert await campaign.result(result) == "valid"
        assert await campaign.job(0, "extract") == "verified"
        assert data_set(campaign) == {}
        assert await campaign.value("SELECT COUNT(*) FROM events WHERE what = 'promotion held'") == 1
        campaign.now += 700.0
        campaign.checker.promoter = Promoter(campaign.folder.path, RECIPE)
        await campaign.check()
        assert await campaign.job(0, "extract") == "committed"

    monkeypatch.setattr(screening, "_ALWAYS", 0)
    with caplog.at_level(logging.CRITICAL):
        run(tmp_path, story, screening=by_list(0.1))
