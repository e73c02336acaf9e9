from __future__ import annotations

import io
import os
import pickle
import stat
import struct
import subprocess
import sys
import warnings
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from crawler.picture.decode import decode
from crawler.picture.magic import jpeg_scans, kind_of, webp_size
from crawler.records import Fault, Picture, Rejected
from crawler.settings import Decode
from tests.builders import a_fetched

ALL = Decode()


def saved(image: Image.Image, image_format: str, **options: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, format=image_format, **options)
    return out.getvalue()


def a_scene(size: tuple[int, int] = (48, 32)) -> Image.Image:
    """Four quadrants of different colours: every turn and flip of it is another picture."""
    image = Image.new("RGB", size, (200, 30, 30))
    image.paste((30, 200, 30), (size[0] // 2, 0, *size))
    image.paste((30, 30, 200), (0, size[1] // 2, size[0] // 2, size[1]))
    image.paste((220, 220, 40), (size[0] // 2, size[1] // 2, *size))
    return image


def noise(size: tuple[int, int] = (320, 240)) -> Image.Image:
    small = np.random.default_rng(0).integers(0, 256, (size[1] // 16, size[0] // 16, 3), dtype=np.uint8)
    return Image.fromarray(small).resize(size)


def picture_of(body: bytes, settings: Decode = ALL) -> Picture:
    outcome = decode(a_fetched(body), settings)
    assert isinstance(outcome, Picture), outcome
    assert outcome.pixels.mode == "RGB"
    assert outcome.pixels.info == {}
    return outcome


def reason_of(body: bytes, settings: Decode = ALL) -> str:
    outcome = decode(a_fetched(body), settings)
    assert isinstance(outcome, Rejected), outcome
    return outcome.reason


def mean_of(picture: Picture) -> tuple[float, float, float]:
    red, green, blue = np.asarray(picture.pixels).mean((0, 1))
    return float(red), float(green), float(blue)


def a_cmyk_jpeg(inks: tuple[int, int, int, int], *, ycck: bool = False) -> bytes:
    """PIL writes CMYK as Adobe does, inverted; with its transform byte set to 2 the stored channels read as YCCK."""
    body = saved(Image.new("CMYK", (32, 32), inks), "JPEG", quality=100, subsampling=0)
    if not ycck:
        return body
    at = body.index(b"Adobe") + 11
    return body[:at] + b"\x02" + body[at + 1 :]


def a_png_chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def a_png_that_says(width: int, height: int) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + a_png_chunk(b"IHDR", header) + a_png_chunk(b"IDAT", zlib.compress(b"\0" * 1000))


def a_jpeg_that_says(width: int, height: int) -> bytes:
    body = bytearray(saved(Image.new("RGB", (16, 16)), "JPEG"))
    at = body.index(b"\xff\xc0") + 5
    body[at : at + 4] = struct.pack(">HH", height, width)
    return bytes(body)


def a_webp_that_says(width: int, height: int) -> bytes:
    canvas = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    chunk = b"VP8X" + struct.pack("<I", 10) + b"\0" * 4 + canvas
    return b"RIFF" + struct.pack("<I", len(chunk) + 4) + b"WEBP" + chunk


# what decodes ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "WEBP", "GIF", "AVIF", "BMP", "TIFF"])
def test_every_accepted_format_decodes_to_the_same_scene(image_format: str) -> None:
    picture = picture_of(saved(a_scene(), image_format))
    assert (picture.header.format, picture.header.frames) == (image_format, 1)
    assert (picture.header.width, picture.header.height) == (48, 32) == picture.pixels.size
    assert np.abs(np.asarray(picture.pixels, dtype=int) - np.asarray(a_scene(), dtype=int)).mean() < 8


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "PA", "RGBA", "CMYK", "YCbCr"])
def test_every_mode_becomes_the_same_grey(mode: str) -> None:
    grey = Image.new("L", (32, 32), 255 if mode == "1" else 120)
    image = grey.convert("LA" if mode == "PA" else "RGB").convert(mode)
    body = saved(image, "TIFF", compression="jpeg" if mode == "YCbCr" else "tiff_lzw")
    assert np.allclose(mean_of(picture_of(body)), 255 if mode == "1" else 120, atol=2)


def test_lab_is_converted_as_the_colour_engine_does() -> None:
    to_lab = ImageCms.buildTransform(ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), "RGB", "LAB")
    lab = ImageCms.applyTransform(a_scene(), to_lab)
    assert lab is not None
    difference = np.asarray(picture_of(saved(lab, "TIFF")).pixels, dtype=int) - np.asarray(a_scene(), dtype=int)
    assert np.abs(difference).mean() < 3
    assert np.abs(difference).max() <= 16  # a and b have eight bits for a wider space


@pytest.mark.parametrize("image_format", ["PNG", "TIFF"])
def test_sixteen_bits_keep_their_mean_and_do_not_turn_white(image_format: str) -> None:
    ramp = np.linspace(0, 65_535, 64 * 64).astype(np.uint16).reshape(64, 64)
    mean = mean_of(picture_of(saved(Image.fromarray(ramp), image_format)))
    assert np.allclose(mean, 127.5, atol=0.6)


def test_big_endian_sixteen_bits_are_read_as_such() -> None:
    swapped = Image.frombytes("I;16B", (8, 8), np.full((8, 8), 0x8040, dtype=">u2").tobytes())
    assert mean_of(picture_of(saved(swapped, "TIFF"))) == (128.0, 128.0, 128.0)


def a_grey_tiff(samples: bytes, size: tuple[int, int], bits: int, *, white_is_zero: bool = False) -> bytes:
    """A file as PIL does not write it: little-endian, one strip behind a directory of eight tags."""
    tags = (
        (256, size[0]),
        (257, size[1]),
        (258, bits),
        (259, 1),
        (262, 0 if white_is_zero else 1),
        (273, 122),
        (278, size[1]),
    )
    entries = b"".join(struct.pack("<HHII", tag, 3, 1, value) for tag, value in tags)
    entries += struct.pack("<HHII", 279, 4, 1, len(samples))
    return b"II*\0" + struct.pack("<IH", 8, 8) + entries + bytes(4) + bytes(12) + samples


def test_twelve_bits_are_not_taken_for_sixteen() -> None:
    white_then_grey = bytes((0xFF, 0xF8, 0x00)) * 8  # 4,095 and 2,048
    pixels = np.asarray(picture_of(a_grey_tiff(white_then_grey, (2, 8), 12)).pixels)
    assert pixels[:, 0].tolist() == [[255] * 3] * 8
    assert pixels[:, 1].tolist() == [[128] * 3] * 8


@pytest.mark.parametrize(("white_is_zero", "level"), [(False, 50), (True, 205)])
def test_sixteen_bits_whose_zero_is_white_are_no_negative(white_is_zero: bool, level: int) -> None:
    body = a_grey_tiff(struct.pack("<H", 50 * 257) * 64, (8, 8), 16, white_is_zero=white_is_zero)
    assert mean_of(picture_of(body)) == (level, level, level)


def test_sixteen_bits_a_channel_keep_their_colours() -> None:
    header = struct.pack(">IIBBBBB", 4, 4, 16, 2, 0, 0, 0)
    rows = b"".join(b"\0" + struct.pack(">HHH", 0xC800, 0x6400, 0x3200) * 4 for _ in range(4))
    parts = (a_png_chunk(b"IHDR", header), a_png_chunk(b"IDAT", zlib.compress(rows)), a_png_chunk(b"IEND", b""))
    assert mean_of(picture_of(b"\x89PNG\r\n\x1a\n" + b"".join(parts))) == (200.0, 100.0, 50.0)


@pytest.mark.parametrize("mode", ["I", "F"])
def test_samples_without_an_agreed_white_are_refused(mode: str) -> None:
    assert reason_of(saved(Image.new(mode, (8, 8), 7), "TIFF")) == Fault.FORMAT_REFUSED


@pytest.mark.parametrize("image_format", ["PNG", "WEBP", "AVIF", "TIFF"])
def test_alpha_lies_on_white(image_format: str) -> None:
    half_red = Image.new("RGBA", (32, 32), (255, 0, 0, 128))
    options = {} if image_format in ("PNG", "TIFF") else {"quality": 100}
    assert np.allclose(mean_of(picture_of(saved(half_red, image_format, **options))), (255, 127, 127), atol=3)


@pytest.mark.parametrize("mode", ["P", "L", "RGB", "I;16"])
def test_a_transparent_colour_lies_on_white(mode: str) -> None:
    key: Any = {"P": 0, "L": 0, "RGB": (0, 0, 0), "I;16": 0}[mode]
    body = saved(Image.new(mode, (8, 8), 0), "PNG", transparency=key)
    assert mean_of(picture_of(body)) == (255.0, 255.0, 255.0)


def test_palette_entries_with_their_own_alpha_lie_on_white() -> None:
    image = Image.new("P", (8, 8), 1)
    image.putpalette([0, 0, 0, 255, 0, 0])
    assert np.allclose(mean_of(picture_of(saved(image, "PNG", transparency=b"\xff\x80"))), (255, 127, 127), atol=1)


@pytest.mark.parametrize("inks", [(0, 0, 0, 0), (255, 0, 0, 0), (0, 255, 255, 0), (0, 0, 0, 255), (40, 90, 160, 60)])
def test_cmyk_of_adobe_is_not_a_negative(inks: tuple[int, int, int, int]) -> None:
    *colours, black = inks
    expected = [(255 - ink) * (255 - black) / 255 for ink in colours]
    assert np.allclose(mean_of(picture_of(a_cmyk_jpeg(inks))), expected, atol=3)


def test_ycck_is_converted_by_way_of_cmyk() -> None:
    # PIL stores inks inverted, so that the file holds Y = 150, Cb = 100, Cr = 170, K = 255 (no black)
    body = a_cmyk_jpeg((255 - 150, 255 - 100, 255 - 170, 0), ycck=True)
    luma, blue, red = 150, 100 - 128, 170 - 128
    inks = (luma + 1.402 * red, luma - 0.344136 * blue - 0.714136 * red, luma + 1.772 * blue)  # T.871, section 7
    assert np.allclose(mean_of(picture_of(body)), [255 - ink for ink in inks], atol=3)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_orientation_is_applied_once(image_format: str, orientation: int) -> None:
    # what must be stored so that the viewer, turning it, sees the scene
    turned = {
        2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180, 4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_90, 7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }  # fmt: skip
    stored = a_scene().transpose(turned[orientation]) if orientation > 1 else a_scene()
    exif = Image.Exif()
    exif[0x0112] = orientation
    options: dict[str, Any] = {"tiffinfo": {0x0112: orientation}} if image_format == "TIFF" else {"exif": exif}
    picture = picture_of(saved(stored, image_format, **options))
    assert (picture.header.width, picture.header.height) == stored.size
    assert picture.pixels.size == (48, 32)
    assert np.abs(np.asarray(picture.pixels, dtype=int) - np.asarray(a_scene(), dtype=int)).mean() < 8


@pytest.mark.parametrize("image_format", ["GIF", "WEBP", "AVIF", "PNG"])
def test_an_animation_is_its_first_frame_and_says_so(image_format: str) -> None:
    body = saved(a_scene(), image_format, save_all=True, append_images=[Image.new("RGB", (48, 32))], duration=100)
    picture = picture_of(body)
    assert picture.header.frames == 2
    assert np.abs(np.asarray(picture.pixels, dtype=int) - np.asarray(a_scene(), dtype=int)).mean() < 8


def test_twenty_thousand_frames_are_not_counted() -> None:
    frame = saved(Image.new("P", (2, 2)), "GIF")
    start = frame.index(b"\x2c")
    body = frame[:-1] + frame[start:-1] * 20_000 + b";"
    assert picture_of(body).header.frames == 2


def test_pages_of_a_tiff_are_not_frames() -> None:
    assert picture_of(saved(a_scene(), "TIFF", save_all=True, append_images=[a_scene()])).header.frames == 1


def test_a_zip_behind_a_jpeg_does_not_matter() -> None:
    body = saved(a_scene(), "JPEG")
    assert picture_of(body + b"PK\x03\x04" + b"\0" * 500).pixels.size == (48, 32)


def test_what_was_decoded_travels_between_processes() -> None:
    picture = picture_of(saved(a_scene(), "JPEG"))
    assert pickle.loads(pickle.dumps(picture)).pixels.tobytes() == picture.pixels.tobytes()


# what is refused -------------------------------------------------------------------------------------------------

NO_IMAGES = [
    b"", b" ", b"<!doctype html><img src=a.jpg>", b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"%PDF-1.7", b"BM",
    b"BMW is a car, and so is this text of more than eighteen bytes", b"PK\x03\x04", b"\0\0\0\x18ftypmp42" + b"\0" * 16,
    b"RIFF\0\0\0\0WAVEfmt ", b'{"error": "not found"}', b"\xef\xbb\xbf<?xml version='1.0'?>",
]  # fmt: skip


@pytest.mark.parametrize("body", NO_IMAGES)
def test_what_is_no_image_is_told_from_a_broken_one(body: bytes) -> None:
    assert reason_of(body) == Fault.NOT_AN_IMAGE


REFUSED = [
    (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "EPS"),
    (b"\0\0\0\x0cjP  \r\n\x87\n", "JPEG2000"),
    (b"icns\0\0\0\x10", "ICNS"),
    (b"\0\0\x01\0\x01\0", "ICO"),
    (b"8BPS\0\x01", "PSD"),
    (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "HEIF"),
    (b"\xff\x0a\xfa\x7f", "JPEGXL"),
]


@pytest.mark.parametrize(("body", "kind"), REFUSED)
def test_images_that_are_never_decoded_are_named(body: bytes, kind: str) -> None:
    outcome = decode(a_fetched(body), ALL)
    assert isinstance(outcome, Rejected)
    assert (outcome.reason, outcome.detail) == (Fault.FORMAT_REFUSED, kind)


def test_a_format_outside_of_the_recipe_is_refused_whatever_its_name_says() -> None:
    assert reason_of(saved(a_scene(), "GIF"), Decode(formats=("JPEG",))) == Fault.FORMAT_REFUSED


def test_postscript_starts_no_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ghostscript = tmp_path / "gs"
    ghostscript.write_text(f"#!/bin/sh\ntouch {tmp_path}/started\n")
    ghostscript.chmod(ghostscript.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    eps = saved(a_scene(), "EPS")
    for body in (eps, b"\xff\xd8\xff" + eps, b"\x89PNG\r\n\x1a\n" + eps, b"II*\0" + eps):
        assert isinstance(decode(a_fetched(body), ALL), Rejected)
    assert not (tmp_path / "started").exists()


HUGE: list[Callable[[int, int], bytes]] = [a_png_that_says, a_jpeg_that_says, a_webp_that_says]


@pytest.mark.parametrize("build", HUGE)
@pytest.mark.parametrize("size", [(12_000, 12_000), (6_400, 6_400), (20_001, 10), (10, 20_001), (65_000, 65_000)])
def test_a_bomb_is_refused_by_its_header(build: Callable[[int, int], bytes], size: tuple[int, int]) -> None:
    assert reason_of(build(*size)) == Fault.TOO_MANY_PIXELS


def test_an_avif_bomb_is_refused_by_its_header() -> None:
    body = saved(Image.new("RGB", (400, 300)), "AVIF", speed=10)
    assert reason_of(body, Decode(pixels=400 * 300 - 1)) == Fault.TOO_MANY_PIXELS


def test_a_side_of_two_to_the_thirty_first_is_refused() -> None:
    assert reason_of(a_png_that_says(1, 2**31 - 1)) == Fault.TOO_MANY_PIXELS


def test_the_last_allowed_pixel_is_allowed() -> None:
    assert picture_of(saved(a_scene(), "PNG"), Decode(pixels=48 * 32, side_pixels=48)).pixels.size == (48, 32)
    assert reason_of(saved(a_scene(), "PNG"), Decode(pixels=48 * 32 - 1)) == Fault.TOO_MANY_PIXELS
    assert reason_of(saved(a_scene(), "PNG"), Decode(side_pixels=47)) == Fault.TOO_MANY_PIXELS


@pytest.mark.parametrize("text", [b"zTXt", b"iCCP"])
def test_a_bomb_in_png_metadata_is_refused(text: bytes) -> None:
    whole = saved(a_scene(), "PNG")
    bomb = a_png_chunk(text, b"k\0\0" + zlib.compress(b"\0" * 20_000_000, 9))
    assert reason_of(whole[:33] + bomb + whole[33:]) == Fault.IMAGE_BROKEN


def test_a_thousand_scans_are_refused_before_the_first() -> None:
    body = saved(noise(), "JPEG", progressive=True)
    last = body[body.rindex(b"\xff\xda") : -2]
    assert jpeg_scans(body)[0] < 20
    assert reason_of(body[:-2] + last * 1_000 + b"\xff\xd9") == Fault.IMAGE_BROKEN


def test_scans_of_a_thumbnail_are_not_the_pictures() -> None:
    body = saved(noise(), "JPEG")
    thumbnail = b"\xff\xda" * 5_000
    segment = b"\xff\xe1" + struct.pack(">H", len(thumbnail) + 2) + thumbnail
    assert jpeg_scans(body[:2] + segment + body[2:])[0] == 1


@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "WEBP", "GIF", "AVIF", "BMP", "TIFF"])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_half_a_file_is_broken_and_never_half_grey(image_format: str, share: float) -> None:
    body = saved(noise(), image_format)
    assert reason_of(body[: int(len(body) * share)]) in (Fault.IMAGE_BROKEN, Fault.NOT_AN_IMAGE)


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("subsampling", [0, 2])
def test_a_cut_jpeg_with_a_new_end_is_broken(progressive: bool, subsampling: int) -> None:
    body = saved(noise(), "JPEG", progressive=progressive, subsampling=subsampling)
    # a progressive picture whose first scan is whole is blurred below the cut, not grey
    for share in (0.1,) if progressive else (0.1, 0.5, 0.9):
        assert reason_of(body[: int(len(body) * share)] + b"\xff\xd9") == Fault.IMAGE_BROKEN


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("quality", [30, 95])
@pytest.mark.parametrize("size", [(320, 240), (317, 229), (9, 300), (7, 5)])
def test_a_jpeg_with_a_plain_lower_half_is_whole(progressive: bool, quality: int, size: tuple[int, int]) -> None:
    image = noise((320, 240)).crop((0, 0, *size))
    image.paste((255, 255, 255), (0, size[1] // 2, *size))
    for more in ({}, {"restart_marker_rows": 1}):
        assert picture_of(saved(image, "JPEG", progressive=progressive, quality=quality, **more)).pixels.size == size


def test_another_library_cannot_make_half_pictures_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("PIL.ImageFile.LOAD_TRUNCATED_IMAGES", True)
    body = saved(noise(), "JPEG")
    assert reason_of(body[: len(body) // 2]) == Fault.IMAGE_BROKEN


BROKEN_EXIF = (b"Exif\0\0II*\0\xff\xff\xff\xff", b"Exif\0\0MM\0*\0\0\0\x08\xff\xff", b"Exif\0\0")


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_broken_exif_does_not_cost_the_picture() -> None:
    for exif in BROKEN_EXIF:
        assert picture_of(saved(a_scene(), "JPEG", exif=exif)).pixels.size == (48, 32)


def test_warnings_of_the_decoder_do_not_reach_the_log(tmp_path: Path) -> None:
    for number, exif in enumerate(BROKEN_EXIF):
        (tmp_path / f"{number}.jpg").write_bytes(saved(a_scene(), "JPEG", exif=exif))
    script = """
import sys, pathlib
from crawler.picture.decode import decode
from crawler.settings import Decode
from tests.builders import a_fetched
for path in pathlib.Path(sys.argv[1]).iterdir():
    print(decode(a_fetched(path.read_bytes()), Decode()).pixels.size)
"""
    command = [sys.executable, "-c", script, str(tmp_path)]
    done = subprocess.run(command, cwd=Path(__file__).parents[3], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("(48, 32)\n" * 3, "")


def test_an_unsound_header_is_told_alike_in_every_process() -> None:
    outcomes = [decode(a_fetched(b"\xff\xd8\xff" + bytes(50)), ALL) for _ in range(2)]
    assert outcomes == [Rejected(a_fetched().candidate, Fault.IMAGE_BROKEN, "JPEG: no sound header")] * 2


# whatever comes --------------------------------------------------------------------------------------------------

SEEDS = [
    saved(a_scene(), "JPEG"), saved(a_scene(), "JPEG", progressive=True), saved(a_scene(), "PNG"),
    saved(a_scene().convert("P"), "PNG", transparency=b"\x80"), saved(a_scene(), "WEBP"),
    saved(a_scene(), "GIF", save_all=True, append_images=[Image.new("RGB", (48, 32))]), saved(a_scene(), "AVIF"),
    saved(a_scene(), "BMP"), saved(a_scene(), "TIFF"), saved(a_scene(), "TIFF", compression="tiff_lzw"),
    saved(a_scene(), "TIFF", compression="jpeg"), a_cmyk_jpeg((1, 2, 3, 4)),
]  # fmt: skip


@st.composite
def mutated_files(draw: st.DrawFn) -> bytes:
    body = bytearray(draw(st.sampled_from(SEEDS)))
    for _ in range(draw(st.integers(1, 8))):
        at = draw(st.integers(0, min(len(body), 400) - 1) if draw(st.booleans()) else st.integers(0, len(body) - 1))
        new = draw(st.binary(min_size=0, max_size=4))
        body[at : at + draw(st.integers(0, 4))] = new
        if not body:
            break
    return bytes(body)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(mutated_files())
def test_no_mutation_of_a_real_file_escapes(body: bytes) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        outcome = decode(a_fetched(body), Decode(pixels=1_000_000))
    if isinstance(outcome, Picture):
        assert outcome.pixels.mode == "RGB"
        assert outcome.pixels.width * outcome.pixels.height <= 1_000_000
    else:
        assert outcome.reason in (
            Fault.NOT_AN_IMAGE, Fault.FORMAT_REFUSED, Fault.TOO_MANY_PIXELS, Fault.IMAGE_BROKEN,
        )  # fmt: skip


@given(st.binary(max_size=64))
def test_reading_magic_never_raises(body: bytes) -> None:
    for start in (b"", b"\xff\xd8\xff", b"RIFF\0\0\0\0WEBPVP8X", b"\0\0\0\x20ftyp"):
        kind_of(start + body)
        webp_size(start + body)
        scans, end = jpeg_scans(start + body)
        assert 0 <= scans <= len(start + body)
        assert end <= len(start + body)
