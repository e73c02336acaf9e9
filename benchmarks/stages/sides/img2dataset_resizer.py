"""img2dataset's own Resizer, in its own environment: OpenCV decodes, Albumentations resizes, OpenCV encodes."""

import io
import zipfile
from importlib.metadata import version
from pathlib import Path

import cv2
from img2dataset.resizer import Resizer


class Side:
    """Bodies in memory, and a Resizer."""

    def __init__(self, asked):
        self._bodies = [file.read_bytes() for file in sorted(Path(asked["folder"]).iterdir())]
        self._times = asked["times"]
        self._options = {
            "image_size": asked["output"]["image_size"],
            "resize_mode": asked["output"]["resize_mode"],
            "resize_only_if_bigger": asked["output"]["resize_only_if_bigger"],
        }
        self._resizer = Resizer(**self._options, encode_quality=asked["output"]["encode_quality"])
        self.versions = {"img2dataset": version("img2dataset"), "opencv": cv2.__version__}

    def once(self):
        """All of them, so many times."""
        written = 0
        for _ in range(self._times):
            for body in self._bodies:
                written += len(self._drawn(self._resizer, body))
        return {"units": self._times * len(self._bodies), "bytes written": written}

    def save(self, path):
        """What was written of each, and the same before it was encoded: it can also write PNG."""
        lossless = Resizer(**self._options, encode_format="png", encode_quality=1)
        with zipfile.ZipFile(path, "w") as found:
            for number, body in enumerate(self._bodies):
                found.writestr("%d.jpg" % number, self._drawn(self._resizer, body))
                found.writestr("%d.png" % number, self._drawn(lossless, body))

    @staticmethod
    def _drawn(resizer, body):
        image, *_, error = resizer(io.BytesIO(body))
        assert error is None, error
        return image


prepare = Side
