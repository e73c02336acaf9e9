"""Thumbnails of a rebuild: where they stand, and what of a rebuild is not shown."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pyarrow.parquet as pq
import pytest

from crawler.errors import SettingsError
from crawler.settings import FilterChoice, Recipe
from crawler.write import is_committed, read_stats
from tests.builders import image_bytes
from tests.fakes.changing_host import HOST, ChangingHost, changing_host
from tests.workers.rebuild.runs import a_list, rebuilt
from workers.asked import Asked, check_verb
from workers.run_folder import RunFolder
from workers.stages import Retry

NAMES = ("a", "b", "c", "d", "e", "f")


@pytest.fixture
def host() -> Iterator[ChangingHost]:
    with changing_host() as served:
        sides = {"a": 20, "b": 20}
        served.files = {
            f"/{name}": image_bytes((sides.get(name, 80), 90), color=(40 * place, 0, 0))
            for place, name in enumerate(NAMES)
        }
        yield served


def with_thumbnails(recipe: Recipe) -> Recipe:
    return msgspec.structs.replace(
        recipe,
        output=msgspec.structs.replace(recipe.output, thumbnails=10),
        filters=(FilterChoice(use="pictures.min_side", settings={"pixels": 64}),),
    )


def test_they_stand_where_img2dataset_has_nothing_and_go_when_one_starts_over(
    host: ChangingHost, tmp_path: Path
) -> None:
    md5 = ["0123456789abcdef" * 2 if name == "c" else None for name in NAMES]  # of another picture: it has changed
    captions = [f"the picture {name}" for name in NAMES]
    listed = a_list(tmp_path / "list.parquet", url=[f"{HOST}/{name}" for name in NAMES], caption=captions, md5=md5)
    recipe, output = with_thumbnails(host.recipe()), tmp_path / "out"
    rows = {row["content_id"]: row for row in rebuilt(recipe, [listed], output)}
    assert sorted(path.name for path in output.iterdir()) == [
        "00000.parquet", "00000.tar", "00000_stats.json", "_pairtrawl",
    ]  # fmt: skip
    path = output / "_pairtrawl" / "thumbnails" / "00000.parquet"
    shown = {(rows[one["content_id"]]["caption"][-1], one["filter"]) for one in pq.read_table(path).to_pylist()}
    assert shown == {
        ("a", "pictures.min_side"), ("b", "pictures.min_side"), ("d", ""), ("e", ""), ("f", ""),
    }  # fmt: skip
    (changed,) = [row for row in rows.values() if row["reason"] == "hash_mismatch"]
    assert changed["caption"] == "the picture c"
    assert "_pairtrawl/thumbnails/00000.parquet" in read_stats(output, 0, recipe.output)["files"]
    assert is_committed(output, 0, recipe.output)
    path.write_bytes(b"")
    assert not is_committed(output, 0, recipe.output)
    RunFolder.at(output).clear()
    assert not path.parent.exists()


def test_shards_that_have_them_are_not_gone_over_again(host: ChangingHost) -> None:
    again = Asked(verb="rebuild", retry=Retry(("dead",), 1))
    check_verb(host.recipe(), again)
    check_verb(with_thumbnails(host.recipe()), Asked(verb="rebuild"))
    with pytest.raises(SettingsError, match=r"output\.thumbnails: .* another folder"):
        check_verb(with_thumbnails(host.recipe()), again)
