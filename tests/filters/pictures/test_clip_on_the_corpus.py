"""The embedded model on real pictures and captions: its README's figures hold for this code."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from crawler.records import Picture
from filters.pictures.clip_similarity import ClipSimilarity, build
from tests.builders import a_candidate, a_fetched, a_picture

pytestmark = [pytest.mark.clip, pytest.mark.corpus, pytest.mark.slow]

CORPUS = Path(__file__).parents[3] / "../shared/corpus/offline-web.tar.xz"
FOLDER = "./emoji-cdn.test/"
TRUTH = "./_meta/truth.jsonl"


class Scored(NamedTuple):
    matches: NDArray[np.float64]  # similarities of emoji-en: 411 pictures with their captions
    mismatches: NDArray[np.float64]  # of mixup-en: the same pictures with each other's captions
    filter: ClipSimilarity
    pictures: list[Picture]


@pytest.fixture(scope="module")
def scored() -> Scored:
    if not CORPUS.exists():
        pytest.skip("the shared corpus is not beside this repository")
    import torch

    torch.set_num_threads(1)
    truth, pictures = _read()
    rows = [row for row in truth if row["page"].startswith(("http://emoji-en.test/", "http://mixup-en.test/"))]
    filter_ = build(threshold=0.40)
    shown = [
        a_picture(pixels=pictures[row["url"].partition("?")[0]], fetched=a_fetched(candidate=a_candidate(row["alt"])))
        for row in rows
    ]
    scores = np.array([verdict.score for verdict in filter_.judge(shown)])
    match = np.array([row["match"] for row in rows])
    return Scored(scores[match], scores[~match], filter_, shown)


def _read() -> tuple[list[dict[str, str]], dict[str, Image.Image]]:
    truth: list[dict[str, str]] = []
    pictures = {}
    with tarfile.open(CORPUS, "r|xz") as archive:
        for member in archive:
            content = archive.extractfile(member) if member.name.startswith((FOLDER, TRUTH)) else None
            if content is None:
                continue
            if member.name == TRUTH:
                truth = [json.loads(line) for line in content]
            else:
                url = f"http://emoji-cdn.test/{member.name.removeprefix(FOLDER)}"
                pictures[url] = _upright_rgb_on_white(content.read())
    return truth, pictures


def _upright_rgb_on_white(body: bytes) -> Image.Image:
    picture = Image.open(io.BytesIO(body)).convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture).convert("RGB")


def test_at_the_demos_threshold_matches_stay_and_mismatches_go(scored: Scored) -> None:
    assert (len(scored.matches), len(scored.mismatches)) == (411, 411)
    recall, false_alarms = (scored.matches >= 0.40).mean(), (scored.mismatches >= 0.40).mean()
    assert recall == pytest.approx(0.985, abs=0.01)
    assert false_alarms == pytest.approx(0.051, abs=0.01)


def test_mean_similarities_and_area_under_the_curve_are_the_readmes(scored: Scored) -> None:
    assert scored.matches.mean() == pytest.approx(0.71, abs=0.01)
    assert scored.mismatches.mean() == pytest.approx(0.03, abs=0.01)
    wins = (scored.matches[:, None] > scored.mismatches[None, :]).mean()
    assert wins == pytest.approx(0.995, abs=0.002)


def test_the_same_pictures_in_another_order_get_the_same_similarities_bit_for_bit(scored: Scored) -> None:
    some = scored.pictures[:100]
    order = np.random.default_rng(1).permutation(len(some)).tolist()
    straight = scored.filter.judge(some)
    assert scored.filter.judge([some[place] for place in order]) == [straight[place] for place in order]
