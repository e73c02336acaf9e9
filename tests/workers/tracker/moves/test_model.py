"""The moves against a model of them, on both databases: any order, anything twice, nothing forgotten.

# invariant 1, 3, 5, 6, 7, 8, 13, 28
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Literal

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.workers.tracker.moves.conftest import in_postgres
from tests.workers.tracker.moves.model import AJob, ALease, AResult, Tracker
from tests.workers.tracker.moves.world import ODD, World, in_memory
from tests.workers.tracker.postgres_server import PostgresServer
from workers.tracker.moves import chance, figures, jobs, leases, revoking, uploads, verdicts, workers
from workers.tracker.moves.records import Concluded, LeaseRow, MoveRefused, Worker
from workers.tracker.states import WorkerState
from workers.tracker.trust import Said
from workers.tracker.trust.policy import Policy

JOBS = 5
#: accounts, machines of each
PEOPLE = (2, 1, 1, 1)


class Wanting(Policy, frozen=True):
    """Wants as many results as the test says; never quarantines, so that the model need not do the arithmetic."""

    wants: int = 1

    def results_wanted(self, state: WorkerState, draw: float) -> int:
        return self.wants

    def gives_gold(self, state: WorkerState, draw: float) -> bool:
        return False


some = st.integers(0, 10_000)


class Moves(RuleBasedStateMachine):
    """Rules are what can happen; `settled` is what must be true after each."""

    @contextmanager
    def opened(self) -> Iterator[World]:
        with in_memory() as do:
            yield World(do)

    def __init__(self) -> None:
        super().__init__()
        self.stack = ExitStack()
        self.world = self.stack.enter_context(self.opened())
        self.model = Tracker()
        chance._source = random.Random(1)  # the same choices whenever an example is run again
        self.people: list[Worker] = []

    def teardown(self) -> None:
        chance._source = random.SystemRandom()
        self.stack.close()

    @initialize()
    def begin(self) -> None:
        self.world.jobs(JOBS)
        for row in self.world.rows("SELECT id FROM jobs"):
            self.model.jobs[row["id"]] = AJob(row["id"])
        for machines in PEOPLE:
            account = self.world.account()
            self.people += [self.world.worker(account) for _ in range(machines)]

    # --- time

    @rule(seconds=st.sampled_from([1.0, 300.0, 1_000.0, 2_000.0, 7_000.0]))
    def time_passes(self, seconds: float) -> None:
        self.world.now += seconds

    @rule()
    def reap(self) -> None:
        self.world.reap()
        for lease in self.model.leases:
            if lease.state == "active" and lease.expires_at <= self.world.now:
                self.model.ended(lease, "expired")
        late = self.world.rows("SELECT id FROM jobs WHERE state = 'backoff' AND not_before <= ?", self.world.now)
        assert late == []

    @rule(seconds=st.sampled_from([60.0, 86_400.0]))
    def outage(self, seconds: float) -> None:
        self.world.now += seconds
        self.world.do(lambda tx: leases.outage(tx, self.world.now, seconds))
        for lease in self.model.leases:
            if lease.state == "active":
                lease.expires_at += seconds
            if lease.state == "active" or (lease.state == "expired" and lease.hard_at > self.world.now - seconds):
                lease.hard_at += seconds

    # --- workers

    @rule(who=some, most=st.integers(1, 3), wants=st.sampled_from([1, 1, 2, 3]))
    def take(self, who: int, most: int, wants: int) -> None:
        worker = self.world.see(self.person(who))
        free = {row["id"] for row in self.world.rows("SELECT id FROM jobs WHERE state = 'ready'")}
        allowed = [job for job in free if not self.model.jobs[job].bars(worker.account)]
        held = sum(one.state == "active" and one.worker == worker.id for one in self.model.leases)
        self.world.policy = Wanting(wants=wants, quarantine_bad_below=0.0, quarantine_odd_below=0.0)
        told: list[LeaseRow] | int
        try:
            told = self.world.take(worker, most)
        except MoveRefused as refused:
            told = refused.status
        if worker.state is WorkerState.SUSPENDED:
            assert told == 403
        elif held >= int(worker.quota):
            assert told == 429
        else:
            assert not isinstance(told, int)
            paused = self.world.do(jobs.is_paused)
            assert len(told) == (0 if paused else min(most, len(allowed), int(worker.quota) - held))
            for row in told:
                self.model.taken(row, worker.account, worker.id, wants)

    @precondition(lambda self: self.model.leases)
    @rule(which=some)
    def renew(self, which: int) -> None:
        lease = self.lease(which)
        told = self.world.do(
            lambda tx: leases.renew(
                tx,
                self.world.now,
                worker=self.owner(lease),
                lease=lease.row.lease,
                stage="fetch",
                done=1,
                total=2,
                terms=self.world.terms,
            )
        )
        job = self.model.jobs[lease.row.job]
        finished = job.state in {"verified", "committed", "cancelled"}
        if lease.state == "submitted":
            assert told.action == "continue"
        elif lease.state in {"revoked", "released", "failed"} or self.world.now >= lease.hard_at or finished:
            assert told.action == "abandon"
        else:
            assert told.action == "continue"  # expired or not, while nobody else has finished
        until = min(self.world.now + self.world.terms.lease_seconds, lease.hard_at)
        if lease.state == "active" and self.world.now < lease.hard_at:
            lease.expires_at = until
        elif lease.state == "expired" and self.stored_state(lease) == "active":
            assert job.state == "free"
            assert not job.bars(lease.account)
            lease.state, lease.expires_at = "active", until

    @precondition(lambda self: self.model.leases)
    @rule(which=some)
    def give_back(self, which: int) -> None:
        lease = self.lease(which)
        self.world.do(
            lambda tx: leases.give_back(tx, self.world.now, worker=self.owner(lease), lease=lease.row.lease, why="stop")
        )
        if lease.state == "active":
            self.model.ended(lease, "released")

    @precondition(lambda self: self.model.leases)
    @rule(which=some, fault=st.sampled_from(["input", "network", "local", "bug"]))
    def fail(self, which: int, fault: str) -> None:
        lease = self.lease(which)
        self.world.do(
            lambda tx: leases.fail(
                tx, self.world.now, worker=self.owner(lease), lease=lease.row.lease, fault=fault, detail="it broke"
            )
        )
        if lease.state == "active":
            self.model.ended(lease, "failed")

    @precondition(lambda self: self.model.leases)
    @rule(which=some)
    def upload(self, which: int) -> None:
        lease = self.lease(which)
        closed = lease.state in {"revoked", "submitted"} or self.world.now >= lease.hard_at
        try:
            self.world.upload(self.owner(lease), lease.row)
        except MoveRefused:
            assert closed
        else:
            assert lease.stored or not closed
            lease.stored = True

    @precondition(lambda self: self.model.leases)
    @rule(which=some, uploads_first=st.sampled_from([True, True, True, False]), recount=st.integers(0, 1))
    def submit(self, which: int, uploads_first: bool, recount: int) -> None:
        lease = self.lease(which)
        if uploads_first:
            self.upload(which)
        expected = self.model.outcome(lease, str(recount), self.world.now)
        worker = self.owner(lease)
        name, text = f"{lease.row.number:05d}.tar", f"{lease.row.kind} {lease.row.number}"
        file = self.world.artefact(name, text)
        try:
            told: str | int = self.world.submit(worker, lease.row, [file], counts={"found": recount})
        except MoveRefused as refused:
            told = refused.status
        assert told == expected
        if told in {"accepted", "late", "replica"}:
            self.model.submitted(lease, self.world.result_of(lease.row), str(recount))

    @precondition(lambda self: self.model.leases)
    @rule(which=some, who=some)
    def somebody_else_tries(self, which: int, who: int) -> None:
        lease, stranger = self.lease(which), self.person(who)
        if stranger.id == lease.worker:
            return
        file = self.world.artefact("00000.tar", "theirs")
        with pytest.raises(MoveRefused) as refused:  # invariant 7
            self.world.submit(stranger, lease.row, [file])
        assert refused.value.status == 403
        with pytest.raises(MoveRefused):
            self.world.do(
                lambda tx: leases.fail(
                    tx, self.world.now, worker=stranger, lease=lease.row.lease, fault="bug", detail=""
                )
            )

    # --- the checker

    @rule(said=st.sampled_from(list(Said)))
    def check(self, said: Said) -> None:
        order = self.world.do(lambda tx: verdicts.next_to_check(tx, self.world.now, checker="one", seconds=60.0))
        if order is None:
            return
        result = self.result(order.result)
        job = self.model.jobs[result.job]
        assert job.state in {"submitted", "verified", "committed"}
        assert {one.result for one in order.others} == {
            one.id for one in job.results if one is not result and one.state not in {"invalid", "revoked"}
        }
        if result.state == "received":
            result.state = "checking"
        told = self.conclude(result.id, said)
        assert told.state == self.model.concluded(result, said.value)

    def conclude(self, result: int, said: Said) -> Concluded:
        """A second result that is wrong for certain would quarantine its worker, whatever the policy: not here."""
        return self.world.conclude(result, said, ODD if said is Said.BAD else None)

    @precondition(lambda self: self.model.results)
    @rule(which=some, said=st.sampled_from(list(Said)))
    def conclude_any(self, which: int, said: Said) -> None:
        """A checker whose turn ran out comes back; another has been there."""
        result = self.model.results[which % len(self.model.results)]
        self.conclude(result.id, said)
        self.model.concluded(result, said.value)

    @rule()
    def promote(self) -> None:
        for one in self.world.do(lambda tx: verdicts.to_promote(tx, self.world.now, 3)):
            job = self.model.jobs[one.job]
            assert job.canonical is not None
            assert job.canonical.id == one.result
            assert not any(old.in_data and old.state == "revoked" for old in job.results), (
                "its old files are still there"
            )
            assert self.promoted(one.result)
            job.committed = job.canonical.in_data = True

    @rule()
    def withdraw(self) -> None:
        for one in self.world.do(lambda tx: revoking.to_withdraw(tx, self.world.now, 10)):
            assert self.result(one.result).in_data
            self.withdrawn(one.result)
            self.result(one.result).in_data = False

    @rule()
    def collect(self) -> None:
        """Removes only what no result that waits or is believed needs: `fsck` looks."""
        found = self.world.do(lambda tx: uploads.collectable(tx, self.world.now, older_than=3_600.0, most=10))
        names = [one.upload for one in found]
        gone = self.world.do(lambda tx: uploads.gone(tx, self.world.now, names))
        for lease in self.model.leases:
            if f"u-{lease.row.lease}" in gone:
                lease.stored = False

    # --- operators

    @rule(who=some, since=st.sampled_from([None, 2_000.0]))
    def revoke(self, who: int, since: float | None) -> None:
        worker = self.person(who)
        begin = None if since is None else self.world.now - since
        theirs = [one for one in self.model.results if one.worker == worker.id]
        if begin is not None:
            ids = {row["id"] for row in self.world.rows("SELECT id FROM results WHERE received_at >= ?", begin)}
            theirs = [one for one in theirs if one.id in ids]
        kept = self.replicas_kept()
        taken = self.world.do(
            lambda tx: revoking.revoke(tx, self.world.now, worker=worker.id, since=begin, why="a test")
        )
        assert set(taken.results) == {one.id for one in theirs if one.state not in {"invalid", "revoked"}}
        self.model.revoked(sorted(theirs, key=lambda one: (one.job, one.id)))
        for one in self.model.results:  # replicas whose files are gone stay what they were
            if one.id in kept and one.state == "received":
                one.state = "valid"
                self.model.jobs[one.job].settle()

    @rule(which=some)
    def cancel(self, which: int) -> None:
        job = self.job(which)
        if job.canonical is not None:
            with pytest.raises(MoveRefused) as refused:
                self.world.do(lambda tx: jobs.cancel(tx, self.world.now, job.id))
            assert refused.value.status == 409
            return
        self.world.do(lambda tx: jobs.cancel(tx, self.world.now, job.id))
        job.cancelled = True
        for lease in job.leases:
            lease.state = "revoked" if lease.state == "active" else lease.state
        for one in job.results:
            one.state = "revoked" if one.state in {"received", "checking", "suspicious"} else one.state

    @rule(which=some)
    def requeue(self, which: int) -> None:
        job = self.job(which)
        if job.canonical is not None:
            with pytest.raises(MoveRefused) as refused:
                self.world.do(lambda tx: jobs.requeue(tx, self.world.now, job.id))
            assert refused.value.status == 409
            return
        self.world.do(lambda tx: jobs.requeue(tx, self.world.now, job.id))
        job.cancelled = False
        job.settle()

    @rule(how=st.sampled_from([True, False, False, "drain"]))
    def pause(self, how: bool | Literal["drain"]) -> None:
        self.world.do(lambda tx: jobs.pause(tx, self.world.now, how))
        if how == "drain":
            self.world.do(lambda tx: jobs.pause(tx, self.world.now, paused=False))

    @rule(who=some)
    def ban(self, who: int) -> None:
        """And forgive at once: what it costs are its leases."""
        worker = self.person(who)
        self.world.do(lambda tx: workers.set_state(tx, self.world.now, worker.id, WorkerState.BANNED, "why"))
        for lease in self.model.leases:
            if lease.worker == worker.id and lease.state == "active":
                self.model.ended(lease, "revoked")
        self.world.do(lambda tx: workers.set_state(tx, self.world.now, worker.id, WorkerState.ACTIVE, "again"))

    @rule()
    def import_again(self) -> None:
        assert self.world.jobs(JOBS) == 0

    # --- what must be true after everything

    @invariant()
    def settled(self) -> None:
        assert self.world.do(lambda tx: figures.fsck(tx, self.world.now)) == []
        rows = self.world.rows("SELECT id, state, need FROM jobs ORDER BY id")
        for row in rows:
            job = self.model.jobs[row["id"]]
            state = "free" if row["state"] in {"ready", "backoff", "poisoned"} else row["state"]
            assert (state, row["need"]) == (job.state, job.need)
            if row["state"] == "poisoned":
                failed = [one for one in job.leases if one.state in {"failed", "expired"}]
                assert len(failed) >= 5 or job.need > 5
        leases_now = {row["id"]: row["state"] for row in self.world.rows("SELECT id, state FROM leases")}
        assert leases_now == {one.row.lease: one.state for one in self.model.leases}
        results_now = {
            row["id"]: (row["state"], row["canonical"] == 1)
            for row in self.world.rows("SELECT id, state, canonical FROM results")
        }
        assert results_now == {one.id: (one.state, one.canonical) for one in self.model.results}
        credit = self.world.rows("SELECT result, SUM(jobs) AS jobs FROM ledger GROUP BY result")
        assert {row["result"]: row["jobs"] for row in credit} == self.model.ledger  # invariant 28
        told = self.world.do(lambda tx: figures.overview(tx, self.world.now))
        assert told.total_jobs == JOBS - sum(job.cancelled for job in self.model.jobs.values())
        assert told.done_jobs <= told.total_jobs  # never beyond 100 %
        assert told.verified_jobs == told.done_jobs == sum(self.model.ledger.values())

    # --- names of things

    def promoted(self, result: int) -> bool:
        return self.world.do(lambda tx: verdicts.promoted(tx, self.world.now, result))

    def withdrawn(self, result: int) -> None:
        self.world.do(lambda tx: revoking.withdrawn(tx, self.world.now, result))

    def person(self, who: int) -> Worker:
        return self.people[who % len(self.people)]

    def lease(self, which: int) -> ALease:
        return self.model.leases[which % len(self.model.leases)]

    def job(self, which: int) -> AJob:
        return list(self.model.jobs.values())[which % len(self.model.jobs)]

    def result(self, number: int) -> AResult:
        return next(one for one in self.model.results if one.id == number)

    def owner(self, lease: ALease) -> Worker:
        return next(one for one in self.people if one.id == lease.worker)

    def stored_state(self, lease: ALease) -> str:
        return self.world.lease_state(lease.row)

    def replicas_kept(self) -> set[int]:
        """Valid replicas whose files are not all here."""
        rows = self.world.rows(
            "SELECT r.id FROM results r WHERE r.state = 'valid' AND r.canonical = 0"
            " AND EXISTS (SELECT 1 FROM uploads u WHERE u.lease = r.lease AND u.state <> 'stored')"
        )
        return {row["id"] for row in rows}


def _profile(runs: int, steps: int) -> settings:
    return settings(
        max_examples=runs,
        stateful_step_count=steps,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        database=None,
    )


def _in(server: PostgresServer) -> type[Moves]:
    class InPostgres(Moves):
        @contextmanager
        def opened(self) -> Iterator[World]:
            with in_postgres(server) as do:
                yield World(do)

    return InPostgres


def test_whatever_happens_in_whatever_order_sqlite_does_what_the_model_says() -> (
    None
):  # invariants 1, 3, 5, 6, 7, 8, 13, 28
    run_state_machine_as_test(Moves, settings=_profile(40, 30))


def test_whatever_happens_in_whatever_order_postgresql_does_what_the_model_says(
    postgres_server: PostgresServer,
) -> None:  # invariants 1, 3, 5, 6, 7, 8, 13, 28
    run_state_machine_as_test(_in(postgres_server), settings=_profile(8, 25))


@pytest.mark.minutes
def test_a_hundred_thousand_steps_on_sqlite_do_what_the_model_says() -> None:
    run_state_machine_as_test(Moves, settings=_profile(1_500, 70))


@pytest.mark.minutes
def test_ten_thousand_steps_on_postgresql_do_what_the_model_says(postgres_server: PostgresServer) -> None:
    run_state_machine_as_test(_in(postgres_server), settings=_profile(200, 50))
