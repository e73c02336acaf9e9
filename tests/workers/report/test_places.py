"""`pairtrawl report` of anything that can have one, and what it says of what cannot."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from crawler.errors import InputError, RunFolderError
from tests.dataset_versions import a_keys, a_store, committed
from tests.small_datasets import small_folder
from workers.cli import app


def told(*words: object) -> str:
    done = CliRunner().invoke(app, ["report", *map(str, words)])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert done.exit_code == 0, done.output
    return done.stdout


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")


def numbers(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.json.decode(path.read_bytes())
    return found


def test_a_folder_of_tables_has_a_report_here_and_none_is_put_among_them(tmp_path: Path) -> None:
    shards = small_folder(tmp_path / "shards", ours=False)
    before = sorted(shards.iterdir())
    said = told(shards)
    assert "18 pairs kept of 24 rows" in said
    assert "report.html" in said
    assert sorted(shards.iterdir()) == before
    report = numbers(Path("report.json"))
    assert (report["kind"], report["name"], report["totals"]["candidates"]) == ("tables", "shards", 24)
    assert "a boat on lake 3, café" in Path("report.html").read_text()
    told(shards)  # a page of ours makes room for a newer one


def test_a_page_that_is_not_ours_stays(tmp_path: Path) -> None:
    small_folder(tmp_path / "shards")
    Path("report.html").write_text("<h1>of somebody else</h1>")
    with pytest.raises(InputError, match="no page of pairtrawl; say with --output"):
        told(tmp_path / "shards")
    told(tmp_path / "shards", "--output", tmp_path / "new" / "mine.html")
    assert (tmp_path / "new" / "mine.html").is_file()
    assert (tmp_path / "new" / "mine.json").is_file()


def test_one_file_and_folders_of_folders_have_reports(tmp_path: Path) -> None:
    small_folder(tmp_path / "sets" / "one", shards=1)
    small_folder(tmp_path / "sets" / "two", shards=1, first=1)
    assert "12 pairs kept of 16 rows" in told(tmp_path / "sets")
    assert "6 pairs kept of 8 rows" in told(tmp_path / "sets" / "one" / "00000.parquet")


def test_a_version_has_a_report(tmp_path: Path) -> None:
    keys = a_keys(tmp_path / "keys")
    store = a_store(tmp_path / "store", keys)
    first = committed(store, keys, tmp_path / "one", {0: range(8)}, described=True)
    committed(store, keys, tmp_path / "two", {1: range(8, 12)})
    assert "boats: 3 pairs kept of 4 rows" in told(tmp_path / "store")
    assert numbers(Path("report.json"))["kind"] == "version"
    shown = json.loads(told(tmp_path / "store", "--version", first[:12], "--stored", "--json"))
    assert shown["totals"]["kept"] == 6
    assert json.loads(told(tmp_path / "store", "--find", "boat 9", "--json"))["of"] == 1


def test_the_lines_of_a_recipe_are_drawn_where_none_is_known(tmp_path: Path) -> None:
    table = pa.table({"caption": ["a", "b", "c"], "similarity": [0.2, 0.3, 0.4], "punsafe_prompts": [0.1, 0.1, 0.9]})
    pq.write_table(table, tmp_path / "list.parquet")
    recipe = tmp_path / "recipe.toml"
    recipe.write_text('[[filters]]\nuse = "pictures.clip_similarity"\nthreshold = 0.25\n')
    told(tmp_path / "list.parquet", "--recipe", recipe)
    score = numbers(Path("report.json"))["scores"]["similarity"]
    assert score["lines"] == [{"at": 0.25, "keeps": "from", "label": ""}]


def test_rows_are_found_and_no_page_is_written(tmp_path: Path) -> None:
    shards = small_folder(tmp_path / "shards")
    said = json.loads(told(shards, "--find", "LAKE 5,", "--json"))
    assert [one["url"] for one in said["rows"]] == ["https://images.test/5.jpg"]
    assert json.loads(told(shards, "--rejected", "--host", "images.test", "--json"))["of"] == 6
    assert "1 rows" in told(shards, "--find", "lake 5,")
    assert "2 of 18 rows" in told(shards, "--find", "boat", "--limit", 2)
    assert list(Path().iterdir()) == []


def test_strangers_words_do_not_move_the_cursor(tmp_path: Path) -> None:
    caption = "\x1b]0;mine\x07\x1b[2J[bold]boat[/bold]\u202e"
    pq.write_table(pa.table({"caption": [caption], "url": ["https://a.test/"]}), tmp_path / "list.parquet")
    said = told(tmp_path / "list.parquet", "--find", "boat")
    assert "?]0;mine??[2J[bold]boat[/bold]?" in said
    assert "\x1b" not in said


@pytest.mark.parametrize("what", ["nothing", "empty", "text"])
def test_a_place_that_is_none_is_told_so(tmp_path: Path, what: str) -> None:
    place = tmp_path / what
    if what == "empty":
        place.mkdir()
    if what == "text":
        place.write_text("no table")
    with pytest.raises(InputError, match=what):
        told(place)
    with pytest.raises((InputError, RunFolderError), match=what):
        told(place, "--version", "main")
    assert list(Path().iterdir()) == []
