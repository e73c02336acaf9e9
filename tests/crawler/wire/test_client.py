"""What a request line says, and which connections are kept: over real sockets."""

from __future__ import annotations

import asyncio
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.records import Fault
from crawler.settings import Fetch
from crawler.urls import normalise
from crawler.wire.addresses import AddressPolicy
from crawler.wire.admission import Admitted, admit
from crawler.wire.client import Client
from crawler.wire.door import SocketDoor
from crawler.wire.only_once import HungUpError
from crawler.wire.resolve import LookUpError, Names, Records
from crawler.wire.target import Target
from crawler.wire.transport import Transport, open_transport
from crawler.wire.wire_faults import meaning_of
from tests.fakes.web import SMALL, FreeTurns, Web, a_web, answers, sends

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nboat"


@pytest.mark.parametrize(
    ("url", "key", "head"),
    [
        ("http://boats.example/a.jpg", ("http", "boats.example", 80), b"/a.jpg|boats.example"),
        ("https://boats.example/?a=b&c", ("https", "boats.example", 443), b"/?a=b&c|boats.example"),
        ("http://boats.example:8080/a%20b", ("http", "boats.example", 8080), b"/a%20b|boats.example:8080"),
        ("http://boats.example./a", ("http", "boats.example", 80), b"/a|boats.example"),
        ("http://[2001:db8::1]:81/a", ("http", "2001:db8::1", 81), b"/a|[2001:db8::1]:81"),
    ],
)
def test_a_request_names_path_and_host_as_a_browser_would(url: str, key: tuple[str, str, int], head: bytes) -> None:
    target = Target.of(url)
    path, _, host = head.partition(b"|")
    assert target.key == key
    assert target.head == b"GET " + path + b" HTTP/1.1\r\nHost: " + host + b"\r\n"


@pytest.mark.parametrize(
    "url",
    [
        "http://boats.example/a\r\nX-Evil: 1", "http://boats.example/a b", "http://boats.example/é", "http://user@boats.example/",
        "ftp://boats.example/", "http:///a", "http://boats.example\n/", "http://boats.example/a\x7f", "",
    ],
)  # fmt: skip
def test_what_no_request_line_can_hold_is_no_target(url: str) -> None:
    with pytest.raises(UnicodeError):
        Target.of(url)


@given(
    st.text()
    | st.text(max_size=40).map("http://{}".format)
    | st.text(max_size=40).map("https://a.example:81/{}".format)
)
def test_a_target_is_what_the_standard_library_reads_in_every_normalised_address(text: str) -> None:
    url = normalise(text)
    if not url:
        return
    parts = urlsplit(url)
    if parts.username is not None or parts.password is not None or "." not in (parts.hostname or ""):
        return
    target = Target.of(url)
    assert target.head.count(b"\r\n") == 2
    assert (target.scheme, target.host) == (parts.scheme, (parts.hostname or "").rstrip("."))
    assert target.port == (parts.port or {"http": 80, "https": 443}[parts.scheme])
    query = f"?{parts.query}" if parts.query or url.endswith("?") else ""
    assert target.head.split(b" ")[1].decode() == (parts.path or "/") + query


@given(st.text(max_size=30), st.sampled_from(["", ":81", ":443", ":"]), st.sampled_from(["", "u@", "u:p@", "@"]))
def test_admission_reads_host_and_port_as_the_standard_library_does(host: str, port: str, user: str) -> None:
    url = normalise(f"https://{user}{host}.example{port}/a")
    admitted = admit(url, Fetch(ports=(81, 443)))
    if isinstance(admitted, Admitted):
        parts = urlsplit(url)
        assert (parts.username, parts.password) == (None, None)
        assert admitted.host == (parts.hostname or "").rstrip(".")
        assert admitted.authority == f"{admitted.host}:{parts.port or 443}"


async def _connections(web: Web, get: Transport, *pages: str) -> list[int]:
    before = len(web.asked)
    for page in pages:
        async with get.turn("boats.test"):
            assert (await get(f"http://boats.test{page}")).body in {b"boat", b""}
    return [one.connection for one in web.asked[before:]]


def test_a_connection_serves_the_next_request_unless_its_server_will_not_or_has_more_to_say() -> None:
    pages = {
        "/": answers(200, b"boat"),
        "/gone": answers(404, b""),
        "/last": answers(200, b"boat", "Connection: close"),
        "/long": answers(404, bytes(3_000_000)),  # a body that nobody reads
        "/twice": sends(OK + OK),
        "/old": sends(b"HTTP/1.0 200 OK\r\n\r\nboat", then_hangs_up=True),
    }

    async def story() -> None:
        async with a_web(pages) as web, open_transport(web.settings(), SMALL, FreeTurns()) as get:
            assert await _connections(web, get, "/", "/", "/gone", "/") == [1, 1, 1, 1]
            assert await _connections(web, get, "/last", "/") == [1, 2]
            assert await _connections(web, get, "/long", "/") == [2, 3]
            assert await _connections(web, get, "/twice", "/") == [3, 4]
            assert await _connections(web, get, "/old", "/", "/") == [4, 5, 5]
            assert get.open_sockets == 1
        assert get.open_sockets == 0

    asyncio.run(asyncio.wait_for(story(), 30))


async def _nobody(_name: str) -> Records:
    raise LookUpError("not asked")


def _client(web: Web, door: SocketDoor, keep_seconds: float) -> Client:
    settings = web.settings()
    return Client(settings, "test/1", Names(_nobody, settings.hosts), door, keep_seconds=keep_seconds)


async def _ask(client: Client, target: Target) -> bool:
    """Whether the connection was a kept one."""
    line = await client.line(target)
    message, body = await client.ask(line, target, keep=True)
    assert (message.code, await body.read()) == (200, b"boat")
    client.give_back(line, target, keep=True)
    return line.reused


def test_an_idle_connection_is_hung_up_after_a_while() -> None:
    async def story() -> None:
        door, target = SocketDoor(AddressPolicy.of(("127.0.0.1/32",))), Target.of("http://boats.test/")
        async with a_web({"/": answers(200, b"boat")}) as web:
            client = _client(web, door, keep_seconds=60)
            assert [await _ask(client, target) for _ in range(3)] == [False, True, True]
            await client.close()
            assert len(door) == 0
            client = _client(web, door, keep_seconds=0.01)
            assert not await _ask(client, target)
            while len(door):  # noqa: ASYNC110 - what closes it has no event
                await asyncio.sleep(0.005)
            assert not await _ask(client, target)
            await client.close()

    asyncio.run(asyncio.wait_for(story(), 30))


def test_a_connection_that_is_gone_before_it_is_asked_hung_up_without_a_word() -> None:
    async def story() -> None:
        door, target = SocketDoor(AddressPolicy.of(("127.0.0.1/32",))), Target.of("http://boats.test/")
        async with a_web({"/": answers(200, b"boat")}) as web:
            client = _client(web, door, keep_seconds=60)
            line = await client.line(target)
            line.close()
            with pytest.raises(HungUpError) as hung_up:
                await client.ask(line, target, keep=True)
            assert hung_up.value.wordless
            assert meaning_of(hung_up.value, in_body=False).fault is Fault.CONNECT_FAILED  # type: ignore[union-attr] # not ours
            await client.close()

    asyncio.run(asyncio.wait_for(story(), 30))
