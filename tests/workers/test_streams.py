"""What many look at costs no more than what one looks at."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

import pytest

from workers.streams import Feed, KeptPages


def test_of_a_thousand_who_ask_at_once_one_has_the_page_made() -> None:
    async def life() -> None:
        pages, made = KeptPages(fresh_seconds=4), []

        async def make() -> bytes:
            made.append(1)
            await asyncio.sleep(0)
            return b"page"

        assert await asyncio.gather(*(pages.get("/", 100.0, make) for _ in range(1_000))) == [b"page"] * 1_000
        assert len(made) == 1
        await pages.get("/", 103.9, make)
        assert len(made) == 1
        await pages.get("/", 104.0, make)
        assert len(made) == 2
        await pages.get("/other", 104.0, make)
        assert len(made) == 3

    asyncio.run(life())


def test_who_goes_away_does_not_take_the_page_from_the_others() -> None:
    async def life() -> None:
        pages, go_on = KeptPages(), asyncio.Event()

        async def make() -> bytes:
            await go_on.wait()
            return b"page"

        first, second = (asyncio.create_task(pages.get("/", 0.0, make)) for _ in range(2))
        await asyncio.sleep(0)
        first.cancel()
        go_on.set()
        assert await second == b"page"

    asyncio.run(life())


def test_a_page_that_could_not_be_made_is_tried_again() -> None:
    async def life() -> None:
        pages, broken = KeptPages(), [True]

        async def make() -> bytes:
            if broken.pop() if broken else False:
                raise OSError("not now")
            return b"page"

        with pytest.raises(OSError, match="not now"):
            await pages.get("/", 0.0, make)
        assert await pages.get("/", 0.0, make) == b"page"

    asyncio.run(life())


def test_no_more_pages_are_kept_than_said() -> None:
    async def life() -> None:
        pages, made = KeptPages(most=2), []

        async def get(name: str) -> None:
            async def make() -> bytes:
                made.append(name)
                return name.encode()

            assert await pages.get(name, 0.0, make) == name.encode()

        for name in ("a", "b", "c", "c", "a"):
            await get(name)
        assert made == ["a", "b", "c", "a"]

    asyncio.run(life())


def test_ten_thousand_open_pages_cost_one_query_a_turn() -> None:
    async def life() -> None:
        reads, stopping = [0], [False]

        async def read() -> bytes:
            reads[0] += 1
            return b"%d" % reads[0]

        feed = Feed(read, seconds=0, most_of_one=10_000, stopping=lambda: stopping[0])
        got: list[bytes] = []

        async def look() -> None:
            async with aclosing(feed.listen("n")) as messages:
                got.append(await anext(messages))

        before = reads[0]
        looking = [asyncio.create_task(look()) for _ in range(10_000)]
        await asyncio.gather(*looking)
        assert len(got) == 10_000
        assert reads[0] - before < 10
        assert feed.listeners == 0
        await feed.close()

    asyncio.run(life())


def test_the_stream_is_read_only_while_somebody_listens_and_goes_on_after_a_bad_turn() -> None:
    async def life() -> None:
        reads = [0]

        async def read() -> bytes:
            reads[0] += 1
            if reads[0] == 2:
                raise OSError("not now")
            return b"%d" % reads[0]

        feed = Feed(read, seconds=0, passed_over=(OSError,))
        assert reads == [0]
        got = []
        async with aclosing(feed.listen("n")) as messages:
            async for message in messages:
                got.append(message)
                if len(got) == 3:
                    break
        assert got[:2] == [b"1", b"3"]  # whoever is slow misses some of the others
        await feed.close()
        ended = reads[0]
        await asyncio.sleep(0)
        assert reads[0] == ended

    asyncio.run(life())


def test_there_are_no_more_listeners_than_said_and_none_takes_all_places() -> None:
    async def life() -> None:
        async def read() -> bytes:
            return b"x"

        feed = Feed(read, seconds=0, most=3, most_of_one=2)
        async with aclosing(feed.listen("a")) as one, aclosing(feed.listen("a")) as two:
            await anext(one)
            await anext(two)
            assert not feed.has_room("a")
            assert feed.has_room("b")
            async with aclosing(feed.listen("b")) as three:
                await anext(three)
                assert not feed.has_room("c")
            assert feed.has_room("c")
        await feed.close()

    asyncio.run(life())


def test_streams_end_when_the_server_does() -> None:
    async def life() -> None:
        stopping = [False]

        async def read() -> bytes:
            return b"x"

        feed = Feed(read, seconds=0, stopping=lambda: stopping[0])
        got = 0
        async for _ in feed.listen("a"):
            got += 1
            stopping[0] = True
        assert got >= 1

    asyncio.run(life())
