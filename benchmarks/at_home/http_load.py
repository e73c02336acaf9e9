"""A real tracker under the load of thousands of simulated volunteers, over HTTP on loopback.

    python benchmarks/at_home/http_load.py [--jobs 300000] [--steady-seconds 30] [--reconnecting 50000]

Three loads: as many whole jobs as 64 workers get done (lease, permit, upload, result); 10,000 workers with a heartbeat a
minute and a job in 15; and 50,000 that all come back within a minute after an outage. Tracker and volunteers share the cores.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec
import psutil

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.at_home.load_client import Line, Times  # noqa: E402 - the repository's own folder comes first
from benchmarks.at_home.store_load import VERSION, enlist, import_numbers, key_of  # noqa: E402 - as above
from crawler.settings import Recipe  # noqa: E402 - as above
from crawler.sources import ArchiveKind, Source  # noqa: E402 - as above
from workers.protocol.campaign import new_key, public_key_of, sign  # noqa: E402 - as above
from workers.protocol.messages import Artefact, Manifest, canonical  # noqa: E402 - as above
from workers.tracker.folder import CampaignFolder  # noqa: E402 - as above
from workers.tracker.founding import Founding, found  # noqa: E402 - as above
from workers.tracker.moves import leases  # noqa: E402 - as above
from workers.tracker.moves.records import Terms, Worker  # noqa: E402 - as above
from workers.tracker.store import Store, Tx, open_store  # noqa: E402 - as above
from workers.tracker.trust.policy import Policy  # noqa: E402 - as above

_SETTINGS = """
[admission]
room_bytes = 0
results_waiting = 10_000_000
leases_a_minute = 1e9
leases_at_once = 1_000_000
requests_a_second = 1e9
requests_at_once = 1_000_000_000
[[uploads.targets]]
how = 'disk'
reserve_bytes = 0
"""
_BODY = b"hello"
_SHA256 = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
_ARCHIVES = "https://archives.example.org/"
_PRIVATE = new_key()


@dataclass(slots=True)
class Serving:
    """A tracker that runs."""

    process: subprocess.Popen[bytes]
    port: int
    seconds_to_answer: float

    def cpu_seconds(self) -> float:
        """Of the tracker's process, so far."""
        times = psutil.Process(self.process.pid).cpu_times()
        return float(times.user + times.system)

    def peak_bytes(self) -> int:
        """Its largest resident memory."""
        status = Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii")
        return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) * 1024


@contextmanager
def served(campaign: Path) -> Iterator[Serving]:
    """The ordinary command, on a free port; ended by TERM."""
    began = time.perf_counter()
    port = _free_port()
    words = [sys.executable, "-m", "workers", "tracker", "serve", str(campaign), "--port", str(port), "--no-checker"]
    with (campaign.parent / "tracker.log").open("wb") as log:
        process = subprocess.Popen(words, cwd=ROOT, stdout=log, stderr=subprocess.STDOUT)
    try:
        _wait_for(port, process)
        yield Serving(process, port, time.perf_counter() - began)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def a_campaign(folder: Path, jobs: int, workers: int) -> tuple[list[Worker], float]:
    """A campaign with so many jobs and trusted workers; returns them, and the seconds that the import took."""
    sources = [Source(f"{_ARCHIVES}0.warc.gz", ArchiveKind.WARC)]
    made, _token = found(Founding(path=folder, recipe=Recipe(name="load"), sources=sources, kinds=("extract",)))
    made.settings.write_text(_SETTINGS, encoding="utf-8")

    async def fill() -> tuple[list[Worker], float]:
        store = open_store(made.database)
        try:
            seconds = await import_numbers(store, jobs, "extract", _ARCHIVES)
            enlisted = await enlist(store, workers)
            key = public_key_of(_PRIVATE)
            await store.do(lambda tx: tx.run("UPDATE workers SET public_key = ?", key))
            return enlisted, seconds
        finally:
            await store.close()

    return asyncio.run(fill())


async def one_job(line: Line, number: int) -> bool:
    """Lease, permit, upload, result. Whether there was a job."""
    status, told = await line.post("/v1/leases", {"kinds": ["extract"], "most": 1, "version": VERSION})
    if status != 200:
        return False
    leased = told["leases"][0]
    lease, spec = leased["lease"], leased["spec"]
    name = f"{spec['number']:05d}.parquet"
    file = {"name": name, "bytes": len(_BODY), "sha256": _SHA256}
    status, permit = await line.post(f"/v1/leases/{lease}/uploads", {"file": file})
    assert status in {200, 201}, (status, permit)
    upload = {"Tus-Resumable": "1.0.0", "Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"}
    status, said = await line.ask("PATCH", permit["address"], _BODY, upload)
    assert status == 204, (status, said)
    manifest = Manifest(lease=lease, job=spec["job"], fence=leased["fence"], kind="extract", number=spec["number"],
                        recipe=spec["recipe"], version=VERSION, environment="e" * 64,
                        artefacts=[Artefact(name=name, bytes=len(_BODY), sha256=_SHA256)], counts={"found": number % 7})  # fmt: skip
    body = {"manifest": msgspec.to_builtins(manifest), "signature": sign(_PRIVATE, canonical(manifest))}
    status, said = await line.post(f"/v1/leases/{lease}/result", body)
    assert status == 200, (status, said)
    return True


async def whole_jobs(port: int, workers: int, seconds: float) -> tuple[int, float, Times]:
    """So many workers do jobs for so long; returns jobs, seconds, times."""
    times, done = Times(), itertools.count()
    until = time.perf_counter() + seconds

    async def work(number: int) -> None:
        line = Line(port, key_of(number), times)
        while time.perf_counter() < until and await one_job(line, number):
            next(done)
        line.close()

    began = time.perf_counter()
    await asyncio.gather(*map(work, range(workers)))
    return next(done), time.perf_counter() - began, times


async def hold_leases(store: Store, workers: list[Worker]) -> list[str]:
    """A lease for each worker, for an hour."""

    def some(tx: Tx, few: list[Worker]) -> list[str]:
        terms = Terms(lease_seconds=3600)
        return [leases.take(tx, time.time(), worker=one, kinds=["extract"], most=1, version=VERSION, terms=terms, policy=Policy())[0].lease for one in few]  # fmt: skip

    held: list[str] = []
    for first in range(0, len(workers), 500):
        few = workers[first : first + 500]
        held += await store.do(lambda tx, few=few: some(tx, few))  # type: ignore[misc]  # a default argument
    return held


async def heartbeats(port: int, held: list[str], seconds: float, every: float) -> Times:
    """Each holder says that it lives once in `every` seconds, on a connection of its own, at times of its own."""
    times = Times()
    began = time.perf_counter()
    limit = asyncio.Semaphore(2_000)

    async def beat(number: int) -> None:
        at = every * number / len(held)
        while at < seconds:
            await asyncio.sleep(max(0.0, began + at - time.perf_counter()))
            async with limit:
                line = Line(port, key_of(number), times)
                await line.post(f"/v1/leases/{held[number]}/heartbeat", {"stage": "fetch", "done": 1, "total": 2})
                line.close()
            at += every

    await asyncio.gather(*(beat(number) for number in range(len(held))))
    return times


async def coming_back(port: int, count: int, known: int, seconds: float) -> tuple[Times, int]:
    """So many connections within so many seconds, each asking what it holds; returns times and how many got no answer."""
    times, lost = Times(), itertools.count()
    began = time.perf_counter()
    limit = asyncio.Semaphore(2_000)

    async def come(number: int) -> None:
        await asyncio.sleep(max(0.0, began + seconds * number / count - time.perf_counter()))
        async with limit:
            line = Line(port, key_of(number % known), times)
            try:
                await line.ask("GET", "/v1/leases")
            except OSError:
                next(lost)
            line.close()

    await asyncio.gather(*(come(number) for number in range(count)))
    return times, next(lost)


#: a line of figures: what, how much, whether it is what was promised
Told = tuple[str, str, bool]


def told(times: Times, seconds: float) -> str:
    """Rates, latencies and statuses."""
    statuses = ", ".join(f"{many:,} x {status}" for status, many in sorted(times.statuses.items()))
    return (f"{times.answers / seconds:,.0f} requests/s, p50 {1000 * times.percentile(0.5):.0f} ms, "
            f"p99 {1000 * times.percentile(0.99):.0f} ms; {statuses}; load {os.getloadavg()[0]:.1f}")  # fmt: skip


def measure(work: Path, asked: argparse.Namespace) -> list[Told]:
    """Everything, printed as it comes. `asked` has what the command line has."""
    campaign = work / "campaign"
    lines: list[Told] = []

    def line(what: str, value: str, *, good: bool = True) -> None:
        lines.append((what, value, good))
        print(f"{what}: {value}", flush=True)

    workers, seconds = a_campaign(campaign, asked.jobs, asked.workers)
    line(f"import of {asked.jobs:,} jobs beside {asked.workers:,} workers", f"{seconds:.0f} s")
    held = asyncio.run(_held(campaign, workers))
    with served(campaign) as tracker:
        line(f"restart to serving, with {len(held):,} active leases (goal 3 s)", f"{tracker.seconds_to_answer:.1f} s",
             good=tracker.seconds_to_answer < 3)  # fmt: skip
        done, seconds, times = asyncio.run(whole_jobs(tracker.port, 64, asked.jobs_seconds))
        line(
            "whole jobs over HTTP by 64 workers: lease, permit, upload, result",
            f"{done / seconds:,.0f} jobs/s; {told(times, seconds)}",
        )
        cpu, began = tracker.cpu_seconds(), time.perf_counter()
        times = asyncio.run(heartbeats(tracker.port, held, asked.steady_seconds, 60.0))
        seconds = time.perf_counter() - began
        share = (tracker.cpu_seconds() - cpu) / seconds
        line(f"{len(held):,} workers with a heartbeat a minute (goal 25 % of a core)", f"{share:.0%} of a core; {told(times, seconds)}",
             good=share < 0.25 and not times.statuses.keys() - {200})  # fmt: skip
        began = time.perf_counter()
        times, lost = asyncio.run(coming_back(tracker.port, asked.reconnecting, len(held), 60.0))
        line(
            f"{asked.reconnecting:,} come back within a minute",
            f"{lost} without an answer; {told(times, time.perf_counter() - began)}",
            good=not lost,
        )
        line("peak memory of the tracker", f"{tracker.peak_bytes() / 1e6:.0f} MB")
    return lines


async def _held(campaign: Path, workers: list[Worker]) -> list[str]:
    store = open_store(CampaignFolder(campaign).database)
    try:
        return await hold_leases(store, workers)
    finally:
        await store.close()


def _free_port() -> int:
    import socket

    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    import socket

    while process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.02)
        else:
            return
    raise RuntimeError("the tracker has ended; see tracker.log")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=300_000)
    parser.add_argument("--workers", type=int, default=10_000)
    parser.add_argument("--jobs-seconds", type=float, default=20.0)
    parser.add_argument("--steady-seconds", type=float, default=60.0)
    parser.add_argument("--reconnecting", type=int, default=50_000)
    words = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        measure(Path(folder), words)
