from __future__ import annotations

import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.picture.made_by.boxes import BrokenError, labelled, read_cbor
from crawler.picture.made_by.credentials import marks


def box(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content) + 8) + name + content


def superbox(label: bytes, *inside: bytes) -> bytes:
    return box(b"jumb", box(b"jumd", bytes(16) + b"\x03" + label + b"\0") + b"".join(inside))


@pytest.mark.parametrize(
    ("written", "value"),
    [
        # RFC 8949, appendix A
        ("00", 0), ("17", 23), ("1818", 24), ("1903e8", 1000), ("1bffffffffffffffff", 2**64 - 1), ("3863", -100),
        ("60", ""), ("6161", "a"), ("64f0908591", "\U00010151"), ("4401020304", ""), ("f4", None), ("f6", None),
        ("fb3ff199999999999a", None), ("c074323031332d30332d32315432303a30343a30305a", "2013-03-21T20:04:00Z"),
        ("80", []), ("83010203", [1, 2, 3]), ("8301820203820405", [1, [2, 3], [4, 5]]),
        ("a0", {}), ("a26161016162820203", {"a": 1, "b": [2, 3]}), ("a201020304", {}),
        ("7f657374726561646d696e67ff", "streaming"), ("9f018202039f0405ffff", [1, [2, 3], [4, 5]]),
        ("bf61610161629f0203ffff", {"a": 1, "b": [2, 3]}),
    ],
)  # fmt: skip
def test_cbor_is_read(written: str, value: Any) -> None:
    assert read_cbor(bytes.fromhex(written)) == value


@pytest.mark.parametrize(
    "written",
    ["", "18", "62", "1c", "1f", "9b0000010000000000", "bbffffffffffffffff", "81" * 100_000, "9f" * 100_000, "82" + "00", "9f00", "7f6161", "ff"],
)  # fmt: skip
def test_broken_cbor_is_refused_and_lengths_are_not_believed(written: str) -> None:
    content = bytes.fromhex(written)
    if written == "ff":  # an end where none was begun: a simple value to us
        assert read_cbor(b"\xf7") is None
    with pytest.raises(BrokenError):
        read_cbor(content)


def test_a_list_of_a_million_values_is_given_up() -> None:
    with pytest.raises(BrokenError):
        read_cbor(b"\x9f" + bytes(1_000_000) + b"\xff")


@given(st.binary(max_size=200))
def test_any_bytes_are_cbor_or_broken(content: bytes) -> None:
    try:
        read_cbor(content)
    except BrokenError:
        return


@given(st.binary(max_size=200))
def test_any_bytes_are_boxes_or_none(content: bytes) -> None:
    list(labelled(content))
    list(marks(content))
    list(marks(superbox(b"c2pa", superbox(b"urn:1", superbox(b"c2pa.claim", box(b"cbor", content)), content))))


def test_boxes_come_in_the_order_in_which_they_begin() -> None:
    store = superbox(b"a", superbox(b"b", superbox(b"c"), box(b"cbor", b"\0")), superbox(b"d")) + superbox(b"e")
    assert [(one.label, one.depth) for one in labelled(store)] == [("a", 0), ("b", 1), ("c", 2), ("d", 1), ("e", 0)]


def test_a_box_in_a_box_in_a_box_ends_and_so_do_millions_side_by_side() -> None:
    deep = b""
    for _ in range(2_000):
        deep = superbox(b"x", deep)
    assert len(list(labelled(deep))) < 20
    assert len(list(labelled(superbox(b"x", box(b"free", b"") * 500_000)))) == 1
    assert len(list(labelled(box(b"jumb", b"") * 500_000))) < 20_000


def test_a_length_of_64_bits_and_one_to_the_end_are_lengths() -> None:
    long = struct.pack(">I4sQ", 1, b"jumb", 16 + 8 + 17 + 2) + box(b"jumd", bytes(16) + b"\x03a\0")
    to_the_end = struct.pack(">I4s", 0, b"jumb") + box(b"jumd", bytes(16) + b"\x03b\0")
    assert [one.label for one in labelled(long + to_the_end)] == ["a", "b"]
    assert list(labelled(struct.pack(">I4sQ", 1, b"jumb", 2**63))) != []
    assert list(labelled(struct.pack(">I4s", 7, b"jumb"))) == []


def test_parents_that_name_each_other_end() -> None:
    def manifest(label: bytes, parent: bytes) -> bytes:
        link = b"\xa1curl" + bytes((0x78, 19 + len(parent))) + b"self#jumbf=/c2pa/" + parent + b"//"
        content = b"\xa2lrelationshiphparentOf" + b"nactiveManifest" + link
        return superbox(label, superbox(b"c2pa.assertions", superbox(b"c2pa.ingredient.v3", box(b"cbor", content))))

    store = superbox(b"c2pa", manifest(b"urn:a", b"urn:b"), manifest(b"urn:b", b"urn:a"))
    assert list(marks(store)) == []
