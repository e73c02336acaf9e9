"""img2dataset's own Resizer, in its own environment: OpenCV decodes, Albumentations resizes, OpenCV encodes."""

from __future__ import annotations

import io
import zipfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

import cv2  # type: ignore[import-not-found]  # the peer's
from img2dataset.resizer import Resizer  # type: ignore[import-not-found]  # the same


class Side:
    """Bodies in memory, and a Resizer."""

    def __init__(self, asked: dict[str, Any]) -> None:
        self._bodies = [file.read_bytes() for file in sorted(Path(asked["folder"]).iterdir())]
        self._times = asked["times"]
        names = ("image_size", "resize_mode", "resize_only_if_bigger")
        self._options = {name: asked["output"][name] for name in names}
        self._resizer = Resizer(**self._options, encode_quality=asked["output"]["encode_quality"])
        self.versions = {"img2dataset": version("img2dataset"), "opencv": cv2.__version__}

    def once(self) -> dict[str, Any]:
        """All of them, so many times."""
        written = 0
        for _ in range(self._times):
            for body in self._bodies:
                written += len(_drawn(self._resizer, body))
        return {"units": self._times * len(self._bodies), "bytes written": written}

    def save(self, path: str) -> None:
        """What was written of each, and the same before it was encoded: it can also write PNG."""
        lossless = Resizer(**self._options, encode_format="png", encode_quality=1)
        with zipfile.ZipFile(path, "w") as found:
            for number, body in enumerate(self._bodies):
                found.writestr(f"{number}.jpg", _drawn(self._resizer, body))
                found.writestr(f"{number}.png", _drawn(lossless, body))


def _drawn(resizer: Any, body: bytes) -> bytes:  # noqa: ANN401 - the peer's
    image, *_, error = resizer(io.BytesIO(body))
    assert error is None, error
    drawn: bytes = image
    return drawn


prepare = Side
