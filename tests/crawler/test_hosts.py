"""The gate before each host."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.hosts import HostGate, Places


def test_the_first_few_go_at_once_and_the_next_waits() -> None:
    places: Places[int] = Places(2)
    assert [places.ask("a:80", ticket) for ticket in (1, 2, 3)] == [True, True, False]


def test_hosts_do_not_wait_for_each_other() -> None:
    places: Places[int] = Places(1)
    assert places.ask("a:80", 1)
    assert places.ask("b:80", 2)
    assert places.ask("a:443", 3)


def test_a_place_goes_to_whoever_waits_longest() -> None:
    places: Places[int] = Places(1)
    for ticket in (1, 2, 3):
        places.ask("a:80", ticket)
    assert [places.give_back("a:80") for _ in range(3)] == [2, 3, None]


def test_who_withdraws_is_passed_over() -> None:
    places: Places[int] = Places(1)
    for ticket in (1, 2, 3):
        places.ask("a:80", ticket)
    places.withdraw("a:80", 2)
    places.withdraw("b:80", 2)
    assert places.give_back("a:80") == 3


def test_a_host_without_anybody_is_forgotten() -> None:
    places: Places[int] = Places(1)
    for number in range(10_000):
        places.ask(f"host-{number}:80", number)
        places.give_back(f"host-{number}:80")
    assert len(places) == 0


@given(st.lists(st.tuples(st.sampled_from("abc"), st.booleans()), max_size=60), st.integers(1, 3))
def test_whatever_happens_no_host_has_too_many_and_nobody_waits_beside_a_free_place(
    steps: list[tuple[str, bool]], limit: int
) -> None:
    places: Places[int] = Places(limit)
    inside: Counter[str] = Counter()
    waiting: dict[str, list[int]] = {host: [] for host in "abc"}
    for ticket, (host, arrives) in enumerate(steps):
        if arrives:
            if places.ask(host, ticket):
                inside[host] += 1
            else:
                waiting[host].append(ticket)
        elif inside[host]:
            following = places.give_back(host)
            assert following == (waiting[host].pop(0) if waiting[host] else None)
            inside[host] -= following is None
        assert inside[host] <= limit
        assert not waiting[host] or inside[host] == limit
    assert len(places) == sum(count > 0 for count in inside.values())


async def _visit(gate: HostGate, host: str, order: list[str], leave: asyncio.Event) -> None:
    async with gate.turn(host):
        order.append(host)
        await leave.wait()


def test_only_so_many_are_inside_at_one_host_and_only_so_many_in_all() -> None:
    async def story() -> list[str]:
        order: list[str] = []
        gate, leave = HostGate(per_host=2, total=3), asyncio.Event()
        hosts = ["a", "a", "a", "b", "c"]
        visits = [asyncio.create_task(_visit(gate, host, order, leave)) for host in hosts]
        await asyncio.sleep(0.01)
        first = list(order)
        leave.set()
        await asyncio.gather(*visits)
        assert sorted(order) == sorted(hosts)
        assert gate.hosts == 0
        return first

    assert asyncio.run(story()) == ["a", "a", "b"]


@pytest.mark.parametrize("give_way_first", [True, False])
def test_a_visit_that_is_cancelled_in_the_queue_loses_nobody_their_place(give_way_first: bool) -> None:
    async def story() -> None:
        order: list[str] = []
        gate, leave = HostGate(per_host=1, total=9), asyncio.Event()
        first = asyncio.create_task(_visit(gate, "a", order, leave))
        await asyncio.sleep(0)
        second = asyncio.create_task(_visit(gate, "a", order, leave))
        third = asyncio.create_task(_visit(gate, "a", order, leave))
        await asyncio.sleep(0)
        for visit in (first, second) if give_way_first else (second, first):
            visit.cancel()
        await asyncio.sleep(0)
        leave.set()
        await asyncio.wait_for(third, 1)
        await asyncio.wait({first, second})
        assert order == ["a", "a"]
        assert gate.hosts == 0

    asyncio.run(story())


def test_a_visit_cancelled_just_after_its_place_came_hands_the_place_on() -> None:
    async def story() -> None:
        order: list[str] = []
        gate, leave = HostGate(per_host=1, total=9), asyncio.Event()
        leave.set()
        async with gate.turn("a"):
            second, third = (asyncio.create_task(_visit(gate, "a", order, leave)) for _ in range(2))
            await asyncio.sleep(0)
        second.cancel()  # the place is the second's by now, who has not run since
        await asyncio.wait_for(third, 1)
        assert second.cancelled()
        assert order == ["a"]
        assert gate.hosts == 0

    asyncio.run(story())
