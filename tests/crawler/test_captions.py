from __future__ import annotations

import unicodedata

import pytest
from ftfy.badness import is_bad
from hypothesis import given
from hypothesis import strategies as st

from crawler.captions import _ORDINARY, _PERHAPS_UNSEEN, _UNSEEN, _clean_slowly, clean, clean_all

SCOTLAND = "🏴" + "".join(chr(0xE0000 + ord(letter)) for letter in "gbsct\x7f")

CASES: list[tuple[str, str, str]] = [
    ("an ordinary caption stays", "A red boat", "A red boat"),
    ("white space of all kinds is one space", "  A\n\tred\u00a0 \u3000boat\x0c\u2028", "A red boat"),
    ("a lone space is nothing", " ", ""),
    ("an entity escaped twice is decoded", "Fish &amp; chips, caf&eacute; &#8364;5", "Fish & chips, café €5"),
    ("an entity escaped three times is decoded", "a &amp;amp; b", "a & b"),
    ("text about mark-up is left alone", "if a < b &amp; c", "if a < b &amp; c"),
    ("mojibake is repaired", "SchÃ¶ne BÃ¼cher â€“ neu", "Schöne Bücher – neu"),
    ("mojibake split by a zero-width space is repaired", "SchÃ\u200b¶ne BÃ¼cher", "Schöne Bücher"),
    ("windows-1252 read as latin-1 is repaired", "\x93Quoted\x94 it\x92s", "“Quoted” it’s"),
    ("curly quotes and full-width letters stay as written", "“ＡＢＣ” ﬁne", "“ＡＢＣ” ﬁne"),
    ("controls go", "a\x00b\x07c\x7f", "abc"),
    ("colour codes of a terminal go whole", "\x1b[31mred\x1b[0m boat", "red boat"),
    ("bidi controls go", "\u202eevil\u202c \u2066x\u2069", "evil x"),
    ("a zero-width space cannot hide a word", "chi\u200bld", "child"),
    ("a joiner between Latin letters cannot hide a word", "ch\u200di\u200cld", "child"),
    ("a variation selector cannot hide a word", "chi\ufe0fld", "child"),
    ("a soft hyphen cannot hide a word", "chi\u00adld", "child"),
    ("tag characters do not smuggle text", "cat\U000e0062\U000e0061\U000e0064", "cat"),
    ("an emoji family stays together", "👩\u200d👩\u200d👧 at home", "👩\u200d👩\u200d👧 at home"),
    ("a red heart stays red", "love ❤\ufe0f", "love ❤\ufe0f"),
    ("a flag of tags stays", SCOTLAND, SCOTLAND),
    ("Persian keeps its non-joiner", "می\u200cخواهم", "می\u200cخواهم"),
    ("Sinhala keeps its joiner", "ශ්\u200dරී ලංකා", "ශ්\u200dරී ලංකා"),
    ("a joiner at the end joins nothing", "می\u200c", "می"),
    ("letters and accents are composed", "cafe\u0301", "café"),
    ("a pair of surrogates is its character", "\ud83d\ude00 smile", "😀 smile"),
    ("a lone surrogate goes", "a\ud800b", "ab"),
    ("a formula is only text", "=cmd|' /C calc'!A0", "=cmd|' /C calc'!A0"),
    ("unknown entities stay", "AT&T &nosuch; &", "AT&T &nosuch; &"),
]  # fmt: skip


# checklist 28
@pytest.mark.parametrize(("written", "cleaned"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_what_a_page_writes_becomes_a_caption(written: str, cleaned: str) -> None:
    assert clean(written) == cleaned


def test_a_long_text_is_cut_after_a_word() -> None:
    assert clean("one two three four", characters=14) == "one two three"


def test_a_long_word_is_cut_where_the_limit_is() -> None:
    assert clean("a" * 30, characters=10) == "a" * 10


def test_a_cut_never_parts_a_letter_from_its_accent() -> None:
    assert clean("xxxxx" + "q\u0323\u0307" * 4, characters=7) == "xxxxx"


# checklist 26
def test_ten_million_characters_take_no_time() -> None:
    assert len(clean("é&amp;" * 2_000_000)) <= 2_000


def test_a_text_escaped_more_often_than_anybody_would_is_nothing_to_read() -> None:
    assert clean("&" + "amp;" * 9 + "b") == "&b"
    assert clean("&" + "amp;" * 500) == ""


def test_without_repair_mojibake_stays_and_all_else_is_done() -> None:
    assert clean(" SchÃ¶ne \u200b&amp;  BÃ¼cher", repair=False) == "SchÃ¶ne & BÃ¼cher"


_HOSTILE = st.lists(
    st.one_of(
        st.text(max_size=4),
        st.sampled_from(["&amp;", "&#38;", "&lt;", "amp;", "Ã", "\u200b", "¶", "\u200d", "\ufe0f", "\x93", "👩", "م", "<",
                         " ", "\ud83d", "\ude00", "e\u0301", "â€", "\x1b[", "31m", "\x80", "\ufffd", "Ð", "Ñ", "\u00a0"]),
    ),
    max_size=12,
).map("".join)  # fmt: skip


# checklist 28
@given(_HOSTILE, st.integers(1, 40))
def test_cleaning_is_idempotent_and_keeps_its_promises(text: str, characters: int) -> None:
    cleaned = clean(text, characters)
    assert clean(cleaned, characters) == cleaned
    assert len(cleaned) <= characters
    assert cleaned == cleaned.strip()
    assert unicodedata.is_normalized("NFC", cleaned)
    cleaned.encode("utf-8")
    assert not any(unicodedata.category(letter) in ("Cc", "Cs", "Zl", "Zp") for letter in cleaned)


@given(st.from_regex(_ORDINARY, fullmatch=True))
def test_ordinary_texts_come_out_as_if_they_had_gone_the_long_way(text: str) -> None:
    assert clean(text) == _clean_slowly(text, 2_000)


def test_the_quick_look_overlooks_nothing_that_would_be_taken_out() -> None:
    for code in range(0x110000):
        if not _PERHAPS_UNSEEN.search(chr(code)):
            assert not _UNSEEN.search(f"a{chr(code)}b"), hex(code)


def test_no_two_ordinary_characters_look_like_mojibake() -> None:
    ordinary = [chr(code) for code in [*range(9, 0x600), *range(0x2010, 0x2030)] if _ORDINARY.fullmatch(chr(code))]
    for first in ordinary:
        row = "".join(f"{first}{second} a{first}{second}b " for second in ordinary)
        assert not is_bad(row), row


_SNIPPETS = st.sampled_from(
    ["A red boat", "caf\u00e9", " a", "b ", "", "a  b", "&amp;", "\u200b", "e\u0301", "a\nb", "Sch\u00c3\u00b6ne"]
)


@given(st.lists(st.one_of(_SNIPPETS, st.text(max_size=5)), max_size=5))
def test_all_texts_of_a_page_are_cleaned_as_each_of_them(texts: list[str]) -> None:
    for characters in (2000, 4):
        assert clean_all(texts, characters) == [clean(text, characters) for text in texts]
