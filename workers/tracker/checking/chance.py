"""How likely chance alone is to do what was seen."""

from __future__ import annotations

from collections.abc import Sequence

#: below this an honest worker is not accused, but looked at again
ODD = 1e-4
#: below this it is no chance
BAD = 1e-9


def tail(probabilities: Sequence[float], seen: int) -> float:
    """The probability that at least `seen` of independent events happen, each with its own probability.

    >>> round(tail([0.15] * 50, 19), 6)
    6e-05
    >>> tail([0.5], 0)
    1.0
    """
    if seen <= 0:
        return 1.0
    # of exactly so many among the events so far; all that are `seen` or more are the last
    exactly = [1.0] + [0.0] * seen
    for one in probabilities:
        for number in range(seen, 0, -1):
            stays = exactly[number] if number == seen else exactly[number] * (1 - one)
            exactly[number] = stays + exactly[number - 1] * one
        exactly[0] *= 1 - one
    return exactly[seen]
