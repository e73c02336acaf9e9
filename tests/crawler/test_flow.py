"""A budget lets through what fits, in order, and loses nothing when somebody gives up."""

from __future__ import annotations

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from crawler.flow import Budget


def test_what_fits_passes_at_once() -> None:
    async def scene() -> None:
        budget = Budget(10)
        await budget.take(6)
        await budget.take(4)
        assert repr(budget) == "<Budget 10 of 10 taken, 0 waiting>"

    asyncio.run(scene())


def test_what_does_not_fit_waits_until_something_is_given_back() -> None:
    async def scene() -> None:
        budget = Budget(10)
        await budget.take(6)
        waiting = asyncio.create_task(budget.take(5))
        await asyncio.sleep(0)
        assert not waiting.done()
        budget.give(6)
        await waiting

    asyncio.run(scene())


def test_a_light_item_does_not_overtake_a_heavy_one() -> None:
    async def scene() -> list[str]:
        budget, order = Budget(10), []

        async def enter(name: str, weight: int) -> None:
            await budget.take(weight)
            order.append(name)

        await budget.take(8)
        tasks = [asyncio.create_task(enter("heavy", 9)), asyncio.create_task(enter("light", 1))]
        await asyncio.sleep(0)
        budget.give(8)
        await asyncio.gather(*tasks)
        return order

    assert asyncio.run(scene()) == ["heavy", "light"]


def test_an_item_heavier_than_the_whole_budget_passes_alone() -> None:
    async def scene() -> None:
        budget = Budget(10)
        await budget.take(1000)
        budget.give(1000)
        await budget.take(10)

    asyncio.run(scene())


def test_who_gives_up_waiting_leaves_no_hole_in_the_line() -> None:
    async def scene() -> None:
        budget = Budget(10)
        await budget.take(10)
        gives_up = asyncio.create_task(budget.take(10))
        stays = asyncio.create_task(budget.take(10))
        await asyncio.sleep(0)
        gives_up.cancel()
        await asyncio.sleep(0)
        budget.give(10)
        await asyncio.wait_for(stays, 1)

    asyncio.run(scene())


def test_who_is_cancelled_just_after_being_admitted_hands_the_place_on() -> None:
    async def scene() -> None:
        budget = Budget(10)
        await budget.take(10)
        unlucky = asyncio.create_task(budget.take(10))
        stays = asyncio.create_task(budget.take(10))
        await asyncio.sleep(0)
        budget.give(10)  # admits `unlucky`, which has not run yet
        unlucky.cancel()
        await asyncio.wait_for(stays, 1)

    asyncio.run(scene())


@given(st.lists(st.integers(1, 30), min_size=1, max_size=40))
def test_never_more_than_the_budget_is_inside_unless_one_item_alone_is(weights: list[int]) -> None:
    async def scene() -> None:
        budget, inside = Budget(20), list[int]()

        async def visit(weight: int) -> None:
            await budget.take(weight)
            inside.append(weight)
            assert sum(inside) <= 20 or len(inside) == 1
            await asyncio.sleep(0)
            inside.remove(weight)
            budget.give(weight)

        await asyncio.wait_for(asyncio.gather(*(visit(weight) for weight in weights)), 5)
        assert repr(budget) == "<Budget 0 of 20 taken, 0 waiting>"

    asyncio.run(scene())
