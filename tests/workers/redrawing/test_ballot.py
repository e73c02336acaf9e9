"""What is known of another recipe's verdicts: by the reasons of rows, by their columns, or not at all."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from crawler.errors import InputError, RunFolderError, SettingsError
from crawler.records import Fault
from crawler.settings import Recipe
from tests.workers.redrawing.frozen_runs import TINY, a_recipe, a_run, a_table, row
from workers.redrawing.asking import open_rows
from workers.redrawing.ballot import NO, UNKNOWN, YES, ballot_of, not_told_by, outcome
from workers.redrawing.frozen import frozen_at

SAID = {YES: "kept", NO: "not", UNKNOWN: "unknown"}
MIN_64, MIN_32 = "pictures.min_side pixels=64", "pictures.min_side pixels=32"
CLIP_28, CLIP_30 = "pictures.clip_similarity threshold=0.28", "pictures.clip_similarity threshold=0.30"


def said(place: Path, *recipes: Recipe, any_model: bool = False) -> list[tuple[str, ...]]:
    """What each recipe makes of each row, in the order of the rows."""
    frozen = frozen_at([place])
    ballot = ballot_of(recipes, frozen, any_model=any_model)
    with open_rows(frozen, ballot) as rows:
        found = {
            place: tuple(SAID[outcome(ballot, number, signature)] for number in range(len(recipes)))
            for place, signature, _ in rows.counts("place")
        }
    return [found[place] for place in sorted(found)]


def test_a_threshold_is_drawn_anew_for_kept_and_rejected_rows_alike(tmp_path: Path) -> None:
    frozen = a_recipe(CLIP_28)
    rows = [row(0, 0.31), row(1, 0.29), row(2, 0.27, reason="clip_similarity"), row(3, 0.3)]
    run = a_run(tmp_path, frozen, rows)
    lower, higher = a_recipe("pictures.clip_similarity threshold=0.26"), a_recipe(CLIP_30)
    assert said(run, lower, higher) == [("kept", "kept"), ("kept", "not"), ("kept", "not"), ("kept", "kept")]


def test_the_runs_own_recipe_is_what_the_run_said(tmp_path: Path) -> None:
    recipe = a_recipe("candidates.text_length", "bodies.c2pa_opt_out", "pictures.near_uniform", CLIP_28)
    reasons = [None, "text_length", "c2pa_opt_out", "near_uniform", "clip_similarity", Fault.TIMEOUT, Fault.LOOK_ALIKE]
    run = a_run(tmp_path, recipe, [row(n, 0.9, reason=reason) for n, reason in enumerate(reasons)])
    assert said(run, recipe) == [("kept",), *[("not",)] * 6]


def test_what_was_never_looked_at_is_not_guessed(tmp_path: Path) -> None:
    frozen = a_recipe("candidates.text_length", MIN_64, CLIP_28)
    rows = [
        row(0, None, caption="four", reason="text_length", original_width=None),
        row(1, None, original_width=40, reason="min_side"),
        row(2, None, original_width=20, reason="min_side"),
        row(3, 0.5),
    ]
    run = a_run(tmp_path, frozen, rows)
    looser = a_recipe("candidates.text_length min_characters=3", MIN_32, CLIP_28)
    # too short and never fetched; large enough by now, but never scored; too small still
    assert said(run, looser) == [("unknown",), ("unknown",), ("not",), ("kept",)]
    no_model = a_recipe("candidates.text_length min_characters=3", MIN_32)
    assert said(run, no_model) == [("unknown",), ("kept",), ("not",), ("kept",)]


def test_a_filter_that_no_column_tells_is_told_where_the_run_had_it(tmp_path: Path) -> None:
    run = a_run(tmp_path, a_recipe("pictures.near_uniform", CLIP_28), [row(0, 0.9), row(1, reason="near_uniform")])
    same = a_recipe("pictures.near_uniform", CLIP_30)
    other = a_recipe("pictures.near_uniform levels=9", CLIP_30)
    assert said(run, same, other) == [("kept", "unknown"), ("not", "unknown")]


def test_defaults_that_are_written_out_are_the_same_filter(tmp_path: Path) -> None:
    run = a_run(tmp_path, a_recipe("pictures.near_uniform"), [row(0)])
    assert said(run, a_recipe("pictures.near_uniform levels=8 share=0.002")) == [("kept",)]
    ballot = ballot_of(
        [a_recipe(CLIP_28), a_recipe(f"{CLIP_28} batch_size=2"), a_recipe("pictures.clip_similarity")], frozen_at([run])
    )
    assert len(ballot.variants) == 1


def test_lists_are_the_same_where_their_words_are(tmp_path: Path) -> None:
    for folder, words in (("old", "boat\n"), ("same", "boat\n"), ("new", "number\n")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "words.txt").write_text(words)
    use = 'candidates.keywords path="words.txt"'
    run = a_run(tmp_path / "run", a_recipe(use, folder=str(tmp_path / "old")), [row(0), row(1, reason="keywords")])
    same, new = (a_recipe(use, folder=str(tmp_path / folder)) for folder in ("same", "new"))
    # "picture number 1" has a word of the new list; its row says that it was never fetched, which then does not matter
    assert said(run, same, new) == [("kept", "not"), ("not", "not")]
    (tmp_path / "old" / "words.txt").unlink()
    assert said(run, same) == [("kept",), ("unknown",)]  # who knows which list it was


def test_what_the_run_had_is_not_read_again(tmp_path: Path) -> None:
    (tmp_path / "words.txt").write_text("boat\n")
    recipe = a_recipe('candidates.keywords path="words.txt"', folder=str(tmp_path))
    run = a_run(tmp_path / "run", recipe, [row(0)])
    (tmp_path / "words.txt").unlink()
    assert said(run, recipe) == [("kept",)]
    with pytest.raises(SettingsError, match=r"a recipe: .*words\.txt"):
        said(a_table(tmp_path / "bare.parquet", [row(0)]), recipe)


def test_scores_of_another_model_tell_nothing_unless_one_says_so(tmp_path: Path) -> None:
    rows = [row(0, 0.9, similarity_model="large@sha256:000000000000 float32"), row(1, 0.9), row(2)]
    table = a_table(tmp_path / "t.parquet", rows)
    assert said(table, a_recipe(CLIP_28)) == [("unknown",), ("kept",), ("unknown",)]
    assert said(table, a_recipe(CLIP_28), any_model=True) == [("kept",), ("kept",), ("unknown",)]


def test_tables_of_img2dataset_are_read_as_far_as_they_go(tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(
        pa.table({
            "url": ["http://a.test/1", "http://a.test/2", "http://a.test/3"], "caption": ["long enough", "no", "gone"],
            "status": ["success", "success", "failed_to_download"], "similarity": pa.array([0.9, 0.1, None], pa.float32()),
        }), tmp_path / "00000.parquet",
    )  # fmt: skip
    recipes = (a_recipe("candidates.text_length"), a_recipe(CLIP_28))
    assert said(tmp_path, *recipes) == [("kept", "unknown"), ("not", "unknown"), ("not", "not")]
    assert said(tmp_path, *recipes, any_model=True) == [("kept", "kept"), ("not", "not"), ("not", "not")]


def test_runs_of_different_recipes_are_each_taken_by_their_own_word(tmp_path: Path) -> None:
    uniform = "pictures.near_uniform"
    runs = [
        a_run(tmp_path / "one", a_recipe(uniform), [row(0), row(1, reason="near_uniform")]),
        a_run(tmp_path / "two", a_recipe(f"{uniform} levels=9"), [row(2), row(3, reason="near_uniform")]),
    ]
    frozen = frozen_at(runs)
    ballot = ballot_of([a_recipe(uniform), a_recipe(f"{uniform} levels=9")], frozen)
    with open_rows(frozen, ballot) as rows:
        found: Counter[tuple[str, ...]] = Counter()
        for content_id, signature, _ in rows.counts("content_id"):
            found[tuple(SAID[outcome(ballot, number, signature)] for number in (0, 1))] += 1
            assert content_id
    assert found == {("kept", "unknown"): 1, ("not", "unknown"): 1, ("unknown", "kept"): 1, ("unknown", "not"): 1}


def test_who_does_not_tell_is_named(tmp_path: Path) -> None:
    run = a_run(tmp_path, a_recipe(MIN_64), [row(0), row(1, caption="four", reason="text_length", original_width=None)])
    frozen = frozen_at([run])
    ballot = ballot_of([a_recipe(MIN_64, "pictures.near_uniform")], frozen)
    with open_rows(frozen, ballot) as rows:
        names = [not_told_by(ballot, 0, signature) for _, signature, _ in rows.counts("place")]
    assert sorted(names) == ["pictures.min_side", "pictures.near_uniform"]


def test_rows_that_sql_cannot_tell_are_judged_one_by_one(tmp_path: Path) -> None:
    rows = [
        row(0, 0.9, caption="IMG_1234.jpg"),
        row(1, 0.9),
        row(2, 0.1, caption="IMG_99.jpg"),
        row(3, 0.9, reason=Fault.TIMEOUT),
    ]
    table = a_table(tmp_path / "t.parquet", rows)
    frozen = frozen_at([table])
    recipes = [
        a_recipe("candidates.boilerplate", CLIP_28),
        a_recipe('candidates.boilerplate kinds=["numbers"]', CLIP_28),
    ]
    ballot = ballot_of(recipes, frozen)
    told: list[tuple[int, int]] = []
    with open_rows(frozen, ballot, told=lambda *numbers: told.append(numbers)) as asked:
        found = {
            place: [outcome(ballot, n, signature) for n in (0, 1)] for place, signature, _ in asked.counts("place")
        }
    assert found == {0: [NO, YES], 1: [YES, YES], 2: [NO, NO], 3: [NO, NO]}
    assert told == [(2, 2)]  # one is decided by its score, one never arrived


def test_more_filters_than_a_word_holds(tmp_path: Path) -> None:
    table = a_table(tmp_path / "t.parquet", [row(n, n / 100) for n in range(100)])
    recipes = [a_recipe(f"pictures.clip_similarity threshold={n / 100}") for n in range(80)]
    frozen = frozen_at([table])
    ballot = ballot_of(recipes, frozen)
    kept: Counter[int] = Counter()
    with open_rows(frozen, ballot) as rows:
        for _, signature, number in rows.counts("NULL"):
            assert rows.unpacked(rows.packed(signature)) == signature
            kept.update({n: number for n in range(80) if outcome(ballot, n, signature) == YES})
    assert kept == {n: 100 - n for n in range(80)}


@pytest.mark.parametrize("name", ["it's.parquet", 'a"b.parquet', "$x; DROP TABLE rows --.parquet"])
def test_a_file_may_have_any_name(tmp_path: Path, name: str) -> None:
    assert said(a_table(tmp_path / name, [row(0, 0.9)]), a_recipe(CLIP_28)) == [("kept",)]


def test_what_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "t.parquet").write_bytes(b"PAR1 and no table")
    with pytest.raises(InputError, match=r"t\.parquet: cannot be read as a table"):
        said(tmp_path / "t.parquet", a_recipe(CLIP_28))
    strange: Any = a_recipe(CLIP_28)
    run = a_run(tmp_path / "run", strange, [row(0, 0.9)])
    pin = (run / "run.json").read_bytes().replace(b"pictures.clip_similarity", b"pictures.of_another_day")
    (run / "run.json").write_bytes(pin)
    with pytest.raises(RunFolderError, match=r"pictures\.of_another_day"):
        frozen_at([run])


def test_the_embedded_models_own_name_is_what_rows_have() -> None:
    assert TINY.startswith("pairtrawl-tiny@sha256:")
