"""Embeddings by an open_clip model: what it needs is loaded once a process, and not before it is asked."""

from __future__ import annotations

import functools
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL.Image import Image

from crawler.errors import MissingPackageError, SettingsError
from filters import Prepared
from filters.models import self_test
from filters.models.choice import EMBEDDED, Device, ModelChoice, Precision
from filters.models.open_clip_border import (
    CaptionTokenizer,
    load_model,
    preprocessing_of,
    weights_sha256,
)
from filters.models.plain import has_plain_image_tower
from filters.models.preparation import Preprocessing
from filters.models.towers import Towers

#: pictures in a block on a CPU, whatever the batch size: the last bits of a score depend on the shape of a block
_ROWS_ON_CPU = 32
#: fewer of a vision transformer that cuts pictures into many tokens: of ViT-L/14 8, which a CPU's cache still holds
_IMAGE_TOKENS_ON_CPU = 2100

_loading = threading.RLock()


@dataclass(frozen=True, slots=True)
class Preparation:
    """What turns a picture and its caption into a model's input."""

    preprocessing: Preprocessing
    tokenizer: CaptionTokenizer

    def __call__(self, pixels: Image, caption: str) -> Prepared:
        """The model's input for one picture."""
        return Prepared(self.preprocessing.pixels(pixels), self.tokenizer(caption))


def preparation_for(choice: ModelChoice) -> Preparation:
    """The preparation for a model, made once a process; reads no weights.

    Raises:
        SettingsError: the model's description cannot be had here.
        MissingPackageError: a package is missing, or does not work.
    """
    with _loading:
        return _preparation(choice)


@functools.cache
def _preparation(choice: ModelChoice) -> Preparation:
    return Preparation(preprocessing_of(choice), CaptionTokenizer(choice))


@dataclass(frozen=True, slots=True)
class OpenClipEngine:
    """Embeds in this process (`filters.Engine`); loads the model when first asked, once a process.

    All that computes raises `SettingsError` where the model cannot be had here, and `MissingPackageError` where a
    package is missing or computes something else than it should.
    """

    choice: ModelChoice
    precision: Precision = "float32"
    device: Device = "auto"
    batch_size: int = 64

    @property
    def name(self) -> str:
        """Model and precision, such as "ViT-B-32/laion2b_s34b_b79k float32"."""
        return f"{self.choice.identity} {self.precision}"

    @property
    def provenance(self) -> str:
        """What computes: "model@sha256:first12 precision"."""
        return f"{self.choice.identity}@sha256:{weights_sha256(self.choice)[:12]} {self.precision}"

    def prepare(self, pixels: Image, caption: str) -> Prepared:
        """The model's input for one picture, RGB, and its caption; may be called from many threads."""
        return preparation_for(self.choice)(pixels, caption)

    def embed(
        self, images: NDArray[np.uint8], tokens: NDArray[np.int32]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Unit vectors of images (N x H x W x 3) and of as many captions (N x L): each N x D."""
        return self._towers().embed(images, tokens)

    def embed_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Unit vectors of texts: N x D."""
        tokenizer = preparation_for(self.choice).tokenizer
        return self._towers().embed_texts([tokenizer(text) for text in texts])

    def _towers(self) -> Towers:
        with _loading:
            return _towers(self)


@functools.cache
def _towers(engine: OpenClipEngine) -> Towers:
    import torch  # noqa: PLC0415 - takes seconds

    has_cuda = torch.cuda.is_available()
    if engine.device == "cuda" and not has_cuda:
        raise SettingsError('device = "cuda": torch sees no CUDA device here; "auto" takes what there is')
    device = "cuda" if has_cuda and engine.device != "cpu" else "cpu"
    _test(engine.precision, device)
    return _loaded(engine.choice, engine.precision, device, engine.batch_size)


@functools.cache
def _test(precision: Precision, device: str) -> None:
    """Known answers of the embedded model, whichever model is wanted: what it stands on is the same for all."""
    embedded = ModelChoice(EMBEDDED)
    towers = _loaded(embedded, precision, device, len(self_test.KNOWN))
    self_test.run(preparation_for(embedded), towers.embed, precision)


def _loaded(choice: ModelChoice, precision: Precision, device: str, batch_size: int) -> Towers:
    import torch  # noqa: PLC0415 - takes seconds

    preprocessing = preparation_for(choice).preprocessing
    model = load_model(choice, precision, device)
    _check_preprocessing(choice, model, preprocessing)
    rows = _rows_on_cpu(model) if device == "cpu" else batch_size
    return Towers(model, preprocessing, device, getattr(torch, precision), rows)


def _rows_on_cpu(model: Any) -> int:  # noqa: ANN401 - untyped torch
    if not has_plain_image_tower(model):
        return _ROWS_ON_CPU
    fitting = max(1, _IMAGE_TOKENS_ON_CPU // len(model.visual.positional_embedding))
    return min(_ROWS_ON_CPU, 1 << (fitting.bit_length() - 1))  # a power of two, for batches are


def _check_preprocessing(choice: ModelChoice, model: Any, ours: Preprocessing) -> None:  # noqa: ANN401 - untyped torch
    """What was read from the description must be what open_clip made of it, in this version and the next."""
    theirs = model.visual.preprocess_cfg
    size = theirs["size"]
    height, width = (size, size) if isinstance(size, int) else size
    same_size = (height, width) == (ours.height, ours.width)
    same_values = (tuple(theirs["mean"]), tuple(theirs["std"])) == (ours.mean, ours.std)
    if not same_size or not same_values or theirs["resize_mode"] != ours.resize_mode:
        raise MissingPackageError(
            f"{choice.identity}: this version of open_clip prepares pictures as {theirs}, which is not {ours}; "
            "pairtrawl needs mending for it"
        )
