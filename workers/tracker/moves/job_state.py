"""The one way in which a job changes its state: with its counts, and as what its leases and results say."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace

from workers.tracker.states import JobState
from workers.tracker.store import Row, Tx

#: a job in these has all the results that it needs, so that they are looked at
DECIDABLE = frozenset({JobState.SUBMITTED, JobState.VERIFIED, JobState.COMMITTED})
#: of a SELECT that `JobNow.of` reads
COLUMNS = "id, kind, number, gold, state, need, fence, not_before, failures"


@dataclass(frozen=True, slots=True)
class JobNow:
    """A job as it stands in the database, locked for this transaction."""

    id: int
    kind: str
    number: int
    gold: bool
    state: JobState
    need: int
    fence: int
    not_before: float
    failures: int

    @classmethod
    def of(cls, row: Row) -> JobNow:
        """From a row with COLUMNS."""
        return cls(
            row["id"], row["kind"], row["number"], row["gold"] == 1, JobState(row["state"]),
            row["need"], row["fence"], row["not_before"], row["failures"],
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Standing:
    """What a job has. Counted are accounts: two results of one account are one opinion."""

    #: accounts with a result that waits, is being looked at, or is suspicious
    done: int
    #: accounts with such a result or an active lease
    taken: int
    canonical: bool


def locked(tx: Tx, job: int) -> JobNow:
    """The job; nobody else changes it, its leases or its results before this transaction ends.

    Every move locks a job before its leases, results and workers, and several jobs in the order of their ids.
    """
    row = tx.one(f"SELECT {COLUMNS} FROM jobs WHERE id = ?{tx.lock}", job)  # noqa: S608 - constants
    assert row is not None, f"a lease or result names job {job}, which is not there"
    return JobNow.of(row)


def locked_if_free(tx: Tx, job: int) -> JobNow | None:
    """The same; None where another transaction has it: this one does not wait."""
    row = tx.one(f"SELECT {COLUMNS} FROM jobs WHERE id = ?{tx.skip_locked}", job)  # noqa: S608 - constants
    return None if row is None else JobNow.of(row)


def standing(tx: Tx, job: int) -> Standing:
    """What the job has, read from its leases and results."""
    row = tx.one(
        "SELECT (SELECT COUNT(DISTINCT account) FROM results WHERE job = ?"
        " AND state IN ('received', 'checking', 'suspicious')) AS done,"
        " (SELECT COUNT(*) FROM (SELECT account FROM results WHERE job = ?"
        " AND state IN ('received', 'checking', 'suspicious')"
        " UNION SELECT account FROM leases WHERE job = ? AND state = 'active') AS both_of_them) AS taken,"
        " (SELECT COUNT(*) FROM results WHERE job = ? AND canonical = 1) AS canonical",
        job, job, job, job,
    )  # fmt: skip
    assert row is not None
    return Standing(row["done"], row["taken"], row["canonical"] > 0)


def state_for(job: JobNow, has: Standing, now: float) -> JobState:
    """The state that a job is in, given what it has. Pure; `fsck` asks the same."""
    if job.state is JobState.CANCELLED:
        return JobState.CANCELLED
    if has.canonical:
        return JobState.COMMITTED if job.state is JobState.COMMITTED else JobState.VERIFIED
    if has.done >= job.need:
        return JobState.SUBMITTED
    if job.state is JobState.POISONED:
        return JobState.POISONED
    if has.taken >= job.need:
        return JobState.LEASED
    return JobState.BACKOFF if job.not_before > now else JobState.READY


def settle(tx: Tx, now: float, job: JobNow) -> JobNow:
    """Put the job into the state that follows from its leases and results; returns it as it is then.

    A job that nobody has, and that has no result, wants one again: its last taker may have wanted more.
    """
    has = standing(tx, job.id)
    changed = replace(job, need=1) if has.taken == 0 and job.need != 1 else job
    return to_state(tx, changed, state_for(changed, has, now), was=job.state)


def to_state(tx: Tx, job: JobNow, new: JobState, *, was: JobState | None = None) -> JobNow:
    """Write the job down in its new state, with need, fence, not_before and failures as `job` has them.

    Nothing else writes `jobs.state`: the counts would not follow.
    """
    was = job.state if was is None else was
    tx.run(
        "UPDATE jobs SET state = ?, need = ?, fence = ?, not_before = ?, failures = ? WHERE id = ?",
        new.value, job.need, job.fence, job.not_before, job.failures, job.id,
    )  # fmt: skip
    if new is not was:
        tx.run(
            "INSERT INTO job_counts (kind, gold, state, jobs) VALUES (?, ?, ?, -1), (?, ?, ?, 1)",
            job.kind, int(job.gold), was.value, job.kind, int(job.gold), new.value,
        )  # fmt: skip
        if (new in DECIDABLE) != (was in DECIDABLE):
            tx.run("UPDATE results SET due = ? WHERE job = ?", int(new in DECIDABLE or job.gold), job.id)
    return replace(job, state=new)


def counted(tx: Tx, changes: Counter[tuple[str, int, str]]) -> None:
    """Add to the counts: (kind, gold, state) to how many more."""
    rows: list[tuple[object, ...]] = [(*key, more) for key, more in changes.items() if more]
    if rows:
        tx.many("INSERT INTO job_counts (kind, gold, state, jobs) VALUES (?, ?, ?, ?)", rows)


def fold_counts(tx: Tx, most: int = 2_000) -> bool:
    """Make few rows of many where there are more than `most`; the sums stay. Whether it did."""
    told = tx.one("SELECT COUNT(*) AS many FROM job_counts")
    if told is None or told["many"] <= most:
        return False
    sums: Counter[tuple[str, int, str]] = Counter()
    for row in tx.all("DELETE FROM job_counts RETURNING kind, gold, state, jobs"):
        sums[row["kind"], row["gold"], row["state"]] += row["jobs"]
    counted(tx, sums)
    return True


def told(tx: Tx, now: float, what: str, *, worker: int | None = None, job: int | None = None, detail: str = "") -> None:
    """Write an event down, for pages and operators."""
    tx.run("INSERT INTO events (at, what, worker, job, detail) VALUES (?, ?, ?, ?, ?)", now, what, worker, job, detail)
