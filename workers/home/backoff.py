"""How long to wait for whoever does not answer: for each of them apart, so that one that is dead holds up no other."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import dataclass, field

#: the first wait is up to this many seconds, and each further one up to twice as many
FIRST_SECONDS = 2.0
#: and never more than these
LONGEST_SECONDS = 300.0
#: what a Retry-After may ask for at most: one of ten years would be obeyed for ever
LONGEST_ASKED_SECONDS = 3600.0


def backoff_seconds(failures: int, draw: float, retry_after: float | None = None) -> float:
    """Seconds to wait after so many failures in a row: full jitter, up to five minutes; at least what was asked for.

    Args:
        failures: in a row, from 1.
        draw: random, from 0 to 1. Of ten thousand volunteers that lost a tracker no two come back at once.
        retry_after: seconds that the other side asked for; what is no time counts as nothing. A quarter of it, drawn,
            comes on top, for everybody was told the same.
    """
    own = draw * min(LONGEST_SECONDS, FIRST_SECONDS * 2.0 ** min(failures - 1, 16))
    if retry_after is None or not math.isfinite(retry_after) or retry_after <= 0:
        return own
    asked = min(retry_after, LONGEST_ASKED_SECONDS)
    return asked + min(own, asked / 4)


@dataclass(slots=True)
class Backoffs:
    """Failures in a row, by whom they were with."""

    draw: Callable[[], float] = random.random
    _failures: dict[str, int] = field(default_factory=dict)

    def failed(self, target: str, retry_after: float | None = None) -> float:
        """It did not answer, again: how long to wait."""
        self._failures[target] = self._failures.get(target, 0) + 1
        return backoff_seconds(self._failures[target], self.draw(), retry_after)

    def answered(self, target: str) -> bool:
        """It did; whether it had failed before."""
        return self._failures.pop(target, 0) > 0
