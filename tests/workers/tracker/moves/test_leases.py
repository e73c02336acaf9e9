"""Who gets which job, and how a lease ends."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import pytest

from tests.workers.tracker.moves.world import BEGUN, ENVIRONMENT, VERSION, OnlyGold, Twice, World, a_job
from workers.tracker.moves import blame, figures, jobs, leases, verdicts, workers
from workers.tracker.moves.records import MoveRefused, Renewed, Terms, Worker
from workers.tracker.states import VersionState, WorkerState
from workers.tracker.trust import Said


def renew(world: World, worker: Worker, lease: str) -> Renewed:
    return world.do(
        lambda tx: leases.renew(
            tx, world.now, worker=worker, lease=lease, stage="fetch", done=3, total=10, terms=world.terms
        )
    )


def fail(world: World, worker: Worker, lease: str, fault: str = "bug") -> None:
    world.do(lambda tx: leases.fail(tx, world.now, worker=worker, lease=lease, fault=fault, detail="it broke"))


def refused(world: World, worker: Worker, **changed: object) -> MoveRefused:
    with pytest.raises(MoveRefused) as told:
        world.take(worker, **changed)  # type: ignore[arg-type]  # a builder takes any argument
    return told.value


# --- who gets what


def test_a_lease_says_what_the_job_is_and_takes_it_from_the_others(both: World) -> None:
    both.jobs(1)
    one, other = both.worker(), both.worker()
    lease = both.take_one(one)
    assert (lease.kind, lease.number, lease.input, lease.fence) == ("crawl", 0, "plan/00000.parquet", 1)
    assert (lease.expires_at, lease.hard_at) == (BEGUN + 1_800, BEGUN + 21_600)
    assert both.take(other) == []
    assert both.do(lambda tx: leases.held(tx, both.now, one)) == [lease]
    assert both.do(lambda tx: leases.held(tx, both.now, other)) == []


def test_jobs_go_out_in_another_order_than_they_came_in(world: World) -> None:
    world.jobs(200)
    order = [lease.number for lease in world.take(quick(world), 60)]
    assert order != sorted(order)
    near = sum(abs(one - two) == 1 for one, two in pairwise(order))
    assert near < 15  # neighbours in the list are on the same sites: chance alone leaves about 1 of 60


def quick(world: World) -> Worker:
    """One that has earned all the leases there are."""
    worker = world.worker()
    world.do(lambda tx: tx.run("UPDATE workers SET quota = 64 WHERE id = ?", worker.id))
    return world.see(worker)


def test_only_kinds_that_were_asked_for_are_given_the_first_named_first(world: World) -> None:
    world.jobs(2, "crawl")
    world.jobs(1, "score")
    worker = world.worker()
    assert world.take(worker, 3, ["extract"]) == []
    assert [one.kind for one in world.take(worker, 2, ["score", "crawl"])] == ["score", "crawl"]


def test_no_account_gets_a_job_twice_whatever_its_machines_ask_for(both: World) -> None:
    both.policy = Twice()
    both.jobs(1)
    account = both.account()
    one, two, other = both.worker(account), both.worker(account), both.worker()
    lease = both.take_one(one)
    assert both.take(one) == both.take(two) == []
    both.finish(one, lease)
    assert both.take(one) == both.take(two) == []  # its result waits for the other's
    assert both.take_one(other).job == lease.job
    assert both.job_state(lease.job) == "leased"


def test_a_replica_does_not_go_to_a_neighbour_in_the_same_network(both: World) -> None:  # invariant 24
    both.policy = Twice()
    both.jobs(1)
    one, neighbour, far = both.worker(network="a"), both.worker(network="a"), both.worker(network="b")
    lease = both.take_one(one)
    assert both.take(neighbour) == []
    both.finish(one, lease)
    assert both.take(neighbour) == []
    assert both.take_one(far).job == lease.job


def test_a_job_that_two_are_to_do_is_leased_to_two_at_once_and_no_more(both: World) -> None:
    both.policy = Twice()
    both.jobs(1)
    one, two, three = both.worker(), both.worker(), both.worker()
    first = both.take_one(one)
    assert both.job_state(first.job) == "ready"
    second = both.take_one(two)
    assert (first.fence, second.fence) == (1, 2)
    assert both.job_state(first.job) == "leased"
    assert both.take(three) == []


def test_a_worker_that_gives_its_job_back_leaves_no_wish_for_a_second_opinion(world: World) -> None:
    world.policy = Twice()
    world.jobs(1)
    worker = world.worker()
    lease = world.take_one(worker)
    world.do(lambda tx: leases.give_back(tx, world.now, worker=worker, lease=lease.lease, why="stop"))
    assert world.row("SELECT state, need FROM jobs") == {"state": "ready", "need": 1}


def test_an_account_alone_may_try_a_job_again_that_it_had_wrong_but_not_at_once(world: World) -> None:
    world.jobs(1)
    worker = world.worker()
    lease = world.take_one(worker)
    world.finish(worker, lease)
    world.conclude(world.result_of(lease), Said.BAD)
    forgiven(world, worker)
    assert world.take(worker) == []
    world.now += 86_401
    assert world.take_one(worker).job == lease.job


def forgiven(world: World, worker: Worker) -> None:
    world.do(lambda tx: tx.run("UPDATE trust SET state = 'suspect' WHERE worker = ?", worker.id))


# --- how many


def test_a_worker_holds_four_leases_at_first_and_more_with_good_results(world: World) -> None:
    world.jobs(300)
    worker = world.worker()
    assert len(world.take(worker, 64)) == 4
    told = refused(world, worker)
    assert (told.code, told.status) == ("quota", 429)
    lease = world.do(lambda tx: leases.held(tx, world.now, worker))[0]
    world.finish(worker, lease)
    world.conclude(world.result_of(lease), Said.GOOD)
    assert world.see(worker).quota == 8
    assert len(world.take(worker, 64)) == 5


def test_the_quota_stops_at_64_and_falls_to_one_lease_at_least(world: World) -> None:
    world.jobs(30)
    worker = world.worker()
    for _ in range(6):
        world.believed(worker)
    assert world.see(worker).quota == 64
    world.do(lambda tx: tx.run("UPDATE workers SET quota = 2 WHERE id = ?", worker.id))
    world.take(worker, 2)
    world.now += 1_801
    world.reap()
    assert world.see(worker).quota == 1
    assert len(world.take(worker, 5)) == 1


# --- who gets nothing


def test_versions_are_compared_number_by_number(world: World) -> None:  # invariant 27
    world.jobs(1)
    worker = world.worker()
    world.terms = Terms(min_version="1.9")
    assert VERSION == "1.10"  # as texts it would be older
    assert len(world.take(worker)) == 1
    world.terms = Terms(min_version="1.11")
    assert (refused(world, worker).code, refused(world, worker).status) == ("version_blocked", 426)


def test_a_blocked_version_gets_no_job_until_it_is_allowed_again(both: World) -> None:  # invariant 27
    both.jobs(1)
    worker = both.worker()
    both.do(lambda tx: workers.set_version(tx, both.now, "1.10.0", VersionState.BLOCKED, "wrong hashes"))
    told = refused(both, worker)
    assert told.status == 426
    assert "wrong hashes" in str(told)
    both.do(lambda tx: workers.set_version(tx, both.now, "1.10.0", VersionState.DEPRECATED, "old"))
    assert len(both.take(worker)) == 1


def test_without_its_self_test_a_worker_gets_no_job_and_none_with_a_version_that_has_not_passed(world: World) -> None:
    world.jobs(1)
    worker = world.worker(tested=False)
    assert refused(world, worker).code == "selftest_wanted"
    world.do(lambda tx: workers.selftest_passed(tx, world.now, worker, "1.11", ENVIRONMENT, ok=True))
    assert refused(world, worker).code == "selftest_wanted"
    world.do(lambda tx: workers.selftest_passed(tx, world.now, worker, VERSION, ENVIRONMENT, ok=False))
    assert refused(world, worker).code == "selftest_wanted"
    world.do(lambda tx: workers.selftest_passed(tx, world.now, worker, VERSION, ENVIRONMENT, ok=True))
    assert len(world.take(worker)) == 1


@pytest.mark.parametrize("state", [WorkerState.QUARANTINED, WorkerState.BANNED])
def test_who_falls_loses_its_leases_and_gets_none(both: World, state: WorkerState) -> None:
    both.jobs(2)
    worker = both.worker()
    lease = both.take_one(worker)
    both.do(lambda tx: workers.set_state(tx, both.now, worker.id, state, "cheats"))
    assert (refused(both, worker).code, refused(both, worker).status) == ("quarantined", 403)
    assert both.lease_state(lease) == "revoked"
    assert both.job_state(lease.job) == "ready"
    with pytest.raises(MoveRefused) as told:
        both.finish(worker, lease)
    assert told.value.status == 403


def test_a_worker_that_fell_for_one_kind_still_gets_the_others(world: World) -> None:
    world.jobs(1, "crawl")
    world.jobs(1, "score")
    worker = world.worker()
    world.do(
        lambda tx: tx.run(
            "INSERT INTO trust (account, worker, version, kind, good, bad, state, checked_at)"
            " VALUES (?, ?, ?, 'score', 1, 11, 'quarantined', ?)",
            worker.account,
            worker.id,
            VERSION,
            world.now,
        )
    )
    assert [one.kind for one in world.take(worker, 2, ["score", "crawl"])] == ["crawl"]
    assert refused(world, worker, kinds=["score"]).code == "quarantined"


def test_while_it_is_paused_nobody_gets_anything_and_a_drain_says_so_to_those_at_work(world: World) -> None:
    world.jobs(2)
    worker = world.worker()
    lease = world.take_one(worker)
    for how, action in ((True, "continue"), ("drain", "drain")):
        world.do(lambda tx, how=how: jobs.pause(tx, world.now, how))  # type: ignore[misc]  # the loop's value
        assert world.take(worker) == []
        assert renew(world, worker, lease.lease).action == action
    world.do(lambda tx: jobs.pause(tx, world.now, paused=False))
    assert len(world.take(worker)) == 1


def test_an_unknown_worker_cannot_be_given_a_state(world: World) -> None:
    with pytest.raises(MoveRefused) as told:
        world.do(lambda tx: workers.set_state(tx, world.now, 99, WorkerState.BANNED, ""))
    assert told.value.status == 404


# --- how a lease ends


def test_a_lease_ends_by_the_trackers_clock_and_the_job_goes_to_somebody_else(world: World) -> None:
    # defect 6, 7: no job stays with somebody who is gone. invariant 8
    world.jobs(1)
    one, other = world.worker(), world.worker()
    lease = world.take_one(one)
    world.now += 1_799
    world.reap()
    assert world.lease_state(lease) == "active"
    world.now += 1
    world.reap()
    assert (world.lease_state(lease), world.job_state(lease.job)) == ("expired", "backoff")
    world.now += 61
    world.reap()
    again = world.take_one(other)
    assert (again.job, again.fence) == (lease.job, 2)


def test_a_heartbeat_extends_a_lease_but_never_beyond_its_hard_end(world: World) -> None:
    world.jobs(1)
    worker = world.worker()
    lease = world.take_one(worker)
    world.now += 1_700
    assert renew(world, worker, lease.lease) == Renewed(1_800, "continue")
    row = world.row("SELECT stage, done, total, expires_at FROM leases")
    assert row == {"stage": "fetch", "done": 3, "total": 10, "expires_at": world.now + 1_800}
    world.now = BEGUN + 21_000
    assert renew(world, worker, lease.lease) == Renewed(600, "continue")
    world.now = BEGUN + 21_600
    assert renew(world, worker, lease.lease).action == "abandon"


def test_a_heartbeat_after_the_end_gives_the_job_back_if_nobody_else_has_it(both: World) -> None:
    both.jobs(1)
    one, other = both.worker(), both.worker()
    lease = both.take_one(one)
    both.now += 2_000
    both.reap()
    assert renew(both, one, lease.lease) == Renewed(1_800, "continue")
    assert (both.lease_state(lease), both.job_state(lease.job)) == ("active", "leased")
    assert both.take(other) == []
    both.now += 2_000
    both.reap()
    both.now += 200
    both.reap()
    second = both.take_one(other)
    assert renew(both, one, lease.lease).action == "continue"  # a late result is welcome
    assert both.lease_state(lease) == "expired"
    both.finish(other, second)
    assert renew(both, one, lease.lease).action == "continue"  # who knows what the other's is worth
    both.conclude(both.result_of(second), Said.GOOD)
    assert renew(both, one, lease.lease).action == "abandon"


def test_a_heartbeat_after_the_end_gives_nothing_back_where_the_account_has_the_job_already(world: World) -> None:
    world.policy = Twice()
    world.jobs(1)
    account = world.account()
    one, two = world.worker(account), world.worker(account)
    lease = world.take_one(one)
    world.now += 2_000
    world.reap()
    world.now += 200
    world.reap()
    world.take_one(two)
    assert renew(world, one, lease.lease).action == "continue"
    assert world.lease_state(lease) == "expired"


def test_what_comes_twice_or_too_late_changes_nothing(world: World) -> None:
    world.jobs(1)
    worker = world.worker()
    lease = world.take_one(worker)
    world.do(lambda tx: leases.give_back(tx, world.now, worker=worker, lease=lease.lease, why="stop"))
    world.do(lambda tx: leases.give_back(tx, world.now, worker=worker, lease=lease.lease, why="stop"))
    fail(world, worker, lease.lease)
    assert renew(world, worker, lease.lease).action == "abandon"
    assert (world.lease_state(lease), world.job_state(lease.job)) == ("released", "ready")
    assert world.row("SELECT failures_in_a_row AS failures FROM workers")["failures"] == 0


@pytest.mark.parametrize("whose", ["nobody's", "somebody else's"])
def test_a_lease_that_is_not_ones_own_is_refused_everywhere(
    world: World, whose: str
) -> None:  # checklist 32; invariant 7
    world.jobs(1)
    one, other = world.worker(), world.worker()
    lease = world.take_one(one).lease if whose == "somebody else's" else "0" * 32
    tried: list[Callable[[], object]] = [
        lambda: renew(world, other, lease),
        lambda: fail(world, other, lease),
        lambda: world.do(lambda tx: leases.give_back(tx, world.now, worker=other, lease=lease, why="")),
    ]
    for attempt in tried:
        with pytest.raises(MoveRefused) as told:
            attempt()
        assert (told.value.code, told.value.status) == ("unknown_lease", 403)
    assert world.rows("SELECT id FROM leases WHERE state <> 'active'") == []


def test_a_lost_reply_is_found_again_among_what_is_held(world: World) -> None:
    # defect 6: the hand-over is one transaction, so that what is taken has an owner. invariant 5
    world.jobs(3)
    worker = world.worker()
    world.take(worker, 2)
    assert len(world.do(lambda tx: leases.held(tx, world.now, worker))) == 2
    assert world.do(jobs.counts) == {"crawl": {"leased": 2, "ready": 1}}


def test_near_the_end_nothing_is_done_twice(world: World) -> None:  # defect 16
    world.jobs(3)
    people = [world.worker() for _ in range(3)]
    taken = [lease.job for worker in people for lease in world.take(worker, 3)]
    assert len(taken) == len(set(taken)) == 3


def test_who_comes_back_is_not_given_its_old_job_again_in_silence(world: World) -> None:
    # defect 9: asking for another job until one likes it costs the quota
    world.jobs(10)
    worker = world.worker()
    taken = {world.take_one(worker).job for _ in range(4)}
    assert len(taken) == 4
    assert refused(world, worker).code == "quota"


def test_an_outage_costs_nobody_a_lease(both: World) -> None:  # invariant 9
    both.jobs(2)
    one, two = both.worker(), both.worker()
    kept, expired = both.take_one(one), both.take_one(two)
    both.do(lambda tx: tx.run("UPDATE leases SET expires_at = ? WHERE id = ?", both.now - 1, expired.lease))
    both.reap()
    both.now += 86_400
    assert both.do(lambda tx: leases.outage(tx, both.now, 86_400.0)) == 1
    both.reap()
    assert both.lease_state(kept) == "active"
    assert both.finish(one, kept) == "accepted"
    assert both.finish(two, expired) == "late"


# --- whose fault it is


def test_a_job_that_fails_with_five_workers_is_set_aside_with_what_they_said(both: World) -> None:
    # invariant 10; defect 9: the first tracker handed it out for ever
    both.jobs(1)
    for failed in range(5):
        worker = both.worker()
        assert both.job_state(1) == "ready"
        fail(both, worker, both.take_one(worker).lease, "input")
        assert both.job_state(1) == ("backoff" if failed < 4 else "poisoned")
        both.now += 7 * 3_600
        both.reap()
    assert both.take(both.worker()) == []
    (poisoned,) = both.do(lambda tx: figures.operator(tx, both.now)).poisoned
    assert [detail for _, _, detail in poisoned.said] == ["it broke"] * 5
    both.do(lambda tx: jobs.requeue(tx, both.now, 1))
    assert len(both.take(both.worker())) == 1


def test_a_job_that_one_worker_alone_fails_with_is_not_tried_for_ever(world: World) -> None:  # defect 9
    world.jobs(2)
    worker = world.worker()
    tries = 0
    while world.job_state(1) != "poisoned":
        world.believed(worker) if tries == 0 else None
        (lease,) = world.take(worker)
        fail(world, worker, lease.lease, "bug")
        world.do(lambda tx: tx.run("UPDATE workers SET failures_in_a_row = 0, quota = 4"))  # it does others well
        world.now += 7 * 3_600
        world.reap()
        tries += 1
        assert tries <= 2 * blame.POISON_TRIES
        if world.job_state(2) == "poisoned":
            break
    assert tries == blame.POISON_TRIES


def test_a_machine_that_fails_twenty_jobs_in_a_row_is_suspended_and_the_jobs_are_not_blamed(both: World) -> None:
    both.jobs(8)  # invariant 10
    broken = both.worker()
    for _ in range(blame.SUSPENDED_AFTER):
        (lease,) = both.take(broken)
        fail(both, broken, lease.lease, "bug")
        both.do(lambda tx: tx.run("UPDATE jobs SET not_before = 0"))
        both.reap()
    told = refused(both, broken)
    assert (told.code, told.status, told.retry_after) == ("suspended", 403, 3_600)
    assert both.rows("SELECT id FROM jobs WHERE failures > 0 OR state = 'poisoned'") == []
    both.now += 3_601
    assert both.see(broken).state is WorkerState.ACTIVE
    assert len(both.take(broken)) == 1


def test_a_machine_that_says_itself_that_it_is_broken_is_suspended_sooner(world: World) -> None:
    world.jobs(5)
    broken = world.worker()
    for _ in range(blame.SUSPENDED_AFTER_LOCAL):
        fail(world, broken, world.take_one(broken).lease, "local")
    assert refused(world, broken).code == "suspended"
    assert world.do(jobs.counts) == {"crawl": {"ready": 5}}


def test_one_job_done_ends_the_row_of_failures(world: World) -> None:
    world.jobs(30)
    worker = world.worker()
    for _ in range(4):
        fail(world, worker, world.take_one(worker).lease, "local")
    world.believed(worker)
    fail(world, worker, world.take_one(worker).lease, "local")
    assert world.see(worker).state is WorkerState.ACTIVE


def test_sixty_leases_that_run_out_together_are_one_failure(world: World) -> None:
    world.jobs(64)
    worker = quick(world)
    world.take(worker, 64)
    world.now += 2_000
    world.reap()
    assert world.see(worker).state is WorkerState.ACTIVE
    assert world.see(worker).quota == 1


def test_a_job_is_freed_again_when_those_it_failed_with_turn_out_to_be_broken(both: World) -> None:
    both.jobs(1)
    broken = both.worker()
    for nth in range(5):
        worker = broken if nth == 0 else both.worker()
        fail(both, worker, both.take_one(worker).lease)
        both.do(lambda tx: tx.run("UPDATE jobs SET not_before = 0"))
        both.reap()
    assert both.job_state(1) == "poisoned"
    both.jobs(1, first=1)
    both.do(lambda tx: tx.run("UPDATE workers SET failures_in_a_row = 19 WHERE id = ?", broken.id))
    fail(both, broken, both.take_one(broken).lease)
    assert both.job_state(1) == "ready"
    assert both.do(lambda tx: figures.fsck(tx, both.now)) == []


@pytest.mark.parametrize(
    ("failed", "all_of_them", "tries", "poison"),
    [(4, 4, 4, False), (5, 5, 5, True), (0, 9, 19, False), (0, 10, 10, True), (1, 1, 19, False), (1, 1, 20, True)],
)
def test_silence_weighs_half_of_what_a_failure_does(failed: int, all_of_them: int, tries: int, poison: bool) -> None:
    assert blame.is_poison(failed, all_of_them, tries) is poison


def test_a_job_that_failed_waits_longer_each_time_but_never_longer_than_six_hours() -> None:
    assert [blame.wait_after(failures, 0.0) for failures in (1, 2, 3)] == [30, 60, 120]
    assert blame.wait_after(1, 0.999) < 60
    assert blame.wait_after(1_000_000, 0.5) <= 6 * 3_600


# --- jobs whose answer is known


def test_a_gold_job_looks_like_any_other_and_is_given_to_nobody_who_knows_it(both: World) -> None:  # invariant 26
    both.jobs(1)
    insider, volunteer = both.worker(), both.worker()
    original = both.believed(insider)
    both.do(
        lambda tx: jobs.import_jobs(
            tx,
            both.now,
            [a_job(0, content_id=f"{copy:032x}", gold_json=f'{{"of": {original.job}}}') for copy in range(2)],
        )
    )
    both.policy = OnlyGold()
    both.jobs(1, first=1)
    assert both.take_one(insider).number == 1  # has done the job that it copies
    gold = both.take_one(volunteer)
    assert (gold.number, gold.input, gold.fence) == (original.number, original.input, original.fence)
    assert both.take(volunteer) == []  # the other copy would be the same job again
    both.finish(volunteer, gold)
    told = both.conclude(both.result_of(gold), Said.GOOD)
    assert not told.canonical
    assert both.do(lambda tx: verdicts.to_promote(tx, both.now, 10))[0].job == original.job
    assert both.do(jobs.counts) == {"crawl": {"verified": 1, "leased": 1}}  # gold is not counted
    assert both.rows("SELECT id FROM ledger WHERE job = ?", gold.job) == []
    copies = both.rows("SELECT state, COUNT(*) AS many FROM jobs WHERE gold = 1 GROUP BY state ORDER BY state")
    assert copies == [{"state": "cancelled", "many": 1}, {"state": "ready", "many": 2}]  # a fresh one took its place
    assert both.do(lambda tx: figures.fsck(tx, both.now)) == []


def test_no_gold_is_given_to_whom_the_policy_gives_none(world: World) -> None:
    world.do(lambda tx: jobs.import_jobs(tx, world.now, [a_job(0, content_id="a" * 32, gold_json="{}")]))
    assert world.take(world.worker()) == []


def test_what_a_worker_is_told_of_a_job_is_another_number_each_time(world: World) -> None:  # invariant 26
    world.jobs(1)
    worker = world.worker()
    first = world.take_one(worker)
    world.do(lambda tx: leases.give_back(tx, world.now, worker=worker, lease=first.lease, why=""))
    second = world.take_one(worker)
    assert first.job == second.job
    assert first.told_job != second.told_job
