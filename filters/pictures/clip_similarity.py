"""Keep pictures that a CLIP model finds similar to their caption: cosine of at least `threshold`.

`model` is "pairtrawl-tiny" (comes with the program; for demos and tests, try 0.40), a name of open_clip with
`pretrained` a tag or a checkpoint's path, "local-dir:FOLDER", or "hf-hub:ORGANISATION/NAME". LAION-5B kept English
pairs at 0.28 with ViT-B-32, and the others at 0.26 with a multilingual model.

`routes` sends captions of some languages to other models: a list of tables with `languages` (ISO 639-1), `threshold`,
`model`, and where wanted `pretrained` and `precision`. A caption of no route, and one whose language is told with less
than `min_confidence`, goes to the filter's own model.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import isnan
from pathlib import Path
from typing import Annotated, Any, ClassVar

import msgspec
from msgspec import Meta

from crawler.errors import SettingsError
from crawler.records import Candidate, Embedded, Picture, Verdict
from crawler.tongue import LANGUAGES
from filters import Engine
from filters.embedding import judge_pictures, similarity
from filters.lines import Line, threshold_lines
from filters.models.choice import EMBEDDED, BatchSize, Device, Precision, engine_of
from filters.redrawn import Redrawn, from_on, literal, made_by_engine, one_of

Cosine = Annotated[float, Meta(ge=-1, le=1)]


class Route(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Captions of some languages, and the model and threshold for them."""

    languages: Annotated[tuple[str, ...], Meta(min_length=1)]  # ISO 639-1, such as "en"
    threshold: Cosine
    model: str
    pretrained: str = ""
    precision: Precision | None = None  # None: the filter's own


@dataclass(frozen=True, slots=True)
class Scale:
    """One model and the least similarity that it must see."""

    engine: Engine
    threshold: float


@dataclass(frozen=True, slots=True)
class ClipSimilarity:
    """Judges by the cosine of picture and caption; loads nothing before the first picture."""

    own: Scale
    routes: tuple[tuple[str, Scale], ...] = ()  # language and where it leads, each language once
    min_confidence: float = 0.0

    scores: ClassVar[str] = "similarity"

    @property
    def engines(self) -> tuple[Engine, ...]:
        """Its own model, and those of its routes."""
        return tuple(dict.fromkeys(scale.engine for scale in (self.own, *dict(self.routes).values())))

    def engine_for(self, candidate: Candidate) -> Engine:
        """The model for a caption of that language."""
        return self._scale(candidate).engine

    def judge(self, batch: Sequence[Picture]) -> list[Verdict]:
        """One verdict per picture, in order."""
        return judge_pictures(self, batch)

    def judge_embedded(self, batch: Sequence[Embedded]) -> list[Verdict]:
        """One verdict per embedded picture, in order."""
        return [self._verdict(embedded) for embedded in batch]

    def with_engines(self, swap: Callable[[Engine], Engine]) -> ClipSimilarity:
        """The same filter with other engines, which may stand for another process."""

        def swapped(scale: Scale) -> Scale:
            return replace(scale, engine=swap(scale.engine))

        return replace(
            self, own=swapped(self.own), routes=tuple((language, swapped(scale)) for language, scale in self.routes)
        )

    def redrawn(self) -> Redrawn:
        """By the score, where the model that the caption's language is routed to made it."""
        own, model = self._from(self.own), self._maker(self.own)
        reads: tuple[str, ...] = (self.scores, f"{self.scores}_model")
        if self.routes:
            by_scale: dict[Scale, list[str]] = {}
            for language, scale in self.routes:
                by_scale.setdefault(scale, []).append(language)
            spoken = {scale: one_of("caption_language", languages) for scale, languages in by_scale.items()}
            own = self._routed([(asked, self._from(scale)) for scale, asked in spoken.items()], own)
            model = self._routed([(asked, self._maker(scale)) for scale, asked in spoken.items()], model)
            reads += ("caption_language", "caption_language_confidence")
        return Redrawn(own, reads, model)

    def _routed(self, routes: Sequence[tuple[str, str]], own: str) -> str:
        """SQL: what stands beside the caption's language; null where the language of captions was not asked."""
        language, confidence = "caption_language", "caption_language_confidence"
        told = f"WHEN {language} IS NULL OR {confidence} IS NULL THEN NULL"
        unsure = f"WHEN {confidence} < {literal(float(self.min_confidence))} THEN {own}"
        return f"CASE {told} {unsure} {' '.join(f'WHEN {asked} THEN {then}' for asked, then in routes)} ELSE {own} END"

    def _from(self, scale: Scale) -> str:
        return from_on(self.scores, scale.threshold)

    def _maker(self, scale: Scale) -> str:
        return made_by_engine(self.scores, scale.engine.name)

    def _scale(self, candidate: Candidate) -> Scale:
        tongue = candidate.tongue
        if tongue.confidence < self.min_confidence:
            return self.own
        return next((scale for language, scale in self.routes if language == tongue.language), self.own)

    def _verdict(self, embedded: Embedded) -> Verdict:
        score = similarity(embedded)
        if isnan(score):  # float16 can overflow; a picture without a score is not a similar one
            return Verdict(keep=False, detail="the model gave no number")
        return Verdict(score >= self._scale(embedded.candidate).threshold, score, f"similarity {score:.4f}")


def build(  # noqa: PLR0913 - a setting is an argument
    *,
    model: str = EMBEDDED,
    pretrained: str = "",
    threshold: Cosine = 0.28,
    routes: tuple[Route, ...] = (),
    min_confidence: Annotated[float, Meta(ge=0, le=1)] = 0.3,
    precision: Precision = "float32",
    device: Device = "auto",
    batch_size: BatchSize = 64,
    folder: Path = Path(),
) -> ClipSimilarity:
    """The filter for these models; needs no torch, and looks no further than at the names of files.

    Raises:
        SettingsError: `model` and `pretrained` contradict each other or name files that are not there, or a route names
            a language that does not exist, or that another route has.
    """
    _check_languages(routes)

    def scale_of(model: str, pretrained: str, precision: Precision, threshold: float) -> Scale:
        engine = engine_of(
            model=model, pretrained=pretrained, precision=precision, device=device, batch_size=batch_size, folder=folder
        )
        return Scale(engine, threshold)

    led = []
    for route in routes:
        scale = scale_of(route.model, route.pretrained, route.precision or precision, route.threshold)
        led += [(language, scale) for language in route.languages]
    return ClipSimilarity(scale_of(model, pretrained, precision, threshold), tuple(led), min_confidence)


def _check_languages(routes: Sequence[Route]) -> None:
    routed: set[str] = set()
    for language in (language for route in routes for language in route.languages):
        if language not in LANGUAGES:
            raise SettingsError(f"routes: there is no language {language!r}; there are {', '.join(sorted(LANGUAGES))}")
        if language in routed:
            raise SettingsError(f"routes: the language {language!r} is routed twice")
        routed.add(language)


def lines(settings: Mapping[str, Any]) -> tuple[Line, ...]:
    """The filter's own threshold, and those of its routes, by their languages."""
    routes = msgspec.convert(settings["routes"], tuple[Route, ...])
    routed = (Line("similarity", float(one.threshold), "from", " ".join(one.languages)) for one in routes)
    return (*threshold_lines("similarity", "from", settings), *routed)
