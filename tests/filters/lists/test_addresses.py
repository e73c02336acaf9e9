from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filters.lists.addresses import address, address_text, domain_text, spellings


def test_the_spellings_of_an_address() -> None:
    asked = spellings("https://Www.A.test/b/c/?d=1#e")
    assert asked >= {
        "https://Www.A.test/b/c/?d=1#e", "http://www.a.test/b/c/?d=1", "https://a.test/b/c", "a.test/b/c?d=1",
        "www.a.test/b/c/", "a.test/b/c/?d=1",
    }  # fmt: skip
    assert not asked & {"a.test", "a.test/b", "a.test/b/c/?d=2", "https://b.a.test/b/c/?d=1"}
    assert len(asked) <= 50


def test_the_root_of_a_host_is_spelt_with_and_without_slash() -> None:
    assert {"http://a.test", "http://a.test/", "a.test", "https://www.a.test/"} <= spellings("https://a.test/")


@given(st.text(max_size=30) | st.from_regex(r"https?://[a-zA-Z.]{1,9}(/[a-z?#@:]{0,9})?", fullmatch=True))
def test_nothing_raises_and_every_spelling_stands_among_its_own(url: str) -> None:
    asked = spellings(url)
    assert url in asked
    assert len(asked) <= 60
    if parsed := address(url):
        assert parsed.domains[0].decode() == parsed.host
        assert address_text(f"http://{parsed.text.decode()}") in (parsed.text, None)


@pytest.mark.parametrize("url", ["\ud800", "http://\ud800/", "http://a.test/\ud800", "", "://", "data:,x"])
def test_odd_texts_have_spellings_of_no_harm(url: str) -> None:
    assert url in spellings(url)


@pytest.mark.parametrize("word", ["d41d8cd98f00b204e9800998ecf8427e", "12345678", "0x7f000001", "test", "a.test/x", ""])
def test_half_a_hash_is_no_domain(word: str) -> None:
    assert domain_text(word) is None
