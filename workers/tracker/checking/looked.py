"""What a check is given, and what it says: the words that the checks and those who call them share."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from crawler.job import JobKind
from crawler.settings import Recipe
from workers.protocol.messages import Manifest
from workers.tracker.trust import Said, Signal


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """One result as it was uploaded, with what its job was."""

    kind: JobKind
    number: int
    #: holds the result's files, and nothing else, under the names of the manifest
    folder: Path
    #: of crawl and fetch the plan's table, of score the raw shard; None for extract
    input: Path | None
    #: of extract: the archive's address; else ""
    archive: str
    #: of extract: "warc", "wat" or "list"; else ""
    form: str
    manifest: Manifest
    #: the campaign's, whatever the manifest says
    recipe: Recipe
    #: of that recipe
    recipe_digest: str


@dataclass(frozen=True, slots=True)
class Looked:
    """What one check found."""

    signals: tuple[Signal, ...]
    #: small numbers about the result, by name; docs/protocol.md lists them. For the pages, and for V6
    figures: dict[str, float] = field(default_factory=dict)

    @property
    def is_bad(self) -> bool:
        """Whether it says for certain that the result is wrong: nothing further needs to be asked."""
        return any(signal.said is Said.BAD for signal in self.signals)


def bad(name: str, detail: str, *, looked: int = 0, wrong: int = 1) -> Signal:
    """A signal of certainty. `detail` is cut to 300 characters, for parts of it were written by the worker."""
    return Signal(name, Said.BAD, looked, wrong, shown(detail))


def good(name: str, looked: int = 0, detail: str = "") -> Signal:
    """Nothing wrong in so many things."""
    return Signal(name, Said.GOOD, looked, 0, shown(detail))


def odd(name: str, detail: str, *, looked: int = 0, wrong: int = 0) -> Signal:
    """What may be chance."""
    return Signal(name, Said.ODD, looked, wrong, shown(detail))


def nothing(name: str, detail: str) -> Signal:
    """It could not be looked at."""
    return Signal(name, Said.NOTHING, detail=shown(detail))


def shown(text: str, most: int = 300) -> str:
    """A text for operators: one line of printable characters, without marks that turn its direction, cut."""
    return "".join(one if one.isprintable() else "?" for one in text[:most])
