"""The pages as they come over HTTP."""

from __future__ import annotations

import asyncio
from pathlib import Path

import aiohttp

from tests.workers.tracker.web.campaigns import HandClock, Running, a_campaign, running
from workers.tracker.moves.jobs import is_paused
from workers.tracker.pages.assets import ASSETS
from workers.tracker.web.knowing import COOKIE, operator_cookie


def test_pages_allow_only_what_is_ours(tmp_path: Path) -> None:
    folder, admin = a_campaign(tmp_path / "c")

    async def life() -> None:
        async with running(folder, admin) as server:
            client = server.client()
            for path in ("/", "/leaderboard", "/w/1", "/w/..%2f..%2fetc", "/operator", "/operator/login", *ASSETS):
                said = await client.ask("GET", path)
                policy = said.headers["Content-Security-Policy"]
                assert policy.startswith("default-src 'none'; style-src 'self'; script-src 'self';"), path
                assert "unsafe" not in policy
                assert "http" not in policy
                assert said.headers["X-Content-Type-Options"] == "nosniff"
                for one in (b"https://", b"//cdn", b"style=", b"<style", b"onclick"):
                    assert one not in said.body.replace(b"http://www.w3.org/2000/svg", b""), (path, one)
            assert (await client.ask("GET", "/w/1")).status == 404
            assert (await client.ask("GET", "/operator")).status == 401
            assert (await client.ask("GET", "/")).headers["Cache-Control"] == "public, max-age=4"
            assert (await client.ask("GET", "/operator")).headers["Cache-Control"] == "no-store"

    asyncio.run(life())


def test_a_page_tells_neither_networks_nor_keys(tmp_path: Path) -> None:
    folder, admin = a_campaign(tmp_path / "c")

    async def life() -> None:
        async with running(folder, admin) as server:
            client = await server.client().join("Ada")
            await client.take()
            row = await server.tracker.store.look(lambda tx: tx.one("SELECT * FROM workers"))
            assert row is not None
            for path in ("/", f"/w/{client.worker}", "/leaderboard"):
                body = (await client.ask("GET", path, token="")).body.decode()
                for secret in (client.token, row["network"], row["key_digest"], row["public_key"], "127.0.0.1"):
                    assert secret not in body, (path, secret)

    asyncio.run(life())


async def _paused(server: Running) -> str:
    return await server.tracker.store.look(is_paused)


async def _post(server: Running, path: str, cookie: str, headers: dict[str, str]) -> int:
    cookies = {"Cookie": f"{COOKIE}={cookie}"} if cookie else {}
    async with server.session.post(server.root + path, headers=headers | cookies, allow_redirects=False) as answer:
        return answer.status


def test_no_other_site_can_press_an_operators_buttons(tmp_path: Path) -> None:
    # invariant 18: the browser's cookie alone is not enough
    folder, admin = a_campaign(tmp_path / "c")
    clock = HandClock()

    async def life() -> None:
        async with running(folder, admin, clock=clock) as server:
            cookie = operator_cookie(server.tracker.secrets, clock.now)
            ours = {"Sec-Fetch-Site": "same-origin"}
            for headers in (
                {}, {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"},
                {"Origin": "https://evil.example"}, {"Origin": "null"},
            ):  # fmt: skip
                assert await _post(server, "/operator/pause/pause", cookie, headers) == 403
            for wrong in ("", cookie + "0", "9" + cookie, admin):
                assert await _post(server, "/operator/pause/pause", wrong, ours) == 401
            assert await _paused(server) == ""
            assert await _post(server, "/operator/pause/pause", cookie, ours) == 303
            assert await _paused(server) == "paused"
            assert await _post(server, "/operator/pause/resume", cookie, {"Origin": server.root}) == 303
            for path in (
                "/operator/pause/x",
                "/operator/jobs/1/x",
                "/operator/workers/1/x",
                "/operator/jobs/x/requeue",
            ):
                assert await _post(server, path, cookie, ours) == 404
            clock.now += 12 * 3_600
            assert await _post(server, "/operator/pause/pause", cookie, ours) == 401

    asyncio.run(life())


def test_the_stream_tells_counts_and_nothing_else(tmp_path: Path) -> None:
    folder, admin = a_campaign(tmp_path / "c", jobs=4)

    async def life() -> None:
        async with running(folder, admin) as server, server.session.get(server.root + "/events") as answer:
            assert answer.content_type == "text/event-stream"
            lines = []
            async for line in answer.content:
                lines.append(line)
                if line.startswith(b"data: "):
                    break
            told = await _json(lines[-1][6:])
            assert told == {
                "done": 0, "total": 4, "share": "0 %", "pairs": 0, "workers": 0, "accounts": 0, "leases": 0,
                "waiting": 0, "hour": 0,
            }  # fmt: skip
            answer.close()

    asyncio.run(life())


async def _json(content: bytes) -> object:
    import msgspec

    return msgspec.json.decode(content)


def test_a_form_that_is_too_long_is_not_read(tmp_path: Path) -> None:
    folder, admin = a_campaign(tmp_path / "c")

    async def life() -> None:
        async with running(folder, admin) as server:
            data = aiohttp.BytesPayload(b"token=" + b"x" * 2**20)
            async with server.session.post(server.root + "/operator/login", data=data) as answer:
                assert answer.status == 413

    asyncio.run(life())
