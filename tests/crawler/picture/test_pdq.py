"""PDQ against golden vectors of `pdqhash` 0.2.8, which is source only: no compiler is needed here.

To renew them: `pip install pdqhash` into an environment of its own, and `pdqhash.compute(synthetic(...))`; its
vectors hold the bits from the highest to the lowest.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from crawler.picture import pdq, pdq_steps
from crawler.picture.pdq import Pdq, forms_of, pdq_of


def synthetic(seed: int, width: int, height: int, contrast: int, symmetrical: bool) -> Image.Image:
    """Blocks of random colour under a slope, the same on every machine."""
    blocks = np.random.default_rng(seed).integers(0, 256, (12, 16, 3))
    y, x = np.arange(height)[:, None], np.arange(width)[None, :]
    samples = blocks[y * 12 // height, x * 16 // width] + (x * 7 + y * 5)[:, :, None] % 64
    samples = (samples * contrast // 320).astype(np.uint8)
    return Image.fromarray(np.maximum(samples, samples[:, ::-1]) if symmetrical else samples)


# seed, width, height, contrast, symmetrical: hash and quality. The second has 31 frequencies that are nothing but
# rounding, as every icon of 16 pixels; the symmetrical ones have 128.
GOLDEN = [
    (1, 5, 5, 255, False, "91a4318c6e5bce733e0fc67397a4398e61d8318c91a4318c6e5bce739e27c671", 100),
    (2, 16, 16, 255, False, "8e46f2df591578fd93b2551d2e59e6c88122f8e3030e4ae3ae8c75ec0569a6a6", 100),
    (3, 22, 22, 255, True, "1f87e338a39a3703e1426b4fdcf017a7e9db9c2d1dd554c45c7458705c520395", 100),
    (4, 64, 64, 255, False, "be9a7e33da9d090b890b36f4e02344cec1655a6ce6b5c953f4b6d40da2383c4f", 100),
    (5, 65, 129, 255, False, "65ff9ea873b23ce7c01cc31c8c4553179a00337d259cc9fe39be5932708cc8c7", 100),
    (6, 300, 200, 255, False, "7558fd5ce65cfaafd536155098a382a39aa7d8769029e0d0d2067a68bb514b6e", 100),
    (7, 517, 389, 40, False, "980caec15e53678f58701870a1ac513e67f356ff636c4ce6939614bc2d37a456", 36),
    (8, 256, 256, 60, True, "f99f15e596197ba982560476e8616e5b0665185b19615e98999e69956657679a", 88),
    (9, 1600, 1004, 255, False, "013b1a324fcf7f4823f800b7383069cd7ec42ae83d166db233f9670779c153a7", 100),
    (10, 1000, 7, 255, False, "e5e63f6f082a4080129959020f91cc330ba1334cf45e23cce06ea6fdede6bf7f", 100),
    (11, 128, 128, 31, False, "54e9c3ff1f4bf290805c8c6fe0b4bc00ab168e183efdcee4905ccf72e64aea82", 51),
    (12, 640, 480, 120, True, "7144bef28a12e21d85e60da7782880585aaea678f8ab754fd22565edf0b2b6da", 100),
]
#: what PIL calls the seven forms, in the order of `forms_of`
TURNS = [
    Image.Transpose.FLIP_LEFT_RIGHT, Image.Transpose.FLIP_TOP_BOTTOM, Image.Transpose.ROTATE_180,
    Image.Transpose.TRANSPOSE, Image.Transpose.ROTATE_90, Image.Transpose.ROTATE_270, Image.Transpose.TRANSVERSE,
]  # fmt: skip


@pytest.mark.parametrize(("seed", "width", "height", "contrast", "symmetrical", "bits", "quality"), GOLDEN)
def test_hash_and_quality_are_those_of_the_reference_to_the_last_bit(
    seed: int, width: int, height: int, contrast: int, symmetrical: bool, bits: str, quality: int
) -> None:
    assert pdq_of(synthetic(seed, width, height, contrast, symmetrical)) == Pdq(int(bits, 16), quality)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 150), st.integers(1, 150), st.booleans())
@example(seed=9, width=700, height=501, symmetrical=False)
@example(seed=9, width=256, height=256, symmetrical=True)
def test_the_turned_forms_are_the_hashes_of_the_turned_picture(
    seed: int, width: int, height: int, symmetrical: bool
) -> None:
    pixels = synthetic(seed, width, height, 255, symmetrical)
    turned = [pixels, *(pixels.transpose(turn) for turn in TURNS)]
    expected = [pdq_of(form).bits for form in turned]
    forms = forms_of(pixels, turned=True, resized=False)
    assert forms[0] == expected[0]
    if min(pixels.size) < 5:
        assert forms == (0,)
        return
    few = pdq._FEW_DOUBTFUL + 1
    assert all((one ^ other).bit_count() <= few for one, other in zip(forms, expected, strict=True))


@pytest.mark.parametrize(("seed", "width", "height", "contrast", "symmetrical", "bits", "quality"), GOLDEN[:8])
def test_the_slow_way_that_rounds_as_the_reference_gives_its_bits_by_itself(
    monkeypatch: pytest.MonkeyPatch,
    seed: int,
    width: int,
    height: int,
    contrast: int,
    symmetrical: bool,
    bits: str,
    quality: int,
) -> None:
    monkeypatch.setattr(pdq, "_doubtful", lambda frequencies: 256)
    assert pdq_of(synthetic(seed, width, height, contrast, symmetrical)) == Pdq(int(bits, 16), quality)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 150), st.integers(1, 150), st.integers(1, 255), st.booleans())
def test_both_ways_agree_wherever_the_fast_one_is_certain(
    seed: int, width: int, height: int, contrast: int, symmetrical: bool
) -> None:
    pixels = synthetic(seed, width, height, contrast, symmetrical)
    if min(pixels.size) < 5:
        assert pdq_of(pixels) == (0, 0)
        return
    exact = pdq_steps.small_picture(np.asarray(pixels))
    assert pdq_of(pixels) == (pdq._bits(pdq_steps.frequencies_of(exact)), pdq._quality(exact))


# checklist 40
@pytest.mark.parametrize("color", [(0, 0, 0), (255, 255, 255), (90, 200, 30)])
@pytest.mark.parametrize("size", [(1, 1), (4, 4000), (5, 5), (64, 64), (300, 200)])
def test_a_plain_picture_has_no_quality(size: tuple[int, int], color: tuple[int, int, int]) -> None:
    assert pdq_of(Image.new("RGB", size, color)).quality == 0


# checklist 40
def test_a_linear_gradient_is_too_plain_to_be_matched() -> None:
    slope = np.broadcast_to(np.arange(256, dtype=np.uint8)[None, :, None], (256, 256, 3))
    assert pdq_of(Image.fromarray(np.ascontiguousarray(slope))).quality < pdq.LEAST_QUALITY


@pytest.mark.parametrize(("width", "height"), [(301, 203), (150, 1300), (64, 64), (1199, 600)])
def test_resized_forms_are_the_hashes_of_the_enlarged_picture(width: int, height: int) -> None:
    pixels = synthetic(1, width, height, 255, False)
    times = [-(-1200 // side) for side in pixels.size]
    large = pixels.resize((width * times[0], height * times[1]), Image.Resampling.NEAREST)
    forms = forms_of(pixels, turned=True, resized=True)
    expected = forms_of(pixels, turned=True, resized=False) + forms_of(large, turned=True, resized=False)
    assert all((one ^ other).bit_count() <= 6 for one, other in zip(forms, expected, strict=True))
    assert forms_of(pixels, turned=False, resized=True) == (forms[0], forms[8])
    assert forms_of(pixels, turned=False, resized=False) == forms[:1]


def test_a_large_picture_has_no_resized_forms() -> None:
    pixels = synthetic(1, 1200, 1300, 255, False)
    assert forms_of(pixels, turned=False, resized=True) == (pdq_of(pixels).bits,)


def test_a_very_large_picture_is_looked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pdq, "_MOST_PIXELS_TWICE", 1000)
    monkeypatch.setattr(pdq, "small_picture", None)  # the slow way would fail
    for case in GOLDEN:
        if case[1] * case[2] > 1000:
            hashed = pdq_of(synthetic(*case[:5]))
            assert hashed.quality == case[6]
            assert (hashed.bits ^ int(case[5], 16)).bit_count() <= (0 if not case[4] else 80)


def test_threads_do_not_disturb_each_other() -> None:
    pixels = [synthetic(*case[:5]) for case in GOLDEN[:8]]
    with ThreadPoolExecutor(4) as pool:
        hashes = list(pool.map(pdq_of, pixels * 4))
    assert hashes == [(int(bits, 16), quality) for *_, bits, quality in GOLDEN[:8]] * 4


def weights_by_boxes(length: int) -> NDArray[np.float64]:
    """Two boxes one after the other as a matrix, and of that the 64 lines that are kept."""
    box = np.zeros((length, length))
    before, after = pdq_steps.reach(length)
    for place in range(length):
        first, end = max(0, place - before), min(length, place + after)
        box[place, first:end] = 1 / (end - first)
    return (box @ box)[pdq_steps.centres(length)]


@pytest.mark.parametrize("length", [5, 63, 64, 65, 127, 128, 129, 255, 256, 257, 1000])
def test_the_weights_are_two_boxes_one_after_the_other(length: int) -> None:
    weights = pdq._weights(length, False, 0).of_lines.toarray()
    np.testing.assert_allclose(weights, weights_by_boxes(length), atol=1e-7)
    np.testing.assert_allclose(weights.sum(axis=1), 1, atol=1e-6)
