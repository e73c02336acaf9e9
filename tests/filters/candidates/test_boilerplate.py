from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filters.candidates.boilerplate import Boilerplate
from tests.builders import a_candidate


def kind_of(caption: str) -> str:
    """Why it is dropped, or "" if it stays."""
    verdict = Boilerplate().judge([a_candidate(caption)])[0]
    assert verdict.keep == (verdict.detail == "")
    return verdict.detail


SAYS_NOTHING = {
    "words": [
        "image", "Image", "[icon]", "LOGO", "photo", "Photo of author", "company logo", "Article thumbnail image",
        "no image available", "click to enlarge", "Click to enlarge image", "untitled", "placeholder", "Bild",
        "Bild zum Artikel", "artikel-bild", "imagen", "Imagen 2 de 5", "изображение", "Нет изображения", "图片", "画像3",
        "이미지", "รูปภาพ", "चित्र", "ｉｍａｇｅ", "header image_03", "null", "Kein alternativer Text für dieses Bild vorhanden",
        "„Bild“", "Loading...",
    ],
    "files": [
        "IMG_1234.jpg", "IMG_1234", "DSC00123", "P1610219.jpg", "02-P1610080.jpg", "screenshot 2021-03-04",
        "Screen Shot 2018-07-05 at 13.56.24.png", "Bildschirmfoto 2020-01-02 um 10.11.12.png", "IMG-20200102-WA0003.jpg",
        "bed-hotel-room.jpg", "foo.PNG?v=2", "image (3).jpeg", "unnamed (1)", "tw27003265", "PXL_20210304_101112345.jpg",
        "20287090_10154588415381898_7194871701779091240_o", "987d7b2bab3f3e2e231645921e497345.jpg",
    ],
    "numbers": [
        "4711", "1", "2021-03-04", "12:30", "800x600", "800 × 600", "$4.99", "74fd5ed7ed515ad3fb5a4db3b7168e28",
        "123e4567-e89b-12d3-a456-426614174000", "{123E4567-E89B-12D3-A456-426614174000}", "٤٧١١",
    ],
    "addresses": [
        "https://images.test/a/b.png", "http://images.test", "www.images.test", "//images.test/a.jpg",
        "data:image/gif;base64,R0lGOD",
    ],
}  # fmt: skip


@pytest.mark.parametrize(("kind", "caption"), [(kind, one) for kind, all_ in SAYS_NOTHING.items() for one in all_])
def test_captions_that_say_nothing_go(kind: str, caption: str) -> None:
    assert kind_of(caption) == kind


SAYS_SOMETHING = [
    "Logo of the University of Vienna", "Photo by Joan Bardeletti", "Image of Jeremy Epling", "Golem.de Logo",
    "Mozilla dinosaur head logo.png", "Market in Hanoi.jpg", "Bild: ein Boot auf dem See", "boat", "a red boat on a lake",
    "https://images.test is our site", "2 boats", "iPhone 15", "RTX 4090", "deadbeef", "Boeing 747", "Apollo 11",
    "Icon of Saint Nicholas", "图片里有一只船", "一只红色的船在湖上", "写真家の肖像", "Text icon", "article", "Company",
    "", "😀", "?", "the of for", "image " * 40,
]  # fmt: skip


@pytest.mark.parametrize("caption", SAYS_SOMETHING)
def test_captions_that_merely_hold_such_a_word_stay(caption: str) -> None:
    assert kind_of(caption) == ""


def test_only_the_named_kinds_are_looked_for() -> None:
    filter_ = Boilerplate(kinds=("files",))
    captions = ["image", "IMG_1234.jpg", "4711", "www.images.test"]
    assert [verdict.keep for verdict in filter_.judge([a_candidate(one) for one in captions])] == [
        True,
        False,
        True,
        True,
    ]


@given(st.text() | st.text(alphabet="img_ -0123.jpx(a", max_size=130))
def test_every_caption_has_a_verdict(caption: str) -> None:
    assert kind_of(caption) in {*SAYS_NOTHING, ""}
