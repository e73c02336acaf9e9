"""Commits: what is done in a folder becomes a version, once, and whoever comes second goes on from there."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

import msgspec
import numpy as np
import pyarrow.parquet as pq
import pytest

from crawler.dataset.canonical import canonical
from crawler.dataset.manifest import Lineage, Redaction, Shard, Tombstones
from crawler.dataset.store import Store
from crawler.dataset.tables import POSITION, packed_mask, rows_of
from crawler.errors import DatasetError, InputError, RefMovedError
from crawler.settings import parse_recipe
from tests.small_datasets import a_row, small_folder, small_store, write_shard
from workers.dataset.commits import committing
from workers.dataset.commits.committing import commit_run, commit_shards
from workers.dataset.commits.storing import store_shard
from workers.run_folder import Pinned


def objects_in(store: Store) -> set[str]:
    return set(store.objects.listed())


def shards_of(store: Store, wanted: str = "main") -> dict[str, Shard]:
    return {shard.name: shard for shard in store.shards(store.read_commit(wanted)[1])}


# invariant 29: committing twice
def test_committing_twice_gives_one_version_and_stores_nothing_twice(tmp_path: Path) -> None:
    store, keys = small_store(tmp_path)
    folder = small_folder(tmp_path / "run")
    first = commit_run(store, keys, folder, message="first")
    before = objects_in(store)
    assert commit_run(store, keys, folder, message="again") == first
    assert objects_in(store) == before
    assert [one for one, _ in store.history(first)] == [first]


# invariant 29: the root depends on the shards alone
def test_another_store_with_the_same_keys_comes_to_the_same_root(tmp_path: Path) -> None:
    store, keys = small_store(tmp_path)
    folder = small_folder(tmp_path / "run")
    first = store.read_commit(commit_run(store, keys, folder))[1]
    (tmp_path / "other").mkdir()
    shutil.copytree(tmp_path / "keys", tmp_path / "other" / "keys")
    other, same_keys = small_store(tmp_path / "other")
    small_folder(tmp_path / "elsewhere", 1)
    commit_run(other, same_keys, tmp_path / "elsewhere")
    second = other.read_commit(commit_run(other, same_keys, folder))[1]
    assert (second.root, second.rows, second.samples, second.bytes) == (
        first.root,
        first.rows,
        first.samples,
        first.bytes,
    )
    assert second.parents != first.parents


def test_a_version_has_the_rows_of_its_shards_and_says_how_many(tmp_path: Path) -> None:
    store, keys = small_store(tmp_path)
    commit_run(store, keys, small_folder(tmp_path / "run", 2, 8), message="boats")
    _, commit = store.read_commit("main")
    assert (commit.dataset, commit.message, commit.author, commit.parents) == ("boats", "boats", keys.author, ())
    assert (commit.rows, commit.samples) == (16, 12)
    urls = [
        url
        for shard in store.shards(commit)
        for batch in rows_of(store, shard, ["url"])
        for url in batch["url"].to_pylist()
    ]
    assert urls == [a_row(number)["url"] for number in range(16)]


def test_a_crawl_that_goes_on_adds_its_new_shards_and_the_old_ones_are_not_read_again(tmp_path: Path) -> None:
    store, keys = small_store(tmp_path)
    folder = small_folder(tmp_path / "run", 2)
    first = commit_run(store, keys, folder)
    tar = folder / "00000.tar"
    size = tar.stat().st_size
    tar.write_bytes(b"\0" * size)  # would be refused if anybody looked
    small_folder(folder, 1, first=2)
    second = commit_run(store, keys, folder)
    assert store.read_commit(second)[1].parents == (first,)
    assert list(shards_of(store)) == ["00000", "00001", "00002"]


def test_shards_without_a_marker_or_with_half_a_file_are_not_there_yet(tmp_path: Path) -> None:
    store, keys = small_store(tmp_path)
    folder = small_folder(tmp_path / "run", 3)
    (folder / "00000_stats.json").unlink()
    tar = folder / "00001.tar"
    tar.write_bytes(tar.read_bytes()[:-512])
    commit_run(store, keys, folder)
    assert list(shards_of(store)) == ["00002"]
    with pytest.raises(InputError, match="no shard is done"):
        commit_run(store, keys, tmp_path / "keys")


def test_a_shard_that_rotted_before_it_was_committed_is_named(tmp_path: Path) -> None:
    store, keys = small_store(tmp_path)
    folder = small_folder(tmp_path / "run", 2)
    content = bytearray((folder / "00001.tar").read_bytes())
    content[700] ^= 1
    (folder / "00001.tar").write_bytes(content)
    with pytest.raises(DatasetError, match=r"00001\.tar"):
        commit_run(store, keys, folder)
    assert store.refs() == {}


def test_img2datasets_shards_have_no_hashes_in_their_markers_and_are_committed_all_the_same(tmp_path: Path) -> None:
    store, keys = small_store(tmp_path)
    first = commit_run(store, keys, small_folder(tmp_path / "img", ours=False))
    assert commit_run(store, keys, tmp_path / "img") == first
    assert len(shards_of(store)) == 3


def test_a_folder_of_single_files_says_what_to_do(tmp_path: Path) -> None:
    store, keys = small_store(tmp_path)
    folder = small_folder(tmp_path / "img", 1, ours=False)
    (folder / "00000.tar").unlink()
    (folder / "00000").mkdir()
    with pytest.raises(InputError, match="rebuild --adopt"):
        commit_run(store, keys, folder)
    (folder / "00000").rmdir()
    (folder / "00000.parquet").unlink()
    with pytest.raises(InputError, match="rebuild --adopt"):
        commit_run(store, keys, folder)


def test_a_table_alone_is_a_shard_without_a_tar(tmp_path: Path) -> None:
    store, keys = small_store(tmp_path)
    folder = small_folder(tmp_path / "img", 1, ours=False)
    (folder / "00000.tar").unlink()
    commit_run(store, keys, folder)
    (shard,) = shards_of(store).values()
    assert (shard.tar, shard.index, shard.rows, shard.samples) == (None, None, 8, 0)


def test_another_shard_of_a_name_that_is_taken_needs_a_word(tmp_path: Path) -> None:
    store, keys = small_store(tmp_path)
    commit_run(store, keys, small_folder(tmp_path / "october", 2))
    folder = tmp_path / "november"
    write_shard(folder, 1, [a_row(100)])
    with pytest.raises(InputError, match=r"--replace .* --prefix"):
        commit_run(store, keys, folder)
    before = shards_of(store)["00001"]
    commit_run(store, keys, folder, prefix="november-")
    assert list(shards_of(store)) == ["00000", "00001", "november-00001"]
    assert shards_of(store)["00001"] == before
    commit_run(store, keys, folder, replace=True)
    assert shards_of(store)["00001"].rows == 1
    commit_run(store, keys, folder, replace=True, exact=True)
    assert list(shards_of(store)) == ["00001"]


def test_a_shard_of_a_name_that_leads_elsewhere_is_refused(tmp_path: Path) -> None:
    store, keys = small_store(tmp_path)
    folder = small_folder(tmp_path / "run", 1)
    for prefix in ("../", "a b", "-", "x" * 100):
        with pytest.raises(InputError, match="--prefix"):
            commit_run(store, keys, folder, prefix=prefix)
    assert store.refs() == {}


def test_what_became_another_shard_since_does_not_come_back_with_the_old_folder(tmp_path: Path) -> None:
    store, keys = small_store(tmp_path)
    folder = small_folder(tmp_path / "run", 2)
    first = commit_run(store, keys, folder)
    commit_run(store, keys, small_folder(tmp_path / "cut", 1, 5), replace=True)
    cut = shards_of(store)["00000"]
    small_folder(folder, 1, first=2)
    commit_run(store, keys, folder)
    assert shards_of(store)["00000"] == cut
    assert list(shards_of(store)) == ["00000", "00001", "00002"]
    assert shards_of(store, first)["00000"].rows == 8


def test_a_mask_stays_when_the_same_folder_is_committed_again(tmp_path: Path) -> None:
    store, keys = small_store(tmp_path)
    folder = small_folder(tmp_path / "run", 1)
    first = commit_run(store, keys, folder)
    mask = store.objects.put_bytes(packed_mask(np.array([True, False, False, True, False, False, False, False])))
    masked = msgspec.structs.replace(shards_of(store)["00000"], mask=mask, masked=2, masked_samples=1)
    second = commit_shards(store, keys, [masked], parents=[first], ref="main", at=first, message="masked")
    _, commit = store.read_commit(second)
    assert (commit.rows, commit.samples) == (6, 5)
    assert commit.root != store.read_commit(first)[1].root
    places = [place for batch in rows_of(store, masked, []) for place in batch[POSITION].to_pylist()]
    assert places == [1, 2, 4, 5, 6, 7]
    assert commit_run(store, keys, folder) == second


def test_a_folder_with_purged_rows_is_refused(tmp_path: Path) -> None:
    store, keys = small_store(tmp_path)
    folder = small_folder(tmp_path / "run", 1)
    commit_run(store, keys, folder)
    shard = shards_of(store)["00000"]
    store.write_redaction(Redaction(shard.table.sha256, shard.leaves, (1,), "T-2026-11-22-1", "", ""), keys)
    store.objects.delete(shard.table.sha256)
    with pytest.raises(InputError, match="T-2026-11-22-1"):
        commit_run(store, keys, folder, ref="another")
    assert not store.objects.has(shard.table.sha256)


# invariant 29: two committers, one wins, no shard twice, none lost
def test_of_two_committers_one_wins_and_the_other_goes_on_from_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, keys = small_store(tmp_path)
    commit_run(store, keys, small_folder(tmp_path / "run", 1))
    ours, theirs = small_folder(tmp_path / "ours", 2, first=1), small_folder(tmp_path / "theirs", 2, first=3)
    described = committing._described

    def meanwhile(*about: object) -> object:
        monkeypatch.setattr(committing, "_described", described)
        commit_run(store, keys, theirs, message="theirs")
        return described(*about)  # type: ignore[arg-type]  # passed on as they came

    monkeypatch.setattr(committing, "_described", meanwhile)
    with pytest.raises(RefMovedError, match="run the same command again"):
        commit_run(store, keys, ours, message="ours")
    assert list(shards_of(store)) == ["00000", "00003", "00004"]
    before = objects_in(store)
    commit_run(store, keys, ours, message="ours")
    assert list(shards_of(store)) == ["00000", "00001", "00002", "00003", "00004"]
    added = objects_in(store) - before
    stored = {
        one.sha256 for shard in shards_of(store).values() for one in (shard.table, shard.tar, shard.leaves) if one
    }
    assert not added & stored, "what the loser had stored was stored again"
    assert [commit.message for _, commit in store.history(str(store.ref("main")))] == ["ours", "theirs", ""]


def test_a_note_that_somebody_forged_is_not_believed(tmp_path: Path) -> None:
    store, keys = small_store(tmp_path)
    folder = small_folder(tmp_path / "run", 1)
    commit_run(store, keys, folder)
    root = store.read_commit("main")[1].root
    (note,) = (Path(store.address) / "prepared").iterdir()
    forged = msgspec.json.decode(note.read_bytes())
    forged["shard"]["root"] = "00" * 32
    note.write_bytes(msgspec.json.encode(forged))
    commit_run(store, keys, folder, ref="another")
    assert store.read_commit("another")[1].root == root


def test_shards_of_a_campaign_say_which_worker_made_them_and_when(tmp_path: Path) -> None:
    store, keys = small_store(tmp_path)
    folder = small_folder(tmp_path / "campaign", 3)
    (folder / "tracker").mkdir()
    link = sqlite3.connect(folder / "tracker" / "tracker.db")
    link.execute("CREATE TABLE jobs (id INTEGER, number INTEGER, kind TEXT, gold INTEGER)")
    link.execute(
        "CREATE TABLE results (job INTEGER, worker INTEGER, received_at REAL, canonical INTEGER, in_data INTEGER)"
    )
    link.executemany("INSERT INTO jobs VALUES (?, ?, ?, ?)", [(1, 0, "crawl", 0), (2, 1, "crawl", 0), (3, 0, "extract", 0),
                                                              (4, 1, "crawl", 1)])  # fmt: skip
    link.executemany("INSERT INTO results VALUES (?, ?, ?, ?, ?)", [(1, 7, 1000.6, 1, 1), (2, 8, 2000, 0, 0),
                                                                    (3, 9, 3000, 1, 1), (4, 9, 4000, 1, 1)])  # fmt: skip
    link.commit()
    link.close()
    commit_run(store, keys, folder)
    assert [shard.lineage for shard in shards_of(store).values()] == [Lineage("7", 1000), None, None]


def test_a_database_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    store, keys = small_store(tmp_path)
    folder = small_folder(tmp_path / "campaign", 1)
    (folder / "tracker").mkdir()
    (folder / "tracker" / "tracker.db").write_bytes(b"no database")
    with pytest.raises(InputError, match=r"tracker\.db"):
        commit_run(store, keys, folder)


def test_rows_keep_their_leaves_when_they_are_numbered_anew(tmp_path: Path) -> None:
    store, keys = small_store(tmp_path)
    write_shard(tmp_path / "one", 0, [a_row(number) for number in range(6)])
    write_shard(tmp_path / "two", 3, [a_row(number) for number in (1, 3, 4)])
    commit_run(store, keys, tmp_path / "one")
    commit_run(store, keys, tmp_path / "two")
    one, two = (store.objects.read(shard.leaves) for shard in shards_of(store).values())
    leaves = [one[32 * place :][:32] for place in range(6)]
    assert [two[32 * place :][:32] for place in range(3)] == [leaves[place] for place in (1, 3, 4)]


def test_the_table_in_the_store_is_the_table_of_the_run(tmp_path: Path) -> None:
    store, keys = small_store(tmp_path)
    folder = small_folder(tmp_path / "run", 1)
    commit_run(store, keys, folder)
    (shard,) = shards_of(store).values()
    with pq.ParquetFile(store.objects.open_local(shard.table)) as file:
        assert file.read().equals(pq.read_table(folder / "00000.parquet"))
    assert shard.tar is not None
    assert store.objects.read(shard.tar) == (folder / "00000.tar").read_bytes()


def test_rows_that_a_line_has_removed_for_good_are_cut_out_of_new_shards(tmp_path: Path) -> None:
    store, keys = small_store(tmp_path)
    first = commit_run(store, keys, small_folder(tmp_path / "run", 2))
    gone = [a_row(number)["content_id"] for number in (17, 18, *range(24, 32))]
    removed = Tombstones("R-2026-11-22-1", "2026-11-22", tuple(sorted(gone)), ("request",), 0)
    carried = store.objects.put_bytes(canonical(removed))
    shards = store.shards(store.read_commit(first)[1])
    commit_shards(store, keys, shards, parents=[first], ref="main", at=first, message="removed", tombstones=[carried])
    folder = small_folder(tmp_path / "run", 2, first=2)
    made = commit_run(store, keys, folder)
    assert list(shards_of(store)) == ["00000", "00001", "00002"], "nothing is left of the last one"
    urls = [url for batch in rows_of(store, shards_of(store)["00002"], ["url"]) for url in batch["url"].to_pylist()]
    assert urls == [a_row(number)["url"] for number in (16, 19, 20, 21, 22, 23)]
    assert store.read_commit(made)[1].tombstones == (carried,)
    picture = a_row(17)["image"]
    assert not [one for one in store.objects.listed() if picture in Path(store.objects.where(one)).read_bytes()]
    assert commit_run(store, keys, folder) == made


def test_what_was_removed_does_not_come_back_under_another_name_though_it_is_in_the_store(tmp_path: Path) -> None:
    """The store knows the shard from before; what it knows of it must not spare it the look."""
    store, keys = small_store(tmp_path)
    folder = small_folder(tmp_path / "run", 2)
    first = commit_run(store, keys, folder)
    gone = [a_row(number)["content_id"] for number in (2, *range(8, 16))]
    carried = store.objects.put_bytes(canonical(Tombstones("R-2026-11-22-1", "2026-11-22", tuple(sorted(gone)), (), 0)))
    write_shard(tmp_path / "left", 7, [a_row(number) for number in (0, 1, *range(3, 8))])
    left = store_shard(store, keys, "00007", tmp_path / "left" / "00007.parquet", tmp_path / "left" / "00007.tar")
    commit_shards(store, keys, [left], parents=[first], ref="main", at=first, message="removed", tombstones=[carried])
    commit_run(store, keys, folder, prefix="again-")
    commit_run(store, keys, folder)
    assert list(shards_of(store)) == ["00000", "00007", "again-00000"]
    for name in ("00000", "again-00000"):
        urls = [url for batch in rows_of(store, shards_of(store)[name], ["url"]) for url in batch["url"].to_pylist()]
        assert urls == [a_row(number)["url"] for number in (0, 1, *range(3, 8))], name


def test_a_version_names_recipe_inputs_and_lists_without_folders_of_this_machine(tmp_path: Path) -> None:
    store, keys = small_store(tmp_path)
    (tmp_path / "bad.md5").write_text("")
    recipe = parse_recipe(
        'name = "boats"\n[[filters]]\nuse = "bodies.hash_removal"\npath = "bad.md5"\n', name="boats.toml"
    )
    recipe = msgspec.structs.replace(recipe, folder=str(tmp_path))
    pinned = Pinned(
        recipe_digest=recipe.digest, recipe=recipe, version="1",
        sources=[("s3://commoncrawl/a.warc.gz", "warc"), (str(tmp_path / "b.warc"), "warc")],
    )  # fmt: skip
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "run.json").write_bytes(msgspec.json.encode(pinned))
    small_folder(tmp_path / "run" / "shards", 1)
    commit_run(store, keys, tmp_path / "run")
    _, commit = store.read_commit("main")
    assert (commit.recipe, commit.inputs) == (recipe.digest, ("s3://commoncrawl/a.warc.gz", "b.warc"))
    assert [one.partition(" of ")[0] for one in commit.lists] == ["bad.md5"]
    assert str(tmp_path) not in canonical(commit).decode()


def test_the_output_of_a_rebuild_is_committed_with_what_pins_it(tmp_path: Path) -> None:
    store, keys = small_store(tmp_path)
    recipe = parse_recipe('name = "again"\n', name="again.toml")
    pinned = Pinned(recipe_digest=recipe.digest, recipe=recipe, version="1", sources=[("list.parquet", "list")])
    (tmp_path / "out" / "_pairtrawl").mkdir(parents=True)
    (tmp_path / "out" / "_pairtrawl" / "run.json").write_bytes(msgspec.json.encode(pinned))
    small_folder(tmp_path / "out", 2)
    commit_run(store, keys, tmp_path / "out")
    assert (store.read_commit("main")[1].recipe, len(shards_of(store))) == (recipe.digest, 2)
