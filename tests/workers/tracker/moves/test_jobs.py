"""Jobs come in, are held back, taken out, counted; replies are remembered; names are nobody else's."""

from __future__ import annotations

import pytest

from tests.workers.tracker.moves.world import World, a_job
from workers.tracker.moves import accounts, figures, job_state, jobs, leases, replies
from workers.tracker.moves.records import MoveRefused
from workers.tracker.store import Tx
from workers.tracker.trust import Said


def test_importing_again_or_in_pieces_adds_nothing(both: World) -> None:
    specs = [a_job(number) for number in range(2_500)]
    assert both.do(lambda tx: jobs.import_jobs(tx, both.now, specs[:1_700])) == 1_700
    assert both.do(lambda tx: jobs.import_jobs(tx, both.now, specs)) == 800
    assert both.do(lambda tx: jobs.import_jobs(tx, both.now, specs)) == 0
    assert both.do(lambda tx: jobs.import_jobs(tx, both.now, [])) == 0
    assert both.do(jobs.counts) == {"crawl": {"ready": 2_500}}


def test_the_same_job_of_another_recipe_is_another_job() -> None:
    one = jobs.content_id("crawl", 1, "plan/00001.parquet", "recipe")
    assert one == jobs.content_id("crawl", 1, "plan/00001.parquet", "recipe")
    others = [
        jobs.content_id("fetch", 1, "plan/00001.parquet", "recipe"),
        jobs.content_id("crawl", 2, "plan/00001.parquet", "recipe"),
        jobs.content_id("crawl", 1, "plan/00002.parquet", "recipe"),
        jobs.content_id("crawl", 1, "plan/00001.parquet", "recipe2"),
    ]
    assert len({one, *others}) == 5


def test_what_an_input_is_is_written_down_once(both: World) -> None:
    both.jobs(1)
    both.do(lambda tx: jobs.input_known(tx, both.now, 1, "a" * 64, 10))
    both.do(lambda tx: jobs.input_known(tx, both.now, 1, "b" * 64, 20))
    lease = both.take_one(both.worker())
    assert (lease.input_sha256, lease.input_bytes) == ("a" * 64, 10)


def test_a_job_is_taken_out_and_put_in_again(world: World) -> None:
    world.jobs(1)
    worker = world.worker()
    lease = world.take_one(worker)
    world.do(lambda tx: jobs.cancel(tx, world.now, lease.job))
    assert (world.job_state(lease.job), world.lease_state(lease)) == ("cancelled", "revoked")
    assert world.do(lambda tx: figures.overview(tx, world.now)).total_jobs == 0
    world.do(lambda tx: jobs.requeue(tx, world.now, lease.job))
    assert world.take_one(worker).fence == 2


def test_what_is_believed_is_neither_taken_out_nor_done_again(world: World) -> None:
    world.jobs(1)
    lease = world.believed(world.worker())
    for move in (jobs.cancel, jobs.requeue):
        with pytest.raises(MoveRefused) as told:
            world.do(lambda tx, move=move: move(tx, world.now, lease.job))  # type: ignore[misc]  # the loop's value
        assert told.value.status == 409
        with pytest.raises(MoveRefused) as told:
            world.do(lambda tx, move=move: move(tx, world.now, 99))  # type: ignore[misc]  # the loop's value
        assert told.value.status == 404


def test_counts_are_kept_whatever_happens_and_stay_small(both: World) -> None:
    both.jobs(20)
    worker = both.worker()
    for _ in range(10):
        lease = both.take_one(worker)
        both.do(lambda tx, lease=lease: leases.give_back(tx, both.now, worker=worker, lease=lease.lease, why=""))  # type: ignore[misc]  # the loop's value
    assert both.do(lambda tx: job_state.fold_counts(tx, most=5))
    assert len(both.rows("SELECT * FROM job_counts")) == 1
    assert both.do(jobs.counts) == {"crawl": {"ready": 20}}
    assert not both.do(lambda tx: job_state.fold_counts(tx, most=5))
    assert both.do(lambda tx: figures.fsck(tx, both.now)) == []


def test_two_accounts_cannot_have_one_name(both: World) -> None:
    def opened(token: str) -> int:
        return both.do(lambda tx: accounts.open_account(tx, both.now, name="Ada", token_digest=token, network="a"))

    number = opened("one")
    found = both.do(lambda tx: accounts.account_of(tx, both.now, "one"))
    assert found is not None
    assert (found.id, found.name, found.legacy) == (number, "Ada", False)
    assert both.do(lambda tx: accounts.account_of(tx, both.now, "two")) is None
    with pytest.raises(MoveRefused) as told:
        opened("two")
    assert told.value.status == 409


# --- replies


def once(world: World, key: str, asked: str, made: list[str], who: str = "worker 1") -> tuple[int, bytes]:
    def answer() -> tuple[int, bytes]:
        made.append(asked)
        return 200, f'{{"answer": {len(made)}, "text": "ä"}}'.encode()

    return world.do(lambda tx: replies.once(tx, world.now, who=who, key=key, asked_sha256=asked, answer=answer))


def test_the_same_key_gets_the_same_bytes_and_nothing_happens_twice(both: World) -> None:  # invariant 4
    made: list[str] = []
    first = once(both, "k", "a", made)
    assert once(both, "k", "a", made) == first
    assert made == ["a"]
    assert once(both, "k2", "a", made) != first
    assert once(both, "k", "a", made, who="worker 2") != first
    with pytest.raises(MoveRefused) as told:
        once(both, "k", "b", made)
    assert told.value.status == 409


def test_a_lost_reply_to_a_lease_costs_no_second_job(world: World) -> None:  # invariant 5
    world.jobs(3)
    worker = world.worker()

    def ask() -> tuple[int, bytes]:
        def move(tx: Tx) -> tuple[int, bytes]:
            def answer() -> tuple[int, bytes]:
                taken = leases.take(
                    tx,
                    world.now,
                    worker=worker,
                    kinds=["crawl"],
                    most=1,
                    version="1.10",
                    terms=world.terms,
                    policy=world.policy,
                )
                return 200, taken[0].lease.encode()

            return replies.once(tx, world.now, who="w", key="k", asked_sha256="a", answer=answer)

        return world.do(move)

    assert ask() == ask()
    assert world.do(jobs.counts) == {"crawl": {"leased": 1, "ready": 2}}


def test_what_was_refused_has_not_happened_and_may_be_asked_again(world: World) -> None:
    def refuse() -> tuple[int, bytes]:
        raise MoveRefused("quota", "later", 429)

    with pytest.raises(MoveRefused):
        world.do(lambda tx: replies.once(tx, world.now, who="w", key="k", asked_sha256="a", answer=refuse))
    assert once(world, "k", "a", [], who="w")[0] == 200


def test_old_replies_are_forgotten(both: World) -> None:
    once(both, "old", "a", [])
    both.now += 1_000
    once(both, "new", "a", [])
    assert both.do(lambda tx: replies.forget_old(tx, both.now, 500.0)) == 1
    assert [row["key"] for row in both.rows("SELECT key FROM replies")] == ["new"]


def test_a_bad_verdict_leaves_no_trace_of_the_job_being_done(world: World) -> None:
    world.jobs(1)
    lease = world.take_one(world.worker())
    assert world.job_state(lease.job) == "leased"
    worker = world.worker()
    world.do(lambda tx: tx.run("UPDATE leases SET worker = ?, account = ?", worker.id, worker.account))
    world.finish(worker, lease)
    world.conclude(world.result_of(lease), Said.BAD)
    assert world.do(jobs.counts) == {"crawl": {"ready": 1}}
