"""Signals to a whole process: what was in flight ends or is dropped, nothing half-made is seen, and the run goes on."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.small_runs import small_archives, small_recipe_file
from workers.demo.web import DemoWeb, demo_web

#: every picture of these runs takes so long to be sent, in seconds
SLOW = 2
PATIENCE = 120.0


@pytest.fixture(scope="module")
def web() -> Iterator[DemoWeb]:
    with demo_web() as served:
        yield served


def pairtrawl(*words: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "workers", *words]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    said, _ = process.communicate(timeout=PATIENCE)
    return process.returncode, said


def begun(verb: str, web: DemoWeb, run: Path) -> tuple[subprocess.Popen[str], list[str]]:
    """A run of two jobs whose first one is in flight, and the words that go on with it."""
    archives = small_archives(run.parent / "archives", 2, slow=SLOW)
    recipe = str(small_recipe_file(run.parent / "small.toml", web.address))
    words = [*archives, "--output", str(run), "--recipe", recipe]
    code, said = ended(pairtrawl("plan", *words))
    assert code == 0, said
    web.requests.clear()
    process = pairtrawl(verb, *words)
    deadline = time.monotonic() + PATIENCE
    while not any("/slow/" in one.path for one in list(web.requests)):
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return process, [verb, *words]


def made(run: Path) -> list[str]:
    """Files of shards and raw shards, and whatever lies beside them or in the scratch."""
    folders = (run / "shards", run / "raw", run / "scratch")
    return sorted(path.name for folder in folders for path in folder.rglob("*") if path.is_file())


@pytest.mark.slow
@pytest.mark.parametrize(("verb", "files"), [("crawl", 3), ("fetch", 1)])
def test_usr1_lets_the_job_in_flight_end_and_the_same_command_goes_on(
    verb: str, files: int, web: DemoWeb, tmp_path: Path
) -> None:
    process, words = begun(verb, web, tmp_path / "run")
    process.send_signal(signal.SIGUSR1)
    code, said = ended(process)
    assert code == 75, said
    assert "Drained (told by USR1)" in said
    assert len(made(tmp_path / "run")) == files
    code, said = ended(pairtrawl(*words))
    assert code == 0, said
    assert len(made(tmp_path / "run")) == 2 * files


@pytest.mark.slow
@pytest.mark.parametrize(
    ("verb", "signals"),
    [
        ("crawl", [signal.SIGTERM]),
        ("fetch", [signal.SIGINT, signal.SIGINT]),
        ("fetch", [signal.SIGUSR1, signal.SIGTERM]),
    ],
)
def test_dropped_nothing_of_the_job_in_flight_is_seen(
    verb: str, signals: list[signal.Signals], web: DemoWeb, tmp_path: Path
) -> None:
    process, _ = begun(verb, web, tmp_path / "run")
    for number in signals:
        process.send_signal(number)
        time.sleep(0.2)  # two of them at once are one to the system
    code, said = ended(process)
    assert code == 75, said
    assert "run the same command" in said
    assert "Traceback" not in said
    assert made(tmp_path / "run") == []
