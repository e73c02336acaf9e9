"""`pairtrawl filters curve`, `ab` and `frontier`: what they print, write and refuse."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner, Result

from crawler.errors import PairtrawlError
from crawler.thumbnails import thumbnails_path
from tests.builders import image_bytes
from tests.workers.redrawing.frozen_runs import TINY, a_recipe, a_run, row
from workers.cli import app
from workers.labelling.judgement import Judgement, Word

CLIP = '[[filters]]\nuse = "pictures.clip_similarity"\nthreshold = {at}\n'
WORDS = '[[filters]]\nuse = "candidates.keywords"\npath = "words.txt"\n'


def said(*words: str | Path) -> Result:
    return CliRunner().invoke(app, ["filters", *map(str, words)])


def refused(*words: str | Path) -> str:
    """What is said of a command that cannot be done; `pairtrawl.main` makes an exit code of it."""
    result = said(*words)
    assert isinstance(result.exception, PairtrawlError), result.output
    return str(result.exception)


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """Scores of 0.20 to 0.39, by a recipe that kept from 0.28 on; small pictures of all of them."""
    rows = [row(n, round(0.2 + n / 100, 2)) for n in range(20)]
    rows = [
        one if one["similarity"] >= 0.28 else row(n, one["similarity"], reason="clip_similarity")
        for n, one in enumerate(rows)
    ]
    run = a_run(tmp_path / "run", a_recipe("pictures.clip_similarity threshold=0.28"), rows)
    path = thumbnails_path(run / "shards", "00000")
    path.parent.mkdir()
    pictures = [
        {
            "content_id": one["content_id"], "key": one["key"], "filter": "pictures.clip_similarity",
            "band": "rejected" if one.get("reason") else "kept", "score": one["similarity"], "line": None,
            "jpeg": image_bytes((8, 8), (n, 0, 0), "JPEG"), "blurred": n == 9,
        }
        for n, one in enumerate(rows)
    ]  # fmt: skip
    pq.write_table(pa.Table.from_pylist(pictures), path)
    return run


def recipes(folder: Path, more: str = "") -> tuple[Path, Path]:
    files = folder / "a.toml", folder / "b.toml"
    for path, at, beside in zip(files, (0.26, 0.30), ("", more), strict=True):
        path.write_text(f'name = "at {at}"\n{beside}{CLIP.format(at=at)}')
    return files


def test_two_recipes_are_compared_in_words_and_for_machines(run: Path, tmp_path: Path) -> None:
    a, b = recipes(tmp_path)
    told = said("ab", a, b, run)
    assert told.exit_code == 0, told.output
    assert "A  at 0.26: keeps 14 (70.0%)" in told.output
    found = json.loads(said("ab", a, b, run, "--json").output)
    assert found["cells"] == {"both": 10, "only_a": 4, "only_b": 0, "neither": 6, "cannot_tell": 0, "ended": 0}


def test_a_comparison_is_stored_with_its_recipes_where_one_asks_for_it(run: Path, tmp_path: Path) -> None:
    a, b = recipes(tmp_path)
    told = said("ab", a, b, run, "--save", "first", "--html", tmp_path / "page.html")
    assert told.exit_code == 0, told.output
    folder = run / "comparisons" / "first"
    assert sorted(one.name for one in folder.iterdir()) == ["a.toml", "b.toml", "comparison.html", "comparison.json"]
    assert (folder / "a.toml").read_bytes() == a.read_bytes()
    assert json.loads((folder / "comparison.json").read_bytes())["cells"]["only_a"] == 4
    assert (folder / "comparison.html").read_bytes() == (tmp_path / "page.html").read_bytes()


@pytest.mark.parametrize(("name", "message"), [("../up", "a name has letters"), ("-", "a name has letters")])
def test_a_name_is_no_path(run: Path, tmp_path: Path, name: str, message: str) -> None:
    assert message in refused("ab", *recipes(tmp_path), run, f"--save={name}")


def test_tables_alone_have_no_place_for_a_comparison(run: Path, tmp_path: Path) -> None:
    assert "is no run" in refused("ab", *recipes(tmp_path), run / "shards" / "00000.parquet", "--save", "x")


def test_the_page_shows_where_they_disagree(run: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    assert said("ab", *recipes(tmp_path), run, "--html", page).exit_code == 0
    # four pairs lie between 0.26 and 0.30: two that the run rejected and two that it kept, one of them blurred
    assert page.read_text().count("data:image/jpeg") == 4
    assert page.read_text().count(">blurred<") == 1
    assert said("ab", *recipes(tmp_path), run, "--html", page, "--sheets", "1").exit_code == 0
    assert page.read_text().count("data:image/jpeg") == 1
    assert said("ab", *recipes(tmp_path), run, "--html", page, "--sheets", "0").exit_code == 0
    assert "data:image/jpeg" not in page.read_text()


def test_what_a_list_names_is_shown_to_nobody(run: Path, tmp_path: Path) -> None:
    (tmp_path / "words.txt").write_text("number\n")  # every caption has it
    page = tmp_path / "page.html"
    told = said("ab", *recipes(tmp_path, WORDS), run, "--html", page)
    assert "only by A             14" in told.output
    assert "data:image/jpeg" not in page.read_text()


def test_a_truth_and_labels_say_how_good_they_are(run: Path, tmp_path: Path) -> None:
    a, b = recipes(tmp_path)
    truth = tmp_path / "truth.csv"
    content = [row(n)["content_id"] for n in range(20)]
    truth.write_text("content_id,match\n" + "\n".join(f"{one},{int(n >= 9)}" for n, one in enumerate(content)))
    by_truth = json.loads(said("ab", a, b, run, "--truth", truth, "--json").output)["judged"]
    assert (by_truth["rows"], by_truth["b"]["share"]) == (20, 1.0)
    assert "nobody has judged" in refused("ab", a, b, run, "--labels")
    lines = [
        judgement(one, Word.MATCHES if n >= 9 else Word.UNSAFE, "kept" if n >= 8 else "rejected by clip_similarity")
        for n, one in enumerate(content)
    ]
    (run / "labels").mkdir()
    (run / "labels" / "jo.jsonl").write_bytes(b"".join(lines))
    by_labels = json.loads(said("ab", a, b, run, "--labels", "--json").output)["judged"]
    assert by_truth["a"]["share"] == pytest.approx((10 + 4 * 1 / 4) / 14)
    # of the four pairs that only A keeps two stand for ten rows each
    assert by_labels["a"]["share"] == pytest.approx((10 + 4 * 1 / 22) / 14)
    assert by_labels["paired"] is None  # one part of the sample stands for ten times as many rows as the other


def judgement(content_id: str, word: Word, stratum: str) -> bytes:
    import msgspec

    one: Any = Judgement(
        content_id=content_id, verdict=word, seconds=1, time="2026-11-22T18:00:00+00:00", labeller="jo", design="all",
        stratum=stratum, of=12 if stratum == "kept" else 80, sampled=12 if stratum == "kept" else 8, version="0",
    )  # fmt: skip
    return msgspec.json.encode(one) + b"\n"


def test_a_frontier_in_words_for_machines_and_as_a_page(run: Path, tmp_path: Path) -> None:
    grid, truth, page = tmp_path / "grid.toml", tmp_path / "truth.csv", tmp_path / "page.html"
    grid.write_text(CLIP.format(at=0.28) + "[grid]\nclip_similarity.threshold = [0.22, 0.3, 0.35]\n")
    truth.write_text("content_id,match\n" + "\n".join(f"{row(n)['content_id']},{n % 2}" for n in range(20)))
    told = said("frontier", grid, run, "--truth", truth, "--html", page)
    assert told.exit_code == 0, told.output
    assert "3 recipes, 20 rows, 20 of them judged" in told.output
    assert page.read_text().startswith("<!DOCTYPE html>")
    found = json.loads(said("frontier", grid, run, "--truth", truth, "--json").output)
    assert [one["kept"] for one in found["recipes"]] == [18, 10, 5]
    assert "needs judged rows" in refused("frontier", grid, run)


def test_curves_of_every_score_in_words_for_machines_and_as_a_page(run: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    told = said("curve", run, "--html", page)
    assert told.exit_code == 0, told.output
    assert f"similarity: 20 rows, 0.200 to 0.390, by {TINY}" in told.output
    assert page.read_text().startswith("<!DOCTYPE html>")
    found = json.loads(said("curve", run, "--json").output)
    assert list(found["scores"]) == ["similarity"]
    one = json.loads(said("curve", run, "--score", "similarity", "--json").output)
    assert one["scored"] == 20
    assert len(one["points"]) > 15
    assert said("curve", run, "--html", page, "--below").exit_code == 2
