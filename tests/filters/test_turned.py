"""Hashes of turned pictures, made of the hash alone: near to what the turned picture has, and a group."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from crawler.picture.pdq import pdq_of
from filters.turned import turned_hashes

TURNS = (
    Image.Transpose.FLIP_LEFT_RIGHT, Image.Transpose.FLIP_TOP_BOTTOM, Image.Transpose.ROTATE_180,
    Image.Transpose.TRANSPOSE, Image.Transpose.ROTATE_90, Image.Transpose.ROTATE_270, Image.Transpose.TRANSVERSE,
)  # fmt: skip


def a_photograph(seed: int) -> Image.Image:
    """Soft shapes, as photographs have, 900 pixels a side."""
    noise = np.random.default_rng(seed).integers(0, 256, (12, 12, 3), np.uint8)
    return Image.fromarray(noise).resize((900, 900), Image.Resampling.BICUBIC)


def row_of(picture: Image.Image) -> np.ndarray:
    return np.frombuffer(pdq_of(picture).bits.to_bytes(32), np.uint8).reshape(1, -1)


def distance(one: np.ndarray, other: np.ndarray) -> int:
    return int(np.bitwise_count(one ^ other).sum())


@pytest.mark.parametrize("turn", TURNS)
def test_one_of_the_forms_is_near_the_hash_of_the_turned_picture(turn: Image.Transpose) -> None:
    picture = a_photograph(3)
    forms = turned_hashes(row_of(picture))
    turned = row_of(picture.transpose(turn))
    assert distance(row_of(picture), turned) > 90
    assert min(distance(form, turned) for form in forms) <= 31


def test_the_forms_of_a_form_are_the_same_eight_and_distances_stay() -> None:
    rows = np.random.default_rng(1).integers(0, 256, (5, 32), np.uint8)
    forms = turned_hashes(rows).reshape(8, 5, 32)
    assert (forms[0] == rows).all()
    for number in range(5):
        eight = {form.tobytes() for form in forms[:, number]}
        assert len(eight) == 8
        for form in forms[:, number]:
            assert {one.tobytes() for one in turned_hashes(form.reshape(1, 32))} == eight
    assert {distance(form[0], form[1]) for form in forms} == {distance(rows[0], rows[1])}
    assert turned_hashes(np.empty((0, 32), np.uint8)).shape == (0, 32)
