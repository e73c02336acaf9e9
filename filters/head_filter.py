"""A filter of pictures by a trained head on their embeddings: what unsafe_head, watermark_head and the others are."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, Self

import numpy as np

from crawler.records import Candidate, Picture, Verdict
from filters import Embedded, Engine
from filters.embedding import judge_pictures
from filters.heads import Head
from filters.redrawn import Redrawn, from_on, made_by_engine, up_to


class Rule(Protocol):
    """What is made of a score."""

    def verdict(self, score: float, candidate: Candidate, name: str) -> Verdict:
        """The word on one picture; NaN is a score that the model did not give."""
        ...

    def redrawn(self, score: str, maker: str) -> Redrawn:
        """The same by the column of the scores, if `maker` (SQL) says that they are the filter's own."""
        ...


@dataclass(frozen=True, slots=True)
class AtLeast:
    """Keeps what scores `threshold` or more."""

    threshold: float

    def verdict(self, score: float, _candidate: Candidate, name: str) -> Verdict:
        """The word on one picture; one without a score does not reach the threshold."""
        if math.isnan(score):
            return Verdict(keep=False, detail="the model gave no number")
        return Verdict(score >= self.threshold, score, f"{name} {score:.4f}")

    def redrawn(self, score: str, maker: str) -> Redrawn:
        """By the column of the scores."""
        return Redrawn(from_on(score, self.threshold), (score, f"{score}_model"), maker)


@dataclass(frozen=True, slots=True)
class AtMost:
    """Keeps what scores `threshold` or less."""

    threshold: float

    def verdict(self, score: float, _candidate: Candidate, name: str) -> Verdict:
        """The word on one picture; one without a score was not found to be below the threshold."""
        if math.isnan(score):
            return Verdict(keep=False, detail="the model gave no number")
        return Verdict(score <= self.threshold, score, f"{name} {score:.4f}")

    def redrawn(self, score: str, maker: str) -> Redrawn:
        """By the column of the scores."""
        return Redrawn(up_to(score, self.threshold), (score, f"{score}_model"), maker)


@dataclass(frozen=True, slots=True)
class HeadFilter:
    """Judges by what `head` says of the embeddings that `engine` makes; loads no model before the first picture."""

    head: Head
    engine: Engine
    rule: Rule
    scores: str
    confidential: bool = False

    @property
    def engines(self) -> tuple[Engine, ...]:
        """The one engine that it asks."""
        return (self.engine,)

    @property
    def made_by(self) -> str:
        """What makes the score besides the engine: "file.npy@sha256:first12"."""
        return self.head.made_by

    def engine_for(self, _candidate: Candidate) -> Engine:
        """Which engine embeds this candidate's picture."""
        return self.engine

    def judge_embedded(self, batch: Sequence[Embedded]) -> list[Verdict]:
        """One verdict per embedded picture, in order.

        Raises:
            SettingsError: the head was trained on vectors of another length.
        """
        if not batch:
            return []
        scores = self.head.scores(np.stack([one.image for one in batch]), batch[0].model)
        return [self.rule.verdict(score, one.candidate, self.scores) for score, one in zip(scores, batch, strict=True)]

    def with_engines(self, swap: Callable[[Engine], Engine]) -> Self:
        """The same filter with another engine in the place of its own."""
        return replace(self, engine=swap(self.engine))

    def judge(self, batch: Sequence[Picture]) -> list[Verdict]:
        """One verdict per picture, in order."""
        return judge_pictures(self, batch)

    def redrawn(self) -> Redrawn:
        """By the score, where this head and this model made it."""
        return self.rule.redrawn(self.scores, made_by_engine(self.scores, self.engine.name, self.made_by))
