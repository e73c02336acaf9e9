"""Parts of a version: the rows that were asked for, all of them, and the same ones every time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from crawler.dataset.keys import Keys
from crawler.dataset.store import Store
from crawler.dataset.uids import as_pairs, sorted_uids
from crawler.errors import InputError, SettingsError
from tests.dataset_versions import committed, rows_of, shard_named, uid
from workers.dataset.commits.verifying import verify
from workers.dataset.comparing.choosing import Choice, drawn, listed_ids
from workers.dataset.comparing.conditions import condition
from workers.dataset.comparing.subsetting import subset

SHARDS = {0: range(8), 1: range(8, 17), 2: range(17, 20)}


def ids_of(*rows: int) -> np.ndarray:
    return np.frombuffer(bytes.fromhex("".join(uid(row) for row in rows)), np.uint8).reshape(-1, 16)


def test_rows_that_fit_everything_are_committed_under_new_keys(tmp_path: Path, store: Store, keys: Keys) -> None:
    whole = committed(store, keys, tmp_path / "run", SHARDS)
    np.save(tmp_path / "ids.npy", as_pairs(sorted_uids(ids_of(0, 1, 2, 9, 10, 17, 18, 19, 40))))
    choice = Choice(where=condition("width > 101 and caption not like '%10'"), uids=listed_ids(tmp_path / "ids.npy"))
    made = subset(store, keys, whole, choice, ref="some", scratch=tmp_path / "scratch")
    assert rows_of(store, "some") == {"00000": [uid(2)], "00001": [uid(9)], "00002": [uid(17), uid(18)]}
    assert verify(store, made).problems == []
    assert store.read_commit(made)[1].parents == (whole,)
    table = pq.read_table(store.objects.open_local(shard_named(store, "some", "00002").table))
    assert table["key"].to_pylist() == ["00002000", "00002001"]
    assert list((tmp_path / "scratch").iterdir()) == []
    again = subset(store, keys, whole, choice, ref="again", scratch=tmp_path / "scratch")
    assert store.read_commit(again)[1].root == store.read_commit(made)[1].root
    assert subset(store, keys, whole, choice, ref="some", scratch=tmp_path / "scratch") == made


def test_shards_of_which_all_rows_are_chosen_are_not_written_anew(tmp_path: Path, store: Store, keys: Keys) -> None:
    committed(store, keys, tmp_path / "run", SHARDS)
    subset(store, keys, "main", Choice(where=condition("caption <> 'boat 3'")), ref="some", scratch=tmp_path)
    assert shard_named(store, "some", "00001") == shard_named(store, "main", "00001")
    assert len(rows_of(store, "some")["00000"]) == 7


@pytest.mark.parametrize("written", ["no_such_column = 1", "caption < 3"])
def test_a_condition_that_does_not_fit_the_columns_makes_no_version(
    tmp_path: Path, store: Store, keys: Keys, written: str
) -> None:
    committed(store, keys, tmp_path / "run", SHARDS)
    with pytest.raises(SettingsError, match=written.split(maxsplit=1)[0]):
        subset(store, keys, "main", Choice(where=condition(written)), ref="some", scratch=tmp_path)
    assert store.ref("some") is None


def test_a_subset_without_rows_is_a_mistake(tmp_path: Path, store: Store, keys: Keys) -> None:
    committed(store, keys, tmp_path / "run", SHARDS)
    with pytest.raises(InputError, match="no row"):
        subset(store, keys, "main", Choice(where=condition("width > 9999")), ref="some", scratch=tmp_path)
    assert store.ref("some") is None


def test_a_line_of_other_versions_is_not_gone_on_with(tmp_path: Path, store: Store, keys: Keys) -> None:
    committed(store, keys, tmp_path / "run", {0: range(3)})
    committed(store, keys, tmp_path / "other", {0: range(3, 6)}, ref="other")
    with pytest.raises(InputError, match="other versions"):
        subset(store, keys, "main", Choice(share=1.0), ref="other", scratch=tmp_path)


def test_a_subset_of_a_later_version_goes_on_from_that_of_an_earlier_one(
    tmp_path: Path, store: Store, keys: Keys
) -> None:
    first = committed(store, keys, tmp_path / "run", {0: range(6)})
    small = subset(store, keys, "main", Choice(where=condition("width < 103")), ref="some", scratch=tmp_path)
    second = committed(store, keys, tmp_path / "more", {0: range(6), 1: range(20)})
    made = subset(store, keys, "main", Choice(where=condition("width < 103")), ref="some", scratch=tmp_path)
    assert store.read_commit(made)[1].parents == (second, small)
    assert store.read_commit(second)[1].parents == (first,)


# ids -------------------------------------------------------------------------------------------------------------


def test_a_share_of_the_ids_is_the_same_everywhere_and_lies_in_every_larger_one() -> None:
    ids = np.random.default_rng(1).integers(0, 256, (20_000, 16), np.uint8)
    small, large = drawn(ids, 0.1), drawn(ids, 0.3)
    assert not (small & ~large).any()
    assert abs(small.mean() - 0.1) < 0.02  # five standard deviations are 0.011
    assert np.array_equal(drawn(ids[::-1], 0.1)[::-1], small)
    other = drawn(ids, 0.1, seed=1)
    assert abs((other & small).mean() - 0.01) < 0.005
    assert not drawn(ids, 0).any()
    assert drawn(ids, 1).all()


def test_a_share_is_drawn_by_a_rule_that_others_can_follow() -> None:
    """SplitMix64 of seed 0 begins with e220a8397b1dcdaf; the id is mixed in before it is used a second time."""

    def split_mix(number: int) -> int:
        number = (number + 0x9E3779B97F4A7C15) % 2**64
        number = (number ^ number >> 30) * 0xBF58476D1CE4E5B9 % 2**64
        number = (number ^ number >> 27) * 0x94D049BB133111EB % 2**64
        return number ^ number >> 31

    assert split_mix(0) == 0xE220A8397B1DCDAF
    ids = np.random.default_rng(2).integers(0, 256, (200, 16), np.uint8)
    wanted = [split_mix(int.from_bytes(row[:8].tobytes(), "big") ^ split_mix(7)) < 0.25 * 2**64 for row in ids]
    assert drawn(ids, 0.25, seed=7).tolist() == wanted


def test_ids_are_read_from_datacomps_files_and_from_texts(tmp_path: Path) -> None:
    wanted = as_pairs(sorted_uids(ids_of(3, 1, 2)))
    np.save(tmp_path / "ids.npy", wanted)
    (tmp_path / "ids.txt").write_text("\n".join(uid(row).upper() for row in (2, 3, 1, 3)) + "\n")
    assert np.array_equal(listed_ids(tmp_path / "ids.npy"), wanted)
    assert np.array_equal(listed_ids(tmp_path / "ids.txt"), wanted)
    high, low = wanted[0]
    assert f"{high:016x}{low:016x}" in {uid(row) for row in (1, 2, 3)}


@pytest.mark.parametrize("content", [b"abc", b"\xff\xfe", b"g" * 32, b"0" * 31, b"\x93NUMPY and no more"])
def test_what_is_no_list_of_ids_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "ids").write_bytes(content)
    with pytest.raises(InputError):
        listed_ids(tmp_path / "ids")
