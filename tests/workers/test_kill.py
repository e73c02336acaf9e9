"""Killed at any moment and started again, a run ends with what an undisturbed one makes."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.runs import contents, start_crawl
from workers.demo.web import demo_web

KILLS = 4


@pytest.mark.slow
def test_a_run_killed_at_random_moments_ends_like_an_undisturbed_one(tmp_path: Path) -> None:
    chance = random.Random(20261121)
    with demo_web() as web:
        began = time.monotonic()
        assert finish(start_crawl(web.address, tmp_path / "whole", models=False, rows_per_job=200)) == 0
        seconds = time.monotonic() - began
        for _ in range(KILLS):
            killed(start_crawl(web.address, tmp_path / "killed", models=False, rows_per_job=200), chance, seconds)
        assert finish(start_crawl(web.address, tmp_path / "killed", models=False, rows_per_job=200)) == 0
    wanted = contents(tmp_path / "whole")
    assert any(name.endswith(".tar") for name in wanted)
    assert contents(tmp_path / "killed") == wanted


def finish(process: subprocess.Popen[bytes]) -> int:
    said, _ = process.communicate()
    sys.stdout.write(said.decode())  # pytest shows it where the test fails
    return process.returncode


def killed(process: subprocess.Popen[bytes], chance: random.Random, seconds: float) -> None:
    """Let it run for a random part of a whole run, then SIGKILL; it may have ended by then, which is a moment too."""
    try:
        process.wait(chance.uniform(0.2, seconds))
    except subprocess.TimeoutExpired:
        process.kill()
    process.communicate()
