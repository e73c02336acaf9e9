from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.extract.srcset import Source, parse_srcset

CASES: list[tuple[str, list[Source]]] = [
    ("", []),
    (" , ,, ", []),
    ("a.jpg", [Source("a.jpg", 0, 1.0)]),
    ("a", [Source("a", 0, 1.0)]),
    ("a.jpg 1x, b.jpg 2x", [Source("a.jpg", 0, 1.0), Source("b.jpg", 0, 2.0)]),
    ("a.jpg 1x,b.jpg 1.5x", [Source("a.jpg", 0, 1.0), Source("b.jpg", 0, 1.5)]),
    ("a.jpg 300w,\n b.jpg 600w", [Source("a.jpg", 300, 1.0), Source("b.jpg", 600, 1.0)]),
    ("a.jpg 600w 400h", [Source("a.jpg", 600, 1.0)]),
    # addresses with commas, as image servers write them
    ("/w_3,h_2/a.jpg 3w, /w_6,h_4/a.jpg 6w", [Source("/w_3,h_2/a.jpg", 3, 1.0), Source("/w_6,h_4/a.jpg", 6, 1.0)]),
    ("data:image/gif;base64,R0 1w, b.jpg 2w", [Source("data:image/gif;base64,R0", 1, 1.0), Source("b.jpg", 2, 1.0)]),
    # a comma at the end of an address ends it; one inside does not
    ("a.jpg, b.jpg 2x", [Source("a.jpg", 0, 1.0), Source("b.jpg", 0, 2.0)]),
    ("a.jpg,b.jpg", [Source("a.jpg,b.jpg", 0, 1.0)]),
    ("a.jpg,,, b.jpg", [Source("a.jpg", 0, 1.0), Source("b.jpg", 0, 1.0)]),
    # descriptors that are none make their image void, as in browsers
    ("a.jpg 3z, b.jpg 2x", [Source("b.jpg", 0, 2.0)]),
    ("a.jpg -3w, b.jpg 2x", [Source("b.jpg", 0, 2.0)]),
    ("a.jpg calc(1, 2), b.jpg .5x", [Source("b.jpg", 0, 0.5)]),
    ("a.jpg (1x, b.jpg 2x", []),
    ("a.jpg 99999999999w", []),
]  # fmt: skip


@pytest.mark.parametrize(("written", "sources"), CASES)
def test_a_srcset_is_read_as_a_browser_reads_it(written: str, sources: list[Source]) -> None:
    assert parse_srcset(written) == sources


@given(st.text(alphabet="ab.,()12wxh \n", max_size=40))
def test_no_srcset_raises_and_links_have_no_space(written: str) -> None:
    for source in parse_srcset(written):
        assert source.link
        assert not any(letter.isspace() for letter in source.link)
        assert not source.link.endswith(",")


def test_a_set_of_a_million_is_cut() -> None:
    assert len(parse_srcset("a 1w," * 1_000_000)) == 200
