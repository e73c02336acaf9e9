"""From pictures to embeddings: how a filter that judges by them judges pictures by itself."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from crawler.records import Candidate, Embedded, Picture, Verdict
from filters import EmbeddingFilter, Engine, Prepared


def judge_pictures(one: EmbeddingFilter, batch: Sequence[Picture]) -> list[Verdict]:
    """The verdicts of a filter on pictures, in order: each embedded by the engine that the filter wants for it."""
    places: dict[Engine, list[int]] = {}
    for place, picture in enumerate(batch):
        places.setdefault(one.engine_for(picture.fetched.candidate), []).append(place)
    embedded: dict[int, Embedded] = {}
    for engine, own in places.items():
        embedded |= zip(own, embed_pictures(engine, [batch[place] for place in own]), strict=True)
    return one.judge_embedded([embedded[place] for place in range(len(batch))]) if batch else []


def embed_pictures(engine: Engine, batch: Sequence[Picture]) -> list[Embedded]:
    """What an engine makes of pictures and their captions, in order."""
    candidates = [picture.fetched.candidate for picture in batch]
    prepared = [
        engine.prepare(picture.pixels, one.caption.text) for picture, one in zip(batch, candidates, strict=True)
    ]
    return embed_prepared(engine, candidates, prepared)


def embed_prepared(engine: Engine, candidates: Sequence[Candidate], prepared: Sequence[Prepared]) -> list[Embedded]:
    """What an engine makes of pictures that it has prepared, in order."""
    if not prepared:
        return []
    images = np.stack([one.image for one in prepared])
    tokens = np.stack([one.tokens for one in prepared])
    of_images, of_texts = engine.embed(images, tokens)
    made_by = engine.provenance
    rows = zip(candidates, of_images, of_texts, strict=True)
    return [Embedded(candidate, image, text, made_by) for candidate, image, text in rows]


def similarity(embedded: Embedded) -> float:
    """The cosine of picture and caption, in [-1, 1], as a number that float32 holds; NaN where the model overflowed."""
    # summed in float64: for vectors of length one the order of the sum then cannot be seen in float32
    return float(np.float32((embedded.image.astype(np.float64) * embedded.text).sum()))
