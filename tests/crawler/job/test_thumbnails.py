"""Thumbnails of a job: which rows they show, that they are the same in every place, and what is on none of them."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow.parquet as pq
import pytest
import xxhash
from PIL import Image

from crawler.job import Job, JobKind, Tools, run_job
from crawler.job.screening import Screening
from crawler.raw import raw_path
from crawler.records import Candidate, Fault, Picture, Verdict
from crawler.settings import Duplicates, Output, Plan, Recipe, Resources
from crawler.showing import Scale, Showing
from crawler.wire.answers import Answer
from tests.builders import image_bytes
from tests.crawler.job.test_crawling import Keep, Width, a_job, rows_of, tools
from tests.fakes.web import an_answer

#: the width of a picture tells which row it is of: row n is 60 + n pixels wide
_FIRST = 60


@dataclass(frozen=True)
class Listed:
    """A list filter: it names pictures of some widths."""

    widths: frozenset[int]
    listed: Any = None

    def judge(self, batch: Sequence[Picture]) -> list[Verdict]:
        return [Verdict(one.pixels.width not in self.widths) for one in batch]


SHOWING = Showing(4, {"pictures.ruler": Scale("similarity", (90.0,))}, hidden=frozenset({"pictures.list"}))


def recipe_of(**changes: Any) -> Recipe:
    output = Output(thumbnails=4, placeholder_addresses=0, resize_mode="no")
    return Recipe(
        plan=Plan(rows_per_job=100),
        output=msgspec.structs.replace(output, **changes),
        resources=Resources(decoders=1),  # each is a process that takes its time to start
    )


def working(folder: Path, rows: Sequence[Candidate], **changes: Any) -> Tools:
    """Rows 0 to 19 are too narrow, row 45 is listed, and the model turns away those below 90: rows 20 to 29."""
    answers: dict[str, Answer | Fault] = {
        row.image_url: an_answer(body=image_bytes((_FIRST + number, 70))) for number, row in enumerate(rows)
    }
    fields: dict[str, Any] = {
        "recipe": recipe_of(),
        "picture_filters": (
            ("wide", Keep(lambda picture: picture.pixels.width >= 80)),
            ("list", Listed(frozenset({65, 105}))),
        ),
        "embedding_filters": (("ruler", Width(90)),),
        "showing": SHOWING,
    }
    return tools(folder, answers, **(fields | changes))


def crawled(folder: Path, rows: Sequence[Candidate], **changes: Any) -> list[dict[str, Any]]:
    folder.mkdir()
    run_job(a_job(folder, rows), working(folder, rows, **changes))
    return shown_in(folder)


def fetched_and_scored(folder: Path, rows: Sequence[Candidate], **changes: Any) -> list[dict[str, Any]]:
    folder.mkdir()
    job = msgspec.structs.replace(a_job(folder, rows), kind=JobKind.FETCH, output=str(folder / "raw"))
    run_job(job, working(folder, rows, **changes, embedding_filters=()))
    run_job(to_score(folder, job), working(folder, rows, **(changes | {"picture_filters": ()})))
    return shown_in(folder)


def to_score(folder: Path, job: Job) -> Job:
    raw = str(raw_path(folder / "raw", job.number))
    return msgspec.structs.replace(job, kind=JobKind.SCORE, input=raw, output=str(folder / "shards"))


def shown_in(folder: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pq.read_table(folder / "shards" / "thumbnails" / "00000.parquet").to_pylist()
    return rows


def numbers(rows: Sequence[Candidate], shown: Sequence[dict[str, Any]], use: str, band: str) -> list[int]:
    """Which rows of the job hang in a band, in its order."""
    places = {row.content_id: number for number, row in enumerate(rows)}
    return [places[one["content_id"]] for one in shown if (one["filter"], one["band"]) == (use, band)]


def by_hash(rows: Sequence[Candidate], among: range) -> list[int]:
    return sorted(among, key=lambda number: xxhash.xxh3_64_intdigest(rows[number].content_id.encode()))


def test_they_are_the_rows_with_the_smallest_hash_and_the_nearest_to_the_line(tmp_path: Path) -> None:
    rows = rows_of(60)
    shown = crawled(tmp_path / "one", rows)
    narrow = [number for number in by_hash(rows, range(20)) if number != 5]  # which is on the list, too
    kept = [number for number in by_hash(rows, range(30, 60)) if number != 45]
    assert numbers(rows, shown, "pictures.wide", "rejected") == narrow[:4]
    assert numbers(rows, shown, "pictures.ruler", "rejected") == by_hash(rows, range(20, 30))[:4]
    assert numbers(rows, shown, "pictures.ruler", "borderline") == [30, 31, 29, 28]
    assert numbers(rows, shown, "", "kept") == kept[:4]
    assert {(one["filter"], one["band"]) for one in shown} == {
        ("", "kept"), ("pictures.ruler", "borderline"), ("pictures.ruler", "rejected"), ("pictures.wide", "rejected"),
    }  # fmt: skip
    scores = {numbers(rows, [one], one["filter"], one["band"])[0]: (one["score"], one["line"]) for one in shown}
    assert (scores[31], scores[29]) == ((91.0, 90.0), (89.0, 90.0))
    for one in shown:
        with Image.open(io.BytesIO(one["jpeg"])) as picture:
            assert picture.format == "JPEG"
            assert max(picture.size) <= 128
            assert not picture.getexif()
    table = {row["content_id"]: row for row in pq.read_table(tmp_path / "one/shards/00000.parquet").to_pylist()}
    assert all(table[one["content_id"]]["key"] == one["key"] for one in shown)


def test_the_file_is_the_same_wherever_and_in_whatever_order_the_job_is_done(tmp_path: Path) -> None:
    rows = rows_of(60)
    crawled(tmp_path / "one", rows)
    crawled(tmp_path / "three", rows, recipe=msgspec.structs.replace(recipe_of(), resources=Resources(decoders=2)))
    fetched_and_scored(tmp_path / "two", rows)
    files = [tmp_path / name / "shards" / "thumbnails" / "00000.parquet" for name in ("one", "two", "three")]
    one, two, three = [path.read_bytes() for path in files]
    assert one == two == three
    stats = msgspec.json.decode((tmp_path / "two/shards/00000_stats.json").read_bytes())
    assert stats["files"]["thumbnails/00000.parquet"]["bytes"] == len(one)


@pytest.mark.parametrize("place", [crawled, fetched_and_scored])
def test_what_a_list_names_is_on_none_whoever_turned_it_away(tmp_path: Path, place: Any) -> None:
    rows, all_of_them = rows_of(60), Showing(1_000, SHOWING.scales, SHOWING.hidden)
    shown = place(tmp_path / "one", rows, showing=all_of_them)
    listed = {rows[5].content_id, rows[45].content_id}
    assert len({one["content_id"] for one in shown}) == 58
    assert not listed & {one["content_id"] for one in shown}
    for path in tmp_path.rglob("*.parquet"):
        if path.parent.name == "raw":
            raw = pq.read_table(path, columns=["content_id", "image"]).to_pylist()
            assert all(row["image"] is None for row in raw if row["content_id"] in listed)


def test_what_is_withheld_opted_out_or_taken_back_is_on_none(tmp_path: Path) -> None:
    rows, all_of_them = rows_of(60), Showing(1_000, SHOWING.scales)
    rows[33] = msgspec.structs.replace(rows[33], opt_outs=("meta robots: noai",))
    same = {rows[number].image_url: an_answer(body=image_bytes((120, 71))) for number in (40, 41, 42)}
    recipe = msgspec.structs.replace(recipe_of(), duplicates=Duplicates(files="first"))
    work = working(tmp_path, rows, showing=all_of_them, recipe=recipe, screening=Screening(frozenset({"list"})))
    answers: dict[str, Answer | Fault] = {
        row.image_url: an_answer(body=image_bytes((_FIRST + n, 70))) for n, row in enumerate(rows)
    }
    answers |= same
    answers[rows[34].image_url] = an_answer(body=image_bytes((94, 70)), x_robots_tag="noai")
    run_job(a_job(tmp_path, rows), tools(tmp_path, answers, **{
        name: getattr(work, name) for name in ("recipe", "picture_filters", "embedding_filters", "showing", "screening")
    }))  # fmt: skip
    reasons = {row["content_id"]: row["reason"] for row in pq.read_table(tmp_path / "shards/00000.parquet").to_pylist()}
    shown = {one["content_id"] for one in shown_in(tmp_path)}
    assert {reasons[one] for one in shown} == {None, "wide", "ruler"}
    assert [reasons[rows[n].content_id] for n in (33, 34, 41)] == ["page_opted_out", "image_opted_out", "repeated_file"]
    assert not shown & {rows[number].content_id for number in (5, 33, 34, 41, 42, 45)}


def noise(seed: int) -> bytes:
    """A picture whose every pixel is chance: what blurring leaves of it shows."""
    out = io.BytesIO()
    pixels = np.random.default_rng(seed).integers(0, 256, (96, 128, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(out, format="PNG")
    return out.getvalue()


def detail_of(image: bytes) -> Any:
    """What of a picture changes from one pixel to the next: it less its own blur."""
    with Image.open(io.BytesIO(image)) as picture:
        grey = picture.convert("L")
    few = grey.resize((12, 9), Image.Resampling.BOX).resize(grey.size, Image.Resampling.BICUBIC)
    return np.asarray(grey, np.float64) - np.asarray(few, np.float64)


def test_what_may_be_unsafe_is_blurred_and_cannot_be_made_sharp_again(tmp_path: Path) -> None:
    rows = rows_of(8)
    answers: dict[str, Answer | Fault] = {row.image_url: an_answer(body=noise(n)) for n, row in enumerate(rows)}
    scale = {"pictures.ruler": Scale("similarity", (100.0,))}
    for start, blurred in ((50.0, True), (129.0, False)):
        folder = tmp_path / f"from {start:g}"
        folder.mkdir()
        showing = Showing(8, scale, safety=frozenset({"pictures.unsafe"}), blurred_from={"similarity": start})
        work = tools(
            folder, answers, recipe=recipe_of(), showing=showing, embedding_filters=(("ruler", Width(100)),),
            picture_filters=(("unsafe", Keep(lambda one: not one.fetched.final_url.endswith("/7.png"))),),
        )  # fmt: skip
        run_job(a_job(folder, rows), work)
        for one in shown_in(folder):
            number = [row.content_id for row in rows].index(one["content_id"])
            assert one["blurred"] is (blurred or number == 7)
            likeness = np.corrcoef(detail_of(one["jpeg"]).ravel(), detail_of(noise(number)).ravel())[0, 1]
            assert abs(likeness) < 0.05 if one["blurred"] else likeness > 0.5


def test_a_recipe_without_them_makes_no_file_and_keeps_its_digest(tmp_path: Path) -> None:
    rows = rows_of(3)
    (tmp_path / "one").mkdir()
    run_job(
        a_job(tmp_path / "one", rows),
        working(tmp_path / "one", rows, recipe=recipe_of(thumbnails=0), showing=Showing()),
    )
    assert not (tmp_path / "one" / "shards" / "thumbnails").exists()
    assert Recipe(output=Output(thumbnails=0)).digest == Recipe().digest != Recipe(output=Output(thumbnails=1)).digest
