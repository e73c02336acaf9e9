"""All that was said in a folder of labels, by whomever; and what most say of each pair."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, Self

from workers.labelling.journal import journals, read_journal, standing
from workers.labelling.judgement import Judgement, Word
from workers.labelling.places import place_of


class Majority(NamedTuple):
    """What most labellers say of a pair."""

    verdict: str  # a `Word`; "" where as many say something else
    labellers: int  # who judged it
    agreeing: int  # of these, those who say so


@dataclass(frozen=True, slots=True)
class Judged:
    """Judgements that stand, by content id and labeller."""

    by_pair: dict[str, dict[str, Judgement]] = field(default_factory=dict)

    @classmethod
    def read(cls, labels: Path) -> Self:
        """Of a folder of labels; nothing where there is no such folder.

        Raises:
            InputError: a line of a file is no judgement.
        """
        by_pair: dict[str, dict[str, Judgement]] = defaultdict(dict)
        for path in journals(labels):
            for content_id, one in standing(read_journal(path)).items():
                by_pair[content_id][path.stem] = one
        return cls(dict(by_pair))

    @property
    def labellers(self) -> list[str]:
        """Who judged anything, by name."""
        return sorted({name for said in self.by_pair.values() for name in said})

    def majorities(self) -> dict[str, Majority]:
        """What most say, by content id."""
        return {pair: majority_of([one.verdict for one in said.values()]) for pair, said in self.by_pair.items()}


def majority_of(words: list[Word]) -> Majority:
    """What most of some words are; who cannot tell says nothing where others can.

    Raises:
        ValueError: there is no word.
    """
    if not words:
        raise ValueError("nobody has judged it")
    telling = [one for one in words if one is not Word.CANNOT_TELL] or words
    ((word, most), *others) = Counter(telling).most_common()
    is_tie = bool(others) and others[0][1] == most
    return Majority("" if is_tie else word.value, len(words), most)


def majority(labels: Path) -> dict[str, Majority]:
    """What most labellers say of each pair of a folder of labels, by content id; pairs that nobody judged are absent.

    Raises:
        InputError: a line of a file is no judgement.
    """
    return Judged.read(labels).majorities()


def labels_folder(place: Path) -> Path:
    """Where the labels of a run, a store or tables lie, if nobody says otherwise.

    Raises:
        InputError: there is nothing that could have labels.
    """
    return place_of(str(place)).labels
