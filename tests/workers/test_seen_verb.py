"""`pairtrawl seen`: the indexes of a run are checked against its shards, and made anew."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from crawler.errors import RunFolderError
from crawler.seen.opening import open_seen
from crawler.settings import Duplicates, Recipe
from tests.contract_seen import write_shard
from workers.cli import app
from workers.run_folder import RunFolder


def say(*words: str) -> str:
    done = CliRunner().invoke(app, ["seen", *words], catch_exceptions=False)
    assert done.exit_code == 0
    return done.stdout


def a_run(folder: Path) -> Path:
    recipe = Recipe(folder=str(folder), duplicates=Duplicates(files="first"))
    RunFolder(folder / "run").open(recipe, [], "0")
    write_shard(folder / "run/shards", 0, ["a", "b"])
    open_seen(recipe, folder / "run").close()
    return folder / "run"


def test_an_index_is_checked_and_made_anew(tmp_path: Path) -> None:
    run = a_run(tmp_path)
    assert say(str(run)) == "sha256/0000-4095: is what the shards say\n"
    (keys,) = run.glob("seen/sha256/*/*.keys")
    content = keys.read_bytes()
    keys.write_bytes(bytes([content[0] ^ 1]) + content[1:])
    with pytest.raises(RunFolderError, match="--rebuild"):
        say(str(run))
    assert say(str(run), "--rebuild") == "sha256/0000-4095: made anew, 2 keys\n"
    assert say(str(run)) == "sha256/0000-4095: is what the shards say\n"


def test_a_run_without_an_index_has_none(tmp_path: Path) -> None:
    RunFolder(tmp_path / "run").open(Recipe(), [], "0")
    assert "has no index" in say(str(tmp_path / "run"))


def test_a_folder_without_a_run_is_said(tmp_path: Path) -> None:
    with pytest.raises(RunFolderError, match="holds no run"):
        say(str(tmp_path))


def test_a_run_that_is_at_work_is_left_alone(tmp_path: Path) -> None:
    run = a_run(tmp_path)
    with RunFolder(run).held(), pytest.raises(RunFolderError, match="another pairtrawl"):
        say(str(run))
