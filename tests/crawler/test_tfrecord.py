from __future__ import annotations

import hashlib
import math
import random
import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.tfrecord import TFRecordFile, crc32c, example, record

Message = dict[int, list[bytes | int]]

#: RFC 3720, appendix B.4
VECTORS = [
    (b"\0" * 32, 0x8A9136AA),
    (b"\xff" * 32, 0x62A8AB43),
    (bytes(range(32)), 0x46DD794E),
    (bytes(range(31, -1, -1)), 0x113FDB5C),
    (b"123456789", 0xE3069283),
    (b"", 0),
]


def varint(content: bytes, place: int) -> tuple[int, int]:
    number = shift = 0
    while True:
        byte = content[place]
        place += 1
        number |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return number, place


def fields(content: bytes) -> Message:
    """A message of Protocol Buffers, read without our writer: field number to values."""
    found: Message = {}
    place = 0
    while place < len(content):
        tag, place = varint(content, place)
        value: bytes | int
        if tag & 7 == 0:
            value, place = varint(content, place)
        else:
            assert tag & 7 == 2
            length, place = varint(content, place)
            value, place = content[place : place + length], place + length
        found.setdefault(tag >> 3, []).append(value)
    return found


def one(message: Message, number: int) -> bytes:
    (value,) = message[number]
    assert isinstance(value, bytes)
    return value


def features(content: bytes) -> dict[str, tuple[int, bytes]]:
    """Name to (kind of list, its bytes) of an Example; kinds: 1 bytes, 2 floats, 3 integers."""
    found = {}
    for entry in fields(one(fields(content), 1)).get(1, []):
        assert isinstance(entry, bytes)
        parts = fields(entry)
        ((kind, values),) = fields(one(parts, 2)).items()
        assert isinstance(values[0], bytes)
        found[one(parts, 1).decode()] = (kind, values[0])
    return found


@pytest.mark.parametrize(("content", "expected"), VECTORS)
def test_checksums_are_those_of_the_rfc(content: bytes, expected: int) -> None:
    assert crc32c(content) == expected


@given(st.integers(2_000, 9_000), st.integers(0, 2**32))
def test_checksums_of_long_texts_do_not_depend_on_how_they_are_cut(size: int, seed: int) -> None:
    content = random.Random(seed).randbytes(size)
    register = 0xFFFFFFFF
    for byte in content:  # bit by bit, as the definition has it
        register ^= byte
        for _ in range(8):
            register = register >> 1 ^ (0x82F63B78 if register & 1 else 0)
    assert crc32c(content) == register ^ 0xFFFFFFFF


def test_a_record_is_length_checksum_content_checksum() -> None:
    # the same with the checksums of the PyPI package crc32c
    assert record(b"abc").hex() == "0300000000000000" + "b099490e" + "616263" + "6e57f121"


def test_every_value_becomes_the_feature_that_img2dataset_makes_of_it() -> None:
    found = features(example({
        "key": "000001", "jpg": b"\xff\xd8", "width": 256, "minus": -1, "score": 0.5, "none": None, "yes": True,
        "numbers": [1, 300], "shares": [0.25, 1], "words": ["a", None], "empty": [], "boxes": [[0.5, 1.0]], "huge": 1e300,
    }))  # fmt: skip
    assert list(found)[:3] == ["key", "jpg", "width"]
    assert found["key"] == (1, b"\x0a\x06000001")
    assert found["jpg"] == (1, b"\x0a\x02\xff\xd8")
    assert found["width"] == (3, b"\x0a\x02\x80\x02")
    assert varint(found["minus"][1], 2) == (2**64 - 1, 12)
    assert struct.unpack("<f", found["score"][1][2:]) == (0.5,)
    assert found["none"] == (1, b"\x0a\x00")
    assert found["yes"] == (3, b"\x0a\x01\x01")
    assert found["numbers"] == (3, b"\x0a\x03\x01\xac\x02")
    assert struct.unpack("<2f", found["shares"][1][2:]) == (0.25, 1.0)
    assert found["words"] == (1, b"\x0a\x01a\x0a\x00")
    assert found["empty"] == (1, b"")
    assert found["boxes"] == (1, b"\x0a\x0c[[0.5, 1.0]]")
    assert math.isinf(struct.unpack("<f", found["huge"][1][2:])[0])


def test_a_file_knows_its_size_and_hash(tmp_path: Path) -> None:
    with TFRecordFile(tmp_path / "a.tfrecord") as file:
        file.add({"key": "1"})
        file.add({"key": "2"})
    content = (tmp_path / "a.tfrecord").read_bytes()
    assert content == record(example({"key": "1"})) + record(example({"key": "2"}))
    assert (file.bytes_written, file.sha256) == (len(content), hashlib.sha256(content).hexdigest())
