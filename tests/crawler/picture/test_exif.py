from __future__ import annotations

import io
import json

import pytest
from PIL import Image
from PIL.TiffImagePlugin import IFDRational

from crawler.picture.decode import Decoded, decode_body
from crawler.picture.exif import LONGEST_EXIF, exif_text, harmless
from crawler.picture.sandbox import open_sandboxes
from crawler.records import Picture
from crawler.settings import Decode
from tests.builders import a_fetched, image_bytes

SECRETS = ("Jane", "SN-123", "52", "whisper")


def a_photo() -> bytes:
    exif = Image.Exif()
    exif[0x010F], exif[0x0112], exif[0x013B], exif[0x010E] = "Nikon", 6, "Jane", "whisper"
    folder = exif.get_ifd(0x8769)
    folder[0x829D], folder[0xA431], folder[0x9003] = IFDRational(14, 5), "SN-123", "2020:01:01 10:00:00"
    exif.get_ifd(0x8825)[2] = (52.0, 1.0, 2.0)
    return image_bytes(kind="JPEG", exif=exif)


def text_of(keep: str) -> str:
    return exif_text(Image.open(io.BytesIO(a_photo())), keep)  # type: ignore[arg-type]  # one of three words


def test_the_camera_is_told_and_places_and_people_are_not() -> None:
    told = json.loads(text_of("harmless"))
    assert told["Image Make"] == "Nikon"
    assert told["Image Orientation"] == "6"
    assert told["EXIF FNumber"] == "14/5"
    assert told["EXIF DateTimeOriginal"] == "2020:01:01 10:00:00"
    assert not [secret for secret in SECRETS if secret in text_of("harmless")]


def test_all_is_all_under_exifreads_names() -> None:
    told = json.loads(text_of("all"))
    assert told["Image Artist"] == "Jane"
    assert told["EXIF BodySerialNumber"] == "SN-123"
    assert told["GPS GPSLatitude"] == "[52, 1, 2]"


def test_nothing_is_read_unless_it_is_asked_for() -> None:
    assert text_of("none") == ""
    assert exif_text(Image.new("RGB", (1, 1)), "harmless") == "{}"


def test_what_img2dataset_recorded_is_made_harmless_too() -> None:
    assert json.loads(harmless(text_of("all"))) == {
        name: value for name, value in json.loads(text_of("harmless")).items() if not name.endswith("GPSInfo")
    }
    assert harmless("not json") == harmless("[1]") == ""


def test_a_text_has_an_end_and_stays_json() -> None:
    exif = Image.Exif()
    for tag in range(0xC000, 0xC0A0):
        exif[tag] = "long " * 60
    text = exif_text(Image.open(io.BytesIO(image_bytes(kind="JPEG", exif=exif))), "all")
    assert len(text) <= LONGEST_EXIF
    assert json.loads(text)


@pytest.mark.parametrize("keep", ["none", "harmless"])
def test_the_decoders_process_says_the_same(keep: str) -> None:
    settings = Decode(exif=keep)  # type: ignore[arg-type]  # one of its words
    here = decode_body(a_photo(), settings)
    with open_sandboxes(settings, 1) as (sandbox,):
        there = sandbox.decode(a_fetched(a_photo()))
    assert isinstance(here, Decoded)
    assert isinstance(there, Picture)
    assert there.header.exif == here.header.exif
    assert bool(there.header.exif) == (keep != "none")
