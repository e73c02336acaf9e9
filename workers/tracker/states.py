"""The states of everything that the tracker keeps. Which may follow which: docs/protocol.md, held by `moves`."""

from __future__ import annotations

from enum import StrEnum


class JobState(StrEnum):
    """Of a job. Each is in exactly one."""

    READY = "ready"  # wants a worker
    BACKOFF = "backoff"  # failed; wants a worker later (`not_before`)
    LEASED = "leased"  # has as many active leases and unjudged results as it needs
    SUBMITTED = "submitted"  # has as many results as it needs, which are not judged yet
    VERIFIED = "verified"  # has its canonical result, which is not in the data set yet
    COMMITTED = "committed"  # its canonical result is in the data set
    POISONED = "poisoned"  # set aside: it failed with several workers
    CANCELLED = "cancelled"  # the operator took it out


class LeaseState(StrEnum):
    """Of a lease."""

    ACTIVE = "active"
    SUBMITTED = "submitted"
    RELEASED = "released"  # given back unharmed
    FAILED = "failed"
    EXPIRED = "expired"  # its result is welcome all the same, until `hard_at`
    REVOKED = "revoked"


class ResultState(StrEnum):
    """Of a result. Of all results of a job at most one is canonical; that is a column of its own."""

    RECEIVED = "received"
    CHECKING = "checking"  # by the checker whose turn has not run out
    VALID = "valid"
    INVALID = "invalid"
    SUSPICIOUS = "suspicious"  # another worker does the job, then both are looked at together
    REVOKED = "revoked"  # was valid, and is not believed any more


class UploadState(StrEnum):
    """Of a file that a worker uploads."""

    RESERVED = "reserved"
    PARTIAL = "partial"
    STORED = "stored"  # whole, and the tracker itself has computed its SHA-256
    PROMOTED = "promoted"  # in the data set
    GONE = "gone"  # removed: of a result that is not believed, or never finished


class WorkerState(StrEnum):
    """Of one worker for one kind of job and one version; the strictest of them is shown as the worker's."""

    PROBATION = "probation"  # every job is done by another, too
    ACTIVE = "active"
    TRUSTED = "trusted"
    SUSPECT = "suspect"  # as probation, and its results since the last good check are looked at again
    SUSPENDED = "suspended"  # its machine fails jobs that others do; comes back by itself after a while
    QUARANTINED = "quarantined"  # gets no jobs until an operator has looked
    BANNED = "banned"


class VersionState(StrEnum):
    """Of a version of the client."""

    OK = "ok"
    DEPRECATED = "deprecated"
    BLOCKED = "blocked"  # gets no jobs (426)
