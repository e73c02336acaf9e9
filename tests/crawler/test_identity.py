"""Checklist 52: one name and one contact with every request, and nothing that tells where we come from."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from crawler.courtesy.desk import SiteFiles
from crawler.rights.site_word import SiteWord
from crawler.rights.sites import SiteRules
from crawler.settings import Manners, OptOuts, Resources
from crawler.wire.transport import open_transport
from tests.fakes.web import FreeTurns, Web, a_web, admitted, answers


class NoStore:
    """A rule store that asks anew each time."""

    async def of(self, _origin: str, make: Callable[[], Awaitable[SiteFiles]]) -> SiteFiles:
        return await make()


# checklist 52
def test_rules_and_images_are_asked_for_under_one_name_without_cookie_or_referer() -> None:
    async def inner() -> tuple[Web, SiteWord]:
        pages = {
            path: answers(200, body, "Set-Cookie: seen=1; Path=/")
            for path, body in {
                "/robots.txt": b"User-agent: *\nAllow: /\n",
                "/.well-known/tdmrep.json": b"[]",
                "/ai.txt": b"User-Agent: *\nAllow: /\n",
                "/boat.png": b"boat",
            }.items()
        }
        async with a_web(pages) as web:
            settings = web.settings(user_agent="PairTrawl/9.9", contact="https://lab.test/crawler")
            turns = FreeTurns()
            async with open_transport(settings, Resources(downloads=4), turns) as get:
                rules = SiteRules(get, NoStore(), turns, settings, OptOuts(ai_txt=True), Manners())
                word = await rules.word_on(admitted("http://boats.test/boat.png", settings))
                async with get.turn("boats.test"):
                    await get("http://boats.test/boat.png")
            return web, word

    web, word = asyncio.run(inner())
    assert word.refusal is None
    assert sorted(asked.path for asked in web.asked) == [
        "/.well-known/tdmrep.json", "/ai.txt", "/boat.png", "/robots.txt",
    ]  # fmt: skip
    assert {asked.headers["user-agent"] for asked in web.asked} == {"PairTrawl/9.9 (+https://lab.test/crawler)"}
    assert not {"cookie", "referer", "from", "authorization"} & {name for asked in web.asked for name in asked.headers}
