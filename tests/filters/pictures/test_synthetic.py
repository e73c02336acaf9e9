from __future__ import annotations

from typing import Any

import pytest

import filters
from crawler.errors import SettingsError
from crawler.picture.decode import decode
from crawler.records import Header, Picture, Verdict
from crawler.settings import Decode
from filters.pictures.synthetic import build
from tests.builders import a_fetched, a_picture, image_bytes
from tests.fakes.credentials import needs_c2pa
from tests.fakes.marked_pictures import (
    MAKE,
    NEWSCODES,
    PARAMETERS,
    SOFTWARE,
    an_action,
    credentialed,
    packet,
    with_exif,
    with_texts,
    with_xmp,
)


def marked(*marks: str) -> Picture:
    return a_picture(header=Header(80, 60, "PNG", 1, 1, marks))


def verdict(*marks: str, **settings: Any) -> Verdict:
    return build(**settings).judge([marked(*marks)])[0]


def decoded(body: bytes) -> Picture:
    picture = decode(a_fetched(body), Decode())
    assert isinstance(picture, Picture)
    return picture


def of_type(source_type: str) -> bytes:
    return with_xmp(packet(f'Iptc4xmpExt:DigitalSourceType="{NEWSCODES}{source_type}"'))


def test_files_of_generators_go_and_those_of_cameras_and_editors_stay() -> None:
    made = [
        of_type("trainedAlgorithmicMedia"),
        with_texts(parameters=PARAMETERS),
        with_exif({SOFTWARE: "Midjourney 6"}),
        with_xmp(packet('photoshop:Credit="Made with Google AI"')),
    ]
    other = [
        image_bytes(), of_type("digitalCapture"), of_type("digitalArt"), of_type("algorithmicMedia"),
        of_type("compositeWithTrainedAlgorithmicMedia"), with_exif({MAKE: "Canon", SOFTWARE: "Adobe Photoshop 25.0"}),
        with_texts(Software="GIMP", Comment="a red boat"), with_xmp(packet('photoshop:Credit="Edited with Google AI"')),
    ]  # fmt: skip
    assert [one.keep for one in build().judge([decoded(body) for body in made])] == [False] * len(made)
    assert [one.keep for one in build().judge([decoded(body) for body in other])] == [True] * len(other)


@needs_c2pa
def test_a_collage_goes_only_where_composites_do() -> None:
    generated = credentialed(an_action("created", "trainedAlgorithmicMedia"), tool="ChatGPT")
    drawn, placed = an_action("created", "digitalCreation"), an_action("placed", ingredient="componentOf")
    pictures = [decoded(generated), decoded(credentialed(drawn, placed, componentOf=generated))]
    assert [one.keep for one in build().judge(pictures)] == [False, True]
    assert [one.keep for one in build(composites=True).judge(pictures)] == [False, False]


def test_the_verdict_names_the_first_mark_that_counted() -> None:
    marks = ("c2pa: digitalCapture", "c2pa edit: trainedAlgorithmicMedia", "c2pa tool: Adobe_Photoshop")
    assert verdict(*marks) == Verdict(keep=True)
    assert verdict(*marks, composites=True) == Verdict(keep=False, detail="c2pa edit: trainedAlgorithmicMedia")


@pytest.mark.parametrize(
    ("mark", "made", "composite"),
    [
        ("iptc: trainedAlgorithmicMedia", True, True), ("iptc: AISystemUsed", True, True), ("tc260: 1", True, True),
        ("c2pa: trainedAlgorithmicMedia", True, True), ("c2pa model: OpenAI", True, True), ("png: workflow", True, True),
        ("exif: Midjourney", True, True), ("xmp: Google AI", True, True), ("jpeg: Comment", True, True),
        ("iptc: compositeWithTrainedAlgorithmicMedia", False, True), ("iptc: compositeSynthetic", False, True),
        ("c2pa: compositeWithTrainedAlgorithmicMedia", False, True), ("xmp edit: Google AI", False, True),
        ("c2pa edit: trainedAlgorithmicMedia", False, True), ("c2pa ingredient: trainedAlgorithmicMedia", False, True),
        ("c2pa edit: compositeWithTrainedAlgorithmicMedia", False, True),
        ("iptc: digitalCapture", False, False), ("c2pa: digitalCapture", False, False), ("tc260: 3", False, False),
        ("c2pa tool: Adobe_Photoshop", False, False), ("c2pa ingredient: digitalCapture", False, False),
        ("iptc: algorithmicMedia", False, False), ("c2pa: empty", False, False),
    ],
)  # fmt: skip
def test_what_counts_by_default_and_as_a_composite(mark: str, made: bool, composite: bool) -> None:
    assert verdict(mark).keep is not made
    assert verdict(mark, composites=True).keep is not composite


def test_a_recipe_says_which_marks_count() -> None:
    assert not verdict("tc260: 3", marks=("tc260: ?",)).keep
    assert not verdict("C2PA: TrainedAlgorithmicMedia", marks=("c2pa: *trainedalgorithmicmedia",)).keep
    assert verdict("png: prompt", marks=("png: param*",)).keep
    assert verdict("png: prompt", marks=()).keep


def test_a_pattern_that_can_match_nothing_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"pictures\.synthetic: marks: 'midjourney' matches no mark"):
        filters.load("pictures.synthetic", {"marks": ["midjourney"]})
