"""A process that joins a cluster, is let in or not, and loses its head: with drivers in processes of their own.

Ray reads its settings when it is imported, and ends a process whose cluster has lost its head.
"""

from __future__ import annotations

import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from crawler.errors import SettingsError
from workers.ray_cluster import joined

ROOT = Path(__file__).parent.parent.parent
#: for one process to start, work and end, in seconds
GUARD = 600

DRIVER = """
import signal, sys, threading, time
from pathlib import Path
import psutil
from crawler.errors import SettingsError
from crawler.job import JobKind
from tests.fakes.picture_host import Feed, picture_host
from workers.ray_pool import Actors, on_ray
from workers.run_folder import RunFolder
from workers.stop import Stop

address, output, deed = sys.argv[1] or None, Path(sys.argv[2]), sys.argv[3]
mine = lambda *_: None
signal.signal(signal.SIGTERM, mine)
try:
    with picture_host() as web, on_ray(Actors(workers=1, worker_cpus=1), address) as place:
        assert signal.getsignal(signal.SIGTERM) is mine, "Ray has taken our signal"
        feed = Feed(output, web.recipe())
        with place.open(feed.recipe, RunFolder(output), JobKind.CRAWL) as run:
            for outcome in run(feed, lambda _rows: None, Stop()):
                print(outcome.failure or f"done {outcome.job.number}", outcome.blame, flush=True)
                if deed == "behead" and not feed.enough:
                    for one in psutil.Process().children(recursive=True):
                        if one.name() == "gcs_server":
                            one.kill()
                            began, deed = time.monotonic(), "beheaded"
                elif deed != "beheaded":
                    feed.enough = True
except SettingsError as error:
    print(error)
    sys.exit(2)
if deed == "beheaded":
    print("took less than a minute" if time.monotonic() - began < 60 else "took too long")
"""


def drive(deed: str, output: Path, address: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    """What a driver prints that runs jobs in a cluster."""
    words = [sys.executable, "-c", DRIVER, address, str(output), deed]
    clean = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    return subprocess.run(
        words, cwd=ROOT, env=clean | environment, check=False, capture_output=True, text=True, timeout=GUARD
    )


@pytest.mark.ray
@pytest.mark.slow
def test_without_a_head_the_driver_ends_in_time_and_nobody_is_to_blame(tmp_path: Path) -> None:
    ended = drive("behead", tmp_path)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    first, *_, failure, last = ended.stdout.splitlines()
    assert first == "done 0 nobody"
    assert "and all that were under way: the head of the Ray cluster" in failure
    assert failure.endswith(" nobody")
    assert last == "took less than a minute"


@pytest.fixture(scope="module")
def token(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("token") / "token"
    path.write_text(secrets.token_hex(32))
    path.chmod(0o600)
    return path


@pytest.fixture(scope="module")
def head(token: Path) -> Iterator[str]:
    """The address of a cluster that lets in who has the token: one node with one core."""
    port, *others = free_ports(5)
    address = f"127.0.0.1:{port}"
    start = [str(Path(sys.executable).parent / "ray"), "start", "--head", "--block", "--include-dashboard=false"]
    flags = ["--node-ip-address=127.0.0.1", f"--port={port}", "--num-cpus=1"]
    # a raylet waits 15 seconds for agents to say which ports they took, which is not enough on a busy machine
    agents = ("dashboard-agent-grpc", "dashboard-agent-listen", "runtime-env-agent", "metrics-export")
    flags += [f"--{agent}-port={one}" for agent, one in zip(agents, others, strict=True)]
    with TemporaryDirectory(prefix="r") as short:  # the names of sockets have 107 characters at most
        process = subprocess.Popen(
            [*start, *flags, "--object-store-memory=80000000", f"--temp-dir={short}"],
            env=os.environ | let_in(token), start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT,
        )  # fmt: skip
        try:
            until_it_listens(address)
            yield address
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def free_ports(number: int) -> list[int]:
    """Ports that nobody listens at, a moment ago."""
    with ExitStack() as held:
        probes = [held.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(number)]
        return [one.getsockname()[1] for one in probes]


def let_in(token: Path) -> dict[str, str]:
    """What the environment says to who has the token."""
    return {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN_PATH": str(token), "RAY_USAGE_STATS_ENABLED": "0"}


def until_it_listens(address: str) -> None:
    host, _, port = address.rpartition(":")
    last = time.monotonic() + GUARD
    while True:
        try:
            socket.create_connection((host, int(port)), timeout=1).close()
        except OSError:
            assert time.monotonic() < last
            time.sleep(0.2)
        else:
            return


@pytest.mark.ray
@pytest.mark.slow
def test_a_cluster_is_joined_by_its_address_and_token(head: str, token: Path, tmp_path: Path) -> None:
    ended = drive("work", tmp_path / "run", head, **let_in(token))
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert ended.stdout.splitlines()[0] == "done 0 nobody"
    assert list((tmp_path / "run/shards").glob("*_stats.json"))


@pytest.mark.ray
@pytest.mark.slow
def test_who_has_another_token_is_told_so(head: str, tmp_path: Path) -> None:
    other = tmp_path / "token"
    other.write_text(secrets.token_hex(32))
    ended = drive("work", tmp_path / "run", head, **let_in(other))
    assert ended.returncode == 2, ended.stdout + ended.stderr
    assert f"Ray cluster {head}: cannot be joined" in ended.stdout
    assert "RAY_AUTH_TOKEN_PATH" in ended.stdout


@pytest.mark.parametrize("address", ["ray://10.0.0.1:10001", "http://10.0.0.1:8265"])
def test_addresses_of_other_kinds_are_refused_with_what_to_give_instead(address: str) -> None:
    with pytest.raises(SettingsError, match=r"give HOST:PORT of the cluster's head"), joined(address):
        raise AssertionError


@pytest.mark.ray
@pytest.mark.slow
def test_where_no_cluster_is_nobody_waits_for_ever(tmp_path: Path) -> None:
    address = f"127.0.0.1:{free_ports(1)[0]}"
    ended = drive("work", tmp_path / "run", address)
    assert ended.returncode == 2, ended.stdout + ended.stderr
    assert f"Ray cluster {address}: cannot be joined" in ended.stdout
