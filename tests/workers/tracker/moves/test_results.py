"""Results come in: once each, from the right worker, with all their files."""

from __future__ import annotations

import pytest

from tests.workers.tracker.moves.world import BEGUN, Twice, World
from workers.protocol.messages import Artefact
from workers.tracker.moves import figures, jobs, leases, uploads, workers
from workers.tracker.moves.records import LeaseRow, MoveRefused, Worker
from workers.tracker.states import UploadState, WorkerState
from workers.tracker.trust import Said


def status(world: World, worker: Worker, of: LeaseRow, files: list[Artefact], **changed: object) -> int:
    with pytest.raises(MoveRefused) as told:
        world.submit(worker, of, files, **changed)
    return told.value.status


def test_a_result_is_taken_once_and_told_again_whenever_it_is_asked(both: World) -> None:
    both.jobs(1)
    worker = both.worker()
    lease = both.take_one(worker)
    file = both.upload(worker, lease)
    assert both.submit(worker, lease, [file]) == "accepted"
    assert both.submit(worker, lease, [file]) == "duplicate"
    assert status(both, worker, lease, [file], counts={"found": 11}) == 409  # another manifest
    assert both.job_state(lease.job) == "submitted"
    assert both.row("SELECT COUNT(*) AS many FROM results")["many"] == 1


def test_a_job_cannot_be_done_without_its_files(both: World) -> None:  # defect 1, 2; invariant 13
    both.jobs(1)
    worker = both.worker()
    lease = both.take_one(worker)
    claimed = both.artefact("00000.tar", "what was promised")
    assert status(both, worker, lease, [claimed]) == 422  # never announced
    both.do(
        lambda tx: uploads.reserve(
            tx, both.now, worker=worker, lease=lease.lease, file=claimed, target="own", upload_id="up"
        )
    )
    assert status(both, worker, lease, [claimed]) == 422  # announced, not sent
    both.do(lambda tx: uploads.moved(tx, both.now, "up", claimed.bytes))
    assert status(both, worker, lease, [claimed]) == 422  # sent, not hashed
    with pytest.raises(MoveRefused):
        both.do(lambda tx: uploads.stored(tx, both.now, "up", "f" * 64))  # other bytes
    assert status(both, worker, lease, [claimed]) == 422
    both.do(lambda tx: uploads.stored(tx, both.now, "up", claimed.sha256))
    assert status(both, worker, lease, [both.artefact("00000.tar", "something else")]) == 422
    assert both.job_state(lease.job) == "leased"
    assert both.submit(worker, lease, [claimed]) == "accepted"


def test_files_of_another_lease_are_not_ones_own(
    world: World,
) -> None:  # checklist 31; invariant 13: swapped between two leases
    world.jobs(2)
    one, other = world.worker(), world.worker()
    mine, theirs = world.take_one(one), world.take_one(other)
    file = world.upload(other, theirs, "the same bytes")
    assert status(world, one, mine, [file]) == 422


@pytest.mark.parametrize("changed", [{"fence": 2}, {"job": 7}, {"number": 99}, {"kind": "score"}, {"lease": "0" * 32}])
def test_a_manifest_is_of_its_lease_and_fence_and_job(world: World, changed: dict[str, object]) -> None:
    world.jobs(1)
    worker = world.worker()
    lease = world.take_one(worker)
    file = world.upload(worker, lease)
    assert status(world, worker, lease, [file], **changed) == 422


def test_a_manifest_that_names_a_file_twice_is_refused(world: World) -> None:
    world.jobs(1)
    worker = world.worker()
    lease = world.take_one(worker)
    file = world.upload(worker, lease)
    assert status(world, worker, lease, [file, file]) == 422


def test_who_was_given_up_may_still_deliver(world: World) -> None:  # defect 8: was answered 404. invariant 6
    world.jobs(1)
    worker = world.worker()
    lease = world.take_one(worker)
    world.now += 3_600
    world.reap()
    assert world.finish(worker, lease) == "late"
    assert world.job_state(lease.job) == "submitted"
    assert world.conclude(world.result_of(lease), Said.GOOD).canonical


def test_a_late_result_is_kept_to_compare_where_somebody_else_has_finished(both: World) -> None:  # invariant 6
    both.jobs(1)
    one, other = both.worker(), both.worker()
    slow = both.take_one(one)
    both.now += 3_600
    both.reap()
    both.now += 100
    both.reap()
    quick = both.take_one(other)
    assert both.finish(other, quick) == "accepted"
    assert both.finish(one, slow) == "replica"
    assert both.conclude(both.result_of(quick), Said.GOOD).canonical
    told = both.conclude(both.result_of(slow), Said.GOOD)  # an old fence does not overwrite: invariant 7
    assert (told.state, told.canonical) == ("valid", False)
    assert both.do(lambda tx: figures.overview(tx, both.now)).replicas == 1
    assert both.do(lambda tx: figures.overview(tx, both.now)).verified_jobs == 1


def test_the_first_of_two_wins_even_if_its_lease_is_the_older(world: World) -> None:
    world.jobs(1)
    one, other = world.worker(), world.worker()
    slow = world.take_one(one)
    world.now += 3_600
    world.reap()
    world.now += 100
    world.reap()
    second = world.take_one(other)
    assert world.finish(one, slow) == "late"
    assert world.job_state(slow.job) == "submitted"
    assert world.finish(other, second) == "replica"


def test_after_its_hard_end_a_result_is_refused_and_says_why(world: World) -> None:
    world.jobs(1)
    worker = world.worker()
    lease = world.take_one(worker)
    world.upload(worker, lease)
    world.now = BEGUN + 21_600
    with pytest.raises(MoveRefused) as told:
        world.submit(worker, lease, [world.artefact("00000.tar", "crawl 0")])
    assert (told.value.code, told.value.status) == ("too_late", 410)


def test_a_result_that_was_acknowledged_stays_one_after_the_hard_end(world: World) -> None:
    world.jobs(1)
    worker = world.worker()
    lease = world.take_one(worker)
    file = world.upload(worker, lease)
    world.submit(worker, lease, [file])
    world.now = BEGUN + 100_000
    assert world.submit(worker, lease, [file]) == "duplicate"


def test_two_machines_of_one_account_are_one_opinion(world: World) -> None:
    world.jobs(1)
    account = world.account()
    one, two = world.worker(account), world.worker(account)
    slow = world.take_one(one)
    world.now += 3_600
    world.reap()
    world.now += 100
    world.reap()
    world.policy = Twice()
    quick = world.take_one(two)
    world.finish(two, quick)
    assert world.finish(one, slow) == "replica"
    assert world.job_state(slow.job) == "ready"  # still wants another account's


def test_a_job_that_was_taken_out_takes_no_result(world: World) -> None:
    world.jobs(2)
    worker, gone = world.worker(), world.worker()
    running, expired = world.take_one(worker), world.take_one(gone)
    world.now += 1_000
    world.do(lambda tx: leases.give_back(tx, world.now, worker=gone, lease=expired.lease, why=""))
    for lease in (running, expired):
        world.do(lambda tx, job=lease.job: jobs.cancel(tx, world.now, job))  # type: ignore[misc]  # the loop's value
    with pytest.raises(MoveRefused) as told:
        world.finish(worker, running)
    assert told.value.status == 403
    file = world.upload(gone, expired)
    assert status(world, gone, expired, [file]) == 403


def test_work_that_was_under_way_when_its_version_was_blocked_or_its_machine_suspended_is_taken(world: World) -> None:
    world.jobs(1)
    worker = world.worker()
    lease = world.take_one(worker)
    world.do(lambda tx: workers.set_state(tx, world.now, worker.id, WorkerState.SUSPENDED, "fails", world.now + 60))
    assert world.finish(worker, lease) == "accepted"


# --- uploads


def test_a_file_is_promised_once_and_the_answer_is_the_same_every_time(both: World) -> None:
    both.jobs(1)
    worker = both.worker()
    lease = both.take_one(worker)
    file = both.artefact("00000.tar", "bytes")

    def ask(upload: str, wanted: Artefact = file) -> str:
        return both.do(
            lambda tx: uploads.reserve(
                tx, both.now, worker=worker, lease=lease.lease, file=wanted, target="own", upload_id=upload
            )
        ).upload

    assert ask("first") == ask("second") == "first"
    with pytest.raises(MoveRefused) as told:
        ask("third", both.artefact("00000.tar", "other bytes"))
    assert told.value.status == 409
    assert both.do(uploads.promised_bytes) == 5
    both.do(lambda tx: uploads.moved(tx, both.now, "first", 3))
    both.do(lambda tx: uploads.moved(tx, both.now, "first", 2))  # an old request that comes late
    both.do(lambda tx: uploads.moved(tx, both.now, "first", 9))  # more than there is
    assert both.do(uploads.promised_bytes) == 2
    both.do(lambda tx: uploads.emptied(tx, both.now, "first"))
    assert both.do(uploads.promised_bytes) == 5
    both.do(lambda tx: uploads.stored(tx, both.now, "first", file.sha256))
    both.do(lambda tx: uploads.stored(tx, both.now, "first", file.sha256))
    assert both.do(uploads.promised_bytes) == 0


def test_a_job_has_sixty_four_files_at_most(world: World) -> None:
    world.jobs(1)
    worker = world.worker()
    lease = world.take_one(worker)

    def reserve(nth: int) -> None:
        file = world.artefact(f"{nth}.tar", "x")
        world.do(
            lambda tx: uploads.reserve(
                tx, world.now, worker=worker, lease=lease.lease, file=file, target="own", upload_id=f"u{nth}"
            )
        )

    for nth in range(64):
        reserve(nth)
    reserve(3)
    with pytest.raises(MoveRefused) as told:
        reserve(64)
    assert told.value.status == 422


def test_what_nobody_wants_any_more_is_collected_and_nothing_else(both: World) -> None:  # invariant 17
    both.jobs(4)
    worker, cheat = both.worker(), both.worker()
    waits, believed, unfinished = both.take(worker, 3)
    wrong = both.take_one(cheat)
    both.finish(worker, waits)
    both.finish(worker, believed)
    both.conclude(both.result_of(believed), Said.GOOD)
    both.finish(cheat, wrong)
    both.conclude(both.result_of(wrong), Said.BAD)
    both.upload(worker, unfinished)
    both.now += 10_000

    def collectable() -> set[str]:
        found = both.do(lambda tx: uploads.collectable(tx, both.now, older_than=3_600.0, most=10))
        return {one.upload for one in found}

    assert collectable() == {f"u-{wrong.lease}"}
    both.now += 20_000  # nobody can submit the last one any more
    assert collectable() == {f"u-{wrong.lease}", f"u-{unfinished.lease}"}
    everything = [f"u-{one.lease}" for one in (waits, believed, wrong, unfinished)]
    gone = both.do(lambda tx: uploads.gone(tx, both.now, everything))
    assert set(gone) == {f"u-{wrong.lease}", f"u-{unfinished.lease}"}
    assert collectable() == set()
    upload = both.do(lambda tx: uploads.upload_of(tx, f"u-{wrong.lease}"))
    assert upload is not None
    assert upload.state is UploadState.GONE
    with pytest.raises(MoveRefused) as told:
        both.do(lambda tx: uploads.stored(tx, both.now, f"u-{wrong.lease}", upload.sha256))
    assert told.value.status == 404
    assert both.do(lambda tx: figures.fsck(tx, both.now)) == []


def test_a_file_that_was_removed_while_its_lease_lives_may_come_again(world: World) -> None:
    world.jobs(1)
    worker = world.worker()
    lease = world.take_one(worker)
    world.upload(worker, lease)
    world.do(lambda tx: tx.run("UPDATE uploads SET state = 'gone'"))
    assert world.finish(worker, lease) == "accepted"
