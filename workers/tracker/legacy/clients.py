"""Moves of the old API's clients: joining, being heard of, holding one half WAT, and saying that it is done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from workers.tracker.legacy import halves
from workers.tracker.legacy.half_rows import HalfState, of_number
from workers.tracker.legacy.words import (
    IDLE_SECONDS,
    LONGEST_NICKNAME,
    LONGEST_NOTE,
    LONGEST_PROGRESS,
    UNKNOWN_WORKER,
    Half,
    cleaned,
)
from workers.tracker.store import Row, Tx

#: clients at a time: one line each, from anybody who asks
MOST_CLIENTS = 10_000
#: a client that was forgotten may still hand in what it held for this long: a week
_REMEMBERED_SECONDS = 7 * 86_400.0
#: clients forgotten in one go
_FORGOTTEN = 500


class OldRefusal(Exception):  # noqa: N818 - not an error of ours: an answer
    """What the old API refuses: a status that its client maps to an exception, and a text for a person."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status, self.text = status, text


@dataclass(frozen=True, slots=True)
class Client:
    """A client as its page shows it. Everything in it is what it says of itself."""

    display_name: str
    type: str
    nickname: str
    half: int | None
    progress: str
    jobs_completed: int
    first_seen: int  # seconds since 1970
    last_seen: int


def join(tx: Tx, now: float, *, account: int, nickname: str, kind: str, token_digest: str, names: Sequence[str]) -> str:
    """A new client; returns its display name, the first of `names` that is free.

    Raises:
        OldRefusal: 503: so many are here that it cannot be.
    """
    tidy(tx, now)
    if _count(tx, "SELECT COUNT(*) AS n FROM legacy_workers WHERE gone = 0") >= MOST_CLIENTS:
        raise OldRefusal(503, "Too many workers are connected. Please try again later.")
    for name in names:
        made = tx.run(
            "INSERT INTO legacy_workers (token_digest, display_name, type, nickname, account, progress, first_seen,"
            " last_seen) VALUES (?, ?, ?, ?, ?, 'Initialized', ?, ?) ON CONFLICT (display_name) DO NOTHING",
            token_digest, name, kind, cleaned(nickname, LONGEST_NICKNAME), account, now, now,
        )  # fmt: skip
        if made:
            return name
    raise OldRefusal(503, "No free worker name was found. Please try again.")


def is_known(tx: Tx, token_digest: str, kind: str) -> bool:
    """Whether there is such a client, and it was heard of lately."""
    row = _row(tx, token_digest, kind)
    return row is not None and not row["gone"]


def new_job(tx: Tx, now: float, *, token_digest: str, kind: str) -> Half | None:
    """A half for a client, which gives back the one that it has; None where there is none.

    Raises:
        OldRefusal: 404 for an unknown client.
    """
    tidy(tx, now)
    client = _known(tx, token_digest, kind)
    if client["half"] is not None:
        halves.hand_back(tx, client["half"], token_digest)
    found = halves.take_half(tx, holder=token_digest, gpu=kind == "GPU")
    if found is None:
        _heard(tx, now, token_digest, half=None, progress=client["progress"])
    else:
        _heard(tx, now, token_digest, half=found.number, progress="Recieved new job")
    return found


def progress(tx: Tx, now: float, *, token_digest: str, kind: str, said: str) -> None:
    """A client says how far it is, and thereby that it lives. Raises OldRefusal: 404."""
    client = _known(tx, token_digest, kind)
    _heard(tx, now, token_digest, half=client["half"], progress=cleaned(said, LONGEST_PROGRESS))


def done(tx: Tx, now: float, *, token_digest: str, kind: str, count: int | None, note: str | None) -> None:
    """A client says that it has done its half. It is kept what it said; nothing of it is believed.

    A client that was forgotten meanwhile is heard all the same, as long as nobody else took the half.

    Raises:
        OldRefusal: 404 for an unknown client, 403 without a half, 400 without what its kind hands in.
    """
    client = _row(tx, token_digest, kind, tx.lock)
    if client is None:
        raise OldRefusal(404, UNKNOWN_WORKER)
    half = of_number(tx, client["half"]) if client["half"] is not None else None
    if client["gone"] and (half is None or half["state"] != (HalfState.GPU if kind == "GPU" else HalfState.OPEN)):
        raise OldRefusal(404, UNKNOWN_WORKER)
    if half is None:
        raise OldRefusal(403, "You do not have an open job.")
    if not client["gone"] and half["holder"] != token_digest:
        raise OldRefusal(403, "This job has already been marked as completed!")
    if kind == "CPU":
        if not note:
            raise OldRefusal(400, "The worker did not submit valid download data.")
        halves.noted(tx, half["number"], note=cleaned(note, LONGEST_NOTE), nickname=client["nickname"])
    else:
        if not count or not 0 < count < 2**53:
            raise OldRefusal(400, "The worker did not submit a valid count!")
        halves.claimed(tx, half["number"], pairs=count, nickname=client["nickname"])
    _heard(tx, now, token_digest, half=None, progress="Completed Job", more=1)


def invalid_download(tx: Tx, now: float, *, token_digest: str, kind: str) -> None:
    """A GPU client could not have what a CPU client handed in. Raises OldRefusal: 404, 403 without a half."""
    client = _known(tx, token_digest, kind)
    half = of_number(tx, client["half"]) if client["half"] is not None else None
    if half is None or half["holder"] != token_digest:
        raise OldRefusal(403, "This worker is not currently working on a job.")
    if half["state"] == HalfState.GPU_LEASED:
        halves.back_to_cpu(tx, half["number"])
    else:  # not of the GPU stage: it only gives the job back
        halves.hand_back(tx, half["number"], token_digest)
    _heard(tx, now, token_digest, half=None, progress=client["progress"])


def bye(tx: Tx, *, token_digest: str, kind: str) -> None:
    """A client leaves, and gives back what it has. Raises OldRefusal: 404."""
    client = _known(tx, token_digest, kind)
    if client["half"] is not None:
        halves.hand_back(tx, client["half"], token_digest)
    tx.run("DELETE FROM legacy_workers WHERE token_digest = ?", token_digest)


def claim_wat(tx: Tx, now: float, *, token_digest: str, shards: Sequence[int], notes: Mapping[str, str]) -> int:
    """A CPU client says that it has done both halves of a WAT that it was offered. Returns how many were open.

    Raises:
        OldRefusal: it is nobody that we know, or the halves are not those of one WAT that was offered.
    """
    client = _known(tx, token_digest, "CPU")
    wanted = sorted(set(shards))
    if not 1 <= len(wanted) <= 2 or len({(number - 1) // 2 for number in wanted}) != 1:
        raise OldRefusal(400, "These are not the shards of one WAT.")
    taken = 0
    for number in wanted:
        half = of_number(tx, number)
        if half is None or half["state"] != HalfState.OPEN or not half["offered_at"]:
            continue
        note = cleaned(notes.get(str(number), ""), LONGEST_NOTE)
        halves.noted(tx, number, note=note, nickname=client["nickname"])
        taken += 1
    if not taken:
        raise OldRefusal(400, "All shards have already been completed by another worker.")
    _heard(tx, now, token_digest, half=client["half"], progress="Completed Job", more=taken)
    return taken


def tidy(tx: Tx, now: float) -> None:
    """Forget clients that were silent for two hours, and close halves that our own volunteers have done."""
    idle = tx.all(
        "SELECT token_digest, half FROM legacy_workers WHERE gone = 0 AND last_seen <= ? ORDER BY last_seen LIMIT ?",
        now - IDLE_SECONDS,
        _FORGOTTEN,
    )
    for row in idle:
        if row["half"] is not None:
            halves.hand_back(tx, row["half"], row["token_digest"])
        tx.run("UPDATE legacy_workers SET gone = 1 WHERE token_digest = ?", row["token_digest"])
    tx.run("DELETE FROM legacy_workers WHERE gone = 1 AND last_seen <= ?", now - _REMEMBERED_SECONDS)
    halves.close_verified(tx)


def client_named(tx: Tx, kind: str, name: str) -> Client | None:
    """The client of this type and display name."""
    row = tx.one("SELECT * FROM legacy_workers WHERE display_name = ? AND type = ? AND gone = 0", name, kind)
    if row is None:
        return None
    return Client(
        display_name=row["display_name"], type=row["type"], nickname=row["nickname"], half=row["half"],
        progress=row["progress"], jobs_completed=row["jobs_completed"], first_seen=int(row["first_seen"]),
        last_seen=int(row["last_seen"]),
    )  # fmt: skip


def connected(tx: Tx) -> int:
    """Clients that are here."""
    return _count(tx, "SELECT COUNT(*) AS n FROM legacy_workers WHERE gone = 0")


def _known(tx: Tx, token_digest: str, kind: str) -> Row:
    row = _row(tx, token_digest, kind, tx.lock)
    if row is None or row["gone"]:
        raise OldRefusal(404, UNKNOWN_WORKER)
    return row


def _row(tx: Tx, token_digest: str, kind: str, lock: str = "") -> Row | None:
    sql = f"SELECT * FROM legacy_workers WHERE token_digest = ? AND type = ?{lock}"  # noqa: S608 - the lock is ours
    return tx.one(sql, token_digest, kind)


def _heard(tx: Tx, now: float, token_digest: str, *, half: int | None, progress: str, more: int = 0) -> None:
    tx.run(
        "UPDATE legacy_workers SET last_seen = ?, half = ?, progress = ?, jobs_completed = jobs_completed + ?"
        " WHERE token_digest = ?",
        now, half, progress, more, token_digest,
    )  # fmt: skip


def _count(tx: Tx, sql: str) -> int:
    row = tx.one(sql)
    return int(row["n"]) if row else 0
