"""What a volunteer does next. Pure: everything that it depends on is handed in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from workers.home.machine import KEEP_FREE_BYTES, Capacity

#: leases asked for at once at most; a machine with a hundred cores asks again a moment later
_MOST = 16
#: looked again after so long, where nothing but the clock can change it
_LOOK_AGAIN_SECONDS = 60.0
#: a job in flight gets so long to end when its volunteer was asked to stop
GRACE_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Situation:
    """How it stands, now."""

    running: tuple[str, ...]  # kinds of the jobs that are not done yet, begun or not
    kept: int  # leases in the spool, done or not
    spool_bytes: int  # taken by the spool
    free_bytes: int  # of the disk
    in_hours: bool
    ask_in: float  # seconds until asking again is polite
    jobs_left: int | None  # of --jobs; None: no end
    asked_before: bool  # a request was sent, or about to be, when an earlier process was killed
    ending: bool  # told to stop, or nothing can come any more


@dataclass(frozen=True, slots=True)
class AskForWork:
    """Ask for up to `most` leases of these kinds."""

    kinds: tuple[str, ...]
    most: int


@dataclass(frozen=True, slots=True)
class WaitFor:
    """Do nothing until something changes, at most so many seconds; `why` in words, "" where it is ordinary."""

    seconds: float
    why: str = ""


@dataclass(frozen=True, slots=True)
class EndNow:
    """Nothing is left to do."""


Next = AskForWork | WaitFor | EndNow


def what_next(now: Situation, capacity: Capacity, needs: Mapping[str, int]) -> Next:
    """Whether to ask for work.

    Args:
        now: how it stands.
        capacity: what is done at once.
        needs: disk that a job of a kind takes, in bytes.
    """
    if now.ending or now.jobs_left == 0:
        return WaitFor(_LOOK_AGAIN_SECONDS) if now.kept else EndNow()
    if now.ask_in > 0:
        return WaitFor(now.ask_in)
    if now.asked_before:
        return AskForWork(capacity.kinds, 1)
    if not now.in_hours:
        return WaitFor(_LOOK_AGAIN_SECONDS, "outside of --hours: no new job is begun")
    room = {kind: capacity.room_for(kind, now.running) for kind in capacity.kinds}
    kinds = tuple(kind for kind in capacity.kinds if room[kind])
    if not kinds:
        return WaitFor(_LOOK_AGAIN_SECONDS)
    # what runs may still grow: its room is counted as taken
    spoken_for = sum(needs[kind] for kind in now.running)
    left = min(capacity.spool_bytes - now.spool_bytes, now.free_bytes - KEEP_FREE_BYTES) - spoken_for
    fitting = tuple(kind for kind in kinds if needs[kind] <= left)
    if not fitting:
        return WaitFor(_LOOK_AGAIN_SECONDS, f"the spool is full: {left / 1e9:.1f} GB are left, and a job of "
                       f"{' or '.join(kinds)} may take {min(needs[one] for one in kinds) / 1e9:.1f}")  # fmt: skip
    # leases are of any of the kinds asked for: no more than fit whatever they turn out to be
    most = min(room[kind] for kind in fitting) if len(fitting) > 1 else room[fitting[0]]
    most = min(most, _MOST, left // max(needs[kind] for kind in fitting), now.jobs_left or _MOST)
    return AskForWork(fitting, max(1, most))


def may_finish(done: int, total: int, seconds: float) -> bool:
    """Whether a job that has run so long may go on to its end although its volunteer is to stop.

    One of which nobody can say how far it is may; the grace ends for it as for all others.
    """
    if not total or not done:
        return True
    return seconds / done * max(0, total - done) <= GRACE_SECONDS
