"""A picture is the same however its pixels went: through the decoder's user, or drawn where it was decoded."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from crawler.picture.decode import Decoded, Refused, decode, decode_body
from crawler.picture.encode import encode, encode_drawn, extension_of
from crawler.picture.fast import resized
from crawler.picture.sandbox import Drawn, Sandbox, open_sandboxes
from crawler.picture.sizes import sizes_of
from crawler.picture.sketch import Sketch, sketch
from crawler.records import Fault, Fetched, Header, Picture, Rejected
from crawler.settings import Decode, Output
from tests.builders import a_fetched, image_bytes
from tests.fakes.bad_child import SKETCHES
from tests.icc import ADOBE_RGB, an_rgb_profile

BORDER = Output(resize_mode="border", image_size=100, resize_only_if_bigger=False)
FAST = Output(resize_mode="border", image_size=100, resize_only_if_bigger=False, drawing="fast")
#: decibels; the colours of this photo are noise at half the resolution, which is as hard as it gets (33 to 35)
_LEAST = 33
BAD_CHILD = str(Path(__file__).parents[3] / "fakes" / "bad_child.py")


def a_photo(size: tuple[int, int], **save: object) -> bytes:
    """A JPEG with as much in it as a photograph."""
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 256, (size[1] // 16 + 2, size[0] // 16 + 2, 3), dtype=np.uint8)
    smooth = np.asarray(Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC), np.int16)
    samples = np.clip(smooth + rng.integers(-6, 7, smooth.shape), 0, 255).astype(np.uint8)
    out = io.BytesIO()
    Image.fromarray(samples).save(out, "JPEG", **({"quality": 88} | save))
    return out.getvalue()


def drawn_here(fetched: Fetched, output: Output) -> tuple[Picture, bytes]:
    picture = decode(fetched, Decode())
    assert isinstance(picture, Picture)
    return picture, encode(picture, output).image


def samples_of(image: bytes) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    return np.asarray(Image.open(io.BytesIO(image)).convert("RGB"), np.float64)


def decibels(one: bytes, other: bytes) -> float:
    """How alike two encoded pictures are: their peak signal-to-noise ratio."""
    error = float(((samples_of(one) - samples_of(other)) ** 2).mean())
    return 99.0 if error == 0 else 10 * np.log10(255**2 / error)


@pytest.fixture(scope="module")
def exact() -> Iterator[Sandbox]:
    with open_sandboxes(Decode(), 1, output=BORDER) as (one,):
        yield one


@pytest.fixture(scope="module")
def fast() -> Iterator[Sandbox]:
    pytest.importorskip("cykooz_resizer", reason="fast drawing has no wheel for this machine")
    with open_sandboxes(Decode(), 1, output=FAST, hashes=frozenset()) as (one,):
        yield one


# exact ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "TIFF"])
@pytest.mark.parametrize("size", [(1, 1), (80, 60), (700, 1000), (2_000, 3)])
def test_a_sketch_is_what_decoding_hashing_and_encoding_give(exact: Sandbox, kind: str, size: tuple[int, int]) -> None:
    fetched = a_fetched(image_bytes(size, (10, 200, 90), kind))
    picture, image = drawn_here(fetched, BORDER)
    drawn = exact.sketch(fetched)
    assert isinstance(drawn, Drawn)
    assert (drawn.header, drawn.hashes) == (picture.header, picture.hashes)
    assert encode_drawn(drawn.pixels, BORDER, "jpg").image == image


@pytest.mark.parametrize("orientation", [1, 3, 6, 7])
def test_a_turned_photo_is_sketched_as_it_is_written(exact: Sandbox, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    fetched = a_fetched(a_photo((300, 200), exif=exif))
    picture, image = drawn_here(fetched, BORDER)
    drawn = exact.sketch(fetched)
    assert isinstance(drawn, Drawn)
    assert (drawn.hashes, encode_drawn(drawn.pixels, BORDER, "jpg").image) == (picture.hashes, image)


@pytest.mark.parametrize("mode", ["no", "keep_ratio", "keep_ratio_largest", "center_crop", "border"])
@pytest.mark.parametrize("only_if_bigger", [True, False])
def test_every_resize_mode_is_sketched_as_it_is_written(mode: str, only_if_bigger: bool) -> None:
    output = Output(resize_mode=mode, image_size=50, resize_only_if_bigger=only_if_bigger)  # type: ignore[arg-type]  # a name of the list above
    for size in ((120, 90), (30, 20), (400, 20)):
        fetched = a_fetched(a_photo(size))
        drawn = sketch(fetched.body, Decode(), output, frozenset(), lambda: None)
        assert isinstance(drawn, Sketch)
        assert encode_drawn(drawn.pixels, output, "jpg").image == drawn_here(fetched, output)[1]


def test_what_would_be_drawn_larger_than_may_be_decoded_comes_whole() -> None:
    fetched = a_fetched(image_bytes((2, 100)))
    limits = Decode(pixels=5_000)
    with open_sandboxes(limits, 1, output=BORDER, hashes=frozenset()) as (one,):
        found = one.sketch(fetched)
    assert isinstance(found, Picture)
    assert found.pixels.size == (2, 100)


def test_bodies_that_are_no_pictures_are_refused_the_same_way(exact: Sandbox) -> None:
    for body in (b"<html>", a_photo((300, 200))[:2_000], image_bytes(kind="JPEG2000")):
        one, other = exact.decode(a_fetched(body)), exact.sketch(a_fetched(body))
        assert isinstance(one, Rejected)
        assert one == other


@pytest.mark.parametrize("how", [*SKETCHES, "pickles", "a gigapixel", "other pixels than announced"])
def test_a_child_that_lies_about_a_sketch_is_killed(how: str) -> None:
    sandbox = Sandbox(Decode(), (sys.executable, BAD_CHILD, how), output=Output(resize_mode="no"))
    try:
        found = sandbox.sketch(a_fetched())
    finally:
        sandbox.end()
    assert isinstance(found, Rejected)
    assert found.reason is Fault.DECODER_KILLED
    assert "nonsense" in found.detail


def test_a_child_that_sketches_unasked_is_killed() -> None:
    sandbox = Sandbox(Decode(), (sys.executable, BAD_CHILD, "a sketch of another size"))
    try:
        found = sandbox.decode(a_fetched())
    finally:
        sandbox.end()
    assert isinstance(found, Rejected)
    assert found.reason is Fault.DECODER_KILLED


@given(st.integers(1, 5_000), st.integers(1, 5_000), st.sampled_from(["no", "keep_ratio", "center_crop", "border"]))
@settings(max_examples=50, deadline=None)
def test_sizes_are_those_of_what_is_drawn(width: int, height: int, mode: str) -> None:
    output = Output(resize_mode=mode, image_size=64)  # type: ignore[arg-type]  # a name of the list above
    scaled, final = sizes_of(width, height, output, extension_of(Header(width, height, "PNG", 1), output))
    assert min(*scaled, *final) >= 1
    assert (min(width, height) <= 64 and mode != "border") <= (final == scaled == (width, height))
    if mode == "border" and max(width, height) > 64:
        assert final == (64, 64)


# fast -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(120, 90), (400, 300), (1024, 768), (300, 1200)])
def test_a_fast_drawing_looks_like_the_exact_one(fast: Sandbox, size: tuple[int, int]) -> None:
    fetched = a_fetched(a_photo(size))
    drawn = fast.sketch(fetched)
    assert isinstance(drawn, Drawn)
    picture, image = drawn_here(fetched, BORDER)
    assert drawn.header == picture.header
    assert decibels(encode_drawn(drawn.pixels, FAST, "jpg").image, image) > _LEAST


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_fast_drawing_stands_upright(fast: Sandbox, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    fetched = a_fetched(a_photo((900, 500), exif=exif))
    drawn = fast.sketch(fetched)
    assert isinstance(drawn, Drawn)
    assert decibels(encode_drawn(drawn.pixels, FAST, "jpg").image, drawn_here(fetched, BORDER)[1]) > _LEAST


def test_what_is_odd_about_a_jpeg_is_decided_as_without_haste(fast: Sandbox) -> None:
    whole = a_photo((600, 400))
    cut = whole[: len(whole) // 2] + b"\xff\xd9"
    for body in (whole[: len(whole) // 2], cut):
        exact, found = decode(a_fetched(body), Decode()), fast.sketch(a_fetched(body))
        assert isinstance(exact, Rejected)
        assert isinstance(found, Rejected)
        assert (found.reason, found.detail) == (exact.reason, exact.detail)


def test_profiles_greys_and_inks_keep_their_colours(fast: Sandbox) -> None:
    wide = a_photo((600, 400), icc_profile=an_rgb_profile(ADOBE_RGB, 2.2, "Adobe RGB (1998)"))
    photo = Image.open(io.BytesIO(a_photo((600, 400))))
    bodies = [wide]
    for mode in ("L", "CMYK"):
        out = io.BytesIO()
        photo.convert(mode).save(out, "JPEG")
        bodies.append(out.getvalue())
    for body in bodies:
        drawn = fast.sketch(a_fetched(body))
        assert isinstance(drawn, Drawn)
        assert decibels(encode_drawn(drawn.pixels, FAST, "jpg").image, drawn_here(a_fetched(body), BORDER)[1]) > _LEAST


def test_the_same_picture_is_drawn_alike_with_and_without_a_sandbox(fast: Sandbox) -> None:
    """Below twice the size nothing is left out, so that a filter that looks at pixels changes nothing."""
    fetched = a_fetched(a_photo((140, 100)))
    drawn = fast.sketch(fetched)
    assert isinstance(drawn, Drawn)
    assert encode_drawn(drawn.pixels, FAST, "jpg").image == drawn_here(fetched, FAST)[1]


def test_every_way_of_resizing_has_a_fast_one() -> None:
    pytest.importorskip("cykooz_resizer", reason="fast drawing has no wheel for this machine")
    body = a_photo((300, 200))
    for method in ("nearest", "linear", "cubic", "area", "lanczos"):
        fast = Output(image_size=100, downscale_interpolation=method, drawing="fast")
        exact = Output(image_size=100, downscale_interpolation=method)
        drawn = sketch(body, Decode(), fast, frozenset(), lambda: None)
        assert isinstance(drawn, Sketch)
        image = encode_drawn(drawn.pixels, fast, "jpg").image
        assert decibels(image, drawn_here(a_fetched(body), exact)[1]) > 30


def test_no_body_makes_a_sketch_raise() -> None:
    for body in (b"", b"\xff\xd8\xff", a_photo((60, 40))[:-300], image_bytes(kind="GIF")[:30]):
        assert isinstance(sketch(body, Decode(), FAST, frozenset(), lambda: None), Refused)


@pytest.mark.parametrize(
    ("drawn", "decoded"),
    [((400, 267), (601, 401)), ((200, 133), (301, 201)), ((100, 66), (151, 101)), ((3, 2), (76, 51))],
)
def test_a_jpeg_is_decoded_at_no_more_than_its_drawing_needs(drawn: tuple[int, int], decoded: tuple[int, int]) -> None:
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for more in ({}, {"icc_profile": srgb}, {"progressive": True}):
        outcome = decode_body(a_photo((601, 401), **more), Decode(), lambda _width, _height: drawn)
        assert isinstance(outcome, Decoded)
        assert (outcome.header.width, outcome.header.height) == (601, 401)
        assert outcome.pixels.size == decoded


@pytest.mark.parametrize("drawn", [(300, 200), (100, 67), (50, 33), (9, 6)])
def test_a_jpeg_that_was_cut_and_closed_again_is_refused_at_every_size(drawn: tuple[int, int]) -> None:
    whole = a_photo((301, 203))
    refused = 0
    for end in range(1_000, len(whole), 997):
        cut = whole[:end] + b"\xff\xd9"
        exact = decode_body(cut, Decode())
        if isinstance(exact, Refused):  # within the last row of blocks nobody sees it
            refused += 1
            assert decode_body(cut, Decode(), lambda _width, _height: drawn) == exact
    assert refused > 10


def test_the_resizer_reads_pictures_as_pillow_lays_them_out() -> None:
    """It looks into Pillow's memory, whose layout it knows by Pillow's version; the other way in is by copies."""
    resizer = pytest.importorskip("cykooz_resizer", reason="fast drawing has no wheel for this machine")
    photo = Image.open(io.BytesIO(a_photo((123, 77))))
    photo.load()
    source = resizer.ImageData(123, 77, resizer.PixelType.U8x3, photo.tobytes())
    drawn = resizer.ImageData(50, 31, resizer.PixelType.U8x3)
    lanczos = resizer.ResizeAlg.convolution(resizer.FilterType.lanczos3)
    resizer.Resizer().resize(source, drawn, resizer.ResizeOptions(lanczos))
    assert resized(photo, (50, 31), "lanczos").tobytes() == drawn.get_buffer()


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux's")
def test_only_a_child_that_hashes_by_looks_holds_what_that_takes(exact: Sandbox) -> None:
    def libraries(sandbox: Sandbox) -> str:
        assert isinstance(sandbox.decode(a_fetched()), Picture)
        return Path(f"/proc/{sandbox.pid}/maps").read_text()

    with open_sandboxes(Decode(), 1) as (plain,):
        assert "numpy" not in libraries(plain)
    assert "numpy" in libraries(exact)
