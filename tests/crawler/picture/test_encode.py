from __future__ import annotations

import io
from typing import Any, Literal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from crawler.picture.decode import decode
from crawler.picture.encode import Encoded, encode, extension_of
from crawler.picture.strip import without_metadata
from crawler.records import Header, Picture
from crawler.settings import Decode, Interpolation, Output
from tests.builders import a_fetched, a_picture, image_bytes

Mode = Literal["no", "keep_ratio", "keep_ratio_largest", "center_crop", "border"]


def opened(encoded: Encoded) -> Image.Image:
    image = Image.open(io.BytesIO(encoded.image))
    image.load()
    assert image.size == (encoded.width, encoded.height)
    return image


# (mode, size in, only if bigger, size out) with image_size 100, as img2dataset's Resizer gives them
RESIZES: list[tuple[Mode, tuple[int, int], bool, tuple[int, int]]] = [
    ("no", (300, 200), False, (300, 200)),
    ("no", (30, 20), False, (30, 20)),
    ("keep_ratio", (300, 200), False, (150, 100)),
    ("keep_ratio", (200, 300), False, (100, 150)),
    ("keep_ratio", (30, 20), False, (150, 100)),
    ("keep_ratio", (30, 20), True, (30, 20)),
    ("keep_ratio", (300, 100), True, (300, 100)),
    ("keep_ratio", (333, 101), True, (330, 100)),
    ("keep_ratio_largest", (300, 200), False, (100, 67)),
    ("keep_ratio_largest", (30, 20), False, (100, 67)),
    ("keep_ratio_largest", (30, 20), True, (30, 20)),
    ("keep_ratio_largest", (101, 20), True, (100, 20)),
    ("center_crop", (300, 200), False, (100, 100)),
    ("center_crop", (30, 20), False, (100, 100)),
    ("center_crop", (300, 20), True, (300, 20)),
    ("border", (300, 200), False, (100, 100)),
    ("border", (30, 20), False, (100, 100)),
    ("border", (30, 20), True, (30, 20)),
    ("border", (300, 20), True, (100, 100)),
]


@pytest.mark.parametrize(("mode", "size", "only_if_bigger", "expected"), RESIZES)
def test_resize_modes_mean_what_they_mean_in_img2dataset(
    mode: Mode, size: tuple[int, int], only_if_bigger: bool, expected: tuple[int, int]
) -> None:
    settings = Output(resize_mode=mode, image_size=100, resize_only_if_bigger=only_if_bigger)
    assert opened(encode(a_picture(size), settings)).size == expected


def test_a_border_is_white_and_the_picture_is_in_its_middle() -> None:
    picture = a_picture((200, 100), color=(0, 0, 0))
    settings = Output(resize_mode="border", image_size=100, resize_only_if_bigger=False, encode_format="png")
    rows = np.asarray(opened(encode(picture, settings))).mean((1, 2))
    assert list(rows) == [255.0] * 25 + [0.0] * 50 + [255.0] * 25


def test_a_crop_takes_the_middle() -> None:
    pixels = Image.new("RGB", (300, 100), (0, 0, 0))
    pixels.paste((255, 255, 255), (100, 0, 200, 100))
    settings = Output(resize_mode="center_crop", image_size=100, resize_only_if_bigger=False, encode_format="png")
    assert np.asarray(opened(encode(a_picture((300, 100), pixels=pixels), settings))).min() == 255


def test_shrinking_averages_what_it_drops() -> None:
    stripes = np.zeros((512, 512, 3), dtype=np.uint8)
    stripes[:, ::2] = 255
    pixels = Image.fromarray(stripes)
    settings = Output(resize_mode="keep_ratio", image_size=100, encode_format="png")
    grey = np.asarray(opened(encode(a_picture((512, 512), pixels=pixels), settings)), dtype=int)
    assert np.abs(grey - 127.5).mean() < 2


@pytest.mark.parametrize(("name", "format_name"), [("jpg", "JPEG"), ("png", "PNG"), ("webp", "WEBP")])
def test_each_format_is_what_its_extension_says(name: Any, format_name: str) -> None:
    encoded = encode(a_picture(), Output(encode_format=name))
    assert (opened(encoded).format, encoded.extension) == (format_name, name)
    assert extension_of(a_picture().header, Output(encode_format=name)) == name


@pytest.mark.parametrize("name", ["jpg", "png", "webp"])
def test_the_same_picture_gives_the_same_bytes(name: Any) -> None:
    settings = Output(encode_format=name, image_size=50)
    assert encode(a_picture((300, 200)), settings) == encode(a_picture((300, 200)), settings)


def with_metadata(image_format: str) -> bytes:
    exif = Image.Exif()
    exif[0x010F] = "a camera"
    exif.get_ifd(0x8825)[1] = "N"
    out = io.BytesIO()
    options: dict[str, Any] = {"comment": b"<?php evil() ?>"} if image_format == "JPEG" else {}
    Image.new("RGB", (400, 300)).save(out, image_format, exif=exif, icc_profile=b"profile" * 20, **options)
    return out.getvalue()


@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("name", ["jpg", "png", "webp"])
def test_no_metadata_survives(image_format: str, name: Any) -> None:
    picture = decode(a_fetched(with_metadata(image_format)), Decode())
    assert isinstance(picture, Picture)
    for mode in ("no", "keep_ratio"):
        encoded = encode(picture, Output(encode_format=name, resize_mode=mode))
        for trace in (b"Exif", b"eXIf", b"EXIF", b"iCCP", b"ICC", b"profile", b"camera", b"php"):
            assert trace not in encoded.image


def test_a_line_of_one_pixel_is_not_enlarged_to_a_gigapixel() -> None:
    settings = Output(resize_mode="keep_ratio", image_size=256, resize_only_if_bigger=False)
    encoded = encode(a_picture((2, 20_000)), settings)
    assert (encoded.width, encoded.height) == (7, 65_500)


def test_a_side_that_webp_cannot_hold_is_shrunk() -> None:
    encoded = encode(a_picture((20_000, 100)), Output(resize_mode="no", encode_format="webp"))
    assert (encoded.width, encoded.height) == (16_383, 82)


def test_a_line_never_shrinks_to_nothing() -> None:
    encoded = encode(a_picture((5_000, 1)), Output(resize_mode="keep_ratio_largest", image_size=100))
    assert (encoded.width, encoded.height) == (100, 1)


@pytest.mark.parametrize(("format_name", "extension"), [("JPEG", "jpg"), ("PNG", "png"), ("WEBP", "webp")])
def test_original_is_the_file_as_received_without_its_metadata(format_name: str, extension: str) -> None:
    body = with_metadata(format_name)
    picture = decode(a_fetched(body), Decode())
    assert isinstance(picture, Picture)
    settings = Output(encode_format="original")
    stripped = without_metadata(body, format_name, 1)
    assert stripped is not None
    assert encode(picture, settings) == Encoded(stripped, 400, 300, extension, is_as_received=True)
    assert extension_of(picture.header, settings) == extension
    for trace in (b"Exif", b"eXIf", b"EXIF", b"camera", b"php"):
        assert trace not in stripped


@pytest.mark.parametrize(("format_name", "extension"), [("JPEG", "jpg"), ("PNG", "png"), ("WEBP", "webp")])
def test_original_of_a_file_that_cannot_be_taken_apart_is_encoded_anew(format_name: str, extension: str) -> None:
    body = with_metadata(format_name)
    picture = a_picture((400, 300), header=Header(400, 300, format_name, 1), fetched=a_fetched(body[:-200]))
    encoded = encode(picture, Output(encode_format="original"))
    assert (opened(encoded).format, opened(encoded).size) == (format_name, (400, 300))
    assert b"camera" not in encoded.image
    assert encoded.extension == extension


@pytest.mark.parametrize("format_name", ["GIF", "BMP", "TIFF", "AVIF"])
def test_original_of_a_format_that_no_loader_reads_becomes_png(format_name: str) -> None:
    picture = a_picture((400, 300), header=Header(400, 300, format_name, 1))
    settings = Output(encode_format="original")
    encoded = encode(picture, settings)
    assert opened(encoded).format == "PNG"
    assert (encoded.width, encoded.height, encoded.extension) == (400, 300, "png")
    assert extension_of(picture.header, settings) == "png"


@pytest.mark.parametrize(("quality", "smaller"), [(9, 0), (95, 0)])
def test_the_quality_of_a_png_is_its_compression(quality: int, smaller: int) -> None:
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 4, (64, 64, 3), dtype=np.uint8))
    sizes = [
        len(encode(a_picture((64, 64), pixels=noise), Output(encode_format="png", encode_quality=one)).image)
        for one in (quality, smaller)
    ]
    assert sizes[0] < sizes[1]


@settings(max_examples=60, deadline=None)
@given(
    st.tuples(st.integers(1, 400), st.integers(1, 400)),
    st.sampled_from(["no", "keep_ratio", "keep_ratio_largest", "center_crop", "border"]),
    st.integers(1, 300),
    st.booleans(),
    st.sampled_from(["jpg", "png", "webp", "original"]),
)
def test_every_size_can_be_written_and_read(
    size: tuple[int, int], mode: Any, image_size: int, only_if_bigger: bool, name: Any
) -> None:
    output = Output(
        resize_mode=mode, image_size=image_size, resize_only_if_bigger=only_if_bigger, encode_format=name,
        encode_quality=1,
    )  # fmt: skip
    encoded = encode(a_picture(size), output)
    opened(encoded)
    assert encoded.extension == extension_of(a_picture(size).header, output)
    fits = name != "webp" or max(size) / min(size) * image_size <= 16_383  # a longer side is shrunk
    if mode == "center_crop" and not only_if_bigger and name != "original" and fits:
        assert (encoded.width, encoded.height) == (image_size, image_size)


METHODS: list[Interpolation] = ["nearest", "linear", "cubic", "area", "lanczos"]


def a_noisy_picture(size: tuple[int, int], **changes: Any) -> Picture:
    rows = np.random.default_rng(1).integers(0, 255, (size[1], size[0], 3), np.uint8)
    return a_picture(size, pixels=Image.fromarray(rows), **changes)


def pixels_of(size: tuple[int, int], **choices: Any) -> bytes:
    settings = Output(
        resize_mode="keep_ratio", image_size=50, encode_format="png", resize_only_if_bigger=False, **choices
    )
    return opened(encode(a_noisy_picture(size), settings)).tobytes()


def test_pictures_shrink_and_grow_by_the_method_that_is_asked_for() -> None:
    shrunk = {pixels_of((120, 80), downscale_interpolation=one) for one in METHODS}
    grown = {pixels_of((40, 30), upscale_interpolation=one) for one in METHODS}
    assert len(shrunk) == len(METHODS)
    assert len(grown) == len(METHODS) - 1  # area is linear, as in OpenCV
    assert pixels_of((120, 80), upscale_interpolation="nearest") == pixels_of((120, 80))


def test_area_is_the_mean_of_what_falls_into_a_pixel() -> None:
    picture = a_noisy_picture((150, 150))
    settings = Output(image_size=50, encode_format="png", downscale_interpolation="area")
    drawn = np.asarray(opened(encode(picture, settings))).astype(float)
    means = np.asarray(picture.pixels).astype(float).reshape(50, 3, 50, 3, 3).mean(axis=(1, 3))
    assert np.abs(drawn - means).mean() < 8  # of noise, which nearest misses by 60


@pytest.mark.parametrize(("kind", "kept"), [("JPEG", True), ("PNG", False)])
def test_a_picture_that_needs_no_change_keeps_its_file_where_that_is_asked_for(kind: str, kept: bool) -> None:
    body = image_bytes((40, 30), kind=kind)
    picture = a_picture((40, 30), fetched=a_fetched(body), header=Header(40, 30, kind, 1))
    settings = Output(skip_reencode=True, image_size=50)
    assert encode(picture, settings).is_as_received is kept
    assert not encode(picture, Output(image_size=50)).is_as_received
    assert not encode(picture, Output(skip_reencode=True, image_size=20)).is_as_received


def test_what_is_transparent_is_drawn_on_white_though_it_need_not_be_encoded() -> None:
    out = io.BytesIO()
    Image.new("RGBA", (40, 30), (1, 2, 3, 9)).save(out, format="PNG")
    picture = a_picture((40, 30), fetched=a_fetched(out.getvalue()))
    assert not encode(picture, Output(skip_reencode=True, encode_format="png", resize_mode="no")).is_as_received
