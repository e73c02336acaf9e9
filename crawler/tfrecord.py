"""TFRecord files of `tf.train.Example` records, by hand: TensorFlow would be half a gigabyte for forty lines.

A record is its length, a checksum of the length, its bytes, and a checksum of these (tensorflow/core/lib/io/record_*).
An Example is a message of Protocol Buffers: a map from names to lists of bytes, floats or integers
(tensorflow/core/example/example.proto, feature.proto). The order of the features is the caller's, so that the same
samples give the same bytes.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping, Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from crawler.hashed_file import HashedFile

#: what a feature may be made of; anything else is written as JSON text
Value = object

#: CRC-32C (Castagnoli), RFC 3720 section 12.1, bits reversed
_POLYNOMIAL = 0x82F63B78
#: TFRecord's "masked" checksum: a checksum that is stored beside what it covers must not look like one of it
_MASK_DELTA = 0xA282EAD8
#: bytes from which on NumPy is faster than a loop
_LONG = 2048

#: what rounds to a float of 32 bits: halfway between the largest and the next power of two
_LARGEST_FLOAT = 3.4028235677973366e38
_BYTES = 2  # the only wire type that is needed: length, then content
_INT64 = 1 << 64


def crc32c(content: bytes) -> int:
    """The CRC-32C of bytes: `crc32c(b"123456789") == 0xE3069283`.

    A long text is cut into parts whose checksums NumPy computes side by side; two neighbours are joined by moving the
    left one over as many zero bytes as the right one has. 30 kB take a fifth of what a loop takes.
    """
    if len(content) < _LONG:
        return _plain(content)
    power = (len(content).bit_length() - 3) // 2  # four to sixteen times as many parts as bytes of a part
    parts = 1 << (len(content) - 1 >> power).bit_length()
    padded = np.zeros(parts << power, np.uint8)  # zeros in front leave an empty register empty
    text = padded[len(padded) - len(content) :]
    text[:] = np.frombuffer(content, np.uint8)
    text[:4] ^= 0xFF  # the usual start, all ones, put into the text instead
    table = _byte_table()
    registers = np.zeros(parts, np.uint32)
    for column in np.ascontiguousarray(padded.reshape(parts, 1 << power).T):
        registers = table[(registers & 0xFF) ^ column] ^ (registers >> 8)
    while len(registers) > 1:
        registers = _moved(registers[0::2], power) ^ registers[1::2]
        power += 1
    return int(registers[0]) ^ 0xFFFFFFFF


def record(content: bytes) -> bytes:
    """One record of a TFRecord file."""
    length = struct.pack("<Q", len(content))
    return b"".join((length, _masked(length), content, _masked(content)))


def example(features: Mapping[str, Value]) -> bytes:
    """A `tf.train.Example` with these features, in this order, types as img2dataset has them.

    Integers and truth values become an int64 list, floats a float list, bytes and text a bytes list, None an empty
    text. A list becomes the list of what its first element is; an empty one is an empty list of bytes. What has no
    type there (a list of lists, a struct) is JSON text.
    """
    entries = (_field(1, _field(1, name.encode()) + _field(2, _feature(value))) for name, value in features.items())
    return _field(1, b"".join(entries))


class TFRecordFile(HashedFile):
    """A new TFRecord file."""

    def add(self, features: Mapping[str, Value]) -> None:
        """Append one Example.

        Raises:
            OSError: the disk is full.
        """
        self._write(record(example(features)))


def _plain(content: bytes) -> int:
    table = _rows()
    register = 0xFFFFFFFF
    for byte in content:
        register = table[(register ^ byte) & 0xFF] ^ (register >> 8)
    return register ^ 0xFFFFFFFF


def _masked(content: bytes) -> bytes:
    checksum = crc32c(content)
    turned = (checksum >> 15 | checksum << 17) & 0xFFFFFFFF
    return struct.pack("<I", (turned + _MASK_DELTA) & 0xFFFFFFFF)


@lru_cache(maxsize=1)
def _rows() -> tuple[int, ...]:
    """What each byte does to an empty register."""
    rows = []
    for byte in range(256):
        register = byte
        for _ in range(8):
            register = register >> 1 ^ (_POLYNOMIAL if register & 1 else 0)
        rows.append(register)
    return tuple(rows)


@lru_cache(maxsize=1)
def _byte_table() -> NDArray[np.uint32]:
    return np.array(_rows(), np.uint32)


def _moved(registers: NDArray[np.uint32], power: int) -> NDArray[np.uint32]:
    """The registers after 2**power zero bytes."""
    tables = _over_zeros(power)
    moved: NDArray[np.uint32] = tables[0][registers & 0xFF]
    for place in range(1, 4):
        moved ^= tables[place][registers >> np.uint32(8 * place) & 0xFF]
    return moved


@lru_cache(maxsize=64)
def _over_zeros(power: int) -> NDArray[np.uint32]:
    """What 2**power zero bytes make of each byte of a register, by its place: 4 x 256."""
    bytes_ = np.arange(256, dtype=np.uint32)
    places = [bytes_ << np.uint32(8 * place) for place in range(4)]
    if power == 0:
        return np.stack([_byte_table()[one & 0xFF] ^ (one >> 8) for one in places])
    return np.stack([_moved(_moved(one, power - 1), power - 1) for one in places])


def _feature(value: Value) -> bytes:
    """A `Feature`: field 1 is a list of bytes, 2 of floats, 3 of integers."""
    match value:
        case list() | tuple() if value:
            return _list(value)
        case list() | tuple():
            return _field(1, b"")
        case bool() | int():
            return _field(3, _field(1, _varint(int(value))))
        case float():
            return _field(2, _field(1, struct.pack("<f", _narrow(value))))
    return _field(1, _field(1, _text(value)))


def _list(values: Sequence[Value]) -> bytes:
    if all(isinstance(one, int) for one in values):
        return _field(3, _field(1, b"".join(_varint(int(one)) for one in values if isinstance(one, int))))
    if all(isinstance(one, int | float) for one in values):
        floats = [_narrow(float(one)) for one in values if isinstance(one, int | float)]
        return _field(2, _field(1, struct.pack(f"<{len(floats)}f", *floats)))
    if all(one is None or isinstance(one, str | bytes) for one in values):
        return _field(1, b"".join(_field(1, _text(one)) for one in values))
    return _field(1, _field(1, _text(values)))


def _text(value: Value) -> bytes:
    match value:
        case bytes():
            return value
        case None:
            return b""
        case str():
            return value.encode("utf-8", "replace")
    return json.dumps(value, ensure_ascii=False, default=str).encode("utf-8", "replace")


def _narrow(value: float) -> float:
    """A number that fits into 32 bits: what is too large is infinite, as a cast of C would have it."""
    return float(np.float32(value)) if abs(value) < _LARGEST_FLOAT else value * float("inf")  # NaN stays NaN


def _field(number: int, content: bytes) -> bytes:
    """A field of bytes: tag, length, content."""
    return _varint(number << 3 | _BYTES) + _varint(len(content)) + content


def _varint(number: int) -> bytes:
    """Seven bits a byte, the lowest first; a negative number as 64 bits of two's complement."""
    number %= _INT64
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)
