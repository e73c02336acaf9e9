"""Two recipes on the same rows: the cells, by language, host and score; what judged rows say; costs; the page."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crawler.errors import InputError
from crawler.records import Fault
from crawler.report import Report, Spent
from tests.workers.redrawing.frozen_runs import a_recipe, a_run, a_table, row
from workers.redrawing.comparison import compare
from workers.redrawing.page import render
from workers.redrawing.telling import as_text

LOW, HIGH = (a_recipe(f"pictures.clip_similarity threshold={at}", name=f"at {at}") for at in (0.26, 0.30))
SIDE = a_recipe("pictures.min_side pixels=64", name="sides")


def some_rows() -> list[dict[str, Any]]:
    """Ten rows: scores of 0.2 to 0.38 in steps of 0.02; number 9 ended by a fault, number 8 has no score."""
    rows = [row(n, round(0.2 + n / 50, 2)) for n in range(8)]
    return [*rows, row(8, None), row(9, 0.9, reason=Fault.REPEATED_FILE)]


def judged(path: Path, *lines: str, heading: str = "content_id,match") -> Path:
    path.write_text("\n".join([heading, *lines]) + "\n")
    return path


def found_of(*places: Path, a: Any = LOW, b: Any = HIGH, **asked: Any) -> dict[str, Any]:
    found, _ = compare(a, b, places, **asked)
    assert json.loads(json.dumps(found)) == found
    return found


def test_every_row_is_in_one_cell(tmp_path: Path) -> None:
    found = found_of(a_table(tmp_path / "t.parquet", some_rows()))
    # 0.26 and 0.28 stay with A alone, 0.30 to 0.34 with both
    assert found["cells"] == {"both": 3, "only_a": 2, "only_b": 0, "neither": 3, "cannot_tell": 1, "ended": 1}
    assert sum(found["cells"].values()) == found["rows"] == 10
    assert [found[side]["kept"] for side in "ab"] == [5, 3]
    assert [found[side]["kept_alone"] for side in "ab"] == [2, 0]
    assert found["a"]["cannot_tell_by"] == {"pictures.clip_similarity": 1}


def test_the_other_way_round_it_is_the_other_recipe(tmp_path: Path) -> None:
    table = a_table(tmp_path / "t.parquet", some_rows())
    assert found_of(table, a=HIGH, b=LOW)["cells"]["only_b"] == 2


@settings(max_examples=4)
@given(
    st.lists(
        st.tuples(st.integers(0, 10), st.sampled_from(["", "en", "de", "ja"]), st.integers(0, 30), st.booleans()),
        min_size=1, max_size=40,
    )
)  # fmt: skip
def test_every_table_adds_up_and_is_what_one_counts_by_hand(
    tmp_path_factory: pytest.TempPathFactory, drawn: list[tuple[int, str, int, bool]]
) -> None:
    rows = [
        row(n, score / 20, caption_language=language, url=f"http://{'user@' * sign}h{host}.test:80/{n}")
        for n, (score, language, host, sign) in enumerate(drawn)
    ]
    found = found_of(a_table(tmp_path_factory.mktemp("t") / "t.parquet", rows))
    both = sum(score / 20 >= 0.30 for score, *_ in drawn)
    assert found["cells"]["both"] == both
    for name in ("by_language", "by_host_size", "by_domain"):
        assert {cell: sum(one[cell] for one in found[name]) for cell in found["cells"]} == found["cells"]
    german = [one for one in found["by_language"] if one["value"] == "de"]
    assert sum(one["both"] for one in german) == sum(s / 20 >= 0.30 for s, language, *_ in drawn if language == "de")
    single = {host for _, _, host, _ in drawn if sum(other == host for _, _, other, _ in drawn) == 1}
    alone = [one for one in found["by_host_size"] if one["value"] == "1 row"]
    assert sum(sum(one[cell] for cell in found["cells"]) for one in alone) == len(single)
    spread = found["scores"]["similarity"]
    assert {cell: sum(counts) for cell, counts in spread["cells"].items()} == found["cells"]
    assert spread["edges"][0] <= min(s / 20 for s, *_ in drawn) <= max(s / 20 for s, *_ in drawn) <= spread["edges"][-1]


def test_lines_are_drawn_in_the_scores_of_the_recipes(tmp_path: Path) -> None:
    found = found_of(a_table(tmp_path / "t.parquet", some_rows()))
    assert [found["scores"]["similarity"]["lines"][side][0]["at"] for side in "ab"] == [0.26, 0.3]
    assert list(found["scores"]) == ["similarity"]
    assert not found_of(tmp_path / "t.parquet", a=SIDE, b=SIDE)["scores"]


def test_many_languages_are_told_with_the_others_together(tmp_path: Path) -> None:
    rows = [row(n, 0.9, caption_language=chr(97 + n % 26) * 2) for n in range(60)]
    values = found_of(a_table(tmp_path / "t.parquet", rows))["by_language"]
    assert [one["value"] for one in values[-2:]] != ["others", "others"]
    assert values[-1]["value"] == "others"
    assert sum(one["both"] for one in values) == 60


# judged rows -------------------------------------------------------------------------------------------------------------


def rows_of_cells(both: int, only_a: int, neither: int) -> list[dict[str, Any]]:
    scores = [0.4] * both + [0.28] * only_a + [0.1] * neither
    return [row(n, score) for n, score in enumerate(scores)]


def truth_of(
    path: Path, rows: list[dict[str, Any]], answers: dict[int, int], weights: dict[int, float] | None = None
) -> Path:
    heading = "content_id,match" + (",weight" if weights else "")
    lines = [f"{rows[n]['content_id']},{match}" + (f",{weights[n]}" if weights else "") for n, match in answers.items()]
    return judged(path, *lines, heading=heading)


def test_a_cell_counts_with_all_its_rows_however_few_of_them_were_judged(tmp_path: Path) -> None:
    rows = rows_of_cells(90, 10, 20)
    # of both: 9 of 10 match; of only A: none of 10
    answers = {n: int(n != 0) for n in range(10)} | dict.fromkeys(range(90, 100), 0)
    found = found_of(a_table(tmp_path / "t.parquet", rows), truth=truth_of(tmp_path / "t.csv", rows, answers))["judged"]
    assert (found["pairs"], found["rows"]) == (20, 20)
    assert found["b"]["share"] == pytest.approx(0.9)
    assert found["a"]["share"] == pytest.approx(0.9 * 0.9)
    assert found["difference"]["share"] == pytest.approx(0.09)
    assert found["cells"]["only_a"]["share"] == 0
    assert found["cells"]["neither"] is None
    for side in ("a", "b", "difference"):
        assert found[side]["low"] < found[side]["share"] < found[side]["high"]


def test_verdicts_are_compared_on_the_same_rows(tmp_path: Path) -> None:
    rows = rows_of_cells(4, 6, 4)
    # only A keeps 4 to 9: five of them do not match, so that B is right of those
    answers = {0: 1, 1: 0, 4: 0, 5: 0, 6: 0, 7: 0, 8: 0, 9: 1, 10: 0, 11: 1}
    table = a_table(tmp_path / "t.parquet", rows)
    paired = found_of(table, truth=truth_of(tmp_path / "t.csv", rows, answers))["judged"]["paired"]
    assert (paired["only_a_right"], paired["only_b_right"]) == (1, 5)
    assert (paired["both_right"], paired["none_right"]) == (2, 2)
    assert paired["p"] == pytest.approx(2 * (1 + 6) / 2**6)
    assert paired["difference"]["share"] == pytest.approx(0.4)


def test_rows_that_stand_for_many_weigh_as_many(tmp_path: Path) -> None:
    rows = rows_of_cells(40, 0, 0)
    weights = {n: 9.0 if n < 10 else 1.0 for n in range(20)}
    truth = truth_of(tmp_path / "t.csv", rows, {n: int(n < 10) for n in range(20)}, weights)
    found = found_of(a_table(tmp_path / "t.parquet", rows), truth=truth)["judged"]
    assert found["a"]["share"] == pytest.approx(0.9)
    assert found["paired"] is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("content_id,match,weight\nx,1,0\n", "column weight: 1 pairs"),
        ("content_id,match,weight\nx,1,heavy\n", "column weight: 1 pairs"),
        ("content_id,match\nx,maybe\n", "neither 1 nor 0"),
        ("name,match\nx,1\n", "needs the columns"),
    ],
)
def test_a_truth_that_is_none_is_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(InputError, match=message):
        found_of(a_table(tmp_path / "t.parquet", some_rows()), truth=tmp_path / "t.csv")


def test_without_judged_rows_there_is_no_estimate(tmp_path: Path) -> None:
    table = a_table(tmp_path / "t.parquet", some_rows())
    found = found_of(table, truth=judged(tmp_path / "t.csv", "ffffffffffffffffffffffffffffffff,1"))["judged"]
    assert (found["rows"], found["a"], found["b"], found["difference"]) == (0, None, None, None)
    assert list(as_text(found_of(table)))
    with pytest.raises(InputError, match="nobody has judged"):
        found_of(table, labels=tmp_path / "labels")


# costs -------------------------------------------------------------------------------------------------------------------


def test_a_recipe_costs_what_its_steps_have_cost_the_run(tmp_path: Path) -> None:
    spent = (
        Spent("fetch", "", 10, 20.0, 1.0), Spent("decode", "", 5, 1.0, 0.5),
        Spent("filter pictures", "pictures.min_side", 10, 0.1, 0.1),
        Spent("prepare", "engine:tiny", 5, 1.0, 0.5), Spent("filter pictures", "engine:tiny", 5, 2.0, 2.0),
        Spent("filter pictures", "pictures.clip_similarity", 5, 0.0, 0.05), Spent("write", "", 5, 0.5, 0.05),
    )  # fmt: skip
    report = Report(job="0", kind="crawl", recipe=LOW.digest, stages=(), spent=spent)
    width = (30, 100)
    rows = [row(n, 0.9, original_width=width[n % 2]) for n in range(4)]
    rows += [row(n, 0.1, original_width=width[n % 2], reason="clip_similarity") for n in range(4, 8)]
    rows += [row(8, reason=Fault.TIMEOUT), row(9, reason=Fault.TIMEOUT)]
    run = a_run(tmp_path, LOW, rows, {"report": msgspec.to_builtins(report)})
    cheap = a_recipe("pictures.min_side pixels=64", "pictures.clip_similarity threshold=0.26")
    odd = a_recipe("pictures.aspect", "pictures.clip_similarity threshold=0.26")
    found = found_of(run, a=cheap, b=odd)
    # 10 are fetched, 8 decoded and measured, 4 embedded, 2 written
    paid = 10 * 0.1 + 8 * 0.1 + 8 * 0.01 + 4 * 0.5 + 4 * 0.01 + 2 * 0.01
    assert found["a"]["cost"]["cpu_seconds_a_row"] == pytest.approx(paid / 10)
    assert found["a"]["cost"]["cpu_seconds_a_kept_row"] == pytest.approx(paid / 2)
    assert found["b"]["cost"]["unknown"] == ["pictures.aspect"]
    assert {one["what"] for one in found["prices"]} >= {"fetch", "embedding", "pictures.min_side"}
    assert found_of(a_table(tmp_path / "bare.parquet", rows))["a"]["cost"] is None


# the page ----------------------------------------------------------------------------------------------------------------


def test_the_page_runs_nothing_that_stands_in_names_or_settings(tmp_path: Path) -> None:
    evil = '</script><img src=x onerror="alert(1)">'
    rows = [row(n, n / 20, caption_language=evil, url=f"http://a.{'x' * n}test/") for n in range(10)]
    found = found_of(a_table(tmp_path / "t.parquet", rows), a=LOW, b=HIGH)
    found["a"]["name"] = evil
    page = render(found)
    assert "<img" not in page
    assert "onerror=&quot;" in page
    assert not re.search(r"(src|href)=\"?https?:", page)
    assert "default-src 'none'" in page
    assert render(found) == page


def test_the_text_names_what_cannot_be_told(tmp_path: Path) -> None:
    rows = some_rows()
    truth = truth_of(tmp_path / "t.csv", rows, {n: n % 2 for n in range(8)})
    told = "\n".join(as_text(found_of(a_table(tmp_path / "t.parquet", rows), truth=truth)))
    assert "of A: 1 rows cannot be told: no column tells what pictures.clip_similarity says" in told
    assert "A  at 0.26: keeps 5 (50.0%)" in told
    assert "p = " in told
