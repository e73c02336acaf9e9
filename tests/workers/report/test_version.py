"""A report of a version says what is in it, and nothing of rows that a mask or a purge has taken out."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np
import pytest

from crawler.dataset.tables import packed_mask
from crawler.errors import InputError
from tests.dataset_versions import a_keys, a_store, commit_list, committed, renamed, shard_named
from tests.fakes.moto import ENVIRONMENT, moto_server
from tests.removable import Site, a_row, a_site
from workers.dataset.commits.committing import commit_shards
from workers.dataset.takedown.purging import purge
from workers.dataset.takedown.reissue_plan import Plan
from workers.dataset.takedown.reissuing import reissue
from workers.dataset.takedown.removing import cut
from workers.report.version import look_at_statistics, look_at_version, open_version
from workers.report.writing import Looked, page_of

TAKEN = (2, 7, 21)  # 7 has no picture


def taken_down(site: Site) -> str:
    """A version after the first, without some rows."""
    first, _ = site.store.read_commit("main")
    site.take_down("\n".join(a_row(number)["url"] for number in TAKEN), "urls")
    cut(site.publisher, site.register, ())
    reissue(site.publisher, site.register, Plan(burial=3, so_many=True))
    return first


def shown_of(looked: Looked) -> set[int]:
    """The rows of a set that a page names."""
    page = page_of(looked)
    return {number for number in TAKEN if a_row(number)["url"].removeprefix("https://") in page
            or f"a boat on lake {number}, " in page}  # fmt: skip


def test_masked_rows_are_not_in_the_version_that_masks_them_and_purged_rows_in_none(tmp_path: Path) -> None:
    site = a_site(tmp_path)
    first = taken_down(site)
    before, after = look_at_version(site.store, first), look_at_version(site.store, "main")
    assert shown_of(before) == set(TAKEN)
    assert shown_of(after) == set()
    _, commit = site.store.read_commit("main")
    assert after.report["totals"]["candidates"] == commit.rows
    assert after.report["totals"]["kept"] == commit.samples
    assert before.report["totals"]["candidates"] > commit.rows
    purge(site.publisher, site.register, (site.register.takedowns()[0].id,))
    again = look_at_version(site.store, first)
    assert shown_of(again) == set()
    assert again.report["totals"]["candidates"] <= before.report["totals"]["candidates"] - len(TAKEN)


def test_the_history_says_what_each_version_changed(tmp_path: Path) -> None:
    keys = a_keys(tmp_path / "keys")
    store = a_store(tmp_path / "store", keys)
    committed(store, keys, tmp_path / "one", {0: range(8)})
    store.tag("v1", str(store.ref("main")))
    last = committed(store, keys, tmp_path / "two", {0: range(8), 1: range(100, 104)}, said={0: "!"})
    report = look_at_version(store, "main").report
    newest, oldest = report["history"]
    assert (newest["id"], newest["names"], newest["rows"]) == (last, ["main"], 12)
    assert (newest["added"], newest["removed"], newest["changed"], newest["shards_changed"]) == (4, 0, 1, 2)
    assert (oldest["names"], oldest["rows"]) == (["v1"], 8)
    assert "added" not in oldest
    assert look_at_version(store, "v1").report["history"] == [oldest]
    assert list((store.cache / "changes").iterdir())
    assert look_at_version(store, "main").report == report


def test_shards_of_the_same_bytes_have_masks_of_their_own(tmp_path: Path) -> None:
    keys = a_keys(tmp_path / "keys")
    store = a_store(tmp_path / "store", keys)
    first = committed(store, keys, tmp_path / "one", {0: range(8)})
    shard = shard_named(store, first, "00000")
    masked = np.zeros(8, np.bool_)
    masked[[0, 5]] = True
    mask = store.objects.put_bytes(packed_mask(masked))
    other = msgspec.structs.replace(renamed(shard, "00001"), mask=mask, masked=2, masked_samples=2)
    commit_list(store, keys, [shard, other])
    with open_version(store, store.read_commit("main")[1]) as rows:
        assert rows.one("SELECT count(*) FROM rows") == (8 + 6,)
        assert rows.ask("SELECT caption FROM rows GROUP BY caption HAVING count(*) = 1 ORDER BY 1") == [
            ("boat 0",), ("boat 5",),
        ]  # fmt: skip


def test_stored_statistics_say_the_same_of_what_they_know(tmp_path: Path) -> None:
    keys = a_keys(tmp_path / "keys")
    store = a_store(tmp_path / "store", keys)
    committed(store, keys, tmp_path / "one", {0: range(200)}, described=True)
    counted, stored = look_at_version(store, "main").report, look_at_statistics(store, "main").report
    for key in ("totals", "name", "id", "history", "formats", "text_sources", "reasons"):
        assert stored[key] == counted[key], key
    assert stored["top_hosts"] == [{"host": "images.test", "found": 200, "kept": 150}]
    score = stored["scores"]["punsafe"]
    assert sum(score["kept"]) == sum(counted["scores"]["punsafe"]["kept"]) == 150
    assert score["curve"]["kept"][0] == 150
    assert score["curve"]["kept"][score["edges"].index(0.5)] == sum(
        number % 4 != 3 and number % 100 >= 50 for number in range(200)
    )
    ratio = stored["sizes"]["aspect ratio"]
    assert sum(ratio["kept"]) == 150
    assert len(ratio["edges"]) == len(ratio["kept"]) + 1
    assert page_of(look_at_statistics(store, "main"))


def test_a_version_without_statistics_is_told_so(tmp_path: Path) -> None:
    keys = a_keys(tmp_path / "keys")
    store = a_store(tmp_path / "store", keys)
    committed(store, keys, tmp_path / "one", {0: range(2)})
    with pytest.raises(InputError, match="has no statistics"):
        look_at_statistics(store, "main")
    with pytest.raises(InputError, match="no version 'v9'"):
        look_at_version(store, "v9")


def test_a_version_of_no_rows_has_a_report(tmp_path: Path) -> None:
    keys = a_keys(tmp_path / "keys")
    store = a_store(tmp_path / "store", keys)
    commit_shards(store, keys, [], parents=[], ref="main", at=None, message="")
    looked = look_at_version(store, "main")
    assert looked.report["totals"]["candidates"] == 0
    assert page_of(looked)


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    with moto_server("reports") as address:
        yield address


@pytest.mark.slow
def test_a_version_in_a_bucket_has_the_same_report(s3: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {**ENVIRONMENT, "AWS_ENDPOINT_URL": s3}.items():
        monkeypatch.setenv(name, value)
    here = a_site(tmp_path / "here", shards=2, rows=12)
    (tmp_path / "there").mkdir()
    there = a_site(tmp_path / "there", shards=2, rows=12, address="s3://reports/boats")
    ours, theirs = (look_at_version(one.store, "main") for one in (here, there))
    day = {"id", "history", "name"}
    assert {key: value for key, value in ours.report.items() if key not in day} == {
        key: value for key, value in theirs.report.items() if key not in day
    }
    assert ours.search == theirs.search
