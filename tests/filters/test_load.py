from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import filters
from crawler.errors import SettingsError
from filters import EmbeddingFilter, Setting
from filters.pictures.min_side import MinSide

# name, settings, what the message must name
WRONG: list[tuple[str, dict[str, Any], list[str]]] = [
    ("pictures.min_sides", {}, ["pictures.min_sides", "did you mean 'pictures.min_side'", "bodies.min_bytes"]),
    ("min_side", {}, ["min_side", "pictures.min_side"]),
    ("pictures.__init__", {}, ["there is no filter"]),
    ("models.choice", {}, ["there is no filter"]),
    ("", {}, ["there is no filter"]),
    ("pictures.min_side", {"pixel": 3}, ["pictures.min_side", "'pixel'", "did you mean 'pixels'"]),
    ("pictures.min_side", {"pixels": "64"}, ["pictures.min_side", "pixels", "'64'", "int"]),
    ("pictures.min_side", {"pixels": 0}, ["pixels = 0", ">= 1"]),
    ("pictures.min_side", {"pixels": 64.5}, ["pixels = 64.5"]),
    ("pictures.aspect", {"max_ratio": 0.5}, ["max_ratio", ">= 1"]),
    ("bodies.hash_removal", {}, ["bodies.hash_removal", "needs the setting path"]),
    ("bodies.hash_removal", {"path": "/nowhere/list.txt"}, ["bodies.hash_removal", "/nowhere/list.txt"]),
    ("bodies.hash_removal", {"path": []}, ["names no list"]),
    ("bodies.hash_removal", {"path": "x", "folder": "/"}, ["there is no setting 'folder'"]),
    ("candidates.text_length", {"min_characters": 9, "max_characters": 8}, ["candidates.text_length", "less than"]),
    ("candidates.url_extension", {"extensions": ["svg"]}, ["'svg'", "dot"]),
    ("pictures.phash_removal", {"path": "x", "radius": 10}, ["radius = 10", "<= 8"]),
    ("pictures.clip_similarity", {"precision": "int8"}, ["precision", "int8"]),
]


@pytest.mark.parametrize(("name", "settings", "words"), WRONG)
def test_what_is_wrong_with_a_setting_is_said_with_names(name: str, settings: dict[str, Any], words: list[str]) -> None:
    with pytest.raises(SettingsError) as caught:
        filters.load(name, settings)
    for word in words:
        assert word in str(caught.value)


def test_settings_reach_the_filter_and_defaults_fill_the_rest() -> None:
    assert filters.load("pictures.min_side", {"pixels": 100}) == MinSide(100)
    assert filters.load("pictures.min_side", {}) == MinSide(64)
    # TOML has integers where a number is meant
    assert filters.load("pictures.aspect", {"max_ratio": 2}) == filters.load("pictures.aspect", {"max_ratio": 2.0})


def test_relative_paths_stand_on_the_folder_of_the_recipe(tmp_path: Path) -> None:
    (tmp_path / "removed.txt").write_text("bad.test\n")
    filters.load("candidates.url_removal", {"path": "removed.txt"}, folder=tmp_path)
    filters.load("candidates.url_removal", {"path": ["removed.txt"]}, folder=str(tmp_path))
    with pytest.raises(SettingsError, match=r"removed\.txt"):
        filters.load("candidates.url_removal", {"path": "removed.txt"}, folder=tmp_path / "elsewhere")


def test_the_catalogue_shows_every_file_with_its_first_line_and_settings() -> None:
    catalogue = {entry.name: entry for entry in filters.catalogue()}
    folders = [name.partition(".")[0] for name in catalogue]
    assert folders == sorted(folders, key=filters.FOLDERS.index)  # in the order in which they run
    assert {"candidates.text_length", "bodies.min_bytes", "pictures.clip_similarity"} < set(catalogue)
    assert catalogue["pictures.min_side"].settings == (Setting("pixels", "int", required=False, default=64),)
    path, radius, *_ = catalogue["pictures.phash_removal"].settings
    assert (path.name, path.required, radius.default) == ("path", True, 4)
    assert all(entry.summary for entry in catalogue.values())


def test_a_filter_that_judges_by_embeddings_is_known_by_its_methods() -> None:
    assert isinstance(filters.load("pictures.clip_similarity", {}), EmbeddingFilter)
    assert not isinstance(filters.load("pictures.min_side", {}), EmbeddingFilter)


def test_listing_and_building_every_filter_imports_no_model_library() -> None:
    program = (
        "import sys, filters\n"
        "filters.catalogue()\n"
        "filters.load('pictures.clip_similarity', {})\n"
        "heavy = {'torch', 'torchvision', 'open_clip', 'ray', 'scipy', 'imagehash'} & set(sys.modules)\n"
        "print(sorted(heavy))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=Path(__file__).parents[2], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "[]\n", "")
