"""Scoring: pictures wait until an engine's batch is full, are embedded, and judged in the recipe's order.

A picture is shown to an engine once, however many filters ask for what it makes, and only when the filters before those
have let it pass. Filters may send pictures to different engines (routes by language), so each engine has a line of its
own: every batch is full, but for the last one and those that a stalled web leaves short.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from crawler.job.costs import Costs, Laps, cpu_elsewhere
from crawler.job.judging import EmbeddingFilter, Engine, scores_of
from crawler.job.looking import Looked, Turned
from crawler.records import Candidate, Embedded
from crawler.rows import Pictured, Row, turned_row


class Scored(NamedTuple):
    """A picture that all filters let pass, with all its scores, and what engines made of it."""

    pictured: Pictured
    embedded: dict[str, Embedded]  # by the engine's name


@dataclass(slots=True, eq=False)
class _Waiting:
    """A picture on its way through the embedding filters."""

    index: int
    looked: Looked
    row: Row  # gathers scores on the way
    stands_before: int = 0  # which of the filters is next
    embedded: dict[Engine, Embedded] = field(default_factory=dict)

    @property
    def candidate(self) -> Candidate:
        return self.looked.candidate


@dataclass(frozen=True, slots=True)
class Batch:
    """Pictures that an engine is to embed at once."""

    engine: Engine
    pictures: Sequence[_Waiting]


class Scoring:
    """The embedding filters of one job and the pictures that wait for them. Not for use by two threads at once."""

    def __init__(self, filters: Sequence[tuple[str, EmbeddingFilter]], costs: Costs) -> None:
        self._filters = filters
        self._costs = costs
        self._lines: dict[Engine, list[_Waiting]] = {}  # in the order in which engines are first asked for
        self._made_by: dict[Engine, str] = {}  # asking may hash weights, so once a job
        self.batch_size = max((engine.batch_size for _, one in filters for engine in one.engines), default=1)

    @property
    def is_waiting(self) -> bool:
        """Whether there are pictures that are not judged to the end."""
        return any(self._lines.values())

    def enter(self, index: int, looked: Looked) -> Scored | None:
        """Take a picture; it comes straight back where there is no filter to judge it."""
        if not self._filters:
            return Scored(looked.pictured, {})
        self._line_up(_Waiting(index, looked, dict(looked.pictured.row)))
        return None

    def next_batch(self, *, partial: bool) -> Batch | None:
        """What to embed next: a full batch, or if `partial` any; None where there is none."""
        for engine, line in self._lines.items():
            if len(line) >= engine.batch_size or (partial and line):
                pictures, self._lines[engine] = line[: engine.batch_size], line[engine.batch_size :]
                return Batch(engine, pictures)
        return None

    def score(self, batch: Batch) -> list[tuple[int, Scored | Turned]]:
        """Embed a batch and judge it as far as that goes: the pictures that came to their end, with their indexes.

        The others wait for another engine. Runs in the model's thread.

        Raises:
            ValueError: a filter did not answer once for each picture, or an engine did not.
        """
        laps, before = Laps(self._costs), cpu_elsewhere(batch.engine)
        for one, embedded in zip(batch.pictures, self._embed(batch), strict=True):
            one.embedded[batch.engine] = embedded
        spent_elsewhere = cpu_elsewhere(batch.engine) - before
        engine, told = f"engine:{batch.engine.name}", laps.of_filters("filter pictures")
        laps.lap("filter pictures", engine, len(batch.pictures), cpu_elsewhere=spent_elsewhere)
        turned: dict[int, Turned] = {}
        for place, (name, judge) in enumerate(self._filters):
            here = [one for one in batch.pictures if one.index not in turned and one.stands_before == place]
            seen = [one for one in here if judge.engine_for(one.candidate) in one.embedded]
            turned |= self._judge(name, judge, seen)
            if seen:
                told(name, len(seen))
        ended: list[tuple[int, Scored | Turned]] = []
        for one in batch.pictures:
            if one.index in turned:
                ended.append((one.index, turned[one.index]))
            elif one.stands_before == len(self._filters):
                embedded_by = {engine.name: embedded for engine, embedded in one.embedded.items()}
                ended.append((one.index, Scored(one.looked.pictured._replace(row=one.row), embedded_by)))
            else:
                self._line_up(one)
        return ended

    def _line_up(self, one: _Waiting) -> None:
        engine = self._filters[one.stands_before][1].engine_for(one.candidate)
        self._lines.setdefault(engine, []).append(one)

    def _embed(self, batch: Batch) -> Iterator[Embedded]:
        engine = batch.engine
        prepared = [one.looked.prepared[engine] for one in batch.pictures]
        images, texts = engine.embed(
            np.stack([one.image for one in prepared]), np.stack([one.tokens for one in prepared])
        )
        made_by = self._made_by.get(engine) or self._made_by.setdefault(engine, engine.provenance)
        for one, image, text in zip(batch.pictures, images, texts, strict=True):
            yield Embedded(one.candidate, image, text, made_by)

    def _judge(self, name: str, judge: EmbeddingFilter, pictures: Sequence[_Waiting]) -> dict[int, Turned]:
        """Those that the filter turns down, by index; scores stay with the row whichever way the verdict falls."""
        if not pictures:
            return {}
        more = f" {made_by}" if (made_by := getattr(judge, "made_by", "")) else ""
        turned = {}
        seen = [one.embedded[judge.engine_for(one.candidate)] for one in pictures]
        for one, embedded, verdict in zip(pictures, seen, judge.judge_embedded(seen), strict=True):
            one.stands_before += 1
            one.row |= dict(scores_of(judge.scores, verdict, f"{embedded.model}{more}"))
            if not verdict.keep:
                turned[one.index] = Turned("filter pictures", name, turned_row(one.row, name, verdict.detail))
        return turned
