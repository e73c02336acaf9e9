"""When no jobs are handed out: no room, too fast, a database that cannot; and that nothing is lost by it."""

from __future__ import annotations

import asyncio
from pathlib import Path

from tests.workers.tracker.web.campaigns import SETTINGS, HandClock, a_campaign, a_key, running
from workers.tracker.opening import open_database
from workers.tracker.store import Move, Result, Store, StoreError


class FullStore:
    """A real store whose disk is full when a test says so."""

    def __init__(self, store: Store) -> None:
        self.store, self.is_full = store, False

    async def do(self, move: Move[Result], /) -> Result:
        if self.is_full:
            raise StoreError("database or disk is full")
        return await self.store.do(move)

    async def look(self, move: Move[Result], /) -> Result:
        return await self.store.look(move)

    async def backup(self, path: Path, /) -> None:
        await self.store.backup(path)

    async def close(self) -> None:
        await self.store.close()


def test_no_jobs_while_there_is_no_room_for_what_they_make(tmp_path: Path) -> None:
    folder, admin = a_campaign(tmp_path / "c", settings="[admission]\nroom_bytes = 1_000_000_000_000_000_000\n")

    async def life() -> None:
        async with running(folder, admin) as server:
            client = await server.client().join()
            said = await client.ask("POST", "/v1/leases", {"kinds": ["crawl"], "version": "1.0"})
            assert (said.status, said.code, said.headers["Retry-After"]) == (503, "no_room", "120")

    asyncio.run(life())


def test_no_jobs_while_too_many_results_wait(tmp_path: Path) -> None:
    settings = SETTINGS.replace("[admission]", "[admission]\nresults_waiting = 1")
    folder, admin = a_campaign(tmp_path / "c", settings=settings)
    clock = HandClock()

    async def life() -> None:
        async with running(folder, admin, clock=clock) as server:
            client = await server.client().join()
            for _ in range(2):
                assert (await client.finish(await client.take())).status == 200
            clock.now += 10
            said = await client.ask("POST", "/v1/leases", {"kinds": ["crawl"], "version": "1.0"})
            assert (said.status, said.code) == (503, "no_room")

    asyncio.run(life())


def test_a_full_disk_is_told_and_the_same_request_goes_on_when_there_is_room(tmp_path: Path) -> None:
    # invariant 12
    folder, admin = a_campaign(tmp_path / "c")

    async def life() -> None:
        store = FullStore(open_database(folder))
        async with running(folder, admin, store=store) as server:
            client = await server.client().join()
            leased = await client.take()
            file = await client.upload(leased, b"done")
            manifest, key = client.manifest(leased, [file]), a_key()
            store.is_full = True
            said = await client.submit(leased, manifest, key=key)
            assert (said.status, said.code, said.headers["Retry-After"]) == (503, "store", "15")
            assert (await client.ask("GET", "/v1/leases")).status == 200
            store.is_full = False
            assert (await client.submit(leased, manifest, key=key)).json() == {"outcome": "accepted"}

    asyncio.run(life())


def test_who_asks_for_leases_too_fast_is_told_when_to_come_again(tmp_path: Path) -> None:
    settings = SETTINGS.replace("[admission]", "[admission]\nleases_at_once = 2\nleases_a_minute = 6")
    folder, admin = a_campaign(tmp_path / "c", settings=settings)
    clock = HandClock()

    async def life() -> None:
        async with running(folder, admin, clock=clock) as server:
            client, other = await server.client().join(), await server.client().join()
            asked = {"kinds": ["extract"], "version": "1.0"}
            said = [await client.ask("POST", "/v1/leases", asked) for _ in range(3)]
            assert [one.status for one in said] == [204, 204, 429]
            assert said[2].headers["Retry-After"] == "10"
            assert (await other.ask("POST", "/v1/leases", asked)).status == 204
            clock.now += 10
            assert (await client.ask("POST", "/v1/leases", asked)).status == 204

    asyncio.run(life())


def test_one_network_is_slowed_down_and_opens_few_accounts(tmp_path: Path) -> None:
    # checklist 34; invariant 18
    settings = SETTINGS + "[registration]\naccounts_per_network = 2\n"
    settings = settings.replace("[admission]", "[admission]\nrequests_at_once = 5\nrequests_a_second = 1")
    folder, admin = a_campaign(tmp_path / "c", settings=settings)
    clock = HandClock()

    async def life() -> None:
        async with running(folder, admin, clock=clock) as server:
            said = [
                await server.client().ask("POST", "/v1/accounts", {"name": f"sybil {number}"}) for number in range(6)
            ]
            assert [one.status for one in said] == [201, 201, 429, 429, 429, 429]
            assert [one.code for one in said[2:]] == [*["too_many_accounts"] * 3, "too_fast"]
            clock.now += 86_401
            assert (await server.client().ask("POST", "/v1/accounts", {"name": "a day later"})).status == 201

    asyncio.run(life())


def test_an_invitation_opens_one_account(tmp_path: Path) -> None:
    folder, admin = a_campaign(tmp_path / "c", settings=SETTINGS + "[registration]\naccounts = 'invitation'\n")

    async def life() -> None:
        async with running(folder, admin) as server:
            operator, nobody = server.operator(), server.client()
            invitation = (await operator.ask("POST", "/v1/admin/invite", {})).json()["invitation"]
            uninvited = await nobody.ask("POST", "/v1/accounts", {"name": "one"})
            assert (uninvited.status, uninvited.code) == (403, "invitation")
            asked = {"name": "one", "invitation": invitation}
            opened = await nobody.ask("POST", "/v1/accounts", asked, key="k" * 20)
            assert opened.status == 201
            assert (await nobody.ask("POST", "/v1/accounts", asked, key="k" * 20)).body == opened.body
            second = await nobody.ask("POST", "/v1/accounts", {"name": "two", "invitation": invitation})
            assert (second.status, second.code) == (403, "invitation")

    asyncio.run(life())


def test_names_that_look_like_others_are_refused(tmp_path: Path) -> None:
    folder, admin = a_campaign(tmp_path / "c")

    async def life() -> None:
        async with running(folder, admin) as server:
            for name in ("\u202etpircs", " blank", "a\u200bb", "a\nb"):
                said = await server.client().ask("POST", "/v1/accounts", {"name": name})
                assert (said.status, said.code) == (422, "bad_name")
            assert (await server.client().ask("POST", "/v1/accounts", {"name": "Université"})).status == 201
            taken = await server.client().ask("POST", "/v1/accounts", {"name": "Université"})
            assert (taken.status, taken.code) == (409, "name_taken")

    asyncio.run(life())


def test_metrics_tell_how_things_stand_and_hold_no_name(tmp_path: Path) -> None:
    folder, admin = a_campaign(tmp_path / "c")

    async def life() -> None:
        async with running(folder, admin) as server:
            client = await server.client().join("Ada of the long name")
            await client.finish(await client.take())
            await client.take()
            text = (await server.client().ask("GET", "/metrics")).body.decode()
            assert 'pairtrawl_requests_total{route="POST /v1/leases",status="200"} 2.0' in text
            assert 'pairtrawl_jobs{kind="crawl",state="ready"} 3.0' in text  # new workers' jobs want a second result
            assert "pairtrawl_leases_active 1.0" in text
            assert "pairtrawl_results_to_check 1.0" in text
            assert "pairtrawl_upload_room_bytes" in text
            assert "Ada" not in text

    asyncio.run(life())
