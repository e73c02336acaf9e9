from __future__ import annotations

import hashlib

import imagehash
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from crawler.picture.hashes import hashes_of


def noise(seed: int, size: tuple[int, int]) -> Image.Image:
    samples = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    return Image.fromarray(samples)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 200), st.integers(1, 200))
def test_phash_has_the_bits_of_imagehash(seed: int, width: int, height: int) -> None:
    pixels = noise(seed, (width, height))
    assert hashes_of(b"", pixels).phash == int(str(imagehash.phash(pixels)), 16)


@pytest.mark.parametrize("color", [(0, 0, 0), (255, 255, 255), (200, 30, 30)])
def test_a_plain_picture_has_a_phash_like_any_other(color: tuple[int, int, int]) -> None:
    pixels = Image.new("RGB", (300, 200), color)
    assert hashes_of(b"", pixels).phash == int(str(imagehash.phash(pixels)), 16)


def test_phash_is_of_64_bits_with_the_most_significant_first() -> None:
    bits = imagehash.phash(noise(1, (64, 64))).hash.flatten()
    phash = hashes_of(b"", noise(1, (64, 64))).phash
    assert [phash >> (63 - place) & 1 for place in range(64)] == [int(bit) for bit in bits]


def test_exact_hashes_are_of_the_bytes_as_received() -> None:
    body = b"whatever the server sent, polyglot or not"
    hashes = hashes_of(body, noise(1, (8, 8)))
    assert hashes.md5 == hashlib.md5(body).hexdigest()
    assert hashes.sha1 == hashlib.sha1(body).hexdigest()
    assert hashes.sha256 == hashlib.sha256(body).hexdigest()


def test_hashing_leaves_the_picture_alone() -> None:
    pixels = noise(1, (90, 70))
    before = pixels.tobytes()
    assert hashes_of(b"", pixels) == hashes_of(b"", pixels)
    assert pixels.tobytes() == before
