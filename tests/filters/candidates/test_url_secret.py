from __future__ import annotations

import pytest

from crawler.errors import SettingsError
from filters.candidates.url_secret import UrlSecret
from tests.builders import a_candidate

CASES = [
    ("https://a.test/x.jpg", True),
    ("https://a.test/x.jpg?w=800&h=600&v=3", True),
    ("https://a.test/@jo/x.jpg", True),
    ("https://a.test/x.jpg?mail=jo@b.test", True),
    ("https://a.test/x.jpg?token=", True),
    ("https://a.test/x.jpg?token", True),
    ("https://a.test/token=x.jpg", True),
    ("https://a.test/x.jpg?design=7&tokens=5", True),
    ("https://a.test/x.jpg?author=jo&key=9", True),
    ("https://jo:secret@a.test/x.jpg", False),
    ("https://jo@a.test/x.jpg", False),
    ("https://a.test/x.jpg?token=abc", False),
    ("https://a.test/x.jpg?w=8&Access_Token=abc", False),
    ("https://a.test/x.jpg?sv=2024&sig=abc%3D", False),
    ("https://a.test/x.jpg?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Expires=60", False),
    ("https://a.test/x.jpg?X-Goog-Signature=0", False),
    ("https://a.test/x.jpg?Expires=1&Signature=a~b&Key-Pair-Id=K", False),
    ("https://a.test/x.jpg?api_key=1", False),
    ("https://a.test/x;jsessionid=1A2B.jpg?w=1", False),
    ("https://a.test/x.php?PHPSESSID=1a", False),
    ("https://a.test/x.jpg?a=1;pwd=x", False),
]


@pytest.mark.parametrize(("url", "keep"), CASES)
def test_an_address_that_opens_something_is_for_one_reader(url: str, keep: bool) -> None:
    (image, page) = UrlSecret().judge([a_candidate(image_url=url), a_candidate(page_url=url)])
    assert (image.keep, page.keep) == (keep, keep)


def test_the_parameters_can_be_chosen() -> None:
    urls = ["https://a.test/?o=1", "https://a.test/?token=1", "https://a.test/?foo-bar=1", "https://jo@a.test/"]
    candidates = [a_candidate(image_url=url) for url in urls]
    assert [one.keep for one in UrlSecret(("o", "foo*")).judge(candidates)] == [False, True, False, False]
    assert [one.keep for one in UrlSecret(()).judge(candidates)] == [True, True, True, False]


@pytest.mark.parametrize("name", ["", "Token", "x-amz*", "a.b", "*", "a*b"])
def test_a_name_that_could_never_be_found_is_a_settings_error(name: str) -> None:
    with pytest.raises(SettingsError):
        UrlSecret((name,))
