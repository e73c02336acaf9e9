"""How many downloads are at work in this process at once, without the silent ones being in the way of the others.

A download takes a slot. One whose server is silent for a while moves to a waiting room and lets the next one in: a
thousand hosts that never answer cost a thousand sockets for a few seconds, and no slot. When a server speaks up, its
download needs a slot again before it reads on, so that no more bodies are in memory than there are slots; what comes in
meanwhile stands in the socket's buffers. Whoever comes back goes before whoever is new: its deadline is running.
"""

from __future__ import annotations

import asyncio
from typing import Self

#: chairs in the waiting room for each slot
_CHAIRS_PER_SLOT = 4
#: chairs at least, where the sockets allow: a small worker meets as many silent hosts in a row as a large one. Not
#: more, for a home router keeps a table of some thousands of connections, and the rest of the house needs it too
_CHAIRS_AT_LEAST = 1_024
#: sockets that one download may have at the same time: one for each address that it tries (crawler.wire.resolve)
_SOCKETS_PER_DOWNLOAD = 4


def chairs_for(downloads: int, sockets: int) -> int:
    """How many chairs the waiting room has, beside so many slots and within so many sockets."""
    wanted = max(_CHAIRS_PER_SLOT * downloads, _CHAIRS_AT_LEAST)
    return max(0, min(wanted, sockets // _SOCKETS_PER_DOWNLOAD - downloads))


class Slot:
    """One download's place among `Slots`, from `Slots.hold`: held inside an `async with`."""

    __slots__ = ("_slots", "aside")

    def __init__(self, slots: Slots) -> None:
        self.aside = False
        self._slots = slots

    async def __aenter__(self) -> Self:
        await self._slots.let_in()
        return self

    async def __aexit__(self, *_exc: object) -> None:
        self._slots.let_out(self)

    def step_aside(self) -> None:
        """Give the slot away and wait in the waiting room; later, if no chair is free there now."""
        if not self.aside:
            self._slots.seat(self)

    async def come_back(self) -> None:
        """Hold a slot again, or still. Cancelling is safe."""
        if self.aside:
            await self._slots.bring_back(self)
        else:
            self._slots.stay(self)


class Slots:
    """Lets `downloads` in at once; up to `chairs` more may wait aside."""

    def __init__(self, downloads: int, chairs: int) -> None:
        self.downloads = downloads
        self.places = downloads + chairs
        self.inside = 0
        self.aside = 0
        self._free = downloads  # not 0 only while nobody queues
        self._free_chairs = chairs
        self._returning: dict[asyncio.Future[None], None] = {}  # queues from which anyone can leave at once
        self._coming: dict[asyncio.Future[None], None] = {}
        self._without_chair: dict[Slot, None] = {}  # hold a slot, and would rather not

    def hold(self) -> Slot:
        """A slot to be waited for, and held, or a chair, inside an `async with`. The wait has no limit of its own."""
        return Slot(self)

    async def let_in(self) -> None:
        """See `Slot.__aenter__`."""
        await self._enter(self._coming)

    def let_out(self, slot: Slot) -> None:
        """See `Slot.__aexit__`."""
        self._without_chair.pop(slot, None)
        if slot.aside:
            self._free_chair()
        else:
            self._leave()

    def seat(self, slot: Slot) -> None:
        """See `Slot.step_aside`."""
        if self._free_chairs:
            self._free_chairs -= 1
            self._sit_down(slot)
        else:
            self._without_chair[slot] = None

    def stay(self, slot: Slot) -> None:
        """It wants no chair any more."""
        self._without_chair.pop(slot, None)

    async def bring_back(self, slot: Slot) -> None:
        """See `Slot.come_back`."""
        await self._enter(self._returning)
        slot.aside = False
        self._free_chair()

    def _sit_down(self, slot: Slot) -> None:
        slot.aside = True
        self.aside += 1
        self._leave()

    def _free_chair(self) -> None:
        self.aside -= 1
        if self._without_chair:
            slot = next(iter(self._without_chair))
            del self._without_chair[slot]
            self._sit_down(slot)
        else:
            self._free_chairs += 1

    async def _enter(self, queue: dict[asyncio.Future[None], None]) -> None:
        if self._free:
            self._free -= 1
            self.inside += 1
            return
        ticket = asyncio.get_running_loop().create_future()
        queue[ticket] = None
        try:
            await ticket
        except asyncio.CancelledError:
            if ticket.cancelled():
                queue.pop(ticket, None)
            else:  # the slot was ours already when we were cancelled: hand it on
                self._leave()
            raise

    def _leave(self) -> None:
        """A slot is given up: whoever waits longest has it now."""
        self.inside -= 1
        for queue in (self._returning, self._coming):
            while queue:
                ticket = next(iter(queue))
                del queue[ticket]
                if not ticket.done():  # a cancelled one has not withdrawn yet
                    ticket.set_result(None)
                    self.inside += 1
                    return
        self._free += 1
