"""The pictures behind canaries: out of a seed, the same bytes on every machine."""

from __future__ import annotations

import hashlib
import struct
import zlib
from collections.abc import Iterator

#: in pixels; large enough for every filter of the recipes we ship
_SIDES = (240, 256, 272, 288, 320)


class Draw:
    """Numbers out of a secret seed, by SHAKE-256: the same with every version of Python."""

    def __init__(self, seed: bytes) -> None:
        self._seed = seed
        self._drawn = 0

    def below(self, number: int) -> int:
        """One of 0 to number - 1."""
        self._drawn += 1
        return int.from_bytes(hashlib.shake_256(self._seed + self._drawn.to_bytes(4, "big")).digest(16), "big") % number


def made_picture(seed: bytes) -> bytes:
    """A PNG of soft colours with some noise. Uncompressed: the same bytes with every version of every library."""
    import numpy as np  # noqa: PLC0415 - heavy

    draw = Draw(seed)
    width, height = (_SIDES[draw.below(len(_SIDES))] for _ in range(2))
    grain = np.frombuffer(hashlib.shake_256(seed).digest(width * height), np.uint8).reshape(height, width)
    x, y = np.arange(width, dtype=np.int32), np.arange(height, dtype=np.int32)[:, None]
    lines = np.zeros((height, 1 + 3 * width), np.uint8)  # the first byte of a line says that it has no filter
    for channel in range(3):
        right, down = draw.below(100) - 50, draw.below(100) - 50
        values = 40 + draw.below(160) + (x * right + y * down) // 128 + (grain >> 3) - 16
        lines[:, 1 + channel :: 3] = np.clip(values, 0, 255)
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = b"".join(_stored(lines.tobytes()))
    chunks = (_chunk(b"IHDR", header), _chunk(b"IDAT", body), _chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def _stored(content: bytes) -> Iterator[bytes]:
    """A zlib stream (RFC 1950) of stored blocks (RFC 1951, 3.2.4)."""
    yield b"\x78\x01"
    for start in range(0, len(content), 65_535):
        block = content[start : start + 65_535]
        last = start + 65_535 >= len(content)
        yield struct.pack("<BHH", last, len(block), len(block) ^ 0xFFFF) + block
    yield struct.pack(">I", zlib.adler32(content))


def _chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
