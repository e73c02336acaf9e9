from __future__ import annotations

import codecs
import gzip
import pickle
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from crawler.errors import SettingsError
from filters.keywords import Keywords, keywords, load_keywords

LIST = keywords(
    "child", "kid", "jail bait", "minor*", "under age*", "=ano", "子供", "เด็ก", "ロリ", "아이", "बच्चा", "ребёнок"
)

# checklist 28
SEEN_THROUGH = [
    "Child", "CHILD", "a child.", "the child's boat", "child_01.jpg", "child2", "#child", "“child”",
    "chi\u200bld", "chi\u00adld", "chi\u2060ld", "\ufeffchild", "c\u200dh\u200ci\u200bld", "chi\x00ld", "chi\ud800ld",
    "chi\u202eld", "chi\ufe0fld", "chi\u034fld", "chi\U000e0020ld",  # bidi override, selector, joiner, tag
    "ｃｈｉｌｄ", "ＣＨＩＬＤ", "𝔠𝔥𝔦𝔩𝔡", "ⓒⓗⓘⓛⓓ", "🅲🅷🅸🅻🅳", "ᴄʜɪʟᴅ",
    "chi\u0301ld", "chíld", "c\u0336h\u0336i\u0336l\u0336d\u0336", "chıld", "chiłd",
    "сhild", "СHILD", "chіld", "сһіld", "chιld",  # Cyrillic es, i; Greek iota
    "K I D", "k i d", "K i d", "K.I.D", "k-i-d", "k*i*d", "a K I D here", "A k i d", "K\u200b I D",
    "KID가", "女kid",
]  # fmt: skip


@pytest.mark.parametrize("text", SEEN_THROUGH)
def test_a_listed_word_in_disguise_is_a_hit(text: str) -> None:
    assert LIST.hits(text)


# checklist 28
OTHER_WORDS = [
    "kidney", "Kidney beans", "Kidlington", "kids", "children", "childhood", "skid", "Kindle", "kidnapped",
    "K I D N E Y", "K ID", "k i-d", "J. K. Rowling", "A B C D E F", "кид", "минор", "дед",
    "a red boat on a lake", "", " ", "\u200b", "👶", "4711",
]  # fmt: skip


@pytest.mark.parametrize("text", OTHER_WORDS)
def test_words_that_merely_hold_a_listed_one_are_no_hits(text: str) -> None:
    assert not LIST.hits(text)


# a text, whether it is a hit
FORMS = [
    ("jail bait", True), ("Jail-Bait", True), ("jail  \n bait", True), ("jail, bait", True),
    ("jailbait", False), ("jail", False), ("bait jail", False), ("jail of bait", False),
    ("minor", True), ("minors", True), ("Minority", True), ("asia minor", True), ("aminor", False),
    ("under aged", True), ("under-age", True), ("under the age", False),
    ("ano", True), ("ANO", True), ("a\u200bno", True), ("año", False), ("AÑO", False), ("an\u0303o", False),
    ("赤い船と子供たち", True), ("子\u200b供", True), ("子 供", True), ("子", False), ("供子", False),
    ("เด็กผู้หญิง", True), ("ผู้ใหญ่", False),
    ("ロリの船", True), ("ﾛﾘ", True), ("カロリー", False), ("ロリポップ", False), ("ロリ・ボート", True),
    ("아이 두 명", True), ("사이", False),
    ("एक बच्चा", True), ("बच्चाएं", False), ("बच्च", False),
    ("ребенок", True), ("РЕБЁНОК", True), ("peбeнoк", True),  # the last with Latin e, o, p
]  # fmt: skip


@pytest.mark.parametrize(("text", "is_hit"), FORMS)
def test_what_each_form_of_an_entry_hits(text: str, is_hit: bool) -> None:
    assert LIST.hits(text) is is_hit


def test_a_word_hits_with_any_accents_unless_its_entry_says_otherwise() -> None:
    assert keywords("ano").hits("año")
    assert keywords("schön").hits("schon")
    assert not keywords("=schön").hits("schon")
    assert keywords("=schön").hits("SCHO\u0308N")


@given(st.text())
def test_no_text_raises(text: str) -> None:
    assert LIST.hits(text) in {True, False}


@given(st.text(alphabet="abkid ", max_size=12))
def test_of_plain_texts_exactly_those_with_the_word_between_spaces_are_hits(text: str) -> None:
    assume("k i d" not in text)  # the one form that a division at spaces does not see
    assert keywords("kid").hits(text) == ("kid" in text.split(" "))


UNSEEN = st.sampled_from("\u200b\u00ad\u2060\u200d\ufeff\u202e\x00\ufe0f\u0301\u0336")


@given(st.sampled_from(["child", "kid", "子供", "ребёнок"]), st.lists(UNSEEN, min_size=8, max_size=8))
def test_nothing_unseen_hides_a_word(word: str, unseen: list[str]) -> None:
    assert LIST.hits("x " + "".join(letter + mark for letter, mark in zip(word, unseen, strict=False)) + " x")


def load(tmp_path: Path, content: bytes) -> Keywords:
    (tmp_path / "words.txt").write_bytes(content)
    return load_keywords("words.txt", tmp_path)


@pytest.mark.parametrize(
    "content",
    [
        b"kid\nchild\n",
        b"\xef\xbb\xbfkid\r\nchild\r\n",
        b"# of 2026\n\n  KID  \n\tChild",
        b"kid\rchild",
        gzip.compress(b"kid\nchild\n"),
        "ｋｉｄ\nchi\u00adld\n".encode(),
    ],
)
def test_marks_line_ends_comments_and_case_of_a_list_do_not_matter(tmp_path: Path, content: bytes) -> None:
    words = load(tmp_path, content)
    assert [words.hits(text) for text in ("Kid", "child", "of", "2026", "boat")] == [True, True, False, False, False]


def test_several_lists_are_one(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("kid")
    (tmp_path / "b").write_text("child")
    words = load_keywords(("a", "b"), tmp_path)
    assert words.hits("kid")
    assert words.hits("child")


# content of a list, part of what the error says
FAILS_CLOSED = [
    (b"", "holds no entries"),
    (b"# nothing\n\n", "holds no entries"),
    (b"kid\n\xff\xfe\n", "not UTF-8"),
    (codecs.BOM_UTF16_LE + "kid".encode("utf-16-le"), "not UTF-8"),
    (gzip.compress(b"kid\n" * 50)[:-9], "cannot be read"),
    (b"kid\nsecret,7\n", "line 2: not one word or phrase"),
    (b"kid\nsecret\t7\n", "line 2: not one word or phrase"),
    (b"secret  # comment\n", "line 1: not one word or phrase"),
    (b"(secret|hidden)\n", "line 1: not one word or phrase"),
    (b"*secret\n", "line 1: not one word or phrase"),
    (b"se*cret\n", "line 1: not one word or phrase"),
    (b"...\n", "line 1: no word"),
    (b"*\n", "line 1: no word"),
    (b"=\n", "line 1: no word"),
    (b"s\n", "line 1: a single letter"),
    (b"secret s*\n", "line 1: a single letter"),
    ("秘密*\n".encode(), 'line 1: "*" after letters'),
]


@pytest.mark.parametrize(("content", "message"), FAILS_CLOSED)
def test_a_list_with_a_line_that_is_no_entry_is_refused_and_not_quoted(
    tmp_path: Path, content: bytes, message: str
) -> None:
    with pytest.raises(SettingsError, match=r"words\.txt") as caught:
        load(tmp_path, content)
    assert message in str(caught.value)
    assert not {"secret", "kid", "hidden", "秘密"} & set(str(caught.value).replace(":", " ").split())


def test_a_missing_list_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"words\.txt: cannot be read"):
        load_keywords("words.txt", tmp_path)
    with pytest.raises(SettingsError, match="names no list"):
        load_keywords((), tmp_path)


def test_a_list_shows_nothing_of_itself_and_travels() -> None:
    assert "kid" not in repr(LIST)
    assert pickle.loads(pickle.dumps(LIST)).hits("K I D")
