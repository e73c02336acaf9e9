"""What `figures` tells and `workers.tracker.pages` shows. Gold copies are in none of it; times: seconds since 1970."""

from __future__ import annotations

from dataclasses import dataclass, field

from workers.tracker.states import JobState, WorkerState


@dataclass(frozen=True, slots=True)
class Rate:
    """What was verified in one stretch of time, less what was taken back in it."""

    at: float  # its beginning
    seconds: float
    jobs: int
    pairs: int


@dataclass(frozen=True, slots=True)
class AtWork:
    """One worker that was heard of lately."""

    worker: int
    name: str
    account: str
    state: WorkerState
    leases: int
    #: of its youngest lease: kind of job, and how far it says it is
    kind: str = ""
    stage: str = ""
    done: int = 0
    total: int = 0
    seen_at: float = 0.0


@dataclass(frozen=True, slots=True)
class Overview:
    """The campaign as everybody may see it."""

    #: kind -> state -> distinct jobs; kinds without jobs are not there
    jobs: dict[str, dict[JobState, int]]
    #: of the ledger: verified, less taken back
    verified_jobs: int
    verified_pairs: int
    verified_bytes: int
    #: results that wait for a check, or are checked
    results_waiting: int
    #: results that were second opinions: verification, counted apart from progress
    replicas: int
    #: heard of in the last 15 minutes
    workers_now: int
    accounts_now: int
    #: with at least one verified job
    accounts: int
    leases_now: int
    #: the 50 heard of last, newest first
    at_work: list[AtWork] = field(default_factory=list)
    #: the last 24 whole hours and this one, oldest first
    rates: list[Rate] = field(default_factory=list)
    #: what happened in the last 24 hours, by kind of event (`events.what`)
    happened: dict[str, int] = field(default_factory=dict)
    #: "", "paused" or "drain"
    paused: str = ""

    @property
    def total_jobs(self) -> int:
        """All jobs that are to be done: those taken out by the operator are not."""
        return sum(many for states in self.jobs.values() for state, many in states.items() if state != "cancelled")

    @property
    def done_jobs(self) -> int:
        """Jobs with a canonical result that is verified, each once, however many results there were."""
        return sum(
            states.get(state, 0) for states in self.jobs.values() for state in (JobState.VERIFIED, JobState.COMMITTED)
        )


@dataclass(frozen=True, slots=True)
class Leader:
    """One account's verified work."""

    account: int
    name: str
    jobs: int
    pairs: int
    bytes: int
    workers: int
    #: of its last verified job; 0 for none
    last_at: float = 0.0


@dataclass(frozen=True, slots=True)
class Checked:
    """All signals of one check for one worker, added up."""

    name: str  # of the check
    looked: int
    wrong: int
    good: int  # verdicts
    bad: int
    odd: int


@dataclass(frozen=True, slots=True)
class HeldLease:
    """One active lease of a worker."""

    kind: str
    number: int
    stage: str
    done: int
    total: int
    granted_at: float
    expires_at: float


@dataclass(frozen=True, slots=True)
class WorkerFigures:
    """One worker's own page. No network, no key, nothing of others."""

    worker: int
    name: str
    account: str
    state: WorkerState
    #: of a suspension
    until: float | None
    version: str
    selftest_ok: bool
    quota: float
    registered_at: float
    seen_at: float
    #: kind -> what it is believed for this version
    trust: dict[str, WorkerState]
    verified_jobs: int
    verified_pairs: int
    verified_bytes: int
    #: results by state (ResultState)
    results: dict[str, int]
    #: leases by state (LeaseState), of the last 30 days
    leases: dict[str, int]
    held: list[HeldLease] = field(default_factory=list)
    checked: list[Checked] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Suspicious:
    """One worker that an operator should look at: quarantined, banned, suspect or suspended, or with bad signals."""

    worker: int
    name: str
    account: str
    state: WorkerState
    version: str
    #: of the last seven days
    bad: int
    odd: int
    #: the newest first: check, verdict, detail (at most five)
    signals: list[tuple[str, str, str]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Poisoned:
    """One job that is set aside, and what its workers said of it."""

    job: int
    kind: str
    number: int
    failures: int
    #: worker, fault, detail; the newest first
    said: list[tuple[int, str, str]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class VersionFigures:
    """One version of the client."""

    version: str
    state: str  # VersionState
    workers: int  # heard of in the last day


@dataclass(frozen=True, slots=True)
class OperatorFigures:
    """What only an operator sees."""

    overview: Overview
    #: of the oldest result that waits for a check; None where none waits
    oldest_waiting_at: float | None
    #: active leases that end within the next ten minutes, and leases that expired in the last hour and day
    expiring_soon: int
    expired_hour: int
    expired_day: int
    #: promised to uploads, and lying in the tracker's store
    promised_bytes: int
    stored_bytes: int
    #: files by state (UploadState)
    uploads: dict[str, int]
    suspicious: list[Suspicious] = field(default_factory=list)
    #: the first 100
    poisoned: list[Poisoned] = field(default_factory=list)
    versions: list[VersionFigures] = field(default_factory=list)
    #: the newest 50: time, what, detail
    events: list[tuple[float, str, str]] = field(default_factory=list)
