"""The checks as the loop calls them: one protocol, so that tests can put others in their place."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from workers.tracker.checking.canaries import Canary, CanaryMaker, look_for
from workers.tracker.checking.looked import Evidence, Looked
from workers.tracker.checking.order import WAITS, Asked, against_others
from workers.tracker.checking.peers import Who
from workers.tracker.checking.result_rows import told_of
from workers.tracker.trust import Said, Signal


class Looks(Protocol):
    """What can be looked at in a result. None raises for what a volunteer sent; NOTHING: it could not be looked at."""

    def structure(self, evidence: Evidence, /) -> Looked:
        """Whether it is whole, of its job, and fits together."""
        ...

    def parse(self, evidence: Evidence, sample: int, /) -> Looked:
        """Whether so many pages of the archive give what it says."""
        ...

    def score(self, evidence: Evidence, sample: int, /) -> Looked:
        """Whether so many pictures have their scores."""
        ...

    def web(self, evidence: Evidence, sample: int, who: Who, /) -> Looked:
        """Whether so many addresses have their pictures, and those that had none have none."""
        ...

    def population(self, figures: Mapping[str, float], who: Who, /) -> Looked:
        """Whether what structure counted is what it comes to with others."""
        ...

    def compare(self, evidence: Evidence, other: Evidence, /) -> Looked:
        """Whether two results of one job say the same."""
        ...

    def remember(self, figures: Mapping[str, float], who: Who, /) -> None:
        """A result was believed: from now on others are held against its figures."""
        ...


@dataclass(frozen=True, slots=True)
class Exhibits:
    """A result with everything that it is held against."""

    own: Evidence
    who: Who
    #: other results of the job, as far as their files are still here
    others: tuple[Evidence, ...] = ()
    #: our own answer, of a gold job
    gold: Evidence | None = None
    canaries: tuple[Canary, ...] = ()


def look(exhibits: Exhibits, asked: Asked, looks: Looks, maker: CanaryMaker | None) -> Looked:
    """All looks at a result, cheapest first; what is wrong for certain is not looked at further.

    Blocks, for seconds to minutes: call it in a thread.
    """
    own = exhibits.own
    whole = looks.structure(own)
    if whole.is_bad or whole.signals[0].said is Said.NOTHING:
        return whole
    signals, figures = list(whole.signals), dict(whole.figures)
    if maker and exhibits.canaries:
        right = {one.address: maker.right_bytes(one) for one in exhibits.canaries}
        signals.append(look_for(right, told_of(own, frozenset(right))))
    samples: tuple[tuple[int, Callable[[int], Looked]], ...] = (
        (asked.parse, lambda sample: looks.parse(own, sample)),
        (asked.score, lambda sample: looks.score(own, sample)),
        (asked.web, lambda sample: looks.web(own, sample, exhibits.who)),
    )
    for sample, one in samples:
        if sample and not _is_bad(signals):
            found = one(sample)
            signals += found.signals
            figures |= found.figures
    if not _is_bad(signals):
        signals += looks.population(whole.figures, exhibits.who).signals
    if exhibits.gold is not None and not _is_bad(signals):
        signals.append(_called("gold", looks.compare(own, exhibits.gold)))
    if exhibits.others and asked.replicas and not _is_bad(signals):
        signals.append(_replica(exhibits, asked, looks))
    return Looked(tuple(signals), figures)


def _replica(exhibits: Exhibits, asked: Asked, looks: Looks) -> Signal:
    """What the other results of the job say of this one."""
    said = [(other, _worst(looks.compare(exhibits.own, other))) for other in exhibits.others]
    agreeing = sum(1 for _, word in said if word is Said.GOOD)
    differing = [other for other, word in said if word in {Said.BAD, Said.ODD}]
    if not agreeing and not differing:
        return Signal("replica", Said.NOTHING, detail="no other result could be read")
    if agreeing:
        return against_others(agreeing, len(differing))
    if any(_is_wrong_by_itself(other, asked, looks) for other in differing):
        return Signal(WAITS, Said.NOTHING, detail="another result of the job is wrong: that is judged first")
    return against_others(0, len(differing))


def _is_wrong_by_itself(other: Evidence, asked: Asked, looks: Looks) -> bool:
    """Whether what can be computed again says that another's result is wrong, so that it is no witness."""
    return (
        looks.structure(other).is_bad
        or (asked.parse > 0 and looks.parse(other, asked.parse).is_bad)
        or (asked.score > 0 and looks.score(other, asked.score).is_bad)
    )


def _worst(found: Looked) -> Said:
    said = {one.said for one in found.signals}
    return next((one for one in (Said.BAD, Said.ODD, Said.GOOD) if one in said), Said.NOTHING)


def _called(name: str, found: Looked) -> Signal:
    """One signal of this name for all of a comparison."""
    worst = _worst(found)
    told: Sequence[Signal] = [one for one in found.signals if one.said is worst]
    return Signal(
        name,
        worst,
        sum(one.looked for one in told),
        sum(one.wrong for one in told),
        "; ".join(one.detail for one in told if one.detail)[:300],
    )


def _is_bad(signals: Sequence[Signal]) -> bool:
    return any(one.said is Said.BAD for one in signals)
