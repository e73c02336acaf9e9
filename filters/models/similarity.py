"""Similarities by an open_clip model: what it needs is loaded once a process, and not before it is asked."""

from __future__ import annotations

import functools
import threading
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL.Image import Image

from crawler.errors import MissingPackageError, SettingsError
from filters import Prepared
from filters.models import self_test
from filters.models.choice import EMBEDDED, ModelChoice
from filters.models.open_clip_border import (
    CaptionTokenizer,
    load_model,
    preprocessing_of,
    weights_sha256,
)
from filters.models.preparation import Preprocessing
from filters.models.towers import Towers

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
    """Computes similarities in this process; loads the model when first asked, once a process."""

    choice: ModelChoice
    precision: str = "float32"  # or "bfloat16", "float16"
    device: str = "auto"  # or "cpu", "cuda"; "auto" is cuda where there is one
    batch_size: int = 64

    @property
    def provenance(self) -> str:
        """What computes: "model@sha256:first12 precision"."""
        return f"{self.choice.identity}@sha256:{weights_sha256(self.choice)[:12]} {self.precision}"

    def similarities(self, images: NDArray[np.uint8], tokens: NDArray[np.int32]) -> NDArray[np.float32]:
        """The cosine of each image with its caption: images N x H x W x 3, tokens N x L, result N.

        Raises:
            SettingsError: the model cannot be had here.
            MissingPackageError: a package is missing, or computes something else than it should.
        """
        with _loading:
            towers = _towers(self)
        return towers.similarities(images, tokens)


@functools.cache
def _towers(engine: OpenClipEngine) -> Towers:
    import torch  # noqa: PLC0415 - takes seconds

    has_cuda = torch.cuda.is_available()
    if engine.device == "cuda" and not has_cuda:
        raise SettingsError('device = "cuda": torch sees no CUDA device here; "auto" takes what there is')
    device = "cuda" if has_cuda and engine.device != "cpu" else "cpu"
    preparation = preparation_for(engine.choice)
    model = load_model(engine.choice, engine.precision, device)
    _check_preprocessing(engine.choice, model, preparation.preprocessing)
    towers = Towers(model, preparation.preprocessing, device, getattr(torch, engine.precision), engine.batch_size)
    if engine.choice.model == EMBEDDED:
        self_test.run(preparation, towers.similarities, engine.precision)
    return towers


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
