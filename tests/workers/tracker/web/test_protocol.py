"""The protocol, as a volunteer speaks it, against a real server."""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path

import pytest

from crawler.settings import parse_recipe
from tests.workers.tracker.web.campaigns import SETTINGS, HandClock, a_campaign, running
from workers.protocol.campaign import SignedCampaign, opened
from workers.protocol.messages import HeldLeases, UploadPermit
from workers.tracker.clock import Clock, open_clock
from workers.tracker.moves.leases import outage, reap
from workers.tracker.opening import open_database
from workers.tracker.store import Store


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest) -> str:
    """The address of a fresh database: one after the other of both kinds."""
    return "" if request.param == "sqlite" else str(request.getfixturevalue("postgres"))


def test_a_volunteer_does_a_job_from_its_account_to_its_result(tmp_path: Path, database: str) -> None:
    folder, admin = a_campaign(tmp_path / "c")

    async def life() -> None:
        async with running(folder, admin, database=database) as server:
            client = await server.client().join()
            leased = await client.take()
            assert leased.spec.kind == "crawl"
            assert leased.spec.input == ""
            said = await client.ask("GET", f"/v1/leases/{leased.lease}/input")
            assert hashlib.sha256(said.body).hexdigest() == leased.spec.input_sha256
            assert len(said.body) == leased.spec.input_bytes
            beat = await client.ask(
                "POST", f"/v1/leases/{leased.lease}/heartbeat", {"stage": "fetch", "done": 1, "total": 2}
            )
            assert beat.json()["action"] == "continue"
            held = (await client.ask("GET", "/v1/leases")).told(HeldLeases)
            assert [one.lease for one in held.leases] == [leased.lease]
            done = await client.finish(leased)
            assert (done.status, done.json()) == (200, {"outcome": "accepted"})
            assert (await client.ask("GET", "/v1/leases")).told(HeldLeases).leases == []

    asyncio.run(life())


def test_a_campaign_is_signed_and_holds_no_path_of_the_server(tmp_path: Path) -> None:
    folder, admin = a_campaign(tmp_path / "c")

    async def life() -> None:
        async with running(folder, admin) as server:
            said = await server.client().ask("GET", "/v1/campaign")
            campaign = opened(said.told(SignedCampaign))
            assert campaign == folder.campaign()
            assert str(tmp_path).encode() not in said.body

    asyncio.run(life())


def test_an_extract_job_is_told_its_archive_and_has_no_input_here(tmp_path: Path) -> None:
    folder, admin = a_campaign(tmp_path / "c")

    async def life() -> None:
        async with running(folder, admin, stage="extract") as server:
            client = await server.client().join()
            leased = await client.take()
            assert leased.spec.input.startswith("https://archives.example.org/")
            assert leased.spec.form == "warc"
            assert (await client.ask("GET", f"/v1/leases/{leased.lease}/input")).code == "no_input"

    asyncio.run(life())


def test_an_input_can_be_had_in_parts(tmp_path: Path) -> None:
    folder, admin = a_campaign(tmp_path / "c")

    async def life() -> None:
        async with running(folder, admin) as server:
            client = await server.client().join()
            leased = await client.take()
            said = await client.ask("GET", f"/v1/leases/{leased.lease}/input", headers={"Range": "bytes=6-"})
            assert (said.status, said.body) == (206, str(leased.spec.number).encode())

    asyncio.run(life())


def test_the_input_of_another_worker_is_not_told(tmp_path: Path) -> None:
    folder, admin = a_campaign(tmp_path / "c")

    async def life() -> None:
        async with running(folder, admin) as server:
            mine = await server.client().join()
            leased = await mine.take()
            other = await server.client().join()
            for path in (f"/v1/leases/{leased.lease}/input", "/v1/leases/nobodys/input"):
                said = await other.ask("GET", path)
                assert (said.status, said.code) == (403, "unknown_lease")

    asyncio.run(life())


def test_a_lost_reply_to_a_lease_is_given_again_and_takes_no_second_job(tmp_path: Path) -> None:
    # invariant 5
    folder, admin = a_campaign(tmp_path / "c")

    async def life() -> None:
        async with running(folder, admin) as server:
            client = await server.client().join()
            first = await client.take(key="the-same-key")
            assert await client.take(key="the-same-key") == first
            held = (await client.ask("GET", "/v1/leases")).told(HeldLeases)
            assert [one.lease for one in held.leases] == [first.lease]

    asyncio.run(life())


def test_a_result_of_another_recipe_or_signed_by_another_is_refused(tmp_path: Path) -> None:
    folder, admin = a_campaign(tmp_path / "c")

    async def life() -> None:
        async with running(folder, admin) as server:
            client = await server.client().join()
            leased = await client.take()
            file = await client.upload(leased, b"done")
            foreign = client.manifest(leased, [file], recipe="0" * 32)
            assert (await client.submit(leased, foreign)).code == "wrong_recipe"
            stranger = server.client()
            stranger.token = client.token
            assert (await stranger.submit(leased, client.manifest(leased, [file]))).code == "bad_signature"
            assert (await client.submit(leased, client.manifest(leased, [file]))).status == 200

    asyncio.run(life())


def test_a_job_is_not_done_without_its_work(tmp_path: Path) -> None:
    # defect 1, defect 2
    folder, admin = a_campaign(tmp_path / "c")

    async def life() -> None:
        async with running(folder, admin) as server:
            client = await server.client().join()
            leased = await client.take()
            file = await client.upload(leased, b"done")
            never = client.manifest(leased, [file, type(file)(name="postgres.tar", bytes=1, sha256="0" * 64)])
            refused = await client.submit(leased, never)
            assert refused.status == 422
            nobody = server.client()
            assert (await nobody.submit(leased, client.manifest(leased, [file]))).status == 401
            assert (await client.ask("GET", "/v1/stats")).json()["verified_jobs"] == 0

    asyncio.run(life())


def test_a_file_that_is_too_large_for_the_campaign_is_refused_before_it_is_sent(tmp_path: Path) -> None:
    folder, admin = a_campaign(tmp_path / "c", upload_bytes=10)

    async def life() -> None:
        async with running(folder, admin) as server:
            client = await server.client().join()
            leased = await client.take()
            path = f"/v1/leases/{leased.lease}/uploads"
            small = {"file": {"name": "a.parquet", "bytes": 6, "sha256": "0" * 64}}
            said = await client.ask("POST", path, small)
            assert (said.status, said.told(UploadPermit).how) == (201, "tus")
            assert (await client.ask("POST", path, small)).status == 200
            second = {"file": {"name": "b.parquet", "bytes": 6, "sha256": "0" * 64}}
            assert (await client.ask("POST", path, second)).code == "too_long"

    asyncio.run(life())


def test_paused_and_drained_campaigns_hand_nothing_out_and_finished_ones_say_so(tmp_path: Path) -> None:
    folder, admin = a_campaign(tmp_path / "c", jobs=1)

    async def life() -> None:
        async with running(folder, admin) as server:
            client, operator = await server.client().join(), server.operator()
            asked = {"kinds": ["crawl"], "version": "1.0"}
            assert (await operator.ask("POST", "/v1/admin/pause", {})).json() == {"ok": True}
            said = await client.ask("POST", "/v1/leases", asked)
            assert (said.status, said.headers["Retry-After"]) == (204, "300")
            await operator.ask("POST", "/v1/admin/resume", {})
            leased = await client.take()
            await operator.ask("POST", "/v1/admin/drain", {})
            beat = await client.ask("POST", f"/v1/leases/{leased.lease}/heartbeat", {})
            assert beat.json()["action"] == "drain"
            await operator.ask("POST", "/v1/admin/resume", {})
            said = await client.ask("POST", "/v1/leases", asked)
            assert (said.status, said.headers["Retry-After"]) == (204, "60")
            cancelled = await operator.ask("POST", "/v1/admin/cancel", {"job": 1})
            assert cancelled.json() == {"ok": True}
            said = await client.ask("POST", "/v1/leases", asked)
            assert (said.status, said.code) == (410, "done")

    asyncio.run(life())


def test_blocked_versions_get_no_jobs_and_numbers_are_compared_as_numbers(tmp_path: Path) -> None:
    # invariant 27
    folder, admin = a_campaign(tmp_path / "c")

    async def life() -> None:
        async with running(folder, admin) as server:
            client, operator = await server.client().join(), server.operator()
            leased = await client.take()
            block = {"version": "1.0", "state": "blocked", "why": "it drops captions"}
            assert (await operator.ask("POST", "/v1/admin/version", block)).status == 200
            said = await client.ask("POST", "/v1/leases", {"kinds": ["crawl"], "version": "1.0.0"})
            assert (said.status, said.code) == (426, "version_blocked")
            assert "it drops captions" in said.json()["message"]
            asked = {"version": "1.10", "environment": "e" * 64, "answers": {}}
            await client.ask("POST", "/v1/workers/me/selftest", asked)
            newer = await client.ask("POST", "/v1/leases", {"kinds": ["crawl"], "version": "1.10"})
            assert newer.status == 200
            assert (await client.finish(leased)).json() == {"outcome": "accepted"}  # as is set

    asyncio.run(life())


def test_leases_of_a_blocked_version_end_at_once_where_that_is_set(tmp_path: Path) -> None:
    # invariant 27
    folder, admin = a_campaign(tmp_path / "c", settings=SETTINGS + "[versions]\nleases_of_blocked = 'revoke'\n")

    async def life() -> None:
        async with running(folder, admin) as server:
            client, operator = await server.client().join(), server.operator()
            leased = await client.take()
            await operator.ask("POST", "/v1/admin/version", {"version": "1.0", "state": "blocked"})
            beat = await client.ask("POST", f"/v1/leases/{leased.lease}/heartbeat", {})
            assert beat.json()["action"] == "abandon"

    asyncio.run(life())


def test_an_outage_ends_no_lease_and_takes_finished_work(tmp_path: Path) -> None:
    # invariant 9
    folder, admin = a_campaign(tmp_path / "c")

    async def life() -> None:
        wall, steady = HandClock(), HandClock(0.0)

        async def begun() -> tuple[Store, Clock]:
            store = open_database(folder)
            return store, await open_clock(store, outage, wall=wall, steady=steady)

        store, clock = await begun()
        async with running(folder, admin, store=store, clock=clock) as server:
            client = await server.client().join()
            leased = await client.take()
        wall.now += 86_400.0
        store, clock = await begun()
        async with running(folder, admin, stage=None, store=store, clock=clock) as server:
            now = server.tracker.clock()
            assert (await server.tracker.store.do(lambda tx: reap(tx, now))).expired == 0
            client.root, client.session = server.root, server.session
            assert (await client.finish(leased)).json() == {"outcome": "accepted"}

    asyncio.run(life())


def test_files_that_the_recipe_names_are_handed_out_and_no_others(tmp_path: Path) -> None:
    (tmp_path / "words.txt").write_text("never\n")
    text = '[[filters]]\nuse = "candidates.keywords"\npath = "words.txt"'
    folder, admin = a_campaign(tmp_path / "c", recipe=parse_recipe(text, folder=str(tmp_path)))
    (folder.attachments / "other").write_text("no")

    async def life() -> None:
        async with running(folder, admin) as server:
            (one,) = server.tracker.campaign.attachments
            said = await server.client().ask("GET", f"/v1/attachments/{one.sha256}")
            assert (said.status, said.body) == (200, b"never\n")
            for name in ("other", "0" * 64, "..%2Fkey", "..%2Fsecrets.json"):
                assert (await server.client().ask("GET", f"/v1/attachments/{name}")).code == "unknown_attachment"

    asyncio.run(life())
