"""A published list becomes shards: every row of it, in its order, with what it carries and how it ended."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from crawler.errors import RunFolderError, SettingsError
from crawler.settings import Decode, Duplicates, Output
from tests.fakes.changing_host import HOST, ChangingHost, changing_host
from tests.workers.rebuild.pictures import a_scene, as_jpeg, hashes_of_body
from tests.workers.rebuild.runs import a_list, a_picture, data_of, members_of, rebuilt, rows_of
from workers.asked import Asked
from workers.exit_codes import ExitCode
from workers.session import run_crawl
from workers.slices import Slice


@pytest.fixture
def host() -> Iterator[ChangingHost]:
    with changing_host() as served:
        yield served


def test_every_row_of_a_list_has_its_place_whatever_it_is(
    host: ChangingHost, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    host.files = {"/a.jpg": a_picture(1), "/b%20c.jpg": a_picture(2), "/pe%C3%B1oles.jpg": a_picture(3)}
    urls = [f"{HOST}/a.jpg", None, f"{HOST}/a.jpg", "not a url", f"{HOST}/b c.jpg", f"{HOST}/peñoles.jpg", ""]
    captions = ["one", "nothing there", "one", None, "with, comma", "peñoles \U0001f41f", "empty"]
    rows = rebuilt(
        host.recipe(rows_per_job=4), [a_list(tmp_path / "list.parquet", URL=urls, TEXT=captions)], tmp_path / "out"
    )
    assert [row["url"] for row in rows] == urls
    assert [row["caption"] for row in rows] == captions
    assert [row["key"] for row in rows] == ["000000", "000001", "000002", "000003", "000010", "000011", "000012"]
    outcomes = ["unverified", "dead", "unverified", "dead", "unverified", "unverified", "dead"]
    assert [row["outcome"] for row in rows] == outcomes
    assert {row["status"] for row in rows if row["outcome"] == "dead"} == {"failed_to_download"}
    first = members_of(tmp_path / "out" / "00000.tar")
    assert list(first) == ["000000.jpg", "000000.json", "000000.txt", "000002.jpg", "000002.json", "000002.txt"]
    assert first["000000.txt"] == b"one"
    assert members_of(tmp_path / "out" / "00001.tar")["000011.txt"].decode() == captions[5]
    stats = json.loads((tmp_path / "out" / "00001_stats.json").read_text())
    assert (stats["count"], stats["outcomes"]["dead"], stats["outcomes"]["unverified"]) == (3, 1, 2)
    report = json.loads((tmp_path / "out" / "_pairtrawl" / "report.json").read_text())
    assert report["outcomes"] == {"unverified": 4, "dead": 3}
    assert "Rows of the list: 4 unverified, 3 dead." in capsys.readouterr().out


# checklist 53
@pytest.mark.parametrize(
    ("policy", "kept"),
    [
        ("strict", ["same"]),
        ("near", ["same", "recoded", "unrecorded"]),
        ("refresh", ["same", "recoded", "changed", "unrecorded"]),
    ],
)
def test_a_policy_says_which_of_the_changed_stay(
    host: ChangingHost, tmp_path: Path, policy: str, kept: list[str]
) -> None:
    original = as_jpeg(a_scene(1))
    host.files = {
        "/same": original,
        "/recoded": as_jpeg(a_scene(1), quality=60),
        "/changed": as_jpeg(a_scene(2)),
        "/unrecorded": original,
    }
    known = hashes_of_body(original)
    names = ["same", "recoded", "changed", "unrecorded", "gone"]
    listed = a_list(
        tmp_path / "list.parquet",
        url=[f"{HOST}/{name}" for name in names],
        caption=names,
        md5=[known.md5.upper()] * 3 + [None, known.md5],
        pdq=[f"{known.pdq:064x}"] * 3 + [None, f"{known.pdq:064x}"],
    )
    rows = rebuilt(host.recipe(policy=policy, rows_per_job=10), [listed], tmp_path / "out")
    outcomes = {row["caption"]: row["outcome"] for row in rows}
    assert outcomes == {
        "same": "identical", "recoded": "near", "changed": "changed", "unrecorded": "unverified", "gone": "dead"
    }  # fmt: skip
    assert [row["caption"] for row in rows if row["status"] == "success"] == kept
    mismatch = {row["caption"]: row["error_message"] for row in rows if row["reason"] == "hash_mismatch"}
    assert set(mismatch.values()) <= {"hash mismatch"}
    assert sorted(mismatch) == sorted({"recoded", "changed"} - set(kept))


# checklist 54
def test_one_file_on_500_addresses_is_capped_where_the_recipe_says_so(host: ChangingHost, tmp_path: Path) -> None:
    listed = one_file_on(500, host, tmp_path)
    recipe = host.recipe(rows_per_job=500)
    once = msgspec.structs.replace(recipe, duplicates=Duplicates(files="first"), decode=Decode(hashes=()))
    rows = rebuilt(once, [listed], tmp_path / "once")
    assert [row["outcome"] for row in rows] == ["unverified", *["blocked"] * 499]


# checklist 54
def test_placeholders_and_sites_are_capped_where_the_recipe_says_so(host: ChangingHost, tmp_path: Path) -> None:
    listed = one_file_on(40, host, tmp_path)
    plain = host.recipe(rows_per_job=100)
    as_listed = rebuilt(plain, [listed], tmp_path / "plain")
    assert [row["status"] for row in as_listed] == ["success"] * 40

    none = msgspec.structs.replace(plain, output=Output(placeholder_addresses=10))
    rows = rebuilt(none, [listed], tmp_path / "none")
    assert {(row["status"], row["reason"], row["outcome"]) for row in rows} == {("filtered", "placeholder", "dead")}

    host.asked.clear()
    rows = rebuilt(host.recipe(rows_per_job=100, rows_per_site=10), [listed], tmp_path / "capped")
    assert [row["reason"] for row in rows] == [None] * 10 + ["host_cap"] * 30
    assert len(host.asked) == 10  # the others were not even asked for


def one_file_on(addresses: int, host: ChangingHost, folder: Path) -> str:
    """A list of so many addresses with captions of their own, all of which give one file."""
    host.files = {f"/{number}": a_picture(0) for number in range(addresses)}
    urls = [f"{HOST}/{number}" for number in range(addresses)]
    return a_list(folder / "list.parquet", url=urls, caption=[f"words {number}" for number in range(addresses)])


def test_what_a_list_carries_comes_out_as_it_went_in(host: ChangingHost, tmp_path: Path) -> None:
    host.files = {"/a": a_picture(1), "/b": a_picture(2)}
    carried = pa.table({
        "id": pa.array([2**63 - 1, None], pa.int64()),
        "half": pa.array([1.5, float("nan")], pa.float32()),
        "exact": pa.array([Decimal("1.10"), None], pa.decimal128(10, 2)),
        "when": pa.array([dt.datetime(2022, 5, 1, tzinfo=dt.UTC), None], pa.timestamp("us", tz="UTC")),
        "raw": pa.array([b"\x00\xff", b""], pa.binary()),
        "boxes": pa.array([[[0.1, 0.2, 0.3, 0.4]], []], pa.list_(pa.list_(pa.float64()))),
        "more": pa.array([{"a": 1, "b": "x"}, None], pa.struct([("a", pa.int8()), ("b", pa.string())])),
        "kind": pa.array(["x", "y"], pa.string()).dictionary_encode(),
        "long": pa.array(["\U0001f41f", None], pa.large_string()),
        "none": pa.nulls(2),
    })  # fmt: skip
    listed = carried.append_column("url", pa.array([f"{HOST}/a", f"{HOST}/gone"]))
    pq.write_table(listed.append_column("caption", pa.array(["one", None])), tmp_path / "list.parquet")
    names = ["long", "id", *[one for one in carried.column_names if one not in ("long", "id")]]
    recipe = host.recipe(carry=tuple(names))
    rebuilt(recipe, [str(tmp_path / "list.parquet")], tmp_path / "out")
    table = pq.ParquetFile(tmp_path / "out" / "00000.parquet").read()
    assert table.column_names[: len(names) + 3] == [*names, "caption", "url", "key"]
    for name in names:
        assert table.schema.field(name).type == carried.schema.field(name).type
        assert str(table.column(name).to_pylist()) == str(carried.column(name).to_pylist())
    said = json.loads(members_of(tmp_path / "out" / "00000.tar")["000000.json"])
    assert list(said)[: len(names) + 3] == [*names, "caption", "url", "key"]
    assert (said["id"], said["boxes"], said["long"]) == (2**63 - 1, [[0.1, 0.2, 0.3, 0.4]], "\U0001f41f")


@pytest.mark.slow
def test_shards_are_numbered_over_files_and_each_file_begins_one(host: ChangingHost, tmp_path: Path) -> None:
    host.files = {f"/{number}": a_picture(number) for number in range(4)}
    first = a_list(tmp_path / "a.parquet", url=[f"{HOST}/{number}" for number in range(3)])
    (tmp_path / "b.txt").write_text(f"{HOST}/3\n")
    rows = rebuilt(host.recipe(rows_per_job=2), [first, str(tmp_path / "b.txt")], tmp_path / "out")
    assert [row["key"] for row in rows] == ["000000", "000001", "000010", "000020"]
    assert [row["url"] for row in rows] == [f"{HOST}/{number}" for number in range(4)]
    assert "caption" not in rows[0]
    assert list(members_of(tmp_path / "out" / "00002.tar")) == ["000020.jpg", "000020.json"]


def test_images_are_fetched_before_the_whole_list_is_read(host: ChangingHost, tmp_path: Path) -> None:
    host.files = {f"/{number}": a_picture(number) for number in range(2)}
    good = a_list(tmp_path / "a.parquet", url=[f"{HOST}/{number}" for number in range(2)])
    (tmp_path / "b.parquet").write_bytes(b"no list")
    lists = [good, str(tmp_path / "b.parquet")]
    assert run_crawl(host.recipe(), lists, tmp_path / "out", Asked(verb="rebuild")) == ExitCode.YOURS
    assert len(rows_of(tmp_path / "out")) == 2  # all that came before the broken list
    a_list(tmp_path / "b.parquet", url=[f"{HOST}/0"])
    host.asked.clear()
    assert len(rebuilt(host.recipe(), lists, tmp_path / "out")) == 3
    assert host.asked == ["/0"]


@pytest.mark.slow
def test_slices_of_a_whole_plan_make_the_same_shards(host: ChangingHost, tmp_path: Path) -> None:
    host.files = {f"/{number}": a_picture(number) for number in range(4)}
    listed = a_list(tmp_path / "a.parquet", url=[f"{HOST}/{number}" for number in range(4)])
    recipe, sliced = host.recipe(rows_per_job=2), tmp_path / "sliced"
    rebuilt(recipe, [listed], tmp_path / "whole")
    assert run_crawl(recipe, [listed], sliced, Asked(verb="plan")) == ExitCode.DONE
    for part in range(2):
        assert run_crawl(recipe, [listed], sliced, Asked(verb="rebuild", slice=Slice(part, 2))) == ExitCode.DONE
    whole = {name: content for name, content in data_of(tmp_path / "whole").items() if name.endswith(".tar")}
    assert {name: content for name, content in data_of(sliced).items() if name.endswith(".tar")} == whole
    assert len(whole) == 2


def test_a_hash_that_is_verified_stands_before_the_address_as_it_was_computed(
    host: ChangingHost, tmp_path: Path
) -> None:
    host.files = {"/a": a_picture(1), "/b": a_picture(2)}
    right = hashlib.md5(a_picture(1), usedforsecurity=False).hexdigest()
    urls = [f"{HOST}/a", f"{HOST}/b", f"{HOST}/gone"]
    listed = a_list(tmp_path / "list.parquet", url=urls, text=["a", "b", "c"], recorded=[right] * 3)
    recipe = host.recipe(policy="strict", hashes={"recorded": "md5"}, compute_hash="md5", captions=True)
    rows = rebuilt(recipe, [listed], tmp_path / "out")
    names = pq.read_schema(tmp_path / "out" / "00000.parquet").names
    assert names[:4] == ["caption", "md5", "url", "key"]
    assert names[names.index("original_height") + 1] == "outcome"
    assert [row["outcome"] for row in rows] == ["identical", "changed", "dead"]
    changed = hashlib.md5(a_picture(2), usedforsecurity=False).hexdigest()
    assert [row["md5"] for row in rows] == [right, changed, None]


def test_starting_over_removes_shards_and_nothing_else(host: ChangingHost, tmp_path: Path) -> None:
    host.files = {"/a": a_picture(1)}
    output = tmp_path / "out"
    output.mkdir()
    (output / "notes.txt").write_text("mine")
    listed = a_list(tmp_path / "list.parquet", url=[f"{HOST}/a"])
    rebuilt(host.recipe(), [listed], output)
    (output / "00007.tar").write_bytes(b"of a longer list")
    rebuilt(host.recipe(rows_per_job=5), [listed], output, fresh=True)
    assert sorted(one.name for one in output.iterdir()) == [
        "00000.parquet", "00000.tar", "00000_stats.json", "_pairtrawl", "notes.txt",
    ]  # fmt: skip


def test_shards_of_somebody_else_are_not_written_over(host: ChangingHost, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "00000_stats.json").write_text("{}")
    listed = a_list(tmp_path / "list.parquet", url=[f"{HOST}/a"])
    with pytest.raises(RunFolderError, match="--adopt"):
        run_crawl(host.recipe(), [listed], tmp_path / "out", Asked(verb="rebuild"))
    with pytest.raises(SettingsError, match="describes a rebuild"):
        run_crawl(host.recipe(), [listed], tmp_path / "other", Asked(verb="crawl"))
