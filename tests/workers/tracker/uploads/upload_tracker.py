"""As much of a tracker as uploads need: a real database with two leases, real routes on a real socket.

As a program (`python upload_tracker.py serve FOLDER`, `... collect FOLDER`) it is what a test kills.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

from aiohttp import web

from workers.protocol.messages import Artefact, UploadPermit
from workers.tracker.moves.records import UploadRow, Worker
from workers.tracker.moves.uploads import reserve, upload_of
from workers.tracker.states import WorkerState
from workers.tracker.store import Store, Tx, open_store
from workers.tracker.uploads import Target, new_upload_id
from workers.tracker.uploads.collecting import collect
from workers.tracker.uploads.reserving import Uploads, open_uploads
from workers.tracker.uploads.settings import Disk, Targets
from workers.tracker.uploads.tus import routes
from workers.tracker.web.call import Call
from workers.tracker.web.routes import Route

#: nothing is kept free: a test machine's disk may be nearly full
TARGETS = Targets(targets=(Disk(reserve_bytes=0),))
NOW = 1_000_000.0
#: worker by bearer key; each has the lease of its number
KEYS = {"key-of-one": 1, "key-of-two": 2}
NAME = "00000.parquet"


def a_body(size: int = 300_000, seed: str = "a") -> bytes:
    return hashlib.shake_256(seed.encode()).digest(size)


def sha256(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def a_worker(number: int = 1) -> Worker:
    values = dict.fromkeys(Worker.__dataclass_fields__, cast("Any", ""))
    return Worker(**(values | {"id": number, "account": number, "state": WorkerState.ACTIVE, "selftest_ok": True}))


@dataclass(slots=True)
class FakeClock:
    now: float = NOW

    def __call__(self) -> float:
        return self.now


@dataclass(slots=True)
class UploadTracker:
    """What a test holds in its hand."""

    folder: Path
    store: Store
    clock: FakeClock
    uploads: Uploads
    root: str = ""

    @property
    def objects(self) -> Path:
        return self.folder / "objects"

    def target(self, name: str = "disk") -> Target:
        return self.uploads.targets[name]

    def address(self, upload: UploadRow) -> str:
        return f"{self.root}/v1/uploads/{upload.upload}"

    async def reserved(
        self, body: bytes, *, worker: int = 1, name: str = NAME, target: str = "disk", declared: int | None = None
    ) -> UploadRow:
        """A place for a body, which may be declared as longer or shorter than it is."""
        file = Artefact(name=name, bytes=len(body) if declared is None else declared, sha256=sha256(body))
        return await self.store.do(
            lambda tx: reserve(
                tx, self.clock(), worker=a_worker(worker), lease=f"lease-{worker}", file=file, target=target,
                upload_id=new_upload_id(),
            )
        )  # fmt: skip

    async def row(self, upload: UploadRow | str) -> UploadRow:
        found = await self.store.look(lambda tx: upload_of(tx, upload if isinstance(upload, str) else upload.upload))
        assert found is not None
        return found

    async def permit(self, upload: UploadRow) -> UploadPermit:
        return self.uploads.permit(await self.row(upload))

    async def set(self, table: str, where: str = "1 = 1", **values: object) -> None:
        """Whatever else of the tracker has done meanwhile."""
        names = ", ".join(f"{name} = ?" for name in values)
        await self.store.do(lambda tx: tx.run(f"UPDATE {table} SET {names} WHERE {where}", *values.values()))

    def files(self) -> dict[str, bytes]:
        """Every file among the objects, wherever it lies, by name."""
        return {path.name: path.read_bytes() for path in self.objects.rglob("*") if path.is_file()}

    def is_tidy(self) -> bool:
        """Whether no empty folder lies about."""
        return all(any(path.iterdir()) for path in self.objects.iterdir() if path.is_dir())


def set_up(tx: Tx) -> None:
    """Two accounts with a worker each, which have a lease each. Doing it again changes nothing."""
    if tx.one("SELECT id FROM workers") is not None:
        return
    for number in KEYS.values():
        tx.run(
            "INSERT INTO accounts (id, name, token_digest, opened_at) VALUES (?, ?, ?, ?)",
            number, f"account {number}", f"{number}", NOW,
        )  # fmt: skip
        tx.run(
            "INSERT INTO workers (id, account, key_digest, public_key, version, environment, machine_json, state,"
            " registered_at, seen_at) VALUES (?, ?, ?, '', '1', '', '{}', 'active', ?, ?)",
            number, number, f"{number}", NOW, NOW,
        )  # fmt: skip
        tx.run(
            "INSERT INTO jobs (id, kind, number, content_id, state, shuffle) VALUES (?, 'crawl', ?, ?, 'leased', 0)",
            number, number, f"{number}",
        )  # fmt: skip
        tx.run(
            "INSERT INTO leases (id, job, worker, account, fence, state, version, granted_at, expires_at, hard_at,"
            " seen_at) VALUES (?, ?, ?, ?, 1, 'active', '1', ?, ?, ?, ?)",
            f"lease-{number}", number, number, number, NOW, NOW + 1800, NOW + 21_600, NOW,
        )  # fmt: skip


def mounted(route: Route) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """The route, without what the server's own dispatch does beside knowing who asks."""
    assert route.answer is not None
    answer = route.answer

    async def answered(request: web.Request) -> web.StreamResponse:
        key = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if route.changes and key not in KEYS:
            return web.Response(status=401)
        call = Call(
            tracker=cast("Any", None), request=request, id="", now=NOW, network="", caller=a_worker(KEYS.get(key, 0))
        )
        return await answer(call)

    return answered


@asynccontextmanager
async def upload_tracker(folder: Path, targets: Targets = TARGETS) -> AsyncIterator[UploadTracker]:
    """A tracker on a port of its own, on what an earlier one may have left in the folder."""
    store = open_store(folder / "tracker.db")
    await store.do(set_up)
    clock = FakeClock()
    uploads = open_uploads(targets, folder, store, clock)
    app = web.Application()
    for route in routes(uploads):
        app.router.add_route(route.method, route.path, mounted(route))
    runner = web.AppRunner(app, shutdown_timeout=0)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield UploadTracker(folder, store, clock, uploads, f"http://127.0.0.1:{runner.addresses[0][1]}")
    finally:
        await runner.cleanup()
        await uploads.close()
        await store.close()


def started(what: str, folder: Path, failpoint: str = "") -> subprocess.Popen[str]:
    """This file as a program of its own."""
    root = Path(__file__).parents[4]
    return subprocess.Popen(
        [sys.executable, __file__, what, str(folder)], stdout=subprocess.PIPE, text=True,
        env=os.environ | {"PAIRTRAWL_FAILPOINT": failpoint, "PYTHONPATH": str(root)},
    )  # fmt: skip


async def address_of(server: subprocess.Popen[str]) -> str:
    """Where a server that was started listens."""
    assert server.stdout is not None
    return (await asyncio.to_thread(server.stdout.readline)).strip()


async def until(is_so: Callable[[], object]) -> None:
    """Let everything else go on until it is so."""
    while not is_so():  # noqa: ASYNC110 - what is waited for is a file, which sets no event
        await asyncio.sleep(0)


def everything(folder: Path) -> set[Path]:
    """Every file and folder of a tracker but its database's own."""
    return {path for path in folder.rglob("*") if "tracker.db" not in path.name}


def bearer(key: str = "key-of-one") -> Mapping[str, str]:
    return {"Authorization": f"Bearer {key}", "Tus-Resumable": "1.0.0"}


def chunk(offset: int, key: str = "key-of-one", **more: str) -> dict[str, str]:
    """Headers of a PATCH. Names are written with _ for -."""
    told = {"Content-Type": "application/offset+octet-stream", "Upload-Offset": str(offset)}
    return {**bearer(key), **told, **{name.replace("_", "-"): value for name, value in more.items()}}


async def main(what: str, folder: Path) -> None:
    async with upload_tracker(folder) as tracker:
        if what == "collect":
            tracker.clock = replace(tracker.clock, now=NOW + 10**6)
            tracker.uploads.clock = tracker.clock
            await collect(tracker.uploads, older_than=0)
            return
        sys.stdout.write(tracker.root + "\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], Path(sys.argv[2])))
