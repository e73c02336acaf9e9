"""The same key gives the same bytes, and does nothing a second time."""

from __future__ import annotations

import asyncio
from pathlib import Path

from tests.workers.tracker.web.campaigns import Client, Running, Said, a_campaign, a_registration, running
from workers.protocol.messages import AccountOpened, Registered


async def _asked(client: Client, account: str, lease: str) -> list[Said]:
    """One of every POST that is remembered, each under its own key."""
    file = {"file": {"name": "a.parquet", "bytes": 1, "sha256": "0" * 64}}
    return [
        await client.ask("POST", "/v1/accounts", {"name": "twice"}, key="key-of-an-account-0001", token=""),
        await client.ask("POST", "/v1/workers", a_registration(client), key="key-of-a-worker-000001", token=account),
        await client.ask(
            "POST", "/v1/workers/me/selftest", {"version": "1.0", "environment": "e" * 64, "answers": {}}, key="test"
        ),
        await client.ask("POST", "/v1/leases", {"kinds": ["crawl"], "version": "1.0", "most": 2}, key="take"),
        await client.ask("POST", f"/v1/leases/{lease}/heartbeat", {"done": 7}, key="beat"),
        await client.ask("POST", f"/v1/leases/{lease}/uploads", file, key="upload"),
        await client.ask("POST", f"/v1/leases/{lease}/release", {"why": "night"}, key="release"),
    ]


def test_every_post_is_done_once_and_answered_with_the_same_bytes_also_after_a_restart(tmp_path: Path) -> None:
    # invariant 4
    folder, admin = a_campaign(tmp_path / "c", jobs=5)

    async def life() -> None:
        async with running(folder, admin) as server:
            client = await server.client().join()
            leased = await client.take()
            opened = await client.ask("POST", "/v1/accounts", {"name": "an account"}, token="")
            account = opened.told(AccountOpened).token
            first = await _asked(client, account, leased.lease)
            assert [one.status for one in first] == [201, 201, 200, 200, 200, 201, 200]
            again = await _asked(client, account, leased.lease)
            assert [(one.status, one.body) for one in again] == [(one.status, one.body) for one in first]
        async with running(folder, admin, stage=None) as server:
            client.root, client.session = server.root, server.session
            again = await _asked(client, account, leased.lease)
            assert [(one.status, one.body) for one in again] == [(one.status, one.body) for one in first]
            assert await _rows(server) == {"accounts": 3, "workers": 2, "leases": 3, "uploads": 1}

    asyncio.run(life())


def test_another_body_or_another_address_under_a_key_is_a_conflict(tmp_path: Path) -> None:
    # invariant 4
    folder, admin = a_campaign(tmp_path / "c")

    async def life() -> None:
        async with running(folder, admin) as server:
            client = await server.client().join()
            leased = await client.take(key="k")
            other = await client.ask("POST", "/v1/leases", {"kinds": ["crawl"], "version": "1.0", "most": 2}, key="k")
            assert (other.status, other.code) == (409, "conflict")
            elsewhere = await client.ask("POST", f"/v1/leases/{leased.lease}/release", {}, key="k")
            assert (elsewhere.status, elsewhere.code) == (409, "conflict")

    asyncio.run(life())


def test_keys_of_two_workers_do_not_meet(tmp_path: Path) -> None:
    folder, admin = a_campaign(tmp_path / "c")

    async def life() -> None:
        async with running(folder, admin) as server:
            one, other = await server.client().join(), await server.client().join()
            assert (await one.take(key="k")).lease != (await other.take(key="k")).lease

    asyncio.run(life())


def test_a_post_without_a_key_is_refused(tmp_path: Path) -> None:
    folder, admin = a_campaign(tmp_path / "c")

    async def life() -> None:
        async with running(folder, admin) as server:
            client = await server.client().join()
            said = await client.ask("POST", "/v1/leases", {"kinds": ["crawl"], "version": "1.0"}, key="")
            assert (said.status, said.code) == (400, "no_key")
            short = await client.ask("POST", "/v1/accounts", {"name": "short"}, key="1", token="")
            assert (short.status, short.code) == (400, "no_key")

    asyncio.run(life())


def test_a_refusal_is_not_remembered(tmp_path: Path) -> None:
    folder, admin = a_campaign(tmp_path / "c")

    async def life() -> None:
        async with running(folder, admin) as server:
            client, operator = await server.client().join(), server.operator()
            await operator.ask("POST", "/v1/admin/pause", {})
            asked = {"kinds": ["crawl"], "version": "1.0"}
            assert (await client.ask("POST", "/v1/leases", asked, key="k")).status == 204
            await operator.ask("POST", "/v1/admin/resume", {})
            assert (await client.ask("POST", "/v1/leases", asked, key="k")).status == 200

    asyncio.run(life())


def test_no_token_and_no_key_is_written_to_the_disk(tmp_path: Path) -> None:
    folder, admin = a_campaign(tmp_path / "c")

    async def life() -> list[str]:
        async with running(folder, admin) as server:
            client = server.client()
            opened = await client.ask("POST", "/v1/accounts", {"name": "one"}, token="")
            account = opened.told(AccountOpened).token
            said = await client.ask("POST", "/v1/workers", a_registration(client), token=account)
            return [account, said.told(Registered).key, admin]

    secrets = asyncio.run(life())
    for file in folder.tracker.rglob("*"):
        content = file.read_bytes() if file.is_file() else b""
        assert not any(one.encode() in content for one in secrets), file


async def _rows(server: Running) -> dict[str, int]:
    names = ("accounts", "workers", "leases", "uploads")
    return await server.tracker.store.look(
        lambda tx: {name: tx.all(f"SELECT count(*) AS n FROM {name}")[0]["n"] for name in names}
    )
