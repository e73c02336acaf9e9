"""The server as a process of its own, killed at every durable boundary, while a volunteer sends the same again."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import aiohttp
import msgspec
import pytest

from tests.workers.tracker.web.campaigns import TUS, Client, Said, a_campaign, a_registration
from tests.workers.tracker.web.dying import Dying
from workers.protocol.campaign import sign
from workers.protocol.messages import (
    AccountOpened,
    Artefact,
    HeldLeases,
    LeasesTaken,
    Registered,
    SubmitResult,
    UploadPermit,
    canonical,
)
from workers.tracker.importing import import_stage
from workers.tracker.moves import figures
from workers.tracker.operating import Desk, run

_JOBS = 2


@dataclass(slots=True)
class Stubborn:
    """A volunteer that asks again, under the same key, until it is answered; and remembers what it was told."""

    server: Dying
    session: aiohttp.ClientSession
    client: Client
    keys: int = 0
    told: list[str] = field(default_factory=list)

    async def insist(self, ask: Callable[[Client], Awaitable[Said]]) -> Said:
        for _ in range(20):
            try:
                self.client.root = self.server.root
                said = await ask(self.client)
                if said.status < 500:
                    return said
            except aiohttp.ClientError:
                self.server.start()
        raise AssertionError("never answered")

    async def post(self, path: str, body: object, *, token: str | None = None) -> Said:
        self.keys += 1
        key = f"key-of-a-stubborn-one-{self.keys}"
        said = await self.insist(lambda client: client.ask("POST", path, body, key=key, token=token))
        assert said.status in {200, 201}, said.body
        self.told.append(path)
        return said

    async def send(self, address: str, body: bytes) -> None:
        """Resume until it is whole."""
        while True:
            head = await self.insist(lambda client: client.ask("HEAD", address, headers=TUS))
            offset = int(head.headers["Upload-Offset"])
            if offset == len(body):
                return
            headers = TUS | {"Upload-Offset": str(offset)}
            rest = partial(Client.ask, method="PATCH", path=address, content=body[offset:], headers=headers)
            await self.insist(rest)

    async def live(self) -> None:
        """Join, do every job, and give it in."""
        client = self.client
        account = (await self.post("/v1/accounts", {"name": "stubborn"}, token="")).told(AccountOpened).token
        registered = await self.post("/v1/workers", a_registration(client), token=account)
        client.token = registered.told(Registered).key
        tested = {"version": "1.0", "environment": "e" * 64, "answers": {}}
        await self.post("/v1/workers/me/selftest", tested)
        for _ in range(_JOBS):
            said = await self.post("/v1/leases", {"kinds": ["crawl"], "version": "1.0"})
            (leased,) = said.told(LeasesTaken).leases
            assert leased.spec.input_sha256
            body = f"result of {leased.spec.number}".encode()
            file = Artefact(name="00000.parquet", bytes=len(body), sha256=_sha256(body))
            permit = (await self.post(f"/v1/leases/{leased.lease}/uploads", {"file": file})).told(UploadPermit)
            await self.send(permit.address, body)
            manifest = client.manifest(leased, [file])
            asked = SubmitResult(manifest=manifest, signature=sign(client.private, canonical(manifest)))
            done = await self.post(f"/v1/leases/{leased.lease}/result", msgspec.to_builtins(asked))
            assert done.json() == {"outcome": "accepted"}
        held = await self.insist(lambda one: one.ask("GET", "/v1/leases"))
        assert held.told(HeldLeases).leases == []


@pytest.mark.parametrize(
    "failpoint",
    [
        pytest.param("web.asked:2", marks=pytest.mark.slow),  # every second request is lost
        "web.answered:2",  # every second reply is lost
        "web.lease_committed:2",
        pytest.param("store.moved:8", marks=pytest.mark.slow),  # what is done at the start comes first
        pytest.param("store.committed:8", marks=pytest.mark.slow),
        pytest.param("uploads.stored", marks=pytest.mark.slow),
        pytest.param("web.reaped:2", marks=pytest.mark.slow),
    ],
)
def test_nothing_that_was_answered_is_lost_and_nothing_is_done_twice(tmp_path: Path, failpoint: str) -> None:
    # invariant 2, invariant 4, invariant 5
    folder, _ = a_campaign(tmp_path / "c", jobs=_JOBS)
    run(folder.path, "", lambda desk: import_stage(folder, desk.store, desk.clock, "crawl", lambda *_: None))
    server = Dying(folder.path, failpoint)

    async def life() -> None:
        async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
            await Stubborn(server, session, Client(session, "")).live()

    try:
        server.start()
        asyncio.run(life())
    finally:
        server.stop()
    assert server.deaths > 0 or failpoint.startswith("web.reaped"), "was never killed"
    assert run(folder.path, "", _rows) == {"accounts": 1, "workers": 1, "leases": _JOBS, "results": _JOBS, "uploads": 2}
    assert run(folder.path, "", lambda desk: desk.store.look(lambda tx: figures.fsck(tx, desk.clock()))) == []


async def _rows(desk: Desk) -> dict[str, int]:
    names = ("accounts", "workers", "leases", "results", "uploads")
    return await desk.store.look(
        lambda tx: {name: tx.all(f"SELECT count(*) AS n FROM {name}")[0]["n"] for name in names}
    )


def _sha256(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()
