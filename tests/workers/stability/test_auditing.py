"""Which verdicts flip when something changes that should not matter."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from rich.console import Console

import filters
from crawler.errors import InputError
from crawler.raw import RawWriter
from crawler.records import Candidate, Fault, Rejected, Verdict
from crawler.report import Report
from crawler.rows import Pictured, candidate_row, rejected_row
from crawler.settings import Recipe, parse_recipe
from crawler.statuses import SUCCESS
from filters.lines import Line
from tests import picture_shards
from tests.builders import a_candidate
from tests.picture_shards import picture_folder
from workers.progress import Display
from workers.stability.auditing import Audit, audit
from workers.stability.flips import Answers, as_lines, centile, flips_at_all, flips_of
from workers.stability.pairs import sample_pairs

QUIET = Display(Console(quiet=True))
KEPT = 12


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Shards of twelve kept pairs, called "boat N, schön & größer", 40 to 49 pixels wide and 30 high."""
    return picture_folder(tmp_path_factory.mktemp("shards"), [0, 1], 8)


@dataclass(frozen=True, slots=True)
class _Planted:
    """A filter that keeps what a test says."""

    keeps: Callable[[Any], bool]

    def judge(self, batch: Sequence[Any]) -> list[Verdict]:
        return [Verdict(self.keeps(one), score=len(batch)) for one in batch]


def a_recipe(*chosen: str) -> Recipe:
    return parse_recipe("\n".join(f"[[filters]]\n{one}" for one in chosen), name="r.toml")


def flipped(report: dict[str, Any], use: str) -> dict[str, int]:
    """By change how many verdicts of a filter flip."""
    (found,) = (one for one in report["filters"] if one["use"] == use)
    return {one["change"]: one["flipped"] for one in found["changes"]}


@pytest.fixture(scope="module")
def planted(shards: Path) -> dict[str, Any]:
    """The audit of three filters that should not have been written."""
    seen: list[str] = []

    def first_come(one: Candidate) -> bool:
        seen.append(one.content_id)
        return len(seen) % 5 != 0

    wrong: dict[str, Callable[[Any], bool]] = {
        "candidates.shouting": lambda one: not one.caption.text.isupper(),
        "candidates.counting": first_come,
        "pictures.even": lambda one: one.pixels.height % 2 == 0,
    }
    with pytest.MonkeyPatch.context() as patch:
        known = filters.names()
        for name, keeps in wrong.items():
            module = ModuleType(f"filters.{name}", "A planted filter.")
            module.build = _building(keeps)  # type: ignore[attr-defined]  # what a filter's file has
            patch.setitem(sys.modules, f"filters.{name}", module)
        patch.setattr(filters, "names", lambda: (*known, *wrong))
        return audit(Audit(shards, a_recipe(*(f'use = "{name}"' for name in wrong))), QUIET)


def _building(keeps: Callable[[Any], bool]) -> Callable[[], _Planted]:
    def build() -> _Planted:
        return _Planted(keeps)

    return build


@pytest.fixture(scope="module")
def exact(shards: Path) -> dict[str, Any]:
    """The audit of four filters whose verdicts no such change can turn."""
    recipe = a_recipe(
        'use = "candidates.text_length"', 'use = "bodies.min_bytes"\nbody_bytes = 10', 'use = "pictures.min_side"\npixels = 20',
        'use = "pictures.aspect"',
    )  # fmt: skip
    return audit(Audit(shards, recipe, mirrored=True), QUIET)


def test_a_filter_whose_verdict_depends_on_case_is_found_out(planted: dict[str, Any]) -> None:
    assert flipped(planted, "candidates.shouting") == {
        "lower case": 0, "upper case": KEPT, "white space": 0, "neighbours": 0,
    }  # fmt: skip
    (upper,) = (one for one in planted["filters"][0]["changes"] if one["change"] == "upper case")
    assert (upper["to_rejected"], upper["to_kept"], upper["share"]) == (KEPT, 0, 1.0)
    assert upper["low"] > 0.7


def test_a_filter_that_one_pixel_turns_is_found_out(planted: dict[str, Any]) -> None:
    found = flipped(planted, "pictures.even")
    assert found["one pixel"] == KEPT
    assert found["smaller"] == KEPT  # 30 pixels become 29
    assert found["jpeg"] == found["webp"] == found["neighbours"] == found["upper case"] == 0


def test_a_filter_that_looks_at_its_neighbours_is_found_out(planted: dict[str, Any]) -> None:
    assert flipped(planted, "candidates.counting")["neighbours"] > 0


def test_filters_that_are_exact_never_flip(exact: dict[str, Any]) -> None:
    assert {count for one in exact["filters"] for count in flipped(exact, one["use"]).values()} == {0}
    assert set(flipped(exact, "bodies.min_bytes")) == {"jpeg", "webp", "neighbours"}
    assert exact["pairs"] == KEPT
    assert json.loads(json.dumps(exact)) == exact


def test_of_kept_pairs_alone_the_report_says_so(exact: dict[str, Any]) -> None:
    text = "\n".join(as_lines(exact))
    assert "pairs that were kept" in text
    assert "pictures.aspect: keeps 12 of 12; no verdict flips under any of 9 changes" in text


def test_mirroring_is_asked_for_and_said_to_matter(exact: dict[str, Any]) -> None:
    assert [one["name"] for one in exact["changes"] if one["may_matter"]] == ["mirrored"]
    assert "(may matter)" in "\n".join(as_lines(exact))


@pytest.mark.clip
@pytest.mark.slow
def test_a_model_is_asked_in_other_batches_and_precision_and_scores_move_little(shards: Path) -> None:
    recipe = a_recipe('use = "pictures.clip_similarity"\nthreshold = 0.2')
    report = audit(Audit(shards, recipe, pairs=6), QUIET)
    (clip,) = report["filters"]
    by_change = {one["change"]: one for one in clip["changes"]}
    assert {"batch of one", "bfloat16", "neighbours", "jpeg", "lower case"} <= set(by_change)
    assert "float32" not in by_change  # as it is
    assert by_change["neighbours"]["moved"] == {"median": 0.0, "p95": 0.0}  # not one bit, on a CPU
    assert by_change["batch of one"]["moved"]["p95"] < 1e-5
    assert 0 < by_change["bfloat16"]["moved"]["p95"] < 0.05
    assert sum(band["pairs"] for band in clip["near"]) == 6


def test_pairs_of_raw_shards_come_before_those_that_were_kept(tmp_path: Path, shards: Path) -> None:
    raw = tmp_path / "raw"
    raw.mkdir()
    pairs = sample_pairs(shards, 3)
    with RawWriter(raw / "00000.parquet", 4, ()) as writer:
        for index, pair in enumerate(pairs):
            writer.keep(index, Pictured(candidate_row(pair.candidate) | {"status": SUCCESS}, pair.image, "jpg"))
        writer.reject(3, rejected_row(Rejected(a_candidate(), Fault.TIMEOUT)))
        writer.commit(Report(job="fetch 0", kind="fetch", recipe="r", stages=()))
    assert [one.image for one in sample_pairs(tmp_path, 10)] == [one.image for one in pairs]


def test_a_sample_of_pairs_is_the_same_again_and_another_seed_gives_another(shards: Path) -> None:
    ids = [[one.candidate.content_id for one in sample_pairs(shards, 4, seed)] for seed in (0, 0, 1)]
    assert ids[0] == ids[1] != ids[2]
    kept = {picture_shards.uid(100 * shard + row) for shard in (0, 1) for row in range(8) if row % 4 != 3}
    assert {one.candidate.content_id for one in sample_pairs(shards, 100)} == kept


def test_what_cannot_be_audited_is_named(tmp_path: Path, shards: Path) -> None:
    with pytest.raises(InputError, match="no filters"):
        audit(Audit(shards, a_recipe()), QUIET)
    with pytest.raises(InputError, match="is no run"):
        audit(Audit(tmp_path, a_recipe('use = "pictures.aspect"')), QUIET)


def verdicts(*scores: float, line: float = 0.5) -> list[Verdict]:
    return [Verdict(score >= line, score) for score in scores]


def test_flips_are_counted_by_how_near_to_the_line_a_pair_was() -> None:
    scores = [0.496, *(0.505 + place / 100 for place in range(19))]  # the first is below the line
    answers = Answers("pictures.any", (Line("any", 0.5, "from"),), verdicts(*scores))
    answers.after["jpeg"] = verdicts(*(score + 0.015 for score in scores))
    answers.after["mirrored"] = verdicts(*(score - 0.3 for score in scores))
    found = flips_of(answers, ["jpeg"])
    assert found["changes"][0]["to_kept"] == 1
    assert found["changes"][0]["moved"] == {"median": 0.015, "p95": 0.015}
    assert [band["pairs"] for band in found["near"]] == [2, 3, 5, 10]
    assert [band["flipped"] for band in found["near"]] == [1, 0, 0, 0]  # mirroring is not counted here


def test_of_several_filters_a_pair_flips_if_what_all_of_them_say_changes() -> None:
    one = Answers("pictures.one", before=verdicts(1, 1, 0), after={"jpeg": verdicts(0, 1, 1)})
    other = Answers("candidates.other", before=verdicts(0, 1, 1))  # cannot see it
    found = flips_at_all([one, other], "jpeg")
    assert found is not None
    assert (found["flipped"], found["to_kept"], found["to_rejected"]) == (1, 1, 0)
    assert flips_at_all([other], "jpeg") is None


def test_a_centile_is_a_value_that_there_is() -> None:
    assert [centile([1.0, 2.0, 3.0, 4.0], share) for share in (1, 50, 95)] == [1.0, 2.0, 4.0]
