from __future__ import annotations

import math

import numpy as np
import pytest
from PIL import Image, ImageOps

from crawler.picture.blur import Box, blurred, upright_boxes
from crawler.picture.encode import encode
from crawler.records import Header
from crawler.settings import Output
from tests.builders import a_candidate, a_fetched, a_picture, image_bytes


def noise(size: tuple[int, int] = (120, 80)) -> Image.Image:
    rows = np.random.default_rng(7).integers(0, 255, (size[1], size[0], 3), np.uint8)
    return Image.fromarray(rows)


def contrast(image: Image.Image, box: tuple[int, int, int, int]) -> float:
    return float(np.asarray(image.crop(box)).astype(float).std())


def test_a_box_is_blurred_and_the_rest_is_not() -> None:
    picture = noise()
    result = blurred(picture, [(0.25, 0.25, 0.75, 0.75)])
    assert contrast(result, (36, 24, 84, 56)) < contrast(picture, (36, 24, 84, 56)) / 4
    assert result.crop((0, 0, 5, 80)).tobytes() == picture.crop((0, 0, 5, 80)).tobytes()


# checklist 55
@pytest.mark.parametrize("box", [
    (0.5, 0.5, 0.5, 0.9), (0.2, 0.3, 0.2, 0.3), (2.0, 2.0, 3.0, 3.0), (math.nan, 0.1, 0.5, 0.5), (0.1, 0.1, math.inf, 0.5),
])  # fmt: skip
def test_boxes_that_are_none_are_passed_over(box: Box) -> None:
    picture = noise()
    assert blurred(picture, [box]) is picture


# checklist 55
@pytest.mark.parametrize(
    "box", [(-3.0, -1.0, 0.5, 0.5), (0.5, 0.5, 9.0, 7.5), (0.0, 0.0, 1.0, 1.0), (0.6, 0.7, 0.1, 0.2)]
)
def test_boxes_that_reach_out_or_are_the_wrong_way_round_are_put_right(box: Box) -> None:
    picture = noise()
    result = blurred(picture, [box])
    assert result.size == picture.size
    assert result.tobytes() != picture.tobytes()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_boxes_turn_with_their_picture(orientation: int) -> None:
    # a black spot at a known place, in a picture that PIL itself turns upright
    stored = Image.new("L", (40, 20), 255)
    stored.paste(0, (4, 2, 12, 6))
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored.getexif()[0x0112] = orientation
    upright = ImageOps.exif_transpose(stored)
    ((left, top, right, bottom),) = upright_boxes([(4 / 40, 2 / 20, 12 / 40, 6 / 20)], orientation)
    width, height = upright.size
    box = tuple(round(value) for value in (left * width, top * height, right * width, bottom * height))
    assert Image.eval(upright, lambda value: 255 - value).getbbox() == box


@pytest.mark.parametrize("settings", [
    Output(resize_mode="no"), Output(resize_mode="no", skip_reencode=True), Output(encode_format="original"),
    Output(resize_mode="border", image_size=100, resize_only_if_bigger=False),
])  # fmt: skip
def test_no_way_of_writing_lets_a_face_through(settings: Output) -> None:
    # img2dataset forgets the blur where it does not encode: what is written then is the file as received
    body = image_bytes((64, 64), kind="JPEG")
    candidate = a_candidate(boxes=((0.0, 0.0, 1.0, 1.0),))
    pixels = noise((64, 64))
    picture = a_picture(pixels=pixels, fetched=a_fetched(body, candidate=candidate), header=Header(64, 64, "JPEG", 1))
    written = encode(picture, settings)
    assert not written.is_as_received
    plain = encode(a_picture(pixels=pixels, fetched=a_fetched(body), header=Header(64, 64, "JPEG", 1)), settings)
    assert written.image != plain.image
