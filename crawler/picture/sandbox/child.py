"""The child, `python -m crawler.picture.sandbox.child CANVAS`: bodies come in, answers go out, the end is the input's.

Nothing here is defended against the bytes beyond what `decode` does: whatever happens, the parent sees it.
"""

from __future__ import annotations

import encodings.ascii
import encodings.latin_1
import encodings.utf_16_be
import mmap
import os
import sys
from typing import IO

import msgspec
from PIL import Image, ImageCms, ImagePalette, MpoImagePlugin

from crawler.picture.decode import Decoded, Refused, decode_body
from crawler.picture.hashes import PERCEPTUAL, load_what_looks_need
from crawler.picture.sandbox.limits import Allowance, confine
from crawler.picture.sandbox.wire import (
    HEAD_LENGTH,
    REQUEST,
    Begin,
    Failed,
    Ready,
    Shown,
    Sketched,
    packed,
    printable,
)
from crawler.picture.sketch import sketch, upright_size
from crawler.records import Header
from crawler.settings import Decode

#: that are read ahead
_BODY_BYTES = 65_536
#: what PIL imports when it first meets a picture that needs it, which is too late: no file can be opened any more
_IMPORTED_BEFORE_THE_LIMITS = (
    encodings.ascii, encodings.latin_1, encodings.utf_16_be, ImageCms, ImagePalette, MpoImagePlugin,
)  # fmt: skip


def main() -> None:
    """Serve until the input ends."""
    # most bodies come whole, with what is asked, by one call: as much as a pipe has room for by itself
    bodies = open(0, "rb", buffering=_BODY_BYTES, closefd=False)  # noqa: SIM115 - as long as this process
    begin = msgspec.msgpack.decode(_taken(bodies, HEAD_LENGTH.unpack(_taken(bodies, 4))[0]), type=Begin)
    canvas = mmap.mmap(int(sys.argv[1]), 0)
    os.close(int(sys.argv[1]))
    with _answers_alone_on_the_pipe() as answers:
        Image.preinit()
        _load_what_is_asked_for(begin)
        confine(begin.decode.memory_bytes)
        time = Allowance(begin.decode.cpu_seconds)
        _say(answers, Ready())
        while request := bodies.read(REQUEST.size):
            length, is_sketch = REQUEST.unpack(request)
            body = _taken(bodies, length)
            time.renew()
            _say(answers, _sketched(canvas, body, begin, time) if is_sketch else _answer(canvas, body, begin.decode))


def _load_what_is_asked_for(begin: Begin) -> None:
    """Import libraries while files may be opened, by using them."""
    if PERCEPTUAL & set(begin.hashes):
        load_what_looks_need()
    if begin.output.drawing == "fast":
        from crawler.picture import fast  # noqa: PLC0415 - an extra

        fast.resized(Image.new("RGB", (8, 8)), (4, 4), begin.output.downscale_interpolation)


def _answers_alone_on_the_pipe() -> IO[bytes]:
    """The pipe to the parent. Standard output and error lead nowhere from here on: codecs print on them."""
    answers = os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    os.close(nowhere)
    return answers


def _answer(canvas: mmap.mmap, body: bytes, settings: Decode) -> Failed | Shown:
    """What to say of a body; the pixels are on the canvas then."""
    outcome = decode_body(body, settings)
    return _failed(outcome) if isinstance(outcome, Refused) else _laid_down(canvas, outcome)


def _sketched(canvas: mmap.mmap, body: bytes, begin: Begin, time: Allowance) -> Failed | Shown | Sketched:
    """The same of a body of which a sketch is wanted; hashing and resizing have as much time again."""
    outcome = sketch(body, begin.decode, begin.output, frozenset(begin.hashes), time.renew)
    if isinstance(outcome, Refused):
        return _failed(outcome)
    if isinstance(outcome, Decoded):
        return _laid_down(canvas, outcome)
    width, height = _paint(canvas, outcome.pixels)
    looks = outcome.looks
    return Sketched(
        _shown(outcome.header, upright_size(outcome.header)), width, height,
        looks.phash, looks.pdq.to_bytes(32, "big"), looks.pdq_quality,
    )  # fmt: skip


def _laid_down(canvas: mmap.mmap, decoded: Decoded) -> Shown:
    return _shown(decoded.header, _paint(canvas, decoded.pixels))


def _paint(canvas: mmap.mmap, pixels: Image.Image) -> tuple[int, int]:
    """Lay pixels down on the canvas; their width and height."""
    canvas.seek(0)
    pixels.save(canvas, "PPM")  # type: ignore[arg-type]  # an mmap has what PIL wants of a file: write and flush
    return pixels.size


def _failed(refused: Refused) -> Failed:
    return Failed(refused.fault, printable(refused.detail))


def _shown(header: Header, size: tuple[int, int]) -> Shown:
    return Shown(
        header.width, header.height, header.format, header.frames, header.orientation, *size,
        header.made_by, header.exif,
    )  # fmt: skip


def _say(answers: IO[bytes], message: msgspec.Struct) -> None:
    answers.write(packed(message))
    answers.flush()


def _taken(source: IO[bytes], length: int) -> bytes:
    """Exactly so many bytes; a parent that is gone in the middle of them is the end of this process."""
    content = source.read(length)
    if len(content) != length:
        sys.exit(0)
    return content


if __name__ == "__main__":
    main()
