"""Fetching here and scoring there makes the very files that one process makes; what lies between is one file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pyarrow.parquet as pq
import pytest

from crawler.errors import RunFolderError, ScreeningError
from crawler.job import Job, JobKind, Tools, finished, run_job
from crawler.job.screening import Screening
from crawler.raw import RawWriter, raw_path, read_head, read_rows
from crawler.records import Candidate, Fault
from crawler.report import Report
from crawler.rows import Pictured
from crawler.settings import Output, Plan, Recipe
from crawler.wire.answers import Answer
from tests.builders import image_bytes
from tests.crawler.job.test_crawling import Keep, Width, a_job, rows_of, tools
from tests.fakes.web import an_answer


def the_web(rows: Sequence[Candidate]) -> dict[str, Answer | Fault]:
    """Thirty answers: pictures of many sizes and formats, among them one file under twelve addresses, and failures."""
    answers: dict[str, Answer | Fault] = {}
    for number, row in enumerate(rows):
        kind = ("JPEG", "PNG", "WEBP")[number % 3]
        answers[row.image_url] = an_answer(body=image_bytes((60 + number, 300 - number), kind=kind))
        if 12 <= number < 24:
            answers[row.image_url] = an_answer(body=image_bytes((90, 90)))
    odd: dict[str, Answer | Fault] = {
        rows[1].image_url: an_answer(404),
        rows[2].image_url: Fault.TIMEOUT,
        rows[3].image_url: an_answer(body=b"<html>"),
        rows[4].image_url: an_answer(body=image_bytes((40, 80)), x_robots_tag="noai"),
    }
    return answers | odd


def recipe_of(output: Output) -> Recipe:
    return Recipe(plan=Plan(rows_per_job=100), output=output)


def working(folder: Path, recipe: Recipe, rows: Sequence[Candidate], **changes: Any) -> Tools:
    fields: dict[str, Any] = {
        "recipe": recipe,
        "candidate_filters": (("not_the_last", Keep(lambda one: not one.image_url.endswith("/29.png"))),),
        "body_filters": (("listed", Keep(lambda one: not one.final_url.endswith("/25.png"))),),
        "picture_filters": (("wide", Keep(lambda picture: picture.pixels.width >= 66)),),
        "embedding_filters": (("ruler", Width(70)),),
        "screening": Screening(frozenset(("listed",))),
    }
    return tools(folder, the_web(rows), **(fields | changes))


def in_one(folder: Path, recipe: Recipe, rows: Sequence[Candidate], **changes: Any) -> Report:
    folder.mkdir()
    return run_job(a_job(folder, rows), working(folder, recipe, rows, **changes))


def fetched(folder: Path, recipe: Recipe, rows: Sequence[Candidate], **changes: Any) -> Job:
    folder.mkdir(exist_ok=True)
    job = msgspec.structs.replace(a_job(folder, rows), kind=JobKind.FETCH, output=str(folder / "raw"))
    run_job(job, working(folder, recipe, rows, embedding_filters=(), **changes))
    return job


def to_score(folder: Path, job: Job) -> Job:
    raw = str(raw_path(folder / "raw", job.number))
    return msgspec.structs.replace(job, kind=JobKind.SCORE, input=raw, output=str(folder / "shards"))


def in_two(folder: Path, recipe: Recipe, rows: Sequence[Candidate], **changes: Any) -> Report:
    job = fetched(folder, recipe, rows)
    nothing: dict[str, Any] = {
        "candidate_filters": (),
        "body_filters": (),
        "picture_filters": (),
        "screening": Screening(),
    }
    return run_job(to_score(folder, job), working(folder, recipe, rows, **(nothing | changes)))


def files_of(folder: Path) -> dict[str, bytes]:
    """The files of the shards, without what tells the time."""
    found = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    return {name: content for name, content in found.items() if not name.endswith(("_stats.json", ".parquet"))}


def rows_in(folder: Path) -> list[Mapping[str, Any]]:
    return [row | {"fetched_at": 0} for row in pq.read_table(folder / "00000.parquet").to_pylist()]


@pytest.mark.parametrize(
    "output",
    [
        Output(),
        Output(encode_format="webp", image_size=100),
        Output(encode_format="png", resize_mode="border", image_size=100),
        Output(encode_format="original"),
        Output(keep_embeddings=True),
    ],
    ids=lambda output: f"{output.encode_format}-{output.resize_mode}-{output.keep_embeddings}",
)
def test_the_shard_is_the_same_byte_for_byte(tmp_path: Path, output: Output) -> None:
    rows, recipe = rows_of(30), recipe_of(output)
    one, two = in_one(tmp_path / "one", recipe, rows), in_two(tmp_path / "two", recipe, rows)
    assert two.stages == one.stages
    assert (two.bytes_received, two.bytes_written) == (one.bytes_received, one.bytes_written)
    assert rows_in(tmp_path / "two" / "shards") == rows_in(tmp_path / "one" / "shards")
    assert files_of(tmp_path / "two" / "shards") == files_of(tmp_path / "one" / "shards")
    reasons = Counter(row["reason"] for row in rows_in(tmp_path / "two" / "shards"))
    told = {None, "http_gone", "timeout", "not_an_image", "wide", "placeholder", "not_the_last"}
    assert set(reasons) >= (told if output.resize_mode == "border" else told | {"ruler"})
    stats = [msgspec.json.decode((tmp_path / name / "shards/00000_stats.json").read_bytes()) for name in ("one", "two")]
    for name in ("count", "successes", "status_dict", "filtered", "withheld"):
        assert stats[0][name] == stats[1][name]
    assert stats[0]["withheld"] == 1


def test_every_row_counts_once_in_the_progress_of_either_half(tmp_path: Path) -> None:
    rows, recipe, told = rows_of(30), recipe_of(Output()), list[int]()
    job = fetched(tmp_path, recipe, rows)
    run_job(to_score(tmp_path, job), working(tmp_path, recipe, rows, screening=Screening()), told.append)
    assert sum(told) == 30


def test_without_models_the_second_half_decodes_nothing_and_gives_the_same(tmp_path: Path) -> None:
    rows, recipe = rows_of(30), recipe_of(Output())
    in_one(tmp_path / "one", recipe, rows, embedding_filters=())
    in_two(tmp_path / "two", recipe, rows, embedding_filters=())
    assert files_of(tmp_path / "two" / "shards") == files_of(tmp_path / "one" / "shards")


def test_a_raw_shard_is_one_file_that_is_its_own_marker(tmp_path: Path) -> None:
    recipe = recipe_of(Output())
    job = fetched(tmp_path, recipe, rows_of(30))
    assert [path.name for path in (tmp_path / "raw").iterdir()] == ["00000.parquet"]
    assert list((tmp_path / "scratch").iterdir()) == []
    report = finished(job, recipe)
    assert report is not None
    assert (report.kind, report.stages[0].found, report.stages[-1].stage) == ("fetch", 30, "filter pictures")
    head = read_head(raw_path(tmp_path / "raw", 0))
    assert (head.rows, head.withheld) == (30, (25,))
    assert [index for index, _ in read_rows(raw_path(tmp_path / "raw", 0))] == [n for n in range(30) if n != 25]


def test_what_a_confidential_list_withholds_is_not_in_the_raw_shard(tmp_path: Path) -> None:
    rows = rows_of(30)
    rows[25] = replace_caption(rows[25], "the listed one")
    fetched(tmp_path, recipe_of(Output()), rows)
    for path in tmp_path.rglob("*"):
        if path.is_file() and path.name != "table.parquet":
            assert b"the listed one" not in path.read_bytes()
    assert "the listed one" not in str(pq.read_table(raw_path(tmp_path / "raw", 0)).to_pylist())


def replace_caption(candidate: Candidate, text: str) -> Candidate:
    return msgspec.structs.replace(candidate, caption=msgspec.structs.replace(candidate.caption, text=text))


def test_a_list_that_takes_out_too_much_ends_the_fetch_before_anything_is_committed(tmp_path: Path) -> None:
    strict = Screening(most_shares={"wide": 0.01})
    with pytest.raises(ScreeningError, match="fetch-00000: wide would take out"):
        fetched(
            tmp_path,
            recipe_of(Output()),
            rows_of(30),
            picture_filters=(("wide", Keep(lambda _one: False)),),
            screening=strict,
        )
    assert list((tmp_path / "raw").iterdir()) == []


@pytest.mark.parametrize("left", [0, 4, 1_000, -1])
def test_a_raw_shard_that_was_cut_short_is_refused_and_says_what_to_do(tmp_path: Path, left: int) -> None:
    recipe = recipe_of(Output())
    job = fetched(tmp_path, recipe, rows_of(30))
    path = raw_path(tmp_path / "raw", 0)
    path.write_bytes(path.read_bytes()[:left])
    with pytest.raises(RunFolderError, match=r"raw/00000\.parquet: cannot be read as a raw shard"):
        run_job(to_score(tmp_path, job), working(tmp_path, recipe, rows_of(30)))
    with pytest.raises(RunFolderError, match="fetch again"):
        finished(job, recipe)
    assert not (tmp_path / "shards").exists()


def test_a_raw_shard_whose_bytes_have_changed_is_refused_before_anything_is_committed(tmp_path: Path) -> None:
    recipe = recipe_of(Output())
    job = fetched(tmp_path, recipe, rows_of(30))
    path = raw_path(tmp_path / "raw", 0)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(RunFolderError, match="fetch again"):
        run_job(to_score(tmp_path, job), working(tmp_path, recipe, rows_of(30)))
    assert list((tmp_path / "shards").iterdir()) == []


def test_a_picture_that_does_not_decode_any_more_is_said_and_not_dropped(tmp_path: Path) -> None:
    recipe = recipe_of(Output())
    job = fetched(tmp_path, recipe, rows_of(30))
    path = raw_path(tmp_path / "raw", 0)
    head, rows = read_head(path), list(read_rows(path))
    with RawWriter(path, head.rows, head.scores) as writer:
        for index, pictured in rows:
            writer.keep(index, pictured._replace(image=b"GIF89a" if pictured.extension else b""))
        writer.commit(head.report)
    with pytest.raises(RunFolderError, match=r"the picture of row \d+ is damaged"):
        run_job(to_score(tmp_path, job), working(tmp_path, recipe, rows_of(30)))


def test_another_recipes_raw_shard_is_refused(tmp_path: Path) -> None:
    recipe = recipe_of(Output())
    job = to_score(tmp_path, fetched(tmp_path, recipe, rows_of(30)))
    with pytest.raises(RunFolderError, match="was fetched by another recipe"):
        run_job(msgspec.structs.replace(job, recipe="another"), working(tmp_path, recipe, rows_of(30)))


def test_another_parquet_file_is_no_raw_shard(tmp_path: Path) -> None:
    a_job(tmp_path, rows_of(2))
    with pytest.raises(RunFolderError, match="is no raw shard of this version"):
        read_head(tmp_path / "table.parquet")


def test_rows_of_many_row_groups_come_back_in_order(tmp_path: Path) -> None:
    report = Report(job="fetch-00007", kind="fetch", recipe="digest", stages=())
    picture = bytes(9_000_000)
    with RawWriter(raw_path(tmp_path, 7), 12, [("looks", "float")]) as writer:
        for index in reversed(range(12)):
            if index == 5:
                writer.withhold(index)
            elif index % 4 == 3:
                writer.reject(index, {"url": f"{index}", "status": "filtered", "reason": "x", "looks": 0.1})
            else:
                writer.keep(index, Pictured({"url": f"{index}", "status": "success", "looks": 0.5}, picture, "jpg"))
        writer.commit(report)
    assert pq.read_metadata(raw_path(tmp_path, 7)).num_row_groups > 1
    rows = list(read_rows(raw_path(tmp_path, 7)))
    assert [(index, one.row["url"], len(one.image), one.extension) for index, one in rows] == [
        (index, f"{index}", *((0, "") if index % 4 == 3 else (len(picture), "jpg")))
        for index in range(12)
        if index != 5
    ]
    assert read_head(raw_path(tmp_path, 7)).report == report
