"""What the tracker should do, written down once more without a database: for the stateful test to compare with."""

from __future__ import annotations

from dataclasses import dataclass, field

from workers.tracker.moves.records import LeaseRow

PENDING = {"received", "checking", "suspicious"}


@dataclass
class AResult:
    id: int
    job: int
    account: int
    worker: int
    digest: str
    state: str = "received"
    canonical: bool = False
    in_data: bool = False


@dataclass
class ALease:
    row: LeaseRow
    account: int
    worker: int
    state: str = "active"
    expires_at: float = 0.0
    hard_at: float = 0.0
    stored: bool = False
    result: AResult | None = None


@dataclass
class AJob:
    id: int
    need: int = 1
    committed: bool = False
    cancelled: bool = False
    leases: list[ALease] = field(default_factory=list)

    @property
    def results(self) -> list[AResult]:
        return [lease.result for lease in self.leases if lease.result is not None]

    @property
    def done(self) -> set[int]:
        return {one.account for one in self.results if one.state in PENDING}

    @property
    def taken(self) -> set[int]:
        return self.done | {one.account for one in self.leases if one.state == "active"}

    @property
    def canonical(self) -> AResult | None:
        chosen = [one for one in self.results if one.canonical]
        assert len(chosen) <= 1
        return chosen[0] if chosen else None

    @property
    def state(self) -> str:
        """`free` stands for ready, backoff and poisoned, which chance, time and the failures before have to tell."""
        if self.cancelled:
            return "cancelled"
        if self.canonical:
            return "committed" if self.committed else "verified"
        if len(self.done) >= self.need:
            return "submitted"
        return "leased" if len(self.taken) >= self.need else "free"

    def settle(self) -> None:
        if not self.taken:
            self.need = 1

    def bars(self, account: int) -> bool:
        """Whether the account must not get it. (Nobody's rest after a wrong result ends within a run of this test.)"""
        return account in self.taken or any(one.account == account and one.state == "invalid" for one in self.results)


@dataclass
class Tracker:
    jobs: dict[int, AJob] = field(default_factory=dict)
    #: result -> what it is worth, by its rows
    ledger: dict[int, int] = field(default_factory=dict)

    @property
    def leases(self) -> list[ALease]:
        return [lease for job in self.jobs.values() for lease in job.leases]

    @property
    def results(self) -> list[AResult]:
        return [one for job in self.jobs.values() for one in job.results]

    def taken(self, row: LeaseRow, account: int, worker: int, need: int) -> None:
        job = self.jobs[row.job]
        assert job.state == "free", "a job was leased that nobody should get"
        assert not job.bars(account), "an account got a job twice"
        assert row.fence == len(job.leases) + 1
        job.need = max(job.need, need)
        job.leases.append(ALease(row, account, worker, expires_at=row.expires_at, hard_at=row.hard_at))

    def ended(self, lease: ALease, state: str) -> None:
        lease.state = state
        self.jobs[lease.row.job].settle()

    def outcome(self, lease: ALease, digest: str, now: float) -> str | int:
        """What a submitter is told: a word, or the status of a refusal."""
        job = self.jobs[lease.row.job]
        if lease.result is not None:
            return "duplicate" if lease.result.digest == digest else 409
        if lease.state == "revoked":
            return 403
        if now >= lease.hard_at:
            return 410
        if job.cancelled:
            return 403
        if not lease.stored:
            return 422
        if job.state in {"submitted", "verified", "committed"} or lease.account in job.done:
            return "replica"
        return "accepted" if lease.state == "active" else "late"

    def submitted(self, lease: ALease, result: int, digest: str) -> None:
        lease.result = AResult(result, lease.row.job, lease.account, lease.worker, digest)
        self.ended(lease, "submitted")

    def concluded(self, result: AResult, said: str) -> str:
        """The result's state afterwards."""
        job = self.jobs[result.job]
        if result.state not in PENDING:
            return result.state
        waits = said == "good" and job.canonical is None and len(job.done) < job.need
        if said == "nothing" or waits:
            if result.state != "suspicious":
                result.state = "received"
            return result.state
        first = job.canonical is None
        result.state = {"good": "valid", "bad": "invalid", "odd": "suspicious"}[said]
        if said == "good" and first:
            result.canonical = True
            self.ledger[result.id] = self.ledger.get(result.id, 0) + 1
            for one in job.results:
                if one.state == "suspicious":
                    one.state = "received"
        if said == "odd" and first:
            job.need += 1
        job.settle()
        return result.state

    def revoked(self, results: list[AResult]) -> None:
        for one in results:
            job = self.jobs[one.job]
            if one.state in {"invalid", "revoked"}:
                continue
            if one.canonical:
                self.ledger[one.id] -= 1
                one.in_data, one.canonical, job.committed = True, False, False
                one.state = "revoked"
                for other in job.results:  # replicas may take its place
                    if other.state == "valid":
                        other.state = "received"
            one.state = "revoked"
            job.settle()
