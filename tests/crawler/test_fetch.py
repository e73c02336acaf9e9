"""One candidate downloaded: redirects, statuses, deadlines, and what is written down."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.fetch import fetch, status_fault
from crawler.hosts import HostGate
from crawler.records import Candidate, Fault, Fetched, Rejected
from crawler.settings import Fetch, Resources
from crawler.transport import Answer, Get, open_transport
from tests.builders import a_candidate
from tests.fakes.web import SMALL, Behaviour, FakeGet, Script, a_web, an_answer, answers, drips, falls_silent, redirects

BOAT = "http://images.test/boat.jpg"
OK = b"HTTP/1.1 200 OK\r\n"


def _fetched(script: Mapping[str, Script | list[Script]], **changes: Any) -> tuple[Fetched | Rejected, FakeGet]:
    """What comes of one candidate (BOAT) when the web answers by this script, and who was asked."""

    async def story() -> tuple[Fetched | Rejected, FakeGet]:
        get = FakeGet(script)
        return await fetch(a_candidate(), get, Fetch(**changes), now=lambda: 1_795_219_200.7), get

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
    assert get.turns == ["images.test:80"]


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
    assert get.turns == ["images.test:80", "cdn.test:443"]


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
        get = FakeGet({})
        outcome = await fetch(a_candidate(image_url="http://127.0.0.1/boat.jpg"), get, Fetch())
        assert _fault(outcome) == (Fault.ADDRESS_REFUSED, "host is an IP address that is not public")
        assert not get.asked
        assert not get.turns

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


class SlowGet(FakeGet):
    """Takes its time for every answer, behind a real gate."""

    def __init__(self, script: Mapping[str, Script | list[Script]], seconds: float, gate: HostGate) -> None:
        super().__init__(script)
        self.seconds = seconds
        self.gate = gate

    @asynccontextmanager
    async def turn(self, authority: str) -> AsyncIterator[None]:
        async with self.gate.turn(authority):
            yield

    async def __call__(self, url: str) -> Answer:
        await asyncio.sleep(self.seconds)
        return await super().__call__(url)


def test_the_deadline_is_one_for_all_redirects_together() -> None:
    async def story() -> Fetched | Rejected:
        get = SlowGet(_chain(5), 0.04, HostGate(per_host=1, total=1))
        return await fetch(a_candidate(), get, Fetch(total_seconds=0.1))

    assert _fault(asyncio.run(story()))[0] == Fault.TIMEOUT


def test_waiting_for_a_popular_host_is_nobody_s_timeout() -> None:
    async def story() -> list[Fetched | Rejected]:
        get = SlowGet(_chain(1), 0.02, HostGate(per_host=1, total=9))
        return await asyncio.gather(*(fetch(a_candidate(), get, Fetch(total_seconds=0.2)) for _ in range(10)))

    started = time.monotonic()
    assert all(isinstance(outcome, Fetched) for outcome in asyncio.run(story()))
    assert time.monotonic() - started > 0.3


def test_a_silent_host_keeps_its_turn_no_longer_than_the_deadline() -> None:
    async def story() -> list[Fetched | Rejected]:
        gate = HostGate(per_host=1, total=9)
        get = SlowGet({BOAT: [None, an_answer()]}, 0, gate)
        outcomes = await asyncio.gather(*(fetch(a_candidate(), get, Fetch(total_seconds=0.05)) for _ in range(2)))
        assert gate.hosts == 0
        return outcomes

    first, second = asyncio.run(story())
    assert _fault(first)[0] == Fault.TIMEOUT
    assert isinstance(second, Fetched)


# ---- over real sockets


def _over_the_wire(pages: Mapping[str, Behaviour], *urls: str, **changes: Any) -> list[Fetched | Rejected]:
    async def story() -> list[Fetched | Rejected]:
        async with a_web(pages) as web:
            settings = web.settings(**changes)
            async with open_transport(settings, SMALL) as get:
                return await asyncio.gather(*(fetch(a_candidate(image_url=url), get, settings) for url in urls))

    return asyncio.run(story())


@pytest.mark.parametrize(
    "server", [falls_silent(), drips(OK, b"X: drip\r\n", 0.02), drips(OK + b"Content-Length: 999\r\n\r\n", b"x", 0.02)]
)
def test_a_server_that_drips_is_ended_by_the_deadline(server: Behaviour) -> None:
    started = time.monotonic()
    (outcome,) = _over_the_wire({"/boat.jpg": server}, BOAT, total_seconds=0.3)
    assert _fault(outcome)[0] == Fault.TIMEOUT
    assert time.monotonic() - started < 20  # the server itself would never end


def test_a_redirect_to_a_private_name_or_address_reaches_nobody() -> None:
    async def story() -> None:
        async with a_web(address="127.0.0.3") as inside, a_web({}, address="127.0.0.2") as web:
            web.pages = {
                "/name": redirects("http://evil.test/"),
                "/address": redirects(f"http://127.0.0.3:{inside.port}/"),
                "/chain": redirects("/chain2", 307),
                "/chain2": redirects("http://evil.test/", 307),
            }
            settings = Fetch(
                allow_networks=("127.0.0.2/32",),
                ports=(80, inside.port),
                hosts={"images.test": f"127.0.0.2:{web.port}", "evil.test": f"127.0.0.3:{inside.port}"},
            )
            async with open_transport(settings, SMALL) as get:
                reasons = [
                    _fault(await fetch(a_candidate(image_url=f"http://images.test/{page}"), get, settings))[0]
                    for page in ("name", "address", "chain")
                ]
            assert reasons == [Fault.ADDRESS_REFUSED] * 3
            assert inside.connections == 0

    asyncio.run(story())


async def _fetch_all(candidates: list[Candidate], get: Get, settings: Fetch) -> None:
    outcomes = await asyncio.gather(*(fetch(candidate, get, settings) for candidate in candidates))
    assert all(isinstance(outcome, Fetched) for outcome in outcomes)


def test_a_hundred_silent_hosts_do_not_hold_up_ten_good_ones() -> None:
    async def story() -> None:
        async with a_web({"/silent.jpg": falls_silent(), "/boat.jpg": answers(200, b"boat")}) as web:
            settings = web.settings(total_seconds=30)
            silent = [a_candidate(image_url=f"http://silent-{number}.test/silent.jpg") for number in range(100)]
            good = [a_candidate(image_url=f"http://good-{number}.test/boat.jpg") for number in range(10)]
            async with open_transport(settings, Resources(downloads=128)) as get:
                waiting = [asyncio.create_task(fetch(candidate, get, settings)) for candidate in silent]
                await _fetch_all(good, get, settings)
                assert not any(task.done() for task in waiting)
                for task in waiting:
                    task.cancel()
                await asyncio.wait(waiting)

    asyncio.run(story())


def test_with_fewer_slots_than_silent_hosts_the_good_ones_wait_one_deadline_and_still_get_their_own() -> None:
    async def story() -> None:
        async with a_web({"/silent.jpg": falls_silent(), "/boat.jpg": answers(200, b"boat")}) as web:
            settings = web.settings(total_seconds=0.3)
            silent = [a_candidate(image_url=f"http://silent-{number}.test/silent.jpg") for number in range(20)]
            good = [a_candidate(image_url=f"http://good-{number}.test/boat.jpg") for number in range(10)]
            async with open_transport(settings, Resources(downloads=20)) as get:
                waiting = [asyncio.create_task(fetch(candidate, get, settings)) for candidate in silent]
                await asyncio.sleep(0)
                await _fetch_all(good, get, settings)
                assert {_fault(outcome)[0] for outcome in await asyncio.gather(*waiting)} == {Fault.TIMEOUT}

    asyncio.run(story())
