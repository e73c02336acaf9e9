"""The tracker's clock: the only one that is believed.

A lease must not expire because an operator set a machine's time, because of a leap second, or because the tracker was
down. So the time of day is asked once, when the tracker starts; from then on seconds are counted by the machine's
steady clock, which nobody can set. What was reached is kept in the database, and no start goes back behind it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final, Protocol

from workers.tracker.store import Store, Tx

#: a stop of up to this long is a restart, which leases have room for; a longer one is an outage (tracker.md, 6.3)
OUTAGE_SECONDS: Final = 60.0
#: how often `remember` is meant to be called: so much may be missing from what the database knows
REMEMBERED_EVERY: Final = 10.0

_KEY = "clock"

#: gives all leases that are under way so many seconds more: (tx, now, seconds)
Outage = Callable[[Tx, float, float], object]


class Clock(Protocol):
    """Seconds since 1970 that never go back, and that did not pass while the tracker was down."""

    def __call__(self) -> float:
        """Now."""
        ...


class TrackerClock:
    """A `Clock` that starts at a moment and counts from there.

    While the machine sleeps it stands still, and stays behind the time of day until the next start: a laptop that is
    closed is an outage, too. Where the time of day was once far ahead, it stays ahead: leases care for differences.
    """

    def __init__(self, start: float, *, steady: Callable[[], float] = time.monotonic) -> None:
        self._steady = steady
        self._offset = start - steady()

    def __call__(self) -> float:
        """Now. Never smaller than before; any thread may ask."""
        return self._steady() + self._offset

    def remember(self, tx: Tx) -> float:
        """A move: keep in the database how far time has come; call it every REMEMBERED_EVERY seconds. Returns now.

        Of several processes at one database the one that is ahead sets the time for all: who was asleep catches up.
        """
        known = _remembered(tx, tx.lock)
        now = self()
        if known is not None and known > now:
            self._offset += known - now
            return known
        _keep(tx, now)
        return now


async def open_clock(
    store: Store,
    outage: Outage | None = None,
    *,
    wall: Callable[[], float] = time.time,
    steady: Callable[[], float] = time.monotonic,
) -> TrackerClock:
    """The clock of a tracker that starts.

    Args:
        store: where the last time is kept.
        outage: a move, called once and in one transaction with keeping the new time if nobody has counted for more than
            OUTAGE_SECONDS: a kill in between cannot make leases longer twice. None for a process that is not the
            server: it reads the clock, and neither reports an outage nor hides one.
        wall: the time of day.
        steady: seconds that nobody sets.

    Raises:
        StoreError: the database cannot, for now.
    """
    today = wall()
    if outage is None:
        return TrackerClock(started_at(today, await store.look(_remembered)), steady=steady)
    gives_time = outage

    def start(tx: Tx) -> float:
        known = _remembered(tx, tx.lock)
        now = started_at(today, known)
        if known is not None and now - known > OUTAGE_SECONDS:
            gives_time(tx, now, now - known)
        _keep(tx, now)
        return now

    return TrackerClock(await store.do(start), steady=steady)


def started_at(wall: float, remembered: float | None) -> float:
    """What a clock starts at: the time of day, but never before what is remembered.

    Where the time of day went back and the tracker was killed, the last REMEMBERED_EVERY seconds come a second time.
    Adding them would be worse: a tracker that is killed every second would make leases expire early.
    """
    return wall if remembered is None else max(wall, remembered)


def _remembered(tx: Tx, lock: str = "") -> float | None:
    row = tx.one(f"SELECT value FROM meta WHERE key = ?{lock}", _KEY)  # noqa: S608 - one of two constants
    return None if row is None else float(row["value"])


def _keep(tx: Tx, now: float) -> None:
    tx.run(
        "INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        _KEY,
        repr(now),
    )
