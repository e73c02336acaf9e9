"""What is computed of a picture, and that it is written the same whether or not somebody looks at its pixels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from crawler.job import run_job
from crawler.job.looking import hashes_wanted
from crawler.records import Expected, Fault, Picture, Verdict
from crawler.settings import Decode, Duplicates, Output, Plan, Rebuild, Recipe
from crawler.wire.answers import Answer
from filters.pictures.aspect import Aspect
from filters.pictures.min_side import MinSide
from tests.builders import a_candidate, image_bytes
from tests.crawler.job.test_crawling import HOST, a_job, rows_of, tools
from tests.fakes.web import an_answer

SMALL = Output(resize_mode="border", image_size=64, resize_only_if_bigger=False)


@dataclass(frozen=True)
class Looks:
    """A filter that looks at pixels, and keeps all."""

    def judge(self, batch: Sequence[Picture]) -> list[Verdict]:
        return [Verdict(one.pixels.getpixel((0, 0)) is not None) for one in batch]


def written(folder: Path, **changes: Any) -> tuple[bytes, list[dict[str, Any]]]:
    """The tar and the rows of three pictures: one that is kept, one that is too small, and one that is none."""
    bodies = {"0": image_bytes((90, 70), kind="JPEG"), "1": image_bytes((10, 10)), "2": b"<html>"}
    answers: dict[str, Answer | Fault] = {f"{HOST}/{n}.png": an_answer(body=body) for n, body in bodies.items()}
    folder.mkdir()
    run_job(a_job(folder, rows_of(3)), tools(folder, answers, **changes))
    rows = pq.read_table(folder / "shards" / "00000.parquet").to_pylist()
    return (folder / "shards" / "00000.tar").read_bytes(), [row | {"fetched_at": 0} for row in rows]


def test_a_shard_is_the_same_whether_a_filter_looks_at_pixels_or_at_sizes_only(tmp_path: Path) -> None:
    recipe, sizes = Recipe(plan=Plan(rows_per_job=100), output=SMALL), (("min_side", MinSide(20)), ("aspect", Aspect()))
    drawn = written(tmp_path / "drawn", recipe=recipe, picture_filters=sizes)
    whole = written(tmp_path / "whole", recipe=recipe, picture_filters=(*sizes, ("looks", Looks())))
    assert [row["reason"] for row in drawn[1]] == [None, "min_side", "not_an_image"]
    assert drawn == whole


def test_hashes_that_a_recipe_goes_without_are_null(tmp_path: Path) -> None:
    recipe = Recipe(plan=Plan(rows_per_job=100), output=SMALL)
    without = Recipe(plan=Plan(rows_per_job=100), output=SMALL, decode=Decode(hashes=("sha1",)))
    all_of_them, few = written(tmp_path / "all", recipe=recipe), written(tmp_path / "few", recipe=without)
    row, known = few[1][0], all_of_them[1][0]
    assert [row[name] for name in ("md5", "phash", "pdq", "pdq_quality")] == [None] * 4
    assert (row["sha256"], row["sha1"]) == (known["sha256"], known["sha1"])
    assert {name: known[name] for name in row if row[name] is None and known[name] is not None}.keys() == {
        "md5", "phash", "pdq", "pdq_quality",
    }  # fmt: skip


def wanted(folder: Path, recipe: Recipe, rows: Sequence[Any] = (), **changes: Any) -> set[str]:
    return set(hashes_wanted(tools(folder, {}, recipe=recipe, **changes), rows))


@pytest.mark.parametrize("kind", ["md5", "sha1", "phash", "pdq"])
def test_a_hash_is_computed_where_the_list_of_a_rebuild_has_it(tmp_path: Path, kind: str) -> None:
    recipe = Recipe(decode=Decode(hashes=()), rebuild=Rebuild())
    value: Any = 0 if kind in ("phash", "pdq") else "0" * 32
    rows = [a_candidate(expected=Expected()), a_candidate(expected=Expected(**{kind: value}))]
    assert wanted(tmp_path, recipe, rows[:1]) == set()
    assert wanted(tmp_path, recipe, rows) == {kind}


def test_hashes_are_computed_where_filters_or_duplicates_need_them(tmp_path: Path) -> None:
    recipe = Recipe(decode=Decode(hashes=()))
    assert wanted(tmp_path, recipe, picture_filters=(("min_side", MinSide(20)),)) == set()
    assert wanted(tmp_path, recipe, picture_filters=(("looks", Looks()),)) == {"md5", "sha1", "phash", "pdq"}
    assert wanted(tmp_path, Recipe(decode=Decode(hashes=()), duplicates=Duplicates(look_alike_bits=4))) == {"pdq"}
    assert wanted(tmp_path, Recipe(decode=Decode(hashes=()), rebuild=Rebuild(compute_hash="md5"))) == {"md5"}


def test_a_recipe_asks_for_all_hashes_by_itself(tmp_path: Path) -> None:
    assert wanted(tmp_path, Recipe()) == {"md5", "sha1", "phash", "pdq"}
