from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageCms

from crawler.picture.decode import decode
from crawler.picture.profiles import as_srgb, is_srgb, mode_of
from crawler.records import Picture
from crawler.settings import Decode
from tests.builders import a_fetched
from tests.icc import ADOBE_RGB, DISPLAY_P3, SRGB, a_cmyk_profile, a_grey_profile, an_rgb_profile, seen_as_srgb

ADOBE = an_rgb_profile(ADOBE_RGB, 2.2, "Adobe RGB (1998)")
TEAL = (40, 160, 140)


def color_of(image: Image.Image, image_format: str, profile: bytes, **options: Any) -> tuple[int, ...]:
    out = io.BytesIO()
    image.save(out, image_format, icc_profile=profile, **options)
    picture = decode(a_fetched(out.getvalue()), Decode())
    assert isinstance(picture, Picture), picture
    assert picture.pixels.info == {}
    color = picture.pixels.getpixel((3, 3))
    assert isinstance(color, tuple)
    return tuple(int(part) for part in color)


LOSSLESS: dict[str, dict[str, Any]] = {
    "PNG": {}, "TIFF": {}, "WEBP": {"lossless": True}, "JPEG": {"quality": 100, "subsampling": 0},
    "AVIF": {"quality": 100, "subsampling": "4:4:4"},
}  # fmt: skip


@pytest.mark.parametrize("image_format", LOSSLESS)
@pytest.mark.parametrize("primaries", [ADOBE_RGB, DISPLAY_P3])
def test_a_wide_colour_looks_the_same_in_srgb(image_format: str, primaries: Any) -> None:
    flat = Image.new("RGB", (16, 16), TEAL)
    seen = color_of(flat, image_format, an_rgb_profile(primaries, 2.2), **LOSSLESS[image_format])
    assert np.allclose(seen, seen_as_srgb(TEAL, primaries, 2.2), atol=3)
    assert not np.allclose(seen, TEAL, atol=10)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P"])
def test_a_profile_holds_for_every_mode_of_its_colours(mode: str) -> None:
    image = Image.new("RGB", (16, 16), TEAL)
    seen = color_of(image.quantize(2) if mode == "P" else image.convert(mode), "PNG", ADOBE)
    assert np.allclose(seen, seen_as_srgb(TEAL, ADOBE_RGB, 2.2), atol=2)


def test_alpha_is_laid_on_white_after_the_colours_are_right() -> None:
    seen = color_of(Image.new("RGBA", (16, 16), (*TEAL, 128)), "PNG", ADOBE)
    expected = [(part * 128 + 255 * 127) / 255 for part in seen_as_srgb(TEAL, ADOBE_RGB, 2.2)]
    assert np.allclose(seen, expected, atol=2)


@pytest.mark.parametrize("mode", ["L", "LA", "I;16"])
def test_grey_with_another_gamma_gets_lighter_or_darker(mode: str) -> None:
    level = 100 * 257 if mode == "I;16" else (100, 255) if mode == "LA" else 100
    seen = color_of(Image.new(mode, (16, 16), level), "PNG", a_grey_profile(1.0))
    assert np.allclose(seen, seen_as_srgb((100, 100, 100), SRGB, 1.0), atol=2)


INKS = ((255, 0, 0, 0), (0, 255, 255, 0), (0, 0, 0, 255), (0, 0, 0, 0))


def dull(cyan: int, magenta: int, yellow: int, black: int) -> tuple[float, float, float]:
    """Inks on newspaper: none is as dark or colourful as a screen's, only all of them together are black."""
    lightness = 100 - 30 * cyan - 35 * magenta - 5 * yellow - 30 * black
    colourful = 0 if cyan * magenta * yellow * black else 1
    return lightness, (-30 * cyan + 40 * magenta) * colourful, (-30 * cyan + 50 * yellow) * colourful


@pytest.mark.parametrize("image_format", ["JPEG", "TIFF"])
@pytest.mark.parametrize("inks", INKS)
def test_inks_look_as_their_press_prints_them(image_format: str, inks: tuple[int, int, int, int]) -> None:
    flat = Image.new("CMYK", (16, 16), inks)
    seen = color_of(flat, image_format, a_cmyk_profile(dull), **LOSSLESS[image_format])
    lightness, a, b = dull(*(ink // 255 for ink in inks))
    lab = Image.new("LAB", (1, 1), (round(lightness * 2.55), round(a + 128), round(b + 128)))
    to_srgb = ImageCms.buildTransform(ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB"), "LAB", "RGB")
    expected = ImageCms.applyTransform(lab, to_srgb)
    assert expected is not None
    assert np.allclose(seen, np.asarray(expected)[0, 0], atol=4), (seen, expected.getpixel((0, 0)))


@pytest.mark.parametrize("name", ["sRGB IEC61966-2.1", "sRGB built-in", "c2"])
def test_srgb_is_known_by_its_name_and_left_alone(name: str) -> None:
    profile = an_rgb_profile(ADOBE_RGB, 2.2, name)
    assert is_srgb(profile)
    assert color_of(Image.new("RGB", (16, 16), TEAL), "PNG", profile) == TEAL


def test_littlecms_own_srgb_is_known_too() -> None:
    assert is_srgb(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    assert not is_srgb(ADOBE)


BROKEN = {
    "no profile": b"profile" * 50,
    "cut": ADOBE[:300],
    "too short": ADOBE[:100],
    "too large": ADOBE + bytes(5_000_000),
    "a link between devices": ADOBE[:12] + b"link" + ADOBE[16:],
    "tags that lie outside": ADOBE[:132] + b"\xff" * 120 + ADOBE[252:],
    "no tags": ADOBE[:128] + bytes(4) + ADOBE[132:],
    "for grey": a_grey_profile(2.2),
    "for inks": a_cmyk_profile(dull),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_profile_that_cannot_be_applied_costs_nothing(name: str) -> None:
    seen = color_of(Image.new("RGB", (16, 16), TEAL), "TIFF", BROKEN[name])
    assert seen == TEAL


@given(st.integers(0, len(ADOBE)), st.binary(max_size=40), st.sampled_from([ADOBE, a_cmyk_profile(dull)]))
def test_no_profile_raises(at: int, noise: bytes, profile: bytes) -> None:
    profile = profile[:at] + noise + profile[at + len(noise) :]
    is_srgb(profile)
    mode = mode_of(profile)
    if mode is not None:
        seen = as_srgb(Image.new(mode, (2, 2)), profile)
        assert seen is None or (seen.mode, seen.size) == ("RGB", (2, 2))
