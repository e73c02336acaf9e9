"""`pairtrawl export` says what it wrote, and what it could not know."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.picture_shards import picture_folder
from workers.cli import app


def run(*words: object) -> str:
    done = CliRunner().invoke(app, ["export", *map(str, words)], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return picture_folder(tmp_path_factory.mktemp("run"))


def test_every_form_is_a_verb_that_tells_what_it_wrote(folder: Path, tmp_path: Path) -> None:
    assert "12 addresses" in run("urls", folder, "-o", tmp_path / "urls.txt")
    told = run("laion", folder, "-o", tmp_path / "laion", "--like", "400m", "--all-rows")
    assert "16 rows in 1 files" in told
    assert "not swapped" in told
    assert "not known here: NSFW" in told
    assert "num_faces" in run("coyo", folder, "-o", tmp_path / "coyo")
    assert "--verify_hash" in run("img2dataset", folder, "-o", tmp_path / "list", "--column", "content_id")
    assert "6 uids of 6 rows" in run("uids", folder, "-o", tmp_path / "uids.npy", "--where", "key >= '0000100'")
    told = run("datacomp", folder, "--subset", tmp_path / "uids.npy", "-o", tmp_path / "subset")
    assert "6 uids: 6 samples are here, 0 uids are not in the data set" in told
    assert "6 samples in 1 tars" in told
    assert "2 shards, 16 rows, 12 samples" in run("hf", folder, "-o", tmp_path / "hub")
