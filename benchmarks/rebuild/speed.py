"""Pictures a second, and CPU a picture: `pairtrawl` beside img2dataset 1.47.0, same server, same list, same options.

    python benchmarks/rebuild/speed.py [--sizes small middle large] [--latencies 0 0.05 0.2] [--pictures 3000]

Sizes are measured without latency and dead hosts; latencies with the smallest size, a tenth of the hosts dead: silent,
not taking connections, refusing them, without an address. Both sides get one list, 256 downloads at once, 10 seconds,
no second try, a border of 256 pixels, JPEG of quality 95 and SHA-256. Our limits of what one host is asked are opened,
for img2dataset has none; robots.txt and tdmrep.json are asked for and obeyed by us alone.

CPU is that of the whole tree of processes, the server's not; memory is the largest sum of what its processes hold
(PSS: shared pages are shared). The start of a side, measured with a list of a few pictures, is a column of its own. A
table comes last.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import msgspec
import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import trustme

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from benchmarks.rebuild.peer import QUIET, img2dataset_python, told_versions  # noqa: E402 - the repository comes first
from benchmarks.rebuild.speed_server import CLOSED, SILENT, SIZES, UNTAKEN  # noqa: E402 - as above

#: of a list by which the cost of starting is measured
FEW = 20
#: seconds after which a side counts as hanging
LIMIT = 900.0
_TIMEOUT = 10


class Cell(NamedTuple):
    """One thing to measure."""

    size: str
    latency: float  # seconds
    dead: float  # share of the hosts
    downloads: int = 256  # at once: thread_count


@dataclass(frozen=True, slots=True)
class Ran:
    """What one side took for one list."""

    pictures: int  # in its shards
    wall: float
    cpu: float
    peak_bytes: int
    exit_code: int


def addresses(cell: Cell, pictures: int, hosts: int, port: int, scheme: str = "http") -> list[str]:
    """The list: hosts in no order, each with about the same number of pictures."""
    rng = random.Random(7)  # noqa: S311 - the same list in every run
    dead = set(range(round(hosts * cell.dead)))
    listed = []
    for number in range(pictures):
        host = number % hosts
        place = _place(host)
        if host in dead:
            others = (f"{place}:{port + SILENT}", f"{place}:{port + UNTAKEN}", f"{place}:{port + CLOSED}")
            place = (*others, f"no-such-host-{host}.invalid:{port}")[host % 4]
        else:
            place = f"{place}:{port}"
        listed.append(f"{scheme}://{place}/{cell.size}/{number}.jpg")
    rng.shuffle(listed)
    return listed


def _place(host: int) -> str:
    return f"127.{1 + host // 250}.7.{1 + host % 250}"


def write_list(path: Path, listed: Sequence[str]) -> None:
    """A published list: parquet with addresses and captions."""
    captions = [f"a picture, number {number}" for number in range(len(listed))]
    pq.write_table(pa.table({"url": list(listed), "caption": captions}), path)


def img2dataset_words(cell: Cell, python: Path, listed: Path, output: Path, asked: argparse.Namespace) -> list[str]:
    """Its command line."""
    more = {"url_list": listed, "output_folder": output, "processes_count": asked.processes}
    return [str(python), "-m", "img2dataset.main", *_flags(more | _options(cell, asked))]


def our_words(cell: Cell, listed: Path, output: Path, port: int, asked: argparse.Namespace) -> list[str]:
    """Ours, with the same options; and what opens our limits, and this machine's own addresses."""
    settings = {
        "fetch.allow_networks": '["127.0.0.0/8"]', "fetch.ports": f"[{', '.join(str(port + more) for more in range(4))}]",
        "fetch.tries": 1, "manners.requests_at_once": 100_000, "manners.seconds_between_requests": 0,
        "output.placeholder_addresses": 0, "output.drawing": asked.drawing,
        "decode.hashes": '["md5", "sha1"]' if asked.hashes == "exact" else '["md5", "sha1", "pdq"]',
    }  # fmt: skip
    if asked.https:
        settings["fetch.ca_file"] = asked.ca
    words = [
        sys.executable,
        "-m",
        "workers",
        "rebuild",
        str(listed),
        f"--output={output}",
        *_flags(_options(cell, asked)),
    ]
    for setting in (*(f"{name}={value}" for name, value in settings.items()), *asked.set):
        words += ["--set", setting]
    return words


def _options(cell: Cell, asked: argparse.Namespace) -> dict[str, object]:
    """What both are told, by the same names."""
    return {
        "input_format": "parquet", "url_col": "url", "caption_col": "caption", "output_format": "webdataset",
        "image_size": 256, "resize_mode": "border", "thread_count": cell.downloads, "number_sample_per_shard": asked.rows,
        "timeout": _TIMEOUT, "retries": 0, "compute_hash": "sha256", "enable_wandb": False,
    }  # fmt: skip


def _flags(options: dict[str, object]) -> list[str]:
    return [f"--{name}={value}" for name, value in options.items()]


def ran(words: Sequence[str], output: Path, ca: str = "") -> Ran:
    """Run a side to its end, or for `LIMIT` seconds."""
    began = time.monotonic()
    with (output.parent / f"{output.name}.log").open("wb") as said:
        process = subprocess.Popen(
            words, env=_environment(ca), stdout=said, stderr=subprocess.STDOUT, start_new_session=True, cwd=ROOT
        )
        hanging = threading.Timer(LIMIT, os.killpg, (process.pid, signal.SIGKILL))
        hanging.start()
        peak = _Peak(process.pid)
        peak.start()
        _, status, usage = os.wait4(process.pid, 0)
        hanging.cancel()
        peak.ended.set()
        process.returncode = os.waitstatus_to_exitcode(status)
        wall = time.monotonic() - began
    peak.join()
    pictures = sum(msgspec.json.decode(path.read_bytes())["successes"] for path in output.rglob("*_stats.json"))
    return Ran(pictures, wall, usage.ru_utime + usage.ru_stime, peak.bytes, process.returncode)


def _environment(ca: str) -> dict[str, str]:
    """Ours, with compiled modules kept: a side whose packages are compiled at every start would be slow for nothing."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**kept, **QUIET, **({"SSL_CERT_FILE": ca} if ca else {})}


def make_certificates(folder: Path, hosts: int) -> str:
    """A certificate for all hosts, and a file of all authorities that this machine trusts with its own at the end.

    That is what a side reads that trusts the web: one authority alone would be read in no time.
    """
    authority = trustme.CA()
    certificate = authority.issue_cert(*(_place(host) for host in range(hosts)))
    certificate.private_key_and_cert_chain_pem.write_to_path(str(folder / "server.pem"))
    known = Path(ssl.get_default_verify_paths().cafile or "/etc/ssl/certs/ca-certificates.crt")
    (folder / "ca.pem").write_bytes(known.read_bytes() + authority.cert_pem.bytes())
    return str(folder / "ca.pem")


class _Peak(threading.Thread):
    """Looks now and then at what a tree of processes holds in memory."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self._pid = pid
        self.bytes = 0
        self.ended = threading.Event()

    def run(self) -> None:
        while not self.ended.wait(1.0):
            with contextlib.suppress(psutil.Error):
                top = psutil.Process(self._pid)
                self.bytes = max(self.bytes, sum(_held(one.pid) for one in (top, *top.children(recursive=True))))


def _held(pid: int) -> int:
    """A process's proportional share of memory, in bytes; 0 where it is gone."""
    try:
        told = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0
    return sum(int(line.split()[1]) * 1024 for line in told.splitlines() if line.startswith("Pss:"))


@contextlib.contextmanager
def a_server(latency: float, certificate: str = "") -> Iterator[int]:
    """The server's first port."""
    starts = iter(lambda: random.randrange(12_000, 32_000, 4), None)  # noqa: S311 - a port is no secret
    port = next(one for one in starts if _are_free(one))
    words = [
        sys.executable,
        "-m",
        "benchmarks.rebuild.speed_server",
        str(port),
        str(latency),
        *([certificate] if certificate else []),
    ]
    with subprocess.Popen(words, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as server:
        try:
            assert server.stdout is not None
            if not server.stdout.readline().startswith(b"ready"):
                raise SystemExit("the server did not start")
            yield port
        finally:
            assert server.stdin is not None
            server.stdin.close()
            server.wait()


def _are_free(port: int) -> bool:
    """Whether nobody has this port nor the three behind it."""
    with contextlib.ExitStack() as bound:
        try:
            for more in range(4):
                bound.enter_context(socket.socket()).bind(("0.0.0.0", port + more))  # noqa: S104 - all of 127/8
        except OSError:
            return False
    return True


def measure(cell: Cell, sides: dict[str, Path], asked: argparse.Namespace, folder: Path) -> dict[str, tuple[Ran, Ran]]:
    """Each side's run with a few pictures and with all, one side after the other."""
    found = {}
    for side, python in sides.items():
        runs = []
        for pictures in (FEW, asked.pictures if cell.size == "small" else asked.pictures // _LESS[cell.size]):
            certificate = str(Path(asked.ca).with_name("server.pem")) if asked.https else ""
            with a_server(cell.latency, certificate) as port:
                quick = cell._replace(latency=0, dead=0) if pictures == FEW else cell
                listed, output = folder / "list.parquet", folder / f"{side}-{pictures}"
                write_list(listed, addresses(quick, pictures, asked.hosts, port, "https" if asked.https else "http"))
                ours = side == "pairtrawl"
                words = (
                    our_words(cell, listed, output, port, asked)
                    if ours
                    else img2dataset_words(cell, python, listed, output, asked)
                )
                runs.append(ran(words, output, asked.ca))
                if runs[-1].exit_code:
                    print((output.parent / f"{output.name}.log").read_text(errors="replace")[-2000:])
                if not asked.keep:
                    shutil.rmtree(output, ignore_errors=True)
        found[side] = (runs[0], runs[1])
        print(_line(cell, side, runs[0], runs[1]), flush=True)
    return found


#: so many times fewer pictures of a larger size
_LESS = {"middle": 3, "large": 10}
_HEAD = f"{'cell':44} {'side':12} {'pictures':>8} {'wall s':>7} {'per s':>7} {'CPU s/1000':>10} {'+start':>7} {'peak MB':>8}"


def _line(cell: Cell, side: str, few: Ran, many: Ran) -> str:
    name = f"{cell.size}, {cell.latency * 1000:.0f} ms, {cell.dead:.0%} dead, {cell.downloads} at once"
    each = (many.cpu - few.cpu) / max(1, many.pictures - few.pictures) * 1000
    broken = "" if many.exit_code == 0 else f" exit {many.exit_code}"
    return (
        f"{name:44} {side:12} {many.pictures:>8,} {many.wall:>7.1f} {many.pictures / many.wall:>7.0f} {each:>10.2f} "
        f"{few.cpu:>6.1f}s {many.peak_bytes / 1e6:>8.0f}{broken}"
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", nargs="*", choices=SIZES, default=list(SIZES))
    parser.add_argument("--latencies", nargs="*", type=float, default=[0, 0.05, 0.2])
    parser.add_argument("--pictures", type=int, default=3_000)
    parser.add_argument("--hosts", type=int, default=250)
    parser.add_argument("--rows", type=int, default=10_000, help="a shard")
    parser.add_argument("--processes", type=int, default=2, help="of img2dataset")
    parser.add_argument("--sides", nargs="*", default=["pairtrawl", "img2dataset"])
    parser.add_argument("--peer", type=Path, default=Path(tempfile.gettempdir()) / "pairtrawl-peers" / "img2dataset")
    parser.add_argument(
        "--hashes",
        choices=("exact", "all"),
        default="exact",
        help="all: PDQ, too, as a rebuild does; img2dataset has none",
    )
    parser.add_argument("--drawing", choices=("fast", "exact"), default="fast", help="our output.drawing")
    parser.add_argument("--https", action="store_true", help="with certificates, as nearly all of the web")
    parser.add_argument("--set", action="append", default=[], help="a setting of our recipe")
    parser.add_argument("--keep", action="store_true", help="leave the outputs")
    asked = parser.parse_args()
    peer = img2dataset_python(asked.peer)
    sides = dict.fromkeys(asked.sides, peer)
    cells = [Cell(size, 0.0, 0.0) for size in asked.sizes] + [Cell("small", one, 0.1) for one in asked.latencies]
    folder = Path(tempfile.mkdtemp(prefix="speed-"))
    asked.ca = make_certificates(folder, asked.hosts) if asked.https else ""
    print(_HEAD)
    table = []
    for cell in cells:
        for side, (few, many) in measure(cell, sides, asked, folder).items():
            table.append(_line(cell, side, few, many))
    if not asked.keep:
        shutil.rmtree(folder)
    print(f"\nimg2dataset: {told_versions(peer)}\n{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}\n")
    print("\n".join((_HEAD, *table)))


if __name__ == "__main__":
    main()
