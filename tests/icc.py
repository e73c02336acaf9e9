"""Colour profiles made by hand (ICC.1:2022), small enough to be understood, and what they must do to a colour."""

from __future__ import annotations

import struct
from collections.abc import Callable
from itertools import product

import numpy as np

#: red, green and blue as XYZ under D50, one a row
ADOBE_RGB = ((0.60974, 0.31111, 0.01947), (0.20528, 0.62567, 0.06087), (0.14919, 0.06322, 0.74457))
DISPLAY_P3 = ((0.51512, 0.24120, -0.00105), (0.29198, 0.69225, 0.04189), (0.15710, 0.06657, 0.78407))
SRGB = ((0.43607, 0.22249, 0.01392), (0.38515, 0.71687, 0.09708), (0.14307, 0.06061, 0.71410))
D50 = (0.9642, 1.0, 0.8249)


def an_rgb_profile(primaries: tuple[tuple[float, ...], ...], gamma: float, name: str = "a wide one") -> bytes:
    curve = b"curv\0\0\0\0" + struct.pack(">IH", 1, round(gamma * 256))
    tags = dict(zip((b"rXYZ", b"gXYZ", b"bXYZ"), map(xyz, primaries), strict=True))
    return a_profile(b"RGB ", b"XYZ ", tags | dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve), name)


def a_grey_profile(gamma: float, name: str = "a grey one") -> bytes:
    curve = b"curv\0\0\0\0" + struct.pack(">IH", 1, round(gamma * 256))
    return a_profile(b"GRAY", b"XYZ ", {b"kTRC": curve}, name)


def a_cmyk_profile(lab_of: Callable[[int, int, int, int], tuple[float, float, float]], name: str = "a press") -> bytes:
    """A press whose 16 mixtures of full inks look as `lab_of` says; what is between them is interpolated."""
    ramp = bytes(range(256))
    nodes = b"".join(
        bytes((round(lightness * 2.55), round(a + 128), round(b + 128)))
        for lightness, a, b in (lab_of(*inks) for inks in product((0, 1), repeat=4))
    )
    unit = struct.pack(">9i", 65_536, 0, 0, 0, 65_536, 0, 0, 0, 65_536)
    table = b"mft1\0\0\0\0" + bytes((4, 3, 2, 0)) + unit + ramp * 4 + nodes + ramp * 3
    return a_profile(b"CMYK", b"Lab ", {b"A2B0": table}, name)


def a_profile(space: bytes, connection: bytes, tags: dict[bytes, bytes], name: str) -> bytes:
    """Version 2.4: a header of 128 bytes, the table of tags, the tags."""
    words = name.encode() + b"\0"
    described = b"desc\0\0\0\0" + struct.pack(">I", len(words)) + words + bytes(78)
    tags = tags | {b"desc": described, b"cprt": b"text\0\0\0\0none\0", b"wtpt": xyz(D50)}
    table, content, at = [], b"", 132 + 12 * len(tags)
    for tag, value in tags.items():
        table.append(tag + struct.pack(">II", at + len(content), len(value)))
        content += value + bytes(-len(value) % 4)
    kind = b"prtr" if space == b"CMYK" else b"mntr"
    header = bytes(8) + b"\x02\x40\0\0" + kind + space + connection + bytes(12) + b"acsp"
    header += bytes(28) + struct.pack(">3i", *(round(part * 65_536) for part in D50)) + bytes(48)
    whole = header + struct.pack(">I", len(tags)) + b"".join(table) + content
    return struct.pack(">I", len(whole)) + whole[4:]


def xyz(parts: tuple[float, ...]) -> bytes:
    return b"XYZ \0\0\0\0" + struct.pack(">3i", *(round(part * 65_536) for part in parts))


def seen_as_srgb(color: tuple[int, int, int], primaries: tuple[tuple[float, ...], ...], gamma: float) -> list[float]:
    """The sRGB numbers of a colour, by matrices (IEC 61966-2-1), without any colour engine."""
    light = (np.array(color) / 255) ** gamma @ np.array(primaries) @ np.linalg.inv(np.array(SRGB))
    light = np.clip(light, 0, 1)
    return [float(255 * (12.92 * one if one <= 0.0031308 else 1.055 * one ** (1 / 2.4) - 0.055)) for one in light]
