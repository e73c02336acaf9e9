"""Whether a campaign is over."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from workers.tracker.states import JobState

#: what ends a campaign, last step first: extract jobs are followed by a plan, and fetch jobs by score jobs
_LAST = ("crawl", "score", "fetch", "extract")
_OVER = frozenset({JobState.COMMITTED, JobState.POISONED, JobState.CANCELLED})


def is_done(counts: Mapping[str, Mapping[str, int]], kinds: Collection[str]) -> bool:
    """Whether nothing is left to do, now or later.

    Args:
        counts: jobs by kind and state.
        kinds: those of the campaign. While there is no job of its last kind the operator has not planned yet.
    """
    last = next((kind for kind in _LAST if kind in kinds), None)
    if last is None or not any(counts.get(last, {}).values()):
        return False
    return all(state in _OVER or not number for states in counts.values() for state, number in states.items())
