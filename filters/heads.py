"""Trained heads: small networks that read a CLIP embedding and say one number of the picture.

A head is linear, or some linear layers with activations between. Its vectors are unit vectors, as those of LAION's
detectors and predictors are. What a file cannot say of itself, a recipe does:

    head = "watermark.npy"
    head = { path = "nsfw.safetensors", activation = "relu", link = "sigmoid" }
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from crawler.errors import SettingsError
from filters.head_files import Layer, Stored, read_head_file
from filters.products import products

Floats = NDArray[np.float64]
#: how the last layer's numbers become the score: a probability by sigmoid or softmax, cut to 0..1, or as they are
Link = Literal["sigmoid", "softmax", "clip", "none"]
#: links of heads whose score is a probability; the first is what is meant where nothing is said
PROBABILITY: tuple[Link, ...] = ("sigmoid", "softmax", "clip")
NUMBER: tuple[Link, ...] = ("none", "sigmoid", "softmax", "clip")


class HeadFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A head as a recipe names it. What is left empty, the metadata of a .safetensors file may say."""

    path: str
    activation: str = ""  # between layers: one word for all, or one for each gap; needed where there are several layers
    link: Literal["", "sigmoid", "softmax", "clip", "none"] = ""
    output: Annotated[int, msgspec.Meta(ge=0)] | None = None  # which of several outputs counts, from 0


@dataclass(frozen=True, slots=True, eq=False)
class Head:
    """A head ready to judge; `load_head` makes it and checks it."""

    made_by: str  # "file.npy@sha256:first12"
    layers: tuple[Layer, ...]
    activations: tuple[str, ...]  # one fewer than layers
    link: str
    output: int

    def scores(self, vectors: NDArray[np.float32], model: str) -> list[float]:
        """One score a row of `vectors` (N x D, unit vectors made by `model`), as float32 holds it.

        Each is the same alone as in any company; NaN where the vector has no numbers.

        Raises:
            SettingsError: the head was trained on vectors of another length.
        """
        values: Floats = vectors.astype(np.float64)
        for number, layer in enumerate(self._fitting(vectors.shape[1], model)):
            values = products(values, np.ascontiguousarray(layer.weight.T))
            values += layer.bias if layer.bias is not None else 0.0
            if number < len(self.activations):
                values = ACTIVATIONS[self.activations[number]](values)
        return [float(np.float32(row[self.output])) for row in _LINKS[self.link](values)]

    def _fitting(self, length: int, model: str) -> tuple[Layer, ...]:
        """The layers for vectors of that length; one number more in a lone array is the bias."""
        first = self.layers[0]
        if first.weight.shape[1] == length:
            return self.layers
        if first.bias is None and first.weight.shape[1] == length + 1:
            return (Layer(first.place, first.weight[:, :-1], first.weight[:, -1]), *self.layers[1:])
        raise SettingsError(
            f"head {self.made_by} reads vectors of {first.weight.shape[1]} numbers, "
            f"but {model} makes such of {length}; a head judges the model that it was trained on, and no other"
        )


def load_head(head: str | HeadFile, folder: Path, links: tuple[Link, ...] = PROBABILITY) -> Head:
    """The head that a recipe names; its path stands on `folder`.

    `links` are those that make sense of its score, the default first.

    Raises:
        SettingsError: the file is not a head, or does not say how it is to be read, or says it twice and differently.
        MissingPackageError: the file is .safetensors, and the package is not installed.
    """
    said = HeadFile(head) if isinstance(head, str) else head
    path = folder / said.path
    stored = read_head_file(path)
    outputs = len(stored.layers[-1].weight)
    link = _agreed(path, "link", said.link, stored.metadata) or (links[0] if outputs == 1 else "softmax")
    if link not in links:
        raise SettingsError(f"{path}: link = {link!r}: this score's is one of {', '.join(links)}")
    if link == "softmax" and outputs == 1:
        raise SettingsError(f"{path}: link = 'softmax' of one output is always 1; 'sigmoid' makes it a probability")
    written = "" if said.output is None else str(said.output)
    output = _output(path, _agreed(path, "output", written, stored.metadata), outputs)
    return Head(stored.name, stored.layers, _activations(path, said, stored), link, output)


def _activations(path: Path, said: HeadFile, stored: Stored) -> tuple[str, ...]:
    """One for each gap between layers."""
    gaps = len(stored.layers) - 1
    words = _agreed(path, "activation", said.activation, stored.metadata).replace(",", " ").split()
    if gaps and not words:
        raise SettingsError(
            f"{path}: has {gaps + 1} layers and does not say what is between them; write "
            f'head = {{ path = "{said.path}", activation = "relu" }}, or another of {", ".join(ACTIVATIONS)}'
        )
    if unknown := [word for word in words if word not in ACTIVATIONS]:
        raise SettingsError(f"{path}: activation = {unknown[0]!r} is not one of {', '.join(ACTIVATIONS)}")
    if gaps and len(words) not in {1, gaps}:
        raise SettingsError(f"{path}: activation names {len(words)}, but {gaps} gaps are between its layers")
    return tuple(words * gaps if len(words) == 1 else words)[:gaps]


def _output(path: Path, written: str, outputs: int) -> int:
    if not written and outputs == 1:
        return 0
    if not (written.isascii() and written.isdigit()) or int(written) >= outputs:
        raise SettingsError(
            f"{path}: gives {outputs} numbers; say which of them is the score with output = 0 to {outputs - 1}"
        )
    return int(written)


def _agreed(path: Path, key: str, said: str, metadata: Mapping[str, str]) -> str:
    """What recipe and file say; a recipe that contradicts its file is a mistake that would only show in the scores."""
    of_file = metadata.get(key, "")
    if said and of_file and said != of_file:
        raise SettingsError(f"{path}: {key} = {said!r}, but the file itself says {of_file!r}")
    return said or of_file


def _sigmoid(values: Floats) -> Floats:
    return 0.5 * (1.0 + np.tanh(0.5 * values))  # cannot overflow


def _softmax(values: Floats) -> Floats:
    weights = np.exp(values - values.max(axis=1, keepdims=True))
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))


def _gelu(values: Floats) -> Floats:
    normal = np.array([math.erf(value / math.sqrt(2.0)) for value in values.flat]).reshape(values.shape)
    return 0.5 * values * (1.0 + normal)


ACTIVATIONS: dict[str, Callable[[Floats], Floats]] = {
    "relu": lambda values: np.maximum(values, 0.0),
    "gelu": _gelu,
    "silu": lambda values: values * _sigmoid(values),
    "tanh": np.tanh,
    "sigmoid": _sigmoid,
    "none": lambda values: values,
}
_LINKS: dict[str, Callable[[Floats], Floats]] = {
    "sigmoid": _sigmoid,
    "softmax": _softmax,
    "clip": lambda values: np.clip(values, 0.0, 1.0),
    "none": lambda values: values,
}
