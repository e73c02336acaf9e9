"""What moves are given and what they tell: small and frozen. Times are seconds since 1970 by the tracker's clock."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Protocol

import msgspec

from workers.tracker.moves.result_records import (
    CheckOrder,
    Concluded,
    Other,
    Promotion,
    Revoked,
    UploadRow,
    Withdrawal,
)
from workers.tracker.states import LeaseState, WorkerState

__all__ = [
    "Account",
    "CheckOrder",
    "Concluded",
    "LeaseRow",
    "MoveRefused",
    "NewJob",
    "Other",
    "Promotion",
    "Reaped",
    "Redundancy",
    "Renewed",
    "Revoked",
    "Terms",
    "UploadRow",
    "Withdrawal",
    "Worker",
    "told_job",
]


class MoveRefused(Exception):  # noqa: N818 - an answer, not an error of ours
    """What a client may not do, as it is told: `code` for programs, `message` says what to do, `status` for HTTP.

    Moves raise it before they have written anything.
    """

    def __init__(self, code: str, message: str, status: int, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.code, self.message, self.status, self.retry_after = code, message, status, retry_after


class Redundancy(Protocol):
    """What moves ask of `workers.tracker.trust.policy.Policy`."""

    def results_wanted(self, state: WorkerState, draw: float) -> int:
        """How many results of different accounts a job wants that this worker gets."""
        ...

    def gives_gold(self, state: WorkerState, draw: float) -> bool:
        """Whether it gets one whose answer is known."""
        ...


# --- who


@dataclass(frozen=True, slots=True)
class Account:
    """A person or a group."""

    id: int
    name: str
    legacy: bool


@dataclass(frozen=True, slots=True)
class Worker:
    """One machine of an account."""

    id: int
    account: int
    name: str
    version: str
    environment: str
    public_key: str
    #: the operator's word, or the machine's suspension; what it is believed for each kind stands in `trust`
    state: WorkerState
    selftest_ok: bool
    quota: float
    network: str
    legacy: bool
    #: when a suspension ends
    until: float | None = None


# --- jobs and leases


class NewJob(msgspec.Struct, frozen=True):
    """One job to import. Its `content_id` is a digest, hex: `jobs.content_id` makes it.

    A gold copy has a `gold_json`, a content id of its own, and the kind, number and input of the job it copies;
    its `gold_json` is an object whose `of`, where there, is the id of that job: whoever has done that does not get it.
    """

    kind: str
    number: int
    content_id: str
    input: str
    form: str = ""
    input_sha256: str = ""
    input_bytes: int = 0
    gold_json: str = ""


@dataclass(frozen=True, slots=True)
class Terms:
    """Of leases; in seconds."""

    lease_seconds: float = 1800.0
    hard_seconds: float = 6 * 3600.0
    #: older versions get no jobs
    min_version: str = "0"


@dataclass(frozen=True, slots=True)
class LeaseRow:
    """One lease with what its job is."""

    lease: str
    job: int
    fence: int
    kind: str
    number: int
    form: str
    input: str
    input_sha256: str
    input_bytes: int
    expires_at: float
    hard_at: float
    state: LeaseState

    @property
    def told_job(self) -> int:
        """The job as its worker is told it: see `told_job`."""
        return told_job(self.lease)


def told_job(lease: str) -> int:
    """The number that stands for a job in what a worker is told: another one in every lease of it.

    A gold copy is made later than most jobs, so that its id would give it away. `submit` knows both numbers.
    """
    return int.from_bytes(hashlib.sha256(f"job of {lease}".encode()).digest()[:6])


@dataclass(frozen=True, slots=True)
class Renewed:
    """What a heartbeat is told. `action`: "continue", "abandon" (not wanted any more), "drain" (finish, then stop)."""

    expires_in: float
    action: str


@dataclass(frozen=True, slots=True)
class Reaped:
    """What a round of the reaper did; `more`: there is more to do at once."""

    expired: int
    woken: int
    poisoned: int
    suspended: int
    more: bool
