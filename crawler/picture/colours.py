"""Any mode that PIL decodes to, as RGB of 8 bits a channel: the right colours, alpha on white."""

from __future__ import annotations

from functools import lru_cache

from PIL import Image

from crawler.picture.profiles import as_srgb, is_srgb, mode_of

_WHITE = (255, 255, 255)
#: the mode that a profile is for -> modes of images whose colours are such numbers
_MODES_OF = {"L": ("1", "L", "LA"), "RGB": ("RGB", "RGBA", "RGBX", "P", "PA"), "CMYK": ("CMYK",)}
#: sample depth and meaning of zero in a TIFF file (TIFF 6.0, section 8)
_BITS_PER_SAMPLE, _PHOTOMETRIC, _WHITE_IS_ZERO = 0x0102, 0x0106, 0


def has_no_agreed_white(image: Image.Image) -> bool:
    """Whether samples have 32 bits, integer or float: any scale would be a guess, and most of them a white picture."""
    return image.mode in ("I", "F")


def to_rgb(image: Image.Image) -> Image.Image:
    """A loaded image of any mode but "I" and "F" as an RGB image without metadata, of no class but PIL's `Image`.

    It may share its samples with `image`, which is not to be used any more.

    Colour profiles are applied (`profiles`). Alpha, transparent colours and transparent palette entries lie on
    white. CMYK without a profile is converted as browsers do, by multiplying what the inks let through.
    """
    if image.mode.startswith("I;16"):
        image = _eight_bits(image)
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        pixels = Image.new("RGB", image.size, _WHITE)
        pixels.paste(_with_profile(image, rgba) or rgba, mask=rgba)
    else:
        pixels = _with_profile(image, image) or (_plain(image) if image.mode == "RGB" else image.convert("RGB"))
    pixels.info = {}  # EXIF, XMP, profiles and comments end here; an encoder would write some of them again
    return pixels


def _plain(image: Image.Image) -> Image.Image:
    """The same samples without file and format."""
    return image._new(image.im)  # noqa: SLF001 - `copy` less the copying, which takes as long as half the decoding


def _with_profile(image: Image.Image, colours: Image.Image) -> Image.Image | None:
    """The colours in sRGB without alpha, or None where the image has no profile to apply.

    `colours` is the image, or where it has transparency the same as RGBA.
    """
    if (profile := _profile_that_matters(image)) is None:
        return None
    mode = mode_of(profile)
    if mode == "CMYK":
        return as_srgb(image, profile)
    return as_srgb(image.convert("L") if mode == "L" else colours.convert("RGB"), profile)


def _profile_that_matters(image: Image.Image) -> bytes | None:
    """The profile of an image, if it is one for such images and for other colours than sRGB's."""
    profile = image.info.get("icc_profile")
    if not isinstance(profile, bytes):
        return None
    mode = mode_of(profile)
    return None if mode is None or image.mode not in _MODES_OF[mode] or is_srgb(profile) else profile


def _eight_bits(image: Image.Image) -> Image.Image:
    """A grey picture of 12 or 16 bits as 8 bits, rounded. PIL's own conversion clips: all above 255 turns white."""
    tags = getattr(image, "tag_v2", {})  # of a TIFF file, and of no other
    white = 4_095 if tags.get(_BITS_PER_SAMPLE) == (12,) else 65_535
    levels = _levels(white, inverted=tags.get(_PHOTOMETRIC) == _WHITE_IS_ZERO)
    transparent = image.info.get("transparency")
    if isinstance(transparent, int) and 0 <= transparent <= 65_535:
        levels = (*levels[:transparent], 255, *levels[transparent + 1 :])
    grey = image.convert("I").point(levels, "L")
    grey.info = {"icc_profile": image.info.get("icc_profile")}
    return grey


@lru_cache(maxsize=4)
def _levels(white: int, *, inverted: bool) -> tuple[int, ...]:
    """The 8-bit level of each of the 65,536 samples, where `white` is the brightest."""
    levels = (min((sample * 255 + white // 2) // white, 255) for sample in range(65_536))
    return tuple(255 - level for level in levels) if inverted else tuple(levels)
