"""A campaign on a disk, a real server on a free port, and a client that sends what a volunteer sends."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import aiohttp
import msgspec

from crawler.plan import MARKER, Planned
from crawler.settings import Recipe
from crawler.sources import ArchiveKind, Source
from workers.protocol.campaign import new_key, public_key_of, sign
from workers.protocol.messages import (
    AccountOpened,
    Artefact,
    Leased,
    LeasesTaken,
    Manifest,
    Registered,
    SubmitResult,
    UploadPermit,
    canonical,
)
from workers.tracker.clock import Clock
from workers.tracker.folder import CampaignFolder
from workers.tracker.founding import Founding, found
from workers.tracker.importing import Stage, import_stage
from workers.tracker.store import Store
from workers.tracker.web.serving import listening, open_tracker
from workers.tracker.web.tracker import Tracker

#: a test machine's disk may be nearly full
SETTINGS = "[admission]\nroom_bytes = 0\n[[uploads.targets]]\nhow = 'disk'\nreserve_bytes = 0\n"
START = 1_700_000_000.0
ARCHIVES = "https://archives.example.org/"

_keys = itertools.count()
Body = TypeVar("Body", bound=msgspec.Struct)


@dataclass(slots=True)
class HandClock:
    """A clock that a test moves."""

    now: float = START

    def __call__(self) -> float:
        return self.now


@dataclass(frozen=True, slots=True)
class Said:
    """One answer."""

    status: int
    body: bytes
    headers: Mapping[str, str]

    @property
    def code(self) -> str:
        """Of a refusal."""
        told: str = msgspec.json.decode(self.body)["code"]
        return told

    def told(self, kind: type[Body]) -> Body:
        return msgspec.json.decode(self.body, type=kind)

    def json(self) -> Any:
        return msgspec.json.decode(self.body)


def a_campaign(
    path: Path, *, jobs: int = 3, kinds: tuple[str, ...] = ("extract", "crawl"), settings: str = SETTINGS,
    recipe: Recipe | None = None, **more: Any,
) -> tuple[CampaignFolder, str]:  # fmt: skip
    """A campaign over archives of that host, and its admin token. Its plan has as many jobs, with odd tables."""
    sources = [Source(f"{ARCHIVES}{number}.warc.gz", ArchiveKind.WARC) for number in range(jobs)]
    folder, token = found(
        Founding(path=path, recipe=recipe or Recipe(name="a test"), sources=sources, kinds=kinds, **more)
    )
    folder.settings.write_text(settings)
    assert token is not None
    a_plan(folder, jobs)
    return folder, token


def a_plan(folder: CampaignFolder, jobs: int) -> None:
    plan = folder.run.plan
    plan.path.mkdir(exist_ok=True)
    for number in range(jobs):
        plan.job_table(number).write_bytes(f"table {number}".encode())
    (plan.path / MARKER).write_bytes(
        msgspec.json.encode(Planned(candidates=jobs, rejected={}, rows=jobs, rows_per_job=1, jobs=jobs))
    )


@dataclass(slots=True)
class Client:
    """Whoever asks."""

    session: aiohttp.ClientSession
    root: str
    token: str = ""
    worker: int = 0
    private: bytes = field(default_factory=new_key)

    async def ask(
        self, method: str, path: str, body: object = None, *, key: str | None = None, token: str | None = None,
        content: bytes | None = None, headers: Mapping[str, str] | None = None,
    ) -> Said:  # fmt: skip
        sent = dict(headers or {})
        token = self.token if token is None else token
        if token:
            sent["Authorization"] = f"Bearer {token}"
        if method == "POST" and key != "":
            sent["Idempotency-Key"] = key or a_key()
        data = msgspec.json.encode(body) if body is not None else content
        async with self.session.request(method, f"{self.root}{path}", data=data, headers=sent) as response:
            return Said(response.status, await response.read(), response.headers.copy())

    async def join(self, name: str | None = None) -> Client:
        """Open an account and register a machine that passes its self-test; the same client is that machine now."""
        name = name or f"volunteer {a_key()}"
        opened = await self.ask("POST", "/v1/accounts", {"name": name}, token="")
        assert opened.status == 201, opened.body
        token = opened.told(AccountOpened).token
        registered = await self.ask("POST", "/v1/workers", a_registration(self), token=token)
        assert registered.status == 201, registered.body
        told = registered.told(Registered)
        self.token, self.worker = told.key, told.worker
        tested = await self.ask(
            "POST", "/v1/workers/me/selftest", {"version": "1.0", "environment": "e" * 64, "answers": {}}
        )
        assert tested.json() == {"wrong": []}, tested.body
        return self

    async def take(self, *, kinds: tuple[str, ...] = ("extract", "crawl", "fetch", "score"), **more: Any) -> Leased:
        """One lease."""
        said = await self.ask("POST", "/v1/leases", {"kinds": kinds, "version": "1.0"}, **more)
        assert said.status == 200, said.body
        (leased,) = said.told(LeasesTaken).leases
        return leased

    async def upload(self, leased: Leased, body: bytes, name: str = "00000.parquet") -> Artefact:
        """Reserve a place, and send it."""
        file = Artefact(name=name, bytes=len(body), sha256=hashlib.sha256(body).hexdigest())
        said = await self.ask("POST", f"/v1/leases/{leased.lease}/uploads", {"file": file})
        assert said.status in {200, 201}, said.body
        permit = said.told(UploadPermit)
        if permit.how != "stored":
            sent = await self.ask("PATCH", permit.address, content=body, headers=TUS | {"Upload-Offset": "0"})
            assert sent.status == 204, sent.body
        return file

    def manifest(self, leased: Leased, files: list[Artefact], **changes: Any) -> Manifest:
        spec = leased.spec
        manifest = Manifest(
            lease=leased.lease, job=spec.job, fence=leased.fence, kind=spec.kind, number=spec.number,
            recipe=spec.recipe, version="1.0", environment="e" * 64, artefacts=files, counts={"found": 1, "kept": 1},
        )  # fmt: skip
        return msgspec.structs.replace(manifest, **changes)

    async def submit(self, leased: Leased, manifest: Manifest, **more: Any) -> Said:
        """Sign it, and give it in."""
        asked = SubmitResult(manifest=manifest, signature=sign(self.private, canonical(manifest)))
        return await self.ask("POST", f"/v1/leases/{leased.lease}/result", asked, **more)

    async def finish(self, leased: Leased, body: bytes = b"done") -> Said:
        """All of it: upload, sign, give in."""
        return await self.submit(leased, self.manifest(leased, [await self.upload(leased, body)]))


TUS = {"Tus-Resumable": "1.0.0", "Content-Type": "application/offset+octet-stream"}


def a_key() -> str:
    """An Idempotency-Key that nobody had before."""
    return f"key-{next(_keys):020d}"


def a_registration(client: Client) -> dict[str, object]:
    machine = {"cpus": 4, "memory_bytes": 2**33, "disk_bytes": 2**40}
    return {
        "machine": machine, "version": "1.0", "public_key": public_key_of(client.private), "environment": "e" * 64,
    }  # fmt: skip


@dataclass(slots=True)
class Running:
    """A server, and what is behind it."""

    tracker: Tracker
    root: str
    session: aiohttp.ClientSession
    admin: str

    def client(self) -> Client:
        """Somebody whom nobody knows yet."""
        return Client(self.session, self.root)

    def operator(self) -> Client:
        return Client(self.session, self.root, token=self.admin)


@asynccontextmanager
async def running(
    folder: CampaignFolder, admin: str = "", *, stage: Stage | None = "crawl", clock: Clock | None = None,
    store: Store | None = None, legacy_api: bool = False, database: str = "",
) -> AsyncIterator[Running]:  # fmt: skip
    """Serve a campaign, with its jobs of a stage imported."""
    async with (
        open_tracker(folder, clock=clock, store=store, legacy_api=legacy_api, database=database) as tracker,
        listening(tracker, "127.0.0.1", 0) as port,
        aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session,
    ):
        if stage:
            await import_stage(folder, tracker.store, tracker.clock, stage, lambda *_: None)
        yield Running(tracker, f"http://127.0.0.1:{port}", session, admin)
