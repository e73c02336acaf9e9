"""A real campaign on a disk: real moves, a real database, real uploads, real looks. Only the volunteers are scripted."""

from __future__ import annotations

import asyncio
import random
import shutil
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import msgspec

from crawler.job import Tools
from crawler.settings import Recipe
from crawler.sources import ArchiveKind, Source
from tests.workers.tracker.honest import artefacts
from workers.protocol.campaign import Campaign
from workers.protocol.messages import Artefact, Machine, Register
from workers.tracker.checking.canaries import CanaryMaker, CanarySettings
from workers.tracker.checking.gathering import Gathering
from workers.tracker.checking.looked import Evidence
from workers.tracker.checking.looks import Looks
from workers.tracker.checking.loop import Checker
from workers.tracker.checking.promoting import Promoter
from workers.tracker.checking.screening import Screener
from workers.tracker.folder import CampaignFolder
from workers.tracker.moves.accounts import open_account
from workers.tracker.moves.jobs import import_jobs
from workers.tracker.moves.records import NewJob, Terms, Worker
from workers.tracker.moves.results import submit
from workers.tracker.moves.sound import fsck
from workers.tracker.moves.taking import take
from workers.tracker.moves.uploads import reserve, stored
from workers.tracker.moves.workers import register, selftest_passed, worker_by_id
from workers.tracker.states import WorkerState
from workers.tracker.store import Tx
from workers.tracker.store.sqlite import SqliteStore
from workers.tracker.trust.policy import Policy
from workers.tracker.uploads import new_upload_id
from workers.tracker.uploads.reserving import Uploads, open_uploads
from workers.tracker.uploads.settings import Disk, Targets

HEX = "0" * 64
HOSTS = ("https://img.example.org/",)


@dataclass(slots=True)
class ByNoChance:
    """A policy whose dice never fall on a second opinion: a test says what happens."""

    policy: Policy

    def results_wanted(self, state: WorkerState, _draw: float) -> int:
        return self.policy.results_wanted(state, 0.999_999)

    def gives_gold(self, state: WorkerState, draw: float) -> bool:
        return self.policy.gives_gold(state, draw)


@dataclass(slots=True)
class RealCampaign:
    """One campaign, and what a test does to it."""

    folder: CampaignFolder
    store: SqliteStore
    uploads: Uploads
    checker: Checker
    now: float = 1_700_000_000.0
    workers: dict[str, int] = field(default_factory=dict)

    def clock(self) -> float:
        return self.now

    async def join(self, *names: str, trusted: str = "") -> None:
        """Workers of accounts and networks of their own; `trusted` for a kind of job."""
        for name in names:
            account = await self.store.do(
                partial(open_account, now=self.now, name=name, token_digest=f"t {name}", network=f"n {name}")
            )
            asked = Register(
                machine=Machine(cpus=1, memory_bytes=1, disk_bytes=1), version="0.1", public_key=HEX, environment=HEX
            )
            worker = await self.store.do(
                partial(
                    register, now=self.now, account=account, asked=asked, key_digest=f"k {name}", network=f"n {name}"
                )
            )
            self.workers[name] = worker
            one = await self.store.look(partial(worker_by_id, now=self.now, worker=worker))
            assert one is not None
            await self.store.do(
                partial(selftest_passed, now=self.now, worker=one, version="0.1", environment=HEX, ok=True)
            )
            if trusted:
                await self.store.do(partial(_trust, account=account, worker=worker, kind=trusted, now=self.now))

    async def add(self, *jobs: NewJob) -> None:
        await self.store.do(partial(import_jobs, now=self.now, specs=list(jobs)))

    async def deliver(self, name: str, evidence: Evidence) -> int:
        """A worker leases the job that this is a result of, and hands it in; returns the result's number."""
        result = await self.deliver_if_any(name, evidence)
        assert result
        return result

    async def deliver_if_any(self, name: str, evidence: Evidence) -> int:
        """The same; 0 where there is no job for this worker."""
        return await self.deliver_any(name, {evidence.number: evidence})

    async def deliver_any(self, name: str, results: Mapping[int, Evidence]) -> int:
        """A worker leases a job, whichever it is given, and hands in the result of its number; 0 where there is none."""
        worker = await self.store.look(partial(worker_by_id, now=self.now, worker=self.workers[name]))
        assert worker is not None
        kind = next(iter(results.values())).kind.value
        leases = await self.store.do(
            partial(
                take,
                now=self.now,
                worker=worker,
                kinds=[kind],
                most=1,
                version="0.1",
                terms=Terms(),
                policy=ByNoChance(self.checker.policy),
            )
        )
        if not leases:
            return 0
        (lease,) = leases
        evidence = results[lease.number]
        manifest = msgspec.structs.replace(
            evidence.manifest,
            lease=lease.lease,
            job=lease.told_job,
            fence=lease.fence,
            artefacts=artefacts(evidence.folder),
        )
        for file in manifest.artefacts:
            await self._upload(worker, lease.lease, file, evidence.folder)
        await self.store.do(
            partial(
                submit,
                now=self.now,
                worker=worker,
                lease=lease.lease,
                manifest=manifest,
                manifest_sha256=HEX,
                signature="",
            )
        )
        row = await self.store.look(lambda tx: tx.one("SELECT id FROM results WHERE lease = ?", lease.lease))
        assert row is not None
        return int(row["id"])

    async def _upload(self, worker: Worker, lease: str, file: Artefact, folder: Path) -> None:
        upload = await self.store.do(
            partial(
                reserve, now=self.now, worker=worker, lease=lease, file=file, target="disk", upload_id=new_upload_id()
            )
        )
        path = self.folder.objects / upload.upload[:2] / upload.upload
        path.parent.mkdir(exist_ok=True)
        shutil.copyfile(folder / file.name, path)
        path.chmod(0o444)
        await self.store.do(partial(stored, now=self.now, upload=upload.upload, sha256=file.sha256))

    async def check(self) -> None:
        """The checker does all that there is to do."""
        await self.checker.run(asyncio.Event(), once=True)
        assert await self.store.look(partial(fsck, now=self.now)) == []

    async def value(self, sql: str, *values: object) -> object:
        """The one value of a SELECT; None where there is no row."""
        row = await self.store.look(lambda tx: tx.one(sql, *values))
        return None if row is None else next(iter(dict(row).values()))

    async def result(self, result: int) -> str:
        return str(await self.value("SELECT state FROM results WHERE id = ?", result))

    async def job(self, number: int, kind: str) -> str:
        return str(await self.value("SELECT state FROM jobs WHERE number = ? AND kind = ? AND gold = 0", number, kind))

    async def state(self, name: str, kind: str) -> WorkerState:
        said = await self.value("SELECT state FROM trust WHERE worker = ? AND kind = ?", self.workers[name], kind)
        return WorkerState.PROBATION if said is None else WorkerState(str(said))

    async def signals(self, result: int) -> dict[str, str]:
        rows = await self.store.look(
            lambda tx: tx.all("SELECT name, verdict FROM signals WHERE result = ? ORDER BY id", result)
        )
        return {row["name"]: row["verdict"] for row in rows}


@asynccontextmanager
async def a_campaign(
    path: Path,
    tools: Tools,
    looks: Looks,
    *,
    policy: Policy | None = None,
    canaries: Sequence[str] = (),
    screening: Callable[[Recipe, Path], Screener] | None = None,
) -> AsyncIterator[RealCampaign]:
    """A campaign by the recipe of `tools`, its checker looking with `looks`."""
    recipe = tools.recipe
    folder, _ = CampaignFolder.create(
        path,
        Campaign(name="test", recipe=recipe, recipe_digest=recipe.digest, kinds=("extract", "crawl", "fetch", "score")),
    )
    folder.run.open(recipe, [Source("https://archives.example.org/0.warc.gz", ArchiveKind.WARC)], "0.1")
    store = SqliteStore(folder.database)
    found: list[RealCampaign] = []

    def clock() -> float:
        return found[0].now

    uploads = open_uploads(Targets(targets=(Disk(reserve_bytes=0),)), folder.tracker, store, clock)
    maker = CanaryMaker(bytes.fromhex(folder.read_secrets().canary_key), CanarySettings(hosts=tuple(canaries)))
    scratch = folder.tracker / "checking"
    scratch.mkdir(exist_ok=True)
    screener = screening(recipe, scratch / "screening") if screening else None
    checker = Checker(
        name="checker", store=store, clock=clock, policy=policy or Policy(), gathering=Gathering(path, recipe, uploads, maker),
        looks=looks, promoter=Promoter(path, recipe, maker, screener), scratch=scratch, chance=random.Random(0),
    )  # fmt: skip
    found.append(RealCampaign(folder, store, uploads, checker))
    try:
        yield found[0]
    finally:
        await uploads.close()
        await store.close()


def _trust(tx: Tx, *, account: int, worker: int, kind: str, now: float) -> None:
    tx.run(
        "INSERT INTO trust (account, worker, version, kind, good, bad, state, checked_at)"
        " VALUES (?, ?, '0.1', ?, 201, 1, 'trusted', ?)",
        account, worker, kind, now,
    )  # fmt: skip
