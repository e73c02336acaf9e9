"""The desk of one process."""

from __future__ import annotations

import asyncio

import pytest

from crawler.courtesy.desk import Heard, TurnRefusedError, Word
from crawler.courtesy.local_desk import LocalDesk
from crawler.settings import Manners
from tests.contract_desk import CONTRACT_MANNERS, GUARD, STORIES, Story, Visits


@pytest.mark.parametrize("story", STORIES)
def test_a_local_desk_keeps_the_contract(story: Story) -> None:
    asyncio.run(story(LocalDesk(CONTRACT_MANNERS)))


def test_a_visit_cancelled_just_after_its_place_came_hands_the_place_on() -> None:
    async def inner() -> None:
        async with LocalDesk(Manners(requests_at_once=1, seconds_between_requests=0)).open() as opened:
            visits = Visits(opened, "a.test")
            visits.come("1", "2", "3")
            await visits.entering(1)
            visits._leave["1"].set()
            await asyncio.sleep(0)  # the first leaves; the place is the second's by now, who has not run since
            visits.tasks["2"].cancel()
            await visits.entering(2)
            assert visits.entered == ["1", "3"]
            await visits.go("3")

    asyncio.run(inner())


def test_what_was_learnt_outlives_event_loops_and_memory_does_not_grow() -> None:
    desk = LocalDesk(Manners(requests_at_once=1, seconds_between_requests=0, failures_in_a_row=1))

    async def visit(host: str, word: Word | None = None) -> None:
        async with desk.open() as opened, opened.turns.turn(host) as turn:
            turn.word = word

    for number in range(50):
        asyncio.run(visit(f"host-{number}.test"))
    assert len(desk) == 0
    asyncio.run(visit("down.test", Word(Heard.FAILED)))
    with pytest.raises(TurnRefusedError, match="left alone"):
        asyncio.run(visit("down.test"))


def test_starts_are_spaced_without_anybody_asking_in_between() -> None:
    async def inner() -> float:
        async with LocalDesk(Manners(requests_at_once=9, seconds_between_requests=0.05)).open() as opened:
            visits = Visits(opened, "a.test")
            started = asyncio.get_running_loop().time()
            visits.come("1", "2", "3")
            async with asyncio.timeout(GUARD):
                await visits.entering(3)
            took = asyncio.get_running_loop().time() - started
            for name in "123":
                await visits.go(name)
            return took

    assert asyncio.run(inner()) >= 0.1
