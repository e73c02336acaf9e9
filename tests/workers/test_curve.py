"""Yield against threshold, of tables whose answers are known."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from crawler.errors import InputError
from workers.cli import app
from workers.curve import as_text, draw_curve, nice_thresholds
from workers.score_rows import tables_of

TINY = "tiny@sha256:0 float32"


def a_table(path: Path, scores: Sequence[float | None], **columns: list[Any]) -> Path:
    numbers = range(len(scores))
    rows: dict[str, Any] = {
        "url": [f"http://a.test/{path.stem}/{n}" for n in numbers],
        "caption": [f"picture {n}" for n in numbers],
        "content_id": [f"{path.stem}-{n}" for n in numbers],
        "status": ["success" if n % 2 else "filtered" for n in numbers],
        "similarity": pa.array(scores, pa.float64()),
        "similarity_model": [None if score is None else TINY for score in scores],
    } | columns
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(rows), path)
    return path


def ten(path: Path) -> Path:
    """Scores of 0.05, 0.15 ... 0.95; four rows without one."""
    return a_table(
        path / "ten.parquet", [*(round(n / 10 + 0.05, 2) for n in range(10)), None, None, float("nan"), float("inf")]
    )


def csv(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def kept(tables: list[Path], **asked: Any) -> dict[float, int]:
    return {point.threshold: point.kept for point in draw_curve(tables, **asked).points}


def test_rows_from_a_threshold_on_stay_whether_they_were_kept_or_not(tmp_path: Path) -> None:
    curve = draw_curve([ten(tmp_path)])
    assert (curve.scored, curve.lowest, curve.highest, curve.models) == (10, 0.05, 0.95, (TINY,))
    by_threshold = {point.threshold: point for point in curve.points}
    assert [by_threshold[at].kept for at in (0.05, 0.1, 0.5, 0.9, 0.95)] == [10, 9, 5, 1, 1]
    assert by_threshold[0.5].share == 0.5
    assert by_threshold[0.5].precision is None
    assert curve.judged is None


def test_a_row_on_the_threshold_stays(tmp_path: Path) -> None:
    table = a_table(tmp_path / "a.parquet", [0.28, 0.28, 0.2799999, 0.1, 0.5])
    assert kept([table])[0.28] == 3
    assert kept([table], below=True)[0.28] == 2


def test_tables_are_added_up_and_may_differ_in_their_columns(tmp_path: Path) -> None:
    other = tmp_path / "other.parquet"
    pq.write_table(pa.table({"punsafe": [0.5]}), other)
    more = a_table(tmp_path / "more.parquet", [0.5, 0.6], similarity_model=["large", "large"])
    curve = draw_curve([ten(tmp_path), other, more])
    assert (curve.scored, curve.models) == (12, ("large", TINY))
    assert any("several models" in line for line in as_text(curve))
    assert kept([other], score="punsafe") == {0.5: 1}


def test_thresholds_may_be_asked_for(tmp_path: Path) -> None:
    thresholds = [point.threshold for point in draw_curve([ten(tmp_path)], between=(0.2, 0.4)).points]
    assert (thresholds[0], thresholds[-1], len(thresholds)) == (0.2, 0.4, 21)


# truth -----------------------------------------------------------------------------------------------------------


def test_with_a_truth_it_says_how_well_thresholds_tell_right_from_wrong(tmp_path: Path) -> None:
    # 0.45 and 0.75 do not match, all others from 0.35 on do; one pair has no score, one no row
    answers = [0, 0, 0, 1, 0, 1, 1, 0, 1, 1, 1]
    truth = csv(tmp_path / "t.csv", "content_id,match", *(f"ten-{n},{one}" for n, one in enumerate(answers)), "x,1")
    curve = draw_curve([ten(tmp_path)], truth=truth)
    assert curve.judged is not None
    assert (curve.judged.pairs, curve.judged.rows, curve.judged.matching) == (12, 10, 5)
    # of 25 pairs of a right and a wrong row: 0.35 beats 3, 0.55 and 0.65 beat 4 each, 0.85 and 0.95 beat 5 each
    assert curve.judged.auc == 21 / 25
    point = next(one for one in curve.points if one.threshold == 0.5)
    assert (point.kept, point.precision, point.recall, point.balanced_accuracy) == (
        5,
        4 / 5,
        4 / 5,
        (4 / 5 + 4 / 5) / 2,
    )
    assert curve.judged.best == 0.3  # 5 of 5 and 3 of 5 are 0.8 as well, and it is the lower one
    nothing = next(one for one in curve.points if one.threshold == 0.95)
    assert (nothing.kept, nothing.precision, nothing.recall) == (1, 1.0, 1 / 5)


def test_a_truth_by_address_and_caption_in_parquet_is_as_good(tmp_path: Path) -> None:
    table = ten(tmp_path)
    urls = [f"http://a.test/ten/{n}" for n in range(10)]
    captions = [f"picture {n}" for n in range(10)]
    pq.write_table(
        pa.table({"url": urls, "caption": captions, "match": [n > 4 for n in range(10)]}), tmp_path / "t.parquet"
    )
    curve = draw_curve([table], truth=tmp_path / "t.parquet")
    assert curve.judged is not None
    assert (curve.judged.auc, curve.judged.best) == (1.0, 0.5)
    down = draw_curve([table], truth=tmp_path / "t.parquet", below=True)
    assert down.judged is not None
    assert down.judged.auc == 0.0


def test_equal_scores_count_half(tmp_path: Path) -> None:
    table = a_table(tmp_path / "a.parquet", [0.5, 0.5, 0.5, 0.9])
    truth = csv(tmp_path / "t.csv", "content_id,match", "a-0,yes", "a-1,No", "a-2,FALSE", "a-3,true")
    curve = draw_curve([table], truth=truth)
    assert curve.judged is not None
    assert curve.judged.auc == (2 * 0.5 + 2) / 4


def test_where_all_match_there_is_no_accuracy_to_speak_of(tmp_path: Path) -> None:
    truth = csv(tmp_path / "t.csv", "content_id,match", *(f"ten-{n},1" for n in range(10)))
    curve = draw_curve([ten(tmp_path)], truth=truth)
    assert curve.judged is not None
    assert (curve.judged.auc, curve.judged.best) == (None, None)
    assert {point.balanced_accuracy for point in curve.points} == {None}
    assert any(" - " in line or line.endswith("-") for line in as_text(curve))


@settings(max_examples=25, deadline=None)  # each asks DuckDB anew
@given(st.lists(st.tuples(st.integers(0, 8), st.booleans()), min_size=1, max_size=30))
def test_what_it_counts_is_what_one_counts_by_hand(tmp_path_factory: Any, rows: list[tuple[int, bool]]) -> None:
    folder = tmp_path_factory.mktemp("curve")
    scores = [score / 8 for score, _ in rows]
    table = a_table(folder / "a.parquet", list(scores))
    truth = csv(folder / "t.csv", "content_id,match", *(f"a-{n},{int(match)}" for n, (_, match) in enumerate(rows)))
    curve = draw_curve([table], truth=truth)
    yes = [score for score, (_, match) in zip(scores, rows, strict=True) if match]
    no = [score for score, (_, match) in zip(scores, rows, strict=True) if not match]
    for point in curve.points:
        right, wrong = sum(one >= point.threshold for one in yes), sum(one >= point.threshold for one in no)
        assert point.kept == right + wrong
        assert point.precision == (right / (right + wrong) if right + wrong else None)
        assert point.recall == (right / len(yes) if yes else None)
    assert curve.judged is not None
    if yes and no:
        wins = sum((one > other) + (one == other) / 2 for one in yes for other in no)
        assert curve.judged.auc == pytest.approx(wins / len(yes) / len(no))


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["content_id,match", "ten-0,1", "ten-1,maybe"], "1 pairs have a value that is neither 1 nor 0"),
        (["content_id,match", "ten-0,1", "ten-0,"], "1 pairs have a value that is neither 1 nor 0"),
        (["content_id,match", "ten-0,1", "ten-0,0", "ten-1,1"], "says of 1 pairs both"),
        (["content_id,label", "ten-0,1"], "it has content_id, label"),
        (["url,match", "http://a.test/ten/0,1"], "needs the columns match and content_id"),
        (["content_id,match", "elsewhere,1"], "none of its 1 pairs has a row"),
    ],
)
def test_a_truth_that_cannot_be_one_is_refused(tmp_path: Path, lines: list[str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        draw_curve([ten(tmp_path)], truth=csv(tmp_path / "t.csv", *lines))


def test_a_pair_may_be_named_twice_if_it_is_the_same(tmp_path: Path) -> None:
    truth = csv(tmp_path / "t.csv", "content_id,match", "ten-0,1", "ten-0,true", "ten-9,0")
    judged = draw_curve([ten(tmp_path)], truth=truth).judged
    assert judged is not None
    assert (judged.pairs, judged.rows) == (2, 2)


# where from, and mistakes ----------------------------------------------------------------------------------------


def test_of_a_run_only_finished_shards_count(tmp_path: Path) -> None:
    done = a_table(tmp_path / "run" / "shards" / "00000.parquet", [0.1])
    a_table(tmp_path / "run" / "shards" / "00001.parquet", [0.2])
    (tmp_path / "run" / "shards" / "00000_stats.json").write_text("{}")
    loose = ten(tmp_path / "loose")
    assert tables_of([tmp_path / "run", loose.parent, loose]) == [done, loose, loose]
    for nothing in (tmp_path / "nowhere", tmp_path):
        with pytest.raises(InputError, match="is no run with finished shards"):
            tables_of([nothing])


@pytest.mark.parametrize(
    ("score", "message"),
    [
        ("punsafe", "the score columns are: similarity"),
        ("caption", "the score columns are"),
        ('a"b', "no score column"),
    ],
)
def test_a_score_that_is_none_is_named_with_those_that_there_are(tmp_path: Path, score: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        draw_curve([ten(tmp_path)], score)


def test_a_column_with_an_odd_name_is_a_column(tmp_path: Path) -> None:
    table = tmp_path / "odd.parquet"
    pq.write_table(pa.table({'my "own" score': [0.5, 0.7]}), table)
    assert draw_curve([table], 'my "own" score').scored == 2


def test_files_that_are_no_tables_are_named(tmp_path: Path) -> None:
    broken = csv(tmp_path / "broken.parquet", "PAR1 not really")
    with pytest.raises(InputError, match=r"broken\.parquet: cannot be read as a table"):
        draw_curve([broken])
    with pytest.raises(InputError, match=r"broken\.parquet: cannot be read as CSV or parquet"):
        draw_curve([ten(tmp_path)], truth=broken)
    with pytest.raises(InputError, match="no row has a value of similarity"):
        draw_curve([a_table(tmp_path / "empty.parquet", [None, None])])


# how it is told --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("low", "high", "first", "last", "number"),
    [(0, 1, 0, 1, 21), (-0.031, 0.412, -0.05, 0.425, 20), (0.1, 0.1, 0.1, 0.1, 1), (0, 3e9, 0, 3e9, 16), (3, 3.0001, 3, 3.0001, 21)],
)  # fmt: skip
def test_thresholds_are_round_numbers_around_the_scores(
    low: float, high: float, first: float, last: float, number: int
) -> None:
    thresholds = nice_thresholds(low, high)
    assert (thresholds[0], thresholds[-1], len(thresholds)) == (first, last, number)


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6))
def test_thresholds_rise_and_cover_the_scores(low: float, width: float) -> None:
    thresholds = nice_thresholds(low, low + width)
    assert list(thresholds) == sorted(set(thresholds))
    slack = 1e-6 * width + 1e-9 * abs(low)
    assert thresholds[0] <= low + slack
    assert thresholds[-1] >= low + width - slack
    assert len(thresholds) <= 23


def test_the_text_has_a_line_and_a_bar_for_each_threshold(tmp_path: Path) -> None:
    lines = list(as_text(draw_curve([ten(tmp_path)])))
    assert lines[0] == f"similarity: 10 rows, 0.050 to 0.950, by {TINY}"
    assert lines[1].split() == ["from", "rows", "share"]
    assert lines[2] == "      0.05             10   100.0%  " + "#" * 30
    assert lines[11].split()[:3] == ["0.50", "5", "50.0%"]


def test_the_command_prints_it_for_people_and_for_machines(tmp_path: Path) -> None:
    table = ten(tmp_path)
    truth = csv(tmp_path / "t.csv", "content_id,match", "ten-0,0", "ten-9,1")
    said = CliRunner().invoke(app, ["filters", "curve", str(table), "--truth", str(truth), "--from", "0", "--to", "1"])
    assert (said.exit_code, "AUC 1.0000" in said.output, "balanced" in said.output) == (0, True, True)
    told = json.loads(CliRunner().invoke(app, ["filters", "curve", str(table), "--below", "--json"]).output)
    assert (told["scored"], told["below"], told["points"][-1]["kept"]) == (10, True, 9)


@pytest.mark.parametrize("words", [["filters"], ["filters", "list"]])
def test_filters_alone_lists_the_filters(words: list[str]) -> None:
    assert "pictures.near_uniform" in CliRunner().invoke(app, words).output
    assert json.loads(CliRunner().invoke(app, [*words, "--json"]).output)[0]["use"] == "candidates.alphanumeric"
