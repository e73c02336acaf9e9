"""How fast somebody may ask: token buckets in memory, of bounded number. A restart forgets them, which harms nobody."""

from __future__ import annotations

from collections import OrderedDict


class Buckets:
    """One bucket for each caller. What is not asked for fills it again."""

    def __init__(self, per_second: float, at_once: float, most: int = 100_000) -> None:
        """Make it.

        Args:
            per_second: how fast a bucket fills.
            at_once: how much it holds.
            most: buckets that are kept; whose turn was longest ago is forgotten first, and would have been the fullest.
        """
        self._per_second, self._at_once, self._most = per_second, at_once, most
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, who: str, now: float) -> float:
        """Take one; returns 0, or the seconds after which there is one again (then nothing was taken)."""
        left, at = self._left.pop(who, (self._at_once, now))
        left = min(self._at_once, left + max(0.0, now - at) * self._per_second)
        wait = 0.0 if left >= 1 else (1 - left) / self._per_second
        self._left[who] = (left if wait else left - 1, now)
        if len(self._left) > self._most:
            self._left.popitem(last=False)
        return wait

    def __len__(self) -> int:
        return len(self._left)
