"""The plan of a rebuild: every row in its place, made as it is needed, and made the same again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from crawler.errors import InputError, SettingsError
from crawler.list_tables import read_list_table
from crawler.plan import PlanFolder
from crawler.settings import List, Plan, Rebuild, Recipe
from crawler.sources import ArchiveKind, Source
from tests.workers.rebuild.runs import a_list
from workers.assemble import etiquette_of
from workers.rebuild.planning import ListPlan


def a_plan(
    folder: Path, lists: list[str], *, rows_per_job: int = 4, told: list[str] | None = None, **more: Any
) -> ListPlan:
    recipe = Recipe(plan=Plan(rows_per_job=rows_per_job), list=more.pop("list", List()), rebuild=Rebuild(**more))
    sources = [Source(one, ArchiveKind.LIST) for one in lists]
    say = (told if told is not None else []).append
    return ListPlan(recipe, sources, PlanFolder(folder), folder / "scratch", etiquette_of(recipe), say)


def tables_of(folder: Path) -> dict[str, bytes]:
    return {one.name: one.read_bytes() for one in sorted(folder.glob("*.parquet"))}


def addresses(plan: ListPlan, number: int) -> list[str]:
    rows, _ = read_list_table(plan.folder.job_table(number), tell_language=False)
    return [one.written_src for one in rows]


def some(count: int, word: str = "a") -> list[str]:
    return [f"http://{word}.test/{number}" for number in range(count)]


def test_each_list_begins_a_job_and_keeps_its_order(tmp_path: Path) -> None:
    lists = [
        a_list(tmp_path / f"{word}.parquet", url=some(count, word)) for word, count in (("a", 9), ("b", 0), ("c", 4))
    ]
    plan = a_plan(tmp_path / "plan", lists)
    planned = plan.whole()
    assert (planned.rows, planned.jobs, planned.first) == (13, 4, 0)
    assert [addresses(plan, number) for number in range(4)] == [
        some(9)[:4], some(9)[4:8], some(9)[8:], some(4, "c"),
    ]  # fmt: skip
    assert [plan.rows()(number) for number in range(4)] == [4, 4, 1, 4]
    assert list(plan.jobs()) == [0, 1, 2, 3]
    later = a_plan(tmp_path / "later", lists[:1], first_shard=7)
    assert list(later.jobs()) == [7, 8, 9]
    assert later.whole().first == 7


def test_a_job_is_there_before_the_rest_of_its_list_is_read(tmp_path: Path) -> None:
    rows = 3 * 8192
    plan = a_plan(tmp_path / "plan", [a_list(tmp_path / "a.parquet", url=some(rows))], rows_per_job=1000)
    jobs = plan.jobs()
    assert next(jobs) == 0
    assert list(tables_of(plan.folder.path)) == ["00000.parquet"]
    jobs.close()
    whole = a_plan(tmp_path / "whole", [str(tmp_path / "a.parquet")], rows_per_job=1000)
    whole.whole()
    # a sitting that was killed left one table, and the next one goes on behind it
    before = (tmp_path / "plan" / "00000.parquet").stat().st_mtime_ns
    plan.whole()
    assert tables_of(plan.folder.path) == tables_of(whole.folder.path)
    assert (tmp_path / "plan" / "00000.parquet").stat().st_mtime_ns == before


def test_what_a_list_is_taken_for_is_told_in_one_line(tmp_path: Path) -> None:
    told: list[str] = []
    columns: dict[str, Any] = {
        "SAMPLE_ID": [1, 2],
        "URL": some(2),
        "TEXT": ["one", "two"],
        "HEIGHT": [640, 640],
        "WIDTH": [480, 480],
        "similarity": [0.3, 6016.0],
    }
    plan = a_plan(
        tmp_path / "plan", [a_list(tmp_path / "a.parquet", **columns)], told=told, carry=("WIDTH", "similarity")
    )
    plan.whole()
    assert told == [
        "a.parquet: 2 rows: LAION-400M or LAION-5B, as first published: addresses in URL, captions in TEXT, HEIGHT and "
        "WIDTH have each other's values, which is put right; 1 values of similarity beyond 1"
    ]
    rows, carried = read_list_table(plan.folder.job_table(0), tell_language=False)
    assert (rows[0].expected.width, rows[0].expected.height) == (640, 480)  # type: ignore[union-attr]  # a rebuild's
    assert carried.column_names == ["WIDTH", "similarity", "caption", "url"]


def test_boxes_and_languages_come_with_the_rows_where_they_are_asked_for(tmp_path: Path) -> None:
    boxes = [[[0.1, 0.2, 0.9, 1.5], [0.5, 0.5, 0.5, 0.9], [0.1, 0.2]], None]
    listed = a_list(tmp_path / "a.parquet", url=some(2), text=["ein Boot auf dem See", "x"], face_bboxes=boxes)
    plan = a_plan(tmp_path / "plan", [listed], boxes_column="face_bboxes")
    plan.whole()
    rows, _ = read_list_table(plan.folder.job_table(0), tell_language=True)
    assert [one.boxes for one in rows] == [((0.1, 0.2, 0.9, 1.0),), ()]
    assert rows[0].tongue.language == "de"
    untold, _ = read_list_table(plan.folder.job_table(0), tell_language=False)
    assert untold[0].tongue.language == ""


WRONG: list[tuple[dict[str, Any], dict[str, Any], type[Exception], str]] = [
    ({"carry": ("uid",)}, {"url": ["x"]}, InputError, "a.parquet: there is no column 'uid'; the columns are: url"),
    (
        {"carry": ("reason",)},
        {"url": ["x"], "reason": ["y"]},
        SettingsError,
        "a.parquet: column reason of the list has",
    ),
    ({}, {"link": ["x"]}, InputError, "url_column"),
    ({"list": List(caption_column="c")}, {"url": ["x"], "c": [[1]]}, InputError, "cannot hold addresses or captions"),
    ({"boxes_column": "b"}, {"url": ["x"], "b": ["y"]}, InputError, "holds no boxes"),
]


@pytest.mark.parametrize(("settings", "columns", "kind", "why"), WRONG)
def test_what_cannot_be_done_is_said_with_the_name_of_the_list(
    tmp_path: Path, settings: dict[str, Any], columns: dict[str, Any], kind: type[Exception], why: str
) -> None:
    plan = a_plan(tmp_path / "plan", [a_list(tmp_path / "a.parquet", **columns)], **settings)
    with pytest.raises(kind, match=why) as raised:
        plan.whole()
    assert "a.parquet" in str(raised.value)


def test_a_table_of_something_else_is_no_table_of_a_rebuild(tmp_path: Path) -> None:
    pq.write_table(pa.table({"url": ["x"]}), tmp_path / "a.parquet")
    with pytest.raises(InputError, match="no table of a rebuild"):
        read_list_table(tmp_path / "a.parquet", tell_language=False)
    with pytest.raises(InputError, match="cannot be read"):
        read_list_table(tmp_path / "b.parquet", tell_language=False)
