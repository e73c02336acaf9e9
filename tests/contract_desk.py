"""What every `Desk` promises, as small stories that any desk can be put through.

    @pytest.mark.parametrize("story", STORIES)
    def test_the_contract(story: Story) -> None:
        asyncio.run(story(a_desk(CONTRACT_MANNERS)))

Each story has hosts of its own, so one desk can go through all of them.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from crawler.courtesy.desk import Desk, FileState, Heard, OpenDesk, SiteFile, SiteFiles, TurnRefusedError, Word
from crawler.records import Fault
from crawler.settings import Manners

Story = Callable[[Desk], Coroutine[Any, Any, None]]

CONTRACT_MANNERS = Manners(
    requests_at_once=1,
    seconds_between_requests=0.01,
    longest_wait_seconds=60.0,
    longest_crawl_delay_seconds=900.0,
    failures_in_a_row=2,
)
#: against hanging only: nothing here takes a second on an idle machine
GUARD = 60.0


def some_files(text: str = "User-agent: *\nDisallow: /private", lasting: float = 3_600.0) -> SiteFiles:
    absent = SiteFile(FileState.ABSENT)
    return SiteFiles(time.time() + lasting, SiteFile(FileState.FOUND, text), absent, absent)


class Visits:
    """Visitors of one host, who come in order and stay until they are sent away."""

    def __init__(self, desk: OpenDesk, host: str) -> None:
        self.desk = desk
        self.host = host
        self.entered: list[str] = []
        self.inside: set[str] = set()
        self.most_inside = 0
        self.tasks: dict[str, asyncio.Task[None]] = {}
        self._leave: dict[str, asyncio.Event] = {}
        self._change = asyncio.Event()

    def come(self, *names: str, word: Word | None = None) -> None:
        for name in names:
            self._leave[name] = asyncio.Event()
            self.tasks[name] = asyncio.create_task(self._visit(name, word))

    async def go(self, name: str) -> None:
        self._leave[name].set()
        await asyncio.wait([self.tasks[name]])
        self.tasks[name].result()

    async def entering(self, number: int) -> None:
        """Wait until so many have entered in all."""
        async with asyncio.timeout(GUARD):
            while len(self.entered) < number:
                self._change.clear()
                await self._change.wait()

    async def entering_of(self, name: str) -> None:
        """Wait until this one has entered."""
        async with asyncio.timeout(GUARD):
            while name not in self.entered:
                self._change.clear()
                await self._change.wait()

    async def refusal(self, name: str) -> Fault:
        async with asyncio.timeout(GUARD):
            with pytest.raises(TurnRefusedError) as refused:
                await self.tasks[name]
        return refused.value.fault

    async def _visit(self, name: str, word: Word | None) -> None:
        async with self.desk.turns.turn(self.host) as turn:
            self.entered.append(name)
            self.inside.add(name)
            self.most_inside = max(self.most_inside, len(self.inside))
            self._change.set()
            await self._leave[name].wait()
            self.inside.discard(name)
            turn.word = word


async def places_go_to_whoever_waits_longest(desk: Desk) -> None:
    async with desk.open() as opened:
        visits = Visits(opened, "in-order.test")
        visits.come(*"1234")
        for number, name in enumerate("1234", 1):
            await visits.entering(number)
            await visits.go(name)
    assert visits.entered == list("1234")
    assert visits.most_inside == 1


async def hosts_do_not_wait_for_each_other(desk: Desk) -> None:
    async with desk.open() as opened:
        here, there = Visits(opened, "here.test"), Visits(opened, "there.test")
        here.come("1", "2")
        there.come("3")
        await here.entering(1)
        await there.entering(1)
        for visits, name in ((here, "1"), (there, "3"), (here, "2")):
            await visits.go(name)


async def who_is_cancelled_in_the_line_loses_nobody_their_place(desk: Desk) -> None:
    async with desk.open() as opened:
        visits = Visits(opened, "cancelled.test")
        visits.come(*"1234")
        await visits.entering(1)
        visits.tasks["2"].cancel()
        await visits.go("1")
        visits.tasks["3"].cancel()  # it may have the place by now, and not know; or it may be inside already
        await visits.entering_of("4")
        await visits.go("4")
        await asyncio.wait(visits.tasks.values())
    assert visits.entered[-1] == "4"


async def a_visit_that_goes_wrong_gives_its_place_back(desk: Desk) -> None:
    async with desk.open() as opened:
        with pytest.raises(ZeroDivisionError):
            async with opened.turns.turn("wrong.test"):
                raise ZeroDivisionError
        async with asyncio.timeout(GUARD), opened.turns.turn("wrong.test"):
            pass


async def a_host_that_fails_is_left_alone_in_later_jobs_too(desk: Desk) -> None:
    for name in ("1", "2"):
        async with desk.open() as opened:
            visits = Visits(opened, "fails.test")
            visits.come(name, word=Word(Heard.FAILED))
            await visits.entering(1)
            await visits.go(name)
    async with desk.open() as opened:
        visits = Visits(opened, "fails.test")
        visits.come("3")
        assert await visits.refusal("3") is Fault.HOST_DOWN


async def a_host_that_asks_for_too_much_patience_is_busy(desk: Desk) -> None:
    async with desk.open() as opened:
        visits = Visits(opened, "busy.test")
        visits.come("1", "2", word=Word(Heard.PATIENCE, 600.0))
        await visits.entering(1)
        await visits.go("1")
        visits.come("3")
        assert await visits.refusal("2") is Fault.HOST_BUSY
        assert await visits.refusal("3") is Fault.HOST_BUSY


async def a_host_is_slowed_down(desk: Desk) -> None:
    async with desk.open() as opened:
        opened.turns.slow_to("slow.test", 600.0)
        visits = Visits(opened, "img.slow.test")
        visits.come("1")
        assert await visits.refusal("1") is Fault.HOST_BUSY


async def closing_the_desk_withdraws_whoever_is_there(desk: Desk) -> None:
    async with desk.open() as opened:
        visits = Visits(opened, "closing.test")
        visits.come("1", "2")
        await visits.entering(1)
    await asyncio.wait([visits.tasks["2"]])
    assert visits.tasks["2"].cancelled()
    async with desk.open() as opened, asyncio.timeout(GUARD), opened.turns.turn("closing.test"):
        pass
    await visits.go("1")  # whose desk is gone


async def a_hundred_askers_are_one_request_for_rules(desk: Desk) -> None:  # checklist 46
    made: list[str] = []

    async def make() -> SiteFiles:
        await asyncio.sleep(0.01)
        made.append("made")
        return some_files()

    async with desk.open() as opened:
        found = await asyncio.gather(*(opened.rules.of("http://hundred.test:80", make) for _ in range(100)))
    async with desk.open() as opened:
        found.append(await opened.rules.of("http://hundred.test:80", make))
    assert made == ["made"]
    assert {one.robots.text for one in found} == {some_files().robots.text}


async def who_fails_to_make_rules_is_told_and_the_next_one_tries(desk: Desk) -> None:
    tries: list[int] = []

    async def make() -> SiteFiles:
        tries.append(len(tries))
        await asyncio.sleep(0.01)
        if tries[-1] < 1:
            raise OSError("no network")
        return some_files()

    async with desk.open() as opened:
        ends = await asyncio.gather(
            *(opened.rules.of("http://failing.test:80", make) for _ in range(10)), return_exceptions=True
        )
    assert len(tries) == 2
    assert sum(isinstance(end, OSError) for end in ends) == 1
    assert sum(isinstance(end, SiteFiles) for end in ends) == 9


async def who_is_cancelled_while_making_rules_leaves_it_to_the_next(desk: Desk) -> None:
    started = asyncio.Event()

    async def never() -> SiteFiles:
        started.set()
        await asyncio.Event().wait()
        raise AssertionError

    async def make() -> SiteFiles:
        return some_files()

    async with desk.open() as opened:
        first = asyncio.create_task(opened.rules.of("http://left.test:80", never))
        await started.wait()
        second = asyncio.create_task(opened.rules.of("http://left.test:80", make))
        third = asyncio.create_task(opened.rules.of("http://left.test:80", make))
        await asyncio.sleep(0)
        third.cancel()
        first.cancel()
        async with asyncio.timeout(GUARD):
            assert (await second).robots.state is FileState.FOUND


async def rules_that_have_expired_are_asked_for_again(desk: Desk) -> None:
    made: list[str] = []

    async def make() -> SiteFiles:
        made.append("made")
        return some_files(lasting=0.0)

    async with desk.open() as opened:
        for _ in range(2):
            await opened.rules.of("http://expired.test:80", make)
    assert made == ["made", "made"]


async def nothing_is_left_behind(desk: Desk) -> None:
    before = asyncio.all_tasks()
    async with desk.open() as opened, opened.turns.turn("tidy.test"):
        pass
    assert asyncio.all_tasks() == before


STORIES: list[Any] = [
    pytest.param(story, id=story.__name__)
    for story in (
        places_go_to_whoever_waits_longest,
        hosts_do_not_wait_for_each_other,
        who_is_cancelled_in_the_line_loses_nobody_their_place,
        a_visit_that_goes_wrong_gives_its_place_back,
        a_host_that_fails_is_left_alone_in_later_jobs_too,
        a_host_that_asks_for_too_much_patience_is_busy,
        a_host_is_slowed_down,
        closing_the_desk_withdraws_whoever_is_there,
        a_hundred_askers_are_one_request_for_rules,
        who_fails_to_make_rules_is_told_and_the_next_one_tries,
        who_is_cancelled_while_making_rules_leaves_it_to_the_next,
        rules_that_have_expired_are_asked_for_again,
        nothing_is_left_behind,
    )
]
