from __future__ import annotations

import io
import pickle
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from crawler.picture.pdq import pdq_of
from crawler.records import Hashes, Picture
from filters.pictures.pdq_removal import PdqRemoval, build
from tests.builders import a_picture


def scene(seed: int, size: tuple[int, int] = (640, 470)) -> Image.Image:
    """Soft shapes of many sizes, as in a photograph, with a perceptual hash of full quality."""
    rng = np.random.default_rng(seed)
    layers = [Image.fromarray(rng.integers(0, 256, (3 * n, 4 * n, 3), dtype=np.uint8)) for n in (1, 3, 8)]
    one, two, three = (np.asarray(layer.resize(size, Image.Resampling.BICUBIC), np.float32) for layer in layers)
    return Image.fromarray((one * 0.5 + two * 0.35 + three * 0.15).astype(np.uint8))


def compressed(pixels: Image.Image, quality: int) -> Image.Image:
    out = io.BytesIO()
    pixels.save(out, "JPEG", quality=quality)
    return Image.open(out).convert("RGB")


def listing(folder: Path, *lines: str, **settings: object) -> PdqRemoval:
    (folder / "list").write_text("\n".join(lines))
    return build(path="list", folder=folder, **settings)  # type: ignore[arg-type]  # settings of all types


def hex_of(pixels: Image.Image) -> str:
    return f"{pdq_of(pixels).bits:064x}"


def with_hash(pixels: Image.Image, pdq: int, quality: int = 100) -> Picture:
    return a_picture(pixels=pixels, hashes=Hashes("0" * 32, "0" * 40, "0" * 64, 0, pdq, quality))


def keeps(filter_: PdqRemoval, *pictures: Image.Image) -> list[bool]:
    return [verdict.keep for verdict in filter_.judge([a_picture(pixels=pixels) for pixels in pictures])]


# checklist 39
def test_copies_that_are_compressed_resized_turned_or_mirrored_are_found(tmp_path: Path) -> None:
    pixels = scene(1)
    filter_ = listing(tmp_path, hex_of(pixels))
    copies = [
        pixels,
        compressed(pixels, 30),
        pixels.resize((256, 188)),
        pixels.resize((256, 256)),
        pixels.convert("L").convert("RGB"),
        compressed(pixels.transpose(Image.Transpose.FLIP_LEFT_RIGHT).resize((400, 300)), 60),
    ]
    copies += [pixels.transpose(turn) for turn in Image.Transpose]
    assert keeps(filter_, *copies) == [False] * len(copies)
    assert keeps(filter_, *(scene(seed) for seed in range(2, 8))) == [True] * 6


def test_mirrored_and_rotated_copies_stay_where_the_recipe_says_so(tmp_path: Path) -> None:
    pixels = scene(1)
    filter_ = listing(tmp_path, hex_of(pixels), turned=False, resized=True)
    assert keeps(filter_, pixels) == [False]
    assert keeps(filter_, *(pixels.transpose(turn) for turn in Image.Transpose)) == [True] * len(Image.Transpose)


# checklist 39
@pytest.mark.parametrize(("radius", "distance", "keep"), [(31, 31, False), (31, 32, True), (0, 0, False), (0, 1, True)])
def test_a_distance_of_exactly_the_radius_drops_and_one_more_stays(
    tmp_path: Path, radius: int, distance: int, keep: bool
) -> None:
    pixels = scene(1)
    filter_ = listing(tmp_path, hex_of(pixels), radius=radius, turned=False, resized=False)
    places = np.random.default_rng(0).choice(256, distance, replace=False)
    pdq = pdq_of(pixels).bits ^ sum(1 << int(place) for place in places)
    assert [verdict.keep for verdict in filter_.judge([with_hash(scene(2), pdq)])] == [keep]


# checklist 39
def test_a_thumbnail_of_a_listed_picture_is_found_as_if_enlarged(tmp_path: Path) -> None:
    # fine lines: their frequencies move most with the place of the boxes
    rng = np.random.default_rng(4)
    pixels = Image.fromarray(rng.integers(0, 256, (67, 90, 3), dtype=np.uint8)).resize(
        (960, 720), Image.Resampling.BICUBIC
    )
    thumbnails = [pixels.resize(size, Image.Resampling.LANCZOS) for size in ((160, 120), (128, 128), (100, 75))]
    assert keeps(listing(tmp_path, hex_of(pixels)), *thumbnails) == [False] * 3
    assert keeps(listing(tmp_path, hex_of(pixels), resized=False), *thumbnails).count(True) == 2


# checklist 39
def test_an_entry_of_quality_49_is_not_used_and_one_of_50_is(tmp_path: Path) -> None:
    filter_ = listing(tmp_path, "pdq,quality", f"{hex_of(scene(1))},49", f"{hex_of(scene(2))},50")
    assert keeps(filter_, scene(1), scene(2)) == [True, False]


def test_a_picture_of_quality_49_is_not_looked_up_and_one_of_50_is(tmp_path: Path) -> None:
    pixels = scene(1)
    filter_ = listing(tmp_path, hex_of(pixels))
    verdicts = filter_.judge([with_hash(pixels, pdq_of(pixels).bits, quality) for quality in (49, 50)])
    assert [verdict.keep for verdict in verdicts] == [True, False]


# checklist 40
@pytest.mark.parametrize("turned", [True, False])
def test_plain_pictures_stay_whatever_a_list_holds(tmp_path: Path, turned: bool) -> None:
    slope = Image.fromarray(
        np.ascontiguousarray(np.broadcast_to(np.arange(256, dtype=np.uint8)[:, None, None], (256, 256, 3)))
    )
    plain = [Image.new("RGB", size, color) for size in ((300, 200), (1, 1)) for color in ((0, 0, 0), (255, 255, 255))]
    entries = ["0" * 64, "f" * 64, hex_of(slope), *(hex_of(pixels) for pixels in plain), hex_of(scene(1))]
    filter_ = listing(tmp_path, *entries, turned=turned)
    assert keeps(filter_, slope, *plain, scene(1)) == [True] * 5 + [False]


def test_a_batch_of_any_mixture_is_judged_in_order(tmp_path: Path) -> None:
    filter_ = listing(tmp_path, *(hex_of(scene(seed)) for seed in (1, 3)))
    plain = Image.new("RGB", (90, 60), (9, 9, 9))
    assert keeps(filter_, plain, scene(1), scene(2), plain, scene(3)) == [True, False, True, True, False]
    assert keeps(filter_, plain) == [True]


def test_a_filter_travels_without_its_list(tmp_path: Path) -> None:
    filter_ = listing(tmp_path, hex_of(scene(1)))
    sent = pickle.dumps(filter_)
    assert pdq_of(scene(1)).bits.to_bytes(32) not in sent
    assert hex_of(scene(1)).encode() not in sent
    assert keeps(pickle.loads(sent), scene(1), scene(2)) == [False, True]
    assert hex_of(scene(1)) not in repr(filter_)
    (tmp_path / "list").write_text(hex_of(scene(2)))
    assert keeps(pickle.loads(sent), scene(1), scene(2)) == [True, False]  # it is read again


def test_a_list_in_the_open_takes_out_any_share_and_says_so(tmp_path: Path) -> None:
    filter_ = listing(tmp_path, hex_of(scene(1)))
    assert not filter_.confidential
    assert filter_.most_share == 1
    assert listing(tmp_path, hex_of(scene(1)), most_share=0.25).most_share == 0.25
