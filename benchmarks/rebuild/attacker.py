"""Does a published diff point at what was removed for cause? An attacker who sees both versions tries every simple way.

He knows all rows that are gone and everything that was published of them, and wants those that takedowns named. Each way
is a number for each removed picture; the best threshold on it, in either direction, gives an advantage: the share of real
ones that it takes less the share of neutral ones. 0 is guessing, 1 is certainty. With few real ones the best of many
ways looks good by chance, so that the same is done with the labels shuffled: only more than that is a leak.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SHUFFLES = 2_000
#: a proof that fails once in a thousand times by chance alone
LEAST_CHANCE = 0.001


@dataclass(frozen=True, slots=True)
class Attack:
    """What came of it."""

    way: str  # the best one
    advantage: float
    by_chance: float  # what 95 % of the shuffles stay below, for the best way of each
    chance: float  # the share of shuffles that do as well
    ways: int
    real: int
    neutral: int

    @property
    def leaks(self) -> bool:
        """Whether this is more than chance."""
        return self.chance < LEAST_CHANCE

    def told(self) -> str:
        """In words."""
        return (f"{self.advantage:.2f} ({self.way}, best of {self.ways} ways; chance alone gives up to {self.by_chance:.2f}, as much in "
                f"{self.chance:.1%} of shuffles), {self.real} real among {self.neutral} neutral")  # fmt: skip


def attack(ways: Mapping[str, NDArray[np.float64]], real: NDArray[np.bool_], seed: int = 0) -> Attack:
    """The best simple attacker on these removed pictures.

    Args:
        ways: by name a number for each removed picture.
        real: which of them takedowns named: what the attacker wants.
        seed: of the shuffles.
    """
    rng = np.random.default_rng(seed)
    labels = np.vstack([real, *(rng.permutation(real) for _ in range(SHUFFLES))])
    found = {name: _advantages(values, labels) for name, values in ways.items()}
    best = np.max(np.vstack(list(found.values())), axis=0)
    way = max(found, key=lambda name: float(found[name][0]))
    shuffled = best[1:]
    return Attack(
        way, float(best[0]), float(np.quantile(shuffled, 0.95)), float((shuffled >= best[0]).mean()), len(ways),
        int(real.sum()), int((~real).sum()),
    )  # fmt: skip


def _advantages(values: NDArray[np.float64], labels: NDArray[np.bool_]) -> NDArray[np.float64]:
    """For each row of labels the largest difference between the shares of real and neutral ones beyond a threshold.

    Equal values cannot be told apart: thresholds lie between different ones.
    """
    values = np.nan_to_num(values, nan=-1.0)
    order = np.argsort(values, kind="stable")
    ends = np.append(np.flatnonzero(np.diff(values[order])), len(values) - 1)
    sorted_labels = labels[:, order]
    taken = np.cumsum(sorted_labels, axis=1)[:, ends] / labels.sum(axis=1, keepdims=True)
    others = np.cumsum(~sorted_labels, axis=1)[:, ends] / (~labels).sum(axis=1, keepdims=True)
    apart: NDArray[np.float64] = np.abs(taken - others).max(axis=1)
    return apart
