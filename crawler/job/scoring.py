"""Scoring: pictures wait until an engine's batch is full, are embedded, and judged in the recipe's order.

A picture is shown to an engine once, however many filters ask for what it makes, and only when the filters before those
have let it pass. Filters may send pictures to different engines (routes by language), so each engine has a line of its
own: every batch is full, but for the last one and those that a stalled web leaves short.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np

from crawler.job.judging import EmbeddingFilter, Engine, scores_of
from crawler.job.looking import Looked, Turned
from crawler.records import Candidate, Embedded, Rejected, Sample
from crawler.rows import Facts


class Scored(NamedTuple):
    """A picture that all filters let pass, with all its scores, and what engines made of it."""

    sample: Sample
    embedded: dict[str, Embedded]  # by the engine's name


@dataclass(slots=True, eq=False)
class _Row:
    """A picture on its way through the embedding filters."""

    index: int
    looked: Looked
    sample: Sample  # gathers scores on the way
    stands_before: int = 0  # which of the filters is next
    embedded: dict[Engine, Embedded] = field(default_factory=dict)

    @property
    def candidate(self) -> Candidate:
        return self.sample.fetched.candidate


@dataclass(frozen=True, slots=True)
class Batch:
    """Pictures that an engine is to embed at once."""

    engine: Engine
    rows: Sequence[_Row]


class Scoring:
    """The embedding filters of one job and the pictures that wait for them. Not for use by two threads at once."""

    def __init__(self, filters: Sequence[tuple[str, EmbeddingFilter]]) -> None:
        self._filters = filters
        self._lines: dict[Engine, list[_Row]] = {}  # in the order in which engines are first asked for
        self._made_by: dict[Engine, str] = {}  # asking may hash weights, so once a job
        self.batch_size = max((engine.batch_size for _, one in filters for engine in one.engines), default=1)

    @property
    def is_waiting(self) -> bool:
        """Whether there are pictures that are not judged to the end."""
        return any(self._lines.values())

    def enter(self, index: int, looked: Looked) -> Scored | None:
        """Take a picture; it comes straight back where there is no filter to judge it."""
        if not self._filters:
            return Scored(looked.sample, {})
        self._line_up(_Row(index, looked, looked.sample))
        return None

    def next_batch(self, *, partial: bool) -> Batch | None:
        """What to embed next: a full batch, or if `partial` any; None where there is none."""
        for engine, line in self._lines.items():
            if len(line) >= engine.batch_size or (partial and line):
                rows, self._lines[engine] = line[: engine.batch_size], line[engine.batch_size :]
                return Batch(engine, rows)
        return None

    def score(self, batch: Batch) -> list[tuple[int, Scored | Turned]]:
        """Embed a batch and judge it as far as that goes: the pictures that came to their end, with their indexes.

        The others wait for another engine. Runs in the model's thread.

        Raises:
            ValueError: a filter did not answer once for each picture, or an engine did not.
        """
        for row, embedded in zip(batch.rows, self._embed(batch), strict=True):
            row.embedded[batch.engine] = embedded
        turned: dict[int, Turned] = {}
        for place, (name, one) in enumerate(self._filters):
            here = [row for row in batch.rows if row.index not in turned and row.stands_before == place]
            turned |= self._judge(name, one, [row for row in here if one.engine_for(row.candidate) in row.embedded])
        ended: list[tuple[int, Scored | Turned]] = []
        for row in batch.rows:
            if row.index in turned:
                ended.append((row.index, turned[row.index]))
            elif row.stands_before == len(self._filters):
                embedded_by = {engine.name: embedded for engine, embedded in row.embedded.items()}
                ended.append((row.index, Scored(row.sample, embedded_by)))
            else:
                self._line_up(row)
        return ended

    def _line_up(self, row: _Row) -> None:
        engine = self._filters[row.stands_before][1].engine_for(row.candidate)
        self._lines.setdefault(engine, []).append(row)

    def _embed(self, batch: Batch) -> Iterator[Embedded]:
        engine = batch.engine
        prepared = [row.looked.prepared[engine] for row in batch.rows]
        images, texts = engine.embed(
            np.stack([one.image for one in prepared]), np.stack([one.tokens for one in prepared])
        )
        made_by = self._made_by.get(engine) or self._made_by.setdefault(engine, engine.provenance)
        for row, image, text in zip(batch.rows, images, texts, strict=True):
            yield Embedded(row.candidate, image, text, made_by)

    def _judge(self, name: str, one: EmbeddingFilter, rows: Sequence[_Row]) -> dict[int, Turned]:
        """Those that the filter turns down, by index; scores stay with the row whichever way the verdict falls."""
        if not rows:
            return {}
        more = f" {made_by}" if (made_by := getattr(one, "made_by", "")) else ""
        turned = {}
        seen = [row.embedded[one.engine_for(row.candidate)] for row in rows]
        for row, embedded, verdict in zip(rows, seen, one.judge_embedded(seen), strict=True):
            row.stands_before += 1
            scores = (*row.sample.scores, *scores_of(one.scores, verdict, f"{embedded.model}{more}"))
            sample = row.sample = replace(row.sample, scores=scores)
            if not verdict.keep:
                facts = Facts(sample.fetched, sample.header, sample.hashes, sample.scores)
                turned[row.index] = Turned("filter pictures", Rejected(row.candidate, name, verdict.detail), facts)
        return turned
