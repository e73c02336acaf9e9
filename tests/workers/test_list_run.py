"""A published list is crawled like archives are: list, extract, plan, crawl."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from crawler.list_forms import ListForm
from crawler.settings import List, Recipe
from tests.small_runs import small_recipe
from workers.asked import Asked
from workers.demo import demo_recipe, truth
from workers.demo.web import DemoWeb, demo_web
from workers.exit_codes import ExitCode
from workers.session import run_crawl

#: known from the page alone, which a list does not bring; too slow for a test; the model's
NOT_OF_LISTS = {"page_opted_out", "timeout", "clip_similarity"}
KEPT = 60


@pytest.fixture(scope="module")
def web() -> Iterator[DemoWeb]:
    with demo_web() as served:
        yield served


def rules_of_the_demo(web: DemoWeb) -> Recipe:
    recipe = demo_recipe(web.address)
    filters = tuple(one for one in recipe.filters if one.use != "pictures.clip_similarity")
    return msgspec.structs.replace(recipe, filters=filters)


def a_list(path: Path, rows: list[tuple[str | None, str | None]]) -> str:
    table = pa.table(
        {
            "SAMPLE_ID": pa.array(range(len(rows)), pa.int64()),
            "URL": pa.array([url for url, _ in rows], pa.string()),
            "TEXT": pa.array([text for _, text in rows], pa.string()),
        }
    )
    pq.write_table(table, path, row_group_size=50)
    return str(path)


def test_a_list_ends_as_the_pages_did_that_it_was_made_of(web: DemoWeb, tmp_path: Path) -> None:
    kept = [pair for pair, expected in truth().items() if expected.outcome == "kept"][:KEPT]
    others = [pair for pair, one in truth().items() if one.outcome not in {"kept", "text_length", *NOT_OF_LISTS}]
    short = [pair for pair, one in truth().items() if one.outcome == "text_length"][:5]
    pairs = [*kept, *others, *short]
    published = a_list(tmp_path / "part-00000.parquet", [*pairs, pairs[0], (None, "no address"), (pairs[1][0], None)])
    output = tmp_path / "run"
    assert run_crawl(rules_of_the_demo(web), [published], output, Asked(verb="crawl")) == ExitCode.DONE

    judged = pq.read_table(output / "candidates" / "00000.parquet").to_pylist()
    ends = {row["offset"]: row["reason"] for row in judged if row["reason"]}
    for path in sorted((output / "shards").glob("*.parquet")):
        rows = pq.read_table(path).to_pylist()
        assert {row["archive"] for row in rows} == {"part-00000.parquet"}
        ends |= {row["offset"]: row["reason"] or "kept" for row in rows}
    assert {number: ends.get(number) for number in range(len(pairs))} == {
        number: truth()[pair].outcome for number, pair in enumerate(pairs)
    }
    duplicate, addressless, textless = range(len(pairs), len(pairs) + 3)
    assert duplicate not in ends  # the plan counted it
    assert addressless not in ends  # and extract this one
    assert ends[textless] == "text_length"


def test_a_list_without_captions_becomes_pictures_with_empty_ones(web: DemoWeb, tmp_path: Path) -> None:
    names = ("alpha.png", "cmyk.jpg", "palette.gif")
    lines = tmp_path / "image-paths.txt"  # called like a listing of archives
    lines.write_text("".join(f"http://demo-odd.test/{name}\n" for name in names))
    recipe = small_recipe(web.address, list=List(form=ListForm.TXT))
    assert run_crawl(recipe, [str(lines)], tmp_path / "run", Asked(verb="crawl")) == ExitCode.DONE
    rows = pq.read_table(tmp_path / "run" / "shards" / "00000.parquet").to_pylist()
    assert sorted((row["offset"], row["url"].rpartition("/")[2]) for row in rows) == list(enumerate(names))
    assert {(row["status"], row["caption"], row["caption_source"]) for row in rows} == {("success", "", "list")}
