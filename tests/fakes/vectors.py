"""Vectors whose answers are known without a model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL.Image import Image

from filters import Embedded, Prepared
from tests.builders import a_candidate

MODEL = "planted@sha256:000000000000 float32"


@dataclass(frozen=True)
class PlantedEngine:
    """An engine that knows the vectors of some texts, as one in another process would; asked for more, it fails."""

    texts: tuple[tuple[str, tuple[float, ...]], ...] = ()
    name: str = "planted"
    provenance: str = MODEL
    batch_size: int = 4

    def prepare(self, pixels: Image, caption: str) -> Prepared:
        raise AssertionError

    def embed(
        self, images: NDArray[np.uint8], tokens: NDArray[np.int32]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        raise AssertionError

    def embed_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        ASKED.append(tuple(texts))
        known = dict(self.texts)
        return np.array([known[text] for text in texts], dtype=np.float32)


#: what planted engines of this process were asked for
ASKED: list[tuple[str, ...]] = []


def unit_vectors(count: int, length: int = 8, seed: int = 0) -> NDArray[np.float32]:
    vectors = np.random.default_rng(seed).standard_normal((count, length))
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), dtype=np.float32)


def embedded(vectors: NDArray[np.float32], captions: Sequence[str] = ()) -> list[Embedded]:
    texts = captions or ["a red boat on a lake"] * len(vectors)
    return [Embedded(a_candidate(text), row, row, MODEL) for row, text in zip(vectors, texts, strict=True)]


def a_head(folder: Path, weights: Sequence[float] | NDArray[np.floating], name: str = "head.npy") -> str:
    """The path of a linear head with these weights."""
    np.save(folder / name, np.asarray(weights, dtype=np.float32))
    return str(folder / name)
