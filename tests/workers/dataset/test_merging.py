"""Two versions into one: what one side did is done, what both did is named, and what was removed stays removed."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crawler.dataset.canonical import canonical
from crawler.dataset.keys import Keys
from crawler.dataset.manifest import Tombstones
from crawler.dataset.store import Store
from tests.dataset_versions import commit_list, committed, renamed, rows_of, shard_named, uid
from workers.dataset.commits.committing import commit_shards
from workers.dataset.commits.verifying import verify
from workers.dataset.comparing.conflicts import ConflictsError, Side, decide
from workers.dataset.comparing.joining import ShardRows
from workers.dataset.comparing.merging import Merged, Take, merge


def merged(store: Store, keys: Keys, tmp_path: Path, *, take: Take | None = None) -> Merged:
    return merge(store, keys, "theirs", ref="main", scratch=tmp_path / "scratch", take=take)


def ids(*rows: int) -> list[str]:
    return [uid(row) for row in rows]


def parted(store: Store, keys: Keys, tmp_path: Path, ours: dict, theirs: dict, **said: dict) -> str:  # type: ignore[type-arg] # shards and rows
    """A version of two shards, and two lines that went on from it; the id of the first one."""
    base = committed(store, keys, tmp_path / "base", {0: range(6), 1: range(6, 12)})
    committed(store, keys, tmp_path / "ours", ours, said=said.get("we"), parents=(base,))
    committed(store, keys, tmp_path / "theirs", theirs, ref="theirs", said=said.get("they"), parents=(base,))
    return base


def test_what_each_side_did_to_shards_of_its_own_is_done(tmp_path: Path, store: Store, keys: Keys) -> None:
    parted(
        store, keys, tmp_path,
        {0: [0, 1, 2], 1: range(6, 12), 2: [20]}, {0: range(6), 3: [30, 31]},
    )  # fmt: skip
    done = merged(store, keys, tmp_path)
    assert (done.how, done.conflicts) == ("merged", [])
    assert rows_of(store, "main") == {"00000": ids(0, 1, 2), "00002": ids(20), "00003": ids(30, 31)}
    assert len(store.read_commit("main")[1].parents) == 2
    assert verify(store, done.commit).problems == []


def test_rows_of_a_shard_that_both_changed_are_merged_row_by_row(tmp_path: Path, store: Store, keys: Keys) -> None:
    parted(
        store, keys, tmp_path,
        {0: [0, 1, 2, 4, 5, 40], 1: range(6, 12)}, {0: [0, 2, 3, 4, 5, 50], 1: range(6, 12)},
        they={4: "anew"},
    )  # fmt: skip
    done = merged(store, keys, tmp_path)
    assert done.conflicts == []
    assert rows_of(store, "main") == {"00000": ids(0, 2, 5, 40), "00001": ids(*range(6, 12)), "00002": ids(4, 50)}
    assert verify(store, done.commit).problems == []


@pytest.mark.parametrize(
    ("take", "left"),
    [("ours", {"00000": ids(0, 1, 3, 4)}), ("theirs", {"00000": ids(0), "00002": ids(1, 2, 4)})],
)
def test_conflicts_are_named_and_settled_only_by_whom_the_caller_says(
    tmp_path: Path, store: Store, keys: Keys, take: Take, left: dict[str, list[str]]
) -> None:
    """Row 1 and 4 are changed by both, 2 by them and removed by us, 3 the other way round, 5 removed by both."""
    parted(
        store, keys, tmp_path, {0: [0, 1, 3, 4], 1: range(6, 12)}, {0: [0, 1, 2, 4], 1: range(6, 12)},
        we={1: "we", 3: "we", 4: "we"}, they={1: "they", 2: "they", 4: "they"},
    )  # fmt: skip
    # row 3 has no picture, so that it says the same whatever is said of it: they removed what we left as it was
    before = store.ref("main")
    with pytest.raises(ConflictsError) as caught:
        merged(store, keys, tmp_path)
    assert {(one.uid, one.kind) for one in caught.value.conflicts} == {
        (uid(1), "both_changed"), (uid(4), "both_changed"), (uid(2), "we_removed_they_changed"),
    }  # fmt: skip
    assert uid(1) in str(caught.value)
    assert store.ref("main") == before
    done = merged(store, keys, tmp_path, take=take)
    assert len(done.conflicts) == 3
    there = rows_of(store, "main")
    assert there.pop("00001") == ids(*range(6, 12))
    assert there == {name: [row for row in rows if row != uid(3)] for name, rows in left.items()}
    said = ShardRows(store, shard_named(store, "main", "00000" if take == "ours" else "00002"))
    wanted = ShardRows(store, shard_named(store, before if take == "ours" else "theirs", "00000"))  # type: ignore[arg-type] # there is one
    place = said.uids.tolist().index(list(bytes.fromhex(uid(1))))
    assert said.leaves[place].tobytes() in {row.tobytes() for row in wanted.leaves}


def test_two_shards_that_took_one_name_are_both_kept_and_rows_of_both_once(
    tmp_path: Path, store: Store, keys: Keys
) -> None:
    parted(
        store, keys, tmp_path,
        {0: range(6), 1: range(6, 12), 2: [20, 21]}, {0: range(6), 1: range(6, 12), 2: [21, 22]},
    )  # fmt: skip
    merged(store, keys, tmp_path)
    there = rows_of(store, "main")
    assert (there["00002"], there["00003"]) == (ids(20, 21), ids(22))
    import pyarrow.parquet as pq

    table = pq.read_table(store.objects.open_local(shard_named(store, "main", "00003").table))
    assert table["key"].to_pylist() == ["00003000"]


def test_what_one_side_published_as_removed_does_not_come_back(tmp_path: Path, store: Store, keys: Keys) -> None:
    base = committed(store, keys, tmp_path / "base", {0: range(6)})
    committed(store, keys, tmp_path / "theirs", {0: range(6), 1: [2, 70, 71]}, ref="theirs", parents=(base,))
    gone = Tombstones("T-2026-11-22-1", "2026-11-22", tuple(sorted(ids(2, 70))), ("request",), 1)
    stored = store.objects.put_bytes(canonical(gone))
    left = committed(store, keys, tmp_path / "ours", {0: [0, 1, 3, 4, 5]}, ref="cut", parents=(base,))
    shards = list(store.shards(store.read_commit(left)[1]))
    commit_shards(store, keys, shards, parents=[base], ref="main", at=base, message="", tombstones=[stored])
    merged(store, keys, tmp_path)
    assert rows_of(store, "main") == {"00000": ids(0, 1, 3, 4, 5), "00001": ids(71)}
    assert store.read_commit("main")[1].tombstones == (stored,)


def test_a_line_without_news_of_its_own_goes_forward(tmp_path: Path, store: Store, keys: Keys) -> None:
    base = committed(store, keys, tmp_path / "base", {0: range(6)})
    later = committed(store, keys, tmp_path / "theirs", {0: range(4)}, ref="theirs", parents=(base,))
    assert merged(store, keys, tmp_path) == Merged(later, "forward")
    assert store.ref("main") == later
    assert merged(store, keys, tmp_path) == Merged(later, "nothing")


def test_versions_that_came_from_nowhere_in_common_are_put_together(tmp_path: Path, store: Store, keys: Keys) -> None:
    committed(store, keys, tmp_path / "ours", {0: range(3)})
    shard = shard_named(store, "main", "00000")
    committed(store, keys, tmp_path / "theirs", {0: range(2, 5)}, ref="other")
    commit_list(
        store, keys, [renamed(shard_named(store, "other", "00000"), "00007"), renamed(shard, "00009")], ref="theirs"
    )
    merged(store, keys, tmp_path)
    there = rows_of(store, "main")
    assert (there["00000"], there["00007"], there["00009"]) == (ids(0, 1, 2), ids(2, 3, 4), ids(0, 1, 2))


# decisions -------------------------------------------------------------------------------------------------------

_STATES = st.dictionaries(st.integers(0, 4), st.integers(0, 2), max_size=5)


def a_side(rows: dict[int, int]) -> Side:
    return Side(tuple(bytes([row]) * 16 for row in rows), tuple(bytes([row, what]) * 16 for row, what in rows.items()))


@settings(max_examples=60)
@given(_STATES, _STATES, _STATES, st.sampled_from(["ours", "theirs"]))
def test_each_row_ends_as_the_side_that_did_something_to_it_says(
    base: dict[int, int], ours: dict[int, int], theirs: dict[int, int], take: Take
) -> None:
    decision = decide("00000", a_side(base), a_side(ours), a_side(theirs), take=take)
    found = {list(ours)[place]: list(ours.values())[place] for place in decision.from_ours}
    for place in decision.from_theirs:
        row = list(theirs)[place]
        assert row not in found  # one row of each
        found[row] = theirs[row]
    disputed = set()
    for row in range(5):
        before, here, there = base.get(row), ours.get(row), theirs.get(row)
        if there in (here, before):
            wanted = here
        elif here == before:
            wanted = there
        else:
            disputed.add(bytes([row] * 16).hex())
            wanted = here if take == "ours" else there
        assert found.get(row) == wanted
    assert {one.uid for one in decision.conflicts} == disputed
