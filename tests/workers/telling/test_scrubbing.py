"""What is kept of a text has no password, no signature, and an end."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.telling.scrubbing import without_secrets


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("crawl-00003: no", "crawl-00003: no"),
        ("https://a.test/b: 404", "https://a.test/b: 404"),
        ("see http://user:secret@a.test/b", "see http://...@a.test/b"),
        ("s3://key@bucket/a.warc", "s3://...@bucket/a.warc"),
        ("https://a.test/b?sig=secret&x=1 is gone", "https://a.test/b?... is gone"),
        ("'https://a.test/b?sig=secret'", "'https://a.test/b?...'"),
        ("https://a.test/?token=x, https://b.test/?y=z", "https://a.test/?... https://b.test/?..."),
        ("did you mean this? yes@home", "did you mean this? yes@home"),
    ],
)
def test_addresses_lose_what_may_be_secret(text: str, kept: str) -> None:
    assert without_secrets(text) == kept


def test_a_text_that_nobody_would_read_is_cut() -> None:
    assert without_secrets("x" * 5_000) == "x" * 4_000 + " ... (5,000 characters)"


@given(st.text())
def test_it_takes_any_text_and_once_is_enough(text: str) -> None:
    once = without_secrets(text)
    assert without_secrets(once) == once


@given(st.text(alphabet="abc:/?@= '#", max_size=60), st.text(alphabet="xyz0", min_size=4, max_size=8))
def test_a_password_never_stays(before: str, password: str) -> None:
    assert password not in without_secrets(f"{before} https://me:{password}@a.test/")
