"""Whether what the database says agrees with itself: invariants 1, 3, 13 and 28 of docs/protocol.md, counted anew."""

from __future__ import annotations

from collections import Counter

from workers.tracker.moves.checks import manifest_of
from workers.tracker.moves.job_state import counted
from workers.tracker.store import Row, Tx

#: broken rows that are named of each rule
_NAMED = 20
#: results that are read at a time
_PAGE = 2_000

_PENDING = "state IN ('received', 'checking', 'suspicious')"
#: what `job_state.state_for` says, for all jobs at once. READY and BACKOFF differ by time alone
_WRONG_STATE = f"""
WITH opinions AS (SELECT job, COUNT(DISTINCT account) AS done FROM results WHERE {_PENDING} GROUP BY job),
 takers AS (SELECT job, COUNT(*) AS taken FROM (SELECT job, account FROM results WHERE {_PENDING}
  UNION SELECT job, account FROM leases WHERE state = 'active') AS both_of_them GROUP BY job),
 chosen AS (SELECT job, COUNT(*) AS canonical FROM results WHERE canonical = 1 GROUP BY job),
 wanted AS (SELECT j.id, j.state AS has, CASE WHEN j.state = 'cancelled' THEN 'cancelled'
  WHEN COALESCE(c.canonical, 0) > 0 THEN CASE WHEN j.state = 'committed' THEN 'committed' ELSE 'verified' END
  WHEN COALESCE(o.done, 0) >= j.need THEN 'submitted' WHEN j.state = 'poisoned' THEN 'poisoned'
  WHEN COALESCE(t.taken, 0) >= j.need THEN 'leased' WHEN j.state = 'backoff' THEN 'backoff' ELSE 'ready' END AS wants
  FROM jobs j LEFT JOIN opinions o ON o.job = j.id LEFT JOIN takers t ON t.job = j.id
  LEFT JOIN chosen c ON c.job = j.id)
SELECT 'job ' || id || ' is ' || has || ', and its leases and results make it ' || wants AS said FROM wanted
 WHERE has <> wants"""  # noqa: S608 - constants

#: each gives a sentence, `said`, for every broken row
_RULES = (
    _WRONG_STATE,
    "SELECT 'job ' || job || ' has several active leases of account ' || account AS said FROM leases"
    " WHERE state = 'active' GROUP BY job, account HAVING COUNT(*) > 1",
    "SELECT 'job ' || j.id || ' has ' || COUNT(*) || ' active leases and wants ' || j.need || ' results' AS said"
    " FROM leases l JOIN jobs j ON j.id = l.job WHERE l.state = 'active'"
    " GROUP BY j.id, j.need HAVING COUNT(*) > j.need",
    "SELECT 'lease ' || l.id || ' has a fence that its job has not reached' AS said FROM leases l"
    " JOIN jobs j ON j.id = l.job WHERE l.fence > j.fence OR l.fence < 1",
    "SELECT 'lease ' || l.id || ' is submitted, and has no result' AS said FROM leases l WHERE l.state = 'submitted'"
    " AND NOT EXISTS (SELECT 1 FROM results r WHERE r.lease = l.id)",
    "SELECT 'result ' || r.id || ' is of a lease that is ' || l.state AS said FROM results r"
    " JOIN leases l ON l.id = r.lease WHERE l.state <> 'submitted' OR l.job <> r.job OR l.worker <> r.worker",
    "SELECT 'result ' || r.id || ' waits for nothing, or is looked at too soon' AS said FROM results r"
    " JOIN jobs j ON j.id = r.job WHERE r.state IN ('received', 'checking') AND r.due <>"
    " CASE WHEN j.state IN ('submitted', 'verified', 'committed') OR (j.gold = 1 AND j.state = 'cancelled')"
    " THEN 1 ELSE 0 END",
    "SELECT 'job ' || job || ' has several canonical results' AS said FROM results WHERE canonical = 1"
    " GROUP BY job HAVING COUNT(*) > 1",
    "SELECT 'result ' || id || ' is canonical and ' || state AS said FROM results WHERE canonical = 1"
    " AND state <> 'valid'",
    "SELECT 'gold job ' || j.id || ' has a canonical result, or is committed' AS said FROM jobs j WHERE j.gold = 1"
    " AND (j.state IN ('verified', 'committed')"
    " OR EXISTS (SELECT 1 FROM results r WHERE r.job = j.id AND r.canonical = 1))",
    "SELECT 'result ' || r.id || ' is worth ' || COALESCE(SUM(l.jobs), 0) || ' jobs in the ledger, and canonical is '"
    " || r.canonical AS said FROM results r LEFT JOIN ledger l ON l.result = r.id GROUP BY r.id, r.canonical"
    " HAVING COALESCE(SUM(l.jobs), 0) <> r.canonical",
    "SELECT 'worker ' || worker || ' is credited with other ' || kind || ' jobs than the ledger says' AS said FROM ("
    " SELECT worker, kind, jobs, pairs, bytes FROM credit UNION ALL"
    " SELECT worker, kind, -jobs, -pairs, -bytes FROM ledger) AS both_of_them GROUP BY worker, kind"
    " HAVING SUM(jobs) <> 0 OR SUM(pairs) <> 0 OR SUM(bytes) <> 0",
    "SELECT 'there are ' || SUM(jobs) || ' ' || kind || ' jobs more counted as ' || state || ' than there are' AS said"
    " FROM (SELECT kind, gold, state, jobs FROM job_counts UNION ALL"
    " SELECT kind, gold, state, -COUNT(*) FROM jobs GROUP BY kind, gold, state) AS both_of_them"
    " GROUP BY kind, gold, state HAVING SUM(jobs) <> 0",
)


def fsck(tx: Tx, now: float) -> list[str]:  # noqa: ARG001 - a move has the time
    """Every broken invariant as a sentence, the first of each rule; none: the database is sound. Reads everything."""
    said = [
        str(row["said"])
        for rule in _RULES
        for row in tx.all(f"SELECT said FROM ({rule}) AS broken LIMIT {_NAMED}")  # noqa: S608 - constants
    ]
    return said + _without_files(tx)


def recount(tx: Tx) -> None:
    """Count jobs and add up the ledger anew: after a database was mended by hand."""
    tx.run("DELETE FROM job_counts")
    counted(
        tx,
        Counter(
            {
                (row["kind"], row["gold"], row["state"]): row["jobs"]
                for row in tx.all("SELECT kind, gold, state, COUNT(*) AS jobs FROM jobs GROUP BY kind, gold, state")
            }
        ),
    )
    tx.run("DELETE FROM credit")
    tx.run(
        "INSERT INTO credit (worker, account, kind, jobs, pairs, bytes) SELECT worker, account, kind, SUM(jobs),"
        " SUM(pairs), SUM(bytes) FROM ledger GROUP BY worker, account, kind"
    )


def _without_files(tx: Tx) -> list[str]:
    """Results that wait or are believed, and lack a file of their manifest (invariant 13)."""
    said: list[str] = []
    last = 0
    while len(said) < _NAMED:
        rows = tx.all(
            f"SELECT id, lease, canonical, in_data, manifest_json FROM results WHERE id > ? AND ({_PENDING}"  # noqa: S608 - constants
            " OR canonical = 1) ORDER BY id LIMIT ?",
            last, _PAGE,
        )  # fmt: skip
        if not rows:
            break
        last = rows[-1]["id"]
        said += [f"result {row['id']} lacks {name}" for row in rows for name in _missing(tx, row)]
    return said


def _missing(tx: Tx, row: Row) -> list[str]:
    """Files of a result that are not here. Those of one in the data set need not be: they are there."""
    if row["in_data"] == 1:
        return []
    rows = tx.all(
        "SELECT name, bytes, sha256 FROM uploads WHERE lease = ? AND state IN ('stored', 'promoted')", row["lease"]
    )
    here = {(one["name"], one["bytes"], one["sha256"]) for one in rows}
    return [one.name for one in manifest_of(row).artefacts if (one.name, one.bytes, one.sha256) not in here]
