"""How far volunteers are believed: every number of it, in one place, with where it comes from. docs/trust.md explains.

An operator changes them in CAMPAIGN/tracker/settings.toml, under [trust].
"""

from __future__ import annotations

from typing import Annotated

import msgspec

from workers.tracker.states import WorkerState

Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
#: a share that must not become nothing: whom nobody looks at cheats (errors are not stationary: Kondo 2007)
Floor = Annotated[float, msgspec.Meta(ge=0.001, le=1)]
Number = Annotated[int, msgspec.Meta(ge=1, le=100_000)]
Seconds = Annotated[float, msgspec.Meta(gt=0)]
Evidence = Annotated[float, msgspec.Meta(gt=0, le=1e6)]

#: states in which nothing of a worker's is taken at its word
_DOUBTED = frozenset({WorkerState.PROBATION, WorkerState.SUSPECT})


class Policy(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is asked of whom, and when somebody is believed. Shares are of results, between 0 and 1."""

    # --- how often somebody else does the same job

    #: of workers that passed their probation. BOINC's rule for hosts with 20 good results in a row (1 in 20)
    replica_share: Floor = 0.05
    #: of trusted workers. Never 0: tracker.md 3.1, V5; it is what finds those who were honest until they were trusted
    replica_floor: Floor = 0.01

    #: two accounts of one network (/24, /48) may be each other's second opinion: for a campus whose machines share an
    #: address. Else one operator with many accounts could agree with himself
    one_network: bool = False

    # --- jobs whose answer is known

    #: within the probation of a worker
    gold_when_new: Number = 2
    #: afterwards
    gold_share: Share = 0.005

    # --- looks at the web

    #: of workers that passed their probation; all results of the others, where the checker may ask the web
    web_share: Floor = 0.05
    web_share_of_trusted: Floor = 0.01

    # --- how much one look takes

    #: records of an archive that are parsed again: finds 5 % made-up rows with 99.4 %, 1 % with 63 % a job
    parse_sample: Number = 100
    #: pictures that are scored again
    score_sample: Number = 64
    #: addresses that are fetched again
    web_sample: Number = 50

    # --- evidence

    #: results that must pass before another worker need not do every job of a new one
    probation_results: Number = 10
    #: an invalid result weighs as much as this many valid ones
    bad_counts: Evidence = 10.0
    #: of what spoke for a worker before, this much is left after an invalid result
    kept_after_bad: Share = 0.5
    #: the same of an odd one: may be chance, so that it takes several
    odd_counts: Evidence = 2.0
    kept_after_odd: Share = 0.5
    #: the last so many results are remembered
    memory_results: Evidence = 200.0
    #: what spoke for a worker halves in so much silence: accounts are sold, machines age. 30 days
    half_life_seconds: Seconds = 30 * 86_400.0

    # --- states, by the lower 5 % bound of the share of good results

    #: reached after about 140 good results in a row
    trusted_from: Share = 0.97
    #: a suspect's way back: 60 to 130 good results, each done by somebody else, too
    cleared_from: Share = 0.9
    #: below, a worker is suspect without one result that is wrong for certain: odd ones, in sum
    suspect_below: Share = 0.6
    #: by the mean: below after an invalid result, a worker is quarantined at once; new ones are
    quarantine_bad_below: Share = 0.5
    #: by the mean: below, those are quarantined who are not believed and whose odd results go on: three of a new one
    quarantine_odd_below: Share = 0.15

    # --- what one account may contribute

    #: of the jobs in the data set, the share of one account's that were bound to their source by no look (Sybils:
    #: nobody gets more of those in by being quick). Beyond, each result is looked at, at whatever cost
    unverified_share: Share = 0.01

    def results_wanted(self, state: WorkerState, draw: float) -> int:
        """How many results of different accounts a job wants that this worker is about to get.

        Args:
            state: the worker's, for this kind and version.
            draw: uniform in [0, 1); drawn by the server, when it leases.
        """
        if state is WorkerState.TRUSTED:
            return 2 if draw < self.replica_floor else 1
        if state is WorkerState.ACTIVE:
            return 2 if draw < max(self.replica_share, self.replica_floor) else 1
        return 2

    def gives_gold(self, state: WorkerState, draw: float) -> bool:
        """Whether this worker's next job is one whose answer is known, if there is one that it has not done.

        Args:
            state: the worker's, for this kind and version.
            draw: uniform in [0, 1); another one than for `results_wanted`.
        """
        if state in _DOUBTED:
            return draw < min(0.5, self.gold_when_new / self.probation_results)
        return draw < self.gold_share

    def asks_web(self, state: WorkerState, draw: float) -> bool:
        """Whether a result of this worker is held against the web.

        Args:
            state: the worker's, for this kind and version.
            draw: uniform in [0, 1); drawn after the result has come.
        """
        if state is WorkerState.TRUSTED:
            return draw < self.web_share_of_trusted
        if state is WorkerState.ACTIVE:
            return draw < max(self.web_share, self.web_share_of_trusted)
        return True
