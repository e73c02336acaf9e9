"""Caption texts as they are kept: repaired, without what cannot be seen, on one line, of bounded length.

What a page writes is hostile text: controls that break a terminal or a table, bidi controls that show a text in another
order than it is stored, zero-width characters that hide a word from a filter. What is left is still the author's words:
quotation marks, letter widths and ligatures stay as written (docs/decisions/0002-reading-archives.md).
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache

import ftfy
from ftfy.badness import is_bad

_DEFAULT_CHARACTERS = 2_000

# Scripts whose spelling needs ZWNJ and ZWJ: Arabic and its kin, the Indic ones, Tibetan, Myanmar, Khmer, Mongolian.
_JOINING = "\u0600-\u08ff\u0900-\u0dff\u0f00-\u109f\u1780-\u18af\ua8e0-\ua8ff\uaa60-\uaa7f\ufb50-\ufdff\ufe70-\ufefc"
# Emoji and their parts: a family is several people held together by ZWJ.
_EMOJI = "\u2190-\u2bff\u3030\u303d\u3297\u3299\U0001f000-\U0001faff"
_SELECTOR = "\ufe0e\ufe0f"

#: Characters that nobody sees. Taken out wherever they stand; a word cut in two by one of them is one word again.
_UNSEEN = re.compile(
    "\x1b\\[[0-9;]*[A-Za-z]|"  # colour codes of a terminal, whole
    "["
    "\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f"  # controls; those that are white space become a space later
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\uffa0"  # soft hyphen, joiners, fillers
    "\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff"  # zero width, bidi controls, byte order mark
    "\ufff0-\ufffc\ufdd0-\ufdef\ufffe\uffff\ud800-\udfff"  # annotations, non-characters, lone surrogates
    "\U000e0100-\U000e0fff"  # ideographic selectors: glyph variants, never another word
    "]"
    # variation selectors and joiners carry meaning in emoji and in the scripts above, elsewhere they only hide words
    f"|(?<![{_EMOJI}0-9#*\u00a9\u00ae\u203c\u2049\u2122\u2139])[{_SELECTOR}]|[\ufe00-\ufe0d]"
    f"|(?<![{_JOINING}{_EMOJI}{_SELECTOR}])[\u200c\u200d]|[\u200c\u200d](?![{_JOINING}{_EMOJI}])"
    # tag characters spell the flags of Scotland and the like after a black flag; elsewhere they smuggle ASCII
    "|(?<![\U0001f3f4\U000e0020-\U000e007f])[\U000e0000-\U000e007f]"
)
#: Texts of these alone hold nothing that this module or ftfy would change but white space: no "&", nothing unseen, and
#: no two that look like mojibake side by side (checked by a test). Most accented capitals do, and are left out.
_ORDINARY = re.compile(
    "[\t\n\f\r -%'-~\u2013\u2014\u2019\u2026"  # ASCII, dashes, apostrophe, ellipsis
    "\u00d2-\u00d6\u00da\u00db\u00df-\u00f6\u00f8-\u00ff"  # letters of Western Europe
    "\u0401\u0404\u0406\u0407\u0410-\u044f\u0451\u0454\u0456\u0457\u03ac-\u03ce"  # Russian, Ukrainian, small Greek
    "\u0561-\u0586\u05d0-\u05ea\u0620-\u0669\u066e-\u06d3\u06f0-\u06f9"  # Armenian, Hebrew, Arabic
    "\u0900-\u0dff\u0e01-\u0e5b\u10d0-\u10fa"  # Indic scripts, Thai, Georgian
    "\u3001\u3002\u3005-\u3007\u3041-\u3096\u30a1-\u30fe\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3]*"  # CJK
)
#: a quick look for what `_UNSEEN` might take out, one character at a time
_PERHAPS_UNSEEN = re.compile(
    "[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f"
    "\u202a-\u202e\u2060-\u206f\u3164\ud800-\udfff\ufdd0-\ufdef\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffc\ufffe\uffff"
    "\U000e0000-\U000e0fff]"
)
_MOST_ROUNDS = 12
_C1 = re.compile("[\x80-\x9f]")
_SURROGATES = re.compile("[\ud800-\udbff][\udc00-\udfff]")
_ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,30});")


def clean(text: str, characters: int = _DEFAULT_CHARACTERS, *, repair: bool = True) -> str:
    """The text as a caption: never raises, idempotent, at most `characters` long, "" if nothing is left to read.

    Undoes mojibake (ftfy's judgement) and double-escaped entities, composes to NFC, turns every run of white space into
    one space. A text that is too long is cut after a word where one ends near the limit. Without `repair`, mojibake
    stays: that is the one step that can cost milliseconds.
    """
    if len(text) <= characters and _is_ordinary(text):
        # nothing else to do: nearly all captions
        return text.strip(" ") if "  " not in text and text.isprintable() else " ".join(text.split())
    # A caption is never worth more than this much work, whatever its length on the page.
    text = text[: 8 * characters]
    if text.isascii() and "&" not in text:
        # ftfy changes nothing here (performance.md: identical on all captions tried, 2.7 times as fast)
        return _cut(" ".join(_without_unseen(text).split()), characters)
    return _clean_slowly(text, characters, repair=repair)


def clean_all(texts: Sequence[str], characters: int = _DEFAULT_CHARACTERS) -> list[str]:
    """What `clean` says of each of these texts; where they are captions already, that is told for all at once."""
    if len(texts) == 1:
        return [clean(texts[0], characters)]
    together = " ".join(texts)  # two spaces side by side, or one at an end, are white space that a text has too much
    if (
        together.isprintable()
        and "  " not in together
        and together == together.strip(" ")
        and _is_ordinary(together)
        and (len(together) <= characters or max(map(len, texts)) <= characters)
        and "" not in texts
    ):
        return list(texts)
    return [clean(text, characters) for text in texts]


def _is_ordinary(text: str) -> bool:
    """Whether nothing but the white space of a text is to be changed."""
    if text.isascii() and text.isprintable():
        return "&" not in text
    return _ORDINARY.fullmatch(text) is not None and unicodedata.is_normalized("NFC", text)


@lru_cache(maxsize=1024)  # texts come again within a site; at most some megabytes
def _clean_slowly(text: str, characters: int, *, repair: bool = True) -> str:
    # Each step can uncover work for another, such as mojibake that a zero-width space had split; so until it is still.
    for _ in range(_MOST_ROUNDS):
        cleaned = _clean_once(text, characters, repair=repair)
        if cleaned == text:
            return text
        text = cleaned
    return ""  # nobody escapes a text so often; this one was made to keep us busy


def _clean_once(text: str, characters: int, *, repair: bool) -> str:
    if "&" in text and "<" not in text:
        # an entity that outlived the parser was escaped twice; where "<" stands the text is about mark-up (ftfy's rule)
        text = _ENTITY.sub(lambda entity: html.unescape(entity.group()), text)
    if not text.isascii():
        text = _SURROGATES.sub(lambda pair: pair.group().encode("utf-16", "surrogatepass").decode("utf-16"), text)
        if repair and is_bad(text):
            text = ftfy.fix_encoding(text)
        text = _C1.sub(lambda control: control.group().encode("latin-1").decode("windows-1252", "replace"), text)
    text = _without_unseen(text)
    return _cut(" ".join(unicodedata.normalize("NFC", text).split()), characters)


def _without_unseen(text: str) -> str:
    return _UNSEEN.sub("", text) if _PERHAPS_UNSEEN.search(text) else text


def _cut(text: str, characters: int) -> str:
    if len(text) <= characters:
        return text
    space = text.rfind(" ", characters - characters // 8, characters + 1)
    end = space if space > 0 else characters
    # never between a letter and its accents, nor inside an emoji sequence
    while 0 < end < len(text) and (unicodedata.combining(text[end]) or text[end] in "\u200c\u200d\ufe0e\ufe0f"):
        end -= 1
    return text[:end].rstrip()
