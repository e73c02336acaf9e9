"""The nouns: what a person can say of a pair, and one such word as it stands on the disk."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Annotated

import msgspec

from crawler.errors import SettingsError

#: of a labeller: becomes the name of a file
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class Word(StrEnum):
    """What is said of a pair."""

    MATCHES = "matches"
    DOES_NOT = "does_not"
    UNSAFE = "unsafe"
    CANNOT_TELL = "cannot_tell"
    #: takes back the last word of this labeller about the pair
    UNDONE = "undone"


#: words that are a judgement
VERDICTS = (Word.MATCHES, Word.DOES_NOT, Word.UNSAFE, Word.CANNOT_TELL)


class Judgement(msgspec.Struct, frozen=True, kw_only=True):
    """One line of `labels/NAME.jsonl`: one word about one pair, and how it came to be asked."""

    content_id: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{32}$")]
    verdict: Word
    seconds: Annotated[float, msgspec.Meta(ge=0)]  # from when it was shown
    time: str  # ISO 8601, UTC
    labeller: str
    design: str  # of the sample: the name of its file
    stratum: str  # what part of the rows the pair stands for, as in `design.Stratum`
    of: Annotated[int, msgspec.Meta(ge=1)]  # rows in that part
    sampled: Annotated[int, msgspec.Meta(ge=1)]  # of these, in the sample
    version: str  # of pairtrawl


def labeller_name(name: str) -> str:
    """A name that can be that of a file.

    Raises:
        SettingsError: it cannot.
    """
    if not _NAME.fullmatch(name):
        raise SettingsError(
            f"--labeller {name!r}: a name has letters, digits, '.', '_' and '-', begins with a letter or digit, and is "
            "at most 64 characters long"
        )
    return name
