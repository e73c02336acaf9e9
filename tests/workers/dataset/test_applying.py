"""A holder's copy, brought to the next version by a published diff: byte for byte, and never by halves."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from crawler.dataset.diffs import FilesOf, ShardChange, Versions, open_diff, write_diff
from crawler.dataset.keys import Keys
from crawler.dataset.manifest import Shard
from crawler.dataset.store import Store
from crawler.dataset.tables import packed_mask
from crawler.dataset.uids import among, sorted_uids
from crawler.errors import DatasetError, InputError
from tests.dataset_versions import (
    a_keys,
    a_row,
    commit_list,
    committed,
    shard_named,
    uid,
    write_shard,
)
from workers.dataset.commits.checking_out import check_out
from workers.dataset.commits.cutting_shards import cut_version_shard
from workers.dataset.comparing.joining import ShardRows
from workers.dataset.holders.applying import FOLDER, Asked, apply_diff
from workers.dataset.holders.publishing import publish_diff
from workers.dataset.holders.receipts import Receipt, read_receipt

GONE = (2, 3, 9, 16, 17, 18, 19)  # of shard 0, of shard 1, and all of shard 2


@pytest.fixture
def holder(tmp_path: Path) -> Keys:
    return a_keys(tmp_path / "holder")


SHARDS = {0: range(8), 1: range(8, 16), 2: range(16, 20), 3: range(20, 26)}


def ids(rows: Iterable[int]) -> np.ndarray:
    return sorted_uids(np.frombuffer(bytes.fromhex("".join(uid(row) for row in rows)), np.uint8).reshape(-1, 16))


def reissued(
    store: Store, keys: Keys, scratch: Path, gone: Sequence[int] = GONE, ref: str = "main", *, described: bool = False
) -> str:
    """The next version: the rows are cut out of every shard."""

    def cut(shard: Shard) -> Shard | None:
        rows = ShardRows(store, shard)
        return cut_version_shard(store, keys, shard, rows.positions[~among(rows.uids, ids(gone))], scratch / "cut")

    shards = [cut(shard) for shard in store.shards(store.read_commit(ref)[1])]
    return commit_list(store, keys, [one for one in shards if one is not None], ref=ref, described=described)


def laid_out(store: Store, version: str, folder: Path) -> None:
    """The shards of a version, in img2dataset's layout."""
    folder.mkdir(parents=True)
    for shard in store.shards(store.read_commit(version)[1]):
        assert shard.tar is not None
        shutil.copyfile(store.objects.open_local(shard.tar), folder / f"{shard.name}.tar")
        shutil.copyfile(store.objects.open_local(shard.table), folder / f"{shard.name}.parquet")


def bytes_in(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.suffix in {".tar", ".parquet"}}


def applied(diff: Path, copy: Path, keys: Keys, *, store: Store | None = None, other_writer: bool = False) -> Receipt:
    asked = Asked(copy, copy.parent / "receipt.json", store, other_writer=other_writer)
    return apply_diff(open_diff(diff), asked, keys).receipt


# our shards ------------------------------------------------------------------------------------------------------


def test_a_copy_becomes_the_reissue_byte_for_byte(tmp_path: Path, store: Store, keys: Keys, holder: Keys) -> None:
    one = committed(store, keys, tmp_path / "copy", SHARDS)
    other = reissued(store, keys, tmp_path)
    diff = publish_diff(store, keys, one, other, tmp_path / "diff")
    assert {bytes(row).hex() for row in diff.removed} == {uid(row) for row in GONE}
    assert all(change.is_cut for change in diff.shards)
    told = applied(tmp_path / "diff", tmp_path / "copy", holder)
    laid_out(store, other, tmp_path / "wanted")
    assert bytes_in(tmp_path / "copy") == bytes_in(tmp_path / "wanted")  # invariant 31  # invariant 32
    assert told.complete
    assert {step.name: step.how for step in told.shards} == {"00000": "cut", "00001": "cut", "00002": "removed"}
    assert (told.rows_before, told.rows_after, told.untouched) == (26, 19, 1)
    assert not (tmp_path / "copy" / FOLDER).exists()
    # the marks are right, and name the new files
    mark = json.loads((tmp_path / "copy" / "00000_stats.json").read_bytes())
    assert (mark["count"], mark["successes"], mark["status_dict"]["success"]) == (6, 5, 5)
    assert mark["files"]["00000.tar"]["bytes"] == (tmp_path / "copy" / "00000.tar").stat().st_size
    assert not (tmp_path / "copy" / "00002_stats.json").exists()


def test_a_diff_that_was_applied_changes_nothing_the_second_time(
    tmp_path: Path, store: Store, keys: Keys, holder: Keys
) -> None:
    one = committed(store, keys, tmp_path / "copy", SHARDS)
    publish_diff(store, keys, one, reissued(store, keys, tmp_path), tmp_path / "diff")
    applied(tmp_path / "diff", tmp_path / "copy", holder)
    before = bytes_in(tmp_path / "copy")
    told = applied(tmp_path / "diff", tmp_path / "copy", holder)
    assert (told.shards, told.untouched, told.complete) == ((), 3, True)
    assert bytes_in(tmp_path / "copy") == before


def test_a_receipt_names_no_row_and_is_its_holders_word(tmp_path: Path, store: Store, keys: Keys, holder: Keys) -> None:
    one = committed(store, keys, tmp_path / "copy", SHARDS)
    other = reissued(store, keys, tmp_path)
    publish_diff(store, keys, one, other, tmp_path / "diff")
    applied(tmp_path / "diff", tmp_path / "copy", holder)
    text = (tmp_path / "receipt.json").read_text()
    assert not any(said in text for row in range(26) for said in (uid(row), f"boat {row}", f"/{row}.jpg"))
    signed = read_receipt(tmp_path / "receipt.json")
    assert signed.holder == holder.author
    assert (signed.receipt.from_version, signed.receipt.to_version) == (one, other)
    (tmp_path / "receipt.json").write_text(text.replace('"rows_after": 19', '"rows_after": 18'))
    with pytest.raises(DatasetError, match="holder signed"):
        read_receipt(tmp_path / "receipt.json")


def test_masks_of_the_version_before_are_cut_as_well(tmp_path: Path, store: Store, keys: Keys, holder: Keys) -> None:
    committed(store, keys, tmp_path / "copy", {0: range(8)}, ref="first")
    masked = np.zeros(8, np.bool_)
    masked[6] = True
    mask = store.objects.put_bytes(packed_mask(masked))
    shard = msgspec.structs.replace(shard_named(store, "first", "00000"), mask=mask, masked=1, masked_samples=1)
    one = commit_list(store, keys, [shard])
    other = reissued(store, keys, tmp_path)
    publish_diff(store, keys, one, other, tmp_path / "diff")
    applied(tmp_path / "diff", tmp_path / "copy", holder)
    laid_out(store, other, tmp_path / "wanted")
    assert bytes_in(tmp_path / "copy") == bytes_in(tmp_path / "wanted")


def test_a_checkout_without_masked_rows_becomes_the_reissue_too(
    tmp_path: Path, store: Store, keys: Keys, holder: Keys
) -> None:
    """Its keys have holes where the masked rows were, also in shards from which nothing else is removed."""
    committed(store, keys, tmp_path / "run", {0: range(8), 1: range(8, 16)}, ref="first")
    bits = np.arange(8) == 6
    shards = [shard_named(store, "first", name) for name in ("00000", "00001")]
    mask = store.objects.put_bytes(packed_mask(bits))
    one = commit_list(
        store,
        keys,
        [msgspec.structs.replace(shard, mask=mask, masked=1, masked_samples=1) for shard in shards],
        described=True,
    )
    check_out(store, one, tmp_path / "copy")
    other = reissued(store, keys, tmp_path, (2, 3), described=True)
    publish_diff(store, keys, one, other, tmp_path / "diff")
    told = applied(tmp_path / "diff", tmp_path / "copy", holder, store=store)
    check_out(store, other, tmp_path / "wanted")
    assert bytes_in(tmp_path / "copy") == bytes_in(tmp_path / "wanted")
    assert [step.how for step in told.shards] == ["cut", "cut"]
    assert told.left == ()
    check_out(store, other, tmp_path / "copy")  # it is taken for what it is
    names = [path.name for path in (tmp_path / "wanted").iterdir() if path.is_file()]
    different = [
        name for name in names
        if not name.endswith("_stats.json") and (tmp_path / "copy" / name).read_bytes() != (tmp_path / "wanted" / name).read_bytes()
    ]  # fmt: skip
    assert different == []


def test_what_cannot_be_cut_out_of_old_shards_is_fetched_from_the_publisher(
    tmp_path: Path, store: Store, keys: Keys, holder: Keys
) -> None:
    one = committed(store, keys, tmp_path / "copy", {0: range(8), 1: range(8, 16), 3: range(20, 24)})
    rows = {0: range(1, 8), 1: [8, 9, 40], 2: [50, 51]}
    other = committed(store, keys, tmp_path / "new", rows)
    publish_diff(store, keys, one, other, tmp_path / "diff")
    told = applied(tmp_path / "diff", tmp_path / "copy", holder)
    assert (told.complete, told.to_fetch) == (False, ("00001", "00002"))
    with pytest.raises(InputError, match="half applied"):
        applied(a_diff(tmp_path / "another", keys), tmp_path / "copy", holder)
    told = applied(tmp_path / "diff", tmp_path / "copy", holder, store=store)
    assert bytes_in(tmp_path / "copy") == bytes_in(tmp_path / "new")  # invariant 31
    assert told.complete
    assert {step.name: step.how for step in told.shards} == {
        "00000": "cut", "00001": "fetched", "00002": "fetched", "00003": "removed",
    }  # fmt: skip
    assert (tmp_path / "copy" / "00002_stats.json").exists()


def test_an_id_that_stays_elsewhere_is_not_published_as_removed(
    tmp_path: Path, store: Store, keys: Keys, holder: Keys
) -> None:
    """Row 1 stands twice, and one of them goes: who cut by ids would take out both."""
    one = committed(store, keys, tmp_path / "copy", {0: [0, 1, 2], 1: [1, 4]})
    other = committed(store, keys, tmp_path / "new", {0: [0], 1: [1, 4]})
    diff = publish_diff(store, keys, one, other, tmp_path / "diff")
    assert [row.tobytes().hex() for row in diff.removed] == [uid(2)]
    assert [(change.name, change.is_cut) for change in diff.shards] == [("00000", False)]
    told = applied(tmp_path / "diff", tmp_path / "copy", holder, store=store)
    assert [(step.name, step.how) for step in told.shards] == [("00000", "fetched")]
    assert bytes_in(tmp_path / "copy") == bytes_in(tmp_path / "new")


def a_diff(path: Path, keys: Keys, rows: Iterable[int] = (), shards: Sequence[ShardChange] = ()) -> Path:
    versions = Versions("boats", "1" * 64, "2" * 64, "3" * 64, "4" * 64, 0, 0)
    write_diff(path, keys, versions, shards, ids(rows), date="2026-11-22")
    return path


# what is not right -----------------------------------------------------------------------------------------------


def test_a_shard_with_a_flipped_bit_is_named_and_left_as_it_is(
    tmp_path: Path, store: Store, keys: Keys, holder: Keys
) -> None:
    one = committed(store, keys, tmp_path / "copy", SHARDS)
    publish_diff(store, keys, one, reissued(store, keys, tmp_path), tmp_path / "diff")
    tar = tmp_path / "copy" / "00001.tar"
    content = bytearray(tar.read_bytes())
    content[700] ^= 1
    tar.write_bytes(content)
    with pytest.raises(DatasetError, match=r"00001\.tar: has other bytes"):
        applied(tmp_path / "diff", tmp_path / "copy", holder)
    assert tar.read_bytes() == content
    assert (tmp_path / "copy" / "00001_stats.json").exists()


def test_another_version_of_pyarrow_is_told_and_taken_only_when_asked_for(
    tmp_path: Path, store: Store, keys: Keys, holder: Keys
) -> None:
    one = committed(store, keys, tmp_path / "copy", {0: range(8)})
    other = reissued(store, keys, tmp_path)
    diff = publish_diff(store, keys, one, other, tmp_path / "diff")
    change = diff.shards[0]
    assert change.after is not None
    table = msgspec.structs.replace(change.after.table, sha256="0" * 64)
    changed = msgspec.structs.replace(change, after=msgspec.structs.replace(change.after, table=table))
    a_diff(tmp_path / "theirs", keys, GONE, [changed])
    with pytest.raises(DatasetError, match="--other-writer"):
        applied(tmp_path / "theirs", tmp_path / "copy", holder)
    told = applied(tmp_path / "theirs", tmp_path / "copy", holder, other_writer=True)
    assert [step.how for step in told.shards] == ["rows"]


def test_a_diff_that_was_tampered_with_is_refused(tmp_path: Path, keys: Keys) -> None:
    path = a_diff(tmp_path / "diff", keys, GONE)
    assert open_diff(path, keys.author).author == keys.author
    with pytest.raises(InputError, match="and not by"):
        open_diff(path, "0" * 64)
    content = path.read_bytes()
    for place in (*range(512, len(content.rstrip(b"\0")), 61), len(content.rstrip(b"\0")) - 1):
        if content[place] == 0:
            continue
        path.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
        with pytest.raises((DatasetError, InputError)):
            open_diff(path, keys.author)


@pytest.mark.parametrize("name", ["../evil", "../../evil", "/tmp/evil", ".hidden", "a/b", ""])
def test_a_publisher_does_not_get_to_write_outside_of_a_copy(
    tmp_path: Path, store: Store, keys: Keys, holder: Keys, name: str
) -> None:
    committed(store, keys, tmp_path / "holders" / "copy", {0: range(4)})
    (tmp_path / "holders" / "copy" / "data").mkdir()  # as `export hf` lays it out
    shard = shard_named(store, "main", "00000")
    new = ShardChange(name, None, FilesOf(shard.rows, shard.table, shard.tar))
    before = sorted(tmp_path.rglob("*"))
    diff = a_diff(tmp_path / "diff", keys, shards=[new])
    with pytest.raises(InputError, match="name of a shard"):
        applied(diff, tmp_path / "holders" / "copy", holder, store=store)
    assert sorted(tmp_path.rglob("*")) == sorted([*before, diff])


@pytest.mark.parametrize("content", [b"", b"no tar", b"\0" * 10_240])
def test_what_is_no_diff_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "diff").write_bytes(content)
    with pytest.raises(InputError, match="no diff"):
        open_diff(tmp_path / "diff")


def test_a_diff_is_not_made_of_masked_versions(tmp_path: Path, store: Store, keys: Keys) -> None:
    one = committed(store, keys, tmp_path / "one", {0: range(8)})
    mask = store.objects.put_bytes(packed_mask(np.arange(8) == 1))
    shard = msgspec.structs.replace(shard_named(store, one, "00000"), mask=mask, masked=1, masked_samples=1)
    with pytest.raises(InputError, match="re-issue"):
        publish_diff(store, keys, one, commit_list(store, keys, [shard]), tmp_path / "diff")


# somebody else's shards ------------------------------------------------------------------------------------------


def img2dataset_shard(folder: Path, number: int, rows: Sequence[int], *, uids: bool) -> None:
    """As img2dataset makes it: rows as they came in, keys with holes, snappy, groups of a hundred rows."""
    folder.mkdir(exist_ok=True)
    table = []
    with tarfile.open(folder / f"{number:05d}.tar", "w", format=tarfile.USTAR_FORMAT) as tar:
        for place, row in enumerate(rows):
            key = f"{number:05d}{place * 3:04d}"
            url = f"HTTP://images.test:80/{row}.jpg"  # as the list wrote it
            told = {
                "url": url,
                "caption": f"boat {row}",
                "key": key,
                "status": "success" if row % 4 != 3 else "failed_to_download",
            }
            if uids:
                told |= {"url": "elsewhere", "uid": uid(row)}
            table.append(told)
            if row % 4 == 3:
                continue
            for ending, content in (
                ("jpg", a_row(row).image),
                ("json", json.dumps(told, indent=4).encode()),
                ("txt", b""),
            ):
                entry = tarfile.TarInfo(f"{key}.{ending}")
                entry.size, entry.mtime = len(content), 1_700_000_000 + row
                tar.addfile(entry, io.BytesIO(content))
    pq.write_table(pa.Table.from_pylist(table), folder / f"{number:05d}.parquet", row_group_size=100)
    (folder / f"{number:05d}_stats.json").write_text(json.dumps({"count": len(rows), "start_time": 17}))


@pytest.mark.parametrize("uids", [True, False])
def test_shards_of_img2dataset_end_with_the_rows_of_the_reissue(
    tmp_path: Path, keys: Keys, holder: Keys, uids: bool
) -> None:
    copy = tmp_path / "copy"
    img2dataset_shard(copy, 0, [5, 2, 7, 1, 0], uids=uids)
    img2dataset_shard(copy, 1, [9, 16], uids=uids)
    img2dataset_shard(copy, 7, [24, 25], uids=uids)
    told = applied(a_diff(tmp_path / "diff", keys, GONE), copy, holder)
    assert {step.name: step.how for step in told.shards} == {"00000": "own", "00001": "removed"}
    assert told.complete
    rows = pq.read_table(copy / "00000.parquet").to_pylist()
    assert [(row["caption"], row["key"]) for row in rows] == [  # invariant 32
        ("boat 5", "000000000"), ("boat 7", "000000001"), ("boat 1", "000000002"), ("boat 0", "000000003"),
    ]  # fmt: skip
    with tarfile.open(copy / "00000.tar") as tar:
        names = tar.getnames()
        said = json.loads(tar.extractfile("000000003.json").read())  # type: ignore[union-attr] # it is a plain file
    assert names == [f"00000000{place}.{ending}" for place in (0, 2, 3) for ending in ("jpg", "json", "txt")]
    assert (said["key"], said["caption"]) == ("000000003", "boat 0")
    mark = json.loads((copy / "00000_stats.json").read_bytes())
    assert (mark["count"], mark["successes"], mark["start_time"]) == (4, 3, 17)
    assert sorted(path.name for path in copy.iterdir()) == [
        "00000.parquet", "00000.tar", "00000_stats.json", "00007.parquet", "00007.tar", "00007_stats.json",
    ]  # fmt: skip


def test_tables_alone_lose_their_rows_too(tmp_path: Path, keys: Keys, holder: Keys) -> None:
    copy = tmp_path / "copy"
    copy.mkdir()
    pq.write_table(pa.table({"URL": [f"http://images.test/{row}.jpg" for row in range(5)], "TEXT": [f"boat {row}" for row in range(5)]}), copy / "part-0.parquet")  # fmt: skip
    applied(a_diff(tmp_path / "diff", keys, GONE), copy, holder)
    assert pq.read_table(copy / "part-0.parquet")["TEXT"].to_pylist() == ["boat 0", "boat 1", "boat 4"]


def test_keys_that_cannot_be_numbered_anew_are_kept_and_told(tmp_path: Path, keys: Keys, holder: Keys) -> None:
    copy = tmp_path / "copy"
    copy.mkdir()
    rows = [{"key": f"boat-{'x' * row}", "content_id": uid(row)} for row in range(4)]
    pq.write_table(pa.Table.from_pylist(rows), copy / "part.parquet")
    told = applied(a_diff(tmp_path / "diff", keys, GONE), copy, holder)
    assert pq.read_table(copy / "part.parquet")["key"].to_pylist() == ["boat-", "boat-x"]
    assert [step.kept_keys for step in told.shards] == [True]


def test_what_a_broken_download_left_is_told_and_not_taken_for_a_shard(
    tmp_path: Path, keys: Keys, holder: Keys
) -> None:
    copy = tmp_path / "copy"
    img2dataset_shard(copy, 0, [1, 2], uids=True)
    (copy / "00001.parquet").write_bytes(b"PAR1 and no more")
    told = applied(a_diff(tmp_path / "diff", keys, GONE), copy, holder)
    assert (told.unfinished, told.complete) == (("00001",), False)


def test_an_empty_folder_is_no_copy_and_stays_empty(tmp_path: Path, keys: Keys, holder: Keys) -> None:
    (tmp_path / "copy").mkdir()
    with pytest.raises(InputError, match="no shards"):
        applied(a_diff(tmp_path / "diff", keys, GONE), tmp_path / "copy", holder)
    assert list((tmp_path / "copy").iterdir()) == []


# killed ----------------------------------------------------------------------------------------------------------

_APPLY = """
import sys
from pathlib import Path
from crawler.dataset.diffs import open_diff
from crawler.dataset.keys import open_keys
from workers.dataset.holders.applying import Asked, apply_diff
copy = Path(sys.argv[2])
apply_diff(open_diff(Path(sys.argv[1])), Asked(copy, copy.parent / "receipt.json"), open_keys(Path(sys.argv[3])))
"""


def _readable(copy: Path, before: dict[str, bytes], after: dict[str, bytes]) -> None:
    """Every shard that has its mark is as it was, or as it will be."""
    for mark in copy.glob("*_stats.json"):
        name = mark.name.removesuffix("_stats.json")
        there = [(copy / f"{name}{ending}").read_bytes() for ending in (".tar", ".parquet")]
        versions = [[held.get(f"{name}{ending}") for ending in (".tar", ".parquet")] for held in (before, after)]
        assert there in versions


@pytest.mark.slow
@pytest.mark.parametrize("where", ["apply.staged", "apply.noted:2", "apply.placing", "apply.placing:5", "apply.landed"])
def test_killed_anywhere_no_shard_is_half_of_each_and_the_same_call_goes_on(
    tmp_path: Path, store: Store, keys: Keys, holder: Keys, where: str
) -> None:
    copy = tmp_path / "copy"
    one = committed(store, keys, copy, SHARDS)
    before = bytes_in(copy)
    other = reissued(store, keys, tmp_path)
    publish_diff(store, keys, one, other, tmp_path / "diff")
    laid_out(store, other, tmp_path / "wanted")
    words = [sys.executable, "-c", _APPLY, str(tmp_path / "diff"), str(copy), str(tmp_path / "holder")]
    killed = subprocess.run(words, check=False, env={**os.environ, "PAIRTRAWL_FAILPOINT": where})
    assert killed.returncode == -9
    _readable(copy, before, bytes_in(tmp_path / "wanted"))
    told = applied(tmp_path / "diff", copy, holder)
    assert bytes_in(copy) == bytes_in(tmp_path / "wanted")
    assert (told.rows_before, told.rows_after, len(told.shards), told.untouched) == (26, 19, 3, 1)


def test_a_copy_that_another_command_is_at_is_left_alone(tmp_path: Path, keys: Keys, holder: Keys) -> None:
    from workers.hold import hold

    write_shard(tmp_path / "copy", 0, range(4))
    (tmp_path / "copy" / FOLDER).mkdir()
    with hold(tmp_path / "copy" / FOLDER / "lock", shared=False), pytest.raises(InputError, match="another command"):
        applied(a_diff(tmp_path / "diff", keys, GONE), tmp_path / "copy", holder)
