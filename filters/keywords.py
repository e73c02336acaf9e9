"""Word lists, and whether a text holds a word of one.

Words count as whole words: "kid" is not in "kidney" nor in "kids". An entry is, one a line:

    kid           the word, in any letter case, width and with any accents
    jail bait     a phrase: these words one after another, whatever signs stand between them ("jail-bait")
    kid*          every word that begins so
    =ano          the word with exactly these accents: not "año"
    子供          of scripts without spaces between words (Han, Hiragana, Thai, Lao, Khmer, Burmese): wherever it stands
    ロリ          Katakana are words, for they are loans with ends: not in "カロリー" (calorie)

What `filters.folding` undoes hides nothing. Digits for letters ("k1d") and letters left out are not seen through.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from filters.folding import SPACELESS, folded, readings
from filters.lists import BadLineError, lines, read_lists

# Vowel signs of India and its neighbours are parts of words, but no letters to `re`.
_SIGNS = "".join(
    chr(code)
    for block in (range(0x0700, 0x1D00), range(0xA800, 0xAC00))
    for code in block
    if unicodedata.category(chr(code)).startswith("M")
)
_KATAKANA = "\u30a1-\u30fa\u30fc-\u30fe"
_HANGUL = "\uac00-\ud7a3"
#: Words end where a script does that is never mixed into one: "kid" is a word of "kid2", of "kid가" and of "女kid"; but
#: letters of Latin and Cyrillic side by side are one word, if a strange one.
_WORD = re.compile(
    rf"[{_KATAKANA}]+|[{_HANGUL}]+|[{SPACELESS}]+|(?:[^\W\d_{_KATAKANA}{_HANGUL}{SPACELESS}]|[{_SIGNS}])+|\d+"
)
_ASCII_WORD = re.compile("[a-z]+|[0-9]+")
_SPACELESS = re.compile(f"[{SPACELESS}]")
_LETTERS_OF_STEM = 2


class Entry(NamedTuple):
    """One line of a list, folded."""

    words: tuple[str, ...]  # one for a word, more for a phrase
    is_stem: bool = False  # the last word may go on
    with_accents: bool = False
    anywhere: bool = False  # `words` is one run of letters that counts wherever it stands


@dataclass(frozen=True, slots=True)
class Keywords:
    """A word list as one looks into it; its `repr` shows nothing of it."""

    _plain: _Index = field(repr=False)
    _accented: _Index | None = field(repr=False)

    @classmethod
    def of(cls, entries: Iterable[Entry]) -> Keywords:
        """The list of these entries."""
        known = frozenset(entries)
        accented = frozenset(entry for entry in known if entry.with_accents)
        return cls(_Index.of(known - accented), _Index.of(accented) if accented else None)

    def hits(self, text: str) -> bool:
        """Whether the text holds a word of the list. Never raises, and takes time in proportion to the text."""
        return any(map(self._plain.hits, readings(text))) or (
            self._accented is not None and self._accented.hits(folded(text, accents=True))
        )


def load_keywords(path: str | tuple[str, ...], folder: Path = Path()) -> Keywords:
    """The words of one list or of several; names stand on `folder`.

    UTF-8, one entry a line as the head of this module has them; `#` starts a comment line; a byte order mark and
    Windows line ends do not matter; gzip is recognised by its content.

    Raises:
        SettingsError: a list is missing, damaged or empty, or has a line that is no entry. The message has the number
            of the line and never its words.
    """
    return Keywords.of(read_lists(path, folder, parse))


def keywords(*words: str) -> Keywords:
    """A list written in code, in the form of a list's lines.

    Raises:
        ValueError: one of them is no entry.
    """
    return Keywords.of(_entry(word) for word in words)


def parse(text: str) -> Iterator[tuple[int, Entry | BadLineError]]:
    """Line number, and the entry that the line holds."""
    for number, line in lines(text):
        try:
            yield number, _entry(line)
        except BadLineError as problem:
            yield number, problem


def _entry(line: str) -> Entry:
    with_accents = line.startswith("=")
    written = line.removeprefix("=")
    is_stem = written.endswith("*")
    spelled = folded(written.removesuffix("*").strip(), accents=with_accents)
    words = tuple(_WORD.findall(spelled))
    if not words:
        raise BadLineError("no word: nothing that is a letter or a digit")
    if _SIGN_OF_ANOTHER_FORM.search(_WORD.sub("", spelled)):
        raise BadLineError('not one word or phrase: only "=" before it, "*" after it, and - \' . & inside it may stand')
    if _SPACELESS.search(spelled):
        if is_stem:
            raise BadLineError('"*" after letters that count wherever they stand')
        return Entry(("".join(spelled.split()),), with_accents=with_accents, anywhere=True)
    # a Hangul syllable is a letter to Unicode, and two or three to a reader
    if len(unicodedata.normalize("NFD", "".join(words))) < 2 or (is_stem and len(words[-1]) < _LETTERS_OF_STEM):
        raise BadLineError("a single letter would hit nearly every text")
    return Entry(words, is_stem, with_accents)


#: what is left of a line without its words: a tab or a comma tells of a table, "(" and "|" of a pattern
_SIGN_OF_ANOTHER_FORM = re.compile(r"[^\s\-\u2010-\u2015'\u2019.&\u00b7]|\t")


@dataclass(frozen=True, slots=True)
class _Index:
    """Entries of one kind of folding, ordered by how they are looked up."""

    words: frozenset[str]
    stems: tuple[tuple[int, frozenset[str]], ...]  # by length
    phrases: dict[str, tuple[Entry, ...]]  # by their first word
    anywhere: dict[str, tuple[str, ...]]  # by their first letter

    @classmethod
    def of(cls, entries: frozenset[Entry]) -> _Index:
        stems: dict[int, set[str]] = {}
        phrases: dict[str, list[Entry]] = {}
        anywhere: dict[str, list[str]] = {}
        for entry in entries:
            first = entry.words[0]
            if entry.anywhere:
                anywhere.setdefault(first[0], []).append(first)
            elif len(entry.words) > 1:
                phrases.setdefault(first, []).append(entry)
            elif entry.is_stem:
                stems.setdefault(len(first), set()).add(first)
        return cls(
            frozenset(e.words[0] for e in entries if len(e.words) == 1 and not e.is_stem and not e.anywhere),
            tuple((length, frozenset(stems[length])) for length in sorted(stems)),
            {first: tuple(found) for first, found in phrases.items()},
            {first: tuple(found) for first, found in anywhere.items()},
        )

    def hits(self, text: str) -> bool:
        """Whether a folded text holds one of the entries."""
        is_ascii = text.isascii()
        found = (_ASCII_WORD if is_ascii else _WORD).findall(text)
        return (
            not self.words.isdisjoint(found)
            or any(not stems.isdisjoint([word[:length] for word in found]) for length, stems in self.stems)
            or (not self.phrases.keys().isdisjoint(found) and self._holds_a_phrase(found))
            or (not is_ascii and not self.anywhere.keys().isdisjoint(text) and self._holds_letters(text))
        )

    def _holds_a_phrase(self, found: list[str]) -> bool:
        return any(
            _begins(entry, found[place : place + len(entry.words)])
            for place, word in enumerate(found)
            for entry in self.phrases.get(word, ())
        )

    def _holds_letters(self, text: str) -> bool:
        return any(
            text.startswith(self.anywhere[letter], place)
            for place, letter in enumerate(text)
            if letter in self.anywhere
        )


def _begins(entry: Entry, found: list[str]) -> bool:
    if not entry.is_stem:
        return tuple(found) == entry.words
    return (
        tuple(found[:-1]) == entry.words[:-1]
        and len(found) == len(entry.words)
        and found[-1].startswith(entry.words[-1])
    )
