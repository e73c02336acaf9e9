from __future__ import annotations

import pytest

from crawler.errors import SettingsError
from crawler.records import Tongue
from filters.candidates.language import Language
from filters.candidates.script import Script
from tests.builders import a_candidate

TONGUES = [
    Tongue("en", 0.9, "Latn"),
    Tongue("en", 0.2, "Latn"),
    Tongue("de", 0.9, "Latn"),
    Tongue("", 0.0, "Cyrl"),
    Tongue(),
]


def kept(filter_: Language | Script) -> list[bool]:
    return [verdict.keep for verdict in filter_.judge([a_candidate(tongue=tongue) for tongue in TONGUES])]


def test_captions_in_the_named_languages_stay() -> None:
    assert kept(Language()) == [True, True, False, False, False]
    assert kept(Language(languages=("de", "en"))) == [True, True, True, False, False]


def test_a_caption_told_with_little_confidence_counts_as_unknown() -> None:
    assert kept(Language(min_confidence=0.5)) == [True, False, False, False, False]
    assert kept(Language(min_confidence=0.5, unknown="keep")) == [True, True, False, True, True]
    assert kept(Language(min_confidence=0.2)) == [True, True, False, False, False]


def test_captions_in_the_named_scripts_stay() -> None:
    assert kept(Script()) == [True, True, True, False, False]
    assert kept(Script(scripts=("Cyrl",), unknown="keep")) == [False, False, False, True, True]


@pytest.mark.parametrize("code", ["xx", "EN", "eng", "", "id"])
def test_a_language_that_would_never_be_told_is_refused(code: str) -> None:
    with pytest.raises(SettingsError, match=f"languages: '{code}' would never be told; there are am, ar"):
        Language(languages=("en", code))


def test_a_script_that_would_never_be_told_is_refused() -> None:
    with pytest.raises(SettingsError, match="scripts: 'Hira', 'latn' would never be told"):
        Script(scripts=("Hira", "latn"))


def test_naming_nothing_is_refused() -> None:
    with pytest.raises(SettingsError, match="languages: names none"):
        Language(languages=())
    with pytest.raises(SettingsError, match="scripts: names none"):
        Script(scripts=())
