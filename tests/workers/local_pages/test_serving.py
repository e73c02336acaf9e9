"""A local server with real requests."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import http.client
import os
import re
import signal
import socket
from collections.abc import Awaitable, Callable

import aiohttp
import pytest
from aiohttp import web

from crawler.errors import SettingsError
from workers.local_pages.frame import PageFrame, json_answer, text_answer
from workers.local_pages.serving import LocalPages, Route, lines_to_tell, local_pages, serve_local

STYLE, SCRIPT = "body { color: red }", "document.title = 'ran'"


async def _page(_request: web.Request) -> web.StreamResponse:
    return PageFrame("a & b", "<main>here</main>", (STYLE,), (SCRIPT,)).answer()


async def _said(request: web.Request) -> web.StreamResponse:
    return json_answer(await request.json())


async def _figures(_request: web.Request) -> web.StreamResponse:
    return text_answer("rows 3\n")


ROUTES = (Route("GET", "/", _page), Route("POST", "/say", _said), Route("GET", "/metrics", _figures, is_open=True))


def visiting(visit: Callable[[LocalPages, aiohttp.ClientSession], Awaitable[None]]) -> None:
    """Visit a server as a browser does: cookies are kept, also those of an address without a name."""

    async def all_of_it() -> None:
        async with (
            local_pages(ROUTES) as pages,
            aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session,
        ):
            await visit(pages, session)

    asyncio.run(all_of_it())


def test_the_address_with_the_token_becomes_a_cookie_and_an_address_without_it() -> None:
    async def visit(pages: LocalPages, session: aiohttp.ClientSession) -> None:
        async with session.get(pages.root) as refused:
            assert refused.status == 401
        async with session.get(pages.address, allow_redirects=False) as door:
            assert (door.status, door.headers["Location"]) == (303, "/")
            cookie = door.headers["Set-Cookie"]
            assert "HttpOnly" in cookie
            assert "SameSite=Strict" in cookie
        async with session.get(pages.root) as answer:
            assert answer.status == 200
            assert "here" in await answer.text()
            assert pages.gate.token not in str(answer.url)

    visiting(visit)


@pytest.mark.parametrize("path", ["/open/wrong", "/open/", "/open/../", "/none"])
def test_a_wrong_token_opens_nothing_and_gives_no_cookie(path: str) -> None:
    async def visit(pages: LocalPages, session: aiohttp.ClientSession) -> None:
        async with session.get(f"{pages.root}{path}", allow_redirects=False) as door:
            assert door.status in {401, 404}
            assert "Set-Cookie" not in door.headers
            assert pages.gate.token not in await door.text()

    visiting(visit)


def test_a_page_says_by_hashes_what_may_run_in_it_and_no_frame_may_hold_it() -> None:
    async def visit(pages: LocalPages, session: aiohttp.ClientSession) -> None:
        async with session.get(pages.address) as answer:
            policy, text = answer.headers["Content-Security-Policy"], await answer.text()
            for part in (STYLE, SCRIPT):
                assert f"sha256-{base64.b64encode(hashlib.sha256(part.encode()).digest()).decode()}" in policy
            assert "frame-ancestors 'none'" in policy
            assert "unsafe" not in policy
            assert "a &amp; b" in text
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            assert answer.headers["Referrer-Policy"] == "same-origin"
            assert answer.headers["Cache-Control"] == "no-store"
            assert "Access-Control-Allow-Origin" not in answer.headers

    visiting(visit)


def test_a_script_that_would_end_its_own_element_is_our_bug() -> None:
    with pytest.raises(ValueError, match="holds </"):
        PageFrame("t", "", scripts=("'</script>'",)).answer()


def test_a_post_needs_the_origin_of_the_page_itself() -> None:
    async def visit(pages: LocalPages, session: aiohttp.ClientSession) -> None:
        await session.get(pages.address)
        for origin, status in ((pages.root, 200), ("http://evil.example", 403), ("http://127.0.0.1:1", 403)):
            async with session.post(f"{pages.root}/say", json={"a": 1}, headers={"Origin": origin}) as answer:
                assert answer.status == status
        async with session.post(f"{pages.root}/say", json={"a": 1}) as answer:
            assert answer.status == 403
        async with session.options(f"{pages.root}/say", headers={"Origin": "http://evil.example"}) as asked:
            assert "Access-Control-Allow-Origin" not in asked.headers

    visiting(visit)


def test_a_name_that_was_bound_to_this_machine_is_refused() -> None:
    async def visit(pages: LocalPages, session: aiohttp.ClientSession) -> None:
        await session.get(pages.address)
        async with session.get(pages.root, headers={"Host": f"evil.example:{pages.port}"}) as answer:
            assert answer.status == 421
        async with session.get(f"{pages.root}/metrics", headers={"Host": "evil.example"}) as answer:
            assert answer.status == 421

    visiting(visit)


def test_figures_may_be_open_and_nothing_else_is() -> None:
    async def visit(pages: LocalPages, session: aiohttp.ClientSession) -> None:
        async with session.get(f"{pages.root}/metrics") as answer:
            assert (answer.status, await answer.text()) == (200, "rows 3\n")
        async with session.get(f"{pages.root}/") as answer:
            assert answer.status == 401
        async with session.get(f"{pages.root}/", headers={"Authorization": f"Bearer {pages.gate.token}"}) as answer:
            assert answer.status == 200

    visiting(visit)


def test_two_host_headers_and_long_bodies_are_refused() -> None:
    async def visit(pages: LocalPages, session: aiohttp.ClientSession) -> None:
        def raw() -> int:
            line = http.client.HTTPConnection("127.0.0.1", pages.port, timeout=30)
            line.putrequest("GET", "/", skip_host=True)
            line.putheader("Host", f"127.0.0.1:{pages.port}")
            line.putheader("Host", "evil.example")
            line.putheader("Authorization", f"Bearer {pages.gate.token}")
            line.endheaders()
            status = line.getresponse().status
            line.close()
            return status

        assert await asyncio.to_thread(raw) == 400
        await session.get(pages.address)
        async with session.post(f"{pages.root}/say", data=b"1" * 70_000, headers={"Origin": pages.root}) as answer:
            assert answer.status == 413

    visiting(visit)


def test_only_this_machine_is_listened_to() -> None:
    async def visit(pages: LocalPages, session: aiohttp.ClientSession) -> None:
        with pytest.raises(OSError), socket.create_connection(("127.0.0.2", pages.port), timeout=30):  # noqa: PT011 - refused, in the system's words
            pass

    visiting(visit)


def test_a_port_that_is_taken_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        async def serve() -> None:
            async with local_pages(ROUTES, port=port):
                raise AssertionError

        with pytest.raises(SettingsError, match=f"--port {port}"):
            asyncio.run(serve())


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_ends_it_also_while_a_page_is_watching(number: signal.Signals) -> None:
    told: list[str] = []
    here = asyncio.Event()

    def say(line: str) -> None:
        told.append(line)
        here.set()

    async def watch(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse()
        await answer.prepare(request)
        await answer.write(b"here\n")
        await asyncio.Event().wait()
        return answer

    async def look() -> None:
        await here.wait()
        address = told[0].split()[1]
        async with (
            aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session,
            session.get(address) as page,
        ):
            assert await page.content.readline() == b"here\n"
            os.kill(os.getpid(), number)
            with pytest.raises(aiohttp.ClientError):
                await page.content.readline()

    async def both() -> None:
        async with asyncio.timeout(60), asyncio.TaskGroup() as group:
            group.create_task(serve_local((Route("GET", "/", watch),), say=say))
            group.create_task(look())

    asyncio.run(both())
    assert re.fullmatch(r"Open http://127\.0\.0\.1:[0-9]+/open/[A-Za-z0-9_-]{43}", told[0])


def test_over_ssh_the_line_is_told_that_brings_the_port_here() -> None:
    async def visit(pages: LocalPages, session: aiohttp.ClientSession) -> None:
        there = list(lines_to_tell(pages, is_remote=True))
        assert f"ssh -N -L {pages.port}:127.0.0.1:{pages.port} " in there[1]
        assert not any("ssh" in line for line in lines_to_tell(pages, is_remote=False))

    visiting(visit)
