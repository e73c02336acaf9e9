"""Drop pictures that lie nearer to the prompts of unsafe classes, or are suspected while the caption has a listed word.

| setting | what |
|---|---|
| `classes` | tables of `unsafe` and `prompts`, by class; or a TOML file of such; "" is `unsafe_classes.toml` |
| `threshold` | probability of all unsafe classes together, 0 to 1: pictures above it go |
| `keyword_threshold` | probability above which a picture goes whose caption has a word of `keywords` |
| `keywords` | a word list, or several (`filters/keywords.py`) |
| `confidential` | rows that go are counted, and written nowhere: a table of them would be a guide to them |
| `model`, `pretrained`, `precision`, `device`, `batch_size` | as in `clip_similarity` |

The score is the column `punsafe_prompts`; the verdict's detail names the likeliest class. Prompts need no training and
judge less well than a trained head: in LAION's own sample of 3,456 pairs theirs found 4 of 12.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from crawler.records import Candidate, Picture, Verdict
from filters import Embedded, Engine
from filters.embedding import judge_pictures
from filters.lines import Line
from filters.models.choice import EMBEDDED, BatchSize, Device, Precision, engine_of
from filters.redrawn import Redrawn, made_by_engine
from filters.unsafe_rule import Probability, UnsafeRule, unsafe_lines, unsafe_rule
from filters.zero_shot import Prompts, ZeroShot, zero_shot


@dataclass(frozen=True, slots=True)
class UnsafePrompts:
    """Judges by the classes' probabilities; loads no model before the first picture."""

    zero_shot: ZeroShot
    engine: Engine
    rule: UnsafeRule
    confidential: bool = False

    scores: ClassVar[str] = "punsafe_prompts"

    @property
    def engines(self) -> tuple[Engine, ...]:
        """The one engine that it asks."""
        return (self.engine,)

    @property
    def made_by(self) -> str:
        """What makes the score besides the engine: which classes and prompts, as "classes@sha256:first12"."""
        return self.zero_shot.made_by

    def engine_for(self, _candidate: Candidate) -> Engine:
        """Which engine embeds this candidate's picture."""
        return self.engine

    def judge_embedded(self, batch: Sequence[Embedded]) -> list[Verdict]:
        """One verdict per embedded picture, in order; `detail` names the likeliest class."""
        if not batch:
            return []
        prompts = _vectors(self.engine, self.zero_shot.prompts)  # type: ignore[arg-type] # engines promise to be hashable
        findings = self.zero_shot.findings(np.stack([one.image for one in batch]), prompts)
        return [
            self.rule.verdict(found.unsafe, one.candidate, self.scores, f", {found.likeliest} {found.share:.4f}")
            for found, one in zip(findings, batch, strict=True)
        ]

    def with_engines(self, swap: Callable[[Engine], Engine]) -> Self:
        """The same filter with another engine in the place of its own."""
        return replace(self, engine=swap(self.engine))

    def judge(self, batch: Sequence[Picture]) -> list[Verdict]:
        """One verdict per picture, in order."""
        return judge_pictures(self, batch)

    def redrawn(self) -> Redrawn:
        """By the score, where these classes and this model made it."""
        return self.rule.redrawn(self.scores, made_by_engine(self.scores, self.engine.name, self.made_by))


@functools.cache
def _vectors(engine: Engine, prompts: tuple[str, ...]) -> NDArray[np.float32]:
    """The prompts' vectors, made once an engine and process."""
    return engine.embed_texts(prompts)


def build(  # noqa: PLR0913 - a setting is an argument
    *,
    classes: str | dict[str, Prompts] = "",
    threshold: Probability = 0.5,
    keyword_threshold: Probability | None = None,
    keywords: str | tuple[str, ...] = "",
    confidential: bool = False,
    model: str = EMBEDDED,
    pretrained: str = "",
    precision: Precision = "float32",
    device: Device = "auto",
    batch_size: BatchSize = 64,
    folder: Path = Path(),
) -> UnsafePrompts:
    """The filter with those classes; reads classes and word lists, and no model.

    Raises:
        SettingsError: classes, list or model cannot be had or contradict their settings.
    """
    engine = engine_of(
        model=model, pretrained=pretrained, precision=precision, device=device, batch_size=batch_size, folder=folder
    )
    rule = unsafe_rule(threshold, keyword_threshold, keywords, folder)
    return UnsafePrompts(zero_shot(classes, folder), engine, rule, confidential)


def lines(settings: Mapping[str, Any]) -> tuple[Line, ...]:
    """Its thresholds."""
    return unsafe_lines("punsafe_prompts", settings)
