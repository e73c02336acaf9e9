"""Keep pictures that a CLIP model finds similar to their caption: cosine of at least `threshold`.

`model` is "pairtrawl-tiny" (comes with the program; for demos and tests, try 0.40), a name of open_clip with
`pretrained` a tag or a checkpoint's path, "local-dir:FOLDER", or "hf-hub:ORGANISATION/NAME". LAION-5B kept English
pairs at 0.28 with ViT-B-32.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, ClassVar, Literal

import numpy as np
from msgspec import Meta

from crawler.records import Picture, Verdict
from filters import Engine, Prepared
from filters.models.choice import EMBEDDED, ModelChoice, choose
from filters.models.similarity import OpenClipEngine, preparation_for


@dataclass(frozen=True, slots=True)
class ClipSimilarity:
    """Judges by the cosine of picture and caption; loads nothing before the first picture."""

    threshold: float
    choice: ModelChoice
    engine: Engine
    batch_size: int

    scores: ClassVar[str] = "similarity"

    @property
    def provenance(self) -> str:
        """What makes the scores: "model@sha256:first12 precision"."""
        return self.engine.provenance

    def judge(self, batch: Sequence[Picture]) -> list[Verdict]:
        """One verdict per picture, in order."""
        return self.judge_prepared([self.prepare(picture) for picture in batch])

    def prepare(self, picture: Picture) -> Prepared:
        """The model's input for one picture; may be called from many threads."""
        return preparation_for(self.choice)(picture.pixels, picture.fetched.candidate.caption.text)

    def judge_prepared(self, batch: Sequence[Prepared]) -> list[Verdict]:
        """One verdict per prepared picture, in order."""
        if not batch:
            return []
        images = np.stack([prepared.image for prepared in batch])
        tokens = np.stack([prepared.tokens for prepared in batch])
        return [self._verdict(float(score)) for score in self.engine.similarities(images, tokens)]

    def scored_by(self, engine: Engine) -> ClipSimilarity:
        """The same filter with its scores computed by `engine`, which may stand for another process."""
        return replace(self, engine=engine)

    def _verdict(self, score: float) -> Verdict:
        if np.isnan(score):  # float16 can overflow; a picture without a score is not a similar one
            return Verdict(keep=False, detail="the model gave no number")
        return Verdict(score >= self.threshold, score, f"similarity {score:.4f}")


def build(
    *,
    model: str = EMBEDDED,
    pretrained: str = "",
    threshold: Annotated[float, Meta(ge=-1, le=1)] = 0.28,
    precision: Literal["float32", "bfloat16", "float16"] = "float32",
    device: Literal["auto", "cpu", "cuda"] = "auto",
    batch_size: Annotated[int, Meta(ge=1, le=4096)] = 64,
    folder: Path = Path(),
) -> ClipSimilarity:
    """The filter for that model; needs no torch, and looks no further than at the names of files.

    Raises:
        SettingsError: `model` and `pretrained` contradict each other, or name files that are not there.
    """
    choice = choose(model, pretrained, folder)
    engine = OpenClipEngine(choice, precision, device, batch_size)
    return ClipSimilarity(threshold, choice, engine, batch_size)
