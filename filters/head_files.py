"""Reading the weights of a trained head from .npy or .safetensors: data, never a pickle.

The best-known heads are published as pickles or Keras archives. To read one is to run whatever its author, or whoever
could replace the file, put into it; so they are converted once, elsewhere (docs/decisions/0018-safety.md).
"""

from __future__ import annotations

import hashlib
import re
import tokenize
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from crawler.errors import MissingPackageError, SettingsError

#: a head has some million weights at most; what is larger is a whole model
_FILE_BYTES = 256 * 1024 * 1024

_PICKLES = (".pt", ".pth", ".bin", ".p", ".pkl", ".pickle", ".ckpt", ".joblib")
_KERAS = (".h5", ".hdf5", ".keras", ".pb")
#: numpy reads the head of a file as Python's own source, and passes on what that says of noise: no source, no end, too
#: deep, no such type, or that of Python 2
_NOT_AN_ARRAY = (ValueError, SyntaxError, tokenize.TokenError, EOFError, OverflowError, RecursionError, TypeError,
                 MemoryError, UserWarning)  # fmt: skip
#: "0.weight", "layers.3.bias", "linear_1.weight", or "fc.weight" of a lone layer: the number is the layer's place
_TENSOR = re.compile(r"(?:.*?(?P<number>[0-9]{1,6})\.|(?:[A-Za-z_.]*\.)?)(?P<part>weight|bias)")


class Layer(NamedTuple):
    """One linear layer: weight times input, and the bias added."""

    place: int  # as its name says; activations may stand between two places
    weight: NDArray[np.float64]  # outputs x inputs, as torch has them
    bias: NDArray[np.float64] | None  # outputs; None where it may be the last input of `weight`, or absent


class Stored(NamedTuple):
    """What a file holds."""

    name: str  # "file.npy@sha256:first12"
    layers: tuple[Layer, ...]
    metadata: Mapping[str, str]  # what a .safetensors file says of itself


def read_head_file(path: Path) -> Stored:
    """The layers in a file, in order, each fitting on the one before; numbers all finite.

    Raises:
        SettingsError: the file is not there, of a kind that is refused, or not a head; the message names what is wrong.
        MissingPackageError: the file is .safetensors, and the package is not installed.
    """
    _refuse_kind(path)
    try:
        if path.stat().st_size > _FILE_BYTES:
            raise SettingsError(
                f"{path}: has more than {_FILE_BYTES // 2**20} MiB: a head is smaller, is it a whole model?"
            )
        with path.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
        layers, metadata = _safetensors(path) if path.suffix == ".safetensors" else (_npy(path), {})
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read: {error}") from error
    _check(path, layers)
    return Stored(f"{path.name}@sha256:{digest[:12]}", layers, metadata)


def _refuse_kind(path: Path) -> None:
    kind = path.suffix.lower()
    if kind in _PICKLES:
        raise SettingsError(
            f"{path}: is a pickle, which can run any program when it is read; convert it once: "
            'torch.load(FILE, weights_only=True), then safetensors.torch.save_file(weights, "head.safetensors")'
        )
    if kind in _KERAS:
        raise SettingsError(
            f"{path}: is a Keras file; convert it once: write each layer's get_weights(), the matrix transposed, as "
            "0.weight, 0.bias, 1.weight, ... with safetensors.numpy.save_file"
        )
    if path.suffix not in {".npy", ".safetensors"}:
        raise SettingsError(f"{path}: a head is a .npy or a .safetensors file")


def _npy(path: Path) -> tuple[Layer, ...]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", UserWarning)
            # mapped: numpy then compares the size that the header claims with that of the file before it takes memory
            array = np.load(path, mmap_mode="r", allow_pickle=False)
    except _NOT_AN_ARRAY as error:
        raise SettingsError(f"{path}: is not an array of numbers that numpy.save wrote: {error}") from error
    if not isinstance(array, np.ndarray) or array.dtype.kind != "f" or array.ndim not in {1, 2} or not array.size:
        raise SettingsError(f"{path}: must be one array of floats, of D, D+1, D x C or D+1 x C numbers")
    columns = np.array(array, dtype=np.float64).reshape(len(array), -1)
    return (Layer(0, np.ascontiguousarray(columns.T), None),)


def _safetensors(path: Path) -> tuple[tuple[Layer, ...], Mapping[str, str]]:
    try:
        from safetensors import SafetensorError, safe_open  # noqa: PLC0415 - part of an extra
    except ImportError as error:
        raise MissingPackageError(
            f"{path}: reading it needs safetensors ({error}); install it with: pip install 'pairtrawl[clip]'"
        ) from error
    try:
        with safe_open(path, framework="numpy") as stored:
            tensors = {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118 - it is no mapping
            metadata = stored.metadata() or {}
    except (SafetensorError, TypeError, AttributeError) as error:  # the latter two: bfloat16, which numpy has not
        raise SettingsError(f"{path}: cannot be read as safetensors of float32: {error}") from error
    return _layers(path, tensors), metadata


def _layers(path: Path, tensors: Mapping[str, NDArray[np.generic]]) -> tuple[Layer, ...]:
    """The layers that tensors are the parts of, by the numbers in their names."""
    parts: dict[tuple[int, str], NDArray[np.float64]] = {}
    for name, tensor in tensors.items():
        match = _TENSOR.fullmatch(name)
        if match is None or tensor.dtype.kind != "f":
            raise SettingsError(
                f"{path}: {name!r} ({tensor.dtype}) is no part of a head: weight and bias of linear layers, as floats; "
                "a normalisation before them is folded into the first (docs/decisions/0018-safety.md)"
            )
        key = (int(match["number"] or 0), match["part"])
        if key in parts:
            raise SettingsError(f"{path}: {name!r} is not the only {key[1]} of layer {key[0]}")
        parts[key] = np.ascontiguousarray(tensor, dtype=np.float64)
    places = sorted({place for place, _ in parts})
    for place in places:
        for part in ("weight", "bias"):
            if (place, part) not in parts:
                raise SettingsError(f"{path}: layer {place} has no {part}")
    return tuple(Layer(place, parts[place, "weight"], parts[place, "bias"]) for place in places)


def _check(path: Path, layers: tuple[Layer, ...]) -> None:
    if not layers:
        raise SettingsError(f"{path}: holds no layer")
    inputs = None
    for layer in layers:
        shape = layer.weight.shape
        if layer.weight.ndim != 2 or 0 in shape or (layer.bias is not None and layer.bias.shape != shape[:1]):
            raise SettingsError(f"{path}: layer {layer.place}: weight must be outputs x inputs, and bias outputs")
        if inputs is not None and shape[1] != inputs:
            raise SettingsError(
                f"{path}: layer {layer.place} reads {shape[1]} numbers, but the layer before it gives {inputs}; "
                "is a layer missing?"
            )
        if not (np.isfinite(layer.weight).all() and (layer.bias is None or np.isfinite(layer.bias).all())):
            raise SettingsError(f"{path}: layer {layer.place} has weights that are no numbers (NaN or infinite)")
        inputs = shape[0]
