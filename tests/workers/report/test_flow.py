"""What enters a node of the Sankey diagram leaves it, whatever the report says."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from crawler.reasons import REASONS
from tests.workers.report.reports import HOSTILE, a_report
from workers.report.drawn.flow import Loss, Step, few, steps_of
from workers.report.drawn.reason_kinds import KINDS, kind_of
from workers.report.drawn.sankey import sankey

_NAMES = (
    "extract", "candidates", "plan", "filter candidates", "fetch", "filter bodies", "decode", "filter pictures",
    "placeholders", "duplicates", "something new",
)  # fmt: skip
_REASONS = [*list(REASONS)[::4], "min_side", "aspect"]


@st.composite
def reports(draw: st.DrawFn) -> dict[str, Any]:
    """Stages that add up, each for itself; what one kept is not always what the next one found."""
    stages = []
    for name in draw(st.lists(st.sampled_from(_NAMES), unique=True, max_size=8)):
        rejected = draw(st.dictionaries(st.sampled_from(_REASONS), st.integers(0, 10**9), max_size=12))
        kept = draw(st.integers(0, 10**9))
        stages.append({"stage": name, "found": kept + sum(rejected.values()), "kept": kept, "rejected": rejected})
    return {"stages": stages}


@settings(max_examples=40)
@given(reports())
def test_bands_add_up_at_every_node(report: dict[str, Any]) -> None:
    steps = steps_of(report)
    for before, after in pairwise(steps):
        assert before.kept == after.enters
        assert before.after == after.before
    for step in steps:
        assert step.enters + step.joined == step.kept + step.waiting + sum(one.count for one in step.losses)
        drawn = few(step.losses, step.height)
        assert sum(one.count for one in drawn) == sum(one.count for one in step.losses)
        assert len(drawn) <= 8
        assert {one.kind for one in drawn} <= set(KINDS)
    lost = sum(one.count for step in steps for one in step.losses)
    assert lost == sum(sum(one["rejected"].values()) for one in report["stages"])


@settings(max_examples=40)
@given(reports())
def test_bands_leave_a_node_side_by_side_as_wide_as_their_counts(report: dict[str, Any]) -> None:
    steps = steps_of(report)
    drawn = sankey(steps)
    if drawn is None:
        assert not any(step.height for step in steps)
        return
    largest = max(step.height for step in steps)
    for kind, path in re.findall(r'<path class="band (\w+)" d="([^"]+)"', drawn.svg):
        left, upper, *_, bottom = (float(one) for one in re.findall(r"-?[\d.]+", path))
        assert kind in {"kept", *KINDS}
        assert 46 - 1 <= upper <= bottom <= 46 + 300 + 1
        assert left >= 0
    wanted = sorted(
        count * 300 / largest
        for step in steps
        for count in (step.kept, step.waiting, *(one.count for one in few(step.losses, step.height)))
        if count * 300 / largest > 1
    )
    tall = sorted(thick for thick in map(_thickness, re.findall(r' d="([^"]+)"', drawn.svg)) if thick > 1.01)
    assert len(tall) <= len(wanted)
    for one, other in zip(wanted[::-1], tall[::-1], strict=False):
        assert abs(one - other) < 0.05


def _thickness(path: str) -> float:
    numbers = [float(one) for one in re.findall(r"-?[\d.]+", path)]
    return numbers[-1] - numbers[1]


def test_the_way_has_the_nodes_that_people_ask_for() -> None:
    stages = [
        *a_report()["stages"],
        {"stage": "duplicates", "found": 6_894, "kept": 6_890, "rejected": {"look_alike": 4}},
    ]
    stages.insert(5, {"stage": "decode", "found": 12_000, "kept": 12_000, "rejected": {}})
    steps = steps_of(a_report(stages=stages))
    assert [steps[0].before, *(one.after for one in steps)] == [
        "images", "candidates", "planned", "fetched", "decoded", "kept",
    ]  # fmt: skip


def test_what_was_planned_and_not_fetched_yet_is_waiting() -> None:
    stages = [
        {"stage": "plan", "found": 100, "kept": 90, "rejected": {"duplicate": 10}},
        {"stage": "fetch", "found": 30, "kept": 29, "rejected": {"timeout": 1}},
    ]
    assert steps_of({"stages": stages})[1] == Step("planned", "fetched", 90, 0, 60, (Loss("timeout", 1, "web"),), 29)


def test_counts_that_do_not_add_up_are_not_drawn() -> None:
    assert steps_of({"stages": [{"stage": "plan", "found": 9, "kept": 1, "rejected": {"duplicate": 1}}]}) == []
    assert steps_of({"stages": [{"stage": "plan", "found": 0, "kept": -1, "rejected": {"duplicate": 1}}]}) == []


def test_reasons_of_tables_without_jobs_stand_where_they_happened() -> None:
    fetched, kept = steps_of({"reasons": {"timeout": 3, "min_side": 4}, "totals": {"kept": 5}})
    assert (fetched.before, fetched.after, fetched.height, fetched.kept) == ("rows", "fetched", 12, 9)
    assert (kept.before, kept.after, kept.height, kept.kept) == ("fetched", "kept", 9, 5)


def test_reasons_of_other_tools_are_one_step_from_rows_to_kept_ones() -> None:
    (step,) = steps_of({"reasons": {"failed_to_download": 3, "no such thing": 4}, "totals": {"kept": 5}})
    assert (step.before, step.height, step.kept) == ("rows", 12, 5)
    assert steps_of({}) == []


def test_small_reasons_are_drawn_together_and_large_ones_by_name() -> None:
    losses = (
        Loss("aspect", 500, "filter"),
        Loss("min_side", 4, "filter"),
        *(Loss(f"r{n}", 1, "web") for n in range(9)),
    )
    drawn = few(losses, 1_000)
    assert [(one.reason, one.count) for one in drawn] == [("aspect", 500), ("min_side", 4), ("9 more", 9)]
    assert drawn[-1].kind == "web"


def test_a_band_of_one_in_ten_thousand_is_still_there_to_see() -> None:
    drawn = sankey([Step("decoded", "kept", 10_000, 0, 0, (Loss("aspect", 1, "filter"),), 9_999)])
    assert drawn is not None
    assert "aspect" in drawn.svg
    assert min(map(_thickness, re.findall(r' d="([^"]+)"', drawn.svg))) >= 0.79
    assert drawn.hair > 1


def test_no_reason_breaks_out_of_the_drawing() -> None:
    drawn = sankey([Step(HOSTILE, HOSTILE, 10, 0, 0, (Loss(HOSTILE, 1, "filter"),), 9)], 3)
    assert drawn is not None
    assert "<script" not in drawn.svg
    assert "<img" not in drawn.svg


def test_reasons_have_the_kind_that_their_words_say() -> None:
    assert [kind_of(one) for one in ("clip_similarity", "duplicate", "robots_refused", "http_gone", "no_text")] == [
        "filter", "again", "refused", "web", "unusable",
    ]  # fmt: skip
