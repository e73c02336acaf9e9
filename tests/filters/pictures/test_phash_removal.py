from __future__ import annotations

from pathlib import Path

import imagehash
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from crawler.errors import SettingsError
from filters.phash import is_degenerate, smallest_distance
from filters.pictures.phash_removal import PhashRemoval, build
from tests.builders import a_picture

words = st.integers(0, 2**64 - 1)


def noise(seed: int) -> Image.Image:
    rng = np.random.default_rng(seed)
    return Image.fromarray(rng.integers(0, 256, (6, 8, 3), dtype=np.uint8)).resize((96, 72))


def keeps(filter_: PhashRemoval, pixels: Image.Image) -> bool:
    return filter_.judge([a_picture(pixels=pixels)])[0].keep


def phash_of(pixels: Image.Image) -> int:
    return int(str(imagehash.phash(pixels)), 16)


@pytest.mark.parametrize("radius", [0, 4, 8])
def test_a_hash_at_exactly_the_radius_is_found_and_one_bit_further_is_not(tmp_path: Path, radius: int) -> None:
    phash = phash_of(noise(1))
    for distance, found in ((radius, True), (radius + 1, False)):
        # half of the changed bits are set and half are cleared, so that the changed hash is not degenerate
        ones = [bit for bit in range(64) if phash >> bit & 1]
        zeros = [bit for bit in range(64) if not phash >> bit & 1]
        changed = [*ones[: distance // 2], *zeros[: distance - distance // 2]]
        listed = phash ^ sum(1 << bit for bit in changed)
        (tmp_path / "list").write_text(f"{listed:016x}")
        assert keeps(build(path="list", radius=radius, folder=tmp_path), noise(1)) is not found


@given(st.lists(words, min_size=1, max_size=20), words)
def test_the_distance_is_the_one_that_counting_gives(listed: list[int], phash: int) -> None:
    counted = min((one ^ phash).bit_count() for one in listed)
    assert smallest_distance(np.array(listed, dtype=np.uint64), phash) == counted


@pytest.mark.parametrize("size", [1, 2, 3])
def test_lists_of_one_two_and_three_are_searched_whole(tmp_path: Path, size: int) -> None:
    (tmp_path / "list").write_text("\n".join(f"{phash_of(noise(seed)):016x}" for seed in range(size)))
    filter_ = build(path="list", folder=tmp_path)
    assert [keeps(filter_, noise(seed)) for seed in range(5)] == [seed >= size for seed in range(5)]


def test_the_same_picture_at_another_size_and_quality_is_found(tmp_path: Path) -> None:
    (tmp_path / "list").write_text(f"{phash_of(noise(1)):016x}")
    assert not keeps(build(path="list", folder=tmp_path), noise(1).resize((200, 150)))


@pytest.mark.parametrize("color", [(0, 0, 0), (255, 255, 255), (200, 30, 30)])
def test_flat_pictures_have_no_hash_to_look_up(color: tuple[int, int, int]) -> None:
    flat = Image.new("RGB", (90, 60), color)
    assert is_degenerate(phash_of(flat))
    # even if a list could hold such a hash
    assert keeps(PhashRemoval(np.array([phash_of(flat)], dtype=np.uint64), 4), flat)


@pytest.mark.parametrize(
    "line",
    ["8000000000000000", "0" * 16, "f" * 16, "abc", "0" * 15 + "g", "e58a0f21b3c4d697a", "e58a0f21 b3c4d697"],
)
def test_a_hash_that_matches_emptiness_or_is_none_ends_the_run(tmp_path: Path, line: str) -> None:
    (tmp_path / "list").write_text(f"e58a0f21b3c4d697\n{line}\n")
    with pytest.raises(SettingsError, match="line 2: "):
        build(path="list", folder=tmp_path)


@pytest.mark.parametrize(
    "text",
    ["e58a0f21b3c4d697", "\ufeffE58A0F21B3C4D697\r\n", "phash,note\ne58a0f21b3c4d697,x", "phash:e58a0f21b3c4d697"],
)
def test_every_way_to_write_a_hash_is_read(tmp_path: Path, text: str) -> None:
    (tmp_path / "list").write_text(text)
    assert build(path="list", folder=tmp_path).listed.tolist() == [0xE58A0F21B3C4D697]


def test_which_hashes_say_something() -> None:
    said = [ones for ones in range(65) if not is_degenerate((1 << ones) - 1)]
    assert (said[0], said[-1]) == (11, 53)
