"""Back-pressure: how much may be between two stages, counted in what costs memory."""

from __future__ import annotations

import asyncio
from collections import deque


class Budget:
    """A counting gate for weights: bytes of bodies, pixels of pictures.

    First come, first served: a heavy item at the head of the line is not overtaken by light ones, so it cannot starve.
    An item heavier than the whole budget passes when nothing else is inside.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._inside = 0
        self._line: deque[tuple[int, asyncio.Future[None]]] = deque()

    def __repr__(self) -> str:
        return f"<Budget {self._inside} of {self._size} taken, {len(self._line)} waiting>"

    async def take(self, weight: int) -> None:
        """Wait until `weight` fits, then take it."""
        if not self._line and self._fits(weight):
            self._inside += weight
            return
        turn = asyncio.get_running_loop().create_future()
        self._line.append((weight, turn))
        try:
            await turn
        except asyncio.CancelledError:
            if turn.cancelled():
                self._line.remove((weight, turn))
            else:  # the turn came and the cancellation after it: hand back what was taken for nobody
                self.give(weight)
            self._admit()
            raise

    def give(self, weight: int) -> None:
        """Hand back what was taken."""
        self._inside -= weight
        self._admit()

    def _fits(self, weight: int) -> bool:
        return self._inside == 0 or self._inside + weight <= self._size

    def _admit(self) -> None:
        while self._line and self._fits(self._line[0][0]):
            weight, turn = self._line.popleft()
            if not turn.done():
                self._inside += weight
                turn.set_result(None)
