from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from PIL import Image

from filters.models.preparation import Preprocessing
from workers.attempt import peak_bytes

SIZES = [
    (64, 64),
    (65, 64),
    (64, 80),
    (300, 200),
    (199, 301),
    (17, 40),
    (3, 2),
    (1, 1),
    (900, 61),
    (640, 40),
    (223, 225),
]
TINY = Preprocessing(64, 64, (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711))
WISHES: list[dict[str, Any]] = [
    {},
    {"interpolation": "bilinear"},
    {"resize_mode": "squash"},
    {"resize_mode": "longest"},
    {"resize_mode": "longest", "fill_color": 114},
    {"height": 64, "width": 64, "interpolation": "random"},
    {"height": 60, "width": 64},
    {"height": 40, "width": 56, "interpolation": "bilinear"},
    {"height": 40, "width": 56, "resize_mode": "longest"},
    {"height": 40, "width": 56, "resize_mode": "squash"},
    {"height": 224, "width": 224},
]


def noise(size: tuple[int, int], seed: int = 0) -> Image.Image:
    width, height = size
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8))


@pytest.mark.clip
@pytest.mark.parametrize("wishes", WISHES, ids=str)
def test_the_pixels_are_those_of_open_clips_own_preprocessing(wishes: dict[str, Any]) -> None:
    from filters.models.open_clip_border import import_open_clip
    from filters.models.towers import normalised

    preprocessing = dataclasses.replace(TINY, **wishes)
    theirs = import_open_clip().image_transform(
        image_size=(preprocessing.height, preprocessing.width),
        is_train=False,
        mean=preprocessing.mean,
        std=preprocessing.std,
        resize_mode=preprocessing.resize_mode,
        interpolation=preprocessing.interpolation,
        fill_color=preprocessing.fill_color,
    )
    for size in SIZES:
        picture = noise(size)
        ours = normalised(preprocessing.pixels(picture)[None], preprocessing, "cpu")[0]
        assert (ours - theirs(picture)).abs().max().item() < 1e-6, size


@pytest.mark.parametrize("size", [(20_000, 1), (1, 20_000), (20_000, 3), (5_000, 200)])
def test_a_very_long_picture_costs_no_more_than_what_is_kept_of_it(size: tuple[int, int]) -> None:
    picture = noise(size)
    before = peak_bytes()
    pixels = dataclasses.replace(TINY, height=224, width=224).pixels(picture)
    # resized as a whole, 20,000 x 1 would become 4,480,000 x 224: 3 GB
    assert peak_bytes() - before < 10**9
    assert pixels.shape == (224, 224, 3)


@pytest.mark.parametrize("size", [(1_700, 40), (40, 1_700), (2_000, 64), (1_111, 17)])
def test_resizing_only_the_middle_gives_the_middle_of_the_whole(size: tuple[int, int]) -> None:
    picture = noise(size)
    shorter = min(size)
    scaled = picture.resize((int(64 * size[0] / shorter), int(64 * size[1] / shorter)), Image.Resampling.BICUBIC)
    left, top = round((scaled.width - 64) / 2), round((scaled.height - 64) / 2)
    whole = np.asarray(scaled.crop((left, top, left + 64, top + 64)), dtype=int)
    assert np.abs(TINY.pixels(picture) - whole).max() <= 1  # Pillow takes the box in single precision


def test_the_result_is_a_copy_of_its_own() -> None:
    picture = noise((64, 64))
    pixels = TINY.pixels(picture)
    pixels[:] = 0
    assert np.asarray(picture).any()
    assert pixels.flags.c_contiguous
    assert pixels.dtype == np.uint8
