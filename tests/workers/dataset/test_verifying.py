"""Verification: whatever bit is flipped is found, and its file is named; what a purge took out is no fault."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import msgspec
import numpy as np
import pyarrow.parquet as pq
import pytest

from crawler.dataset.cutting import ShardFiles, cut_shard, spans_in
from crawler.dataset.keys import Keys, new_keys
from crawler.dataset.manifest import Redaction, Shard, Stored
from crawler.dataset.merkle import inclusion_proof
from crawler.dataset.store import Store
from crawler.dataset.tables import POSITION, packed_mask, rows_of
from crawler.dataset.tar_index import index_of, written_index
from crawler.errors import InputError
from tests.small_datasets import small_folder, small_store
from workers.dataset.commits import committing
from workers.dataset.commits.committing import Tally, commit_run, commit_shards, version_leaf
from workers.dataset.commits.verifying import verify

DOCS = Path(__file__).parents[3] / "docs" / "versions.md"


@pytest.fixture(autouse=True)
def _without_descriptions(monkeypatch: pytest.MonkeyPatch) -> None:
    """They have tests of their own, and cost more than all that is tested here."""
    monkeypatch.setattr(committing, "_described", lambda _store, _commit: {})


def committed(tmp_path: Path, shards: int = 2) -> tuple[Store, Keys, str]:
    store, keys = small_store(tmp_path)
    return store, keys, commit_run(store, keys, small_folder(tmp_path / "run", shards), message="a run")


def checker() -> ModuleType:
    """The program in docs/versions.md, which was written from that page with pyarrow, hashlib and json."""
    code = DOCS.read_text().partition("```python\n")[2].partition("```")[0]
    assert len([line for line in code.splitlines() if line.strip()]) <= 45
    module = ModuleType("checker")
    exec(compile(code, str(DOCS), "exec"), module.__dict__)
    imports = [line for line in code.splitlines() if line.lstrip().startswith(("import", "from"))]
    assert imports == ["import hashlib, json, pyarrow as pa, pyarrow.parquet as pq"]
    return module


def path_of(store: Store, stored: Stored) -> Path:
    return Path(store.objects.where(stored.sha256))


def flip(path: Path, place: int, bit: int) -> None:
    content = bytearray(path.read_bytes())
    content[place] ^= 1 << bit
    path.chmod(0o644)
    path.write_bytes(content)


# invariant 30: any flipped bit in any shard, sidecar or manifest
def test_any_flipped_bit_in_any_file_is_found_and_the_file_is_named(tmp_path: Path) -> None:
    store, _, made = committed(tmp_path)
    assert verify(store, "main").problems == []
    files = [*map(store.objects.where, store.objects.listed()), f"{store.address}/commits/{made}.json"]
    places = np.random.default_rng(7)
    for name in files:
        path = Path(name)
        for place in {0, path.stat().st_size - 1, *places.integers(0, path.stat().st_size, 3).tolist()}:
            flip(path, place, place % 8)
            told = verify(store, "main")
            assert told.problems, (name, place)
            assert all(path.name in problem for problem in told.problems), (name, place, told.problems)
            flip(path, place, place % 8)
    assert verify(store, "main").problems == []


# invariant 30: the root, too, is another one
@pytest.mark.parametrize("file", ["00001.tar", "00001.parquet"])
def test_a_shard_with_any_bit_flipped_has_another_root_or_is_no_shard(tmp_path: Path, file: str) -> None:
    store, keys, made = committed(tmp_path)
    root = store.read_commit(made)[1].root
    folder = small_folder(tmp_path / "img", ours=False)
    size = (folder / file).stat().st_size
    for place in [*np.random.default_rng(3).integers(0, size, 12).tolist(), size - 1]:  # the last one: a tar's padding
        flip(folder / file, place, place % 8)
        try:
            other = commit_run(store, keys, folder, ref=f"{file[-3:]}-{place}")
        except InputError:
            pass
        else:
            assert store.read_commit(other)[1].root != root
        flip(folder / file, place, place % 8)


def test_a_file_that_is_gone_or_longer_is_named(tmp_path: Path) -> None:
    store, _, made = committed(tmp_path)
    shard = next(store.shards(store.read_commit(made)[1]))
    path_of(store, shard.salts).unlink()
    tar = path_of(store, shard.tar or shard.table)
    tar.chmod(0o644)
    tar.write_bytes(tar.read_bytes() + b"\0")
    problems = verify(store, "main").problems
    assert len(problems) == 2
    assert "salts of shard 00000" in problems[1]
    assert shard.salts.sha256 in problems[1]
    assert "tar of shard 00000" in problems[0]


def lied(store: Store, keys: Keys, made: str, **changes: object) -> str:
    """A version that its publisher signed, in which something is not so."""
    _, commit = store.read_commit(made)
    shards = list(store.shards(commit))
    shards[0] = msgspec.structs.replace(shards[0], **changes)
    tally = Tally()
    listed = store.write_shards(tally.counted(shards))
    sums = {"rows": tally.rows, "samples": tally.samples, "bytes": tally.bytes}
    return store.write_commit(msgspec.structs.replace(commit, shards=listed, root=tally.root, **sums), keys)


def test_a_publisher_who_signs_what_is_not_so_is_found_out(tmp_path: Path) -> None:
    store, keys, made = committed(tmp_path)
    first, second = store.shards(store.read_commit(made)[1])
    for changes in (
        {"table": second.table}, {"salts": second.salts}, {"leaves": second.leaves}, {"index": second.index},
        {"root": second.root}, {"rows": 7}, {"samples": 7}, {"masked": 1}, {"masked_samples": 1},
        {"mask": store.objects.put_bytes(b"\xff"), "masked": 3}, {"mask": store.objects.put_bytes(b"")},
    ):  # fmt: skip
        told = verify(store, lied(store, keys, made, **changes))
        assert told.problems, changes
        assert all("shard 00000" in problem or "commits/" in problem for problem in told.problems), told.problems
    assert first.name == "00000"


def test_a_manifest_whose_sums_are_not_its_shards_is_found_out(tmp_path: Path) -> None:
    store, keys, made = committed(tmp_path)
    _, commit = store.read_commit(made)
    for change in ({"rows": 17}, {"root": "00" * 32}, {"bytes": 1}, {"samples": 0}):
        wrong = store.write_commit(msgspec.structs.replace(commit, **change), keys)
        assert "other sums" in verify(store, wrong).problems[0]


def test_a_sample_looks_at_so_many_shards_and_at_all_lists(tmp_path: Path) -> None:
    store, _, made = committed(tmp_path, 3)
    told = verify(store, "main", sample=2)
    assert (told.problems, told.looked_at, told.shards) == ([], 2, 3)
    flip(path_of(store, store.read_commit(made)[1].shards), 40, 0)
    assert verify(store, "main", sample=1).problems


def test_history_looks_at_shards_that_versions_share_once(tmp_path: Path) -> None:
    store, keys, _ = committed(tmp_path)
    commit_run(store, keys, small_folder(tmp_path / "run", 1, first=2))
    told = verify(store, "main", history=True)
    assert (len(told.versions), told.looked_at, told.problems) == (2, 3, [])


def test_history_looks_at_every_file_that_versions_do_not_share(tmp_path: Path) -> None:
    """A later pyarrow writes another index of the same tar."""
    store, keys, made = committed(tmp_path, 1)
    (shard,) = store.shards(store.read_commit(made)[1])
    assert shard.index is not None
    index = pq.read_table(path_of(store, shard.index))
    pq.write_table(index, tmp_path / "index", compression="none")
    other = store.objects.put(tmp_path / "index")
    shards = [msgspec.structs.replace(shard, index=other), msgspec.structs.replace(shard, name="again")]
    commit_shards(store, keys, shards, parents=[made], ref="main", at=made, message="")
    told = verify(store, "main", history=True)
    assert (told.problems, told.looked_at, told.shards) == ([], 2, 2)
    flip(path_of(store, other), 40, 0)
    assert other.sha256 in verify(store, "main", history=True).problems[0]
    flip(path_of(store, shard.index), 40, 0)
    assert len(verify(store, "main", history=True).problems) == 2


def test_a_version_by_somebody_else_than_was_named_is_a_problem(tmp_path: Path) -> None:
    store, keys, _ = committed(tmp_path)
    assert verify(store, "main", author=keys.author).problems == []
    assert keys.author in verify(store, "main", author="00" * 32).problems[0]


# --- purges


def purged(tmp_path: Path, rows: tuple[int, ...]) -> tuple[Store, Keys, str, Shard]:
    """A store of which these rows of the first shard were purged, by the rules of docs/versions.md."""
    store, keys, made = committed(tmp_path)
    shard = next(store.shards(store.read_commit(made)[1]))
    purge(store, keys, shard, rows, tmp_path)
    return store, keys, made, shard


def purge(store: Store, keys: Keys, shard: Shard, rows: tuple[int, ...], scratch: Path) -> None:
    assert shard.tar is not None
    assert shard.index is not None
    keep = np.array([row for row in range(shard.rows) if row not in rows], np.int64)
    new = ShardFiles(scratch / "left.parquet", scratch / "left.tar")
    old = ShardFiles(path_of(store, shard.table), path_of(store, shard.tar))
    cut_shard(old, new, shard.name, keep, spans_in(path_of(store, shard.index)), renumber=False)
    assert new.tar is not None
    salts = bytearray(store.objects.read(shard.salts))
    for row in rows:
        salts[16 * row : 16 * row + 16] = bytes(16)
    left = (
        (shard.table, store.objects.put(new.table)),
        (shard.tar, store.objects.put(new.tar)),
        (shard.index, store.objects.put_bytes(written_index(index_of(new.tar)))),
        (shard.salts, store.objects.put_bytes(bytes(salts))),
    )
    for stored, instead in left:
        store.write_redaction(Redaction(stored.sha256, instead, rows, "T-2026-11-22-1", "", ""), keys)
        store.objects.delete(stored.sha256)


def test_a_version_of_which_rows_were_purged_still_verifies_and_says_so(tmp_path: Path) -> None:
    store, _, made, shard = purged(tmp_path, (1, 3))
    told = verify(store, made)
    assert told.problems == []
    assert dict(told.purged) == {"T-2026-11-22-1": 2}
    places = [place for batch in rows_of(store, shard, []) for place in batch[POSITION].to_pylist()]
    assert places == [0, 2, 4, 5, 6, 7]


def test_what_stands_in_for_a_purged_file_is_looked_at_like_any(tmp_path: Path) -> None:
    store, _, made, shard = purged(tmp_path, (1,))
    redaction = store.redaction(shard.table.sha256)
    assert redaction is not None
    flip(path_of(store, redaction.replaced_by), 60, 2)
    assert redaction.replaced_by.sha256 in verify(store, made).problems[0]


def test_a_stranger_cannot_redact(tmp_path: Path) -> None:
    store, _, made = committed(tmp_path)
    shard = next(store.shards(store.read_commit(made)[1]))
    stranger = new_keys(tmp_path / "strange")
    store.write_redaction(Redaction(shard.table.sha256, shard.leaves, (0,), "T", "", ""), stranger)
    store.objects.delete(shard.table.sha256)
    assert stranger.author in verify(store, made).problems[0]


def test_salts_of_purged_rows_must_be_gone(tmp_path: Path) -> None:
    store, keys, made = committed(tmp_path)
    shard = next(store.shards(store.read_commit(made)[1]))
    assert shard.tar is not None
    table = pq.read_table(path_of(store, shard.table))
    pq.write_table(table.slice(0, 7), tmp_path / "left.parquet")  # the last row has no picture
    left = store.objects.put(tmp_path / "left.parquet")
    store.write_redaction(Redaction(shard.table.sha256, left, (7,), "T", "", ""), keys)
    store.objects.delete(shard.table.sha256)
    assert "salts of purged rows" in verify(store, made).problems[0]


# --- the independent checker


# invariant 30: roots and inclusion proofs by an independent checker
def test_an_independent_checker_finds_the_same_root(tmp_path: Path) -> None:
    store, _, made = committed(tmp_path, 3)
    checker().check(Path(store.address), made)


# invariant 30: a redacted version
def test_an_independent_checker_verifies_a_version_of_which_rows_were_purged(tmp_path: Path) -> None:
    store, keys, made, _ = purged(tmp_path, (1, 3))
    checker().check(Path(store.address), made)
    _, commit = store.read_commit(made)
    masked = list(store.shards(commit))
    masked[1] = msgspec.structs.replace(masked[1], mask=store.objects.put_bytes(packed_mask(np.arange(8) == 2)), masked=1,
                                        masked_samples=1)  # fmt: skip
    second = commit_shards(store, keys, masked, parents=[made], ref="main", at=made, message="masked")
    checker().check(Path(store.address), second)


def test_an_independent_checker_finds_a_flipped_bit(tmp_path: Path) -> None:
    store, _, made = committed(tmp_path)
    shard = next(store.shards(store.read_commit(made)[1]))
    for stored in (shard.table, shard.leaves, shard.salts):
        flip(path_of(store, stored), 50, 1)
        with pytest.raises(AssertionError):
            checker().check(Path(store.address), made)
        flip(path_of(store, stored), 50, 1)


# invariant 30: inclusion proofs by an independent checker
def test_an_independent_checker_verifies_that_a_row_is_in_a_version(tmp_path: Path) -> None:
    store, _, made = committed(tmp_path, 3)
    _, commit = store.read_commit(made)
    shards = list(store.shards(commit))
    program = checker()
    for number, shard in enumerate(shards):
        tops = [version_leaf(one) for one in shards]
        proof = inclusion_proof(tops, number)
        assert program.root_by_proof(tops[number], number, 3, proof).hex() == commit.root
        packed = store.objects.read(shard.leaves)
        leaves = [packed[place : place + 32] for place in range(0, len(packed), 32)]
        for row in range(shard.rows):
            path = inclusion_proof(leaves, row)
            assert program.root_by_proof(leaves[row], row, shard.rows, path).hex() == shard.root
            assert program.root_by_proof(leaves[row - 1], row, shard.rows, path).hex() != shard.root
