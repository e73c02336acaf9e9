"""Many workers and checkers at the same time, through the real stores: what one at a time keeps, all keep together."""

from __future__ import annotations

import asyncio
import hashlib
from collections import Counter
from collections.abc import Callable

from tests.workers.tracker.moves.world import GOOD, TERMS, VERSION, Once, Twice, World, a_job, a_manifest
from workers.protocol.messages import canonical
from workers.tracker.moves import figures, jobs, leases, replies, results, revoking, uploads, verdicts
from workers.tracker.moves.records import Concluded, LeaseRow, MoveRefused, Worker
from workers.tracker.store import Store, Tx
from workers.tracker.trust import Said
from workers.tracker.trust.policy import Policy


async def crowd(store: Store, many: int, *, account_of: Callable[[int], int] = lambda nth: nth) -> list[Worker]:
    """So many workers, of the accounts that a test says."""

    def make(tx: Tx) -> list[Worker]:
        here = World(lambda move: move(tx))
        accounts = [here.account() for _ in range(many)]
        made = [here.worker(accounts[account_of(nth)]) for nth in range(many)]
        tx.run("UPDATE workers SET quota = 64")
        return [here.see(worker) for worker in made]

    return await store.do(make)


def taking(worker: Worker, now: float, most: int, policy: Policy) -> Callable[[Tx], list[LeaseRow]]:
    def move(tx: Tx) -> list[LeaseRow]:
        return leases.take(
            tx, now, worker=worker, kinds=["crawl"], most=most, version=VERSION, terms=TERMS, policy=policy
        )

    return move


def uploading(worker: Worker, lease: LeaseRow, now: float) -> Callable[[Tx], None]:
    def move(tx: Tx) -> None:
        file = World.artefact(f"{lease.number:05d}.tar", f"{lease.number}")
        upload = f"u-{lease.lease}"
        uploads.reserve(tx, now, worker=worker, lease=lease.lease, file=file, target="own", upload_id=upload)
        uploads.stored(tx, now, upload, file.sha256)

    return move


def submitting(worker: Worker, lease: LeaseRow, now: float) -> Callable[[Tx], str]:
    def move(tx: Tx) -> str:
        file = World.artefact(f"{lease.number:05d}.tar", f"{lease.number}")
        manifest = a_manifest(lease, [file])
        digest = hashlib.sha256(canonical(manifest)).hexdigest()
        return results.submit(
            tx, now, worker=worker, lease=lease.lease, manifest=manifest, manifest_sha256=digest, signature="0" * 128
        )

    return move


def judging(result: int, now: float, policy: Policy) -> Callable[[Tx], Concluded]:
    """Find a result good."""
    return lambda tx: verdicts.conclude(
        tx, now, result=result, said=Said.GOOD, signals=GOOD, policy=policy, pairs=1, bytes=1
    )


def finishing(worker: Worker, lease: LeaseRow, now: float) -> Callable[[Tx], str]:
    """Upload and submit, in one move."""

    def move(tx: Tx) -> str:
        uploading(worker, lease, now)(tx)
        return submitting(worker, lease, now)(tx)

    return move


def test_an_account_gets_no_job_twice_however_many_of_its_machines_ask_at_once(store: Store) -> None:
    async def all_at_once() -> None:
        people = await crowd(store, 12, account_of=lambda nth: nth // 3)
        await store.do(lambda tx: jobs.import_jobs(tx, 0.0, [a_job(number) for number in range(30)]))
        taken = await asyncio.gather(*(store.do(taking(worker, 1.0, 10, Twice())) for worker in people))
        had = [(worker.account, lease.job) for worker, some in zip(people, taken, strict=True) for lease in some]
        assert len(had) == len(set(had)) == 60  # each job twice
        assert max(Counter(job for _, job in had).values()) == 2
        assert await store.do(lambda tx: figures.fsck(tx, 1.0)) == []

    asyncio.run(all_at_once())


def test_of_many_results_that_come_at_once_each_job_has_one_that_is_canonical(store: Store) -> None:
    # invariant 3. Each job is submitted by two workers, each of them several times, and judged by two checkers
    async def all_at_once() -> None:
        slow, quick = await crowd(store, 2)
        await store.do(lambda tx: jobs.import_jobs(tx, 0.0, [a_job(number) for number in range(20)]))
        first = await store.do(taking(slow, 1.0, 20, Once()))
        await store.do(lambda tx: leases.reap(tx, 5_000.0))
        await store.do(lambda tx: leases.reap(tx, 6_000.0))
        second = await store.do(taking(quick, 6_001.0, 20, Once()))
        assert len(first) == len(second) == 20
        both = [(slow, lease) for lease in first] + [(quick, lease) for lease in second]
        await asyncio.gather(*(store.do(uploading(worker, lease, 6_002.0)) for worker, lease in both))
        told = await asyncio.gather(*(store.do(submitting(worker, lease, 6_002.0)) for worker, lease in both * 3))
        assert Counter(told)["duplicate"] == 80
        assert Counter(told)["replica"] == 20
        assert Counter(told)["accepted"] + Counter(told)["late"] == 20
        ids = [row["id"] for row in await store.do(lambda tx: tx.all("SELECT id FROM results"))]

        changed = await asyncio.gather(*(store.do(judging(result, 6_003.0, Once())) for result in ids * 2))
        assert sum(one.changed for one in changed) == len(ids) == 40
        chosen = await store.do(lambda tx: tx.all("SELECT job FROM results WHERE canonical = 1"))
        assert len(chosen) == len({row["job"] for row in chosen}) == 20
        assert (await store.do(lambda tx: figures.overview(tx, 6_004.0))).verified_pairs == 20
        assert await store.do(lambda tx: figures.fsck(tx, 6_004.0)) == []

    asyncio.run(all_at_once())


def test_one_key_that_comes_many_times_at_once_happens_once(store: Store) -> None:  # invariant 4, 5
    async def all_at_once() -> None:
        (worker,) = await crowd(store, 1)
        await store.do(lambda tx: jobs.import_jobs(tx, 0.0, [a_job(number) for number in range(9)]))

        def move(tx: Tx) -> tuple[int, bytes]:
            def answer() -> tuple[int, bytes]:
                return 200, taking(worker, 1.0, 1, Once())(tx)[0].lease.encode()

            return replies.once(tx, 1.0, who="w", key="k", asked_sha256="a", answer=answer)

        told = await asyncio.gather(*(store.do(move) for _ in range(20)))
        assert len(set(told)) == 1
        assert await store.do(jobs.counts) == {"crawl": {"leased": 1, "ready": 8}}

    asyncio.run(all_at_once())


def test_a_campaign_of_many_hands_ends_with_every_job_committed_once(store: Store) -> None:
    # workers, checkers, the reaper and an operator who takes a worker's results back, all at the same time
    everything = 25

    async def all_at_once() -> None:
        *honest, doubted = await crowd(store, 7)
        await store.do(lambda tx: jobs.import_jobs(tx, 0.0, [a_job(number) for number in range(everything)]))
        policy = Twice()
        ended = asyncio.Event()

        async def works(worker: Worker) -> None:
            while not ended.is_set():
                taken = await store.do(taking(worker, 1.0, 3, policy))
                for lease in taken:
                    try:
                        await store.do(finishing(worker, lease, 1.0))
                    except MoveRefused as refused:
                        if refused.status != 403:  # its lease was revoked meanwhile
                            raise
                await asyncio.sleep(0)

        async def checks(name: str) -> None:
            while not ended.is_set():
                order = await store.do(lambda tx: verdicts.next_to_check(tx, 1.0, checker=name, seconds=60.0))
                if order is None:
                    await asyncio.sleep(0)
                    continue
                await store.do(judging(order.result, 1.0, policy))

        async def promotes() -> None:
            while not ended.is_set():
                for old in await store.do(lambda tx: revoking.to_withdraw(tx, 1.0, 10)):
                    await store.do(lambda tx, result=old.result: revoking.withdrawn(tx, 1.0, result))  # type: ignore[misc]  # the loop's value
                for one in await store.do(lambda tx: verdicts.to_promote(tx, 1.0, 10)):
                    await store.do(lambda tx, result=one.result: verdicts.promoted(tx, 1.0, result))  # type: ignore[misc]  # the loop's value
                found = (await store.do(jobs.counts))["crawl"]
                if found == {"committed": everything}:
                    ended.set()
                await asyncio.sleep(0)

        async def takes_back() -> None:
            for _ in range(5):
                await store.do(lambda tx: revoking.revoke(tx, 1.0, worker=doubted.id, why="a doubt"))
                await store.do(lambda tx: leases.reap(tx, 1.0))
                await asyncio.sleep(0)

        async with asyncio.TaskGroup() as group:
            for worker in [*honest, doubted]:
                group.create_task(works(worker))
            for name in ("one", "two"):
                group.create_task(checks(name))
            group.create_task(promotes())
            group.create_task(takes_back())
        assert await store.do(lambda tx: figures.fsck(tx, 1.0)) == []
        told = await store.do(lambda tx: figures.overview(tx, 1.0))
        assert (told.verified_jobs, told.verified_pairs) == (everything, everything)

    asyncio.run(all_at_once())
