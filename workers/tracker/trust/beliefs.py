"""What checks teach about one worker, one version, one kind of job: a Beta distribution, and the state it is in.

    PROBATION -> ACTIVE -> TRUSTED
        |          |  ^       |
        |          v  |       v
        +------->  SUSPECT  <-+        -> QUARANTINED (an operator's to end)

    ACTIVE, TRUSTED -> PROBATION after a long silence, or one odd result early

Beliefs are kept by (account, worker, version, kind), so that a new version starts from nothing. What else may have
changed hands (another environment, a key in two places at once) starts over by `moves.workers.back_to_probation`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from workers.tracker.states import WorkerState
from workers.tracker.trust import Belief, Said, Signal
from workers.tracker.trust.policy import Policy

_DEFAULT = Policy()

#: bind what a result says to where it comes from. Structure and population are necessary, and prove nothing
BINDING = frozenset({"parse", "score", "web", "canary", "gold", "replica"})
#: the same by kind of job: right scores of a picture do not say that it is the one at its address
BINDING_OF = {
    "extract": frozenset({"parse", "gold", "replica"}),
    "score": frozenset({"score", "gold", "replica"}),
    "fetch": frozenset({"web", "canary", "gold", "replica"}),
    "crawl": frozenset({"web", "canary", "gold", "replica"}),
}
#: look at the whole result, not at a sample
WHOLE = frozenset({"gold", "replica"})
#: one word against another, or none: the result is in doubt, and its worker is not to blame
_NOBODYS = frozenset({"replica", "unbound"})

#: states that no result ends: an operator's, or the machine's own
_FIXED = frozenset({WorkerState.QUARANTINED, WorkerState.BANNED, WorkerState.SUSPENDED})


def updated(
    belief: Belief, signals: Sequence[Signal], seconds_since: float = 0.0, policy: Policy = _DEFAULT, kind: str = ""
) -> Belief:
    """What is believed after one more result.

    A result counts once, whatever the number of its looks: for the worker, if a look that binds it to its source was
    good and none was odd; against it, by `policy.bad_counts` or `policy.odd_counts`. Looks that could not look count
    for neither.

    Args:
        belief: what was believed.
        signals: of all looks at the result.
        seconds_since: the worker's last result was judged; 0 for its first. Less than 0 is taken for 0.
        policy: the numbers.
        kind: of the job: which looks bind its results; "" for any.
    """
    silence = 0.5 ** (max(0.0, seconds_since) / policy.half_life_seconds)
    good = (belief.good - 1.0) * silence
    bad = belief.bad - 1.0  # does not fade with silence: who was caught need only wait
    said = judged(signals)
    odd = any(one.said is Said.ODD and one.name not in _NOBODYS for one in signals)
    fades = 1.0 - 1.0 / policy.memory_results
    if said is Said.BAD:
        good, bad = good * policy.kept_after_bad, bad * fades + policy.bad_counts
    elif odd:
        good, bad = good * policy.kept_after_odd, bad * fades + policy.odd_counts
    elif said is Said.GOOD and is_bound(signals, kind):
        good, bad = good * fades + 1.0, bad * fades
    return Belief(1.0 + max(0.0, good), 1.0 + max(0.0, bad))


def judged(signals: Sequence[Signal]) -> Said:
    """What all looks say together: the worst that one of them says; NOTHING where none could look."""
    said = {one.said for one in signals}
    return next((worst for worst in (Said.BAD, Said.ODD, Said.GOOD) if worst in said), Said.NOTHING)


def is_bound(signals: Sequence[Signal], kind: str = "") -> bool:
    """Whether some look held a result of this kind of job against its source, and was content."""
    binding = BINDING_OF.get(kind, BINDING)
    return any(one.said is Said.GOOD and one.name in binding for one in signals)


def is_whole(signals: Sequence[Signal]) -> bool:
    """Whether the whole result was looked at and all is well: what came before it from this worker stays believed."""
    return judged(signals) is Said.GOOD and any(one.said is Said.GOOD and one.name in WHOLE for one in signals)


def state_after(
    state: WorkerState, belief: Belief, signals: Sequence[Signal], policy: Policy = _DEFAULT
) -> WorkerState:
    """The worker's state after a result.

    Args:
        state: before it.
        belief: after it: what `updated` has said.
        signals: of all looks at it.
        policy: the thresholds.
    """
    if state in _FIXED:
        return state
    mean = belief.good / (belief.good + belief.bad)
    if judged(signals) is Said.BAD:
        again = state is WorkerState.SUSPECT
        return WorkerState.QUARANTINED if again or mean < policy.quarantine_bad_below else WorkerState.SUSPECT
    if state in {WorkerState.PROBATION, WorkerState.SUSPECT} and mean < policy.quarantine_odd_below:
        return WorkerState.QUARANTINED
    least = lower_bound(belief)
    match state:
        case WorkerState.PROBATION:
            return WorkerState.ACTIVE if least >= active_from(policy) else state
        case WorkerState.SUSPECT:
            return WorkerState.ACTIVE if least >= policy.cleared_from else state
        case _:
            if least < policy.suspect_below:
                against = belief.bad - 1.0 >= 1.5 * policy.odd_counts  # one odd result is an accident
                return WorkerState.SUSPECT if against else WorkerState.PROBATION
            return WorkerState.TRUSTED if least >= policy.trusted_from else WorkerState.ACTIVE


def active_from(policy: Policy) -> float:
    """The lower bound that ends a probation: the one after `probation_results` good results and none other."""
    fades = 1.0 - 1.0 / policy.memory_results
    good = sum(fades**back for back in range(policy.probation_results))
    return lower_bound(Belief(1.0 + good, 1.0)) - 1e-9


def lower_bound(belief: Belief, share: float = 0.05) -> float:
    """Below this the share of good results lies with a probability of `share`: the quantile of Beta(good, bad).

    Exact to 1e-9 (2^-32), by bisection of the regularised incomplete beta function.

    >>> round(lower_bound(Belief(11.0, 1.0)), 4)  # 0.05 ** (1 / 11)
    0.7616
    """
    low, high = 0.0, 1.0
    for _ in range(32):
        middle = (low + high) / 2
        if _beta_cdf(middle, belief.good, belief.bad) < share:
            low = middle
        else:
            high = middle
    return low


def _beta_cdf(x: float, a: float, b: float) -> float:
    """The regularised incomplete beta function I_x(a, b): DLMF 8.17.22, a continued fraction, for 0 < x < 1."""
    if x > (a + 1.0) / (a + b + 2.0):  # converges fast on the other side only (DLMF 8.17.4 turns it round)
        return 1.0 - _beta_cdf(1.0 - x, b, a)
    front = math.exp(
        math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x) - math.log(a)
    )
    return front / _fraction(x, a, b)


def _fraction(x: float, a: float, b: float) -> float:
    """1 + d1/(1 + d2/(1 + ...)) with d2m = m(b-m)x/((a+2m-1)(a+2m)), d2m+1 = -(a+m)(a+b+m)x/((a+2m)(a+2m+1)).

    By Lentz's method, as Thompson and Barnett (1986) mended it.
    """
    tiny = 1e-300
    total = over = 1.0
    under = 0.0
    for step in range(1, 1000):
        m = step // 2
        if step % 2:
            d = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        else:
            d = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        under = 1.0 / (1.0 + d * under or tiny)
        over = 1.0 + d / over or tiny
        total *= over * under
        if abs(over * under - 1.0) < 1e-13:
            break
    return total
