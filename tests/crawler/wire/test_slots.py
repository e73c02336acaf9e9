"""How many downloads are at work at once, and where the silent ones wait."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.wire.slots import Slot, Slots, chairs_for


async def _steps() -> None:
    """Let everybody who can go on go on."""
    for _ in range(5):
        await asyncio.sleep(0)


class Download:
    """A download that does what it is told."""

    def __init__(self, slots: Slots) -> None:
        self.slot: Slot | None = None
        self.leaves = asyncio.Event()
        self.task = asyncio.create_task(self._go(slots))
        self.returning: asyncio.Task[None] | None = None

    @property
    def is_at_work(self) -> bool:
        return self.slot is not None and not self.slot.aside

    def step_aside(self) -> None:
        assert self.slot is not None
        self.slot.step_aside()

    def come_back(self) -> None:
        assert self.slot is not None
        self.returning = asyncio.create_task(self.slot.come_back())

    async def _go(self, slots: Slots) -> None:
        try:
            async with slots.hold() as self.slot:
                try:
                    await self.leaves.wait()
                finally:
                    await self._no_longer_returning()
        finally:
            self.slot = None

    async def _no_longer_returning(self) -> None:
        """In a real download it is the same task that comes back and that leaves."""
        if self.returning is not None:
            self.returning.cancel()
            await asyncio.wait({self.returning})


def _at_work(downloads: list[Download]) -> list[int]:
    return [number for number, download in enumerate(downloads) if download.is_at_work]


def test_only_so_many_are_at_work_and_the_others_follow_in_order() -> None:
    async def story() -> None:
        slots = Slots(2, 0)
        downloads = [Download(slots) for _ in range(4)]
        await _steps()
        assert _at_work(downloads) == [0, 1]
        downloads[1].leaves.set()
        await _steps()
        assert _at_work(downloads) == [0, 2]
        assert slots.inside == 2

    asyncio.run(story())


def test_who_steps_aside_lets_the_next_one_in() -> None:
    async def story() -> None:
        slots = Slots(1, 2)
        downloads = [Download(slots) for _ in range(4)]
        await _steps()
        for number in (0, 1):
            downloads[number].step_aside()
            await _steps()
        assert _at_work(downloads) == [2]
        assert (slots.inside, slots.aside) == (1, 2)

    asyncio.run(story())


def test_who_comes_back_goes_before_who_is_new() -> None:
    async def story() -> None:
        slots = Slots(1, 1)
        downloads = [Download(slots) for _ in range(3)]
        await _steps()
        downloads[0].step_aside()
        await _steps()
        downloads[0].come_back()
        await _steps()
        assert _at_work(downloads) == [1]
        downloads[1].leaves.set()
        await _steps()
        assert _at_work(downloads) == [0]

    asyncio.run(story())


def test_without_a_chair_one_keeps_the_slot_until_a_chair_is_free() -> None:
    async def story() -> None:
        slots = Slots(2, 1)
        downloads = [Download(slots) for _ in range(3)]
        await _steps()
        downloads[0].step_aside()
        await _steps()
        downloads[1].step_aside()  # no chair
        await _steps()
        assert _at_work(downloads) == [1, 2]
        downloads[0].leaves.set()
        await _steps()
        assert _at_work(downloads) == [2]
        assert (slots.inside, slots.aside) == (1, 1)

    asyncio.run(story())


def test_who_waits_for_a_chair_and_hears_something_stays_at_work() -> None:
    async def story() -> None:
        slots = Slots(2, 1)
        downloads = [Download(slots) for _ in range(2)]
        await _steps()
        downloads[0].step_aside()
        downloads[1].step_aside()
        downloads[1].come_back()
        await _steps()
        downloads[0].leaves.set()
        await _steps()
        assert _at_work(downloads) == [1]

    asyncio.run(story())


@pytest.mark.parametrize("where", ["queue", "slot", "chair", "way back", "just called"])
def test_whoever_is_cancelled_anywhere_loses_nobody_a_place(where: str) -> None:
    async def story() -> None:
        slots = Slots(1, 1)
        downloads = [Download(slots) for _ in range(3)]
        await _steps()
        if where == "queue":
            downloads[1].task.cancel()
        elif where == "slot":
            downloads[0].task.cancel()
        elif where == "just called":
            downloads[0].leaves.set()
            await asyncio.sleep(0)
            downloads[1].task.cancel()
        else:
            downloads[0].step_aside()
            await _steps()
            if where == "way back":
                downloads[0].come_back()
                await _steps()
                assert downloads[0].returning is not None
                downloads[0].returning.cancel()
                await _steps()
            downloads[0].task.cancel()
        await _steps()
        for download in downloads:
            download.leaves.set()
        await asyncio.wait({download.task for download in downloads})
        assert (slots.inside, slots.aside) == (0, 0)
        async with AsyncExitStack() as stack:  # nothing was lost: a slot, and a chair for the next
            first = await stack.enter_async_context(slots.hold())
            first.step_aside()
            assert first.aside
            await stack.enter_async_context(slots.hold())
            assert (slots.inside, slots.aside) == (1, 1)

    asyncio.run(story())


@given(
    steps=st.lists(st.tuples(st.integers(0, 7), st.sampled_from(["aside", "back", "leave", "cancel"])), max_size=40),
    downloads=st.integers(1, 3),
    chairs=st.integers(0, 3),
)
def test_whatever_happens_nothing_is_exceeded_or_lost(
    steps: list[tuple[int, str]], downloads: int, chairs: int
) -> None:
    async def story() -> None:
        slots = Slots(downloads, chairs)
        everybody = [Download(slots) for _ in range(8)]
        await _steps()
        for number, what in steps:
            one = everybody[number]
            if what == "leave":
                one.leaves.set()
            elif what == "cancel":
                one.task.cancel()
            elif one.slot is not None and what == "aside":
                one.step_aside()
            elif one.slot is not None and (one.returning is None or one.returning.done()):
                one.come_back()
            await _steps()
            assert slots.inside <= downloads
            assert slots.aside <= chairs
            assert len(_at_work(everybody)) <= downloads
            if any(one.slot is None and not one.task.done() for one in everybody):
                assert slots.inside == downloads  # nobody waits beside a free slot
        for one in everybody:
            one.task.cancel()
        await asyncio.wait({one.task for one in everybody})
        await _steps()
        assert (slots.inside, slots.aside) == (0, 0)

    asyncio.run(story())


@pytest.mark.parametrize(
    ("downloads", "sockets", "chairs"),
    [(256, 20_000, 1024), (64, 20_000, 1024), (512, 20_000, 2048), (256, 2_000, 244), (256, 700, 0), (256, -50, 0)],
)
def test_the_waiting_room_is_as_large_as_the_sockets_allow(downloads: int, sockets: int, chairs: int) -> None:
    assert chairs_for(downloads, sockets) == chairs
