"""Slices that run side by side, as processes that know nothing of each other, make the data set of one crawl."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.runs import contents
from tests.small_runs import small_archives, small_recipe_file
from workers.demo.web import demo_web

SLICES = 3
PATIENCE = 300.0


def pairtrawl(*words: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "workers", *words]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def all_end_well(processes: list[subprocess.Popen[str]]) -> None:
    said = [process.communicate(timeout=PATIENCE)[0] for process in processes]
    assert [process.returncode for process in processes] == [0] * len(processes), "\n".join(said)


def data_of(run: Path) -> dict[str, Any]:
    return {name: value for name, value in contents(run).items() if not name.endswith("_stats.json")}


@pytest.mark.slow
def test_slices_at_once_make_what_one_crawl_makes(tmp_path: Path) -> None:
    archives = small_archives(tmp_path / "archives")
    with demo_web() as web:
        recipe = str(small_recipe_file(tmp_path / "small.toml", web.address))
        whole, run = ([*archives, "--recipe", recipe, "--output", str(tmp_path / name)] for name in ("whole", "run"))
        all_end_well([pairtrawl("crawl", *whole)])
        for verb in ("extract", "plan", "fetch", "score"):
            slices = [["--slice", f"{number}/{SLICES}"] for number in range(SLICES)] if verb != "plan" else [[]]
            scratch = ["--scratch", str(tmp_path / "node")]
            all_end_well([pairtrawl(verb, *run, *one, *scratch) for one in slices])
    all_end_well([pairtrawl("report", str(tmp_path / "run"))])
    assert data_of(tmp_path / "run") == data_of(tmp_path / "whole")
    assert not list((tmp_path / "node").iterdir())
