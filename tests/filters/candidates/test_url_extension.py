from __future__ import annotations

import pytest

from filters.candidates.url_extension import UrlExtension
from tests.builders import a_candidate

CASES = [
    ("http://a.test/x.svg", False),
    ("http://a.test/X.SVG", False),
    ("http://a.test/x.svg?v=3", False),
    ("http://a.test/x.svg#top", False),
    ("http://a.test/favicon.ico", False),
    ("http://a.test/x.svg/render.png", True),
    ("http://a.test/x.png?from=x.svg", True),
    ("http://a.test/x.jpg", True),
    ("http://a.test/svg", True),
    ("http://a.test/", True),
    ("http://studio.ico", True),  # the end of a host is no extension
    ("http://studio.ico/?x", True),
]


@pytest.mark.parametrize(("image_url", "keep"), CASES)
def test_only_the_end_of_the_path_counts(image_url: str, keep: bool) -> None:
    (verdict,) = UrlExtension().judge([a_candidate(image_url=image_url)])
    assert verdict.keep is keep


def test_the_set_can_be_chosen() -> None:
    judge = UrlExtension((".GIF",)).judge
    verdicts = judge([a_candidate(image_url=f"http://a.test/x.{end}") for end in ("gif", "svg")])
    assert [verdict.keep for verdict in verdicts] == [False, True]
