"""Hashes pictures by looks: PDQ or pHash, ours or the reference's. Where the reference is, only the reference is."""

from __future__ import annotations

import io
import json
import sys
import warnings
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

import numpy as np
from PIL import Image

warnings.filterwarnings("ignore", module=r"PIL\.")  # of odd pictures, which both sides see alike
#: of a picture, or to read its samples of an array
Hashed = Callable[[Any], list[object]]


def _ours(kind: str) -> Hashed:
    from crawler.picture.hashes import looks_of

    if kind == "phash":
        return lambda pixels: [f"{looks_of(pixels, {kind}).phash:016x}"]
    return lambda pixels: [f"{(looks := looks_of(pixels, {kind})).pdq:064x}", looks.pdq_quality]


def _pdqhash(_kind: str) -> Hashed:
    import pdqhash  # type: ignore[import-not-found]  # the peer's

    def hashed(pixels: Image.Image) -> list[object]:
        bits, quality = pdqhash.compute(np.asarray(pixels))
        return [np.packbits(bits).tobytes().hex(), int(quality)]

    return hashed


def _imagehash(_kind: str) -> Hashed:
    import imagehash

    return lambda pixels: [str(imagehash.phash(pixels))]


def _read(_kind: str) -> Hashed:
    """Every sample is added up, eight at a time: all that is left is to read them."""
    return lambda samples: [int(samples.reshape(-1)[: samples.size // 8 * 8].view(np.uint64).sum())]


_WAYS = {"ours": _ours, "pdqhash": _pdqhash, "imagehash": _imagehash, "read": _read}


class Side:
    """Pixels in memory, and a way to hash them."""

    def __init__(self, asked: dict[str, Any]) -> None:
        self._asked = asked
        self._hashed = _WAYS[asked["way"]](asked["kind"])
        self._pixels: list[Any] = list(self._decoded(asked["one_in"]))
        if asked["way"] == "read":  # making an array of a picture would be more than half of reading it
            self._pixels = [np.array(pixels) for pixels in self._pixels]
        self.versions = {asked["package"]: version(asked["package"]), "numpy": version("numpy")}

    def once(self) -> dict[str, Any]:
        """Hash them all, so many times."""
        for pixels in self._pixels * self._asked["times"]:
            self._hashed(pixels)
        return {"units": len(self._pixels) * self._asked["times"]}

    def save(self, path: str) -> None:
        """The hashes of more pictures than are timed."""
        if self._asked["way"] == "read":
            return
        found = [self._hashed(pixels) for pixels in self._decoded(self._asked["saved_one_in"])]
        Path(path).write_text(json.dumps(found))

    def _decoded(self, one_in: int) -> Iterator[Image.Image]:
        for file in sorted(Path(self._asked["folder"]).iterdir())[::one_in]:
            yield Image.open(io.BytesIO(file.read_bytes())).convert("RGB")


prepare = Side
