"""A version that can be published: everything named is gone, everything adds up, and nothing points at what was real."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import msgspec
import numpy as np
import pytest
from scipy import stats

from crawler.dataset.diffs import open_diff
from crawler.dataset.manifest import Stored, Tombstones
from crawler.errors import InputError
from tests.removable import Site, a_row, a_site
from workers.dataset.commits.verifying import verify
from workers.dataset.describing.gathering import cache_of
from workers.dataset.removed.register import TakedownError
from workers.dataset.takedown.burying import Burial, Judged, Rows, bury
from workers.dataset.takedown.forgetting import forget_steps, objects_of
from workers.dataset.takedown.policies import Policy, load_policies
from workers.dataset.takedown.reissue_plan import Plan
from workers.dataset.takedown.reissuing import Reissued, reissue
from workers.dataset.takedown.removing import cut, mask

POLICY = '[[policy]]\nname = "punsafe > 0.9"\ncolumn = "punsafe"\nabove = 0.9\n'


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return a_site(tmp_path, shards=2, rows=150)


def uid(number: int) -> str:
    return str(a_row(number)["content_id"])


def policies(folder: Path) -> tuple[Policy, ...]:
    path = folder / "policy.toml"
    path.write_text(POLICY)
    return load_policies(path)


def reissued(site: Site, burial: int = 10, **plan: object) -> Reissued:
    return reissue(site.publisher, site.register, Plan(burial=burial, so_many=True, **plan))  # type: ignore[arg-type]  # a test's words


def tombstones(site: Site, version: str = "main") -> Tombstones:
    (stored,) = site.store.read_commit(version)[1].tombstones
    return msgspec.json.decode(site.store.objects.read(stored), type=Tombstones)


def test_a_reissue_is_without_what_was_named_and_adds_up(site: Site, tmp_path: Path) -> None:  # checklist 45
    before, base = site.store.read_commit("main")
    every = site.uids()
    site.take_down(f"{a_row(2)['md5']}\n{a_row(201)['md5']}")
    done = reissued(site, policies=policies(tmp_path), diff=tmp_path / "diff.tar")
    after = site.store.read_commit("main")[1]
    note, told = done.note, tombstones(site)
    by_policy = {uid(n) for n in range(300) if n % 4 != 3 and n % 100 > 90}
    assert {uid(2), uid(201)} | by_policy < set(told.uids)
    assert site.uids() == [one for one in every if one not in set(told.uids)]  # a subset, in order
    assert (note.real, note.by_policy) == (2, len(by_policy))
    assert note.decoys >= 20 == 10 * note.real
    assert note.rows_before - note.real - note.by_policy - note.decoys == note.rows_after == after.rows
    assert len(told.uids) == base.rows - after.rows
    assert list(told.uids) == sorted(told.uids)
    assert told.policies == ("request", "punsafe > 0.9")
    assert after.parents == (before,)
    assert verify(site.store, "main", history=True).problems == []
    diff = open_diff(tmp_path / "diff.tar", site.keys.author)
    assert {one.tobytes().hex() for one in diff.removed} == set(told.uids)
    assert (diff.diff.rows_before, diff.diff.rows_after) == (base.rows, after.rows)
    assert all(change.is_cut for change in diff.shards)


def test_rows_are_numbered_anew(site: Site) -> None:
    site.take_down(a_row(2)["md5"])
    reissued(site)
    import pyarrow.parquet as pq

    for shard in site.store.shards(site.store.read_commit("main")[1]):
        keys = pq.read_table(site.store.objects.open_local(shard.table)).column("key").to_pylist()
        assert keys == [f"{shard.name}{place:04d}" for place in range(shard.rows)]


def test_it_is_not_published_where_the_ratio_is_not_reached(site: Site) -> None:
    site.take_down(a_row(2)["md5"])
    before = site.store.ref("main")
    with pytest.raises(TakedownError, match=r"burial = 10,000 cannot be reached.*lower --burial"):
        reissue(site.publisher, site.register, Plan(so_many=True))
    assert site.store.ref("main") == before
    assert site.register.reissues() == []
    with pytest.raises(TakedownError, match="would go as decoys"):
        reissue(site.publisher, site.register, Plan(burial=20))
    assert reissued(site, burial=20).note.decoys >= 20
    assert reissued_nothing(site)


def reissued_nothing(site: Site) -> bool:
    with pytest.raises(InputError, match="nothing is to be removed"):
        reissued(site)
    return True


def test_steps_before_it_are_no_longer_in_the_store(site: Site, tmp_path: Path) -> None:
    before, _ = site.store.read_commit("main")
    objects = set(site.store.objects.listed())
    site.take_down(a_row(2)["md5"])
    steps = {cut(site.publisher, site.register, ()).commit}
    steps.add(mask(site.publisher, site.register, policies(tmp_path)).commit)
    between = set(site.store.objects.listed()) - objects
    done = reissued(site)
    assert done.note.base == before
    assert set(site.store.commits()) == {before, done.commit}
    assert done.note.by_policy == len(
        [n for n in range(300) if n % 4 != 3 and n % 100 > 90]
    )  # what was masked stays out
    assert verify(site.store, "main", history=True).problems == []
    # of what only the steps had nothing is left: beside the versions around them it would show what was real
    named = {stored.sha256 for one in site.store.commits() for stored in all_objects(site, one)}
    assert between & set(site.store.objects.listed()) <= named
    assert set(site.store.objects.listed()) == named


def all_objects(site: Site, version: str) -> list[Stored]:
    return list(objects_of(site.store, site.store.read_commit(version)[1]))


def test_a_step_that_a_tag_holds_stays(site: Site) -> None:
    site.take_down(a_row(2)["md5"])
    step = cut(site.publisher, site.register, ()).commit
    site.store.tag("served", step)
    assert reissued(site).forgotten == 0
    assert verify(site.store, "served").problems == []


def test_decoys_and_real_ones_stay_out_of_the_next_reissue_alike(site: Site) -> None:
    site.take_down(a_row(2)["md5"])
    reissued(site)
    gone = set(tombstones(site).uids)
    back = [a_row(number) for number in range(300)]
    site.commit({0: back[:150], 1: back[150:]})  # somebody commits the old run again
    site.take_down(a_row(5)["md5"])
    reissued(site, burial=5)
    assert gone.isdisjoint(site.uids())


def test_a_new_line_of_versions_and_two_in_a_row(site: Site, tmp_path: Path) -> None:
    site.take_down(a_row(2)["md5"])
    research = reissued(site)
    safe = reissued(site, policies=policies(tmp_path), onto="research-safe")
    assert site.store.ref("main") == research.commit
    assert site.store.ref("research-safe") == safe.commit
    assert set(site.uids("research-safe")) < set(site.uids("main"))
    assert safe.note.decoys == safe.note.real == 0


def test_new_shards_come_along_without_what_is_named(site: Site) -> None:
    site.take_down(f"{a_row(2)['md5']}\n{a_row(402)['md5']}")
    rows = [a_row(number) for number in range(300)]
    site.commit({0: rows[:150], 1: rows[150:], 2: [a_row(number) for number in range(400, 410)]})
    base = site.store.ref("main")
    site.commit({0: rows[:150], 1: rows[150:], 2: [a_row(number) for number in range(400, 410)],
                 3: [a_row(number) for number in (*range(500, 510), 402)]})  # fmt: skip
    done = reissued(site, base=base)
    assert uid(402) not in site.uids()
    assert {uid(number) for number in range(500, 510)} < set(site.uids())
    assert done.note.adds


def test_a_killed_reissue_goes_on_with_what_was_decided(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.take_down(a_row(2)["md5"])

    class KilledError(Exception):
        pass

    for place in ("reissue.decided", "reissue.committed"):

        def fail(name: str, place: str = place) -> None:
            if name == place:
                raise KilledError

        with monkeypatch.context() as patch:
            patch.setattr("workers.dataset.takedown.reissuing.failpoint", fail)
            with pytest.raises(KilledError):
                reissued(site)
    (decided,) = site.register.reissues()
    assert decided.commit == ""
    done = reissued(site, burial=77)  # what was decided counts
    assert (done.note.id, done.note.decoys, done.note.burial) == (decided.id, decided.decoys, 10)
    assert [one.commit for one in site.register.reissues()] == [done.commit]


def test_a_step_that_was_killed_before_a_line_led_to_it_does_not_stay_beside_the_published_versions(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would show which rows were real."""
    base = site.store.ref("main")
    site.take_down(a_row(2)["md5"])

    class KilledError(Exception):
        pass

    def fail(name: str) -> None:
        if name == "takedown.step_committed":
            raise KilledError

    with monkeypatch.context() as patch:
        patch.setattr("workers.dataset.takedown.removing.failpoint", fail)
        patch.setattr("workers.dataset.commits.committing.time.time", lambda: 1_700_000_000)  # the next has another id
        with pytest.raises(KilledError):
            cut(site.publisher, site.register, ())
    assert len(list(site.store.commits())) == 2
    cut(site.publisher, site.register, ())
    done = reissued(site)
    assert set(site.store.commits()) == {base, done.commit}


def test_what_was_counted_of_steps_goes_with_them(site: Site, tmp_path: Path) -> None:
    """Beside the counts of the published versions it would show of which site a real removal was."""
    before = site.store.read_commit("main")[1]
    site.take_down(a_row(2)["md5"])
    cut(site.publisher, site.register, ())
    mask(site.publisher, site.register, policies(tmp_path))
    done = reissued(site)
    known = {
        (one.table.sha256, "whole")
        for commit in (before, site.store.read_commit(done.commit)[1])
        for one in site.store.shards(commit)
    }
    counted = {tuple(path.name.split("-")[:2]) for path in cache_of(site.store).iterdir()}
    assert {one for one in counted if one[0] != "sum"} <= known
    assert counted


def test_taking_out_the_steps_goes_on_where_it_was_killed(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    base = site.store.ref("main")
    for number in (2, 201):
        site.take_down(a_row(number)["md5"])
        cut(site.publisher, site.register, ())

    class KilledError(Exception):
        pass

    def fail(_name: str) -> None:
        raise KilledError

    with monkeypatch.context() as patch:
        patch.setattr("workers.dataset.takedown.forgetting.failpoint", fail)
        with pytest.raises(KilledError):
            reissued(site)
    (note,) = site.register.reissues()
    assert len(forget_steps(site.store, site.register)) == 2
    assert set(site.store.commits()) == {base, note.commit}
    assert verify(site.store, note.commit, history=True).problems == []


# what a diff shows of a row that is gone: where it stood, when and by what it came, how large it was, its class


FEATURES: dict[str, Callable[[int], float]] = {
    "order among ids": lambda n: int(uid(n)[:12], 16),
    "shard": lambda n: n // 500,
    "position": lambda n: n % 500,
    "parity": lambda n: n % 2,
    "time": lambda n: a_row(n)["fetched_at"] or 0,
    "size": lambda n: len(a_row(n)["image"]),
    "has a picture": lambda n: n % 4 != 3,
    "score": lambda n: a_row(n)["punsafe"] or 0.0,
    "host": lambda n: n % 7,
}


def test_nothing_that_a_diff_shows_tells_decoys_from_real_removals(tmp_path: Path) -> None:  # checklist 45
    site = a_site(tmp_path, shards=4, rows=500)
    real = [int(n) for n in np.random.default_rng(11).choice(2000, 60, replace=False)]
    site.take_down("\n".join(a_row(n)["url"] for n in real), "urls", so_many=True)
    reissued(site, burial=8, diff=tmp_path / "diff.tar")
    numbers = {uid(n): n for n in range(2000)}
    removed = [numbers[one.tobytes().hex()] for one in open_diff(tmp_path / "diff.tar").removed]
    decoys = [n for n in removed if n not in set(real)]
    assert set(real) < set(removed)
    assert len(decoys) >= 8 * len(real)
    for name, feature in FEATURES.items():
        ours, theirs = [feature(n) for n in real], [feature(n) for n in decoys]
        # one in 10,000 by chance; the draw is by a key, so that this fails for good or never: see the loop below
        same = stats.mannwhitneyu(ours, theirs).pvalue if len(set(ours + theirs)) > 1 else 1.0
        assert same > 1e-4, name
    order = [n in set(real) for n in removed]
    runs = 1 + sum(one != other for one, other in pairwise(order))
    p = len(real) / len(removed)
    assert abs(runs - 2 * len(removed) * p * (1 - p)) < 5 * math.sqrt(len(removed)) * 2 * p
    published = (tmp_path / "diff.tar").read_bytes()
    assert b"request" not in published
    assert b"T-20" not in published
    shards = Counter(n // 500 for n in decoys)
    assert len(shards) == 4


def test_every_row_is_a_decoy_equally_often(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    uids = rng.integers(0, 256, (400, 16), np.uint8)
    real = np.zeros(400, np.bool_)
    real[:4] = True
    drawn = np.zeros(400)
    for number in range(300):
        found = buried(uids, real, key=b"%032d" % number)
        chosen = {one.tobytes() for one in found.decoys}
        drawn += [row.tobytes() in chosen for row in uids]
    assert not drawn[:4].any()
    expected = drawn[4:].mean()
    assert stats.chisquare(drawn[4:]).pvalue > 1e-4 or drawn[4:].std() < 1.3 * math.sqrt(expected)


def buried(
    uids: np.ndarray, real: np.ndarray, *, key: bytes, neutral: np.ndarray | None = None, burial: int = 10,
    pictures: np.ndarray | None = None, groups: np.ndarray | None = None,
) -> Burial:  # fmt: skip
    rows = Rows(
        uids, uids if groups is None else groups, np.ones(len(uids), np.bool_) if pictures is None else pictures
    )
    nothing = np.zeros(len(uids), np.bool_)
    return bury(
        [Judged(rows, real, nothing if neutral is None else neutral)], lambda: [rows],
        rows=len(uids), named=int(real.sum()), burial=burial, key=key,
    )  # fmt: skip


def test_rows_without_a_picture_are_buried_among_such_and_copies_go_together() -> None:
    rng = np.random.default_rng(6)
    uids = rng.integers(0, 256, (1000, 16), np.uint8)
    groups = uids.copy()
    groups[500:] = groups[:500]  # every row has a copy
    pictures = np.tile(np.arange(500) % 2 == 0, 2)
    real = np.zeros(1000, np.bool_)
    real[[1, 501]] = True  # without a picture
    found = buried(uids, real, key=b"k" * 32, pictures=pictures, groups=groups)
    assert found.pictured.decoys == 0
    assert found.bare.decoys >= 20
    gone = {one.tobytes() for one in found.decoys}
    there = [row.tobytes() in gone for row in uids]
    assert there[:500] == there[500:]


def test_what_a_policy_explains_needs_no_decoys_and_what_none_explains_does() -> None:
    rng = np.random.default_rng(7)
    uids = rng.integers(0, 256, (1000, 16), np.uint8)
    neutral, real = np.zeros(1000, np.bool_), np.zeros(1000, np.bool_)
    neutral[:500] = True
    real[:5] = True
    found = buried(uids, real, key=b"k" * 32, neutral=neutral)
    assert (found.total("decoys"), found.total("neutral"), found.total("explained")) == (0, 495, 5)
    assert found.ratio == 99
    real[500] = True  # no policy explains this one
    found = buried(uids, real, key=b"k" * 32, neutral=neutral)
    assert 10 <= found.total("decoys") <= 13
    real[500] = False
    found = buried(uids, real, key=b"k" * 32, neutral=neutral, burial=100)  # the policies remove too little
    assert found.total("decoys") + found.total("neutral") == 500


def test_the_draw_depends_on_the_key_and_on_nothing_else(tmp_path: Path) -> None:
    rng = np.random.default_rng(8)
    uids = rng.integers(0, 256, (1000, 16), np.uint8)
    real = np.zeros(1000, np.bool_)
    real[0] = True
    one, again, other = (buried(uids, real, key=key).decoys.tobytes() for key in (b"a" * 32, b"a" * 32, b"b" * 32))
    assert one == again != other
    assert json.dumps(str(buried(uids, real, key=b"a" * 32))).count("uint8") == 0  # its repr shows no id
