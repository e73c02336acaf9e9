from __future__ import annotations

import pytest

from crawler.courtesy.agent import identity_of, token_of
from crawler.courtesy.etiquette import Etiquette
from crawler.errors import SettingsError


def test_the_contact_stands_behind_the_name() -> None:
    assert identity_of("pairtrawl/9", "https://example.org/us") == "pairtrawl/9 (+https://example.org/us)"
    assert identity_of("pairtrawl/9", "") == "pairtrawl/9"


@pytest.mark.parametrize("name", ["", " ", "a\r\nX: b", "ü/1", "a\0", "Mozilla/5.0 (X11)", "(compatible; pairtrawl)"])
def test_a_name_that_no_header_can_hold_or_that_is_not_our_own_is_refused_for_images_and_archives(name: str) -> None:
    with pytest.raises(SettingsError, match="user_agent"):
        identity_of(name, "")
    with pytest.raises(SettingsError, match="user_agent"):
        Etiquette(user_agent=name)


def test_sites_know_us_by_the_first_product_in_lower_case() -> None:
    assert token_of("PairTrawl/0.1 (+page)") == "pairtrawl"
    assert token_of("(only a comment)") == ""
