"""The two towers of a loaded CLIP model, used so that a pair's similarity does not depend on its neighbours.

Matrix products differ in their last bits with the shape of what is multiplied. Therefore a batch always has the same
shape: pictures in blocks of `rows`, captions in blocks of a number of tokens (`text_tower`), or in blocks of a quarter
of `rows` where the text tower is not CLIP's own; what is missing is filled with zeros. There are numbers for it in
docs/decisions/0006-clip-border.md.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from filters.models.image_tower import image_features
from filters.models.plain import has_plain_image_tower, has_plain_text_tower
from filters.models.preparation import Preprocessing
from filters.models.text_tower import Packed, pack, token_features

#: tokens in a block of captions: fewer make matrices too small for their speed, more are left empty in a batch of 64
_LEAST_TOKENS, _TOKENS_A_PICTURE = 128, 4
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
        self._has_plain_texts, self._has_plain_images = has_plain_text_tower(model), has_plain_image_tower(model)

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
        """Unit vectors, one per caption; those that are there twice are seen once."""
        distinct, place = np.unique(tokens, axis=0, return_inverse=True)
        if not self._has_plain_texts:
            vectors = _in_blocks(distinct, max(1, self._rows // 4), self._text_features)
        else:
            found = [(one.captions, self._packed_features(one)) for one in self._packed(distinct)]
            vectors = np.concatenate([own for _, own in found])[np.argsort(np.concatenate([one for one, _ in found]))]
        return np.asarray(vectors[place.reshape(-1)])

    def _packed(self, tokens: NDArray[np.int32]) -> Iterator[Packed]:
        counts = tokens == self._model.text_eos_id if self._model.text_pool_type == "eos" else tokens
        size = max(_LEAST_TOKENS, _TOKENS_A_PICTURE * self._rows, tokens.shape[1])
        return pack(tokens, counts.argmax(axis=1) + 1, size)

    def _image_features(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        pixels = normalised(images, self._preprocessing, self._device).to(self._dtype)
        if self._has_plain_images:
            return _unit_vectors(image_features(self._model.visual, pixels))
        return _unit_vectors(self._model.encode_image(pixels))

    def _packed_features(self, packed: Packed) -> NDArray[np.float32]:
        return _unit_vectors(token_features(self._model, packed, self._device, self._dtype))[packed.last]

    def _text_features(self, tokens: NDArray[np.int32]) -> NDArray[np.float32]:
        import torch  # noqa: PLC0415 - takes seconds

        return _unit_vectors(self._model.encode_text(torch.from_numpy(tokens.astype(np.int64)).to(self._device)))


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
