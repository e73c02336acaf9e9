"""Colour profiles (ICC): a picture's numbers as the sRGB numbers that look the same.

A profile is a small program of curves and tables, written by strangers: it is capped, looked at, and run by littlecms
in the decoder's process. A profile that is broken, too large, or of another kind of picture is as if it were not there.
"""

from __future__ import annotations

import io
from functools import lru_cache
from typing import TYPE_CHECKING

from PIL import Image, ImageCms

if TYPE_CHECKING:
    from PIL.ImageCms import ImageCmsTransform

#: profiles for print, the largest that are embedded, have 0.5 to 2.5 MB
_LARGEST = 4 * 1024 * 1024
#: transforms are made once and kept: a few profiles are in most of the pictures that have one
_KEPT = 8

#: the colour space in a profile's header (ICC.1:2022, table 19) -> the mode that it is about
_MODE_OF_SPACE = {b"RGB ": "RGB", b"GRAY": "L", b"CMYK": "CMYK"}
#: input, display, output and colour space profiles; not links between devices, named colours or effects (table 18)
_CLASSES = frozenset((b"scnr", b"mntr", b"prtr", b"spac"))

#: how descriptions of sRGB begin: HP's, Apple's, Google's and littlecms' own; "c2" is the 524-byte one of Facebook
_SRGB_NAMES = (b"sRGB", b"c2\0")


def as_srgb(image: Image.Image, profile: bytes) -> Image.Image | None:
    """An L, RGB or CMYK image as RGB in sRGB, or None where the profile is broken; its mode is `mode_of(profile)`.

    Rendering is perceptual, as in browsers. Raises nothing, whatever the profile is.
    """
    try:
        return ImageCms.applyTransform(image, _transform(profile, image.mode))
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return None


def mode_of(profile: bytes) -> str | None:
    """The mode of the pictures that a profile is for: "L", "RGB" or "CMYK", or None where it is not one to apply.

    By its header alone: size, signature, class and colour space.
    """
    if not 132 <= len(profile) <= _LARGEST or profile[36:40] != b"acsp" or profile[12:16] not in _CLASSES:
        return None
    if int.from_bytes(profile[:4], "big") > len(profile):
        return None
    return _MODE_OF_SPACE.get(profile[16:20])


def is_srgb(profile: bytes) -> bool:
    """Whether a profile says that it is sRGB, by its description: most profiles of the web do, and change nothing."""
    for entry in range(132, 132 + 12 * min(int.from_bytes(profile[128:132], "big"), 100), 12):
        if profile[entry : entry + 4] == b"desc":
            at = int.from_bytes(profile[entry + 4 : entry + 8], "big")
            if profile[at : at + 4] == b"desc":  # version 2: ASCII behind its length
                return profile[at + 12 : at + 20].startswith(_SRGB_NAMES)
            if profile[at : at + 4] == b"mluc":  # version 4: UTF-16 at an offset
                text = at + int.from_bytes(profile[at + 24 : at + 28], "big")
                return profile[text : text + 16].decode("utf-16-be", "replace").encode().startswith(_SRGB_NAMES)
    return False


@lru_cache(maxsize=_KEPT)
def _transform(profile: bytes, mode: str) -> ImageCmsTransform:
    source = ImageCms.getOpenProfile(io.BytesIO(profile))
    return ImageCms.buildTransform(source, _srgb(), mode, "RGB", ImageCms.Intent.PERCEPTUAL)


@lru_cache(maxsize=1)
def _srgb() -> ImageCms.ImageCmsProfile:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
