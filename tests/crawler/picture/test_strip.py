from __future__ import annotations

import io
import zipfile
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from crawler.picture.decode import Decoded, decode_body
from crawler.picture.encode import encode
from crawler.picture.strip import without_metadata
from crawler.records import Picture
from crawler.settings import Decode, Output
from tests.builders import a_picture
from tests.icc import ADOBE_RGB, an_rgb_profile

PROFILE = an_rgb_profile(ADOBE_RGB, 2.2)
KINDS = ("JPEG", "PNG", "WEBP")
SECRETS = (b"a camera", b"Jane Doe", b"<x:xmpmeta", b"<?php", b"PK\x03\x04", b"\0\x01\0\x05\0\0\0\x01")


def a_photo(kind: str, orientation: int = 6, **options: Any) -> bytes:
    """With a position, a name, a comment, XMP, a profile, and a zip file behind it."""
    exif = Image.Exif()
    exif[0x010F], exif[0x013B], exif[0x0112] = "a camera", "Jane Doe", orientation
    exif.get_ifd(0x8825)[2] = (52.0, 31.0, 12.0)
    options |= {"exif": exif, "icc_profile": PROFILE}
    if kind in ("JPEG", "WEBP"):
        options |= {"xmp": b"<x:xmpmeta>" + b"x" * 200}
    if kind == "JPEG":
        options |= {"comment": b"<?php evil() ?>"}
    samples = np.random.default_rng(0).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    out = io.BytesIO()
    Image.fromarray(samples).resize((160, 120)).save(out, kind, **options)
    behind = io.BytesIO()
    with zipfile.ZipFile(behind, "w") as archive:
        archive.writestr("Jane Doe", "secret")
    return out.getvalue() + behind.getvalue()


def decoded(body: bytes) -> Decoded:
    outcome = decode_body(body, Decode())
    assert isinstance(outcome, Decoded), outcome
    return outcome


VARIANTS: list[tuple[str, dict[str, Any]]] = [
    ("JPEG", {}), ("JPEG", {"progressive": True}), ("JPEG", {"restart_marker_rows": 1}), ("PNG", {}), ("WEBP", {}),
    ("WEBP", {"lossless": True}),
    ("PNG", {"save_all": True, "append_images": [Image.new("RGB", (160, 120))]}),
    ("WEBP", {"save_all": True, "append_images": [Image.new("RGB", (160, 120))]}),
]  # fmt: skip


# checklist 22
@pytest.mark.parametrize("orientation", [1, 3, 6])
@pytest.mark.parametrize(("kind", "options"), VARIANTS)
def test_the_picture_stays_and_all_else_goes(kind: str, options: dict[str, Any], orientation: int) -> None:
    body = a_photo(kind, orientation, **options)
    before = decoded(body)
    stripped = without_metadata(body, kind, before.header.orientation)
    assert stripped is not None
    assert [secret for secret in SECRETS if secret in stripped] == []
    assert len(stripped) < len(body)
    after = decoded(stripped)
    assert after.header == before.header
    assert after.header.orientation == orientation
    assert after.pixels.tobytes() == before.pixels.tobytes()  # the profile is still applied
    assert Image.open(io.BytesIO(stripped)).getexif().get_ifd(0x8825) == {}
    assert without_metadata(stripped, kind, orientation) == stripped


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_that_tells_nothing_is_left_byte_for_byte(kind: str) -> None:
    out = io.BytesIO()
    Image.new("RGB", (30, 20), (1, 2, 3)).save(out, kind)
    assert without_metadata(out.getvalue(), kind, 1) == out.getvalue()


def test_thumbnails_and_what_stands_between_scans_go_too() -> None:
    body = a_photo("JPEG", 1, progressive=True)
    jfif = body.index(b"JFIF\0")
    with_thumbnail = body[:2] + b"\xff\xe0\0\x13" + body[jfif : jfif + 12] + b"\1\1\x0a\x0b\x0c" + body[jfif + 14 :]
    second_scan = with_thumbnail.index(b"\xff\xda", with_thumbnail.index(b"\xff\xda") + 2)
    table = with_thumbnail.rindex(b"\xff\xc4", 0, second_scan)
    body = with_thumbnail[:table] + b"\xff\xfe\0\x0aJane Doe" + with_thumbnail[table:]
    stripped = without_metadata(body, "JPEG", 1)
    assert stripped is not None
    assert b"\x0a\x0b\x0c" not in stripped
    assert b"Jane Doe" not in stripped
    assert decoded(stripped).pixels.tobytes() == decoded(body).pixels.tobytes()


@pytest.mark.parametrize("kind", KINDS)
def test_what_cannot_be_taken_apart_is_not_guessed_at(kind: str) -> None:
    body = a_photo(kind)
    assert without_metadata(body[: len(body) // 2], kind, 6) is None
    assert without_metadata(body, "GIF", 6) is None


@pytest.mark.parametrize("kind", KINDS)
def test_original_keeps_no_metadata_and_the_hashes_of_what_was_received(kind: str) -> None:
    body = a_photo(kind)
    seen = decoded(body)
    picture = a_picture(header=seen.header, pixels=seen.pixels)
    picture = Picture(picture.fetched, seen.header, picture.hashes, seen.pixels)
    junk = b"\0\0\0\0" if kind == "JPEG" else b""  # in front of the first segment: PIL skips it, we do not guess
    for received in (body, body[:2] + junk + body[2:] if junk else body[:-500]):
        fetched = a_picture().fetched.__class__(picture.fetched.candidate, received, "", "", (), 0)
        encoded = encode(Picture(fetched, seen.header, picture.hashes, seen.pixels), Output(encode_format="original"))
        assert [secret for secret in SECRETS if secret in encoded.image] == []
        assert Image.open(io.BytesIO(encoded.image)).format == kind


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(KINDS), st.integers(0, 400), st.binary(min_size=1, max_size=8), st.integers(1, 8))
def test_no_file_raises_and_nothing_grows(kind: str, at: int, noise: bytes, orientation: int) -> None:
    body = PHOTOS[kind]
    body = body[:at] + noise + body[at + len(noise) :]
    stripped = without_metadata(body, kind, orientation)
    if stripped is not None:
        assert len(stripped) <= len(body) + 60
        assert without_metadata(stripped, kind, orientation) == stripped


PHOTOS = {kind: a_photo(kind) for kind in KINDS}
