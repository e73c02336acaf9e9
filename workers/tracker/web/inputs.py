"""Inputs of jobs: files of the run folder, for whoever holds the lease, and hashed once, when they are first wanted."""

from __future__ import annotations

import asyncio
import base64
import hashlib
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

from workers.tracker.moves.jobs import input_known
from workers.tracker.states import LeaseState
from workers.tracker.store import Tx
from workers.tracker.web.call import Call, Refused
from workers.tracker.web.tracker import Tracker

_BLOCK = 1 << 20
#: who is late may finish all the same
_READS = frozenset({LeaseState.ACTIVE, LeaseState.EXPIRED})


@dataclass(frozen=True, slots=True)
class Wanted:
    """The input of a lease's job."""

    job: int
    worker: int
    state: LeaseState
    hard_at: float
    kind: str
    input: str
    sha256: str
    bytes: int


async def send(call: Call) -> web.StreamResponse:
    """GET /v1/leases/{lease}/input, or a part of it by Range."""
    found = await call.tracker.store.look(lambda tx: wanted(tx, call.named("lease")))
    if found is None or found.worker != call.worker.id:
        raise Refused(403, "unknown_lease", "this lease is not yours")
    if found.state not in _READS or call.now >= found.hard_at:
        raise Refused(409, "lease_over", "this lease is over; ask for another one")
    path = None if found.kind == "extract" else _path(call.tracker, found.input)
    if path is None or not await asyncio.to_thread(path.is_file):
        raise Refused(404, "no_input", "this job has no input here; say that it failed, with the fault `input`")
    sha256, size = await _known(call.tracker, found, path)
    if (await asyncio.to_thread(path.stat)).st_size != size:
        raise Refused(
            409, "input_changed", "this input is not what it was when it was hashed; its operator has to look"
        )
    digest = base64.b64encode(bytes.fromhex(sha256)).decode()
    headers = {
        "Content-Type": "application/octet-stream", "Repr-Digest": f"sha-256=:{digest}:", "Cache-Control": "private",
    }  # fmt: skip
    return web.FileResponse(path, headers=headers)


async def hashed(tracker: Tracker, leases: list[str]) -> dict[str, tuple[str, int]]:
    """SHA-256 (hex) and size of the inputs of these leases' jobs; without those that are not to be had here."""
    found = await tracker.store.look(lambda tx: {lease: wanted(tx, lease) for lease in leases})
    known: dict[str, tuple[str, int]] = {}
    for lease, one in found.items():
        path = None if one is None or one.kind == "extract" else _path(tracker, one.input)
        if one is not None and path is not None and await asyncio.to_thread(path.is_file):
            known[lease] = await _known(tracker, one, path)
    return known


def wanted(tx: Tx, lease: str) -> Wanted | None:
    """What the job of a lease reads; None where there is no such lease."""
    row = tx.one(
        "SELECT l.job, l.worker, l.state, l.hard_at, j.kind, j.input, j.input_sha256, j.input_bytes"
        " FROM leases l JOIN jobs j ON j.id = l.job WHERE l.id = ?",
        lease,
    )
    if row is None:
        return None
    return Wanted(
        job=row["job"], worker=row["worker"], state=LeaseState(row["state"]), hard_at=row["hard_at"], kind=row["kind"],
        input=row["input"], sha256=row["input_sha256"], bytes=row["input_bytes"],
    )  # fmt: skip


async def _known(tracker: Tracker, one: Wanted, path: Path) -> tuple[str, int]:
    if one.sha256:
        return one.sha256, one.bytes
    sha256, size = await asyncio.to_thread(_hash, path)
    now = tracker.clock()
    await tracker.store.do(lambda tx: input_known(tx, now, one.job, sha256, size))
    return sha256, size


def _hash(path: Path) -> tuple[str, int]:
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
            size += len(block)
    return digest.hexdigest(), size


def _path(tracker: Tracker, name: str) -> Path | None:
    """The file of this name in the run folder; None for a name that leads out of it. Only the server makes names."""
    root = tracker.folder.path.resolve()
    path = (root / name).resolve()
    return path if path.is_relative_to(root) and not path.is_relative_to(root / "tracker") else None
