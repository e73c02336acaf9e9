"""Rows that a confidential list names leave no trace, lists that name too much end the job, and files come once."""

from __future__ import annotations

import json
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from msgspec.structs import replace

from crawler.errors import ScreeningError
from crawler.job import run_job
from crawler.job.screening import Screening
from crawler.records import Candidate, Fault, Fetched, Verdict
from crawler.report import Report
from crawler.seen.opening import open_seen
from crawler.settings import Duplicates, Plan, Recipe
from crawler.wire.answers import Answer
from tests.builders import a_candidate, image_bytes
from tests.crawler.job.test_crawling import a_job, tools
from tests.fakes.web import an_answer

HOST = "http://images.test"


@dataclass(frozen=True)
class Listed:
    """A confidential list of bodies."""

    bodies: frozenset[bytes]
    confidential: bool = True
    most_share: float = 0.001

    def judge(self, batch: Sequence[Fetched]) -> list[Verdict]:
        return [Verdict(one.body not in self.bodies) for one in batch]


def a_body(number: int) -> bytes:
    return image_bytes(color=(number, 100, 255 - number))


def rows_of(count: int, start: int = 0) -> list[Candidate]:
    return [a_candidate(f"picture {n}", image_url=f"{HOST}/{n}.png") for n in range(start, start + count)]


def run(folder: Path, rows: list[Candidate], bodies: list[bytes], *, number: int = 0, **changes: Any) -> Report:
    answers: dict[str, Answer | Fault] = {
        row.image_url: an_answer(body=body) for row, body in zip(rows, bodies, strict=True)
    }
    screening = Screening.of(changes.get("body_filters", ()))
    job = replace(a_job(folder, rows), number=number)
    return run_job(job, tools(folder, answers, screening=screening, **changes))


def rows_written(folder: Path, number: int = 0) -> list[dict[str, Any]]:
    return pq.read_table(folder / "shards" / f"{number:05d}.parquet").to_pylist()


# checklist 38
def test_of_a_row_that_a_confidential_list_names_nothing_is_written_and_the_counts_add_up(tmp_path: Path) -> None:
    rows, bodies = rows_of(6), [a_body(number) for number in range(6)]
    report = run(tmp_path, rows, bodies, body_filters=(("secret", Listed(frozenset(bodies[2:4]))),))
    assert [(one.found, one.kept, one.rejected) for one in report.stages if one.stage == "filter bodies"] == [
        (6, 4, {"secret": 2})
    ]
    written = rows_written(tmp_path)
    assert [row["url"] for row in written] == [rows[n].image_url for n in (0, 1, 4, 5)]
    assert [row["key"][-2:] for row in written] == ["00", "01", "04", "05"]
    stats = json.loads((tmp_path / "shards" / "00000_stats.json").read_text())
    assert (stats["count"], stats["successes"], stats["filtered"], stats["withheld"]) == (4, 4, 0, 2)
    with tarfile.open(tmp_path / "shards" / "00000.tar") as tar:
        assert len(tar.getnames()) == 3 * 4
    everything = b"".join(file.read_bytes() for file in (tmp_path / "shards").rglob("*") if file.is_file())
    assert b"picture 1" in everything
    assert b"picture 2" not in everything


# checklist 40
def test_a_list_that_would_take_out_too_much_leaves_nothing_of_the_job(tmp_path: Path) -> None:
    bodies = [a_body(number) for number in range(20)]
    with pytest.raises(ScreeningError, match="secret would take out 11 of 20 rows"):
        run(tmp_path, rows_of(20), bodies, body_filters=(("secret", Listed(frozenset(bodies[:11]))),))
    assert list((tmp_path / "shards").iterdir()) == []


FIRST = Recipe(plan=Plan(rows_per_job=100), duplicates=Duplicates(files="first"))


def test_of_one_file_the_first_row_stays_within_a_job_and_across_jobs(tmp_path: Path) -> None:
    a, b, c = a_body(1), a_body(2), a_body(3)
    seen = open_seen(FIRST, tmp_path)
    one = run(tmp_path, rows_of(3), [a, b, a], recipe=FIRST, seen=seen)
    two = run(tmp_path, rows_of(3, start=10), [c, b, c], number=1, recipe=FIRST, seen=seen)
    assert one.stages[-1].rejected == {"repeated_file": 1}
    assert two.stages[-1].rejected == {"repeated_file": 2}
    assert [row["reason"] for row in rows_written(tmp_path)] == [None, None, "repeated_file"]
    assert [row["reason"] for row in rows_written(tmp_path, 1)] == [None, "repeated_file", "repeated_file"]


def test_a_job_that_runs_again_gives_the_same_and_one_that_failed_has_claimed_nothing(
    tmp_path: Path,
) -> None:  # invariant 33
    bodies = [a_body(number) for number in range(20)]
    seen = open_seen(FIRST, tmp_path)
    too_much = (("secret", Listed(frozenset(bodies[:11]))),)
    with pytest.raises(ScreeningError):
        run(tmp_path, rows_of(20), bodies, recipe=FIRST, seen=seen, body_filters=too_much)
    for _ in range(2):
        again = run(tmp_path, rows_of(20), bodies, number=1, recipe=FIRST, seen=seen)
        assert again.stages[-1].rejected == {}


def test_pictures_that_look_alike_are_left_out_within_a_job(tmp_path: Path) -> None:
    recipe = Recipe(plan=Plan(rows_per_job=100), duplicates=Duplicates(look_alike_bits=31))
    blocks = [_blocks(1, 90), _blocks(2, 90), _blocks(1, 40)]
    report = run(tmp_path, rows_of(3), blocks, recipe=recipe)
    assert report.stages[-1].rejected == {"look_alike": 1}
    assert [row["reason"] for row in rows_written(tmp_path)] == [None, None, "look_alike"]


def _blocks(seed: int, quality: int) -> bytes:
    """A picture with a perceptual hash of its own, at a JPEG quality."""
    import io

    import numpy as np
    from PIL import Image

    pixels = np.random.default_rng(seed).integers(0, 256, (24, 32, 3), dtype=np.uint8)
    out = io.BytesIO()
    Image.fromarray(pixels).resize((320, 240)).save(out, "JPEG", quality=quality)
    return out.getvalue()
