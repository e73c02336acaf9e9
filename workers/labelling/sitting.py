"""One labeller at one sample: what is asked next, what was said, what can be taken back. No pictures, no network."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import NamedTuple

from workers.labelling.design import Sample, Stratum, order_for
from workers.labelling.journal import Journal
from workers.labelling.judgement import Judgement, Word


class AnsweredError(Exception):
    """Something else was said of the pair already, maybe in another window: look again, and undo it if it was wrong."""


class Progress(NamedTuple):
    """How far a labeller is."""

    done: int
    of: int
    at: int | None  # place of the pair to ask about, from 0; None where all is judged


@dataclass(slots=True)
class Sitting:
    """The pairs of a sample in the order of one labeller; what is said goes to the journal before this knows it."""

    sample: Sample
    labeller: str
    journal: Journal
    version: str  # of pairtrawl
    #: pairs whose picture can be shown
    shown: Collection[str]
    now: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))
    order: list[str] = field(init=False)
    _strata: dict[str, Stratum] = field(init=False)

    def __post_init__(self) -> None:
        whole = order_for(self.sample.content_ids, self.labeller, self.sample.seed)
        self.order = [one for one in whole if one in self.shown]
        self._strata = self.sample.stratum_of()

    @property
    def progress(self) -> Progress:
        """How far the labeller is, and what comes next: the first pair of the order of which nothing was said."""
        said = self.journal.standing
        left = (place for place, one in enumerate(self.order) if one not in said)
        return Progress(sum(one in said for one in self.order), len(self.order), next(left, None))

    @property
    def can_undo(self) -> bool:
        """Whether there is a judgement to take back."""
        return self._last() is not None

    def judge(self, place: int, word: Word, seconds: float) -> None:
        """Note what is said of a pair; it is on the disk when this returns. The same said again changes nothing.

        Args:
            place: of the pair in the order.
            word: a verdict.
            seconds: for how long it was looked at.

        Raises:
            IndexError: there is no such place.
            AnsweredError: something else was said of it already.
            OSError: it could not be written, and nothing is noted.
        """
        pair = self.order[place]
        said = self.journal.standing.get(pair)
        if said is None:
            self._append(pair, word, seconds)
        elif said.verdict is not word:  # an answer that was lost on its way is sent again, and is no second opinion
            raise AnsweredError

    def undo(self) -> int | None:
        """Take back the last judgement of this sample, also one of an earlier sitting; its place, None without any.

        Raises:
            OSError: it could not be written, and nothing is taken back.
        """
        pair = self._last()
        if pair is None:
            return None
        self._append(pair, Word.UNDONE, 0.0)
        return self.order.index(pair)

    def _last(self) -> str | None:
        mine = set(self.order)
        return next((one for one in reversed(self.journal.standing) if one in mine), None)

    def _append(self, pair: str, word: Word, seconds: float) -> None:
        stratum = self._strata[pair]
        self.journal.append(
            Judgement(
                content_id=pair,
                verdict=word,
                seconds=round(seconds, 2),
                time=self.now().isoformat(timespec="milliseconds"),
                labeller=self.labeller,
                design=self.sample.name,
                stratum=stratum.name,
                of=stratum.of,
                sampled=len(stratum.content_ids),
                version=self.version,
            )
        )
