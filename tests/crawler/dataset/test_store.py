"""A store: what is read is believed as far as digest and signature go, and a name goes from one version to the next."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from crawler.dataset.canonical import canonical
from crawler.dataset.keys import Keys, new_keys
from crawler.dataset.manifest import Commit, Redaction, Shard, SignedCommit, Stored
from crawler.dataset.store import new_store, open_store
from crawler.errors import DatasetError, InputError, RefMovedError
from tests.small_datasets import small_store

NOTHING = Stored("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", 0)


def a_commit(keys: Keys, message: str = "", *parents: str) -> Commit:
    return Commit("boats", parents, message, keys.author, 1, "00", NOTHING, 0, 0, 0)


def a_shard(name: str) -> Shard:
    return Shard(name, 0, 0, "00", NOTHING, NOTHING, NOTHING)


def test_a_version_is_found_by_ref_tag_id_and_the_first_digits_of_one(tmp_path: Path) -> None:
    store, keys = small_store(tmp_path)
    made = store.write_commit(a_commit(keys, "first"), keys)
    store.move_ref("main", None, made)
    store.tag("v1", made)
    for name in ("main", "v1", made, made[:6], made[:20]):
        assert store.read_commit(name) == (made, a_commit(keys, "first"))
    assert (store.refs(), store.tags(), list(store.commits())) == ({"main": made}, {"v1": made}, [made])
    assert open_store(store.address).ref("main") == made


@pytest.mark.parametrize("name", ["v2", "f" * 64, "abcdef", "../../commits", "", "a b", ".hidden"])
def test_what_is_no_version_is_refused(tmp_path: Path, name: str) -> None:
    store, keys = small_store(tmp_path)
    store.move_ref("main", None, store.write_commit(a_commit(keys), keys))
    with pytest.raises((InputError, DatasetError)):
        store.read_commit(name)


# invariant 30: any flipped bit of a manifest
def test_a_manifest_with_any_bit_flipped_is_refused(tmp_path: Path) -> None:
    store, keys = small_store(tmp_path)
    made = store.write_commit(a_commit(keys, "first"), keys)
    path = Path(store.address) / "commits" / f"{made}.json"
    signed = path.read_bytes()
    for place in range(len(signed)):
        for bit in {5, place % 8}:  # 5 makes a capital of a letter: hex digits would mean the same
            bent = bytearray(signed)
            bent[place] ^= 1 << bit
            path.write_bytes(bent)
            with pytest.raises(DatasetError):
                store.read_commit(made)
    path.write_bytes(signed + b"\n")
    with pytest.raises(DatasetError):
        store.read_commit(made)
    path.write_bytes(signed)
    assert store.read_commit(made)[0] == made


def test_a_manifest_that_a_stranger_signed_in_the_authors_name_is_refused(tmp_path: Path) -> None:
    store, keys = small_store(tmp_path)
    stranger = new_keys(tmp_path / "strange")
    commit = a_commit(keys, "forged")
    made = store.write_commit(commit, keys)
    forged = SignedCommit(commit, stranger.sign(b"pairtrawl commit\n" + bytes.fromhex(made)))
    (Path(store.address) / "commits" / f"{made}.json").write_bytes(canonical(forged))
    with pytest.raises(DatasetError, match="not signed by its author"):
        store.read_commit(made)
    with pytest.raises(ValueError, match="signed by its author"):
        store.write_commit(commit, stranger)


def test_a_ref_goes_from_where_it_is_or_not_at_all(tmp_path: Path) -> None:
    store, keys = small_store(tmp_path)
    first, second, third = (store.write_commit(a_commit(keys, name), keys) for name in ("1", "2", "3"))
    store.move_ref("main", None, first)
    store.move_ref("main", first, second)
    for wrong in (None, first):
        with pytest.raises(RefMovedError, match="run the same command again"):
            store.move_ref("main", wrong, third)
    assert store.ref("main") == second


def test_a_tag_is_never_moved(tmp_path: Path) -> None:
    store, keys = small_store(tmp_path)
    first, second = (store.write_commit(a_commit(keys, name), keys) for name in ("1", "2"))
    store.tag("v1", first)
    store.tag("v1", first)
    with pytest.raises(InputError, match="never moved"):
        store.tag("v1", second)
    assert store.tags() == {"v1": first}


@pytest.mark.parametrize("name", ["", "../x", "a/b", "abcdef12", "-x", "x" * 101, "a\n"])
def test_a_name_that_leads_elsewhere_or_looks_like_an_id_names_nothing(tmp_path: Path, name: str) -> None:
    store, keys = small_store(tmp_path)
    made = store.write_commit(a_commit(keys), keys)
    with pytest.raises(InputError, match="cannot name"):
        store.move_ref(name, None, made)
    with pytest.raises(InputError, match="cannot name"):
        store.tag(name, made)


def test_history_goes_through_merges_once(tmp_path: Path) -> None:
    store, keys = small_store(tmp_path)
    first = store.write_commit(a_commit(keys, "first"), keys)
    left, right = (store.write_commit(a_commit(keys, side, first), keys) for side in ("left", "right"))
    merged = store.write_commit(a_commit(keys, "merged", left, right), keys)
    assert [commit.message for _, commit in store.history(merged)] == ["merged", "left", "right", "first"]


def test_shards_are_listed_by_name_and_read_back(tmp_path: Path) -> None:
    store, keys = small_store(tmp_path)
    shards = [a_shard("00000"), a_shard("00001"), a_shard("a-00000")]
    listed = store.write_shards(iter(shards))
    commit = msgspec.structs.replace(a_commit(keys), shards=listed)
    assert list(store.shards(commit)) == shards
    for names in (["00001", "00000"], ["00000", "00000"]):
        with pytest.raises(ValueError, match="after"):
            store.write_shards(map(a_shard, names))


@pytest.mark.parametrize("name", ["../../x", "a/b", ""])
def test_a_list_of_shards_whose_names_lead_elsewhere_is_refused(tmp_path: Path, name: str) -> None:
    store, keys = small_store(tmp_path)
    listed = store.objects.put_bytes(canonical(a_shard(name)) + b"\n")
    with pytest.raises(DatasetError, match="line 1"):
        list(store.shards(msgspec.structs.replace(a_commit(keys), shards=listed)))


def test_a_redaction_is_signed_and_stands_once(tmp_path: Path) -> None:
    store, keys = small_store(tmp_path)
    first = Redaction("ab" * 32, NOTHING, (1, 2), "T-2026-11-22-1", "", "")
    store.write_redaction(first, keys)
    store.write_redaction(first, keys)
    found = store.redaction("ab" * 32)
    assert found is not None
    assert (found.rows, found.author) == ((1, 2), keys.author)
    assert store.redaction("cd" * 32) is None
    with pytest.raises(DatasetError, match="there already"):
        store.write_redaction(msgspec.structs.replace(first, rows=(3,)), keys)
    path = Path(store.address) / "redactions" / f"{'ab' * 32}.json"
    path.write_bytes(path.read_bytes().replace(b"[1,2]", b"[1,3]"))
    with pytest.raises(DatasetError, match="author"):
        store.redaction("ab" * 32)


def test_a_redaction_of_another_object_is_refused(tmp_path: Path) -> None:
    store, keys = small_store(tmp_path)
    store.write_redaction(Redaction("ab" * 32, NOTHING, (), "T", "", ""), keys)
    folder = Path(store.address) / "redactions"
    (folder / f"{'ab' * 32}.json").rename(folder / f"{'cd' * 32}.json")
    with pytest.raises(DatasetError):
        store.redaction("cd" * 32)


def test_a_folder_of_other_files_or_of_another_data_set_is_no_place_for_a_store(tmp_path: Path) -> None:
    keys = new_keys(tmp_path / "keys")
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "me.jpg").write_bytes(b"")
    with pytest.raises(InputError, match="other files"):
        new_store(str(tmp_path / "photos"), "boats", keys)
    new_store(str(tmp_path / "store"), "boats", keys)
    new_store(str(tmp_path / "store"), "boats", keys)
    with pytest.raises(InputError, match="holds the data set 'boats'"):
        new_store(str(tmp_path / "store"), "cats", keys)
    with pytest.raises(InputError, match="dataset init"):
        open_store(str(tmp_path / "nothing"))
