"""The memory that a child and its parent share, where the child lays the pixels down.

Through a pipe, each 64 KiB of pixels would wake the other process: that took as long as decoding them. The child cannot
shrink the memory under its reader, and may change it at any time: what is read is read once, and no number in it is
believed.
"""

from __future__ import annotations

import mmap
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from PIL import Image

from crawler.picture.sandbox.wire import NonsenseError, ppm_head

#: more than the longest head of a PPM file of 32-bit sizes
_HEAD_BYTES = 64
#: what may stay with us between two pictures; beyond it the memory is given back. 64 MiB are 22 megapixels: most that
#: cameras make
_KEPT_BYTES = 64 * 1024 * 1024


class Canvas:
    """Memory for one picture of up to so many pixels; taken from the system as far as it is painted on."""

    def __init__(self, pixels: int) -> None:
        """Nothing is on it yet."""
        length = 3 * pixels + _HEAD_BYTES
        self.number = _shared_memory(length)  #: of the descriptor, to be handed to the child, then closed
        self._memory = mmap.mmap(self.number, length)

    def close_number(self) -> None:
        """The child has it now, and we have the memory."""
        os.close(self.number)

    def picture(self, width: int, height: int) -> Image.Image:
        """The picture of this size that was announced; the size must have been found allowed.

        Raises:
            NonsenseError: something else is there.
        """
        # every pixel is written below: there is no need to paint it black first
        pixels = Image.new("RGB", (width, height), None)
        with self._samples(width, height) as samples:
            pixels.frombytes(samples)
        length = 3 * width * height
        if length > _KEPT_BYTES and sys.platform == "linux":
            self._memory.madvise(mmap.MADV_REMOVE)
        return pixels

    @contextmanager
    def _samples(self, width: int, height: int) -> Iterator[memoryview]:
        head = ppm_head(width, height)
        if self._memory[: len(head)] != head:
            raise NonsenseError("not the start of the pixels that were announced")
        end = len(head) + 3 * width * height
        with memoryview(self._memory) as view, view[len(head) : end] as samples:
            yield samples

    def end(self) -> None:
        """Give the memory back; may be called again."""
        self._memory.close()


def _shared_memory(length: int) -> int:
    """A descriptor of so many bytes that are on no disk, or where the system has no such thing, of a nameless file."""
    if sys.platform != "linux":
        with tempfile.TemporaryFile() as file:
            file.truncate(length)
            return os.dup(file.fileno())
    import fcntl  # noqa: PLC0415 - not on every system

    number = os.memfd_create("pixels", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    os.ftruncate(number, length)
    fcntl.fcntl(number, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL)
    return number
