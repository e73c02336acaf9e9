from __future__ import annotations

import threading

import eldc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.records import Tongue
from crawler.tongue import (
    _LATIN_1,
    _OF_OTHERS,
    _THREE_ASCII_LETTERS,
    LANGUAGES,
    SCRIPTS,
    _script_of,
    tongue_of,
    tongues_of,
)

# caption, language, script
TOLD = [
    ("a red boat on a lake", "en", "Latn"),
    ("ein rotes Boot auf dem See", "de", "Latn"),
    ("un bateau rouge sur le lac", "fr", "Latn"),
    ("czerwona łódka na jeziorze", "pl", "Latn"),
    ("красная лодка на озере", "ru", "Cyrl"),
    ("червоний човен на озері", "uk", "Cyrl"),
    ("قارب أحمر في البحيرة", "ar", "Arab"),
    ("قایق قرمز روی دریاچه", "fa", "Arab"),
    ("湖上的一只红船", "zh", "Hani"),
    ("湖に浮かぶ赤い船", "ja", "Jpan"),
    ("カメラ", "ja", "Jpan"),
    ("ｶﾒﾗ", "ja", "Jpan"),
    ("호수 위의 빨간 배", "ko", "Hang"),
    ("एक लाल सेब और दो बच्चे", "hi", "Deva"),
    ("একটি লাল নৌকা", "bn", "Beng"),
    ("เรือสีแดงในทะเลสาบ", "th", "Thai"),
    ("Κόκκινη βάρκα", "el", "Grek"),
    ("წითელი ნავი", "ka", "Geor"),
    ("סירה אדומה באגם", "he", "Hebr"),
    ("දිය මත රතු බෝට්ටුවක්", "si", "Sinh"),
    ("red boat 湖", "en", "Latn"),
    ("Canon カメラとレンズ", "ja", "Jpan"),
]


@pytest.mark.parametrize(("caption", "language", "script"), TOLD)
def test_language_and_script_of_a_caption(caption: str, language: str, script: str) -> None:
    tongue = tongue_of(caption)
    assert (tongue.language, tongue.script) == (language, script)
    assert 0.05 <= tongue.confidence <= 1


# caption, script
NOT_TOLD = [
    ("", ""), ("4711", ""), ("😀😀😀😀😀😀😀😀😀😀", ""), ("—", ""), ("«!»", ""), ("\ud800", ""), ("\x00", ""),
    ("ab", "Latn"), ("é", "Latn"), ("да", "Cyrl"), ("2021-03-04 x", "Latn"),
    ("Қазақстан Республикасы", "Cyrl"), ("Македонија и ѓевреците", "Cyrl"), ("Ĝis la revido", "Latn"),
    ("ᏣᎳᎩ", "Cher"), ("བོད་ཡིག", "Tibt"),
]  # fmt: skip


@pytest.mark.parametrize(("caption", "script"), NOT_TOLD)
def test_what_cannot_be_told_has_no_language_and_no_confidence(caption: str, script: str) -> None:
    assert tongue_of(caption) == Tongue("", 0.0, script)


def test_a_language_is_never_told_of_letters_that_it_is_not_written_in() -> None:
    assert tongue_of("Москва").language != "en"
    assert tongue_of("Ω μ δ").language in {"el", ""}
    assert tongue_of("東京都").language in {"zh", "ja"}


def test_one_kana_in_a_chinese_caption_does_not_make_it_japanese() -> None:
    assert tongue_of("鮮の味蕃茄牛肉麵専門店").script == "Hani"
    assert tongue_of("台湾の夜市").script == "Jpan"


def test_the_share_of_its_script_lowers_the_confidence() -> None:
    assert tongue_of("Ελλάδα").confidence == 1
    assert tongue_of("Ελλάδα abc").confidence == pytest.approx(6 / 9)


def test_only_the_first_250_characters_count() -> None:
    assert tongue_of("a red boat on a lake. " * 50 + "красная лодка" * 1_000_000).language == "en"
    assert tongue_of("a red boat on a lake. " * 500_000).language == "en"


def test_a_nul_or_a_lone_surrogate_hides_nothing_behind_it() -> None:
    assert tongue_of("\x00a red boat on a lake").language == "en"
    assert tongue_of("\udc00a red boat on a lake").language == "en"


@given(st.text() | st.text(alphabet="aéжЖ船のカ한😀ÿ\x00\ud800\u200d ", max_size=40))
def test_every_text_has_an_answer(text: str) -> None:
    tongue = tongue_of(text)
    assert tongue.language in LANGUAGES | {""}
    assert tongue.script in SCRIPTS | {""}
    assert (tongue.confidence >= 0.05) if tongue.language else (tongue.confidence == 0)
    assert tongue.confidence <= 1
    assert tongue_of(text) == tongue


def test_what_others_set_in_eldc_does_not_change_the_answer() -> None:
    eldc.set_languages(["fi"])
    eldc.set_scores(1)
    try:
        assert tongue_of("a red boat on a lake").language == "en"
    finally:
        eldc.set_languages([])
        eldc.set_scores(3)


def test_threads_get_the_same_answers() -> None:
    captions = [caption for caption, _, _ in TOLD] * 50
    alone = [tongue_of(caption) for caption in captions]
    answers: list[list[Tongue]] = []
    threads = [threading.Thread(target=lambda: answers.append([tongue_of(one) for one in captions])) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [alone] * 4


def test_every_letter_of_latin_1_is_latin_and_of_no_language_that_eldc_does_not_know() -> None:
    latin_1 = "".join(map(chr, range(256)))
    assert _LATIN_1.fullmatch(latin_1)
    assert _script_of(latin_1) == ("Latn", 1.0)
    assert not _OF_OTHERS["Latn"].search(latin_1)


@given(st.text(st.characters(max_codepoint=127), min_size=3))
def test_three_letters_at_the_start_are_three_letters(text: str) -> None:
    assert not text[:3].isalpha() or _THREE_ASCII_LETTERS.search(text)


@given(st.lists(st.text(max_size=300), max_size=4))
def test_all_texts_of_a_page_are_told_as_each_of_them(texts: list[str]) -> None:
    assert tongues_of([*texts, *texts]) == [tongue_of(text) for text in (*texts, *texts)]
