from __future__ import annotations

import pickle
from pathlib import Path

import imagehash
import numpy as np
import pytest
from PIL import Image

from crawler.errors import SettingsError
from crawler.records import Hashes
from filters.lists import Kind
from filters.pictures.phash_removal import PhashRemoval, build, says_something
from tests.builders import a_picture


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


# checklist 41
@pytest.mark.parametrize("size", [1, 2, 3])
def test_lists_of_one_two_and_three_are_searched_whole(tmp_path: Path, size: int) -> None:
    (tmp_path / "list").write_text("\n".join(f"{phash_of(noise(seed)):016x}" for seed in range(size)))
    filter_ = build(path="list", folder=tmp_path)
    assert [keeps(filter_, noise(seed)) for seed in range(5)] == [seed >= size for seed in range(5)]


def test_a_long_list_is_searched_by_tables_and_finds_the_same(tmp_path: Path) -> None:
    others = np.random.default_rng(0).integers(0, 2**64, 10_000, dtype=np.uint64)
    (tmp_path / "list").write_text(
        "\n".join(f"{value:016x}" for value in [*others.tolist(), phash_of(noise(1)) ^ 0b1111])
    )
    filter_ = build(path="list", folder=tmp_path)
    assert [keeps(filter_, noise(seed)) for seed in range(5)] == [True, False, True, True, True]


def test_the_same_picture_at_another_size_and_quality_is_found(tmp_path: Path) -> None:
    (tmp_path / "list").write_text(f"{phash_of(noise(1)):016x}")
    assert not keeps(build(path="list", folder=tmp_path), noise(1).resize((200, 150)))


# checklist 40
@pytest.mark.parametrize("color", [(0, 0, 0), (255, 255, 255), (200, 30, 30)])
def test_flat_pictures_are_not_looked_up(tmp_path: Path, color: tuple[int, int, int]) -> None:
    flat = Image.new("RGB", (90, 60), color)
    assert not says_something(phash_of(flat))
    # the nearest to it that a list can hold
    (tmp_path / "list").write_text(f"{phash_of(flat) ^ (2**11 - 1):016x}")
    filter_ = build(path="list", radius=8, folder=tmp_path)
    assert keeps(filter_, flat)
    few = Hashes("0" * 32, "0" * 40, "0" * 64, 0b111_1111_1110, 0, 0)
    assert filter_.judge([a_picture(hashes=few)])[0].keep


@pytest.mark.parametrize("line", ["abc", "0" * 15 + "g", "e58a0f21b3c4d697a", "e58a0f21 b3c4d697"])
def test_a_line_that_is_no_hash_ends_the_run(tmp_path: Path, line: str) -> None:
    (tmp_path / "list").write_text(f"e58a0f21b3c4d697\n{line}\n")
    with pytest.raises(SettingsError, match="line 2: "):
        build(path="list", folder=tmp_path)


# checklist 40
@pytest.mark.parametrize("line", ["8000000000000000", "0" * 16, "f" * 16])
def test_a_hash_that_matches_emptiness_is_not_used(tmp_path: Path, line: str) -> None:
    (tmp_path / "list").write_text(f"e58a0f21b3c4d697\n{line}\n")
    assert build(path="list", folder=tmp_path).listed.counts == {Kind.PHASH: 1}


@pytest.mark.parametrize(
    "text",
    ["e58a0f21b3c4d697", "\ufeffE58A0F21B3C4D697\r\n", "phash,note\ne58a0f21b3c4d697,x", "phash:e58a0f21b3c4d697"],
)
def test_every_way_to_write_a_hash_is_read(tmp_path: Path, text: str) -> None:
    (tmp_path / "list").write_text(text)
    assert build(path="list", folder=tmp_path).listed.rows(Kind.PHASH).tobytes().hex() == "e58a0f21b3c4d697"


def test_a_filter_travels_without_its_list(tmp_path: Path) -> None:
    (tmp_path / "list").write_text(f"{phash_of(noise(1)):016x}")
    sent = pickle.dumps(build(path="list", folder=tmp_path))
    assert phash_of(noise(1)).to_bytes(8) not in sent
    assert not keeps(pickle.loads(sent), noise(1))


def test_which_hashes_say_something() -> None:
    said = [ones for ones in range(65) if says_something((1 << ones) - 1)]
    assert (said[0], said[-1]) == (11, 53)
