"""The life of an island, with a program that stands for Ray: who waits for whom, who ends whom, and what is left."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.workers.island.tasks import FAKE_RAY, REPOSITORY, variables, words
from workers.island.ports import window

RAY = [sys.executable, str(FAKE_RAY)]
#: seconds for what takes one, on a machine that is ten times slower
PROMPT = 60.0
#: says that it is there, then waits for a signal and ends with a code that tells which
WAITS = """
import os, signal, sys, time, pathlib
parent = os.getppid()
signal.signal(signal.SIGUSR1, lambda *_: sys.exit(75))
signal.signal(signal.SIGTERM, lambda *_: sys.exit(76) if sys.argv[2] == "obeys" else None)
pathlib.Path(sys.argv[1]).write_text("there")
while os.getppid() == parent: time.sleep(0.05)
"""


class Islands:
    """Tasks as `srun` starts them, with addresses of this machine; what a test leaves running is killed."""

    def __init__(self, folder: Path) -> None:
        self.run = folder / "run"
        self.local = Path(tempfile.mkdtemp(dir="/tmp"))  # a short path, for sockets
        self.tasks: list[subprocess.Popen[str]] = []

    def start(
        self, driver: list[str], rank: int = 0, nodes: int = 1, *, job: str = "7", restart: int = 0, **options: Any
    ) -> subprocess.Popen[str]:
        defaults = {"node_ip": f"127.0.1.{rank + 1}", "ray_start": RAY, "node_local": str(self.local)}
        environment = {name: one for name, one in os.environ.items() if not name.startswith(("SLURM_", "RAY_"))}
        task = subprocess.Popen(
            words(self.run, driver, **(defaults | options)),
            env=environment | variables(rank, nodes, job, restart) | {"PYTHONPATH": str(REPOSITORY), "FAKE_RAY_TELLS": str(self.local)},
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        self.tasks.append(task)
        return task

    def meeting(self, key: str = "7.0.0") -> Path:
        return self.run / "islands" / key

    def done(self, key: str = "7.0.0") -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.meeting(key) / "done").read_bytes())
        return found

    def rays(self) -> list[int]:
        """Processes of pretended Ray nodes that are still there, their children among them."""
        told = [int(one) for file in self.local.glob("ray-*") for one in file.read_text().split()]
        return [one for one in told if is_alive(one)]

    def left_on_the_node(self) -> list[str]:
        return [one.name for one in self.local.glob("pt-*")]


def is_alive(process: int) -> bool:
    try:
        return bool(psutil.Process(process).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


@pytest.fixture
def islands(tmp_path: Path) -> Iterator[Islands]:
    started = Islands(tmp_path)
    yield started
    for task in started.tasks:
        task.kill()
        task.communicate()
    for one in started.rays():
        os.kill(one, signal.SIGKILL)
    shutil.rmtree(started.local)


def until(there: Callable[[], object]) -> None:
    end = time.monotonic() + PROMPT
    while not there():
        assert time.monotonic() < end
        time.sleep(0.05)


def python(text: str, *arguments: str) -> list[str]:
    return [sys.executable, "-c", text, *arguments]


def ended(task: subprocess.Popen[str]) -> tuple[int, str]:
    said, _ = task.communicate(timeout=PROMPT)
    return task.returncode, said


def test_the_exit_code_is_the_drivers_and_nothing_is_left(islands: Islands) -> None:
    task = islands.start(python("import os; print(os.environ['RAY_ADDRESS']); raise SystemExit(75)"))
    code, said = ended(task)
    assert code == 75
    assert f"127.0.1.1:{window('7.0.0')[0]}" in said
    assert islands.done() == {"rc": 75}
    assert [one.name for one in islands.meeting().iterdir()] == ["done"]
    assert islands.rays() == []
    assert islands.left_on_the_node() == []


def test_a_driver_that_a_signal_ends_is_128_and_its_number_and_rays_words_are_kept(islands: Islands) -> None:
    code, said = ended(islands.start(python("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)")))
    assert code == 128 + signal.SIGSEGV == islands.done()["rc"]
    log = islands.run / "logs" / "7.0.0-rank-0-ray.log"
    assert str(log) in said
    assert "I am --head --port" in log.read_text()


def test_the_driver_waits_for_all_nodes_and_all_leave_when_it_has_ended(islands: Islands, tmp_path: Path) -> None:
    there = "import pathlib, sys; print(sorted(p.name for p in pathlib.Path(sys.argv[1]).glob('joined-*')))"
    head = islands.start(python(there, str(islands.meeting())), rank=0, nodes=3)
    until((islands.meeting() / "address").exists)
    workers = [islands.start([], rank=rank, nodes=3) for rank in (1, 2)]
    code, said = ended(head)
    assert code == 0
    assert "['joined-1', 'joined-2']" in said
    assert [ended(one)[0] for one in workers] == [0, 0]
    assert islands.rays() == []
    assert islands.left_on_the_node() == []


def test_the_secret_is_for_one_attempt_and_for_its_user_alone(islands: Islands, tmp_path: Path) -> None:
    look = "import os, pathlib; p = pathlib.Path(os.environ['RAY_AUTH_TOKEN_PATH']); print(oct(p.stat().st_mode), oct(p.parent.stat().st_mode), len(p.read_text()), os.environ['RAY_AUTH_MODE'])"
    _, said = ended(islands.start(python(look)))
    assert "0o100600 0o40700 64 token" in said
    assert not (islands.meeting() / "token").exists()


def test_a_node_too_few_is_three_and_says_which_flags_help(islands: Islands) -> None:
    code, said = ended(islands.start(python("print('never')"), nodes=2, join_seconds=3))
    assert code == 3
    assert "1 of 2 nodes came within 3 s" in said
    assert "--min-nodes" in said
    assert "never" not in said


def test_with_enough_nodes_it_starts_without_the_late_ones(islands: Islands) -> None:
    code, said = ended(islands.start(python("print('started')"), nodes=2, join_seconds=3, min_nodes=1))
    assert code == 0
    assert "starting with 1 of 2 nodes" in said
    late = islands.start([], rank=1, nodes=2)
    assert ended(late)[0] == 0
    assert islands.done() == {"rc": 0}


def test_a_node_that_cannot_take_part_ends_the_island_with_its_reason(islands: Islands) -> None:
    head = islands.start(python("print('never')"), nodes=2)
    worker = islands.start([], rank=1, nodes=2, node_ip="192.0.2.77")
    assert ended(worker)[0] == 2
    code, said = ended(head)
    assert code == 2 == islands.done()["rc"]
    assert "node1: --node-ip 192.0.2.77: is no address of this machine" in said


@pytest.mark.parametrize(
    ("number", "manner", "code"),
    [(signal.SIGUSR1, "obeys", 75), (signal.SIGINT, "obeys", 75), (signal.SIGTERM, "obeys", 76)],
)
def test_signals_reach_the_driver(
    islands: Islands, tmp_path: Path, number: signal.Signals, manner: str, code: int
) -> None:
    task = islands.start(python(WAITS, str(tmp_path / "there"), manner))
    until((tmp_path / "there").exists)
    task.send_signal(number)
    assert ended(task)[0] == code


def test_usr1_waits_until_the_driver_can_take_it(islands: Islands, tmp_path: Path) -> None:
    slow = "import time, pathlib, sys; pathlib.Path(sys.argv[1]).write_text('early'); time.sleep(2)\n" + WAITS
    task = islands.start(python(slow, str(tmp_path / "there"), "obeys"))
    until((tmp_path / "there").exists)
    task.send_signal(signal.SIGUSR1)
    assert ended(task)[0] == 75


def test_a_driver_that_does_not_give_up_in_time_is_killed(islands: Islands, tmp_path: Path) -> None:
    task = islands.start(python(WAITS, str(tmp_path / "there"), "refuses"), drain_seconds=0.5)
    until((tmp_path / "there").exists)
    task.send_signal(signal.SIGTERM)
    code, said = ended(task)
    assert code == 128 + signal.SIGKILL
    assert "killed" in said
    assert islands.rays() == []
    assert islands.left_on_the_node() == []


def test_workers_serve_on_after_usr1_and_leave_after_term(islands: Islands, tmp_path: Path) -> None:
    head = islands.start(python(WAITS, str(tmp_path / "there"), "obeys"), nodes=3)
    first, second = (islands.start([], rank=rank, nodes=3) for rank in (1, 2))
    until((tmp_path / "there").exists)
    first.send_signal(signal.SIGUSR1)
    second.send_signal(signal.SIGTERM)
    assert ended(second)[0] == 0
    assert first.poll() is None
    assert head.poll() is None
    head.send_signal(signal.SIGUSR1)
    assert ended(head)[0] == 75
    assert ended(first)[0] == 0


def test_a_worker_whose_head_is_gone_leaves_by_itself(islands: Islands, tmp_path: Path) -> None:
    head = islands.start(python(WAITS, str(tmp_path / "there"), "obeys"), nodes=2)
    worker = islands.start([], rank=1, nodes=2, silence_seconds=0.5)
    until((tmp_path / "there").exists)
    head.kill()
    for one in [*filter(is_of_head, islands.rays())]:  # and all that its node runs
        os.kill(one, signal.SIGKILL)
    code, said = ended(worker)
    assert code == 1
    assert "does not answer" in said
    assert len(islands.left_on_the_node()) == 1  # the head's: nobody could remove it
    assert not [one for one in islands.rays() if not is_of_head(one)]


def is_of_head(process: int) -> bool:
    words = psutil.Process(process).cmdline()
    return "--head" in words or ("time.sleep(600)" in " ".join(words) and is_of_head(psutil.Process(process).ppid()))


def test_a_ray_that_ends_ends_the_driver_and_is_one(islands: Islands, tmp_path: Path) -> None:
    task = islands.start(python(WAITS, str(tmp_path / "there"), "obeys"))
    until((tmp_path / "there").exists)
    os.kill(islands.rays()[0], signal.SIGKILL)
    code, said = ended(task)
    assert code == 1 == islands.done()["rc"]
    assert "Ray's head has ended with 137" in said
    assert islands.rays() == []


def test_a_start_that_fails_is_tried_again(islands: Islands, tmp_path: Path) -> None:
    fails = [*RAY, "--fail", "2", str(tmp_path / "counter")]
    assert ended(islands.start(python("print('hello')"), ray_start=fails))[0] == 0


def test_a_ray_that_never_starts_is_one_and_its_words_are_kept(islands: Islands, tmp_path: Path) -> None:
    fails = [*RAY, "--fail", "9", str(tmp_path / "counter")]
    code, _ = ended(islands.start(python("print('never')"), ray_start=fails))
    assert code == 1 == islands.done()["rc"]
    assert "no such luck" in (islands.run / "logs" / "7.0.0-rank-0-ray.log").read_text()


def test_a_node_whose_ray_never_starts_does_not_keep_the_others_waiting(islands: Islands, tmp_path: Path) -> None:
    fails = [*RAY, "--fail", "99", str(tmp_path / "counter")]
    head = islands.start(python("print('never')"), nodes=2)
    worker = islands.start([], rank=1, nodes=2, ray_start=fails, join_seconds=1.5)
    assert ended(worker)[0] == 1
    code, said = ended(head)
    assert code == 1 == islands.done()["rc"]
    assert "node1: Ray's node does not start" in said


def test_what_an_earlier_attempt_left_is_not_taken_for_ours(islands: Islands) -> None:  # as hpc 10
    stale = islands.meeting("7.0.0")
    stale.mkdir(parents=True)
    (stale / "address").write_text('{"address": "127.0.1.9:1"}')
    (stale / "done").write_text('{"rc": 0}')
    worker = islands.start([], rank=1, nodes=2, restart=1)
    code, _ = ended(islands.start(python("raise SystemExit(75)"), nodes=2, restart=1))
    assert (code, ended(worker)[0]) == (75, 0)
    assert islands.done("7.1.0") == {"rc": 75}
    assert islands.done("7.0.0") == {"rc": 0}


def test_a_squatter_on_the_first_port_costs_a_port(islands: Islands) -> None:  # as hpc 12
    with socket.socket() as squatter:
        squatter.bind(("127.0.1.1", window("7.0.0")[0]))
        squatter.listen()
        code, said = ended(islands.start(python("import os; print(os.environ['RAY_ADDRESS'])")))
    assert code == 0
    assert f"127.0.1.1:{window('7.0.0')[1]}" in said


def test_without_a_free_port_it_ends_with_two_and_says_so(islands: Islands) -> None:  # as hpc 12
    squatters = []
    try:
        for port in window("7.0.0"):
            squatters.append(socket.socket())
            squatters[-1].bind(("127.0.1.1", port))
        code, said = ended(islands.start(python("print('never')")))
    finally:
        for one in squatters:
            one.close()
    assert code == 2 == islands.done()["rc"]
    assert "0 are free" in said


def test_told_to_stop_before_it_has_come_together_it_has_done_nothing(islands: Islands) -> None:
    task = islands.start(python("print('never')"), nodes=2)
    until((islands.meeting() / "address").exists)
    task.send_signal(signal.SIGUSR1)
    code, said = ended(task)
    assert code == 3
    assert "never" not in said
