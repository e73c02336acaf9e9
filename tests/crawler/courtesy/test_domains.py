"""Which hosts are one site."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.courtesy.domains import site_of

SITES = [
    ("example.com", "example.com"),
    ("a.b.example.com", "example.com"),
    ("example.com.", "example.com"),  # a dot at the end is no way to a second share
    ("www.example.co.uk", "example.co.uk"),
    ("anna.github.io", "anna.github.io"),  # customers of a hosting company are sites of their own
    ("img.ben.blogspot.com", "ben.blogspot.com"),
    ("github.io", "github.io"),
    ("localhost", "localhost"),
    ("images.unheard-of-suffix", "images.unheard-of-suffix"),
    ("a.images.unheard-of-suffix", "images.unheard-of-suffix"),
    ("192.0.2.7", "192.0.2.7"),
    ("2001:db8::7", "2001:db8::7"),
    ("[2001:db8::7]", "[2001:db8::7]"),
    ("www.xn--85x722f.xn--55qx5d.cn", "xn--85x722f.xn--55qx5d.cn"),
    ("", ""),
    ("a..b", "a..b"),
]


@pytest.mark.parametrize(("host", "site"), SITES)
def test_a_host_belongs_to_its_registrable_domain(host: str, site: str) -> None:
    assert site_of(host) == site


@given(st.text("ab.:1-é\udc80", max_size=20))
def test_every_text_has_a_site_and_a_site_is_its_own(text: str) -> None:
    assert site_of(site_of(text)) == site_of(text) or text.endswith("..")
