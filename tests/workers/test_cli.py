"""The command line: helps, explains mistakes, and leaves with the right code."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from workers.cli import app, only


def pairtrawl(*words: str, folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from workers.cli import main; main()", *words]
    return subprocess.run(command, capture_output=True, text=True, cwd=folder, check=False, timeout=60)


def outline(command: Any) -> tuple[Any, ...]:
    """A command, its options, and the same of what is below it."""
    below = {name: outline(one) for name, one in getattr(command, "commands", {}).items()}
    return command.name, command.help, [(one.name, one.opts, one.default) for one in command.params], below


def test_help_names_every_verb(tmp_path: Path) -> None:
    said = pairtrawl("--help", folder=tmp_path).stdout
    verbs = ("crawl", "extract", "plan", "fetch", "score", "report", "filters", "lists", "seen", "demo", "doctor")
    for verb in (*verbs, "island", "slurm"):
        assert verb in said


def test_the_command_starts_without_torch_ray_or_pyarrow(tmp_path: Path) -> None:
    look = "import sys, workers.cli; print(sorted({'torch', 'ray', 'pyarrow', 'duckdb'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("verb", sorted(get_command(app).commands))  # type: ignore[attr-defined]  # a group
def test_a_verb_alone_is_the_verb_that_stands_among_all(verb: str) -> None:
    alone, among_all = (get_command(one).commands for one in (only([verb]), app))  # type: ignore[attr-defined]  # groups
    assert list(alone) == [verb]
    assert outline(alone[verb]) == outline(among_all[verb])


@pytest.mark.parametrize("words", [[], ["--help"], ["--version"], ["craw"], ["crawl.warc.gz", "crawl"]])
def test_words_that_begin_with_no_verb_leave_all_of_them(words: list[str]) -> None:
    assert only(words) is app


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["crawl"], "no input"),
        (["crawl", "nothing-here.warc.gz"], "nothing-here.warc.gz"),
        (["crawl", "x.warc.gz", "--recipe", "missing.toml"], "missing.toml"),
        (["crawl", "x.warc.gz", "--set", "fetch.speed=3"], "fetch"),
        (["crawl", "x.warc.gz", "--set", "filters.min_side.pixles=3"], "pixles"),
        (["crawl", "x.warc.gz", "--set", 'duplicates.earlier=["last"]'], "last holds no shard of a run"),
        (["crawl", "x.warc.gz", "--place", "local", "--ray-address", "10.0.0.1:6379"], "--place local with"),
        (["fetch", "x.warc.gz", "--slice", "16/16"], "ends at 15"),
        (["fetch", "x.warc.gz", "--slice", "0/16", "--fresh"], "--fresh with --slice"),
        (["fetch", "x.warc.gz", "--slice", "0/16"], "run `pairtrawl plan` first"),
        (["score"], "holds no run"),
        (["extract", "x.warc.gz", "--scratch", "x.warc.gz"], "--scratch x.warc.gz"),
        (["report", "."], "name a run, a store of versions"),
    ],
)
def test_a_mistake_of_the_user_is_named_and_ends_with_2(words: list[str], expected: str, tmp_path: Path) -> None:
    (tmp_path / "x.warc.gz").write_bytes(b"")
    done = pairtrawl(*words, folder=tmp_path)
    assert done.returncode == 2, done.stderr
    assert expected in done.stderr
    assert "Traceback" not in done.stderr


def test_a_slice_says_what_it_did_as_json(tmp_path: Path) -> None:
    (tmp_path / "x.warc").write_bytes(b"")
    words = ["extract", "x.warc", "--slice", "0/2", "--owner", "4711.0", "--json"]
    done = pairtrawl(*words, folder=tmp_path)
    status = json.loads(done.stdout)
    assert done.returncode == status["exit_code"] == 0
    assert (status["stage"], status["owner"], status["state"]) == ("extract", "4711.0", "done")
    assert json.loads((tmp_path / "runs/crawl/slices/extract-00000.json").read_bytes()) == status


def test_the_module_is_the_command(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "workers", "--version"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.startswith("pairtrawl ")


def test_filters_are_listed_with_their_settings(tmp_path: Path) -> None:
    entries = json.loads(pairtrawl("filters", "--json", folder=tmp_path).stdout)
    by_name = {one["use"]: one for one in entries}
    assert [one["name"] for one in by_name["pictures.min_side"]["settings"]] == ["pixels"]
    assert all(one["what"] for one in entries)


def test_what_is_asked_for_is_checked_before_anything_is_removed_or_made(tmp_path: Path) -> None:
    (tmp_path / "x.warc.gz").write_bytes(b"")
    begun = ["extract", "x.warc.gz", "--output", "run", "--fresh"]
    assert pairtrawl(*begun, folder=tmp_path).returncode == 0
    done = pairtrawl(*begun, "--place", "moon", folder=tmp_path)
    assert (done.returncode, "moon" in done.stderr) == (2, True)
    assert (tmp_path / "run" / "candidates" / "00000.json").exists()
    done = pairtrawl("extract", "x.warc.gz", "--output", "other", "--set", "filters.min_side.pixles=3", folder=tmp_path)
    assert done.returncode == 2
    assert not (tmp_path / "other").exists()


def test_a_folder_that_cannot_be_made_is_no_traceback(tmp_path: Path) -> None:
    (tmp_path / "x.warc.gz").write_bytes(b"")
    done = pairtrawl("extract", "x.warc.gz", "--output", "x.warc.gz/run", folder=tmp_path)
    assert done.returncode == 2
    assert "x.warc.gz/run" in done.stderr
    assert "Traceback" not in done.stderr


def test_interrupted_twice_it_leaves_with_75(tmp_path: Path) -> None:
    interrupted = (
        "import workers.cli, workers.session\n"
        "def interrupt(*_words, **_more): raise KeyboardInterrupt\n"
        "workers.session.run_crawl = interrupt\n"
        "workers.cli.main()"
    )
    command = [sys.executable, "-c", interrupted, "crawl", "x.warc.gz"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False, timeout=60)
    assert (done.returncode, done.stderr.strip()) == (
        75,
        "Stopped. What was committed is kept; run the same command to go on.",
    )


def test_a_run_that_has_no_shard_yet_has_no_pairs(tmp_path: Path) -> None:
    page = b"<html><img src='http://boats.test/1.jpg' alt='a small boat'></html>"
    record = (
        b"WARC/1.0\r\nWARC-Type: response\r\nWARC-Target-URI: http://boats.test/\r\n"
        b"WARC-Date: 2026-01-01T00:00:00Z\r\nWARC-Record-ID: <urn:uuid:00000000-0000-4000-8000-000000000000>\r\n"
        b"Content-Type: application/http; msgtype=response\r\nContent-Length: %d\r\n\r\n%s\r\n\r\n"
    )
    answer = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n" + page
    (tmp_path / "x.warc").write_bytes(record % (len(answer), answer))
    done = pairtrawl("plan", "x.warc", "--output", "run", "--json", folder=tmp_path)
    totals = json.loads(done.stdout)["totals"]
    assert (totals["planned"], totals["jobs"], totals["shards"], totals["kept"]) == (1, 1, 0, 0)
    assert "0 of 1 shards" in pairtrawl("report", "run", folder=tmp_path).stdout


@pytest.mark.clip
@pytest.mark.ray
def test_the_doctor_finds_nothing_broken_here(tmp_path: Path) -> None:
    findings = json.loads(pairtrawl("doctor", "--json", folder=tmp_path).stdout)
    assert {one["part"]: one["state"] for one in findings if one["state"] != "works"} == {}
