from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import pytest

from crawler.courtesy.desk import FileState, Heard, SiteFiles
from crawler.courtesy.local_desk import LocalDesk
from crawler.records import Fault
from crawler.rights.site_word import SiteWord
from crawler.rights.sites import SiteRules
from crawler.settings import Fetch, Manners, OptOuts
from crawler.wire.transport import open_transport
from tests.fakes.web import (
    SMALL,
    Behaviour,
    FakeGet,
    FreeTurns,
    Script,
    Web,
    a_web,
    admitted,
    an_answer,
    answers,
    drips,
    falls_silent,
    in_turn,
    redirects,
    resets,
    sends,
)

FINE = SiteWord()
BOAT = "http://boats.test/boat.jpg"
ROBOTS = "http://boats.test/robots.txt"
TDMREP = "http://boats.test/.well-known/tdmrep.json"
AI_TXT = "http://boats.test/ai.txt"
NOTHING_ALLOWED = b"User-agent: *\nDisallow: /\n"
RESERVED = json.dumps([{"location": "/", "tdm-reservation": 1, "tdm-policy": "https://boats.test/terms"}]).encode()
AT_ONCE = Manners(seconds_between_requests=0, requests_at_once=100, failures_in_a_row=1_000)
FETCH = Fetch(hosts={"*.test": "192.0.2.1"})


class Shelf:
    """A `RuleStore` for one event loop that never forgets; what was made is open to look at."""

    def __init__(self) -> None:
        self.made: dict[str, SiteFiles] = {}

    async def of(self, origin: str, make: Callable[[], Awaitable[SiteFiles]]) -> SiteFiles:
        if origin not in self.made:
            self.made[origin] = await make()
        return self.made[origin]


@dataclass
class Visit:
    """What a visit to a scripted site gave."""

    words: list[SiteWord]
    asked: list[str]
    turns: FreeTurns
    shelf: Shelf


def a_visit(
    script: dict[str, Script | list[Script]],
    *urls: str,
    opt_outs: OptOuts = OptOuts(),  # noqa: B008 - frozen
    manners: Manners = AT_ONCE,
    refused: dict[str, Fault] | None = None,
    fetch: Fetch = FETCH,
    **more: int,
) -> Visit:
    """Ask for a word on each address, one after the other, on a web that is a table; what is not in it is 404."""
    turns = FreeTurns(refused)
    usual: dict[str, Script | list[Script]] = {url: an_answer(404) for url in (ROBOTS, TDMREP, AI_TXT)}
    get = FakeGet(usual | script, turns)
    shelf = Shelf()

    async def inner() -> list[SiteWord]:
        sites = SiteRules(get, shelf, turns, fetch, opt_outs, manners, now=lambda: 1_000.0, **more)
        return [await sites.word_on(admitted(url, fetch)) for url in urls or (BOAT,)]

    return Visit(asyncio.run(inner()), get.asked, turns, shelf)


def robots(text: str) -> dict[str, Script | list[Script]]:
    return {ROBOTS: an_answer(200, text.encode())}


# --- robots.txt, by what its server does; over real sockets


async def words_of(web: Web, url: str, *, at_once: int = 1, opt_outs: OptOuts, **settings: Any) -> list[SiteWord]:
    """The words on one address, asked for so many times at once, through the real transport and a real desk."""
    fetch = web.settings(**settings)
    async with LocalDesk(AT_ONCE).open() as desk, open_transport(fetch, SMALL, desk.turns) as get:
        sites = SiteRules(get, desk.rules, desk.turns, fetch, opt_outs, AT_ONCE)
        return await asyncio.gather(*(sites.word_on(admitted(url, fetch)) for _ in range(at_once)))


def word_of(pages: dict[str, Behaviour], **settings: Any) -> SiteWord:
    async def inner() -> SiteWord:
        async with a_web(pages) as web:
            [word] = await words_of(web, BOAT, opt_outs=OptOuts(tdmrep_file=False), **settings)
            return word

    return asyncio.run(inner())


def chain(length: int, last: Behaviour) -> dict[str, Behaviour]:
    """Redirects, so many, from robots.txt over other hosts to the last behaviour."""
    names = ["boats.test/robots.txt", *(f"h{number}.test/r{number}" for number in range(1, length)), "end.test/r"]
    steps = {here: redirects(f"http://{there}", 301) for here, there in itertools.pairwise(names)}
    return {**steps, names[length]: last}


OUR_RULES = answers(200, b"User-agent: pairtrawl\nDisallow: /boat\n")
UNKNOWN = Fault.ROBOTS_UNKNOWN

#: what the server does, and what follows for an image that the file, where it is one, disallows
ROBOTS_CASES: dict[str, tuple[dict[str, Behaviour], Fault | None]] = {
    "200 with our rules": ({"/robots.txt": OUR_RULES}, Fault.ROBOTS_REFUSED),
    "200 with nothing in it": ({"/robots.txt": answers(200, b"")}, None),
    "200 with others' rules": ({"/robots.txt": answers(200, b"User-agent: CCBot\nDisallow: /\n")}, None),
    "200 with a byte order mark": ({"/robots.txt": answers(200, b"\xef\xbb\xbf" + NOTHING_ALLOWED)}, Fault.ROBOTS_REFUSED),
    "200 with CR alone": ({"/robots.txt": answers(200, b"User-agent: *\rDisallow: /\r")}, Fault.ROBOTS_REFUSED),
    "200 of 600 KiB, rules first": ({"/robots.txt": answers(200, NOTHING_ALLOWED + b"# x\n" * 150_000)}, Fault.ROBOTS_REFUSED),
    "200 of 600 KiB, rules last": ({"/robots.txt": answers(200, b"# x\n" * 150_000 + NOTHING_ALLOWED)}, None),
    "200 with HTML": ({"/robots.txt": answers(200, b"<html>Disallow: /</html>", "Content-Type: text/html")}, None),
    "301 five times": (chain(5, OUR_RULES), Fault.ROBOTS_REFUSED),
    "301 six times": (chain(6, OUR_RULES), None),
    "301 in a circle": ({"/robots.txt": redirects("/robots.txt", 301)}, None),
    "302 to another host": ({"boats.test/robots.txt": redirects("http://other.test/x"), "other.test/x": OUR_RULES}, Fault.ROBOTS_REFUSED),
    "308 within the host": ({"/robots.txt": redirects("/r?x", 308), "/r?x": OUR_RULES}, Fault.ROBOTS_REFUSED),
    "301 to nowhere": ({"/robots.txt": answers(301)}, UNKNOWN),
    "301 to no address": ({"/robots.txt": redirects("mailto:owner@boats.test", 301)}, UNKNOWN),
    "301 to a router": ({"/robots.txt": redirects("http://192.168.0.1/", 301)}, UNKNOWN),
    "301 to a host that is down": ({"/robots.txt": redirects("http://192.0.2.9/", 301)}, UNKNOWN),
    "204": ({"/robots.txt": answers(204)}, None),
    "206": ({"/robots.txt": answers(206, NOTHING_ALLOWED)}, UNKNOWN),
    "400": ({"/robots.txt": answers(400)}, None),
    "401": ({"/robots.txt": answers(401)}, None),
    "403": ({"/robots.txt": answers(403)}, None),
    "404": ({"/robots.txt": answers(404, NOTHING_ALLOWED)}, None),
    "410": ({"/robots.txt": answers(410)}, None),
    "429": ({"/robots.txt": answers(429)}, UNKNOWN),
    "500": ({"/robots.txt": answers(500)}, UNKNOWN),
    "503": ({"/robots.txt": answers(503, b"", "Retry-After: 0")}, UNKNOWN),
    "a body that is cut off": ({"/robots.txt": answers(200, NOTHING_ALLOWED, length=1_000)}, UNKNOWN),
    "a coding that nobody knows": ({"/robots.txt": answers(200, NOTHING_ALLOWED, "Content-Encoding: x-boat")}, UNKNOWN),
    "a reset": ({"/robots.txt": resets()}, Fault.CONNECT_FAILED),
    "no HTTP": ({"/robots.txt": sends(b"\0\1\2\3\r\n\r\n", then_hangs_up=True)}, UNKNOWN),
}  # fmt: skip


# checklist 46
@pytest.mark.parametrize(("pages", "refusal"), ROBOTS_CASES.values(), ids=ROBOTS_CASES.keys())
def test_what_the_server_of_robots_txt_does_decides(pages: dict[str, Behaviour], refusal: Fault | None) -> None:
    assert word_of(pages).refusal is refusal


# checklist 46: timeouts
@pytest.mark.parametrize(
    "behaviour", [falls_silent(), falls_silent(b"HTTP/1.1 200 OK\r\n"), drips(b"HTTP/1.1 200 OK\r\n\r\n", b"#")]
)
def test_a_robots_txt_that_does_not_come_in_time_refuses_everything(behaviour: Behaviour) -> None:
    word = word_of({"/robots.txt": behaviour}, total_seconds=0.3)
    assert word == SiteWord(Fault.ROBOTS_UNKNOWN, "robots.txt: timeout")


def test_a_host_that_takes_no_connection_is_said_to_be_so() -> None:
    async def inner() -> list[SiteWord]:
        async with a_web() as web:
            pass  # and now its port is closed
        return await words_of(web, BOAT, opt_outs=OptOuts())

    [word] = asyncio.run(inner())
    assert word.refusal is Fault.CONNECT_FAILED


# checklist 46: one fetch per authority under 100 parallel URLs
def test_a_hundred_at_once_ask_for_robots_txt_once() -> None:
    async def inner() -> None:
        async with a_web({"boats.test/robots.txt": answers(200, NOTHING_ALLOWED)}) as web:
            words = await words_of(web, BOAT, at_once=100, opt_outs=OptOuts(ai_txt=True))
            assert [word.refusal for word in words] == [Fault.ROBOTS_REFUSED] * 100
            assert [asked.path for asked in web.asked] == ["/robots.txt"]

    asyncio.run(inner())


def test_each_authority_has_its_own_rules() -> None:
    script: dict[str, Script | list[Script]] = {
        "http://boats.test/robots.txt": an_answer(200, NOTHING_ALLOWED),
        "https://boats.test/robots.txt": an_answer(404),
        "http://www.boats.test/robots.txt": an_answer(200, b""),
    }
    visit = a_visit(
        {**script, **{url.replace("/robots.txt", "/.well-known/tdmrep.json"): an_answer(404) for url in script}},
        "http://boats.test/a",
        "https://boats.test/a",
        "http://www.boats.test/a",
        "http://BOATS.test:80/b",
    )
    assert [word.refusal for word in visit.words] == [Fault.ROBOTS_REFUSED, None, None, Fault.ROBOTS_REFUSED]
    assert sorted(visit.shelf.made) == ["http://boats.test:80", "http://www.boats.test:80", "https://boats.test:443"]


def test_the_rules_of_a_redirects_target_are_those_of_the_host_that_was_asked() -> None:  # RFC 9309 2.3.1.2
    visit = a_visit(
        {
            ROBOTS: an_answer(301, location="http://cdn.test/shared/robots.txt"),
            "http://cdn.test/shared/robots.txt": an_answer(200, b"User-agent: *\nDisallow: /boat\nDisallow: /shared\n"),
        }
    )
    assert visit.words == [SiteWord(Fault.ROBOTS_REFUSED)]
    assert visit.asked == [ROBOTS, "http://cdn.test/shared/robots.txt", TDMREP]
    assert visit.turns.taken == ["boats.test", "cdn.test", "boats.test"]


# --- what is cached, and for how long


@pytest.mark.parametrize(
    ("script", "state", "seconds"),
    [
        ({ROBOTS: an_answer(200, b"User-agent: *\nDisallow: /b")}, FileState.FOUND, 86_400),
        ({ROBOTS: an_answer(404)}, FileState.ABSENT, 86_400),
        ({ROBOTS: an_answer(500)}, FileState.UNREACHABLE, 600),
        ({ROBOTS: an_answer(429)}, FileState.UNREACHABLE, 600),
        ({ROBOTS: Fault.DNS_FAILED}, FileState.UNREACHABLE, 600),
        ({TDMREP: an_answer(500)}, FileState.ABSENT, 3_600),
        ({TDMREP: Fault.TIMEOUT}, FileState.ABSENT, 3_600),
    ],
)
def test_what_could_not_be_had_is_asked_for_again_soon(
    script: dict[str, Script | list[Script]], state: FileState, seconds: float
) -> None:
    [files] = a_visit(script).shelf.made.values()
    assert files.robots.state is state
    assert files.expires_at == 1_000 + seconds


# --- whose doing it was


@pytest.mark.parametrize("fault", [Fault.DNS_FAILED, Fault.CONNECT_FAILED, Fault.TLS_FAILED, Fault.ADDRESS_REFUSED])
def test_a_host_that_cannot_be_reached_at_all_is_not_called_a_matter_of_robots(fault: Fault) -> None:
    visit = a_visit({ROBOTS: fault})
    assert [word.refusal for word in visit.words] == [fault]
    assert visit.asked == [ROBOTS]


@pytest.mark.parametrize(
    "fault", [Fault.TIMEOUT, Fault.TOO_SLOW, Fault.PROTOCOL_ERROR, Fault.BODY_TOO_LARGE, Fault.BAD_ENCODING]
)
def test_an_answer_that_cannot_be_used_leaves_the_rules_unknown(fault: Fault) -> None:
    [word] = a_visit({ROBOTS: fault}).words
    assert word == SiteWord(Fault.ROBOTS_UNKNOWN, f"robots.txt: {fault}: as scripted")


def test_that_a_redirects_target_is_down_says_nothing_of_the_host() -> None:
    [word] = a_visit({ROBOTS: an_answer(301, location="http://gone.test/")}).words
    assert word.refusal is Fault.ROBOTS_UNKNOWN


@pytest.mark.parametrize("fault", [Fault.HOST_BUSY, Fault.HOST_DOWN])
def test_where_there_is_no_turn_nothing_is_learnt(fault: Fault) -> None:
    visit = a_visit({}, BOAT, BOAT, refused={"boats.test": fault})
    assert visit.words == [SiteWord(fault, "as scripted")] * 2
    assert visit.asked == []
    assert visit.shelf.made == {}


def test_no_turn_at_a_redirects_target_leaves_the_rules_unknown() -> None:
    visit = a_visit({ROBOTS: an_answer(301, location="http://busy.test/")}, refused={"busy.test": Fault.HOST_BUSY})
    assert visit.words == [SiteWord(Fault.ROBOTS_UNKNOWN, "robots.txt: redirect: as scripted")]


@pytest.mark.parametrize(
    ("says", "heard", "seconds"),
    [
        (an_answer(200, b""), Heard.ANSWERED, 0),
        (an_answer(404), Heard.ANSWERED, 0),
        (an_answer(500), Heard.FAILED, 0),
        (an_answer(503, retry_after="120"), Heard.PATIENCE, 120),
        (an_answer(429, retry_after="Thu, 01 Jan 1970 00:17:10 GMT"), Heard.PATIENCE, 30),
        (Fault.DNS_FAILED, Heard.FAILED, 0),
        (Fault.BAD_ENCODING, Heard.ANSWERED, 0),
    ],
)
def test_the_desk_hears_how_the_host_took_it(says: Script, heard: Heard, seconds: float) -> None:
    host, turn = a_visit({ROBOTS: says}).turns.ended[0]
    assert host == "boats.test"
    assert turn.word is not None
    assert (turn.word.heard, turn.word.seconds) == (heard, seconds)


def test_the_desk_hears_of_silence() -> None:
    visit = a_visit({ROBOTS: None}, fetch=Fetch(total_seconds=0.05, hosts={"*.test": "192.0.2.1"}))
    assert visit.words == [SiteWord(Fault.ROBOTS_UNKNOWN, "robots.txt: timeout")]
    [(_, turn)] = visit.turns.ended
    assert turn.word is not None
    assert turn.word.heard is Heard.FAILED


# --- pace


def test_a_crawl_delay_is_handed_to_the_desk_before_anything_else_is_asked_for() -> None:  # checklist 46
    visit = a_visit(robots("User-agent: *\nCrawl-delay: 2\n"), BOAT, BOAT)
    assert visit.words == [FINE, FINE]
    assert visit.turns.slowed == {"boats.test": 2.0}


def test_a_crawl_delay_that_is_too_long_is_a_refusal() -> None:
    visit = a_visit(robots("User-agent: *\nCrawl-delay: 60\n"))
    assert visit.words == [SiteWord(Fault.ROBOTS_REFUSED, "Crawl-delay: 60")]
    assert visit.turns.slowed == {}
    assert visit.asked == [ROBOTS]


def test_the_longest_crawl_delay_is_waited_for() -> None:
    manners = Manners(longest_crawl_delay_seconds=60)
    assert a_visit(robots("User-agent: *\nCrawl-delay: 60\n"), manners=manners).words == [FINE]


def test_requests_for_rules_keep_the_pace_that_the_rules_ask_for() -> None:
    class Paced(FreeTurns):
        def slow_to(self, host: str, seconds: float) -> None:
            order.append(f"slow to {seconds:g}")

    class Get(FakeGet):
        async def __call__(self, url: str) -> Any:
            order.append(url)
            return await super().__call__(url)

    order: list[str] = []
    turns = Paced()
    get = Get({ROBOTS: an_answer(200, b"User-agent: *\nCrawl-delay: 2"), TDMREP: an_answer(404)}, turns)
    sites = SiteRules(get, Shelf(), turns, FETCH, OptOuts(), AT_ONCE)
    asyncio.run(sites.word_on(admitted(BOAT, FETCH)))
    assert order == [ROBOTS, "slow to 2", TDMREP]


# --- what sites say beyond robots.txt


@pytest.mark.parametrize(
    ("text", "opt_outs", "expected"),
    [
        (
            "Content-Usage: / train-ai=n",
            OptOuts(),
            SiteWord(Fault.SITE_OPTED_OUT, "robots.txt: Content-Usage", ("robots.txt: content-usage: train-ai=n",)),
        ),
        (
            "Content-Usage: / train-ai=n",
            OptOuts(content_usage=False),
            SiteWord(opt_outs=("robots.txt: content-usage: train-ai=n",)),
        ),
        (
            "Content-Usage: / train-ai=y, search=n",
            OptOuts(),
            SiteWord(opt_outs=("robots.txt: content-usage: search=n", "robots.txt: content-usage: train-ai=y")),
        ),
        (
            "Content-Usage: / train-ai=n\nContent-Usage: /boat train-ai=y",
            OptOuts(),
            SiteWord(opt_outs=("robots.txt: content-usage: train-ai=y",)),
        ),
        ("Content-Usage: / train-ai=n\nDisallow: /boat", OptOuts(), SiteWord(Fault.ROBOTS_REFUSED)),
        ("Content-Usage: / train-ai=n", OptOuts(robots_txt=False), FINE),
    ],
)
def test_content_usage_lines_are_heard_and_honoured(
    text: str, opt_outs: OptOuts, expected: SiteWord
) -> None:  # checklist 49
    assert a_visit(robots(f"User-agent: *\n{text}\n"), opt_outs=opt_outs).words == [expected]


TERMS = "tdmrep.json policy: https://boats.test/terms"


@pytest.mark.parametrize(
    ("answer", "opt_outs", "expected"),
    [
        (an_answer(200, RESERVED), OptOuts(), SiteWord(Fault.SITE_OPTED_OUT, "tdmrep.json", ("tdmrep.json: 1", TERMS))),
        (an_answer(200, RESERVED), OptOuts(tdm_reservation=False), SiteWord(opt_outs=("tdmrep.json: 1", TERMS))),
        (an_answer(200, RESERVED), OptOuts(tdmrep_file=False), FINE),
        (an_answer(200, RESERVED.replace(b": 1", b": 0")), OptOuts(), SiteWord(opt_outs=("tdmrep.json: 0", TERMS))),
        (an_answer(200, RESERVED.replace(b'"/"', b'"/cats"')), OptOuts(), FINE),
        (an_answer(200, RESERVED[:-1]), OptOuts(), FINE),
        (an_answer(200, b"<html>Welcome!</html>"), OptOuts(), FINE),
        (an_answer(404), OptOuts(), FINE),
        (an_answer(500), OptOuts(), FINE),
        (Fault.TIMEOUT, OptOuts(), FINE),
        (Fault.BODY_TOO_LARGE, OptOuts(), FINE),
    ],
)
def test_tdmrep_json_is_heard_and_honoured(
    answer: Script, opt_outs: OptOuts, expected: SiteWord
) -> None:  # checklist 48
    assert a_visit({TDMREP: answer}, opt_outs=opt_outs).words == [expected]


def test_a_tdmrep_json_may_be_elsewhere() -> None:
    visit = a_visit(
        {TDMREP: an_answer(302, location="/tdm.json"), "http://boats.test/tdm.json": an_answer(200, RESERVED)}
    )
    assert [word.refusal for word in visit.words] == [Fault.SITE_OPTED_OUT]


@pytest.mark.parametrize(
    ("text", "opt_outs", "expected"),
    [
        (
            b"User-Agent: *\nDisallow: *.jpg\nAllow: *.txt",
            OptOuts(ai_txt=True),
            SiteWord(Fault.SITE_OPTED_OUT, "ai.txt", ("ai.txt: disallowed",)),
        ),
        (b"User-Agent: *\nDisallow: *.png", OptOuts(ai_txt=True), FINE),
        (
            b"# AI\n\n> Welcome, models!\n\n- Disallow: no thing",
            OptOuts(ai_txt=True),
            FINE,
        ),  # another ai.txt altogether
        (b"User-Agent: *\nDisallow: /", OptOuts(), FINE),
    ],
)
def test_ai_txt_is_read_like_robots_txt_where_the_recipe_asks(
    text: bytes, opt_outs: OptOuts, expected: SiteWord
) -> None:
    assert a_visit({AI_TXT: an_answer(200, text)}, opt_outs=opt_outs).words == [expected]


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("User-agent: *\nDisallow: /\n", [ROBOTS]),
        ("User-agent: *\nDisallow: /.well-known/\nDisallow: /ai.txt\n", [ROBOTS]),
        ("User-agent: *\nDisallow: /ai.txt\n", [ROBOTS, TDMREP]),
        ("User-agent: *\nDisallow: /\nAllow: /.well-known/\n", [ROBOTS, TDMREP]),
        ("", [ROBOTS, TDMREP, AI_TXT]),
    ],
)
def test_files_that_robots_txt_keeps_us_out_of_are_not_asked_for(text: str, asked: list[str]) -> None:
    assert a_visit(robots(text), opt_outs=OptOuts(ai_txt=True)).asked == asked


def test_where_robots_txt_cannot_be_had_nothing_else_is_asked_for() -> None:
    assert a_visit({ROBOTS: an_answer(500)}, opt_outs=OptOuts(ai_txt=True)).asked == [ROBOTS]


def test_who_has_a_sites_consent_need_not_ask_robots_txt() -> None:
    visit = a_visit(robots("User-agent: *\nDisallow: /\n"), opt_outs=OptOuts(robots_txt=False))
    assert visit.words == [FINE]
    assert visit.asked == [TDMREP]


def test_that_there_is_no_turn_for_tdmrep_json_does_not_cost_us_robots_txt() -> None:
    class Tired(FreeTurns):
        def turn(self, host: str) -> Any:
            self._refused = {"boats.test": Fault.HOST_BUSY} if self.taken else {}
            return super().turn(host)

    shelf, turns = Shelf(), Tired()
    get = FakeGet({ROBOTS: an_answer(200, b"User-agent: *\nDisallow: /b")}, turns)
    word = asyncio.run(SiteRules(get, shelf, turns, FETCH, OptOuts(), AT_ONCE).word_on(admitted(BOAT, FETCH)))
    assert word.refusal is Fault.ROBOTS_REFUSED
    assert [files.tdmrep.state for files in shelf.made.values()] == [FileState.UNREACHABLE]


# --- the eight kinds of robots.txt that the corpus' fault server has, through one desk


def test_hosts_are_judged_each_by_its_own_file() -> None:
    pages = {
        "robots-deny.test/robots.txt": answers(200, NOTHING_ALLOWED),
        "robots-agent.test/robots.txt": answers(200, b"User-agent: CCBot\nDisallow: /\n\nUser-agent: *\nAllow: /\n"),
        "robots-slow.test/robots.txt": falls_silent(),
        "robots-500.test/robots.txt": answers(500),
        "robots-404.test/robots.txt": answers(404),
        "robots-huge.test/robots.txt": answers(200, b"# x\n" * 200_000 + NOTHING_ALLOWED),
        "robots-redirect.test/robots.txt": redirects("http://robots-deny.test/robots.txt", 301),
        "robots-delay.test/robots.txt": answers(200, b"User-agent: *\nCrawl-delay: 0.001\nDisallow: /private/\n"),
        "robots-back.test/robots.txt": in_turn(answers(503), answers(404)),
    }
    hosts = [name.partition("/")[0] for name in pages]

    async def inner() -> dict[str, Fault | None]:
        async with a_web(pages) as web:
            fetch = web.settings(total_seconds=1.0)
            async with LocalDesk(AT_ONCE).open() as desk, open_transport(fetch, SMALL, desk.turns) as get:
                sites = SiteRules(get, desk.rules, desk.turns, fetch, OptOuts(), AT_ONCE)
                words = await asyncio.gather(
                    *(sites.word_on(admitted(f"http://{host}/boat.jpg", fetch)) for host in hosts)
                )
                return {host: word.refusal for host, word in zip(hosts, words, strict=True)}

    assert asyncio.run(inner()) == {
        "robots-deny.test": Fault.ROBOTS_REFUSED,
        "robots-agent.test": None,
        "robots-slow.test": Fault.ROBOTS_UNKNOWN,
        "robots-500.test": Fault.ROBOTS_UNKNOWN,
        "robots-404.test": None,
        "robots-huge.test": None,  # its rules stand behind 512 KiB
        "robots-redirect.test": Fault.ROBOTS_REFUSED,
        "robots-delay.test": None,
        "robots-back.test": Fault.ROBOTS_UNKNOWN,
    }


def test_sites_are_judged_rightly_however_few_can_be_kept_parsed() -> None:
    texts = [b"User-agent: *\nDisallow: /b" if number % 2 else b"" for number in range(10)]
    script: dict[str, Script | list[Script]] = {
        f"http://h{number}.test/robots.txt": an_answer(200, text + b"%d" % number) for number, text in enumerate(texts)
    }
    urls = [f"http://h{number}.test/b{number}" for number in range(10)] * 2
    visit = a_visit(script, *urls, opt_outs=OptOuts(tdmrep_file=False), parsed_characters=300)
    assert [word.refusal for word in visit.words] == [None, Fault.ROBOTS_REFUSED] * 10
