"""Soak: a hundred thousand downloads, one in ten from a host that misbehaves, and what is left over afterwards.

    python benchmarks/soak.py [FETCHES]

The servers are a process of their own on 127.0.0.2. The downloads go through everything that is real: the fetch stage,
the transport with its slots, the desk of one process (with no spacing, for that would only take time). Every ten
seconds a line says how it goes; at the end every row must be accounted for, and memory, sockets and tasks be back.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import os
import random
import resource
import socket
import struct
import sys
import time
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import cycle, islice
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from crawler.courtesy.local_desk import LocalDesk  # noqa: E402 - as above
from crawler.fetch import Terms, Web, fetch  # noqa: E402 - the repository's own folder comes first
from crawler.records import Candidate, Caption, Fault, Fetched, ImageSource, TextSource  # noqa: E402 - as above
from crawler.rights.site_word import NoRules  # noqa: E402 - as above
from crawler.settings import Fetch, Manners, OptOuts, Resources  # noqa: E402 - as above
from crawler.wire.transport import Transport, open_transport  # noqa: E402 - as above

ADDRESS = "127.0.0.2"
BODY_BYTES = 2 * 1024 * 1024
SECONDS = 3.0  # patience with one row
SLOTS = 64
AT_ONCE = 256  # rows under way: more than there are slots, as in a crawl job

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
GOOD = OK + b"Content-Type: image/png\r\nContent-Length: 20000\r\n\r\n" + bytes(20_000)


@dataclass(frozen=True, slots=True)
class Kind:
    """What a host does with a request, and how that has to end."""

    ends: str  # reasons, any of them
    first: bytes = b""
    again: bytes = b""  # sent after it without end: dripping, or as fast as it is taken
    drips: bool = False
    then: str = "keeps"  # the connection, or "closes" it, or "resets" it


def _bomb() -> bytes:
    """256 MiB of zeros in 256 kB of gzip."""
    coder, mib = zlib.compressobj(9, zlib.DEFLATED, 31), bytes(1 << 20)
    start = coder.compress(mib) + coder.flush(zlib.Z_FULL_FLUSH)
    bomb = start + (coder.compress(mib) + coder.flush(zlib.Z_FULL_FLUSH)) * 255
    return OK + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(bomb) + bomb


KINDS = {
    "good": Kind("fetched", GOOD),
    "closing": Kind("fetched", GOOD.replace(b"\r\n", b"\r\nConnection: close\r\n", 1), then="closes"),
    "silent": Kind("timeout"),
    "halfway": Kind("timeout", GOOD[:5000]),
    "dripping": Kind("timeout too_slow", OK + b"Content-Length: 9999\r\n\r\n", b"b", drips=True),
    "drippinghead": Kind("timeout", OK, b"X-A: b\r\n", drips=True),
    "resetting": Kind("connect_failed", then="resets"),
    "resettingbody": Kind("body_truncated", GOOD[:5000], then="resets"),
    "hangingup": Kind("connect_failed", then="closes"),
    "lying": Kind("body_truncated", GOOD[:5000], then="closes"),
    "bomb": Kind("body_too_large", _bomb()),
    "endless": Kind("body_too_large", OK + b"\r\n", bytes(65_536)),
    "endlesschunks": Kind("body_too_large", CHUNKED, (b"1000\r\n" + bytes(4096) + b"\r\n") * 16),
    "tinychunks": Kind("protocol_error", CHUNKED, b"1\r\nb\r\n" * 5000),
    "endlesshead": Kind("protocol_error", OK, b"X-A: b\r\n" * 1000),
    "garbage": Kind("protocol_error", random.Random(4).randbytes(5000), then="closes"),  # noqa: S311 - noise
    "loop": Kind("too_many_redirects", b"HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n"),
    "wandering": Kind("address_refused",
                      b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.3/\r\nContent-Length: 0\r\n\r\n"),
    "broken": Kind("http_server_error", b"HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n"),
}  # fmt: skip
HOSTILE = tuple(kind for kind in KINDS if kind not in {"good", "closing"})


class _Server(asyncio.Protocol):
    """Does what the first word of the host's name says."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._heard = b""
        self._more = b""
        self._full = False
        self._timer: asyncio.TimerHandle | None = None

    def data_received(self, data: bytes) -> None:
        self._heard += data
        while b"\r\n\r\n" in self._heard and not self._transport.is_closing():
            head, _, self._heard = self._heard.partition(b"\r\n\r\n")
            self._answer(KINDS[head.partition(b"\r\nHost: ")[2].partition(b"-")[0].decode()])

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        self._more = b""
        if self._timer is not None:
            self._timer.cancel()

    def pause_writing(self) -> None:
        self._full = True

    def resume_writing(self) -> None:
        self._full = False
        if self._more:
            self._pour()

    def _answer(self, kind: Kind) -> None:
        self._transport.write(kind.first)
        if kind.then == "resets":
            linger = struct.pack("ii", 1, 0)
            self._transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            self._later(self._transport.abort)
        elif kind.then == "closes":
            self._transport.close()
        elif kind.drips:
            self._more = kind.again
            self._drip()
        elif kind.again:
            self._more = kind.again
            self._pour()

    def _drip(self) -> None:
        self._transport.write(self._more)
        self._later(self._drip, 0.2)

    def _pour(self) -> None:
        """Until the buffer is full, which `resume_writing` ends; what fits before is more than anybody takes."""
        for _ in range(64):
            if self._full or self._transport.is_closing():
                break
            self._transport.write(self._more)

    def _later(self, call: Callable[[], None], seconds: float = 0.01) -> None:
        self._timer = asyncio.get_running_loop().call_later(seconds, call)


def _serve(ready: Connection) -> None:
    async def story() -> None:
        server = await asyncio.get_running_loop().create_server(_Server, ADDRESS, 0, backlog=4096)
        ready.send(server.sockets[0].getsockname()[1])
        await asyncio.Event().wait()

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 20_000)), hard))
    asyncio.run(story())


def _hosts(fetches: int) -> Iterator[str]:
    """One in ten misbehaves, each kind as often as any other; a host that misbehaves is met three times."""
    hostile = cycle(HOSTILE)
    for number in range(fetches):
        if number % 10 == 9:
            yield f"{next(hostile)}-{number // 10 // len(HOSTILE) // 3}.test"
        else:
            yield f"{'closing' if number % 10 == 4 else 'good'}-{number % 20_011}.test"


def _candidate(host: str) -> Candidate:
    caption = Caption(TextSource.ALT, "a red boat on a lake")
    return Candidate(
        f"http://{host}/", ImageSource.IMG_SRC, caption, (), "http://pages.test/", "archive", 0, 0, "", "", (), "/",
        caption.text, "",
    )  # fmt: skip


def _memory_mb() -> float:
    """Resident now."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def _files() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


@dataclass
class _Soak:
    """One soak under way."""

    fetches: int
    outcomes: Counter[str] = field(default_factory=Counter)
    unexpected: Counter[str] = field(default_factory=Counter)  # "kind: reason"
    late: int = 0  # rows for which this machine was too busy: they say "timeout" where something else was due
    memory_mb: list[float] = field(default_factory=list)  # after each percent
    most_sockets: int = 0
    began: float = field(default_factory=time.monotonic)

    @property
    def done(self) -> int:
        return self.outcomes.total()

    def count(self, host: str, reason: str) -> None:
        """One row has ended."""
        self.outcomes[reason] += 1
        kind = host.partition("-")[0]
        if reason not in KINDS[kind].ends.split() and reason == Fault.TIMEOUT:
            self.late += 1
        elif reason not in KINDS[kind].ends.split():
            self.unexpected[f"{kind}: {reason}"] += 1
        if self.done * 100 // self.fetches > len(self.memory_mb):
            self.memory_mb.append(_memory_mb())

    async def run(self, port: int) -> None:
        """All rows, `AT_ONCE` at a time."""
        settings = Fetch(
            allow_networks=(f"{ADDRESS}/32",), hosts={"*.test": f"{ADDRESS}:{port}"}, body_bytes=BODY_BYTES,
            total_seconds=SECONDS, first_byte_seconds=SECONDS, read_seconds=SECONDS,
        )  # fmt: skip
        rows, terms = _hosts(self.fetches), Terms(settings, OptOuts())
        desk = LocalDesk(Manners(seconds_between_requests=0))
        async with desk.open() as opened, open_transport(settings, Resources(downloads=SLOTS), opened.turns) as get:
            web = Web(get, NoRules())

            async def worker() -> None:
                for host in rows:
                    outcome = await fetch(_candidate(host), web, terms)
                    self.count(host, "fetched" if isinstance(outcome, Fetched) else outcome.reason)

            telling = asyncio.create_task(self._tell(get))
            await asyncio.gather(*(worker() for _ in range(AT_ONCE)))
            telling.cancel()
            await asyncio.wait([telling])

    async def _tell(self, get: Transport) -> None:
        """A line every ten seconds."""
        for seconds in islice(cycle(range(1, 11)), None):
            await asyncio.sleep(1)
            self.most_sockets = max(self.most_sockets, get.open_sockets)
            if seconds == 10:
                rate = self.done / (time.monotonic() - self.began)
                print(
                    f"{self.done:>8,} done  {rate:6.0f}/s  {_memory_mb():6.0f} MB  {get.open_sockets:5} sockets  "
                    f"{len(asyncio.all_tasks()):5} tasks",
                    flush=True,
                )


def soak(fetches: int) -> dict[str, Any]:
    """Do so many downloads (200 at least); the figures. "unexpected" and what is "left" must be empty and 0.

    Raises:
        AssertionError: a row is not accounted for.
    """
    ready, theirs = multiprocessing.Pipe(duplex=False)
    server = multiprocessing.get_context("spawn").Process(target=_serve, args=(theirs,), daemon=True)
    server.start()
    port = ready.recv()
    run = _Soak(fetches)

    async def story() -> int:
        await run.run(port)
        await asyncio.sleep(0.1)  # closed connections say goodbye
        return len(asyncio.all_tasks())

    files = _files()
    try:
        tasks = asyncio.run(story())
    finally:
        server.terminate()
        server.join()
    seconds = time.monotonic() - run.began
    assert run.done == fetches, f"{run.done} of {fetches} rows"
    return {
        "fetches": fetches,
        "seconds": round(seconds, 1),
        "per_second": round(fetches / seconds),
        "outcomes": {str(reason): count for reason, count in run.outcomes.most_common()},
        "unexpected": dict(run.unexpected),
        "late": run.late,
        "memory_mb_after_20_percent": round(run.memory_mb[19]),
        "memory_mb_at_the_end": round(run.memory_mb[-1]),
        "most_sockets": run.most_sockets,
        "files_left": _files() - files,
        "tasks_left": tasks - 1,  # but the one that counts them
    }


def main() -> int:
    """Soak, and print the figures; 0 when nothing is left over."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("fetches", type=int, nargs="?", default=100_000)
    figures = soak(parser.parse_args().fetches)
    print(json.dumps(figures, indent=2))
    return int(any(figures[left] for left in ("files_left", "tasks_left", "unexpected")))


if __name__ == "__main__":
    sys.exit(main())
