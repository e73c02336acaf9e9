"""V2: do the pictures of a shard have the scores that its table says?

Models were shown the picture as it is published (decision 0022), so that it can be shown to them again. Each score may
differ by what arithmetic differs between machines, and all of them together by less: a wrong resize, another model, or
a little more for everything shows in the mean before it shows in any row.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from typing import TYPE_CHECKING

import numpy as np

from crawler.errors import PairtrawlError
from crawler.job import JobKind, Tools
from crawler.job.judging import EmbeddingFilter, Engine
from crawler.job.looking import as_published
from crawler.picture.hashes import hashes_of
from crawler.picture.sandbox import Failed, open_sandboxes
from crawler.records import Candidate, Embedded
from workers.tracker.checking.cell import BrokeOutError, Cell, CellError
from workers.tracker.checking.looked import Evidence, Looked, bad, good, nothing, odd
from workers.tracker.checking.orders import Sampled
from workers.tracker.checking.sampling import candidate_of, draw_rows
from workers.tracker.trust import Signal

if TYPE_CHECKING:
    from PIL.Image import Image

NAME = "score"
#: of a cosine, between machines: in float32, and in half precision (openai/CLIP#198: 1.6e-4 by the batch's size alone)
_FLOAT32, _HALF = 2e-4, 2e-3
#: other scores are steeper than the cosine that they are computed of
_STEEPER = 20.0
#: so many times the tolerance no machine differs
_FAR = 10.0
#: this share of rows may lie between: decoders of two versions differ in single pixels
_BETWEEN = 0.03
#: the mean may differ by so much of the tolerance whatever the sample's spread
_MEAN = 0.125
#: bits of 64 and of 256 in which hashes of a picture and of its resized self differ at the most (docs/protocol.md)
_PHASH_BITS, _PDQ_BITS = 14, 80
_LEAST_QUALITY = 50
#: a picture so plain that its hash is chance is not rare; several are
_STRANGE = 0.15


@dataclass(frozen=True, slots=True)
class _Picture:
    sampled: Sampled
    candidate: Candidate
    pixels: Image


def look_scores(evidence: Evidence, sample: int, seed: bytes, tools: Tools, cell: Cell | None = None) -> Looked:
    """Score some pictures again, and look at their hashes.

    Args:
        evidence: of a crawl, score or fetch job, of which V0 has said nothing bad; a fetch job has no scores of models.
        sample: pictures; of a score job, half as many again that models turned away.
        seed: secret until now.
        tools: of the campaign's recipe, with engines of this process.
        cell: where files are read.

    BAD where scores are not those of the pictures; ODD where a few differ more than machines do, or hashes do.
    """
    cell = cell or Cell()
    turned = sample // 2 if evidence.kind is JobKind.SCORE else 0
    try:
        drawn = draw_rows(evidence, seed, tools, cell, kept=sample, turned_by_models=turned)
        if drawn.wrong:
            return Looked((bad(NAME, drawn.wrong),))
        pictures = _decoded([*drawn.kept, *drawn.turned_by_models], tools)
        if isinstance(pictures, Signal):
            return Looked((pictures,))
        differences = [] if evidence.kind is JobKind.FETCH else _rescored(pictures, tools)
    except BrokeOutError as error:
        return Looked((bad(NAME, f"the process that read it {error}"),))
    except (CellError, PairtrawlError) as error:
        return Looked((nothing(NAME, str(error)),))
    signals = [one for one in (_of_scores(differences), _of_hashes(pictures, tools)) if one is not None]
    figures = {"scored": float(len(pictures))}
    if cosines := [one.difference for one in differences if one.steepness == 1.0]:
        figures["score_bias"] = float(np.mean(cosines))
        figures["score_worst"] = float(np.max(np.abs(cosines)))
    return Looked(tuple(signals) or (good(NAME, len(pictures)),), figures)


def _decoded(sampled: Sequence[Sampled], tools: Tools) -> list[_Picture] | Signal:
    pictures = []
    with open_sandboxes(as_published(tools.recipe), 1) as (sandbox,):
        for one in sampled:
            if not one.picture:
                continue
            drawn = sandbox.draw(one.picture)
            if isinstance(drawn, Failed):
                return bad(NAME, f"a picture cannot be decoded: {drawn.fault} {drawn.detail}")
            pictures.append(_Picture(one, candidate_of(one), drawn[1]))
    return pictures


@dataclass(frozen=True, slots=True)
class _Difference:
    """Of one score: what the worker said less what we found; None where the worker or we have none."""

    column: str
    difference: float
    tolerance: float
    steepness: float
    made_by_another: str  # what is said to have made it, if that is not what should have


def _rescored(pictures: Sequence[_Picture], tools: Tools) -> list[_Difference]:
    """The scores of every filter that asks models, for the pictures that have them."""
    differences = []
    embedded: dict[tuple[Engine, int], Embedded] = {}
    for _, judge in tools.embedding_filters:
        told = [place for place, one in enumerate(pictures) if one.sampled.scores.get(judge.scores) is not None]
        _embed(pictures, told, judge, embedded)
        seen = [embedded[judge.engine_for(pictures[place].candidate), place] for place in told]
        steepness = 1.0 if judge.scores == "similarity" else _STEEPER
        more = f" {made_by}" if (made_by := getattr(judge, "made_by", "")) else ""
        for place, one, verdict in zip(told, seen, judge.judge_embedded(seen), strict=True):
            sampled = pictures[place].sampled
            said = sampled.scores[judge.scores]
            assert said is not None
            maker = sampled.made_by.get(judge.scores) or ""
            right = f"{one.model}{more}"
            found = float("inf") if verdict.score is None else said - verdict.score
            tolerance = (_FLOAT32 if "float32" in one.model else _HALF) * steepness
            differences.append(
                _Difference(judge.scores, found, tolerance, steepness, "" if maker == right else maker or "nothing")
            )
    return differences


def _embed(
    pictures: Sequence[_Picture],
    told: Sequence[int],
    judge: EmbeddingFilter,
    embedded: dict[tuple[Engine, int], Embedded],
) -> None:
    """Show each picture to the engine that the filter asks for it, once."""
    lines: dict[Engine, list[int]] = {}
    for place in told:
        engine = judge.engine_for(pictures[place].candidate)
        if (engine, place) not in embedded:
            lines.setdefault(engine, []).append(place)
    for engine, places in lines.items():
        prepared = [engine.prepare(pictures[one].pixels, pictures[one].candidate.caption.text) for one in places]
        images, texts = engine.embed(
            np.stack([one.image for one in prepared]), np.stack([one.tokens for one in prepared])
        )
        for place, image, text in zip(places, images, texts, strict=True):
            embedded[engine, place] = Embedded(pictures[place].candidate, image, text, engine.provenance)


def _of_scores(differences: Sequence[_Difference]) -> Signal | None:
    """What the differences say; None where there are none to speak of."""
    if not differences:
        return None
    if others := [one for one in differences if one.made_by_another]:
        detail = f"{others[0].column} is said to be made by {others[0].made_by_another}"
        return bad(NAME, detail, looked=len(differences), wrong=len(others))
    relative = np.array([one.difference / one.tolerance for one in differences])
    beyond, far = np.abs(relative) > 1, np.abs(relative) > _FAR
    if far.any() or beyond.sum() > max(1.0, _BETWEEN * len(relative)):
        worst = differences[int(np.argmax(np.abs(relative)))]
        detail = f"{worst.column} differs by {worst.difference:+.5f}"
        return bad(NAME, detail, looked=len(relative), wrong=int(beyond.sum()))
    for column in sorted({one.column for one in differences}):
        own = np.array([one.difference / one.tolerance for one in differences if one.column == column])
        if abs(own.mean()) > max(_MEAN, 3 * own.std() / sqrt(len(own))):
            detail = f"{column} differs by {own.mean():+.2f} of the tolerance in the mean of {len(own)}"
            return bad(NAME, detail, looked=len(own))
    if beyond.any():
        return odd(NAME, "a score differs more than machines do", looked=len(relative), wrong=int(beyond.sum()))
    return good(NAME, len(relative))


def _of_hashes(pictures: Sequence[_Picture], tools: Tools) -> Signal | None:
    """Whether pictures look like what was hashed before they were resized; None where that cannot be said."""
    if not pictures or tools.recipe.output.resize_mode in ("center_crop", "border"):
        return None
    strange = looked = 0
    for one in pictures:
        row = one.sampled.row
        if row.phash is None or row.pdq is None or (row.pdq_quality or 0) < _LEAST_QUALITY:
            continue
        looked += 1
        found = hashes_of(b"", one.pixels)
        strange += (found.phash ^ int(row.phash, 16)).bit_count() > _PHASH_BITS and (
            found.pdq ^ int(row.pdq, 16)
        ).bit_count() > _PDQ_BITS
    if looked >= 10 and strange > _STRANGE * looked:
        return bad(NAME, "pictures are not those that were hashed", looked=looked, wrong=strange)
    if strange:
        return odd(NAME, "pictures are not those that were hashed", looked=looked, wrong=strange)
    return None
