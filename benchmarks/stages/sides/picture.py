"""Draws pictures as a shard has them: by our own way, here or in a sandbox; with Pillow alone; or only reads them."""

from __future__ import annotations

import io
import sys
import zipfile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

import msgspec
import simplejpeg  # type: ignore[import-untyped]  # no types that mypy follows
from PIL import Image

from benchmarks.contest.machine import installed
from crawler.picture.decode import Refused, decode_body
from crawler.picture.encode import encode_drawn
from crawler.picture.sandbox import Drawn, open_sandboxes
from crawler.picture.sizes import sizes_of
from crawler.picture.sketch import Sketch, sketch
from crawler.records import Candidate, Caption, Fetched, ImageSource, TextSource
from crawler.settings import Decode, Output

_CANDIDATE = Candidate(
    "http://images.test/a.jpg", ImageSource.IMG_SRC, Caption(TextSource.ALT, "a photo"), (), "http://pages.test/",
    "a.warc.gz", 0, 0, "", "", (), "/a.jpg", "a photo", "",
)  # fmt: skip


class Here:
    """Our way, in this process."""

    def __init__(self, output: Output) -> None:
        self._output = output

    def drawn(self, body: bytes) -> Image.Image:
        """The picture at the size at which it is written."""
        found = sketch(body, Decode(), self._output, frozenset(), lambda: None)
        assert isinstance(found, Sketch), found
        return found.pixels

    def encoded(self, pixels: Image.Image) -> bytes:
        """The bytes in the shard."""
        return encode_drawn(pixels, self._output, "jpg").image


class Sandboxed(Here):
    """Our way as a crawl goes it: decoded by a child, which is not trusted; with the SHA-256 of the body."""

    def __init__(self, output: Output) -> None:
        super().__init__(output)
        self._opened = open_sandboxes(Decode(), 1, output=output, hashes=frozenset())
        (self._sandbox,) = self._opened.__enter__()

    def drawn(self, body: bytes) -> Image.Image:
        """As above."""
        found = self._sandbox.sketch(Fetched(_CANDIDATE, body, _CANDIDATE.image_url, "image/jpeg", (), 0))
        assert isinstance(found, Drawn), found
        return found.pixels


class Pillow:
    """Decoded whole by Pillow, and Lanczos over all of it: what the others are compared with."""

    def __init__(self, output: Output) -> None:
        self._output = output

    def drawn(self, body: bytes) -> Image.Image:
        """As above."""
        decoded = decode_body(body, Decode())  # profiles, transparency: what a picture is meant to look like
        assert not isinstance(decoded, Refused), decoded
        sizes = sizes_of(*decoded.pixels.size, self._output, "jpg")
        scaled = decoded.pixels.resize(sizes.scaled, Image.Resampling.LANCZOS)
        if sizes.final == sizes.scaled:
            return scaled
        square = Image.new("RGB", sizes.final, (255, 255, 255))
        left, top = (sizes.final[0] - scaled.width) // 2, (sizes.final[1] - scaled.height) // 2
        square.paste(scaled, (left, top))
        return square

    def encoded(self, pixels: Image.Image) -> bytes:
        """As above."""
        out = io.BytesIO()
        pixels.save(out, "JPEG", quality=self._output.encode_quality)
        return out.getvalue()


class Entropy:
    """Only what no way can leave out: JPEGs at an eighth, which is entropy decoding; other formats decoded."""

    def __init__(self, output: Output) -> None:
        del output

    def drawn(self, body: bytes) -> bytes:
        """Nothing."""
        if body.startswith(b"\xff\xd8\xff"):
            simplejpeg.decode_jpeg(body, "RGB", min_width=1, min_height=1)
        else:
            Image.open(io.BytesIO(body)).load()
        return b""

    def encoded(self, pixels: bytes) -> bytes:
        """Nothing."""
        return pixels


_WAYS = {"here": Here, "sandbox": Sandboxed, "pillow": Pillow, "entropy": Entropy}


class Side:
    """Bodies in memory, and a way to draw them."""

    def __init__(self, asked: dict[str, Any]) -> None:
        self._bodies = [file.read_bytes() for file in sorted(Path(asked["folder"]).iterdir())]
        self._times = asked["times"]
        self._way: Any = _WAYS[asked["way"]](msgspec.convert(asked["output"], Output))
        self.versions = installed("pairtrawl", "pillow", "cykooz-resizer")

    def once(self) -> dict[str, Any]:
        """Draw and encode all of them, so many times."""
        way, written = self._way, 0
        for _ in range(self._times):
            for body in self._bodies:
                written += len(way.encoded(way.drawn(body)))
        return {"units": self._times * len(self._bodies), "bytes written": written}

    def save(self, path: str) -> None:
        """What was written of each, and the same before it was encoded."""
        if isinstance(self._way, Entropy):
            return
        with zipfile.ZipFile(path, "w") as found:
            for number, body in enumerate(self._bodies):
                pixels = self._way.drawn(body)
                found.writestr(f"{number}.jpg", self._way.encoded(pixels))
                found.writestr(f"{number}.png", _as_png(pixels))


def _as_png(pixels: Image.Image) -> bytes:
    out = io.BytesIO()
    pixels.save(out, "PNG", compress_level=1)
    return out.getvalue()


prepare = Side
