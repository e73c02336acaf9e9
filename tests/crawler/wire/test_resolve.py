"""Names to addresses."""

from __future__ import annotations

import asyncio
import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.errors import SettingsError
from crawler.wire.host_table import Found, StaticHosts
from crawler.wire.resolve import LookUpError, LookUps, NameCache, Names, Records, name_server
from tests.fakes.dns import Says, a_name_server


class FakeNameServer:
    """Answers from a table, counts the questions, and can be made to wait."""

    def __init__(self, **records: Records) -> None:
        self.records = records
        self.questions: list[str] = []
        self.may_answer = asyncio.Event()
        self.may_answer.set()

    async def __call__(self, name: str) -> Records:
        self.questions.append(name)
        await self.may_answer.wait()
        if name not in self.records:
            raise LookUpError("no such name")
        return self.records[name]


class Clock:
    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


BOAT = Records(("93.184.216.34",), 60)


def test_a_name_is_asked_for_once_in_its_lifetime() -> None:
    async def story() -> None:
        server, clock = FakeNameServer(boat=BOAT), Clock()
        names = Names(server, {}, NameCache(now=clock))
        assert await names.look_up("boat") == Found(("93.184.216.34",))
        assert await names.look_up("BOAT.") == Found(("93.184.216.34",))
        clock.seconds += 59
        await names.look_up("boat")
        assert server.questions == ["boat"]
        clock.seconds += 2
        await names.look_up("boat")
        assert server.questions == ["boat", "boat"]
        assert names.counts == LookUps(cached=2, asked=2)

    asyncio.run(story())


@pytest.mark.parametrize(("ttl", "lifetime"), [(None, 300), (0, 1), (60, 60), (2_147_483_647, 3600)])
def test_an_answer_holds_as_long_as_its_server_says_within_reason(ttl: float | None, lifetime: int) -> None:
    async def story() -> None:
        server, clock = FakeNameServer(boat=Records(("93.184.216.34",), ttl)), Clock()
        names = Names(server, {}, NameCache(now=clock))
        await names.look_up("boat")
        clock.seconds += lifetime - 0.5
        await names.look_up("boat")
        assert len(server.questions) == 1
        clock.seconds += 1
        await names.look_up("boat")
        assert len(server.questions) == 2

    asyncio.run(story())


@pytest.mark.parametrize("records", [{}, {"gone": Records(())}])
def test_a_dead_name_is_asked_for_again_only_after_half_a_minute(records: dict[str, Records]) -> None:
    async def story() -> None:
        server, clock = FakeNameServer(**records), Clock()
        names = Names(server, {}, NameCache(now=clock))
        for _ in range(3):
            with pytest.raises(LookUpError, match=r"^no"):
                await names.look_up("gone")
        assert len(server.questions) == 1
        clock.seconds += 31
        with pytest.raises(LookUpError):
            await names.look_up("gone")
        assert len(server.questions) == 2

    asyncio.run(story())


def test_those_who_ask_for_the_same_name_together_share_one_question() -> None:
    async def story() -> None:
        server = FakeNameServer(boat=BOAT)
        server.may_answer.clear()
        names = Names(server, {})
        asking = [asyncio.create_task(names.look_up("boat")) for _ in range(5)]
        await asyncio.sleep(0)
        asking[0].cancel()  # the first one's deadline must not spoil it for the others
        await asyncio.sleep(0)
        server.may_answer.set()
        assert await asyncio.gather(*asking[1:]) == [Found(("93.184.216.34",))] * 4
        assert names.counts == LookUps(joined=4, asked=1)
        assert asking[0].cancelled()

    asyncio.run(story())


def test_memory_stays_flat_and_the_name_used_last_stays() -> None:
    async def story() -> None:
        server = FakeNameServer(**{f"h{number}": BOAT for number in range(100)})
        cache = NameCache(names_remembered=10)
        names = Names(server, {}, cache)
        for number in range(100):
            await names.look_up(f"h{number}")
            await names.look_up("h0")
        assert len(cache) == 10
        assert server.questions.count("h0") == 1

    asyncio.run(story())


def test_a_name_with_thousands_of_addresses_is_cut_to_a_few() -> None:
    async def story() -> None:
        many = tuple(f"10.0.{number // 256}.{number % 256}" for number in range(4000))
        found = await Names(FakeNameServer(many=Records(many)), {}).look_up("many")
        assert found.addresses == many[:4]

    asyncio.run(story())


def test_closing_gives_up_what_is_still_asked() -> None:
    async def story() -> None:
        server = FakeNameServer()
        server.may_answer.clear()
        names = Names(server, {})
        asking = asyncio.create_task(names.look_up("boat"))
        await asyncio.sleep(0)
        await names.close()
        with contextlib.suppress(asyncio.CancelledError):
            await asking
        assert asking.cancelled()

    asyncio.run(story())


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("one.test", Found(("127.0.0.1",), 8080)),
        ("ONE.TEST.", Found(("127.0.0.1",), 8080)),
        ("a.many.test", Found(("127.0.0.2",))),
        ("b.a.many.test", Found(("127.0.0.2",))),
        ("x.deep.many.test", Found(("::1",), 81)),
        ("six.test", Found(("::1",))),
    ],
)
def test_the_recipe_s_table_is_used_first(name: str, found: Found) -> None:
    async def story() -> None:
        server = FakeNameServer()
        table = {"One.test": "127.0.0.1:8080", "*.many.test": "127.0.0.2", "*.deep.many.test": "[::1]:81",
                 "six.test": "::1"}  # fmt: skip
        names = Names(server, table)
        assert await names.look_up(name) == found
        assert names.counts == LookUps(static=1)
        assert not server.questions

    asyncio.run(story())


def test_a_suffix_is_not_its_own_subdomain() -> None:
    table = StaticHosts({"*.many.test": "127.0.0.2"})
    assert table.find("many.test") is None
    assert table.find("toomany.test") is None


@pytest.mark.parametrize("value", ["", "here", "127.0.0.1:", "127.0.0.1:0", "127.0.0.1:65536", "127.0.0.1:x", "[::1",
                                   "::1]:80", "[127.0.0.1]:80", "host:80", "127.0.0.1:٣"])  # fmt: skip
def test_a_table_entry_that_is_no_address_is_a_settings_error_that_names_it(value: str) -> None:
    with pytest.raises(SettingsError, match=r'fetch\.hosts: "boat\.test"'):
        StaticHosts({"boat.test": value})


@given(st.text())
def test_finding_any_name_never_raises(name: str) -> None:
    StaticHosts({"*.test": "127.0.0.1"}).find(name)


def test_a_real_name_server_is_asked_for_the_name_alone() -> None:
    async def story() -> None:
        boat = Says(("93.184.216.34", "2606:4700:4700::1111"), ttl_seconds=60)
        async with a_name_server({"boat.example": [boat]}) as server, name_server([server.where]) as ask:
            records = await ask("boat.example")
            assert (sorted(records.addresses), records.ttl_seconds) == (sorted(boat.addresses), 60.0)
            for name in ("gone.example", "a..b", "x" * 70 + ".example"):
                with pytest.raises(LookUpError):
                    await ask(name)
            assert server.questions == ["boat.example"]

    asyncio.run(story())


def test_what_one_job_learns_of_names_serves_the_next_in_another_event_loop() -> None:
    cache = NameCache()

    async def a_job() -> LookUps:
        boat = Says(("93.184.216.34",))
        async with a_name_server({"boat.example": [boat]}) as server, name_server([server.where]) as ask:
            names = Names(ask, {}, cache)
            assert await names.look_up("boat.example") == Found(("93.184.216.34",))
            with contextlib.suppress(LookUpError):
                await names.look_up("gone.example")
            return names.counts

    first, second = asyncio.run(a_job()), asyncio.run(a_job())
    assert first == LookUps(asked=2)
    assert second == LookUps(cached=2)
    assert (first.hit_rate, second.hit_rate) == (0.0, 1.0)
    assert LookUps().hit_rate == 0.0


SIX, FOUR = "2606:4700:4700::1111", "93.184.216.34"


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ((FOUR,), (FOUR,)),
        ((FOUR, SIX), (FOUR, SIX)),
        ((FOUR,) * 9, (FOUR,) * 4),
        ((SIX,) * 9 + (FOUR,), (SIX, SIX, SIX, FOUR)),
        ((FOUR,) * 9 + (SIX,) * 2, (FOUR, FOUR, FOUR, SIX)),
        ((FOUR, SIX, FOUR, SIX, FOUR), (FOUR, SIX, FOUR, SIX)),
    ],
)
def test_of_many_addresses_a_few_stay_and_both_families_are_among_them(
    said: tuple[str, ...], kept: tuple[str, ...]
) -> None:
    found = asyncio.run(Names(FakeNameServer(many=Records(said)), {}).look_up("many"))
    assert found.addresses == kept
