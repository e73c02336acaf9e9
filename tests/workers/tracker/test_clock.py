"""The tracker's time, whatever happens to the machine's."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import pytest

from workers.tracker.clock import OUTAGE_SECONDS, TrackerClock, open_clock
from workers.tracker.store import Store, Tx

DAY = 86_400.0
START = 1_700_000_000.0


@dataclass
class Machine:
    """Two clocks; real time passes for both, and the time of day can be set besides."""

    wall: float = START
    steady: float = 5_000.0

    def pass_time(self, seconds: float) -> None:
        self.wall += seconds
        self.steady += seconds


@dataclass
class Outages:
    """What leases were given."""

    given: list[tuple[float, float]] = field(default_factory=list)

    def __call__(self, tx: Tx, now: float, seconds: float) -> None:
        tx.run("INSERT INTO events (at, what) VALUES (?, 'outage')", now)
        self.given.append((now, seconds))


def started(store: Store, machine: Machine, outages: Outages | None = None) -> TrackerClock:
    return asyncio.run(open_clock(store, outages, wall=lambda: machine.wall, steady=lambda: machine.steady))


@pytest.mark.parametrize("jump", [DAY, -DAY, 1.0, -1.0, 10 * 365 * DAY, -10 * 365 * DAY])
def test_setting_the_time_of_day_changes_nothing_while_the_tracker_runs(
    jump: float, store: Store
) -> None:  # invariant 8
    machine, outages = Machine(), Outages()
    clock = started(store, machine, outages)
    machine.pass_time(100)
    machine.wall += jump
    machine.pass_time(100)
    assert clock() == START + 200
    assert asyncio.run(store.do(clock.remember)) == START + 200
    assert outages.given == []


@pytest.mark.parametrize("jump", [-DAY, -1.0, -10 * 365 * DAY])
def test_a_restart_never_goes_back(jump: float, store: Store) -> None:  # invariant 8
    machine, outages = Machine(), Outages()
    clock = started(store, machine, outages)
    machine.pass_time(1_000)
    asyncio.run(store.do(clock.remember))
    machine.wall += jump
    again = started(store, machine, outages)
    assert again() == START + 1_000
    machine.pass_time(7)
    assert again() == START + 1_007
    assert outages.given == []


def test_being_killed_again_and_again_does_not_make_time_run(store: Store) -> None:
    machine, outages = Machine(), Outages()
    started(store, machine, outages)
    machine.wall -= DAY
    for _ in range(20):
        clock = started(store, machine, outages)
        machine.pass_time(1)
        assert clock() <= START + 20
    assert outages.given == []


@pytest.mark.parametrize("down", [DAY, 10 * 365 * DAY, OUTAGE_SECONDS + 11])
def test_an_outage_is_reported_once_with_its_length(down: float, store: Store) -> None:  # invariant 9
    machine, outages = Machine(), Outages()
    clock = started(store, machine, outages)
    machine.pass_time(500)
    asyncio.run(store.do(clock.remember))
    machine.pass_time(down)
    started(store, machine, outages)
    again = started(store, machine, outages)
    assert outages.given == [(START + 500 + down, down)]
    assert again() == START + 500 + down


def test_a_restart_is_no_outage(store: Store) -> None:
    machine, outages = Machine(), Outages()
    started(store, machine, outages)
    machine.pass_time(OUTAGE_SECONDS)
    assert started(store, machine, outages)() == START + OUTAGE_SECONDS
    assert outages.given == []


def test_an_outage_whose_leases_could_not_be_mended_is_reported_again(store: Store) -> None:
    machine = Machine()
    started(store, machine, Outages())
    machine.pass_time(DAY)

    def fails(tx: Tx, now: float, seconds: float) -> None:
        Outages()(tx, now, seconds)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        asyncio.run(open_clock(store, fails, wall=lambda: machine.wall, steady=lambda: machine.steady))
    outages = Outages()
    started(store, machine, outages)
    assert [seconds for _, seconds in outages.given] == [DAY]
    assert asyncio.run(store.look(lambda tx: tx.one("SELECT count(*) AS n FROM events"))) == {"n": 1}


def test_a_process_that_is_not_the_server_hides_no_outage(store: Store) -> None:
    machine, outages = Machine(), Outages()
    started(store, machine, outages)
    machine.pass_time(DAY)
    checker = started(store, machine)
    assert checker() == START + DAY
    started(store, machine, outages)
    assert [seconds for _, seconds in outages.given] == [DAY]


def test_a_process_that_was_asleep_catches_up_with_the_others(store: Store) -> None:
    machine, asleep = Machine(), Machine()
    awake, sleeper = started(store, machine, Outages()), started(store, asleep, Outages())
    machine.pass_time(300)
    asyncio.run(store.do(awake.remember))
    asleep.pass_time(1)
    assert asyncio.run(store.do(sleeper.remember)) == START + 300
    asleep.pass_time(1)
    assert sleeper() == START + 301
