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

from crawler.picture.decode import Refused, decode_body
from crawler.picture.sandbox.limits import allow_time, confine
from crawler.picture.sandbox.wire import BODY_LENGTH, HEAD_LENGTH, Failed, Ready, Shown, packed, printable
from crawler.settings import Decode

#: what PIL imports when it first meets a picture that needs it, which is too late: no file can be opened any more
_IMPORTED_BEFORE_THE_LIMITS = (
    encodings.ascii, encodings.latin_1, encodings.utf_16_be, ImageCms, ImagePalette, MpoImagePlugin,
)  # fmt: skip


def main() -> None:
    """Serve until the input ends."""
    bodies = sys.stdin.buffer
    settings = msgspec.msgpack.decode(_taken(bodies, HEAD_LENGTH.unpack(_taken(bodies, 4))[0]), type=Decode)
    canvas = mmap.mmap(int(sys.argv[1]), 0)
    os.close(int(sys.argv[1]))
    with _answers_alone_on_the_pipe() as answers:
        Image.preinit()
        confine(settings.memory_bytes)
        _say(answers, Ready())
        while length := bodies.read(BODY_LENGTH.size):
            body = _taken(bodies, BODY_LENGTH.unpack(length)[0])
            allow_time(settings.cpu_seconds)
            _say(answers, _answer(canvas, body, settings))


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
    if isinstance(outcome, Refused):
        return Failed(outcome.fault, printable(outcome.detail))
    header, pixels = outcome.header, outcome.pixels
    canvas.seek(0)
    pixels.save(canvas, "PPM")  # type: ignore[arg-type]  # an mmap has what PIL wants of a file: write and flush
    return Shown(
        header.width, header.height, header.format, header.frames, header.orientation, pixels.width, pixels.height,
        header.made_by,
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
