"""How long a request may take, and where it waits meanwhile: over real sockets, with little patience."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from crawler.courtesy.desk import TurnRefusedError
from crawler.records import Fault
from crawler.settings import Resources
from crawler.wire.answers import Answer, Get, TransportError
from crawler.wire.transport import open_transport
from crawler.wire.vigil import Patience
from tests.fakes.web import SMALL, Behaviour, FreeTurns, a_web, answers, drips, falls_silent

OK = b"HTTP/1.1 200 OK\r\n"
IMPATIENT = Patience(silent_seconds=0.05, rate_after_seconds=0.2)
BODY = OK + b"Content-Length: 100000\r\n\r\n"
SLOW = {
    "silence": (falls_silent(), Fault.TIMEOUT),
    "half a status line": (falls_silent(b"HTTP/1.1 2"), Fault.TIMEOUT),
    "headers that drip": (drips(OK, b"X-A: b\r\n"), Fault.TIMEOUT),
    "news that drip": (drips(b"", b"HTTP/1.1 103 Early Hints\r\n\r\n"), Fault.TIMEOUT),
    "silence after the headers": (falls_silent(BODY), Fault.TIMEOUT),
    "silence inside the body": (falls_silent(BODY + b"boat"), Fault.TIMEOUT),
    "silence inside a chunk": (falls_silent(OK + b"Transfer-Encoding: chunked\r\n\r\n9\r\nboat"), Fault.TIMEOUT),
    "a chunk's name that drips": (drips(OK + b"Transfer-Encoding: chunked\r\n\r\n1;", b"b"), Fault.TIMEOUT),
    "trailers that drip": (drips(OK + b"Transfer-Encoding: chunked\r\n\r\n0\r\n", b"X-A: b\r\n"), Fault.TIMEOUT),
    "a body that drips": (drips(BODY, b"b"), Fault.TOO_SLOW),
    "a body without length that drips": (drips(OK + b"\r\n", b"b"), Fault.TOO_SLOW),
    "chunks that drip": (drips(OK + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\nb\r\n"), Fault.TOO_SLOW),
}


# checklist 13
def test_who_takes_too_long_is_left() -> None:
    """All of them at once, inside turns and outside: alone each would take half a second."""

    async def story() -> None:
        pages = {f"/{number}": behaviour for number, (behaviour, _) in enumerate(SLOW.values())}
        settings = {"first_byte_seconds": 0.5, "read_seconds": 0.5, "bytes_per_second": 1_000}
        async with (
            a_web(pages) as web,
            open_transport(web.settings(**settings), SMALL, FreeTurns(), patience=IMPATIENT) as get,
        ):

            async def visit(page: str) -> Fault:
                async with get.turn("boats.test"):
                    return await _fault_of(get, f"http://boats.test{page}")

            for faults in (
                await asyncio.gather(*(visit(page) for page in pages)),
                await asyncio.gather(*(_fault_of(get, f"http://boats.test{page}") for page in pages)),
            ):
                assert dict(zip(SLOW, faults, strict=True)) == {what: fault for what, (_, fault) in SLOW.items()}
            await _until(lambda: get.open_sockets == 0)

    asyncio.run(asyncio.wait_for(story(), 30))


async def _fault_of(get: Get, url: str) -> Fault:
    with pytest.raises(TransportError) as failed:
        await get(url)
    return failed.value.fault


async def _until(true: Callable[[], bool]) -> None:
    while not true():  # noqa: ASYNC110 - what a server saw has no event
        await asyncio.sleep(0.001)


def test_a_slow_body_above_the_least_rate_arrives_and_one_without_a_least_rate_always_does() -> None:
    async def story() -> None:
        slowly = drips(OK + b"Content-Length: 30\r\n\r\n", b"b", times=30)
        for least in (1, 0):
            async with (
                a_web({"/": slowly}) as web,
                open_transport(web.settings(bytes_per_second=least), SMALL, FreeTurns(), patience=IMPATIENT) as get,
            ):
                assert len((await get("http://boats.test/")).body) == 30

    asyncio.run(story())


def test_a_body_that_is_complete_is_not_too_slow() -> None:
    async def story() -> None:
        late = drips(OK + b"Content-Length: 4\r\n\r\n", b"boat", 0.4, times=1)
        async with (
            a_web({"/": late}) as web,
            open_transport(web.settings(bytes_per_second=1_000), SMALL, FreeTurns(), patience=IMPATIENT) as get,
        ):
            assert (await get("http://boats.test/")).body == b"boat"

    asyncio.run(story())


# ---- silent servers and slots

SOON_ASIDE = Patience(silent_seconds=0.05)


async def _visit(get: Get, host: str) -> Answer:
    async with get.turn(host):
        return await get(f"http://{host}/")


def _speaks_when(told: asyncio.Event, *parts: bytes) -> Behaviour:
    """The first part at once, the others when told."""

    async def behave(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        writer.write(parts[0])
        await told.wait()
        for part in parts[1:]:
            writer.write(part)
        return True

    return behave


@pytest.mark.parametrize("first", [b"", OK, OK + b"Content-Length: 4\r\n\r\n", OK + b"Content-Length: 4\r\n\r\nb"])
def test_a_silent_server_keeps_no_slot_and_its_answer_arrives_when_it_comes(first: bytes) -> None:
    async def story() -> None:
        whole, told = OK + b"Content-Length: 4\r\n\r\nboat", asyncio.Event()
        pages = {"silent.test/": _speaks_when(told, first, whole[len(first) :]), "/": answers(200, b"good")}
        async with (
            a_web(pages) as web,
            open_transport(web.settings(), Resources(downloads=1), FreeTurns(), patience=SOON_ASIDE) as get,
        ):
            silent = asyncio.create_task(_visit(get, "silent.test"))
            await _until(lambda: len(web.asked) == 1)
            assert (await _visit(get, "good.test")).body == b"good"
            assert not silent.done()
            told.set()
            assert (await silent).body == b"boat"

    asyncio.run(asyncio.wait_for(story(), 30))


def test_a_body_that_comes_late_waits_for_a_slot_and_that_wait_is_not_the_server_s_fault() -> None:
    async def story() -> None:
        late, busy = asyncio.Event(), asyncio.Event()
        pages = {
            "late.test/": _speaks_when(late, b"", OK + b"Content-Length: 4\r\n\r\nboat"),
            # more than a body that may wait aside, so that it keeps the slot
            "busy.test/": drips(OK + b"Content-Length: 500000\r\n\r\n" + bytes(70_000), bytes(100)),
        }
        settings = {"read_seconds": 0.5}
        async with (
            a_web(pages) as web,
            open_transport(web.settings(**settings), Resources(downloads=1), FreeTurns(), patience=SOON_ASIDE) as get,
        ):
            first = asyncio.create_task(_visit(get, "late.test"))
            await _until(lambda: len(web.asked) == 1)
            second = asyncio.create_task(_visit(get, "busy.test"))
            await _until(lambda: len(web.asked) == 2)
            late.set()
            await asyncio.wait({first}, timeout=1.0)  # twice the time between reads
            assert not first.done()
            busy.set()
            second.cancel()
            assert (await first).body == b"boat"

    asyncio.run(asyncio.wait_for(story(), 30))


def test_a_turn_that_is_refused_takes_no_slot() -> None:
    async def story() -> None:
        turns = FreeTurns({"busy.test": Fault.HOST_BUSY})
        async with a_web({"/": answers(200, b"good")}) as web:
            async with open_transport(web.settings(), Resources(downloads=1), turns) as get:
                for _ in range(3):
                    with pytest.raises(TurnRefusedError):
                        await _visit(get, "busy.test")
                assert (await _visit(get, "good.test")).body == b"good"
            assert turns.taken == ["good.test"]

    asyncio.run(story())
