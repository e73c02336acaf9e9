"""What moves tell of uploads, results and verdicts. Import them from `records`."""

from __future__ import annotations

from dataclasses import dataclass, field

from workers.protocol.messages import Manifest
from workers.tracker.states import JobState, ResultState, UploadState, WorkerState


@dataclass(frozen=True, slots=True)
class UploadRow:
    """One file of a lease."""

    upload: str
    lease: str
    worker: int
    name: str
    bytes: int
    sha256: str
    state: UploadState
    offset: int
    target: str
    made_at: float
    moved_at: float


@dataclass(frozen=True, slots=True)
class Other:
    """Another result of a job that is looked at: it waits, or is valid."""

    result: int
    worker: int
    account: int
    version: str
    state: ResultState
    canonical: bool
    #: of the worker for this kind, when the other is looked at
    trust: WorkerState
    manifest: Manifest
    uploads: list[UploadRow]
    #: of the worker: a keyed digest. Two of one network are one opinion, as two of one account are
    network: str = ""


@dataclass(frozen=True, slots=True)
class CheckOrder:
    """One result to look at."""

    result: int
    lease: str
    worker: int
    account: int
    version: str
    kind: str
    number: int
    job: int
    #: the job's input: a name below the run folder, or an archive's address
    input: str
    form: str
    input_sha256: str
    input_bytes: int
    #: what the answer is, where it is known; else ""
    gold_json: str
    received_at: float
    #: of the worker, for this version and kind
    trust: WorkerState
    manifest: Manifest
    uploads: list[UploadRow]
    others: list[Other] = field(default_factory=list)
    #: of the worker: a keyed digest
    network: str = ""


@dataclass(frozen=True, slots=True)
class Concluded:
    """What came of a verdict.

    `changed` is False where the result had been concluded or revoked before, or waits (for another result of the job,
    or for a better time): then nothing was believed or disbelieved for it now.
    """

    result: int
    state: ResultState
    canonical: bool
    job: int
    job_state: JobState
    #: of the worker for this version and kind
    before: WorkerState
    after: WorkerState
    worker: int
    #: up to this result everything of the worker's was believed at the last good whole check
    last_good_result: int
    changed: bool = True

    @property
    def falls(self) -> bool:
        """Whether this verdict has quarantined the worker, so that what it did since must be taken back."""
        return self.after is WorkerState.QUARANTINED and self.before is not WorkerState.QUARANTINED


@dataclass(frozen=True, slots=True)
class Promotion:
    """A canonical result whose files are to go into the data set."""

    result: int
    job: int
    kind: str
    number: int
    #: of the job
    input: str
    form: str
    worker: int
    manifest: Manifest
    uploads: list[UploadRow]


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """A revoked result whose files are, or may be, in the data set. They must go before the job's next ones come in."""

    result: int
    job: int
    kind: str
    number: int


@dataclass(frozen=True, slots=True)
class Revoked:
    """What was taken back: ids of results and jobs, and what of it is to be removed from the data set.

    The list of what is to be removed lasts, too: `revoking.to_withdraw`.
    """

    results: list[int]
    jobs: list[int]
    files: list[Withdrawal]
