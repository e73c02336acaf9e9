from __future__ import annotations

import io

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from crawler.picture.made_by import LONGEST_MARK, MOST_MARKS
from crawler.picture.sandbox.wire import (
    HEAD_LENGTH,
    LONGEST_DETAIL,
    LONGEST_HEAD,
    Failed,
    Head,
    NonsenseError,
    Ready,
    Shown,
    packed,
    ppm_head,
    printable,
    read_head,
)
from crawler.records import Fault

SHOWN = Shown(40, 30, "PNG", 1, 6, 30, 40, ("c2pa: digitalCapture",))


@pytest.mark.parametrize("head", [Ready(), Failed(Fault.IMAGE_BROKEN, "PNG: cut"), SHOWN])
def test_a_head_is_read_as_it_was_written(head: Head) -> None:
    message = packed(head)
    assert HEAD_LENGTH.unpack(message[:4]) == (len(message) - 4,)
    assert read_head(message[4:]) == head


@given(st.binary(max_size=200))
def test_any_bytes_are_a_head_or_nonsense(content: bytes) -> None:
    try:
        read_head(content)
    except NonsenseError:
        return


@given(st.integers(-(2**63), 2**63 - 1), st.sampled_from(SHOWN.__struct_fields__))
def test_no_number_gets_past_the_reader_that_does_not_fit_the_others(number: int, name: str) -> None:
    if name == "format":
        return
    message = packed(msgspec.structs.replace(SHOWN, **{name: number}))
    try:
        head = read_head(message[4:])
    except NonsenseError:
        return
    assert isinstance(head, Shown)
    assert {head.width, head.height} == {head.file_width, head.file_height}
    assert 1 <= head.orientation <= 8
    assert head.frames in (1, 2)


def test_the_longest_marks_fit_a_head() -> None:
    longest = msgspec.structs.replace(SHOWN, made_by=("\U0001f6a3" * LONGEST_MARK,) * MOST_MARKS)
    message = packed(longest)
    assert len(message) < LONGEST_HEAD
    assert read_head(message[4:]) == longest


@given(st.text())
def test_every_detail_becomes_one_printable_line_that_fits_a_head(text: str) -> None:
    detail = printable(text)
    assert detail == "" or detail.isprintable()
    assert len(detail) <= LONGEST_DETAIL
    assert len(packed(Failed(Fault.IMAGE_BROKEN, detail))) < LONGEST_HEAD
    assert printable(detail) == detail


def test_lone_surrogates_of_a_broken_file_can_be_said() -> None:
    assert packed(Failed(Fault.IMAGE_BROKEN, printable("\ud800 in a name")))


@pytest.mark.parametrize("size", [(1, 1), (20_000, 1), (3, 7)])
def test_pixels_begin_as_pil_writes_them(size: tuple[int, int]) -> None:
    out = io.BytesIO()
    Image.new("RGB", size).save(out, "PPM")
    head = ppm_head(*size)
    assert out.getvalue() == head + bytes(3 * size[0] * size[1])
