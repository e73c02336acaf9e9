"""What follows from a verdict, and what is taken back."""

from __future__ import annotations

import pytest

from tests.workers.tracker.moves.world import BAD, GOOD, ODD, Once, Twice, World, a_job
from workers.tracker.moves import checks, figures, jobs, leases, revoking, uploads, verdicts, workers
from workers.tracker.moves.records import CheckOrder, LeaseRow, MoveRefused, Worker
from workers.tracker.states import JobState, ResultState, WorkerState
from workers.tracker.trust import Said, Signal


def order(world: World, checker: str = "one") -> CheckOrder | None:
    return world.do(lambda tx: verdicts.next_to_check(tx, world.now, checker=checker, seconds=60.0))


def submitted(world: World, worker: Worker) -> LeaseRow:
    lease = world.take_one(worker)
    world.finish(worker, lease)
    return lease


def two_results(world: World) -> tuple[LeaseRow, LeaseRow]:
    """Of one job, by two accounts."""
    world.policy = Twice()
    world.jobs(1)
    return submitted(world, world.worker()), submitted(world, world.worker())


def sound(world: World) -> list[str]:
    return world.do(lambda tx: figures.fsck(tx, world.now))


# --- looking


def test_a_result_is_looked_at_by_one_checker_at_a_time_and_by_another_if_that_one_is_gone(both: World) -> None:
    both.jobs(1)
    lease = submitted(both, both.worker())
    found = order(both)
    assert found is not None
    assert (found.result, found.lease, found.trust) == (both.result_of(lease), lease.lease, WorkerState.PROBATION)
    assert [one.name for one in found.uploads] == ["00000.tar"]
    assert order(both, "two") is None
    both.now += 61
    again = order(both, "two")
    assert again is not None
    assert again.result == found.result


def test_a_result_waits_for_the_second_opinion_that_its_job_wants(both: World) -> None:
    both.policy = Twice()
    both.jobs(1)
    first = submitted(both, both.worker())
    assert order(both) is None
    second = submitted(both, both.worker())
    found = order(both)
    assert found is not None
    assert found.result == both.result_of(first)
    assert [one.result for one in found.others] == [both.result_of(second)]
    told = both.conclude(found.result, Said.GOOD)
    assert (told.canonical, told.job_state) == (True, JobState.VERIFIED)
    replica = order(both)
    assert replica is not None
    assert [one.canonical for one in replica.others] == [True]
    assert both.conclude(replica.result, Said.GOOD).canonical is False
    assert both.do(lambda tx: figures.overview(tx, both.now)).verified_jobs == 1  # once, whoever did it again
    assert sound(both) == []


def test_good_alone_is_not_enough_where_another_result_is_still_wanted(world: World) -> None:
    world.policy = Twice()
    world.jobs(1)
    first = submitted(world, world.worker())
    told = world.conclude(world.result_of(first), Said.GOOD)
    assert (told.state, told.changed) == (ResultState.RECEIVED, False)
    assert world.rows("SELECT * FROM signals") == []
    assert world.job_state(first.job) == "ready"


def test_what_could_not_be_looked_at_is_looked_at_later(world: World) -> None:
    world.jobs(1)
    lease = submitted(world, world.worker())
    assert world.conclude(world.result_of(lease), Said.NOTHING).state is ResultState.RECEIVED
    assert order(world) is None
    world.now += 601
    assert order(world) is not None


def test_nothing_to_look_at_is_none(world: World) -> None:
    assert order(world) is None
    assert world.do(lambda tx: checks.check_order(tx, world.now, 1)) is None


# --- concluding


def test_a_good_result_makes_everything_follow_at_once(both: World) -> None:
    both.jobs(1)
    worker = both.worker()
    lease = submitted(both, worker)
    told = both.conclude(both.result_of(lease), Said.GOOD, pairs=7)
    assert (told.state, told.job_state, told.changed) == (ResultState.VALID, JobState.VERIFIED, True)
    assert both.rows("SELECT jobs, pairs, bytes FROM ledger") == [{"jobs": 1, "pairs": 7, "bytes": 1_000}]
    assert both.row("SELECT name, verdict, looked FROM signals") == {"name": "web", "verdict": "good", "looked": 50}
    trust = both.row("SELECT good, bad, state FROM trust")
    assert trust == {"good": 2.0, "bad": 1.0, "state": "probation"}
    assert both.see(worker).quota == 8


def test_a_verdict_is_written_once_whoever_says_it_again(world: World) -> None:
    world.jobs(1)
    lease = submitted(world, world.worker())
    result = world.result_of(lease)
    assert world.conclude(result, Said.GOOD).changed
    for said in Said:
        told = world.conclude(result, said)
        assert (told.changed, told.state, told.canonical) == (False, ResultState.VALID, True)
    assert len(world.rows("SELECT id FROM ledger")) == len(world.rows("SELECT id FROM signals")) == 1


def test_a_move_that_fails_in_the_middle_leaves_nothing(both: World) -> None:
    both.jobs(1)
    lease = submitted(both, both.worker())
    result = both.result_of(lease)

    both.policy = Once(half_life_seconds=0.0)  # no such policy can be read from a file
    with pytest.raises(ZeroDivisionError):
        both.conclude(result, Said.GOOD)
    assert both.rows("SELECT id FROM signals") == []
    assert both.job_state(lease.job) == "submitted"
    assert sound(both) == []


def test_an_unknown_result_is_a_404(world: World) -> None:
    for move in (lambda: world.conclude(99, Said.GOOD), lambda: world.do(lambda tx: verdicts.promoted(tx, 0.0, 99))):
        with pytest.raises(MoveRefused) as told:
            move()
        assert told.value.status == 404


def test_a_bad_result_sends_its_job_to_somebody_else_and_its_worker_down(world: World) -> None:
    world.jobs(1)
    cheat, honest = world.worker(), world.worker()
    lease = submitted(world, cheat)
    told = world.conclude(world.result_of(lease), Said.BAD)
    assert (told.state, told.job_state, told.after) == (ResultState.INVALID, JobState.READY, WorkerState.QUARANTINED)
    assert told.falls
    assert world.rows("SELECT id FROM ledger") == []
    assert world.see(cheat).quota == 3
    with pytest.raises(MoveRefused):
        world.take(cheat)
    assert world.take_one(honest).job == lease.job


def test_who_falls_in_the_middle_of_work_loses_the_leases_of_that_kind_alone(both: World) -> None:
    both.jobs(2)
    both.jobs(1, "score")
    cheat = both.worker()
    lease = submitted(both, cheat)
    same, other = both.take_one(cheat), both.take_one(cheat, "score")
    both.conclude(both.result_of(lease), Said.BAD)
    assert (both.lease_state(same), both.lease_state(other)) == ("revoked", "active")
    assert both.job_state(same.job) == "ready"
    assert sound(both) == []


def test_an_odd_result_is_done_by_somebody_else_and_then_both_are_looked_at_together(both: World) -> None:
    both.jobs(1)
    one, other = both.worker(), both.worker()
    first = submitted(both, one)
    told = both.conclude(both.result_of(first), Said.ODD)
    assert (told.state, told.job_state) == (ResultState.SUSPICIOUS, JobState.READY)
    assert both.take(one) == []
    second = submitted(both, other)
    found = order(both)
    assert found is not None
    assert [(one.result, one.state) for one in found.others] == [(both.result_of(first), ResultState.SUSPICIOUS)]
    assert both.conclude(found.result, Said.GOOD).canonical
    again = order(both)
    assert again is not None
    assert again.result == both.result_of(first)  # now against the one that is believed
    assert both.conclude(again.result, Said.GOOD).state is ResultState.VALID
    assert both.job_state(second.job) == "verified"
    assert sound(both) == []


def test_where_nothing_but_odd_results_come_an_operator_is_asked(world: World) -> None:
    world.jobs(1)
    for nth in range(5):
        lease = submitted(world, world.worker())
        told = world.conclude(world.result_of(lease), Said.ODD)
        assert told.job_state is (JobState.READY if nth < 4 else JobState.POISONED)
    assert world.take(world.worker()) == []
    assert sound(world) == []


def test_old_signals_of_a_worker_that_came_by_the_old_api_do_not_make_it_believed(world: World) -> None:
    world.jobs(40)
    worker = world.worker(world.account(legacy=True))
    for _ in range(15):
        world.believed(worker)
    assert world.row("SELECT state FROM trust")["state"] == "probation"


def test_the_last_whole_look_is_remembered(world: World) -> None:
    world.jobs(3)
    worker = world.worker()
    first = submitted(world, worker)
    world.conclude(world.result_of(first), Said.GOOD, [*GOOD, Signal("replica", Said.GOOD)])
    second = submitted(world, worker)
    told = world.conclude(world.result_of(second), Said.GOOD)
    assert told.last_good_result == world.result_of(first)
    third = submitted(world, worker)
    caught = world.conclude(world.result_of(third), Said.BAD)
    assert caught.last_good_result == world.result_of(first)
    since = world.do(
        lambda tx: revoking.contributed(
            tx, worker=worker.id, version="1.10", kind="crawl", after=caught.last_good_result
        )
    )
    assert since == [world.result_of(second)]


def test_another_environment_forgets_what_spoke_for_a_worker(world: World) -> None:  # invariant 24
    world.jobs(12)
    worker = world.worker()
    for _ in range(11):
        world.believed(worker)
    assert world.row("SELECT state FROM trust")["state"] == "active"
    world.do(lambda tx: workers.selftest_passed(tx, world.now, worker, "1.10", "f" * 64, ok=True))
    assert world.row("SELECT good, state FROM trust") == {"good": 1.0, "state": "probation"}


def test_a_key_that_is_in_two_networks_at_once_is_back_on_probation(both: World) -> None:  # invariant 24
    both.jobs(12)
    worker = both.worker(network="home")
    for _ in range(11):
        both.believed(worker)

    def seen(network: str) -> str:
        now = both.see(worker)
        both.do(lambda tx: workers.seen_from(tx, both.now, now, network))
        return str(both.row("SELECT state FROM trust")["state"])

    assert seen("home") == "active"
    assert seen("train") == "active"  # a laptop moves
    both.now += 4_000
    assert seen("home") == "active"
    assert seen("elsewhere") == "active"
    assert seen("home") == "probation"


# --- into the data set, and out of it


def promote(world: World, follow: str = "") -> list[int]:
    done = []
    for one in world.do(lambda tx: verdicts.to_promote(tx, world.now, 10)):
        more = [a_job(one.number, follow)] if follow else []
        assert world.do(lambda tx, result=one.result, more=more: verdicts.promoted(tx, world.now, result, more))  # type: ignore[misc]  # the loop's values
        done.append(one.result)
    return done


def test_a_promoted_result_commits_its_job_and_makes_the_next_one(both: World) -> None:
    both.jobs(1, "fetch")
    lease = both.believed(both.worker(), "fetch")
    assert promote(both, "score") == [both.result_of(lease)]
    assert promote(both) == []
    assert both.do(jobs.counts) == {"fetch": {"committed": 1}, "score": {"ready": 1}}
    assert both.row("SELECT state FROM uploads")["state"] == "promoted"
    result = both.result_of(lease)
    assert both.do(lambda tx: verdicts.promoted(tx, both.now, result, [a_job(0, "score")]))  # a checker was killed
    assert both.do(jobs.counts) == {"fetch": {"committed": 1}, "score": {"ready": 1}}
    both.now += 100_000
    assert len(both.do(lambda tx: uploads.collectable(tx, both.now, older_than=1.0, most=9))) == 1  # a copy is there
    assert sound(both) == []


def test_revoking_takes_back_exactly_what_one_worker_did_since_then(both: World) -> None:  # invariant 23
    both.jobs(6)
    cheat, honest = both.worker(), both.worker()
    before = both.believed(cheat)
    both.now += 1_000
    since = both.now
    after, theirs = both.believed(cheat), both.believed(honest)
    promote(both)
    waiting = submitted(both, cheat)
    taken = both.do(lambda tx: revoking.revoke(tx, both.now, worker=cheat.id, since=since, why="caught"))
    assert taken.results == sorted(both.result_of(one) for one in (after, waiting)) or set(taken.results) == {
        both.result_of(after),
        both.result_of(waiting),
    }
    assert set(taken.jobs) == {after.job, waiting.job}
    assert [(one.kind, one.number) for one in taken.files] == [("crawl", after.number)]
    assert both.do(jobs.counts) == {"crawl": {"committed": 2, "ready": 4}}
    leaders = both.do(lambda tx: figures.leaders(tx, both.now, 10))
    assert {one.account: (one.jobs, one.pairs) for one in leaders} == {cheat.account: (1, 10), honest.account: (1, 10)}
    rows = both.rows("SELECT result, jobs, pairs FROM ledger ORDER BY id")
    assert [row["jobs"] for row in rows] == [1, 1, 1, -1]  # nothing is deleted
    assert both.do(lambda tx: revoking.revoke(tx, both.now, worker=cheat.id, since=since, why="again")).results == []
    assert both.job_state(before.job) == both.job_state(theirs.job) == "committed"
    assert sound(both) == []


def test_what_was_revoked_leaves_the_data_set_before_the_next_comes_in(both: World) -> None:
    both.jobs(1)
    first = both.believed(both.worker())
    promote(both)
    result = both.result_of(first)
    both.do(lambda tx: revoking.revoke(tx, both.now, results=[result], why="caught"))
    second = both.believed(both.worker())
    assert promote(both) == []  # it has the same names
    assert [one.result for one in both.do(lambda tx: revoking.to_withdraw(tx, both.now, 10))] == [result]
    both.do(lambda tx: revoking.withdrawn(tx, both.now, result))
    assert promote(both) == [both.result_of(second)]
    assert both.do(lambda tx: revoking.to_withdraw(tx, both.now, 10)) == []


def test_a_result_that_is_revoked_on_its_way_into_the_data_set_is_taken_out_again(world: World) -> None:
    world.jobs(1)
    lease = world.believed(world.worker())
    result = world.result_of(lease)
    assert len(world.do(lambda tx: verdicts.to_promote(tx, world.now, 10))) == 1  # a checker begins to copy
    world.do(lambda tx: revoking.revoke(tx, world.now, results=[result], why="caught"))
    assert [one.result for one in world.do(lambda tx: revoking.to_withdraw(tx, world.now, 10))] == [result]
    assert not world.do(lambda tx: verdicts.promoted(tx, world.now, result, [a_job(0, "score")]))
    assert world.do(jobs.counts) == {"crawl": {"ready": 1}}
    assert [one.result for one in world.do(lambda tx: revoking.to_withdraw(tx, world.now, 10))] == [result]


def test_what_was_made_of_a_revoked_result_goes_with_it_and_is_made_anew(both: World) -> None:
    both.jobs(1, "fetch")
    cheat, scorer = both.worker(), both.worker()
    raw = both.believed(cheat, "fetch")
    promote(both, "score")
    scored = both.believed(scorer, "score")
    promote(both)
    both.do(lambda tx: jobs.input_known(tx, both.now, scored.job, "a" * 64, 10))
    taken = both.do(lambda tx: revoking.revoke(tx, both.now, worker=cheat.id, why="caught"))
    assert set(taken.results) == {both.result_of(raw), both.result_of(scored)}
    assert both.do(jobs.counts) == {"fetch": {"ready": 1}, "score": {"cancelled": 1}}
    for result in taken.results:
        both.do(lambda tx, result=result: revoking.withdrawn(tx, both.now, result))  # type: ignore[misc]  # the loop's value
    both.believed(both.worker(), "fetch")
    promote(both, "score")
    assert both.do(jobs.counts) == {"fetch": {"committed": 1}, "score": {"ready": 1}}
    assert both.row("SELECT input_sha256 FROM jobs WHERE kind = 'score'")["input_sha256"] == ""  # another input now
    assert sound(both) == []


def test_a_replica_takes_the_place_of_a_revoked_result_if_its_files_are_here(world: World) -> None:
    first, second = two_results(world)
    for lease in (first, second):
        world.conclude(world.result_of(lease), Said.GOOD)
    result = world.result_of(first)
    world.do(lambda tx: revoking.revoke(tx, world.now, results=[result], why="caught"))
    assert world.job_state(first.job) == "ready"  # wants two opinions, and has one
    third = submitted(world, world.worker())
    found = order(world)
    assert found is not None
    assert found.result == world.result_of(second)
    assert world.conclude(found.result, Said.GOOD).canonical
    assert world.job_state(third.job) == "verified"


def test_a_whole_account_can_be_taken_back(both: World) -> None:
    both.jobs(4)
    account = both.account()
    one, two, other = both.worker(account), both.worker(account), both.worker()
    for worker in (one, two, other):
        both.believed(worker)
    assert len(both.do(lambda tx: revoking.revoke(tx, both.now, account=account, why="caught")).results) == 2
    assert both.do(lambda tx: figures.overview(tx, both.now)).verified_jobs == 1


def test_nobody_is_taken_back_by_mistake(world: World) -> None:
    with pytest.raises(MoveRefused) as told:
        world.do(lambda tx: revoking.revoke(tx, world.now, why="oops"))
    assert told.value.status == 422
    assert world.do(lambda tx: revoking.revoke(tx, world.now, results=[], why="none")).results == []


def test_leases_under_way_are_not_touched_by_what_is_taken_back(world: World) -> None:
    world.jobs(2)
    worker = world.worker()
    world.believed(worker)
    running = world.take_one(worker)
    world.do(lambda tx: revoking.revoke(tx, world.now, worker=worker.id, why="caught"))
    assert world.do(lambda tx: leases.held(tx, world.now, worker)) == [running]


# --- figures


def test_the_leaderboard_is_the_sum_of_what_was_verified(both: World) -> None:  # invariant 28; defect 5
    both.jobs(5)
    busy, lazy, cheat = both.worker(), both.worker(), both.worker()
    for worker in (busy, busy, lazy):
        both.believed(worker)
    lied = submitted(both, cheat)
    both.conclude(both.result_of(lied), Said.BAD, BAD, pairs=1_000_000)
    leaders = both.do(lambda tx: figures.leaders(tx, both.now, 10))
    assert [(one.account, one.jobs, one.pairs, one.workers) for one in leaders] == [
        (busy.account, 2, 20, 1),
        (lazy.account, 1, 10, 1),
    ]
    assert both.do(lambda tx: figures.rates(tx, both.now + 1, 60.0)).jobs == 3
    told = both.do(lambda tx: figures.operator(tx, both.now))
    assert [one.worker for one in told.suspicious] == [cheat.id]
    assert told.overview.accounts == 2


def test_a_workers_page_tells_its_work_and_not_which_jobs_were_tests(both: World) -> None:
    both.jobs(3)
    worker = both.worker()
    lease = submitted(both, worker)
    both.conclude(both.result_of(lease), Said.GOOD, [*GOOD, Signal("gold", Said.GOOD), Signal("canary", Said.GOOD)])
    held = both.take_one(worker)
    page = both.do(lambda tx: figures.worker_page(tx, both.now, worker.id))
    assert page is not None
    assert (page.verified_jobs, page.results, page.leases) == (1, {"valid": 1}, {"active": 1, "submitted": 1})
    assert [one.name for one in page.checked] == ["web"]
    assert [one.number for one in page.held] == [held.number]
    assert page.state is WorkerState.PROBATION
    assert both.do(lambda tx: figures.worker_page(tx, both.now, 99)) is None


def test_what_was_broken_by_hand_is_named_and_can_be_counted_anew(both: World) -> None:
    both.jobs(3)
    worker = both.worker()
    done = both.believed(worker)
    running = both.take_one(worker)
    odd = submitted(both, worker)
    both.conclude(both.result_of(odd), Said.ODD, ODD)
    assert sound(both) == []
    both.broken_by_hand = True
    both.do(lambda tx: tx.run("UPDATE jobs SET state = 'committed' WHERE id = ?", running.job))
    both.do(lambda tx: tx.run("UPDATE uploads SET state = 'gone' WHERE lease = ?", done.lease))
    both.do(lambda tx: tx.run("UPDATE credit SET pairs = pairs + 5"))
    both.do(lambda tx: tx.run("UPDATE leases SET state = 'expired' WHERE id = ?", odd.lease))
    said = "\n".join(sound(both))
    assert f"job {running.job} is committed, and its leases and results make it" in said
    assert f"result {both.result_of(done)} lacks 0000" in said
    assert f"worker {worker.id} is credited with other crawl jobs than the ledger says" in said
    assert f"result {both.result_of(odd)} is of a lease that is expired" in said
    assert "crawl jobs more counted as" in said
    both.do(figures.recount)
    assert "counted as" not in "\n".join(sound(both))
    assert "credited" not in "\n".join(sound(both))
