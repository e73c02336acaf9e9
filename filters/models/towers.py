"""The two towers of a loaded CLIP model, used so that a pair's similarity does not depend on its neighbours.

Matrix products differ in their last bits with the shape of what is multiplied. Therefore a batch always has the same
shape: pictures in blocks of `rows`, captions in blocks of a quarter of that, each with captions of one length (their
own, rounded up to a multiple of 8); what is missing is filled with zeros. docs/decisions/0006-clip-border.md has the
numbers.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from filters.models.open_clip_border import has_plain_text_tower
from filters.models.preparation import Preprocessing

_LENGTH_STEP = 8
_NONE: NDArray[np.float32] = np.empty((0, 0), dtype=np.float32)


class Towers:
    """A loaded model, on its device, and the shapes in which it is used."""

    def __init__(self, model: Any, preprocessing: Preprocessing, device: str, dtype: Any, rows: int) -> None:  # noqa: ANN401 - untyped torch
        """`model` is an open_clip model that infers in `dtype`; `rows` is the number of pictures in a block."""
        self._model = model
        self._device = device
        self._dtype = dtype
        self._rows = rows
        self._preprocessing = preprocessing
        self._is_plain = has_plain_text_tower(model)

    def embed(
        self, images: NDArray[np.uint8], tokens: NDArray[np.int32]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Unit vectors of images (N x H x W x 3) and of as many captions (N x L): each N x D; of none, 0 x 0."""
        if len(images) != len(tokens):
            raise ValueError(f"{len(images)} images and {len(tokens)} captions")
        if len(images) == 0:
            return _NONE, _NONE
        with _inference(self._device):
            return _in_blocks(images, self._rows, self._image_features), self._text_rows(tokens)

    def embed_texts(self, tokens: Sequence[NDArray[np.int32]]) -> NDArray[np.float32]:
        """Unit vectors of texts, each given by its L tokens: N x D; of none, 0 x 0."""
        if not tokens:
            return _NONE
        with _inference(self._device):
            return self._text_rows(np.stack(tokens))

    def _text_rows(self, tokens: NDArray[np.int32]) -> NDArray[np.float32]:
        """Unit vectors, one per caption."""
        lengths = self._lengths(tokens)
        places, vectors = [], []
        for length in np.unique(lengths):
            chosen = np.flatnonzero(lengths == length)
            places.append(chosen)
            vectors.append(_in_blocks(tokens[chosen, :length], max(1, self._rows // 4), self._text_features))
        back = np.argsort(np.concatenate(places))
        return np.asarray(np.concatenate(vectors)[back])

    def _lengths(self, tokens: NDArray[np.int32]) -> NDArray[np.int64]:
        """How many tokens of each caption the tower must see: up to the one that stands for the whole, rounded up."""
        context = tokens.shape[1]
        if not self._is_plain:
            return np.full(len(tokens), context, dtype=np.int64)
        counts = tokens == self._model.text_eos_id if self._model.text_pool_type == "eos" else tokens
        last = counts.argmax(axis=1) + 1
        return np.asarray(np.minimum(-(-last // _LENGTH_STEP) * _LENGTH_STEP, context), dtype=np.int64)

    def _image_features(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        return _unit_vectors(
            self._model.encode_image(normalised(images, self._preprocessing, self._device).to(self._dtype))
        )

    def _text_features(self, tokens: NDArray[np.int32]) -> NDArray[np.float32]:
        import torch  # noqa: PLC0415 - takes seconds

        text = torch.from_numpy(tokens.astype(np.int64)).to(self._device)
        model = self._model
        if not self._is_plain:
            return _unit_vectors(model.encode_text(text))
        # open_clip's CLIP.encode_text, which takes the full context only, at the captions' own length
        length = text.shape[1]
        x = model.token_embedding(text).to(self._dtype) + model.positional_embedding[:length].to(self._dtype)
        x = model.ln_final(model.transformer(x, attn_mask=model.attn_mask[:length, :length]))
        counts = (text == model.text_eos_id).int() if model.text_pool_type == "eos" else text
        x = x[torch.arange(len(text), device=self._device), counts.argmax(dim=-1)]
        if isinstance(model.text_projection, torch.nn.Linear):
            return _unit_vectors(model.text_projection(x))
        return _unit_vectors(x if model.text_projection is None else x @ model.text_projection)


def normalised(images: NDArray[np.uint8], preprocessing: Preprocessing, device: str) -> Any:  # noqa: ANN401 - untyped torch
    """N x H x W x 3 to N x 3 x H x W float32 on the device: the second half of open_clip's own preprocessing."""
    import torch  # noqa: PLC0415 - takes seconds

    # not made contiguous: with the channels last, as they came, convolutions are 30 % faster on a CPU
    pixels = torch.from_numpy(images).to(device).permute(0, 3, 1, 2)
    mean = torch.tensor(preprocessing.mean, device=device).view(3, 1, 1)
    std = torch.tensor(preprocessing.std, device=device).view(3, 1, 1)
    return pixels.to(torch.float32).div_(255).sub_(mean).div_(std)


def _in_blocks(
    rows: NDArray[Any], size: int, encode: Callable[[NDArray[Any]], NDArray[np.float32]]
) -> NDArray[np.float32]:
    """`encode` over blocks of exactly `size` rows, the last one filled with zeros; one row back for each given."""
    encoded = []
    for start in range(0, len(rows), size):
        block = np.zeros((size, *rows.shape[1:]), dtype=rows.dtype)
        given = rows[start : start + size]
        block[: len(given)] = given
        encoded.append(encode(block)[: len(given)])
    return np.concatenate(encoded)


def _unit_vectors(features: Any) -> NDArray[np.float32]:  # noqa: ANN401 - an untyped torch tensor
    import torch  # noqa: PLC0415 - takes seconds

    unit = torch.nn.functional.normalize(features.to(torch.float32), dim=-1)
    return np.asarray(unit.cpu().numpy(), dtype=np.float32)


@contextlib.contextmanager
def _inference(device: str) -> Iterator[None]:
    """No gradients; on CUDA also no algorithm chosen by a race, and no convolution in 19 bits (TF32)."""
    import torch  # noqa: PLC0415 - takes seconds

    with contextlib.ExitStack() as stack:
        stack.enter_context(torch.inference_mode())
        if device == "cuda":
            stack.enter_context(torch.backends.cudnn.flags(benchmark=False, deterministic=True, allow_tf32=False))
        yield
