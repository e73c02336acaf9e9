"""Language and script of a caption, told from the caption alone; the one module that knows eldc.

A caption is a few words, often names, and a page may hold any language. So the script is told first, by code points,
and eldc is asked only which of the languages of that script it is: it would otherwise find Greek letters English.
Decision 0019 has the figures.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache, lru_cache
from typing import Protocol

import eldc

from crawler.records import Tongue

#: characters that are looked at: more does not make the answer better, and eldc reads 1,000 bytes at most
_LOOKED_AT = 250
#: a lead of less is "cannot be told": it would be wrong as often as right
_LEAST_CONFIDENCE = 0.05
#: letters of an alphabet that are too few for any answer
_FEWEST_LETTERS = 3
#: texts of no more characters are looked at for how many of them are letters
_SHORT = 3 * _FEWEST_LETTERS - 1
#: kana to a Chinese character, at least, in a text that is Japanese: a lone "の" is a fashion in Chinese
_KANA_OF_JAPANESE = 1 / 8

#: Letters and the signs on them, by script. Half-width and mathematical forms count as what they stand for.
_LETTERS = {
    "Latn": "A-Za-z\u00aa\u00ba\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u02af\u1e00-\u1eff\u2c60-\u2c7f"
    "\ua722-\ua7ff\uab30-\uab6b\ufb00-\ufb06\uff21-\uff3a\uff41-\uff5a\U0001d400-\U0001d6a5",
    "Cyrl": "\u0400-\u052f\u1c80-\u1c8f\u2de0-\u2dff\ua640-\ua69f",
    "Jpan": "\u3041-\u309f\u30a1-\u30fa\u30fc-\u30ff\u31f0-\u31ff\uff66-\uff9d\U0001b000-\U0001b16f",  # kana
    "Hani": "\u3005-\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af",
    "Hang": "\u1100-\u11ff\u3131-\u318e\ua960-\ua97c\uac00-\ud7fb\uffa0-\uffdc",
    "Arab": "\u0620-\u065f\u066e-\u06d3\u06d5-\u06ef\u06fa-\u06ff\u0750-\u077f\u0870-\u08ff"
    "\ufb50-\ufdcf\ufdf0-\ufdfb\ufe70-\ufefc",
    "Deva": "\u0900-\u0963\u0971-\u097f\ua8e0-\ua8ff",
    "Beng": "\u0980-\u09e3\u09f0-\u09ff",
    "Grek": "\u0370-\u037d\u037f-\u0386\u0388-\u03ff\u1f00-\u1fff",
    "Hebr": "\u0591-\u05bd\u05bf-\u05c7\u05d0-\u05f2\ufb1d-\ufb4f",
    "Thai": "\u0e01-\u0e3a\u0e40-\u0e4e",
    "Geor": "\u10a0-\u10ff\u1c90-\u1cbf\u2d00-\u2d2d",
    "Armn": "\u0531-\u0588\ufb13-\ufb17",
    "Guru": "\u0a01-\u0a5e\u0a70-\u0a76",
    "Gujr": "\u0a81-\u0ae3\u0af9-\u0aff",
    "Orya": "\u0b01-\u0b63\u0b71",
    "Taml": "\u0b82-\u0bd7",
    "Telu": "\u0c00-\u0c63",
    "Knda": "\u0c80-\u0ce3\u0cf1-\u0cf3",
    "Mlym": "\u0d00-\u0d63\u0d7a-\u0d7f",
    "Sinh": "\u0d81-\u0ddf\u0df2\u0df3",
    "Laoo": "\u0e81-\u0ece\u0edc-\u0edf",
    "Tibt": "\u0f00\u0f35-\u0f39\u0f40-\u0fbc",
    "Mymr": "\u1000-\u103f\u1050-\u109f\ua9e0-\ua9ff\uaa60-\uaa7f",
    "Ethi": "\u1200-\u135f\u1380-\u139f\u2d80-\u2dde",
    "Khmr": "\u1780-\u17d3\u17dc\u17dd",
    "Cher": "\u13a0-\u13ff\uab70-\uabbf",
    "Cans": "\u1401-\u167f\u18b0-\u18ff",
    "Mong": "\u1820-\u18aa",
    "Syrc": "\u0710-\u074f",
    "Thaa": "\u0780-\u07b1",
    "Nkoo": "\u07ca-\u07f5",
    "Tfng": "\u2d30-\u2d7f",
    "Bopo": "\u3105-\u312f",
    "Yiii": "\ua000-\ua48c",
}
#: languages that one script is written for, on the web at least: no question of statistics
_OWN = {
    "Armn": "hy", "Beng": "bn", "Geor": "ka", "Grek": "el", "Gujr": "gu", "Guru": "pa", "Hang": "ko", "Hebr": "he",
    "Jpan": "ja", "Khmr": "km", "Knda": "kn", "Laoo": "lo", "Mlym": "ml", "Mymr": "my", "Orya": "or", "Sinh": "si",
    "Taml": "ta", "Telu": "te", "Thaa": "dv", "Thai": "th", "Yiii": "ii",
}  # fmt: skip
#: of the languages that eldc knows, those written in a script that several share
_SHARED = {
    "Latn": "az,ca,cs,da,de,en,es,et,eu,fi,fr,hr,hu,is,it,lt,lv,ms,nl,no,pl,pt,ro,sk,sl,sq,sv,tl,tr,vi,yo",
    "Cyrl": "be,bg,ru,sr,uk",
    "Arab": "ar,fa,ku,ur",
    "Hani": "ja,zh",
    "Deva": "hi,mr",
    "Ethi": "am",
}
_ALPHABETS = frozenset(("Latn", "Cyrl", "Arab"))
#: letters that none of these languages has, and others of the same script do
_OF_OTHERS = {
    script: re.compile(f"[{letters}]")
    for script, letters in {
        # Esperanto, Maltese, Welsh
        "Latn": "\u0108-\u010b\u011c\u011d\u0120\u0121\u0124-\u0127\u0134\u0135\u015c\u015d\u016c\u016d\u0174-\u0177",
        # Macedonian; Kazakh, Tatar, Tajik, Mongolian and more
        "Cyrl": "\u0403\u0405\u040c\u0453\u0455\u045c\u0492-\u04ff",
        # Uyghur, Pashto, Sindhi
        "Arab": "\u067a-\u067d\u067f\u0680\u0683-\u0685\u0687\u068a\u068c-\u0690\u0693\u0696"
        "\u0699\u069a\u06ab\u06ad\u06b1\u06b3\u06bb\u06bc\u06c7\u06c8\u06cb\u06cd\u06d0",
        "Beng": "\u09f0\u09f1",  # Assamese
        "Hebr": "\u05f0-\u05f2\ufb1d\ufb1f\ufb2e\ufb2f",  # Yiddish
    }.items()
}
#: what stands between letters of any script: spaces, digits, signs, accents, emoji
_COMMON = (
    "\x00-@\\[-`{-\u00a9\u00ab-\u00b9\u00bb-\u00bf\u00d7\u00f7\u02b0-\u036f\u2000-\u2bff\u3000-\u3004\u3008-\u303f"
    "\u30fb\ufe00-\ufe6f\uff00-\uff20\uff3b-\uff40\uff5b-\uff65\U0001f000-\U0001faff"
)
_LETTER = re.compile(f"[{''.join(_LETTERS.values())}]")
_LATIN_1 = re.compile("[\x00-\xff]*")
_ASCII_LETTER = re.compile("[A-Za-z]")
_THREE_ASCII_LETTERS = re.compile("[A-Za-z][^A-Za-z]*[A-Za-z][^A-Za-z]*[A-Za-z]")
#: a stretch of text in one script, with what stands between its letters
_STRETCH = re.compile(
    "|".join(f"(?P<{script}>[{letters}][{letters}{_COMMON}]*)" for script, letters in _LETTERS.items())
)
_KANA = re.compile(f"[{_LETTERS['Jpan']}]")


@cache
def _all_of(script: str) -> re.Pattern[str]:
    """Texts of one script, which nearly all are that are not Latin; compiled when one comes: all scripts take 40 ms."""
    letters = _LETTERS["Jpan"] + _LETTERS["Hani"] if script in {"Jpan", "Hani"} else _LETTERS[script]
    return re.compile(f"[{letters}{_COMMON}]*")


def _scripts_of_blocks() -> dict[int, str]:
    """For every block of 32 code points with letters, a script of one of them."""
    return {
        block: script
        for script, letters in _LETTERS.items()
        for first, last in re.findall("(.)(?:-(.))?", letters)
        for block in range(ord(first) // 32, ord(last or first) // 32 + 1)
    }


_SCRIPT_OF_BLOCK = _scripts_of_blocks()


class _Detected(Protocol):
    """What eldc answers."""

    language: str
    scores: dict[str, float]  # the two best, best first; empty where nothing was recognised


class _Detector(Protocol):
    """What eldc offers; the package has no types."""

    def detect_details(self, text: str, /) -> _Detected: ...


def _detector(languages: str) -> _Detector:
    """A detector of some of eldc's languages. An instance has settings of its own, and is only read once it is made."""
    instance = eldc.instance()
    instance.set_scores(2)
    instance.set_languages(languages)
    made: _Detector = instance
    return made


eldc.init()
_ELDC = {script: _detector(languages) for script, languages in _SHARED.items()}
_ALONE = {script: Tongue(language, 1.0, script) for script, language in _OWN.items()}
#: every code that `tongue_of` may answer, but for ""
LANGUAGES = frozenset((*_OWN.values(), *",".join(_SHARED.values()).split(",")))
SCRIPTS = frozenset(_LETTERS)
_UNTOLD = {script: Tongue("", 0.0, script) for script in ("", *_LETTERS)}


def tongue_of(text: str) -> Tongue:
    """Language, confidence and script of a text, judged by its first 250 characters.

    `script` is that of most letters (ISO 15924; "Jpan" is Chinese characters with kana among them, "Hani" without), ""
    for a text without letters.

    `language` is an ISO 639-1 code, or "" where it cannot be told: fewer than 3 letters of an alphabet, letters of a
    language that eldc does not know, or a confidence below 0.05.

    `confidence` is in [0, 1]. Where the script has one language (Greek, Thai, Hangul, kana, ...) it is the share of the
    text in that script. Else it is the lead of the best language, (b - s) / (1 - s) for the best score b and the second
    s of eldc, times that share; eldc's score is 1 - exp(-evidence for each n-gram). It orders texts by how likely the
    answer is right, and is no probability. It is 0 where the language is "".

    Never raises, and may be called from any thread.
    """
    return _tongue_of(text[:_LOOKED_AT])


def tongues_of(texts: Iterable[str]) -> list[Tongue]:
    """What `tongue_of` says of each of these texts."""
    return [_tongue_of(text if len(text) <= _LOOKED_AT else text[:_LOOKED_AT]) for text in texts]


@lru_cache(maxsize=4096)  # one caption of four has been there before, on its page or its site; at most some megabytes
def _tongue_of(text: str) -> Tongue:
    if text.isascii():
        if (len(text) > 2 and text[:3].isalpha()) or _THREE_ASCII_LETTERS.search(text):
            return _told(text, "Latn", 1.0)
        return _UNTOLD["Latn" if _ASCII_LETTER.search(text) else ""]
    if _LATIN_1.fullmatch(text) and len(text) > _SHORT and _LETTER.search(text):
        return _told(text, "Latn", 1.0)  # every letter of it is of one script, and none is of the others' below
    script, share = _script_of(text)
    if script in _OF_OTHERS and _OF_OTHERS[script].search(text):
        return _UNTOLD[script]
    if script in _OWN:
        return _ALONE[script] if share == 1 else Tongue(_OWN[script], share, script)
    if script not in _ELDC or (script in _ALPHABETS and _is_too_short(text)):
        return _UNTOLD[script]
    return _told(text, script, share)


def _script_of(text: str) -> tuple[str, float]:
    """The script of most letters, and its share of them; ("", 0.0) if there are none."""
    first = _LETTER.search(text)
    if not first:
        return "", 0.0
    script = _SCRIPT_OF_BLOCK[ord(first.group()) // 32]
    if _all_of(script).fullmatch(text):  # nearly all texts
        if script in {"Jpan", "Hani"}:
            script = "Jpan" if len(_KANA.findall(text)) >= _KANA_OF_JAPANESE * len(text) else "Hani"
        return script, 1.0
    letters: dict[str, int] = {}
    for stretch in _STRETCH.finditer(text):
        of = stretch.lastgroup or ""
        letters[of] = letters.get(of, 0) + len(_LETTER.findall(stretch.group()))
    kana, chinese = letters.get("Jpan", 0), letters.get("Hani", 0)
    if kana and chinese:
        together = "Jpan" if kana >= _KANA_OF_JAPANESE * (kana + chinese) else "Hani"
        del letters["Jpan"], letters["Hani"]
        letters[together] = kana + chinese
    script = max(letters, key=letters.__getitem__)
    return script, letters[script] / sum(letters.values())


def _is_too_short(text: str) -> bool:
    return len(text) <= _SHORT and len(_LETTER.findall(text)) < _FEWEST_LETTERS


def _told(text: str, script: str, share: float) -> Tongue:
    """What eldc says of a text in a script that several languages share."""
    try:
        told = _ELDC[script].detect_details(text if "\0" not in text else text.replace("\0", " "))  # C ends at a NUL
    except UnicodeEncodeError:  # a lone surrogate
        return _told(text.encode("utf-8", "replace").decode(), script, share)
    scores = told.scores
    if not scores:
        return _UNTOLD[script]
    best, second = scores.values() if len(scores) == 2 else (*scores.values(), 0.0)
    confidence = share * (best - second) / (1 - second) if second < 1 else 0.0
    return Tongue(told.language, confidence, script) if confidence >= _LEAST_CONFIDENCE else _UNTOLD[script]
