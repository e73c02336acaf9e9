"""Shards are gone over again: what is kept stays to the letter, and only what failed is asked for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from crawler.settings import FilterChoice, Output, Recipe
from crawler.write import read_stats
from tests.fakes.changing_host import HOST, ChangingHost, changing_host
from tests.workers.rebuild.runs import a_list, a_picture, data_of, members_of, rebuilt, rows_of
from workers.asked import Asked
from workers.exit_codes import ExitCode
from workers.session import run_crawl
from workers.stages import Retry

NAMES = ("a", "b", "c", "d", "e", "f", "g")


@pytest.fixture
def host() -> Iterator[ChangingHost]:
    with changing_host() as served:
        served.files = {f"/{name}": a_picture(place) for place, name in enumerate(NAMES)}
        yield served


@pytest.fixture
def listed(tmp_path: Path) -> str:
    return a_list(
        tmp_path / "list.parquet",
        url=[f"{HOST}/{name}" for name in NAMES],
        caption=[f"the picture {name}" for name in NAMES],
        similarity=[0.3 + place / 100 for place in range(len(NAMES))],
    )


def again(output: Path, number: int = 1, outcomes: Sequence[str] = ("dead", "failed")) -> Retry:
    """The shards that are there, gone over for the nth time."""

    def base(shard: int) -> str:
        table = output / f"{shard:05d}.parquet"
        return str(table) if table.exists() else ""

    return Retry(tuple(outcomes), number, base)


def test_only_what_failed_is_asked_for_again(host: ChangingHost, listed: str, tmp_path: Path) -> None:
    recipe, output = host.recipe(rows_per_job=4, carry=("similarity",)), tmp_path / "out"
    there = dict(host.files)
    host.files |= {"/b": 404, "/d": 503}
    before = rebuilt(recipe, [listed], output)
    assert [row["outcome"] for row in before if row["status"] != "success"] == ["dead", "failed"]
    undisturbed = tmp_path / "undisturbed"
    host.files = there
    rebuilt(recipe, [listed], undisturbed)

    host.asked.clear()
    after = rebuilt(recipe, [listed], output, retry=again(output))
    assert sorted(host.asked) == ["/b", "/d"]
    assert [row["status"] for row in after] == ["success"] * len(NAMES)
    tars = {name: content for name, content in data_of(output).items() if name.endswith(".tar")}
    assert tars == {name: content for name, content in data_of(undisturbed).items() if name.endswith(".tar")}
    assert [row["similarity"] for row in after] == [row["similarity"] for row in before]
    assert read_stats(output, 0, recipe.output)["round"] == 1
    assert "round" not in read_stats(output, 1, recipe.output)  # nothing of it had failed


def test_a_shard_that_gets_nothing_new_is_the_same_to_the_byte(host: ChangingHost, listed: str, tmp_path: Path) -> None:
    recipe, output = host.recipe(), tmp_path / "out"
    host.files |= {"/b": 404, "/d": 503, "/e": 403}
    rebuilt(recipe, [listed], output)
    before = data_of(output)
    host.files["/d"] = 500  # fails otherwise than it did
    host.asked.clear()
    rebuilt(recipe, [listed], output, retry=again(output))
    assert sorted(host.asked) == ["/b", "/d"]  # whose owner refused is not asked again
    assert data_of(output) == before
    host.asked.clear()
    rebuilt(recipe, [listed], output, retry=again(output))  # this round is over
    assert host.asked == []
    rebuilt(recipe, [listed], output, retry=again(output, 2, ("refused",)))
    assert host.asked == ["/e"]
    assert data_of(output) == before


@pytest.mark.slow
@pytest.mark.parametrize("container", ["files", "parquet"])
def test_every_layout_can_be_gone_over_again(host: ChangingHost, listed: str, tmp_path: Path, container: Any) -> None:
    recipe = msgspec.structs.replace(host.recipe(), output=Output(placeholder_addresses=0, container=container))
    output = tmp_path / "out"
    there = dict(host.files)
    host.files["/b"] = 404
    rebuilt(recipe, [listed], output)
    host.files = there
    host.asked.clear()
    rows = rebuilt(recipe, [listed], output, retry=again(output))
    assert host.asked == ["/b"]
    assert [row["status"] for row in rows] == ["success"] * len(NAMES)
    if container == "files":
        assert (output / "00000" / "000000.jpg").stat().st_size
        assert (output / "00000" / "000001.jpg").stat().st_size
    else:
        assert all(row["jpg"] for row in rows)


# invariant 32
def test_what_was_put_on_a_list_since_does_not_stay(host: ChangingHost, listed: str, tmp_path: Path) -> None:
    removals, addresses = tmp_path / "removals.txt", tmp_path / "addresses.txt"
    removals.write_text("0123456789abcdef" * 4 + "\n")
    addresses.write_text("http://elsewhere.test/\n")
    recipe, output = _with_lists(host.recipe(), removals, addresses), tmp_path / "out"
    rows = rebuilt(recipe, [listed], output)
    assert [row["status"] for row in rows] == ["success"] * len(NAMES)
    removals.write_text(f"{rows[0]['sha256']}\n")
    addresses.write_text(f"{HOST}/e\n")
    after = rebuilt(recipe, [listed], output, retry=again(output, 1, ("unverified",)))
    gone = {row["caption"]: (row["reason"], row["outcome"]) for row in after if row["status"] != "success"}
    assert gone == {
        "the picture a": ("hash_removal", "blocked"),
        "the picture e": ("url_removal", "blocked"),
    }
    assert "000000.jpg" not in members_of(output / "00000.tar")


def _with_lists(recipe: Recipe, hashes: Path, addresses: Path) -> Recipe:
    filters = (
        FilterChoice(use="candidates.url_removal", settings={"path": str(addresses)}),
        FilterChoice(use="bodies.hash_removal", settings={"path": str(hashes), "kind": "sha256"}),
    )
    return msgspec.structs.replace(recipe, filters=filters)


def test_samples_of_others_are_taken_over_from_where_they_lie(host: ChangingHost, listed: str, tmp_path: Path) -> None:
    """What `pairtrawl rebuild --adopt` makes of an output of img2dataset, by hand."""
    old = tmp_path / "old.jpg"
    old.write_bytes(b"somewhere in it: " + a_picture(9))
    adopted = tmp_path / "adopted.parquet"
    columns: dict[str, Any] = {
        "index": [0, 2],
        "path": [str(old), None],
        "offset": [17, 0],
        "bytes": [len(a_picture(9)), 0],
        "extension": ["jpg", ""],
        "url": [f"{HOST}/a", f"{HOST}/c"],
        "width": [64, None],
        "height": [48, None],
        "sha256": ["0f1e2d3c" * 8, None],
        "status": ["success", "failed_to_download"],
        "something": ["else", "else"],
    }
    pq.write_table(pa.table(columns), adopted)
    output = tmp_path / "out"
    retry = Retry(bases=lambda number: str(adopted) if number == 0 else "")
    rows = rebuilt(host.recipe(), [listed], output, retry=retry)
    assert "/a" not in host.asked
    assert len(host.asked) == len(NAMES) - 1
    assert members_of(output / "00000.tar")["000000.jpg"] == a_picture(9)
    assert (rows[0]["sha256"], rows[0]["width"], rows[0]["outcome"]) == ("0f1e2d3c" * 8, 64, "unverified")
    assert [row["status"] for row in rows] == ["success"] * len(NAMES)


def test_a_base_of_another_list_is_refused(host: ChangingHost, listed: str, tmp_path: Path) -> None:
    rebuilt(host.recipe(), [listed], tmp_path / "out")
    other = a_list(tmp_path / "other.parquet", url=[f"{HOST}/{name}" for name in reversed(NAMES)])
    asked = Asked(verb="rebuild", retry=again(tmp_path / "out"))
    assert run_crawl(host.recipe(), [other], tmp_path / "other", asked) == ExitCode.YOURS
    assert rows_of(tmp_path / "other") == []
