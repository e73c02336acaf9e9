"""Which looks a result gets, and what they say together: decided in memory, before and after anything is read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from workers.tracker.moves.records import CheckOrder, Other
from workers.tracker.states import WorkerState
from workers.tracker.trust import Said, Signal
from workers.tracker.trust.beliefs import is_bound, judged
from workers.tracker.trust.policy import Policy

#: whose job's output the network decides
_FETCHING = frozenset({"fetch", "crawl"})
#: name of the signal that says: later
WAITS = "waits"
#: whose results need another's that agrees
_DOUBTED = frozenset({WorkerState.PROBATION, WorkerState.SUSPECT})


@dataclass(frozen=True, slots=True)
class Asked:
    """The looks at one result; 0 or False: not this one. Its structure is looked at in any case, and first."""

    parse: int = 0  # pages of the archive, read again
    score: int = 0  # pictures, scored again
    web: int = 0  # addresses, fetched again
    #: with our own answer, because the job is a gold one
    gold: bool = False
    #: with the other results of the job
    replicas: bool = False


def asked(order: CheckOrder, policy: Policy, draw: float, unbound: float) -> Asked:
    """The looks at a result.

    Samples of what can be computed again are looked at in every result. The web is asked by chance, more often where
    the worker is known less; and wherever this result would otherwise be one too many of its account's that nothing
    binds to its source.

    Args:
        order: the result.
        policy: the shares.
        draw: uniform in [0, 1), drawn now: after the result came, so that nobody could know.
        unbound: the share of the data set that results of its account which no look bound would be, with this one.
    """
    fetching = order.kind in _FETCHING
    wants_web = fetching and (policy.asks_web(order.trust, draw) or unbound > policy.unverified_share)
    return Asked(
        parse=policy.parse_sample if order.kind == "extract" else 0,
        score=policy.score_sample if order.kind in {"score", "crawl"} else 0,
        web=policy.web_sample if wants_web else 0,
        gold=order.gold_json != "",
        replicas=not order.gold_json and bool(independent(order)),
    )


def independent(order: CheckOrder) -> list[Other]:
    """The other results of a job that are another's opinion: of another account, from another network.

    Leasing keeps such results apart, but not all: a lease may run out, a neighbour get the job, and both deliver.
    """
    return [
        one
        for one in order.others
        if one.account != order.account and (not order.network or one.network != order.network)
    ]


@dataclass(frozen=True, slots=True)
class Judgement:
    """What all looks say together, and the signals that are kept for it."""

    said: Said
    signals: tuple[Signal, ...]


def judge(order: CheckOrder, signals: Sequence[Signal], policy: Policy, unbound: float) -> Judgement:
    """What becomes of a result.

    It waits where its witness is found to lie, and is judged first. It is odd, and nobody is blamed, where somebody
    else must do the job, too: because its worker is not known yet, or not believed, and nobody else's result agrees; or
    because nothing binds it to its source, and there is too much of that from its account already.

    Args:
        order: the result.
        signals: of all looks that there were.
        policy: the shares.
        unbound: as for `asked`.
    """
    said = judged(signals)
    if said is Said.GOOD and any(one.name == WAITS for one in signals):
        return Judgement(Said.NOTHING, tuple(signals))
    if said is not Said.GOOD or order.gold_json:
        return Judgement(said, tuple(signals))
    agreed = any(one.name == "replica" and one.said is Said.GOOD for one in signals)
    if order.trust in _DOUBTED and not agreed:
        return _asks_another(signals, "its worker is on probation, and nobody else's result is here to agree")
    if unbound > policy.unverified_share and not is_bound(signals, order.kind):
        return _asks_another(signals, "nothing binds it to its source, and there is enough of that from its account")
    return Judgement(said, tuple(signals))


def _asks_another(signals: Sequence[Signal], why: str) -> Judgement:
    return Judgement(Said.ODD, (*signals, Signal("unbound", Said.ODD, detail=why)))


def against_others(agreeing: int, differing: int) -> Signal:
    """What the other results of a job say of one: `agreeing` are like it, `differing` are not.

    One that agrees is enough: two accounts in two networks do not make the same mistake. Where none does it is one
    word against another, and never more than that, however many they are: accounts cost nothing, and whoever has many
    could have anybody thrown out by them. What is computed or fetched again decides, in each of the results.
    """
    looked = agreeing + differing
    if agreeing:
        return Signal("replica", Said.GOOD, looked, differing)
    return Signal("replica", Said.ODD, looked, differing, "differs from another's")
