"""Every route of the server, held against what no route may forget."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

from tests.workers.tracker.web.campaigns import Client, HandClock, Running, a_campaign, a_key, running
from workers.protocol.messages import AccountOpened
from workers.tracker.moves.workers import set_state
from workers.tracker.states import WorkerState
from workers.tracker.web.routes import Route, Who
from workers.tracker.web.table import table

#: what changes things, and anybody may ask for
_OPEN = {"POST /v1/accounts", "OPTIONS /v1/uploads/{upload}"}


def _address(route: Route) -> str:
    return re.sub(r"\{[a-z]+\}", "1", route.path)


async def _tokens(server: Running) -> dict[Who, dict[str, str]]:
    """For each kind of caller the tokens that are not theirs: none, made up, revoked, and those of others."""
    banned, client = await server.client().join(), await server.client().join()
    now = server.tracker.clock()
    await server.tracker.store.do(lambda tx: set_state(tx, now, banned.worker, WorkerState.BANNED, "a test"))
    opened = await server.client().ask("POST", "/v1/accounts", {"name": "somebody"})
    account = opened.told(AccountOpened).token
    strangers = {"none": "", "made up": "A" * 43, "too short": "x", "banned": banned.token}
    return {
        Who.ACCOUNT: strangers | {"a worker's": client.token, "the admin's": server.admin},
        Who.WORKER: strangers | {"an account's": account, "the admin's": server.admin},
        Who.ADMIN: strangers | {"a worker's": client.token, "an account's": account},
        Who.OPERATOR: strangers | {"a worker's": client.token, "an account's": account},
    }


def test_no_route_answers_a_caller_that_it_is_not_for(tmp_path: Path) -> None:
    # invariant 18
    folder, admin = a_campaign(tmp_path / "c")
    clock = HandClock()

    async def life() -> None:
        async with running(folder, admin, legacy_api=True, clock=clock) as server:
            tokens, wrong, asked = await _tokens(server), [], 0
            for route in table(server.tracker):
                for what, token in tokens.get(route.who, {}).items():
                    said = await server.client().ask(route.method, _address(route), token=token, content=b"{}")
                    asked += 1
                    clock.now += 1  # or tries at the admin token are too fast
                    if said.status not in {401, 403}:
                        wrong.append((route.name, what, said.status))
            assert wrong == []
            assert asked > 100

    asyncio.run(life())


def test_nothing_that_changes_anything_is_open_but_the_first_account(tmp_path: Path) -> None:
    # invariant 18
    folder, admin = a_campaign(tmp_path / "c")

    async def life() -> None:
        async with running(folder, admin) as server:
            routes = table(server.tracker)
            open_ones = {one.name for one in routes if one.who is Who.PUBLIC and one.method not in {"GET", "HEAD"}}
            assert open_ones == _OPEN
            assert {one.name for one in routes if one.who is Who.LEGACY} == set()
            logins = {one.name for one in routes if one.who is Who.LOGIN and one.changes}
            assert logins == {"POST /operator/login"}

    asyncio.run(life())


def test_the_old_api_changes_nothing_without_a_token_of_its_own(tmp_path: Path) -> None:
    # checklist 32; invariant 18, defect 1
    folder, admin = a_campaign(tmp_path / "c")

    async def life() -> None:
        async with running(folder, admin, legacy_api=True) as server:
            before = (await server.client().ask("GET", "/v1/stats")).json()["jobs"]
            for route in table(server.tracker):
                if route.who is Who.LEGACY and route.changes:
                    for body in (b"{}", b'{"token":"made up","type":"CPU","url":"x","count":1,"shards":[[0,{}]]}'):
                        await server.client().ask(route.method, _address(route), content=body)
            assert (await server.client().ask("GET", "/v1/stats")).json()["jobs"] == before

    asyncio.run(life())


def test_a_wrong_login_opens_nothing(tmp_path: Path) -> None:
    # invariant 18
    folder, admin = a_campaign(tmp_path / "c")

    async def life() -> None:
        async with running(folder, admin) as server:
            said = await server.client().ask(
                "POST", "/operator/login", content=b"token=wrong", headers=_FORM | {"Origin": server.root}
            )
            assert said.status in {401, 403}
            assert "Set-Cookie" not in said.headers

    asyncio.run(life())


def test_the_answer_to_nobody_does_not_tell_what_was_wrong(tmp_path: Path) -> None:
    folder, admin = a_campaign(tmp_path / "c")

    async def life() -> None:
        async with running(folder, admin) as server:
            client = await server.client().join()
            leased = await client.take()
            path = f"/v1/leases/{leased.lease}/heartbeat"
            said = {(await _stranger(server, token).ask("POST", path, {})).body for token in ("", "A" * 43, "x")}
            assert len(said) == 1

    asyncio.run(life())


def test_every_answer_has_the_headers_of_a_stranger_and_no_version(tmp_path: Path) -> None:
    folder, admin = a_campaign(tmp_path / "c")

    async def life() -> None:
        async with running(folder, admin) as server:
            for path in ("/v1/campaign", "/v1/leases", "/nowhere", "/", "/metrics", "/health"):
                said = await server.client().ask("GET", path)
                assert said.headers["Server"] == "pairtrawl"
                assert said.headers["X-Content-Type-Options"] == "nosniff"
                assert "default-src" in said.headers["Content-Security-Policy"]

    asyncio.run(life())


def _stranger(server: Running, token: str) -> Client:
    return Client(server.session, server.root, token=token)


_FORM = {"Content-Type": "application/x-www-form-urlencoded", "Idempotency-Key": a_key()}
