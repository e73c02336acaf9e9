"""Moves of the old API's jobs: which half of a WAT is offered, to whom, and what was said of it.

A half is a row of its own beside the extract job that it is half of. Nothing here writes to a job, a lease or a result:
what old clients say neither closes our jobs nor keeps them from anybody (docs/legacy-api.md).
"""

from __future__ import annotations

from collections.abc import Sequence

from workers.tracker.legacy.half_rows import HalfState, count, counts, digest, is_over, keep, kept, move, of_number
from workers.tracker.legacy.words import Half, halves_of
from workers.tracker.store import Row, Tx

#: what a half is handed out from, and what it is meanwhile
STAGE = {HalfState.OPEN: HalfState.LEASED, HalfState.GPU: HalfState.GPU_LEASED}
#: a half that this many clients took and did not finish is handed out no more (the old tracker did it for ever)
MOST_ATTEMPTS = 5
#: extract jobs looked at in one go while the next WAT is searched, and goes in one request
_WINDOW, _WINDOWS = 2_000, 20
#: open halves beyond which no further WATs are offered to clients that do not say who they are
_MOST_OFFERED = 4_000
#: halves whose own job is looked after in one sweep
_SWEPT = 1_000
#: states by name, so that the database can use its index of them
_FREE = (
    "SELECT h.number AS number, h.state AS state, j.input AS input, j.state AS job_state"
    " FROM legacy_halves h JOIN jobs j ON j.id = h.job WHERE h.state = ?"
    " ORDER BY h.attempts, h.number LIMIT 1"
)
_CURSOR, _SWEEP_CURSOR = "legacy_cursor", "legacy_sweep_cursor"


def take_half(tx: Tx, *, holder: str, gpu: bool) -> Half | None:
    """Give the holder a half: one that came back, else the next WAT's first. None where there is none.

    Args:
        tx: the transaction.
        holder: digest of the client's token.
        gpu: one that a CPU client has handed in. The address is the archive's own, and never what that client said:
            GPU clients run rsync on it, through a shell.
    """
    free = HalfState.GPU if gpu else HalfState.OPEN
    row = _free(tx, free)
    if row is None and not gpu:
        _open_next(tx)
        row = _free(tx, free)
    if row is None:
        return None
    move(tx, row, STAGE[free], holder=holder)
    return Half(row["number"], row["input"])


def hand_back(tx: Tx, number: int, holder: str) -> None:
    """The holder will not finish this half: others may have it, unless too many have tried."""
    row = of_number(tx, number)
    if row is None or row["holder"] != holder:
        return
    free = {leased: stage for stage, leased in STAGE.items()}.get(HalfState(row["state"]))
    if free is None:
        return
    attempts = row["attempts"] + 1
    move(tx, row, HalfState.ASIDE if attempts >= MOST_ATTEMPTS else free)
    tx.run("UPDATE legacy_halves SET attempts = ? WHERE number = ?", attempts, number)


def back_to_cpu(tx: Tx, number: int) -> None:
    """What a CPU client had handed in could not be had: the half begins anew, and the note is forgotten."""
    row = of_number(tx, number)
    if row is None or row["state"] != HalfState.GPU_LEASED:
        return
    attempts = row["attempts"] + 1
    move(tx, row, HalfState.ASIDE if attempts >= MOST_ATTEMPTS else HalfState.OPEN)
    tx.run(
        "UPDATE legacy_halves SET attempts = ?, note = '', note_sha256 = '', nickname = '' WHERE number = ?",
        attempts, number,
    )  # fmt: skip


def noted(tx: Tx, number: int, *, note: str, nickname: str) -> None:
    """A CPU client says that its stage of the half is done, and where the images are. Kept, and never looked at."""
    row = of_number(tx, number)
    assert row is not None
    move(tx, row, HalfState.CLOSED if is_over(row) else HalfState.GPU)
    tx.run(
        "UPDATE legacy_halves SET note = ?, note_sha256 = ?, nickname = ? WHERE number = ?",
        note, digest(note), nickname, number,
    )  # fmt: skip


def claimed(tx: Tx, number: int, *, pairs: int, nickname: str) -> None:
    """A client says that all of the half is done, with so many pairs. Counted nowhere but here."""
    row = of_number(tx, number)
    assert row is not None
    move(tx, row, HalfState.CLOSED if is_over(row) else HalfState.CLAIMED)
    tx.run("UPDATE legacy_halves SET told_pairs = ?, nickname = ? WHERE number = ?", pairs, nickname, number)


def offer_wat(tx: Tx, now: float) -> str | None:
    """The address of a WAT of which both halves are open: the one that was not offered for longest. None where none is.

    Nobody gets it to himself, for who asks does not say who he is; but nobody else is offered it until all others were.
    """
    if counts(tx).get(HalfState.OPEN, 0) < _MOST_OFFERED:  # whoever asks for addresses all day must not fill the table
        _open_next(tx)
    row = tx.one(
        "SELECT h.job AS job, j.input AS input FROM legacy_halves h JOIN jobs j ON j.id = h.job"
        " JOIN legacy_halves other ON other.job = h.job AND other.number = h.number + 1 AND other.state = 'open'"
        " WHERE h.state = 'open' AND h.number % 2 = 1 AND j.state NOT IN ('verified', 'committed', 'cancelled')"
        " ORDER BY h.offered_at, h.number LIMIT 1"
    )
    if row is None:
        return None
    tx.run("UPDATE legacy_halves SET offered_at = ? WHERE job = ?", now, row["job"])
    return str(row["input"])


def halves_at(tx: Tx, url: str) -> list[Half]:
    """The open halves of the WAT with this address that was offered before."""
    rows = tx.all(
        "SELECT h.number AS number, j.input AS input, j.state AS job_state"
        " FROM legacy_halves h JOIN jobs j ON j.id = h.job"
        " WHERE h.url_sha256 = ? AND h.state = 'open' ORDER BY h.number",
        digest(url),
    )
    return [Half(row["number"], row["input"]) for row in rows if row["input"] == url and not is_over(row)]


def open_halves(tx: Tx, *, gpu: bool) -> int:
    """How many halves nobody has: for GPU clients those that were handed in, for others all but what is taken."""
    counted = counts(tx)
    if gpu:
        return counted.get(HalfState.GPU, 0)
    row = tx.one(
        "SELECT COALESCE(SUM(jobs), 0) AS jobs FROM job_counts WHERE kind = 'extract' AND gold = 0"
        " AND state IN ('ready', 'backoff', 'leased', 'submitted')"
    )
    if not counted.get(HalfState.OPEN, 0) and _next_wat(tx, kept(tx, _CURSOR))[1] is None:
        return 0
    taken = sum(
        counted.get(state, 0)
        for state in (HalfState.LEASED, HalfState.GPU, HalfState.GPU_LEASED, HalfState.CLAIMED, HalfState.ASIDE)
    )
    return max(1, 2 * int(row["jobs"] if row else 0) - taken)


def completed(tx: Tx, notes: Sequence[str]) -> list[str]:
    """Those of the notes that no half waits with: their files need not be kept."""
    wanted = {
        row["note"]
        for note in dict.fromkeys(notes)
        for row in tx.all(
            "SELECT note FROM legacy_halves WHERE note_sha256 = ? AND state IN ('gpu', 'gpu_leased')", digest(note)
        )
    }
    return [note for note in notes if note not in wanted]


def close_verified(tx: Tx) -> int:
    """Close halves whose own job has its verified result, a thousand rows further each time. Returns how many."""
    after = kept(tx, _SWEEP_CURSOR, tx.lock)
    rows = tx.all(
        "SELECT h.*, j.state AS job_state FROM legacy_halves h JOIN jobs j ON j.id = h.job"
        " WHERE h.number > ? ORDER BY h.number LIMIT ?",
        after,
        _SWEPT,
    )
    over = [row for row in rows if is_over(row) and row["state"] in {"open", "gpu", "claimed", "aside"}]
    for row in over:
        move(tx, row, HalfState.CLOSED)
    keep(tx, _SWEEP_CURSOR, rows[-1]["number"] if len(rows) == _SWEPT else 0)
    return len(over)


def _free(tx: Tx, state: HalfState) -> Row | None:
    for _ in range(_SWEPT):
        row = tx.one(_FREE + (" FOR UPDATE OF h SKIP LOCKED" if tx.skip_locked else ""), state.value)
        if row is None or not is_over(row):
            return row
        move(tx, row, HalfState.CLOSED)
    return None


def _open_next(tx: Tx) -> None:
    """Make the rows of the next WAT that no client was ever offered, if there is one."""
    after, found = _next_wat(tx, kept(tx, _CURSOR, tx.lock))
    keep(tx, _CURSOR, after)
    if found is None:
        return
    for number in halves_of(found["number"]):
        made = tx.run(
            "INSERT INTO legacy_halves (number, job, url_sha256, state, offered_at) VALUES (?, ?, ?, 'open', 0)"
            " ON CONFLICT (number) DO NOTHING",
            number, found["id"], digest(found["input"]),
        )  # fmt: skip
        count(tx, HalfState.OPEN, made)


def _next_wat(tx: Tx, after: int) -> tuple[int, Row | None]:
    """The first WAT after this job that our own tracker has not done either, and how far was looked: 40,000 jobs."""
    for _ in range(_WINDOWS):
        row = tx.one(
            "SELECT id, number, input FROM jobs WHERE id > ? AND id <= ? AND kind = 'extract' AND form = 'wat'"
            " AND gold = 0 AND input LIKE 'http%' AND state IN ('ready', 'backoff', 'leased', 'submitted')"
            " ORDER BY id LIMIT 1",
            after,
            after + _WINDOW,
        )
        if row is not None:
            return int(row["id"]), row
        further = tx.one("SELECT id FROM jobs WHERE id > ? ORDER BY id LIMIT 1", after + _WINDOW)
        if further is None:
            return after, None
        after = int(further["id"]) - 1
    return after, None
