"""A tracker without a web: moves on a database, a clock that is set by hand, and workers that do what a test says."""

from __future__ import annotations

import hashlib
import itertools
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeVar

from workers.protocol.messages import Artefact, Machine, Manifest, Register, canonical
from workers.tracker.moves import accounts, jobs, leases, results, uploads, verdicts, workers
from workers.tracker.moves.records import Concluded, LeaseRow, NewJob, Terms, Worker
from workers.tracker.states import WorkerState
from workers.tracker.store import Row, Tx
from workers.tracker.store.migrations import SQLITE, migrate
from workers.tracker.store.sqlite_files import SqliteTx
from workers.tracker.trust import Said, Signal
from workers.tracker.trust.policy import Policy

Told = TypeVar("Told")
Do = Callable[[Callable[[Tx], Told]], Told]

TERMS = Terms(lease_seconds=1_800.0, hard_seconds=21_600.0, min_version="1.2")
VERSION = "1.10"
BEGUN = 1_800_000_000.0
ENVIRONMENT = "e" * 64


class Once(Policy, frozen=True):
    """One result is enough, and no gold: what a test of something else wants."""

    def results_wanted(self, state: WorkerState, draw: float) -> int:
        return 1

    def gives_gold(self, state: WorkerState, draw: float) -> bool:
        return False


class Twice(Once, frozen=True):
    """Every job is done by two accounts."""

    def results_wanted(self, state: WorkerState, draw: float) -> int:
        return 2


class OnlyGold(Once, frozen=True):
    """Gold wherever there is some."""

    def gives_gold(self, state: WorkerState, draw: float) -> bool:
        return True


GOOD = [Signal("web", Said.GOOD, 50)]
BAD = [Signal("parse", Said.BAD, 100, 3, "made up")]
ODD = [Signal("web", Said.ODD, 50, 20)]
SIGNALS = {Said.GOOD: GOOD, Said.BAD: BAD, Said.ODD: ODD, Said.NOTHING: []}


@contextmanager
def in_memory() -> Iterator[Callable[[Callable[[Tx], Told]], Told]]:
    """SQLite without a file: what raises leaves nothing."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("BEGIN")
    migrate(SqliteTx(connection), version=0, words=SQLITE)
    connection.execute("COMMIT")

    def do(move: Callable[[Tx], Told]) -> Told:
        connection.execute("BEGIN")
        try:
            told = move(SqliteTx(connection))
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")
        return told

    yield do
    connection.close()


@dataclass(slots=True)
class World:
    """A campaign and those who take part in it."""

    do: Callable[[Callable[[Tx], Told]], Told]
    now: float = BEGUN
    policy: Policy = field(default_factory=Once)
    terms: Terms = TERMS
    broken_by_hand: bool = False
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    def account(self, *, legacy: bool = False) -> int:
        number = next(self._numbers)
        return self.do(
            lambda tx: accounts.open_account(
                tx, self.now, name=f"account {number}", token_digest=f"token {number}", network="", legacy=legacy
            )
        )

    def worker(self, account: int | None = None, *, network: str = "", tested: bool = True) -> Worker:
        """A new machine; of a new account, if none is named."""
        owner = self.account() if account is None else account
        number = next(self._numbers)
        asked = Register(
            name=f"machine {number}", machine=Machine(cpus=4, memory_bytes=2**33, disk_bytes=2**36), version=VERSION,
            public_key=f"{number:064x}", environment=ENVIRONMENT,
        )  # fmt: skip
        self.do(
            lambda tx: workers.register(
                tx, self.now, account=owner, asked=asked, key_digest=f"key {number}", network=network
            )
        )
        worker = self.again(f"key {number}")
        if tested:
            self.do(lambda tx: workers.selftest_passed(tx, self.now, worker, VERSION, ENVIRONMENT, ok=True))
        return self.again(f"key {number}")

    def again(self, key_digest: str) -> Worker:
        found = self.do(lambda tx: workers.worker_of(tx, self.now, key_digest))
        assert found is not None
        return found

    def see(self, worker: Worker) -> Worker:
        """The worker as it is now."""
        found = self.do(lambda tx: workers.worker_by_id(tx, self.now, worker.id))
        assert found is not None
        return found

    def jobs(self, many: int, kind: str = "crawl", *, first: int = 0) -> int:
        specs = [a_job(number, kind) for number in range(first, first + many)]
        return self.do(lambda tx: jobs.import_jobs(tx, self.now, specs))

    def take(self, worker: Worker, most: int = 1, kinds: Sequence[str] = ("crawl",)) -> list[LeaseRow]:
        return self.do(
            lambda tx: leases.take(
                tx,
                self.now,
                worker=worker,
                kinds=kinds,
                most=most,
                version=VERSION,
                terms=self.terms,
                policy=self.policy,
            )
        )

    def take_one(self, worker: Worker, kind: str = "crawl") -> LeaseRow:
        (lease,) = self.take(worker, 1, (kind,))
        return lease

    @staticmethod
    def artefact(name: str, text: str) -> Artefact:
        return Artefact(name=name, bytes=len(text), sha256=hashlib.sha256(text.encode()).hexdigest())

    def upload(self, worker: Worker, lease: LeaseRow, content: str = "") -> Artefact:
        """One whole file, sent and hashed."""
        file = self.artefact(f"{lease.number:05d}.tar", content or f"{lease.kind} {lease.number}")
        upload = f"u-{lease.lease}"
        self.do(
            lambda tx: uploads.reserve(
                tx, self.now, worker=worker, lease=lease.lease, file=file, target="own", upload_id=upload
            )
        )
        self.do(lambda tx: uploads.stored(tx, self.now, upload, file.sha256))
        return file

    def submit(self, worker: Worker, of: LeaseRow, files: Sequence[Artefact], **changed: object) -> str:
        manifest = a_manifest(of, files, **changed)
        digest = hashlib.sha256(canonical(manifest)).hexdigest()
        return self.do(
            lambda tx: results.submit(
                tx,
                self.now,
                worker=worker,
                lease=of.lease,
                manifest=manifest,
                manifest_sha256=digest,
                signature="0" * 128,
            )
        )

    def finish(self, worker: Worker, lease: LeaseRow) -> str:
        """Upload and submit."""
        return self.submit(worker, lease, [self.upload(worker, lease)])

    def result_of(self, lease: LeaseRow) -> int:
        return int(self.row("SELECT id FROM results WHERE lease = ?", lease.lease)["id"])

    def conclude(
        self, result: int, said: Said, signals: Sequence[Signal] | None = None, *, pairs: int = 10
    ) -> Concluded:
        told = SIGNALS[said] if signals is None else signals
        return self.do(
            lambda tx: verdicts.conclude(
                tx, self.now, result=result, said=said, signals=told, policy=self.policy, pairs=pairs, bytes=1_000
            )
        )

    def believed(self, worker: Worker, kind: str = "crawl") -> LeaseRow:
        """One job, from its lease to a good verdict."""
        lease = self.take_one(worker, kind)
        assert self.finish(worker, lease) == "accepted"
        assert self.conclude(self.result_of(lease), Said.GOOD).canonical
        return lease

    def reap(self) -> None:
        while self.do(lambda tx: leases.reap(tx, self.now)).more:
            pass

    def job_state(self, job: int) -> str:
        return str(self.row("SELECT state FROM jobs WHERE id = ?", job)["state"])

    def lease_state(self, lease: LeaseRow) -> str:
        return str(self.row("SELECT state FROM leases WHERE id = ?", lease.lease)["state"])

    def row(self, sql: str, *values: object) -> Row:
        found = self.do(lambda tx: tx.one(sql, *values))
        assert found is not None
        return found

    def rows(self, sql: str, *values: object) -> list[Row]:
        return self.do(lambda tx: tx.all(sql, *values))


def a_job(number: int, kind: str = "crawl", **changed: object) -> NewJob:
    name = "" if kind == "extract" else f"plan/{number:05d}.parquet"
    fields: dict[str, object] = {
        "kind": kind, "number": number, "input": name, "content_id": jobs.content_id(kind, number, name, "recipe")
    }  # fmt: skip
    return NewJob(**(fields | changed))  # type: ignore[arg-type]  # a builder takes any field


def a_manifest(of: LeaseRow, files: Sequence[Artefact], **changed: object) -> Manifest:
    fields: dict[str, object] = {
        "lease": of.lease, "job": of.told_job, "fence": of.fence, "kind": of.kind, "number": of.number,
        "recipe": "recipe", "version": VERSION, "environment": ENVIRONMENT, "artefacts": list(files),
        "counts": {"found": 10},
    }  # fmt: skip
    return Manifest(**(fields | changed))  # type: ignore[arg-type]  # a builder takes any field
