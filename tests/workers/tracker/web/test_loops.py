"""What the server does beside answering: each loop may die alone."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path

import aiohttp
import pytest
import trustme

from crawler.errors import SettingsError
from tests.workers.tracker.web.campaigns import HandClock, a_campaign, running
from workers.tracker.store import StoreError
from workers.tracker.web.loops import Loop, keep_going, loops_of
from workers.tracker.web.serving import Serving, listening, open_tracker, serve


def test_a_loop_that_dies_is_begun_again_and_the_others_do_not_notice() -> None:
    turns: list[str] = []

    async def life() -> None:
        enough = asyncio.Event()

        def turn(name: str, error: Exception | None) -> Loop:
            async def once() -> bool:
                turns.append(name)
                if all(turns.count(one) >= 3 for one in ("bug", "full", "well")):
                    enough.set()
                if error is not None:
                    raise error
                return False

            return Loop(name, 0.0, once)

        loops = [turn("bug", ZeroDivisionError()), turn("full", StoreError("full")), turn("well", None)]
        task = asyncio.create_task(keep_going(loops, lambda _seconds: asyncio.sleep(0)))
        await enough.wait()
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()

    asyncio.run(life())


def test_the_loops_of_a_tracker_reap_forget_and_collect(tmp_path: Path) -> None:
    folder, admin = a_campaign(tmp_path / "c")
    clock = HandClock()

    async def life() -> None:
        async with running(folder, admin, clock=clock) as server:
            client = await server.client().join()
            leased = await client.take(key="k")
            await client.upload(leased, b"never given in")
            clock.now += 60 * 86_400.0
            loops = {one.name: one for one in loops_of(server.tracker)}
            for name in ("reap", "forget", "collect"):
                assert await loops[name].turn() is False
            left = await server.tracker.store.look(
                lambda tx: (
                    tx.all("SELECT state FROM leases"), tx.all("SELECT state FROM uploads"), tx.all("SELECT 1 FROM replies")
                )
            )  # fmt: skip
            assert [[dict(row) for row in rows] for rows in left] == [[{"state": "expired"}], [{"state": "gone"}], []]
            assert list(folder.objects.glob("*.part")) == []

    asyncio.run(life())


def test_an_address_that_is_taken_and_a_certificate_that_is_none_are_told_of(tmp_path: Path) -> None:
    folder, admin = a_campaign(tmp_path / "c")

    async def life() -> None:
        async with running(folder, admin) as server:
            port = int(server.root.rpartition(":")[2])
            with pytest.raises(SettingsError, match="cannot listen"):
                async with listening(server.tracker, "127.0.0.1", port):
                    pass
        with pytest.raises(SettingsError, match="give both"):
            await serve(Serving(folder=folder.path, certificate=folder.key))
        with pytest.raises(SettingsError, match="no certificate"):
            await serve(Serving(folder=folder.path, certificate=folder.key, key=folder.key))

    asyncio.run(life())


def test_it_is_served_by_https_where_a_certificate_is_given(tmp_path: Path) -> None:
    folder, _ = a_campaign(tmp_path / "c")
    authority = trustme.CA()
    theirs, ours = ssl.create_default_context(), ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.configure_trust(theirs)
    authority.issue_cert("127.0.0.1").configure_cert(ours)

    async def life() -> None:
        async with (
            open_tracker(folder, secure=True) as tracker,
            listening(tracker, "127.0.0.1", 0, ours) as port,
            aiohttp.ClientSession() as session,
            session.get(f"https://127.0.0.1:{port}/v1/campaign", ssl=theirs) as response,
        ):
            assert response.status == 200

    asyncio.run(life())
