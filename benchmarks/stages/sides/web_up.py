"""Starts the web of pictures where a contest first needs it, and ends it with the bench; the lists that name its hosts."""

from __future__ import annotations

import atexit
import contextlib
import random
import socket
import ssl
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import trustme

from benchmarks.contest.sides import ROOT
from benchmarks.stages.sides.picture_web import CLOSED, SILENT, UNTAKEN

HOSTS = 250


@dataclass(frozen=True, slots=True)
class Case:
    """What is downloaded, and over what kind of a web."""

    name: str
    sizes: tuple[str, ...]  # of pictures, in turns
    pictures: int
    scheme: str = "http"
    latency: float = 0.0  # seconds before each answer
    dead: float = 0.0  # share of the hosts
    downloads: int = 256  # of ours, at once

    @property
    def place(self) -> str:
        """For names of files."""
        return self.name.replace(" ", "-").replace(",", "").replace("%", "")


def addresses(case: Case, pictures: int, port: int) -> list[str]:
    """A list: hosts in no order, each with about the same number of pictures.

    The dead ones are by turns silent, not taking connections, refusing them, and without an address.
    """
    rng = random.Random(7)  # noqa: S311 - the same list in every run
    dead = set(range(round(HOSTS * case.dead)))
    listed = []
    for number in range(pictures):
        host = number % HOSTS
        place = _place(host)
        if host in dead:
            others = (f"{place}:{port + SILENT}", f"{place}:{port + UNTAKEN}", f"{place}:{port + CLOSED}")
            place = (*others, f"no-such-host-{host}.invalid:{port}")[host % 4]
        else:
            place = f"{place}:{port}"
        size = case.sizes[rng.randrange(len(case.sizes))]
        listed.append(f"{case.scheme}://{place}/{size}/{number}.jpg")
    rng.shuffle(listed)
    return listed


def write_list(path: Path, listed: Sequence[str]) -> Path:
    """A published list: parquet with addresses and captions."""
    captions = [f"a picture, number {number}" for number in range(len(listed))]
    pq.write_table(pa.table({"url": list(listed), "caption": captions}), path)
    return path


@cache
def web_up(scheme: str, latency: float, sizes: tuple[str, ...], folder: Path) -> int:
    """The first of four ports of a web that is up until this process ends; `folder` is for its certificate."""
    port = next(one for one in iter(lambda: random.randrange(12_000, 32_000, 4), None) if _are_free(one))  # noqa: S311 - a port is no secret
    module = "benchmarks.stages.sides.picture_web"
    words = [sys.executable, "-m", module, str(port), str(latency), ",".join(sorted(set(sizes)))]
    if scheme == "https":
        words.append(str(certificates(folder).with_name("server.pem")))
    server = subprocess.Popen(words, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def end() -> None:
        assert server.stdin is not None
        server.stdin.close()
        server.wait()

    atexit.register(end)
    assert server.stdout is not None
    if not server.stdout.readline().startswith(b"ready"):
        raise SystemExit("the web of pictures did not start")
    return port


@cache
def certificates(folder: Path) -> Path:
    """A file of all authorities that this machine trusts, with one of our own at the end; the server's lies beside it.

    That is what a side reads that trusts the web: one authority alone would be read in no time.
    """
    authority = trustme.CA()
    certificate = authority.issue_cert(*(_place(host) for host in range(HOSTS)))
    certificate.private_key_and_cert_chain_pem.write_to_path(str(folder / "server.pem"))
    known = Path(ssl.get_default_verify_paths().cafile or "/etc/ssl/certs/ca-certificates.crt")
    trusted = folder / "ca.pem"
    trusted.write_bytes(known.read_bytes() + authority.cert_pem.bytes())
    return trusted


def _place(host: int) -> str:
    return f"127.{1 + host // 250}.7.{1 + host % 250}"


def _are_free(port: int) -> bool:
    """Whether nobody has this port nor the three behind it."""
    with contextlib.ExitStack() as bound:
        try:
            for more in range(4):
                bound.enter_context(socket.socket()).bind(("0.0.0.0", port + more))  # noqa: S104 - all of 127/8
        except OSError:
            return False
    return True
