"""Slices share the jobs of a run without talking to each other: what they must agree on is pinned."""

from __future__ import annotations

import errno
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.errors import RunFolderError, SettingsError
from workers.slices import Slice, SlicePin, deal, digest_of, of_slice, parse_slice, pin_slices, read_slices

PIN = SlicePin(slices=16, recipe="r", sources="s", plan="p")


def test_a_slice_is_written_as_k_of_n_from_zero() -> None:
    assert parse_slice("3/16") == Slice(3, 16)
    assert str(Slice(3, 16)) == "3/16"
    assert Slice(3, 16).name == "slice-00003"


@pytest.mark.parametrize("written", ["", "3", "3/", "/16", "16/16", "-1/16", "3/0", "0/0", "3 / 16", "1e1/16", "³/16"])
def test_what_is_no_slice_is_said(written: str) -> None:
    with pytest.raises(SettingsError, match="--slice"):
        parse_slice(written)


@given(st.lists(st.text(max_size=8), max_size=60), st.integers(1, 20))
def test_each_job_is_in_one_slice_and_slices_are_even(names: list[str], number: int) -> None:
    parts = [of_slice(names, Slice(one, number)) for one in range(number)]
    assert sorted(place for part in parts for place in part) == list(range(len(names)))
    assert max(map(len, parts)) - min(map(len, parts)) <= 1
    assert all(part == sorted(part) for part in parts)


def test_the_deal_stays_what_it_was_for_other_versions_go_on_with_it() -> None:
    assert deal([str(number) for number in range(12)], 3) == [0, 1, 0, 1, 0, 2, 1, 2, 1, 0, 2, 2]


def test_neighbours_are_scattered() -> None:
    dealt = deal([f"archive-{number:05d}" for number in range(1000)], 10)
    assert all(len(set(dealt[start : start + 100])) == 10 for start in range(0, 1000, 100))


def test_of_many_that_pin_at_once_one_comes_first_and_the_others_agree_or_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "run" / "slices.json"

    def pin(number: int) -> bool:
        try:
            pin_slices(path, msgspec.structs.replace(PIN, slices=1 + number % 2))
        except RunFolderError:
            return False
        return True

    with ThreadPoolExecutor(8) as threads:
        agreed = list(threads.map(pin, range(40)))
    assert agreed in ([number % 2 == 0 for number in range(40)], [number % 2 == 1 for number in range(40)])
    assert [one.name for one in path.parent.iterdir()] == ["slices.json"]


def test_where_there_are_no_hard_links_the_pin_is_whole_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_path: Path, _target: Path) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(Path, "hardlink_to", refuse)
    pin_slices(tmp_path / "slices.json", PIN)
    assert read_slices(tmp_path / "slices.json") == PIN
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"slices": 8}, r"divided into 16 slices, not 8; ask for --slice K/16"),
        ({"recipe": "other"}, "another recipe"),
        ({"sources": "other"}, "other archives"),
        ({"plan": "other"}, "the plan was changed"),
    ],
)
def test_what_differs_is_refused_with_what_to_do(change: dict[str, object], told: str, tmp_path: Path) -> None:
    path = tmp_path / "slices.json"
    pin_slices(path, PIN)
    pin_slices(path, PIN)
    with pytest.raises(RunFolderError, match=told):
        pin_slices(path, msgspec.structs.replace(PIN, **change))
    assert read_slices(path) == PIN


def test_a_broken_pin_is_said(tmp_path: Path) -> None:
    path = tmp_path / "slices.json"
    assert read_slices(path) is None
    path.write_bytes(b"{")
    with pytest.raises(RunFolderError, match=r"slices\.json"):
        pin_slices(path, PIN)


def test_digests_tell_lists_apart() -> None:
    assert digest_of(["a", "b"]) != digest_of(["ab"]) != digest_of(["b", "a"])
