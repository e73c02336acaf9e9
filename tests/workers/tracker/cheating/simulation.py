"""Honest, flaky and cheating workers at a real tracker's moves, with a fake clock and a fake world, all by one seed.

What is real: every move, the policy, the beliefs, what is asked of a result and what is made of the answers. What is
modelled: what a result is (`Truth`), how likely each look finds that out (`World`), and the network between, which
loses replies, delivers twice, and lets finished work lie until its lease is long gone.
"""

from __future__ import annotations

import random
import sqlite3
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

from workers.protocol.messages import Artefact, Machine, Manifest, Register
from workers.tracker.checking.order import WAITS, Asked, against_others, asked, independent, judge
from workers.tracker.checking.shares import Shares
from workers.tracker.checking.verdict import pronounce
from workers.tracker.moves import chance
from workers.tracker.moves.accounts import open_account
from workers.tracker.moves.jobs import import_jobs
from workers.tracker.moves.leases import give_back, held, renew
from workers.tracker.moves.reaping import reap
from workers.tracker.moves.records import CheckOrder, LeaseRow, MoveRefused, NewJob, Terms, Worker
from workers.tracker.moves.results import submit
from workers.tracker.moves.sound import fsck
from workers.tracker.moves.taking import take
from workers.tracker.moves.uploads import reserve, stored
from workers.tracker.moves.verdicts import next_to_check, promoted, to_promote
from workers.tracker.moves.workers import register, selftest_passed, worker_by_id
from workers.tracker.states import WorkerState
from workers.tracker.store.migrations import SQLITE, migrate
from workers.tracker.store.sqlite_files import SqliteTx
from workers.tracker.trust import Said, Signal
from workers.tracker.trust.beliefs import is_bound, is_whole
from workers.tracker.trust.policy import Policy

HEX = "0" * 64


@dataclass(frozen=True, slots=True)
class Truth:
    """What a result really is. `share` of its rows are a lie of this kind; "" and 0 for an honest one."""

    lie: str = ""
    share: float = 0.0
    #: two results of a job with the same mark are the same to the byte: the honest ones, and those of conspirators
    mark: str = "honest"
    pairs: int = 100

    @property
    def is_honest(self) -> bool:
        return not self.lie


@dataclass(slots=True)
class World:
    """How likely each look finds out what; docs/trust.md has the real numbers of the same."""

    chance: random.Random
    #: of honest rows, those that the web answers otherwise the second time, and the dead ones (tracker.md, I34)
    drift: float = 0.15
    #: canaries among the rows of a job; 0: the campaign has none
    canaries: int = 0
    #: comparisons allow for what the web changes
    forgives: bool = False
    #: wrong addresses of 50 from which on a result is odd (tracker.md 3.1: false alarm < 1e-4 at 15 %)
    web_limit: int = 19

    def structure(self, truth: Truth) -> Signal:
        return self._said("structure", truth.lie in {"nothing_done", "empty"})

    def parse(self, truth: Truth, sample: int) -> Signal:
        return self._said("parse", self._hit(truth, {"fabricated", "omitted"}, sample), sample)

    def score(self, truth: Truth, sample: int) -> Signal:
        return self._said("score", self._hit(truth, {"scores"}, sample), sample)

    def canary(self, truth: Truth) -> Signal:
        """A canary among the made-up rows has the wrong bytes, and one that is called dead is odd."""
        if truth.lie == "dead" and truth.share > 0.9:
            return Signal("canary", Said.ODD, self.canaries)
        return self._said("canary", self._hit(truth, {"fabricated", "swapped"}, self.canaries), self.canaries)

    def web(self, truth: Truth, sample: int) -> Signal:
        wrong = sum(
            self.chance.random() < self.drift or (bool(truth.lie) and self.chance.random() < truth.share)
            for _ in range(sample)
        )
        said = Said.ODD if wrong >= self.web_limit * sample / 50 else Said.GOOD
        return Signal("web", said, sample, wrong)

    def are_alike(self, one: Truth, other: Truth) -> bool:
        """Whether a comparison of two results of one job finds nothing.

        What can be computed again is compared to the letter; where the web decides, less than a tenth is not seen.
        """
        return one.mark == other.mark or (self.forgives and max(one.share, other.share) < 0.1)

    def _hit(self, truth: Truth, lies: set[str], sample: int) -> bool:
        return truth.lie in lies and self.chance.random() < 1.0 - (1.0 - truth.share) ** sample

    @staticmethod
    def _said(name: str, found: bool, looked: int = 1) -> Signal:
        return Signal(name, Said.BAD if found else Said.GOOD, looked, int(found))


#: what a worker makes of a job, given its trust as it may guess it: the number of its results so far
Behaviour = Callable[[random.Random, int, int], Truth]


def honest(_draw: random.Random, _job: int, _done: int) -> Truth:
    return Truth()


def flaky(draw: random.Random, job: int, done: int) -> Truth:
    """A machine that errs now and then: 0.2 % of results (tracker.md, section 10: Kondo)."""
    return Truth("scores", 1.0, f"flaky {job} {done}") if draw.random() < 0.002 else Truth()


def lying(lie: str, share: float, *, after: int = 0, often: float = 1.0, gang: str = "") -> Behaviour:
    """A cheat: from its result number `after` on, with this probability, this share of the rows is a lie."""

    def behave(draw: random.Random, job: int, done: int) -> Truth:
        if done < after or draw.random() >= often:
            return Truth()
        return Truth(
            lie, share, f"{gang} {job}" if gang else f"{lie} {job} {draw.random()}", pairs=0 if lie == "dead" else 100
        )

    return behave


@dataclass(slots=True)
class Volunteer:
    """One worker, and what it has in its spool."""

    name: str
    account: int
    worker: int
    behaviour: Behaviour
    #: leases that it works at, and since when; what is finished and not delivered yet
    working: list[LeaseRow] = field(default_factory=list)
    finished: list[LeaseRow] = field(default_factory=list)
    done: int = 0
    #: turns that it lets go by after there was nothing for it
    rests: int = 0
    #: gives back jobs that look poor to it: number -> keeps
    keeps: Callable[[int], bool] = lambda _number: True


@cache
def empty_database() -> sqlite3.Connection:
    """Tables without rows: copying them is faster than making them."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.row_factory = sqlite3.Row
    migrate(SqliteTx(connection), version=0, words=SQLITE)
    return connection


@dataclass(slots=True)
class Simulation:
    """A campaign of one kind of job, and all that takes part in it."""

    seed: int
    kind: str = "extract"
    policy: Policy = field(default_factory=Policy)
    canaries: int = 0
    #: of messages between worker and tracker: lost, and delivered twice; of finished jobs: delivered hours later
    lost: float = 0.0
    twice: float = 0.0
    late: float = 0.0
    now: float = 1_000_000.0
    volunteers: list[Volunteer] = field(default_factory=list)
    truths: dict[str, Truth] = field(default_factory=dict)  # by lease
    shares: Shares = field(default_factory=Shares)
    judged: Counter[int] = field(default_factory=Counter)  # results with a verdict, by worker
    lies_judged: Counter[int] = field(default_factory=Counter)  # of them, those that were lies
    fallen: dict[int, int] = field(default_factory=dict)  # worker -> results judged when it was quarantined
    suspected: dict[int, int] = field(default_factory=dict)  # the same, when it was first not believed
    wrong_revocations: list[str] = field(default_factory=list)
    lone_opinions: list[str] = field(default_factory=list)
    draw: random.Random = field(init=False)
    world: World = field(init=False)
    tx: SqliteTx = field(init=False)

    def __post_init__(self) -> None:
        self.draw = random.Random(self.seed)
        self.world = World(
            random.Random(self.seed + 1), canaries=self.canaries, forgives=self.kind in {"fetch", "crawl"}
        )
        connection = sqlite3.connect(":memory:", isolation_level=None, cached_statements=512)
        connection.row_factory = sqlite3.Row
        empty_database().backup(connection)
        connection.execute("BEGIN")
        self.tx = SqliteTx(connection)
        chance._source = random.Random(self.seed + 2)

    # --- who and what

    def add_jobs(self, count: int, *, gold: int = 0) -> None:
        start = self._number("SELECT COUNT(*) FROM jobs")
        jobs = [NewJob(self.kind, n, f"job {n}", f"input {n}") for n in range(start, start + count)]
        jobs += [
            NewJob(self.kind, 10_000 + n, f"gold {n}", f"input {n}", gold_json='{"of": 0, "folder": "gold"}')
            for n in range(gold)
        ]
        import_jobs(self.tx, self.now, jobs)
        for row in self.tx.all("SELECT id FROM jobs WHERE state = 'ready' ORDER BY id"):
            self.tx.run("UPDATE jobs SET shuffle = ? WHERE id = ?", self.draw.randrange(2**31), row["id"])

    def join(self, name: str, behaviour: Behaviour = honest, *, account: int = 0, network: str = "") -> Volunteer:
        network = network or f"network of {name}"
        if not account:
            account = open_account(self.tx, self.now, name=name, token_digest=f"token {name}", network=network)
        asked_for = Register(
            machine=Machine(cpus=1, memory_bytes=1, disk_bytes=1), version="1.0", public_key=HEX, environment=HEX
        )
        worker = register(
            self.tx, self.now, account=account, asked=asked_for, key_digest=f"key {name}", network=network
        )
        found = self._worker(worker)
        selftest_passed(self.tx, self.now, found, "1.0", HEX, ok=True)
        self.volunteers.append(Volunteer(name, account, worker, behaviour))
        return self.volunteers[-1]

    def trusted(self, volunteer: Volunteer) -> Volunteer:
        """It has been honest for so long that it is trusted."""
        self.tx.run(
            "INSERT INTO trust (account, worker, version, kind, good, bad, state, checked_at) VALUES (?, ?, '1.0', ?, 201, 1, 'trusted', ?)",
            volunteer.account,
            volunteer.worker,
            self.kind,
            self.now,
        )
        return volunteer

    # --- one step of time

    def run(self, steps: int) -> None:
        """So many things happen, in an order that the seed decides."""
        for _ in range(steps):
            self.step()

    def finish(self, most: int = 100_000) -> None:
        """Until every job is in the data set, or nobody is left who could do more."""
        for _ in range(most // 20):
            self.run(20)
            if not self._number(
                "SELECT COUNT(*) FROM jobs WHERE gold = 0 AND state <> 'committed' AND state <> 'poisoned'"
            ):
                return

    def step(self) -> None:
        self.now += self.draw.expovariate(1 / 20.0)
        where = self.draw.random()
        if where < 0.02:
            reap(self.tx, self.now)
        elif where < 0.35:
            self.check()
        else:
            self.act(self.draw.choice(self.volunteers))

    def act(self, volunteer: Volunteer) -> None:
        """A worker does the next thing: delivers, works, or asks for jobs."""
        if volunteer.finished and self.draw.random() < 0.7:
            self.deliver(volunteer, self.draw.choice(volunteer.finished))
        elif volunteer.working:
            lease = volunteer.working.pop(self.draw.randrange(len(volunteer.working)))
            if not volunteer.keeps(lease.number):
                self._try(
                    lambda: give_back(
                        self.tx, self.now, worker=self._worker(volunteer.worker), lease=lease.lease, why=""
                    )
                )
                return
            self.truths[lease.lease] = volunteer.behaviour(self.draw, lease.number, volunteer.done)
            volunteer.done += 1
            volunteer.finished.append(lease)
            if self.draw.random() < self.late:
                self.now += self.draw.choice((3_600.0, 7_200.0, 40_000.0))
        elif volunteer.rests:
            volunteer.rests -= 1
        else:
            self.ask(volunteer)
            volunteer.rests = 0 if volunteer.working else 10

    def ask(self, volunteer: Volunteer) -> None:
        """Ask for jobs; where the reply is lost it asks later what it holds, as a worker that was killed does."""
        worker = self._worker(volunteer.worker)
        if self.draw.random() < self.lost:
            known = {one.lease for one in volunteer.finished}
            volunteer.working = [one for one in held(self.tx, self.now, worker) if one.lease not in known]
            return
        leases = self._try(
            lambda: take(
                self.tx,
                self.now,
                worker=worker,
                kinds=[self.kind],
                most=2,
                version="1.0",
                terms=Terms(),
                policy=self.policy,
            )
        )
        if leases and self.draw.random() >= self.lost:
            volunteer.working += leases
            if self.draw.random() < 0.3:
                self._try(
                    lambda: renew(
                        self.tx,
                        self.now,
                        worker=worker,
                        lease=leases[0].lease,
                        stage="",
                        done=0,
                        total=0,
                        terms=Terms(),
                    )
                )

    def deliver(self, volunteer: Volunteer, lease: LeaseRow) -> None:
        """Upload and submit; the request or its answer may be lost, and what is delivered may come twice."""
        if self.draw.random() < self.lost / 2:
            return
        answered = self._try(lambda: self._submit(volunteer, lease))
        if self.draw.random() < self.twice:
            self._try(lambda: self._submit(volunteer, lease))
        if self.draw.random() >= self.lost / 2 or answered is None:
            volunteer.finished.remove(lease)

    def check(self) -> None:
        """The checker looks at one result, and promotes what is believed."""
        order = next_to_check(self.tx, self.now, checker="checker", seconds=3600.0)
        if order is None:
            return
        unbound = self.shares.with_one_more(order.kind, order.account)
        wanted = asked(order, self.policy, self.draw.random(), unbound)
        judgement = judge(order, self.signals(order, wanted), self.policy, unbound)
        expected = self._to_be_taken_back(order)
        before = self._revoked()
        concluded = pronounce(
            self.tx,
            self.now,
            order=order,
            judgement=judgement,
            policy=self.policy,
            figures={"kept": self._truth(order).pairs},
        )
        if not concluded.changed:
            return
        self.judged[order.worker] += 1
        self.lies_judged[order.worker] += not self._truth(order).is_honest
        if concluded.after in {WorkerState.SUSPECT, WorkerState.QUARANTINED}:
            self.suspected.setdefault(order.worker, self.judged[order.worker])
        if concluded.after is WorkerState.QUARANTINED:
            self.fallen.setdefault(order.worker, self.judged[order.worker])
        if judgement.said is Said.BAD or concluded.falls:
            taken = self._revoked() - before
            if taken != (expected - {order.result} if judgement.said is Said.BAD else expected):
                self.wrong_revocations.append(f"result {order.result}: took {taken}, not {expected}")
        if any(one.name == "replica" and one.said is Said.GOOD for one in judgement.signals):
            self._check_opinions(order)
        if concluded.canonical:
            self.shares.add(order.kind, order.account, bound=is_bound(judgement.signals, order.kind))
        for one in to_promote(self.tx, self.now, 4):
            promoted(self.tx, self.now, one.result)

    def signals(self, order: CheckOrder, wanted: Asked) -> list[Signal]:
        """What the looks say: as `checking.looks.look`, in a world of truths."""
        truth, world = self._truth(order), self.world
        signals = [world.structure(truth)]
        if self.canaries and order.kind in {"fetch", "crawl"}:
            signals.append(world.canary(truth))
        for sample, one in ((wanted.parse, world.parse), (wanted.score, world.score), (wanted.web, world.web)):
            if sample:
                signals.append(one(truth, sample))
        if wanted.gold:
            signals.append(Signal("gold", Said.GOOD if world.are_alike(truth, Truth()) else Said.BAD, 1))
        if wanted.replicas:
            others = [self._truth_of_result(one.result) for one in independent(order)]
            differing = [one for one in others if not world.are_alike(truth, one)]
            if len(differing) == len(others) and any(self._is_wrong_by_itself(one, wanted) for one in differing):
                return [*signals, Signal(WAITS, Said.NOTHING)]
            signals.append(against_others(len(others) - len(differing), len(differing)))
        return signals

    def _is_wrong_by_itself(self, truth: Truth, wanted: Asked) -> bool:
        looks = [
            self.world.structure(truth),
            self.world.parse(truth, wanted.parse),
            self.world.score(truth, wanted.score),
        ]
        return any(one.said is Said.BAD for one in looks)

    # --- what must hold

    def problems(self) -> list[str]:
        """Everything that must not be; empty where all is well."""
        said = fsck(self.tx, self.now) + self.wrong_revocations
        for one in self.volunteers:
            if self.state(one) is WorkerState.QUARANTINED and not self.lies_judged[one.worker]:
                said.append(f"{one.name} never lied, and is quarantined")
        said += self.lone_opinions
        for row in self.tx.all("SELECT account, SUM(jobs) AS jobs, SUM(pairs) AS pairs FROM ledger GROUP BY account"):
            own = self.data_set(row["account"])
            if (row["jobs"], row["pairs"]) != (len(own), sum(one.pairs for one in own)):
                said.append(
                    f"account {row['account']}: the ledger has {row['jobs']} jobs, the data set {len(own)}"
                )  # invariant 28
        if self._number(
            "SELECT COUNT(*) FROM results r JOIN jobs j ON j.id = r.job WHERE r.canonical = 1 AND j.gold = 1"
        ):
            said.append("a gold job is in the data set")  # invariant 26
        return said

    def data_set(self, account: int | None = None) -> list[Truth]:
        """What is believed."""
        rows = self.tx.all("SELECT lease, account FROM results WHERE canonical = 1")
        return [self.truths[row["lease"]] for row in rows if account in {None, row["account"]}]

    def state(self, volunteer: Volunteer) -> WorkerState:
        row = self.tx.one("SELECT state FROM trust WHERE worker = ? AND kind = ?", volunteer.worker, self.kind)
        return WorkerState.PROBATION if row is None else WorkerState(row["state"])

    # --- small things

    def _check_opinions(self, order: CheckOrder) -> None:
        """Somebody agreed with this result: it must have been another account, in another network (invariant 24)."""
        rows = self.tx.all(
            "SELECT r.account, w.network FROM results r JOIN workers w ON w.id = r.worker WHERE r.job = ? AND r.id <> ?",
            order.job,
            order.result,
        )
        own = self._worker(order.worker)
        if not any(row["account"] != own.account and row["network"] != own.network for row in rows):
            self.lone_opinions.append(f"result {order.result} agreed with nobody but its own account or network")

    def _to_be_taken_back(self, order: CheckOrder) -> set[int]:
        """By another way than the moves: what this worker did since the last whole good look."""
        last = 0
        for row in self.tx.all("SELECT DISTINCT result FROM signals WHERE worker = ?", order.worker):
            told = self.tx.all("SELECT name, verdict FROM signals WHERE result = ?", row["result"])
            if is_whole([Signal(one["name"], Said(one["verdict"])) for one in told]):
                last = max(last, row["result"])
        open_states = ("received", "checking", "suspicious", "valid")
        rows = self.tx.all("SELECT id, state FROM results WHERE worker = ?", order.worker)
        return {row["id"] for row in rows if row["id"] > last and row["state"] in open_states}

    def _revoked(self) -> set[int]:
        return {row["id"] for row in self.tx.all("SELECT id FROM results WHERE state = 'revoked'")}

    def _submit(self, volunteer: Volunteer, lease: LeaseRow) -> str:
        worker = self._worker(volunteer.worker)
        file = Artefact(name=f"{lease.number:05d}.tar", bytes=1, sha256=HEX)
        upload = reserve(
            self.tx, self.now, worker=worker, lease=lease.lease, file=file, target="disk", upload_id=lease.lease
        )
        stored(self.tx, self.now, upload.upload, HEX)
        manifest = Manifest(
            lease=lease.lease, job=lease.told_job, fence=lease.fence, kind=lease.kind, number=lease.number, recipe="r",
            version="1.0", environment=HEX, artefacts=[file], counts={},
        )  # fmt: skip
        return submit(
            self.tx, self.now, worker=worker, lease=lease.lease, manifest=manifest, manifest_sha256=HEX, signature=""
        )

    def _try(self, move: Callable[[], Any]) -> Any:
        """What the move gives; False where it is refused: the worker gives up on that."""
        self.tx.run("SAVEPOINT one")
        try:
            return move()
        except MoveRefused:
            self.tx.run("ROLLBACK TO one")
            return False
        finally:
            self.tx.run("RELEASE one")

    def _worker(self, worker: int) -> Worker:
        found = worker_by_id(self.tx, self.now, worker)
        assert found is not None
        return replace(found, quota=4)

    def _truth(self, order: CheckOrder) -> Truth:
        return self.truths[order.lease]

    def _truth_of_result(self, result: int) -> Truth:
        row = self.tx.one("SELECT lease FROM results WHERE id = ?", result)
        assert row is not None
        return self.truths[row["lease"]]

    def _number(self, sql: str) -> int:
        row = self.tx.one(sql)
        assert row is not None
        return int(next(iter(dict(row).values())))

    def free_jobs(self) -> int:
        """Jobs that anybody could take."""
        return self._number("SELECT COUNT(*) FROM jobs WHERE state = 'ready'")
