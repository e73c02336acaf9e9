from __future__ import annotations

import asyncio
import hashlib

import aiohttp

from workers.tracker.checking.canaries import CanaryMaker, CanarySettings
from workers.tracker.checking.canary_host import canaries_at


def test_the_host_sends_each_canary_its_bytes_and_strangers_nothing() -> None:
    maker = CanaryMaker(b"k" * 32, CanarySettings(hosts=("https://img.example.org/",)))
    canaries = maker.places("crawl", 3, 40)

    async def asked() -> tuple[list[tuple[int, str, str]], list[int], str]:
        async with canaries_at(maker, "127.0.0.1", 0) as port, aiohttp.ClientSession() as session:

            async def get(path: str) -> tuple[int, str, str]:
                async with session.get(f"http://127.0.0.1:{port}/{path}") as answer:
                    return answer.status, answer.content_type, hashlib.sha256(await answer.read()).hexdigest()

            found = [await get(canary.address.split("/", 3)[3]) for canary in canaries]
            guesses = [(await get(path))[0] for path in ("", "media/2015/img-" + "0" * 32 + ".png", "favicon.ico")]
            async with session.get(f"http://127.0.0.1:{port}/robots.txt") as answer:
                return found, guesses, await answer.text()

    found, guesses, robots = asyncio.run(asked())
    assert found == [(200, "image/png", maker.right_bytes(canary)) for canary in canaries]
    assert guesses == [404, 404, 404]
    assert robots == "User-agent: *\nAllow: /\n"
