from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest
from PIL import Image

import filters
from crawler.errors import SettingsError
from crawler.records import Picture
from filters.models.self_test import drawing
from filters.pictures.unsafe_prompts import UnsafePrompts, build
from filters.zero_shot import Prompts
from tests.builders import a_candidate, a_fetched, a_picture
from tests.fakes.vectors import ASKED, PlantedEngine, embedded, unit_vectors

CLASSES: dict[str, Prompts] = {
    "flag": Prompts(unsafe=True, prompts=("a flag", "a banner")),
    "animal": Prompts(unsafe=False, prompts=("an animal",)),
}
FLAG, ANIMAL = np.eye(2, 8, dtype=np.float32)


def planted(name: str = "planted", **settings: Any) -> UnsafePrompts:
    """The filter, with an engine that knows the prompts' vectors."""
    vectors = {"a flag": FLAG, "a banner": FLAG, "an animal": ANIMAL}
    engine = PlantedEngine(tuple((text, tuple(vector.tolist())) for text, vector in vectors.items()), name)
    return build(classes=CLASSES, **settings).with_engines(lambda _: engine)


def test_pictures_nearer_to_unsafe_prompts_go_and_the_winning_class_is_named() -> None:
    verdicts = planted().judge_embedded(embedded(np.stack([FLAG, ANIMAL])))
    assert [verdict.keep for verdict in verdicts] == [False, True]
    assert [verdict.score for verdict in verdicts] == pytest.approx([1, 0], abs=1e-6)
    assert verdicts[0].detail == "punsafe_prompts 1.0000, flag 1.0000"
    assert verdicts[1].detail == "punsafe_prompts 0.0000, animal 1.0000"


def test_prompts_are_embedded_once_an_engine_and_process() -> None:
    ASKED.clear()
    one, again, other = planted("one"), planted("one", threshold=0.2), planted("other")
    for filter_ in (one, again, one, other):
        filter_.judge_embedded(embedded(unit_vectors(3)))
    assert ASKED == [("an animal", "a banner", "a flag")] * 2


def test_nothing_is_asked_of_a_model_for_nothing() -> None:
    ASKED.clear()
    assert planted("idle").judge_embedded([]) == []
    assert ASKED == []


def test_a_verdict_is_the_same_alone_as_in_any_batch() -> None:
    filter_ = planted()
    batch = embedded(unit_vectors(40))
    together = filter_.judge_embedded(batch)
    assert {verdict.keep for verdict in together} == {True, False}
    assert [filter_.judge_embedded([one])[0] for one in batch] == together
    assert filter_.judge_embedded(batch[::-1]) == together[::-1]


def test_a_picture_whose_vector_has_no_numbers_goes_without_a_score() -> None:
    (verdict,) = planted(threshold=1.0).judge_embedded(embedded(np.full((1, 8), np.nan, np.float32)))
    assert (verdict.keep, verdict.score, verdict.detail) == (False, None, "the model gave no number")


def test_the_keyword_rule_is_the_same_as_of_a_head(tmp_path: Any) -> None:
    (tmp_path / "words.txt").write_text("kid\n")
    filter_ = planted(threshold=1.0, keyword_threshold=0.95, keywords="words.txt", folder=tmp_path)
    batch = embedded(np.stack([FLAG, FLAG, ANIMAL]), ["a kid", "a kidney", "a kid"])
    assert [verdict.keep for verdict in filter_.judge_embedded(batch)] == [False, True, True]


def test_what_the_score_is_made_with_tells_which_classes() -> None:
    assert build(classes=CLASSES).made_by.startswith("classes@sha256:")
    assert build(classes=CLASSES).made_by != build().made_by


def test_a_recipe_has_classes_as_tables() -> None:
    table = {"flag": {"unsafe": True, "prompts": ["a flag"]}, "boat": {"unsafe": False, "prompts": ["a boat"]}}
    built: Any = filters.load("pictures.unsafe_prompts", {"classes": table})
    assert built.zero_shot.prompts == ("a boat", "a flag")
    with pytest.raises(SettingsError, match=r"pictures\.unsafe_prompts: classes = .*`unsafe`"):
        filters.load("pictures.unsafe_prompts", {"classes": {"flag": {"prompts": ["a flag"]}}})


def test_it_is_a_filter_by_embeddings_that_keeps_its_rows_to_itself_if_told_so() -> None:
    assert isinstance(build(), filters.EmbeddingFilter)
    assert build().scores == "punsafe_prompts"
    assert not build().confidential
    assert build(confidential=True).confidential


# harmless stand-ins: the model that comes with the program knows emoji and drawings, and no pictures of the kind meant
STAND_INS = {
    "disc": Prompts(unsafe=True, prompts=("red circle", "a red ball")),
    "square": Prompts(unsafe=False, prompts=("blue square", "a blue box")),
    "flag": Prompts(unsafe=False, prompts=("flag: France", "flag: Italy")),
}


def pictures() -> list[Picture]:
    rng = np.random.default_rng(5)
    drawn = [drawing(name) for name in ("red disc", "blue square", "tricolour")]
    noise = [Image.fromarray(rng.integers(0, 256, (40, 50, 3), dtype=np.uint8)) for _ in range(8)]
    return [a_picture(pixels=pixels, fetched=a_fetched(candidate=a_candidate("a boat"))) for pixels in drawn + noise]


@pytest.mark.clip
def test_with_a_real_model_the_unsafe_stand_in_goes_and_the_others_stay() -> None:
    verdicts = build(classes=STAND_INS, batch_size=4).judge(pictures()[:3])
    assert [verdict.keep for verdict in verdicts] == [False, True, True]
    assert [verdict.detail.split()[2] for verdict in verdicts] == ["disc", "square", "flag"]


@pytest.mark.clip
def test_with_a_real_model_a_verdict_is_the_same_in_any_order_and_after_a_journey() -> None:
    filter_ = build(classes=STAND_INS, batch_size=4)
    together = filter_.judge(pictures())
    assert len({verdict.score for verdict in together}) == len(together)
    assert all(verdict.score is not None and 0 <= verdict.score <= 1 for verdict in together)
    assert filter_.judge(pictures()[::-1]) == together[::-1]
    assert [filter_.judge([one])[0] for one in pictures()] == together
    assert pickle.loads(pickle.dumps(filter_)).judge(pictures()) == together
    turned = build(classes=dict(reversed(STAND_INS.items())), batch_size=4)
    assert turned.judge(pictures()) == together
