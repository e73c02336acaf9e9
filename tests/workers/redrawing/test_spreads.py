"""The curves of all scores of some tables."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from crawler.errors import InputError
from crawler.records import Fault
from tests.workers.redrawing.frozen_runs import TINY, a_table, row
from workers.redrawing.curve_page import render
from workers.redrawing.spreads import as_text, spreads_of


def unsafe(number: int, similarity: float, probability: float | None, **changes: Any) -> dict[str, Any]:
    return row(number, similarity, punsafe=probability, punsafe_model=None if probability is None else TINY, **changes)


def test_every_score_has_a_curve_from_its_lowest_to_its_highest_value(tmp_path: Path) -> None:
    rows = [
        unsafe(0, 0.1, 0.9, reason="unsafe_head"), unsafe(1, 0.2, 0.0), unsafe(2, 0.3, None, reason=Fault.REPEATED_FILE),
        unsafe(3, 0.5, 0.2), row(4), row(5, float("nan")),
    ]  # fmt: skip
    found = spreads_of([a_table(tmp_path / "t.parquet", rows)])
    assert list(found["scores"]) == ["similarity", "punsafe"]
    one = found["scores"]["similarity"]
    assert (one["scored"], one["lowest"], one["highest"], one["models"]) == (4, 0.1, 0.5, [TINY])
    assert (sum(one["kept"]), sum(one["rejected"])) == (2, 2)
    curve = one["curve"]
    assert len(curve["thresholds"]) >= 40
    at = {round(threshold, 3): place for place, threshold in enumerate(curve["thresholds"])}
    assert [curve["kept"][at[x]] for x in (0.1, 0.2, 0.3, 0.4, 0.5)] == [4, 3, 2, 1, 1]
    assert curve["mean"][at[0.1]] == pytest.approx(1.1 / 4)
    assert curve["unsafe_share"][at[0.1]] == pytest.approx(1 / 3)
    assert [curve["duplicates"][at[x]] for x in (0.1, 0.3, 0.4)] == [1, 1, 0]
    low = found["scores"]["punsafe"]
    assert low["below"]
    assert low["curve"]["kept"][0] == 0
    # what lies on the last edge is not below it
    assert low["curve"]["kept"][-1] == (2 if low["curve"]["thresholds"][-1] == 0.9 else 3)


@settings(max_examples=5)
@given(st.lists(st.floats(-1, 1, width=32), min_size=1, max_size=30))
@example([0.0, 0.265625, 0.2800000011920929])
def test_what_stays_at_a_threshold_is_what_one_counts_by_hand(
    tmp_path_factory: pytest.TempPathFactory, scores: list[float]
) -> None:
    table = a_table(tmp_path_factory.mktemp("t") / "t.parquet", [row(n, score) for n, score in enumerate(scores)])
    one = spreads_of([table])["scores"]["similarity"]
    curve = one["curve"]
    assert curve["kept"][0] == len(scores)
    width = curve["thresholds"][1] - curve["thresholds"][0]
    for threshold, kept in zip(curve["thresholds"], curve["kept"], strict=True):
        slack = 2e-9 * width
        assert sum(score >= threshold + slack for score in scores) <= kept
        assert kept <= sum(score >= threshold - slack for score in scores)


def test_one_score_may_be_asked_for(tmp_path: Path) -> None:
    table = a_table(tmp_path / "t.parquet", [unsafe(0, 0.1, 0.9)])
    assert list(spreads_of([table], "punsafe")["scores"]) == ["punsafe"]
    with pytest.raises(InputError, match="the score columns are: similarity, punsafe"):
        spreads_of([table], "offset")
    with pytest.raises(InputError, match="no table has a score column with values"):
        spreads_of([a_table(tmp_path / "u.parquet", [row(0)])])
    (tmp_path / "v.parquet").write_bytes(b"no table")
    with pytest.raises(InputError, match=r"v\.parquet: cannot be read"):
        spreads_of([tmp_path / "v.parquet"])


def test_scores_of_several_models_are_told_apart(tmp_path: Path) -> None:
    rows = [row(0, 0.1), row(1, 0.2, similarity_model="<b>large</b>")]
    found = spreads_of([a_table(tmp_path / "t.parquet", rows)])
    assert any("several models" in line for line in as_text(found))
    page = render(found)
    assert "<b>large" not in page
    assert "&lt;b&gt;large" in page
    assert "several models" in page
    assert render(found) == page
