"""PDQ on real photographs, drawings and screenshots: what a list of them finds, and what it takes for one of them."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from PIL import Image

from crawler.picture.pdq import LEAST_QUALITY, pdq_of
from filters.pictures.pdq_removal import PdqRemoval, build
from tests.builders import a_picture

CORPUS = Path(__file__).parents[3] / "../shared/corpus/offline-web.tar.xz"
NUMBER = 100
SHORTEST_SIDE = 100

pytestmark = [
    pytest.mark.corpus,
    pytest.mark.slow,
    pytest.mark.skipif(not CORPUS.exists(), reason="the shared corpus is not beside the repository"),
]


class Shown(NamedTuple):
    listed: list[Image.Image]
    strangers: list[Image.Image]  # each more than 31 bits from every other picture here
    filter: PdqRemoval


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Shown:
    distinct: list[tuple[int, Image.Image]] = []
    with tarfile.open(CORPUS) as archive:
        for number, member in enumerate(archive):
            # some of each site: most sites have the same picture in many languages
            if number % 3 or not member.name.lower().endswith((".jpg", ".png", ".webp")):
                continue
            file = archive.extractfile(member)
            assert file is not None
            pixels = _on_white(Image.open(io.BytesIO(file.read())))
            if min(pixels.size) < SHORTEST_SIDE or max(pixels.size) > 10 * SHORTEST_SIDE:
                continue
            bits, quality = pdq_of(pixels)
            if quality >= LEAST_QUALITY and all((bits ^ other).bit_count() > 31 for other, _ in distinct):
                distinct.append((bits, pixels))
            if len(distinct) == 2 * NUMBER:
                break
    folder = tmp_path_factory.mktemp("list")
    (folder / "list").write_text("\n".join(f"{bits:064x}" for bits, _ in distinct[::2]))
    listed, strangers = ([pixels for _, pixels in distinct[start::2]] for start in (0, 1))
    return Shown(listed, strangers, build(path="list", folder=folder))


def _on_white(opened: Image.Image) -> Image.Image:
    pixels = opened.convert("RGBA")
    white = Image.new("RGBA", pixels.size, "white")
    white.alpha_composite(pixels)
    return white.convert("RGB")


def _compressed(pixels: Image.Image) -> Image.Image:
    out = io.BytesIO()
    pixels.save(out, "JPEG", quality=30)
    return Image.open(out).convert("RGB")


def _halved(pixels: Image.Image) -> Image.Image:
    return pixels.resize((pixels.width // 2, pixels.height // 2), Image.Resampling.LANCZOS)


#: how a copy is made, and how many of 100 are found at least; docs/decisions/0016-perceptual-hashes.md has the figures
COPIES: dict[str, tuple[Callable[[Image.Image], Image.Image], int]] = {
    "the same": (lambda pixels: pixels, 100),
    "JPEG q30": (_compressed, 95),
    "half the size": (_halved, 85),
    "mirrored": (lambda pixels: pixels.transpose(Image.Transpose.FLIP_LEFT_RIGHT), 100),
    "rotated by 90": (lambda pixels: pixels.transpose(Image.Transpose.ROTATE_90), 100),
    "rotated by 180": (lambda pixels: pixels.transpose(Image.Transpose.ROTATE_180), 100),
    "rotated by 90, JPEG q30": (lambda pixels: _compressed(pixels.transpose(Image.Transpose.ROTATE_90)), 95),
}


# checklist 39
@pytest.mark.parametrize("how", COPIES)
def test_copies_of_listed_pictures_are_found(shown: Shown, how: str) -> None:
    make, least = COPIES[how]
    verdicts = shown.filter.judge([a_picture(pixels=make(pixels)) for pixels in shown.listed])
    assert sum(not verdict.keep for verdict in verdicts) >= least * len(shown.listed) / 100


# checklist 40
def test_no_other_picture_is_dropped(shown: Shown) -> None:
    assert len(shown.strangers) == NUMBER
    dropped = [not verdict.keep for verdict in shown.filter.judge([a_picture(pixels=one) for one in shown.strangers])]
    # two pictures of one series may be alike when one of them is turned
    assert sum(dropped) <= 1


def test_hashes_of_different_pictures_lie_far_apart(shown: Shown) -> None:
    hashes = [pdq_of(pixels).bits for pixels in shown.strangers]
    assert np.median([(one ^ other).bit_count() for one, other in pairwise(hashes)]) > 100
