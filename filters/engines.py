"""What a model looks like to the filters that ask it: pictures and captions in, unit vectors out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Image


class Prepared(NamedTuple):
    """One picture and its caption as a model takes them: small, and cheap to send to another process."""

    image: NDArray[np.uint8]  # height x width x 3, RGB, at the model's own size
    tokens: NDArray[np.int32]  # one caption, padded to the model's context length


class Engine(Protocol):
    """A model that embeds pictures and captions: in this process, or a stand-in that asks another one.

    Frozen, hashable, and can be pickled; equal settings make equal engines, so that filters share the work. What it
    makes of a picture does not depend on what else is in the batch.
    """

    @property
    def name(self) -> str:
        """Model and precision; means the same on every machine, and no two engines of a recipe have the same."""
        ...

    @property
    def provenance(self) -> str:
        """What computes: "model@sha256:first12 precision". Reading it may hash or fetch weights."""
        ...

    @property
    def batch_size(self) -> int:
        """How many pictures it likes to see at once."""
        ...

    def prepare(self, pixels: Image, caption: str) -> Prepared:
        """The model's input for one picture: the cheap part; may be called from many threads."""
        ...

    def embed(
        self, images: NDArray[np.uint8], tokens: NDArray[np.int32]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Unit vectors of images (N x H x W x 3) and of as many captions (N x L): each N x D."""
        ...

    def embed_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Unit vectors of texts, such as descriptions of classes: N x D."""
        ...
