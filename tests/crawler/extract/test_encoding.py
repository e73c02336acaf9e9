from __future__ import annotations

import codecs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.extract.encoding import _CODECS, _is_valid_utf8, utf8_of

JAPANESE = "<html lang=ja><img alt=赤い小舟が湖に浮かぶ>"
RUSSIAN = "<html lang=ru><img alt='Красная лодка'>"
GERMAN = "<html><img alt='Schöne grüne Boote für 5 €'>"

CASES: list[tuple[str, bytes, str, str]] = [
    ("a byte order mark outweighs all", codecs.BOM_UTF8 + RUSSIAN.encode(), "text/html; charset=koi8-r", RUSSIAN),
    ("UTF-16 with its mark", codecs.BOM_UTF16_LE + GERMAN.encode("utf-16-le"), "", GERMAN),
    ("UTF-16 the other way round", codecs.BOM_UTF16_BE + GERMAN.encode("utf-16-be"), "", GERMAN),
    ("the header", RUSSIAN.encode("koi8-r"), 'text/html; charset="KOI8-R"', RUSSIAN),
    ("the header before the page", RUSSIAN.encode("koi8-r"), "text/html;charset=koi8-r", RUSSIAN),
    ("Latin-1 means windows-1252", GERMAN.encode("cp1252"), "text/html; charset=ISO-8859-1", GERMAN),
    ("UTF-8 where nothing is declared", RUSSIAN.encode(), "", RUSSIAN),
    ("windows-1252 where nothing is declared", GERMAN.encode("cp1252"), "", GERMAN),
    ("the language where nothing is declared", RUSSIAN.encode("cp1251"), "", RUSSIAN),
    ("EUC-JP by language", JAPANESE.encode("euc_jp"), "", JAPANESE),
    ("Shift_JIS by language", JAPANESE.encode("cp932"), "", JAPANESE),
    ("an unknown label is none", RUSSIAN.encode(), "text/html; charset=klingon", RUSSIAN),
    ("codecs of Python that are no encodings are none", b"<p>\xc3\xa9", "text/html; charset=rot13", "<p>é"),
    ("wrongly declared UTF-8", RUSSIAN.encode("cp1251"), "text/html; charset=utf-8", RUSSIAN),
    ("a page cut inside a character", RUSSIAN.encode() + "я".encode()[:1], "", RUSSIAN + "\ufffd"),
]


@pytest.mark.parametrize(
    ("body", "content_type", "text"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
def test_the_encoding_is_found(body: bytes, content_type: str, text: str) -> None:
    assert utf8_of(body, content_type).decode("utf-8", "replace") == text


@pytest.mark.parametrize(
    "label",
    ["shift_jis", "Shift-JIS", "EUC-JP", "gb2312", "big5", "euc-kr", "windows-1251", "ISO-8859-2", "iso-2022-jp"],
)
@pytest.mark.parametrize(
    "meta",
    [
        "<meta charset={}>",
        '<meta http-equiv="Content-Type" content="text/html; charset={}">',
        "<!-- <meta charset=utf-8> --><META content='text/html;charset={}' HTTP-EQUIV=content-type>",
        '<?xml version="1.0" encoding="{}"?>',
    ],
)
def test_a_declaration_in_the_page_is_believed(label: str, meta: str) -> None:
    words = {"e": "한국어" if "kr" in label.lower() else "日本", "g": "中文", "b": "中文", "w": "лодка", "s": "小舟"}
    word = words.get(label[0].lower(), "小舟" if "2022" in label else "łódź")
    html = meta.format(label) + f"<img alt={word}>"
    assert utf8_of(html.encode(_CODECS[label.lower()]), "text/html").decode() == html


def test_a_page_that_says_utf_16_in_ascii_is_not() -> None:
    html = "<meta charset=utf-16><img alt=é>"
    assert utf8_of(html.encode(), "").decode() == html


def test_every_label_has_a_codec() -> None:
    for codec in set(_CODECS.values()):
        assert codecs.lookup(codec).name


@given(st.binary(max_size=80), st.sampled_from(["", *sorted(set(_CODECS))]))
def test_no_bytes_raise(body: bytes, label: str) -> None:
    for start in (b"", b"\xff\xfe", b"\xfe\xff", b"<html lang=ja>", b"<meta charset=gbk>"):
        utf8_of(start + body, f"text/html; charset={label}")


@given(st.one_of(st.binary(max_size=40), st.text(max_size=20).map(lambda text: text.encode("utf-8", "surrogatepass"))))
def test_utf_8_is_what_python_decodes(body: bytes) -> None:
    assert _is_valid_utf8(body) == (body.decode("utf-8", "ignore").encode() == body)
