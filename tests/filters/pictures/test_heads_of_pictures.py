"""The four filters by trained heads: which score, and which side of the threshold stays."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import filters
from crawler.errors import SettingsError
from crawler.records import Picture, Verdict
from filters.head_filter import HeadFilter
from filters.heads import HeadFile
from filters.pictures import aesthetic_head, unsafe_head
from tests.builders import a_picture
from tests.fakes.vectors import MODEL, PlantedEngine, a_head, embedded, unit_vectors

#: vectors of two numbers; with the weights 1, 0 the score is the sigmoid of the first
VECTORS = np.array([[-1.0, 0.0], [0.0, 1.0], [1.0, 0.0], [np.nan, np.nan]], dtype=np.float32)
PROBABILITIES = [0.268941, 0.5, 0.731059]

FILTERS = ["pictures.unsafe_head", "pictures.watermark_head", "pictures.synthetic_head", "pictures.aesthetic_head"]
every_head = pytest.mark.parametrize("name", FILTERS)


def loaded(name: str, folder: Path, weights: Any = (1.0, 0.0), **settings: Any) -> HeadFilter:
    built = filters.load(name, {"head": a_head(folder, weights)} | settings)
    assert isinstance(built, HeadFilter)
    return built.with_engines(lambda _: PlantedEngine())


@pytest.mark.parametrize("name", FILTERS[:3])
def test_what_is_above_the_threshold_goes(tmp_path: Path, name: str) -> None:
    verdicts = loaded(name, tmp_path, threshold=0.5).judge_embedded(embedded(VECTORS))
    assert [verdict.keep for verdict in verdicts] == [True, True, False, False]
    assert [verdict.score for verdict in verdicts[:3]] == pytest.approx(PROBABILITIES, abs=1e-6)
    assert verdicts[3] == Verdict(False, None, "the model gave no number")


def test_what_is_not_beautiful_enough_goes(tmp_path: Path) -> None:
    filter_ = loaded("pictures.aesthetic_head", tmp_path, (2.0, 0.0, 5.0), threshold=5)
    verdicts = filter_.judge_embedded(embedded(VECTORS))
    assert [verdict.keep for verdict in verdicts] == [False, True, True, False]
    assert [verdict.score for verdict in verdicts] == [3, 5, 7, None]


def test_scores_have_the_names_and_thresholds_that_laion_gave_them(tmp_path: Path) -> None:
    built = [loaded(name, tmp_path) for name in FILTERS]
    assert [one.scores for one in built] == ["punsafe", "pwatermark", "psynthetic", "aesthetic"]
    rules: list[Any] = [one.rule for one in built]
    assert [rule.threshold for rule in rules] == [0.5, 0.8, 0.5, 5.0]


@every_head
def test_the_same_alone_as_in_any_batch(tmp_path: Path, name: str) -> None:
    filter_ = loaded(name, tmp_path, np.linspace(-9, 9, 8))
    batch = embedded(unit_vectors(40))
    together = filter_.judge_embedded(batch)
    assert [filter_.judge_embedded([one])[0] for one in batch] == together
    assert filter_.judge_embedded(batch[::-1]) == together[::-1]
    assert filter_.judge_embedded([]) == []


@every_head
def test_which_head_made_a_score_is_known_by_its_digest(tmp_path: Path, name: str) -> None:
    first = loaded(name, tmp_path)
    assert first.made_by.startswith("head.npy@sha256:")
    assert loaded(name, tmp_path, (0.5, 0.5)).made_by != first.made_by
    assert isinstance(first, filters.EmbeddingFilter)


@every_head
def test_a_head_of_another_model_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(SettingsError, match=f"of 5 numbers, but {MODEL} makes such of 2"):
        loaded(name, tmp_path, np.ones(5)).judge_embedded(embedded(VECTORS))


@every_head
def test_a_head_stands_on_the_recipes_folder_and_must_be_there(tmp_path: Path, name: str) -> None:
    a_head(tmp_path, np.ones(4))
    filters.load(name, {"head": "head.npy"}, folder=tmp_path)
    filters.load(name, {"head": {"path": "head.npy", "link": "sigmoid"}}, folder=tmp_path)
    with pytest.raises(SettingsError, match=rf"{name}: .*absent\.npy: cannot be read"):
        filters.load(name, {"head": "absent.npy"}, folder=tmp_path)
    with pytest.raises(SettingsError, match=r"head = .*unknown field `activations`"):
        filters.load(name, {"head": {"path": "head.npy", "activations": "relu"}}, folder=tmp_path)


def test_an_unsafe_head_has_the_keyword_rule_and_may_keep_its_rows_to_itself(tmp_path: Path) -> None:
    (tmp_path / "words.txt").write_text("kid\n")
    settings = {"threshold": 1.0, "keyword_threshold": 0.7, "keywords": str(tmp_path / "words.txt")}
    filter_ = loaded("pictures.unsafe_head", tmp_path, **settings, confidential=True)
    batch = embedded(VECTORS[[2, 2, 1]], ["a kid", "a kidney", "a kid"])
    assert [verdict.keep for verdict in filter_.judge_embedded(batch)] == [False, True, True]
    assert filter_.confidential
    assert not loaded("pictures.unsafe_head", tmp_path).confidential


@pytest.mark.clip
def test_a_head_judges_what_a_real_model_makes_of_pictures(tmp_path: Path) -> None:
    pictures: list[Picture] = [a_picture(color=color) for color in ((200, 30, 30), (10, 10, 10), (255, 255, 255))]
    head = a_head(tmp_path, np.random.default_rng(0).standard_normal(128) * 5)
    filter_ = unsafe_head.build(head=head, batch_size=4)
    verdicts = filter_.judge(pictures)
    assert len({verdict.score for verdict in verdicts}) == 3
    assert [filter_.judge([one])[0] for one in pictures] == verdicts
    number = aesthetic_head.build(head=HeadFile(head, link="sigmoid"), threshold=0.5, batch_size=4)
    assert [verdict.score for verdict in number.judge(pictures)] == [verdict.score for verdict in verdicts]
    with pytest.raises(
        SettingsError,
        match=r"reads vectors of 512 numbers, but pairtrawl-tiny@sha256:78c59187839c float32 makes such of 128",
    ):
        unsafe_head.build(head=a_head(tmp_path, np.ones(512), "other.npy")).judge(pictures)
