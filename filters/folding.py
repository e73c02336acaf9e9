"""Texts as a word list should see them: one spelling for all that looks the same to a reader.

Who wants a word past a list writes it full-width, with an invisible character inside, with accents, with a Cyrillic
letter, or spaced out. Each of these is undone here, on the words of the list and on the text alike.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from functools import partial

# Marks that sit on a letter of a script that does without them. Vowel signs of India and of South-East Asia are
# letters in all but name, and stay; so do the voicing marks of kana.
_ACCENTS = (
    "\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f"  # Latin, Greek, Cyrillic
    "\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7"  # Hebrew points
    "\u0610-\u061a\u0640\u064b-\u065f\u0670\u06d6-\u06dc\u06df-\u06e8\u06ea-\u06ed\u0711\u0730-\u074a"  # Arabic, Syriac
)
# What nobody sees: controls that are no white space, soft hyphen, joiners, fillers, bidi controls, selectors, tags.
_UNSEEN = (
    "\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f"
    "\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\ufffe\uffff\ud800-\udfff"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
_HIDDEN = re.compile(f"[{_UNSEEN}]+")
_HIDDEN_OR_ACCENT = re.compile(f"[{_UNSEEN}{_ACCENTS}]+")
#: letters that Unicode does not take apart although readers do: strokes, small capitals, letters in black boxes
_PLAIN = str.maketrans(
    "łŁøØđĐħĦŧŧıɡɑᴀʙᴄᴅᴇꜰɢʜɪᴊᴋʟᴍɴᴏᴘʀꜱᴛᴜᴠᴡʏᴢ" + "".join(map(chr, (*range(0x1F150, 0x1F16A), *range(0x1F170, 0x1F18A)))),
    "lLoOdDhHttigaabcdefghijklmnoprstuvwyz" + 2 * "abcdefghijklmnopqrstuvwxyz",
)
# Look-alikes are told before case is folded: "Ν" looks like N, and its small form "ν" like v.
_GREEK = "ΑΒΕΖΗΙΚΜΝΟΡΤΥΧαικνορυχγωη"
_GREEK_AS_LATIN = "ABEZHIKMNOPTYXaikvopuxywn"
_CYRILLIC = "АВЕЅІЈКМНОРСТУХҺԀԚԜавеѕіјкмнорстухһԁԛԝԍЬьпгиӀӏ"
_CYRILLIC_AS_LATIN = "ABESIJKMHOPCTYXHDQWabesijkmhopctyxhdqwgbbnruIl"
_TO_LATIN = str.maketrans(_CYRILLIC + _GREEK, _CYRILLIC_AS_LATIN + _GREEK_AS_LATIN)
_TO_CYRILLIC = str.maketrans(
    "ABEKMHOPCTYXSIJaekopcyxsijuΑΒΕΗΚΜΟΡΤΧΥοραιυ", "АВЕКМНОРСТУХЅІЈаекорсухѕіјиАВЕНКМОРТХУораіу"
)
_MIXED = re.compile("[A-Za-z][\u0370-\u052f]|[\u0370-\u052f][A-Za-z]")
_WORD_OF_LETTERS = re.compile(r"[^\W\d_]+")
#: scripts that put no space between words: a word of the list counts wherever its letters stand
SPACELESS = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3041-\u309f\u3400-\u4dbf\u4e00-\u9fff\U00020000-\U000323af"
)
_OF_SPACELESS = re.compile(f"[{SPACELESS}]")
# "K I D", "k.i.d": letters that each stand alone, with one and the same sign between them
_SIGN = "[ ._*\\-\u00b7\u2022|/~+=,]"
_SPACED = re.compile(rf"(?<![^\W_])[^\W\d_](?:({_SIGN})[^\W\d_])(?:\1[^\W\d_])*(?![^\W_])")
#: a quick look for what `_SPACED` might find
_PERHAPS_SPACED = re.compile(rf"{_SIGN}[^\W\d_]{_SIGN}|[{SPACELESS}]{_SIGN}[{SPACELESS}]")


def folded(text: str, *, accents: bool = False) -> str:
    """The text in the one spelling of its letters: case, width, accents and all that is unseen folded away.

    With `accents`, letters keep theirs: "año" is then not "ano". Never raises.
    """
    return _folded(text, accents=accents).casefold()


def readings(text: str) -> Iterator[str]:
    """The text folded, and then, where it may hide a word, other readings of it: usually none.

    Words of mixed letters are read as all Latin and as all Cyrillic ("сhild" with a Cyrillic "с"). Letters that stand
    alone, three or more in a row with one sign between them and of one case ("K I D", "k.i.d"), are read as one word,
    the whole row and no part of it; of scripts without spaces two are enough.
    """
    plain = _folded(text)
    yield plain.casefold()
    if not plain.isascii() and _MIXED.search(plain):
        for table in (_TO_LATIN, _TO_CYRILLIC):
            yield _WORD_OF_LETTERS.sub(partial(_told, table), plain).casefold()
    if _PERHAPS_SPACED.search(plain):
        for row in _SPACED.finditer(plain):
            for word in _words_of_row(row.group()[::2]):
                yield word.casefold()


def _folded(text: str, *, accents: bool = False) -> str:
    """All but the letter case."""
    if text.isascii():
        return text if text.isprintable() else _HIDDEN.sub("", text)
    if accents:
        return unicodedata.normalize("NFKC", _HIDDEN.sub("", unicodedata.normalize("NFKC", text)))
    apart = _HIDDEN_OR_ACCENT.sub("", unicodedata.normalize("NFKD", text)).translate(_PLAIN)
    return unicodedata.normalize("NFKC", apart)


def _told(table: Mapping[int, int], found: re.Match[str]) -> str:
    word = found.group()
    return word.translate(table) if _MIXED.search(word) else word


def _words_of_row(letters: str) -> Iterator[str]:
    """A row of single letters, divided where a small letter follows a capital beyond the first, or the reverse.

    "a K I D" is an article and a word; so may be "A k i d", which is also read as one word.
    """
    start = 0
    for place in range(1, len(letters) + 1):
        if place < len(letters) and (
            letters[place].isupper() == letters[place - 1].isupper()
            or (place - 1 == start and letters[start].isupper())
        ):
            continue
        word = letters[start:place]
        if len(word) >= 3 or (len(word) == 2 and _OF_SPACELESS.match(word)):
            yield word
            if word[0].isupper() and word[1].islower() and len(word) > 3:
                yield word[1:]
        start = place
