"""One candidate downloaded: redirects, statuses, deadlines, and what is written down."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.courtesy.desk import Heard, Turn, TurnRefusedError, Word
from crawler.fetch import Terms, Web, fetch, status_fault
from crawler.records import Fault, Fetched, Rejected
from crawler.rights.site_word import NoRules, Sites, SiteWord
from crawler.settings import Fetch, OptOuts
from crawler.wire.admission import Admitted
from crawler.wire.answers import Answer
from tests.builders import a_candidate
from tests.fakes.web import FakeGet, FreeTurns, Script, an_answer

BOAT = "http://images.test/boat.jpg"


NOW = 1_795_219_200.7
#: terms under which nothing that was said refuses
DEAF = OptOuts(image_directives=(), page_directives=(), tdm_reservation=False, content_usage=False)


@dataclass
class SaidOf:
    """Sites that say something of some addresses."""

    words: Mapping[str, SiteWord]
    asked: list[str] = field(default_factory=list)

    async def word_on(self, step: Admitted) -> SiteWord:
        self.asked.append(step.url)
        return self.words.get(step.url, SiteWord())


def _fetched(
    script: Mapping[str, Script | list[Script]],
    *,
    sites: Sites | None = None,
    opt_outs: OptOuts = DEAF,
    turns: FreeTurns | None = None,
    page: tuple[str, ...] = (),
    **changes: Any,
) -> tuple[Fetched | Rejected, FakeGet]:
    """What comes of one candidate (BOAT) when the web answers by this script, and who was asked."""

    async def story() -> tuple[Fetched | Rejected, FakeGet]:
        get = FakeGet(script, turns)
        terms = Terms(Fetch(**changes), opt_outs)
        return await fetch(a_candidate(opt_outs=page), Web(get, sites or NoRules()), terms, now=lambda: NOW), get

    return asyncio.run(story())


def _fault(outcome: Fetched | Rejected) -> tuple[str, str]:
    assert isinstance(outcome, Rejected)
    return outcome.reason, outcome.detail


def test_an_image_is_what_its_server_sent_and_what_its_server_said_about_it() -> None:
    headers = (("content-type", "image/png"), ("x-robots-tag", "noai"), ("x-robots-tag", "mybot: noindex"),
               ("server", "x"), ("tdm-reservation", "1"), ("tdm-policy", "https://images.test/policy"),
               ("content-usage", "train-ai=n"))  # fmt: skip
    outcome, get = _fetched({BOAT: Answer(200, headers, b"a boat")})
    assert outcome == Fetched(
        candidate=a_candidate(),
        body=b"a boat",
        final_url=BOAT,
        content_type="image/png",
        opt_outs=("x-robots-tag: noai", "x-robots-tag: mybot: noindex", "tdm-reservation: 1",
                  "tdm-policy: https://images.test/policy", "content-usage: train-ai=n"),
        fetched_at=1_795_219_200,
    )  # fmt: skip
    assert get.turns == ["images.test"]


STATUSES = {
    200: Fault.BODY_EMPTY, 201: Fault.HTTP_OTHER, 204: Fault.HTTP_OTHER, 206: Fault.HTTP_OTHER, 300: Fault.HTTP_OTHER,
    302: Fault.HTTP_OTHER, 304: Fault.HTTP_OTHER, 400: Fault.HTTP_OTHER, 401: Fault.HTTP_FORBIDDEN,
    402: Fault.HTTP_FORBIDDEN, 403: Fault.HTTP_FORBIDDEN, 404: Fault.HTTP_GONE, 406: Fault.HTTP_OTHER,
    410: Fault.HTTP_GONE, 418: Fault.HTTP_OTHER, 429: Fault.HTTP_RATE_LIMITED, 451: Fault.HTTP_FORBIDDEN,
    500: Fault.HTTP_SERVER_ERROR, 502: Fault.HTTP_SERVER_ERROR, 503: Fault.HTTP_RATE_LIMITED,
    504: Fault.HTTP_SERVER_ERROR, 599: Fault.HTTP_SERVER_ERROR, 600: Fault.HTTP_OTHER, 999: Fault.HTTP_OTHER,
    0: Fault.HTTP_OTHER,
}  # fmt: skip


@pytest.mark.parametrize("status", STATUSES)
def test_only_a_200_with_a_body_is_a_picture(status: int) -> None:
    outcome, _ = _fetched({BOAT: an_answer(status, b"")})
    assert _fault(outcome) == (STATUSES[status], "" if status == 200 else str(status))


@given(st.integers())
def test_every_status_has_a_fault(status: int) -> None:
    assert status_fault(status) in Fault


@pytest.mark.parametrize("fault", Fault)
def test_what_the_transport_finds_wrong_is_the_reason(fault: Fault) -> None:
    outcome, _ = _fetched({BOAT: fault})
    assert _fault(outcome) == (fault, "as scripted")


# ---- redirects


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_followed_and_the_last_address_is_written_down(status: int) -> None:
    outcome, get = _fetched(
        {
            BOAT: an_answer(status, location="//cdn.test:443/a boat.jpg#x"),
            "http://cdn.test:443/a%20boat.jpg": an_answer(),
        }
    )
    assert isinstance(outcome, Fetched)
    assert outcome.final_url == "http://cdn.test:443/a%20boat.jpg"
    assert get.turns == ["images.test", "cdn.test"]


def test_what_is_said_on_the_way_is_not_forgotten_and_said_twice_is_written_once() -> None:
    outcome, _ = _fetched(
        {
            BOAT: an_answer(301, location="http://cdn.test/boat.jpg", tdm_reservation="1"),
            "http://cdn.test/boat.jpg": an_answer(x_robots_tag="noai", tdm_reservation="1"),
        }
    )
    assert isinstance(outcome, Fetched)
    assert outcome.opt_outs == ("tdm-reservation: 1", "x-robots-tag: noai")


@pytest.mark.parametrize(
    ("location", "rule"),
    [
        ("file:///etc/passwd", "http or https"),
        ("gopher://cdn.test/", "http or https"),
        ("http://169.254.169.254/latest/meta-data/", "not public"),
        ("//127.0.0.3/", "not public"),
        ("http://2130706433/", "not public"),
        ("http://user:secret@cdn.test/", "user name"),
        ("http://cdn.test:6379/", "port 6379"),
        ("http://localhost/", "no domain"),
        ("http://[", "http or https"),
        ("/" + "a" * 9000, "http or https"),
    ],
)
def test_a_redirect_target_is_judged_like_a_first_address(location: str, rule: str) -> None:
    outcome, get = _fetched({BOAT: an_answer(302, location=location)})
    reason, detail = _fault(outcome)
    assert reason == (Fault.ADDRESS_REFUSED if "not public" in rule else Fault.URL_REFUSED)
    assert detail.startswith("redirect: ")
    assert rule in detail
    assert location not in detail
    assert get.asked == [BOAT]


def test_an_address_that_is_refused_is_never_asked_for() -> None:
    async def story() -> None:
        get, sites = FakeGet({}), SaidOf({})
        candidate = a_candidate(image_url="http://127.0.0.1/boat.jpg")
        outcome = await fetch(candidate, Web(get, sites), Terms(Fetch(), OptOuts()))
        assert _fault(outcome) == (Fault.ADDRESS_REFUSED, "host is an IP address that is not public")
        assert not get.asked
        assert not get.turns
        assert not sites.asked  # not even for its robots.txt

    asyncio.run(story())


def _chain(length: int) -> dict[str, Script | list[Script]]:
    hops = [BOAT, *(f"http://images.test/{number}" for number in range(1, length + 1))]
    chain: dict[str, Script | list[Script]] = {here: an_answer(302, location=there) for here, there in pairwise(hops)}
    return chain | {hops[-1]: an_answer()}


def test_as_many_redirects_are_followed_as_the_settings_say_and_not_one_more() -> None:
    outcome, get = _fetched(_chain(5))
    assert isinstance(outcome, Fetched)
    assert len(get.asked) == 6
    outcome, get = _fetched(_chain(6))
    assert _fault(outcome) == (Fault.TOO_MANY_REDIRECTS, "more than 5")
    assert len(get.asked) == 6
    outcome, get = _fetched(_chain(1), redirects=0)
    assert _fault(outcome) == (Fault.TOO_MANY_REDIRECTS, "more than 0")
    assert get.asked == [BOAT]


def test_a_loop_ends_where_it_closes() -> None:
    outcome, get = _fetched(
        {BOAT: an_answer(302, location="/a"), "http://images.test/a": an_answer(302, location=BOAT + "#again")}
    )
    assert _fault(outcome) == (Fault.TOO_MANY_REDIRECTS, "loop")
    assert len(get.asked) == 2


# ---- time


def test_a_server_that_never_answers_is_a_timeout() -> None:
    outcome, _ = _fetched({BOAT: None}, total_seconds=0.02)
    assert _fault(outcome) == (Fault.TIMEOUT, "after 0.02 seconds")


def test_the_deadline_is_one_for_all_redirects_together() -> None:
    class Slow(FakeGet):
        async def __call__(self, url: str) -> Answer:
            await asyncio.sleep(0.04)
            return await super().__call__(url)

    async def story() -> Fetched | Rejected:
        return await fetch(a_candidate(), Web(Slow(_chain(5)), NoRules()), Terms(Fetch(total_seconds=0.1), DEAF))

    assert _fault(asyncio.run(story()))[0] == Fault.TIMEOUT


def test_waiting_for_a_turn_is_nobody_s_timeout() -> None:
    class Queue(FreeTurns):
        @asynccontextmanager
        async def turn(self, host: str) -> AsyncIterator[Turn]:
            await asyncio.sleep(0.08)
            async with super().turn(host) as turn:
                yield turn

    outcome, _ = _fetched(_chain(2), turns=Queue(), total_seconds=0.05)
    assert isinstance(outcome, Fetched)


# ---- what is told to the desk


HEARD = {
    Fault.TIMEOUT: Heard.FAILED, Fault.CONNECT_FAILED: Heard.FAILED, Fault.DNS_FAILED: Heard.FAILED,
    Fault.TOO_SLOW: Heard.FAILED, Fault.BODY_TRUNCATED: Heard.FAILED, Fault.PROTOCOL_ERROR: Heard.FAILED,
    Fault.BODY_TOO_LARGE: Heard.ANSWERED, Fault.BAD_ENCODING: Heard.ANSWERED, Fault.ADDRESS_REFUSED: Heard.ANSWERED,
}  # fmt: skip


@pytest.mark.parametrize("fault", HEARD)
def test_the_desk_hears_whether_somebody_is_at_home(fault: Fault) -> None:
    _, get = _fetched({BOAT: fault})
    assert get.free_turns.ended == [("images.test", Turn(Word(HEARD[fault])))]


@pytest.mark.parametrize(
    ("status", "heard"), [(200, Heard.ANSWERED), (404, Heard.ANSWERED), (403, Heard.ANSWERED), (500, Heard.FAILED)]
)
def test_an_answer_is_an_answer_and_a_server_s_own_error_a_failure(status: int, heard: Heard) -> None:
    _, get = _fetched({BOAT: an_answer(status)})
    assert get.free_turns.ended == [("images.test", Turn(Word(heard)))]


def test_a_silent_server_has_failed() -> None:
    _, get = _fetched({BOAT: None}, total_seconds=0.02)
    assert get.free_turns.ended == [("images.test", Turn(Word(Heard.FAILED)))]


# ---- patience


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_a_server_that_asks_for_patience_is_asked_again_and_the_desk_hears_for_how_long(status: int) -> None:
    outcome, get = _fetched({BOAT: [an_answer(status, retry_after="7"), an_answer()]})
    assert isinstance(outcome, Fetched)
    assert [turn.word for _, turn in get.free_turns.ended] == [Word(Heard.PATIENCE, 7.0), Word(Heard.ANSWERED)]


def test_retry_after_may_be_a_date_by_the_server_s_own_clock() -> None:
    late = an_answer(503, retry_after="Sun, 22 Nov 2026 10:01:00 GMT", date="Sun, 22 Nov 2026 10:00:00 GMT")
    _, get = _fetched({BOAT: [late, an_answer()]})
    assert get.free_turns.ended[0][1].word == Word(Heard.PATIENCE, 60.0)


def test_patience_ends_with_the_tries_of_the_recipe() -> None:
    outcome, get = _fetched({BOAT: an_answer(503)}, tries=2)
    assert _fault(outcome) == (Fault.HTTP_RATE_LIMITED, "503")
    assert len(get.asked) == 2


def test_where_there_is_no_further_turn_the_reason_is_the_answer_that_was_heard() -> None:
    class OnceOnly(FreeTurns):
        @asynccontextmanager
        async def turn(self, host: str) -> AsyncIterator[Turn]:
            if self.taken:
                raise TurnRefusedError(Fault.HOST_BUSY, "asks for an hour")
            async with super().turn(host) as turn:
                yield turn

    outcome, get = _fetched({BOAT: an_answer(429, retry_after="3600")}, turns=OnceOnly())
    assert _fault(outcome) == (Fault.HTTP_RATE_LIMITED, "429")
    assert get.asked == [BOAT]


@pytest.mark.parametrize("fault", [Fault.HOST_BUSY, Fault.HOST_DOWN])
def test_a_host_that_is_left_alone_is_not_asked(fault: Fault) -> None:
    outcome, get = _fetched({BOAT: an_answer()}, turns=FreeTurns({"images.test": fault}))
    assert _fault(outcome) == (fault, "as scripted")
    assert get.asked == []


def test_a_missing_image_is_asked_for_once() -> None:
    _, get = _fetched({BOAT: an_answer(404)})
    assert get.asked == [BOAT]


# ---- opt-outs


def test_a_page_that_keeps_its_images_is_believed_before_anybody_is_asked() -> None:
    sites = SaidOf({})
    outcome, get = _fetched({BOAT: an_answer()}, sites=sites, opt_outs=OptOuts(), page=("meta robots: noai",))
    assert _fault(outcome) == (Fault.PAGE_OPTED_OUT, "meta robots: noai")
    assert (get.asked, sites.asked) == ([], [])


def test_what_a_site_refuses_is_not_asked_for_and_what_it_said_is_written_down() -> None:
    word = SiteWord(Fault.SITE_OPTED_OUT, "tdmrep.json", ("tdmrep.json: 1",))
    outcome, get = _fetched({BOAT: an_answer()}, sites=SaidOf({BOAT: word}))
    assert outcome == Rejected(a_candidate(), Fault.SITE_OPTED_OUT, "tdmrep.json", ("tdmrep.json: 1",))
    assert get.asked == []


def test_every_hop_is_asked_about_at_its_own_site() -> None:
    there = "http://cdn.test/boat.jpg"
    sites = SaidOf({BOAT: SiteWord(opt_outs=("tdmrep.json: 0",)), there: SiteWord(Fault.ROBOTS_REFUSED, "robots.txt")})
    outcome, get = _fetched({BOAT: an_answer(301, location=there, x_robots_tag="nofollow")}, sites=sites)
    assert outcome == Rejected(
        a_candidate(), Fault.ROBOTS_REFUSED, "robots.txt", ("tdmrep.json: 0", "x-robots-tag: nofollow")
    )
    assert (get.asked, sites.asked) == ([BOAT], [BOAT, there])


@pytest.mark.parametrize(
    "header", [("x-robots-tag", "noai"), ("tdm-reservation", "1"), ("content-usage", "train-ai=n")]
)
def test_an_answer_that_says_no_is_let_go_and_what_it_said_is_written_down(header: tuple[str, str]) -> None:
    outcome, _ = _fetched({BOAT: Answer(200, (header,), b"a boat")}, opt_outs=OptOuts())
    said = ": ".join(header)
    assert outcome == Rejected(a_candidate(), Fault.IMAGE_OPTED_OUT, said, (said,))


def test_a_redirect_that_says_no_is_not_followed() -> None:
    outcome, get = _fetched({BOAT: an_answer(302, location="/a", x_robots_tag="noimageai")}, opt_outs=OptOuts())
    assert _fault(outcome)[0] == Fault.IMAGE_OPTED_OUT
    assert get.asked == [BOAT]


def test_a_word_for_another_robot_is_written_down_and_not_obeyed() -> None:
    outcome, _ = _fetched({BOAT: an_answer(x_robots_tag="otherbot: noai")}, opt_outs=OptOuts())
    assert isinstance(outcome, Fetched)
    assert outcome.opt_outs == ("x-robots-tag: otherbot: noai",)


# ---- room for the body


def test_a_body_is_announced_while_its_turn_is_held() -> None:
    async def story() -> None:
        get = FakeGet({BOAT: an_answer(body=b"four")})
        seen: list[tuple[int, int]] = []

        async def receive(size: int) -> None:
            seen.append((size, get.free_turns.inside["images.test"]))

        await fetch(a_candidate(), Web(get, NoRules()), Terms(Fetch(), DEAF), receive=receive)
        assert seen == [(4, 1)]

    asyncio.run(story())
