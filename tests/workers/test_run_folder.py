"""A run folder belongs to one recipe and one set of inputs, and never eats what is not its own."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from crawler.errors import RunFolderError, SettingsError
from crawler.settings import parse_recipe
from crawler.sources import ArchiveKind, Source
from workers.run_folder import RunFolder

RECIPE = parse_recipe("name = 'boats'")
SOURCES = [Source("/archives/a.warc.gz", ArchiveKind.WARC)]


def test_the_same_run_may_come_back(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    folder.open(RECIPE, SOURCES, "1")
    folder.open(RECIPE, SOURCES, "2")
    pinned = folder.pinned()
    assert pinned is not None
    assert pinned.version == "1"


def test_resources_may_change_between_two_sittings(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    folder.open(RECIPE, SOURCES, "1")
    folder.open(parse_recipe("name = 'boats'\n[resources]\ndownloads = 7"), SOURCES, "1")


def test_another_recipe_is_refused_and_the_difference_named(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    folder.open(RECIPE, SOURCES, "1")
    with pytest.raises(RunFolderError, match=r"fetch\.body_bytes.*--fresh"):
        folder.open(parse_recipe("name = 'boats'\n[fetch]\nbody_bytes = 5"), SOURCES, "1")


def test_other_inputs_are_refused(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    folder.open(RECIPE, SOURCES, "1")
    with pytest.raises(RunFolderError, match="other inputs"):
        folder.open(RECIPE, [*SOURCES, Source("/archives/b.warc.gz", ArchiveKind.WARC)], "1")


def test_a_folder_with_other_files_is_neither_used_nor_cleared(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("do not lose me")
    folder = RunFolder(tmp_path)
    with pytest.raises(RunFolderError, match="no run"):
        folder.open(RECIPE, SOURCES, "1")
    with pytest.raises(RunFolderError, match="no run"):
        folder.clear()
    assert (tmp_path / "thesis.tex").read_text() == "do not lose me"


def test_clearing_removes_the_run_and_leaves_what_others_put_beside_it(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    folder.open(RECIPE, SOURCES, "1")
    folder.shards.mkdir()
    (folder.shards / "00000.tar").write_bytes(b"")
    (tmp_path / "notes.txt").write_text("mine")
    folder.clear()
    assert [one.name for one in tmp_path.iterdir()] == ["notes.txt"]


def test_a_broken_pin_is_said(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    folder.pin.write_text("{")
    with pytest.raises(RunFolderError, match=r"run\.json"):
        folder.open(RECIPE, SOURCES, "1")


def test_two_processes_are_never_at_work_in_one_folder(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    with folder.held():
        folder.open(RECIPE, SOURCES, "1")
        with pytest.raises(RunFolderError, match="another pairtrawl"), RunFolder(folder.path).held():
            pass
        folder.clear()
        with pytest.raises(RunFolderError, match="another pairtrawl"), RunFolder(folder.path).held():
            pass
    with folder.held():
        folder.open(RECIPE, SOURCES, "1")


def test_slices_share_a_folder_and_whoever_wants_it_alone_waits(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    with folder.held(shared=True), RunFolder(folder.path).held(shared=True):
        assert refused(folder, shared=False, told="another pairtrawl")
    with folder.held():
        assert refused(folder, shared=True, told="not one of its slices")
    with folder.held(shared=True):
        assert folder.lock.stat().st_size == len(folder.lock.read_bytes()) > 0


def refused(folder: RunFolder, *, shared: bool, told: str) -> bool:
    with pytest.raises(RunFolderError, match=told), RunFolder(folder.path).held(shared=shared):
        pass
    return True


def test_of_slices_that_begin_a_folder_at_once_one_pins_it_and_the_others_join(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")

    def begin(number: int) -> str:
        recipe = parse_recipe(f"name = 'boats'\n[fetch]\nbody_bytes = {1 + number % 2}")
        try:
            with RunFolder(folder.path).held(shared=True):
                RunFolder(folder.path).open(recipe, SOURCES, "1", alone=False)
        except RunFolderError as error:
            return str(error)
        return ""

    with ThreadPoolExecutor(8) as threads:
        said = list(threads.map(begin, range(40)))
    refusals = said[1::2] if not said[0] else said[0::2]
    assert said.count("") == 20
    assert all("body_bytes" in one for one in refusals)
    assert sorted(one.name for one in folder.path.iterdir()) == ["run.json", "run.lock"]


def test_what_a_launcher_put_there_before_is_no_foreign_file(tmp_path: Path) -> None:
    for name in ("islands", "logs", "slurm"):
        (tmp_path / name).mkdir()
    folder = RunFolder(tmp_path)
    with folder.held():
        folder.open(RECIPE, SOURCES, "1")


def test_scratch_is_of_one_sitting_and_old_leftovers_of_the_same_work_go(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    node = tmp_path / "node"
    leftovers = {age: node / f"pairtrawl-fetch-00003-{age}" for age in ("old", "new")}
    other = node / "pairtrawl-fetch-00004-old"
    for path in (*leftovers.values(), other):
        path.mkdir(parents=True)
    for path in (leftovers["old"], other):
        os.utime(path, (0, 0))
    with folder.with_scratch(node, "fetch-00003") as one, folder.with_scratch(node, "fetch-00003") as two:
        assert one.scratch != two.scratch
        assert one.scratch.parent == node
        assert one.scratch.stat().st_mode & 0o077 == 0
        (one.scratch / "spool").write_bytes(b"half")
    assert sorted(node.iterdir()) == [leftovers["new"], other]


def test_scratch_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(SettingsError, match=r"--scratch .*file"),
        RunFolder(tmp_path).with_scratch(tmp_path / "file", "fetch"),
    ):
        pass


def test_nothing_is_left_in_a_folder_that_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("mine")
    with pytest.raises(RunFolderError, match="no run"), RunFolder(tmp_path).held():
        pass
    with pytest.raises(RunFolderError, match="no folder"), RunFolder(tmp_path / "thesis.tex").held():
        pass
    assert [one.name for one in tmp_path.iterdir()] == ["thesis.tex"]


def test_a_filter_that_differs_is_named(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    written = "name = 'boats'\n[[filters]]\nuse = 'pictures.min_side'\npixels = {}"
    folder.open(parse_recipe(written.format(64)), SOURCES, "1")
    with pytest.raises(RunFolderError, match=r"filter `pictures\.min_side` differs"):
        folder.open(parse_recipe(written.format(65)), SOURCES, "1")
