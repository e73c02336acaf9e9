"""A log that is JSON holds every line as an object with the documented fields, and nothing that must not be kept."""

from __future__ import annotations

import json
import logging
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest

from crawler.errors import SettingsError
from tests.small_runs import small_archives, small_recipe, small_recipe_file
from workers.asked import Asked
from workers.demo.web import DemoWeb, demo_web
from workers.session import run_crawl
from workers.telling.events import Event
from workers.telling.failing import errors_told
from workers.telling.forms import LogForm
from workers.telling.timeline import NAME, event_of, read_timeline

DOCUMENT = Path(__file__).parents[2] / "docs" / "progress.md"
_ROW = re.compile(r"^\| (`\w+`(?:, `\w+`)*) \| (.*) \|$", re.MULTILINE)


@pytest.fixture(scope="module")
def web() -> Iterator[DemoWeb]:
    with demo_web() as served:
        yield served


def documented() -> dict[str, set[str]]:
    """The fields of each event, as the document says."""
    found = {}
    for events, fields in _ROW.findall(DOCUMENT.read_text(encoding="utf-8")):
        top = re.sub(r"\([^)]*\)", "", fields)  # what stands in brackets are values, or fields of fields
        for event in re.findall(r"`(\w+)`", events):
            found[event] = {"event", "at", *re.findall(r"`(\w+)`", top)}
    return found


def objects(log: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.splitlines()]


def without_progress(kinds: list[str]) -> list[str]:
    """A log and a timeline tell it at different moments."""
    return [one for one in kinds if one != "phase_progress"]


def test_the_document_names_every_event_and_field() -> None:
    kinds = {str(kind.__struct_config__.tag): {"event", "at", *kind.__struct_fields__} for kind in get_args(Event)}
    assert documented() == kinds


def test_everything_that_a_run_says_is_json_with_the_documented_fields_and_in_its_timeline(
    web: DemoWeb, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    archives, run = small_archives(tmp_path / "archives"), tmp_path / "run"
    assert run_crawl(small_recipe(web.address), archives, run, Asked(log=LogForm.JSON)) == 0
    out, log = capfd.readouterr()
    assert out == ""
    told = objects(log)
    fields = documented()
    assert all(set(one) == fields[one["event"]] for one in told)
    assert all(event_of(line.encode()) is not None for line in log.splitlines())
    kinds = [one["event"] for one in told]
    assert kinds.index("run_began") < kinds.index("phase_began") < kinds.index("job_ended") < kinds.index("run_ended")
    said = [one["text"] for one in told if one["event"] == "said"]
    assert any("image-text pairs in" in one for one in said)
    jobs = [one for one in told if one["event"] == "job_ended"]
    assert len(jobs) == 4 + 4
    last = told[-1] if told[-1]["event"] == "run_ended" else next(one for one in told if one["event"] == "run_ended")
    assert (last["exit_code"], last["jobs"], last["jobs_done"]) == (0, 4, 4)
    assert last["stages"][-1]["kept"] == sum(one["kept"] for one in jobs if one["phase"] == "fetch and filter")
    assert "picture alpha.png of page" not in log  # captions
    heard = [str(one.__struct_config__.tag) for one in read_timeline(run)]
    assert without_progress(heard) == without_progress(kinds)


def test_every_sitting_goes_on_with_the_timeline_until_a_run_is_begun_anew(web: DemoWeb, tmp_path: Path) -> None:
    archives, run = small_archives(tmp_path / "archives", 1), tmp_path / "run"
    began = []
    for fresh in (False, False, True):
        assert run_crawl(small_recipe(web.address), archives, run, Asked(verb="extract", fresh=fresh)) == 0
        began.append([type(one).__name__ for one in read_timeline(run)].count("RunBegan"))
    assert began == [1, 2, 1]


def test_an_error_that_ends_the_command_is_an_object_too(tmp_path: Path) -> None:
    recipe = small_recipe_file(tmp_path / "small.toml", "127.0.0.1:1")
    words = ["crawl", str(tmp_path / "none.warc"), "-o", str(tmp_path / "run"), "-r", str(recipe)]
    done = subprocess.run(
        [sys.executable, "-m", "workers", *words],
        env={"PAIRTRAWL_LOG": "json"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    (told,) = objects(done.stderr)
    assert (told["event"], told["blame"]) == ("failure", "input")
    assert "none.warc" in told["text"]


def test_a_run_that_ends_by_an_error_says_so_in_its_timeline(
    web: DemoWeb, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_words: object, **_more: object) -> None:
        raise SettingsError("no room in https://me:secret@store.test/")

    monkeypatch.setattr("workers.session.write_report", broken)
    archives, run = small_archives(tmp_path / "archives"), tmp_path / "run"
    with pytest.raises(SettingsError):
        run_crawl(small_recipe(web.address), archives, run, Asked(verb="extract"))
    failure, ended = read_timeline(run)[-2:]
    assert "secret" not in (run / NAME).read_text()
    assert msgspec.to_builtins(failure)["text"] == "no room in https://...@store.test/"
    assert msgspec.to_builtins(ended)["exit_code"] == 2


def test_what_libraries_log_is_said(web: DemoWeb, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    class Noisy:
        def __call__(self, event: Event) -> None:
            if type(event).__name__ == "PhaseBegan":
                logging.getLogger("some.library").warning("careful: %d", 7)

    recipe = small_recipe(web.address)
    asked = Asked(verb="extract", log=LogForm.JSON, sinks=(Noisy(),))
    assert run_crawl(recipe, small_archives(tmp_path / "archives"), tmp_path / "run", asked) == 0
    told = objects(capfd.readouterr().err)
    assert "some.library: careful: 7" in [one.get("text") for one in told]


def test_whoever_is_interrupted_is_told_in_json(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left, errors_told(LogForm.JSON):
        raise KeyboardInterrupt
    assert left.value.code == 75
    (told,) = objects(capfd.readouterr().err)
    assert told["event"] == "said"
    with pytest.raises(KeyboardInterrupt), errors_told(LogForm.AUTO):
        raise KeyboardInterrupt
