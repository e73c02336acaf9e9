"""How far several labellers agree beyond chance, of words that have no order.

Cohen, J. (1960), A coefficient of agreement for nominal scales. Krippendorff, K. (2011), Computing Krippendorff's
alpha-reliability: any number of labellers, of whom none has to judge everything.

Both are a few sums. The library that is known for the second one is under the GPL, which a program under Apache-2.0 had
better not ask for; the tests have the published examples.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence


def cohens_kappa(pairs: Iterable[tuple[str, str]]) -> float | None:
    """Agreement of two labellers over the rows that both have judged, -1 to 1; 0 is what chance gives.

    None where it means nothing: no row, or both always said the same one word.
    """
    said = list(pairs)
    if not said:
        return None
    number = len(said)
    same = sum(one == other for one, other in said) / number
    first, second = Counter(one for one, _ in said), Counter(other for _, other in said)
    by_chance = sum(first[word] * second[word] for word in first) / number**2
    return None if by_chance == 1 else (same - by_chance) / (1 - by_chance)


def krippendorffs_alpha(units: Iterable[Sequence[str]]) -> float | None:
    """Agreement of all labellers, at most 1; 0 is what chance gives, below it they agree less than that.

    Args:
        units: for each row what was said of it, in any order, by those who judged it; rows with one word do not count.

    Returns None where it means nothing: no row with two words, or one word throughout.
    """
    coincidences: dict[tuple[str, str], float] = {}
    for words in units:
        if len(words) < 2:
            continue
        there = Counter(words)
        for one, ones in there.items():
            for other, others in there.items():
                pairs = ones * (others - (one == other))
                coincidences[one, other] = coincidences.get((one, other), 0.0) + pairs / (len(words) - 1)
    return _alpha(coincidences)


def _alpha(coincidences: Mapping[tuple[str, str], float]) -> float | None:
    totals: dict[str, float] = {}
    for (one, _), number in coincidences.items():
        totals[one] = totals.get(one, 0.0) + number
    whole = sum(totals.values())
    expected = whole**2 - sum(number**2 for number in totals.values())
    if not whole or not expected:
        return None
    observed = sum(number for (one, other), number in coincidences.items() if one != other)
    return 1 - (whole - 1) * observed / expected
