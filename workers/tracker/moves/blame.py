"""Whose fault it is that jobs fail: the job's, which is then set aside, or the machine's, which is then suspended."""

from __future__ import annotations

from dataclasses import replace

from workers.tracker.moves.chance import draw
from workers.tracker.moves.job_state import JobNow, locked, settle, to_state, told
from workers.tracker.states import JobState, WorkerState
from workers.tracker.store import Tx

#: workers that a job must fail with to be set aside (tracker.md, invariant 10)
POISON_WORKERS = 5
#: where some of them only fell silent, which people's machines do: twice as many
POISON_SILENT = 10
#: tries that end so, whoever's: where there are not so many workers, a job is not tried for ever (defect 9)
POISON_TRIES = 20
#: accounts that are asked for one job, where each result is odd; then an operator is
MOST_WANTED = 5
#: failures in a row after which it is the machine (invariant 10); fewer where it says so itself
SUSPENDED_AFTER = 20
SUSPENDED_AFTER_LOCAL = 5
SUSPENDED_SECONDS = 3600.0
#: a job that failed waits so long, twice as long each further time, up to the last; half of it by chance
FIRST_WAIT = 60.0
MOST_WAIT = 6 * 3600.0


def is_poison(failed_workers: int, all_workers: int, tries: int) -> bool:
    """Whether a job is to be set aside: how many workers said that it failed, those and the silent, and all tries."""
    return failed_workers >= POISON_WORKERS or all_workers >= POISON_SILENT or tries >= POISON_TRIES


def wait_after(failures: int, chance: float) -> float:
    """Seconds that a job waits after so many failures (>= 1); chance in [0, 1)."""
    return min(MOST_WAIT, FIRST_WAIT * 2.0 ** min(failures - 1, 30)) * (0.5 + chance / 2)


def weigh(tx: Tx, now: float, job: JobNow, *, waits: bool) -> JobNow:
    """Count a job's failures anew and put it where it belongs; where it `waits`, not before some time.

    Failures of machines that are known to be at fault themselves do not count.
    """
    row = tx.one(
        "SELECT COUNT(DISTINCT CASE WHEN state = 'failed' THEN worker END) AS failed,"
        " COUNT(DISTINCT worker) AS workers, COUNT(*) AS tries FROM leases"
        " WHERE job = ? AND state IN ('failed', 'expired') AND fault <> 'local'",
        job.id,
    )
    assert row is not None
    poison = is_poison(row["failed"], row["workers"], row["tries"])
    now_failures: int = row["tries"]
    later = now + wait_after(now_failures, draw()) if waits and now_failures else job.not_before
    weighed = replace(job, failures=now_failures, not_before=later)
    if poison and job.state in {JobState.READY, JobState.BACKOFF, JobState.LEASED}:
        told(tx, now, "poisoned", job=job.id, detail=f"failed {row['tries']} times with {row['workers']} workers")
        weighed = to_state(tx, weighed, JobState.POISONED)
    elif not poison and job.state is JobState.POISONED and job.need <= MOST_WANTED:
        weighed = to_state(tx, weighed, JobState.READY)
    return settle(tx, now, weighed)


def failed_again(tx: Tx, now: float, worker: int, *, times: int = 1) -> bool:
    """Count failures of a worker; suspends it where it is the machine. Whether it was suspended now.

    The jobs' own count is not touched here: see `pardon`, once the caller is done with the job at hand.
    """
    row = tx.one("SELECT state, failures_in_a_row FROM workers WHERE id = ?" + tx.lock, worker)  # noqa: S608 - constants
    assert row is not None
    in_a_row = row["failures_in_a_row"] + times
    tx.run("UPDATE workers SET failures_in_a_row = ? WHERE id = ?", in_a_row, worker)
    own = in_a_row >= SUSPENDED_AFTER_LOCAL and _all_local(tx, worker, in_a_row)
    if row["state"] != WorkerState.ACTIVE.value or (in_a_row < SUSPENDED_AFTER and not own):
        return False
    tx.run(
        "UPDATE workers SET state = ?, state_until = ?, failures_in_a_row = 0 WHERE id = ?",
        WorkerState.SUSPENDED.value, now + SUSPENDED_SECONDS, worker,
    )  # fmt: skip
    told(tx, now, "worker suspended", worker=worker, detail=f"{in_a_row} jobs failed in a row")
    return True


def pardon(tx: Tx, now: float, worker: int) -> None:
    """Take the failures of a suspended worker since its last result off the jobs: they are not to blame."""
    last = tx.one("SELECT received_at FROM results WHERE worker = ? ORDER BY id DESC LIMIT 1", worker)
    since = 0.0 if last is None else last["received_at"]
    rows = tx.all(
        "SELECT id, job FROM leases WHERE worker = ? AND state IN ('failed', 'expired') AND fault <> 'local'"
        " AND (CASE state WHEN 'failed' THEN seen_at ELSE expires_at END) >= ? ORDER BY job",
        worker, since,
    )  # fmt: skip
    for row in rows:
        job = locked(tx, row["job"])
        tx.run("UPDATE leases SET fault = 'local' WHERE id = ? AND state IN ('failed', 'expired')", row["id"])
        weigh(tx, now, job, waits=False)


def _all_local(tx: Tx, worker: int, last: int) -> bool:
    row = tx.one(
        "SELECT COUNT(*) AS others FROM (SELECT fault FROM leases WHERE worker = ? AND state IN ('failed', 'expired')"
        " ORDER BY seen_at DESC LIMIT ?) AS last_ones WHERE fault <> 'local'",
        worker, last,
    )  # fmt: skip
    return row is not None and row["others"] == 0
