"""The command line: helps, explains mistakes, and leaves with the right code."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest


def pairtrawl(*words: str, folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from workers.cli import main; main()", *words]
    return subprocess.run(command, capture_output=True, text=True, cwd=folder, check=False, timeout=60)


def test_help_names_every_verb(tmp_path: Path) -> None:
    said = pairtrawl("--help", folder=tmp_path).stdout
    for verb in ("crawl", "extract", "plan", "report", "filters", "demo", "doctor"):
        assert verb in said


def test_the_command_starts_without_torch_ray_or_pyarrow(tmp_path: Path) -> None:
    look = "import sys, workers.cli; print(sorted({'torch', 'ray', 'pyarrow', 'duckdb'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["crawl"], "no input"),
        (["crawl", "nothing-here.warc.gz"], "nothing-here.warc.gz"),
        (["crawl", "x.warc.gz", "--recipe", "missing.toml"], "missing.toml"),
        (["crawl", "x.warc.gz", "--set", "fetch.speed=3"], "fetch"),
        (["crawl", "x.warc.gz", "--set", "filters.min_side.pixles=3"], "pixles"),
        (["report", "."], "holds no run"),
    ],
)
def test_a_mistake_of_the_user_is_named_and_ends_with_2(words: list[str], expected: str, tmp_path: Path) -> None:
    (tmp_path / "x.warc.gz").write_bytes(b"")
    done = pairtrawl(*words, folder=tmp_path)
    assert done.returncode == 2, done.stderr
    assert expected in done.stderr
    assert "Traceback" not in done.stderr


def test_filters_are_listed_with_their_settings(tmp_path: Path) -> None:
    entries = json.loads(pairtrawl("filters", "--json", folder=tmp_path).stdout)
    by_name = {one["use"]: one for one in entries}
    assert [one["name"] for one in by_name["pictures.min_side"]["settings"]] == ["pixels"]
    assert all(one["what"] for one in entries)


@pytest.mark.clip
@pytest.mark.ray
def test_the_doctor_finds_nothing_broken_here(tmp_path: Path) -> None:
    findings = json.loads(pairtrawl("doctor", "--json", folder=tmp_path).stdout)
    assert {one["part"]: one["state"] for one in findings if one["state"] != "works"} == {}
