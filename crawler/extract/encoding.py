"""The character encoding of a page, found as the Encoding and HTML standards say, with two repairs for the real web."""

from __future__ import annotations

import re
import sys

import pyarrow as pa

# Labels of the Encoding Standard (encoding.spec.whatwg.org, section 4.2) under the Python codec that is nearest:
# Latin-1 means windows-1252, Shift_JIS means code page 932, and so on. No others: Python would also "decode" rot13.
_LABELS = {
    "utf-8": "utf-8 utf8 unicode-1-1-utf-8 unicode11utf8 unicode20utf8 x-unicode20utf8",
    "cp866": "866 cp866 csibm866 ibm866",
    "iso8859_2": "iso-8859-2 iso8859-2 iso88592 iso_8859-2 latin2 l2 csisolatin2 iso-ir-101 iso_8859-2:1987",
    "iso8859_3": "iso-8859-3 iso8859-3 iso88593 iso_8859-3 latin3 l3 csisolatin3 iso-ir-109 iso_8859-3:1988",
    "iso8859_4": "iso-8859-4 iso8859-4 iso88594 iso_8859-4 latin4 l4 csisolatin4 iso-ir-110 iso_8859-4:1988",
    "iso8859_5": "iso-8859-5 iso8859-5 iso88595 iso_8859-5 cyrillic csisolatincyrillic iso-ir-144 iso_8859-5:1988",
    "iso8859_6": "iso-8859-6 iso8859-6 iso88596 iso_8859-6 arabic asmo-708 csiso88596e csiso88596i csisolatinarabic "
    "ecma-114 iso-8859-6-e iso-8859-6-i iso-ir-127 iso_8859-6:1987",
    "iso8859_7": "iso-8859-7 iso8859-7 iso88597 iso_8859-7 greek greek8 csisolatingreek ecma-118 elot_928 iso-ir-126 "
    "iso_8859-7:1987 sun_eu_greek",
    "iso8859_8": "iso-8859-8 iso8859-8 iso88598 iso_8859-8 hebrew visual csiso88598e csisolatinhebrew iso-8859-8-e "
    "iso-ir-138 iso_8859-8:1988 iso-8859-8-i csiso88598i logical",
    "iso8859_10": "iso-8859-10 iso8859-10 iso885910 latin6 l6 csisolatin6 iso-ir-157",
    "iso8859_13": "iso-8859-13 iso8859-13 iso885913",
    "iso8859_14": "iso-8859-14 iso8859-14 iso885914",
    "iso8859_15": "iso-8859-15 iso8859-15 iso885915 iso_8859-15 l9 csisolatin9",
    "iso8859_16": "iso-8859-16",
    "koi8_r": "koi8-r koi8 koi8_r koi cskoi8r",
    "koi8_u": "koi8-u koi8-ru",
    "mac_roman": "macintosh mac csmacintosh x-mac-roman",
    "cp874": "windows-874 dos-874 iso-8859-11 iso8859-11 iso885911 tis-620",
    "cp1250": "windows-1250 cp1250 x-cp1250",
    "cp1251": "windows-1251 cp1251 x-cp1251",
    "cp1252": "windows-1252 cp1252 x-cp1252 iso-8859-1 iso8859-1 iso88591 iso_8859-1 latin1 l1 ascii us-ascii "
    "ansi_x3.4-1968 cp819 csisolatin1 ibm819 iso-ir-100 iso_8859-1:1987",
    "cp1253": "windows-1253 cp1253 x-cp1253",
    "cp1254": "windows-1254 cp1254 x-cp1254 iso-8859-9 iso8859-9 iso88599 iso_8859-9 latin5 l5 csisolatin5 iso-ir-148 "
    "iso_8859-9:1989",
    "cp1255": "windows-1255 cp1255 x-cp1255",
    "cp1256": "windows-1256 cp1256 x-cp1256",
    "cp1257": "windows-1257 cp1257 x-cp1257",
    "cp1258": "windows-1258 cp1258 x-cp1258",
    "mac_cyrillic": "x-mac-cyrillic x-mac-ukrainian",
    "gb18030": "gb18030 gbk gb2312 gb_2312 gb_2312-80 x-gbk chinese csgb2312 csiso58gb231280 iso-ir-58",
    "big5hkscs": "big5 big5-hkscs cn-big5 csbig5 x-x-big5",
    "euc_jp": "euc-jp cseucpkdfmtjapanese x-euc-jp",
    "iso2022_jp_ext": "iso-2022-jp csiso2022jp",
    "cp932": "shift_jis shift-jis sjis x-sjis ms_kanji ms932 windows-31j csshiftjis",
    "cp949": "euc-kr ks_c_5601-1987 ks_c_5601-1989 ksc5601 ksc_5601 korean windows-949 cseuckr csksc56011987 "
    "iso-ir-149",
    "utf-16-le": "utf-16 utf-16le csunicode iso-10646-ucs-2 ucs-2 unicode unicodefeff",
    "utf-16-be": "utf-16be unicodefffe",
}
_CODECS = {label: codec for codec, labels in _LABELS.items() for label in labels.split()}

#: where nothing is declared, what pages in a language were written in before UTF-8; tried strictly, in this order
_LEGACY = {
    "ja": ("euc_jp", "cp932"), "zh": ("gb18030", "big5hkscs"), "ko": ("cp949",), "ru": ("cp1251",), "uk": ("cp1251",),
    "bg": ("cp1251",), "be": ("cp1251",), "sr": ("cp1250",), "pl": ("cp1250",), "cs": ("cp1250",), "sk": ("cp1250",),
    "hu": ("cp1250",), "ro": ("cp1250",), "hr": ("cp1250",), "sl": ("cp1250",), "el": ("cp1253",), "tr": ("cp1254",),
    "he": ("cp1255",), "ar": ("cp1256",), "fa": ("cp1256",), "lt": ("cp1257",), "lv": ("cp1257",), "et": ("cp1257",),
    "th": ("cp874",), "vi": ("cp1258",),
}  # fmt: skip

# The standard looks through 1,024 bytes; many pages declare later, behind a script, and browsers find it as they parse.
_PRESCAN_BYTES = 8 * 1024
_CHARSET = re.compile(r"charset\s*=\s*[\"']?\s*([A-Za-z0-9_.:\-]+)", re.IGNORECASE)
_META_CHARSET = re.compile(rb"<meta[^>]{0,400}?charset\s*=\s*[\"']?\s*([A-Za-z0-9_.:\-]+)", re.IGNORECASE)
_XML_ENCODING = re.compile(rb"\s*<\?xml[^>]{0,200}?encoding\s*=\s*[\"']([A-Za-z0-9_.:\-]+)", re.IGNORECASE)
_HTML_LANG = re.compile(rb"<html[^>]{0,400}?\blang\s*=\s*[\"']?([A-Za-z]{2,3})\b", re.IGNORECASE)
_COMMENT = re.compile(rb"<!--.*?-->", re.DOTALL)


def utf8_of(body: bytes, content_type: str) -> bytes:
    """The page as UTF-8; `content_type` is the header as sent. Never raises: what cannot be decoded becomes U+FFFD.

    The order is the standard's: byte order mark, header, `<meta>`; then UTF-8 if it is valid; then what the page's
    language was written in before, else windows-1252. Repairs: a page that says UTF-8 and is not, mostly, is decoded as
    what else it declares; a page is not UTF-16 unless it looks it.
    """
    if body.startswith(b"\xef\xbb\xbf"):
        return body[3:]
    for mark, codec in ((b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be")):
        if body.startswith(mark):
            return _utf8(body[2:].decode(codec, "replace"))
    if body.isascii() and b"\x1b" not in body:  # the escapes of ISO-2022-JP are ASCII too
        return body
    declared = _header_codec(content_type) or _meta_codec(body)
    if declared not in ("", "utf-8"):
        return _utf8(_decode(body, declared))
    if _is_utf8(body):
        return body
    if declared and not _is_mostly_not_utf8(body):
        return body  # the parser reads the few wrong bytes as replacement characters
    return _decode_legacy(body, [codec for codec in (_meta_codec(body),) if codec not in ("", "utf-8")])


def _header_codec(content_type: str) -> str:
    found = _CHARSET.search(content_type)
    return _CODECS.get(found.group(1).lower(), "") if found else ""


def _meta_codec(body: bytes) -> str:
    start = body[:_PRESCAN_BYTES]
    if b"<!--" in start:
        start = _COMMENT.sub(b"", start)
    found = _META_CHARSET.search(start) or _XML_ENCODING.match(start)
    codec = _CODECS.get(found.group(1).decode("ascii").lower(), "") if found else ""
    # a declaration that can be read as ASCII is not written in UTF-16 (HTML standard, prescan)
    return "utf-8" if codec.startswith("utf-16") else codec


def _is_utf8(body: bytes) -> bool:
    if _is_valid_utf8(body):
        return True
    try:
        body.decode("utf-8")
    except UnicodeDecodeError as error:
        # Common Crawl cuts long pages where it happens to be, perhaps inside a character.
        return error.start >= len(body) - 3
    return True


def _is_valid_utf8(body: bytes) -> bool:
    """Whether all of it is UTF-8. Arrow's check of a column of one text: 5 times as fast as to decode it."""
    offsets = bytes(8) + len(body).to_bytes(8, sys.byteorder)
    text = pa.LargeStringArray.from_buffers(1, pa.py_buffer(offsets), pa.py_buffer(body))
    try:
        text.validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True


def _is_mostly_not_utf8(body: bytes) -> bool:
    """Whether most of what is not ASCII is not UTF-8 either: the declaration is wrong, rather than a few bytes."""
    text = body.decode("utf-8", "replace")
    wrong = text.count("\ufffd")
    return wrong * 2 > sum(not letter.isascii() for letter in text)


def _decode_legacy(body: bytes, declared: list[str]) -> bytes:
    language = _HTML_LANG.search(body[:_PRESCAN_BYTES])
    codecs = _LEGACY.get(language.group(1).decode("ascii").lower(), ()) if language else ()
    for codec in (*declared, *codecs):
        try:
            return _utf8(body.decode(codec))
        except UnicodeDecodeError:
            continue
    return _utf8(_decode(body, "cp1252"))


def _decode(body: bytes, codec: str) -> str:
    if codec == "cp1252":
        # five bytes have no character there; the standard reads them as the C1 controls of Latin-1
        return body.decode("cp1252", "replace") if _UNDEFINED_1252.search(body) is None else _decode_1252(body)
    return body.decode(codec, "replace")


_UNDEFINED_1252 = re.compile(rb"[\x81\x8d\x8f\x90\x9d]")


def _decode_1252(body: bytes) -> str:
    return body.translate(_TO_SPACE).decode("cp1252")


_TO_SPACE = bytes(0x20 if byte in b"\x81\x8d\x8f\x90\x9d" else byte for byte in range(256))


def _utf8(text: str) -> bytes:
    return text.encode("utf-8", "replace")
