from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.courtesy.agent import token_of
from crawler.extract.signals import opt_outs_of
from crawler.rights.opt_outs import answer_refusal, page_refusal
from crawler.settings import OptOuts

DEFAULT = OptOuts()
NOTHING = OptOuts(image_directives=(), page_directives=(), tdm_reservation=False, content_usage=False)
US = "pairtrawl"


@pytest.mark.parametrize(
    ("user_agent", "token"),
    [
        ("pairtrawl/0.1", "pairtrawl"),
        ("PairTrawl", "pairtrawl"),
        ("my_bot-2/1.0 (+https://a.test)", "my_bot-2"),
        (" bot ", "bot"),
        ("Mozilla/5.0 (compatible; bot)", "mozilla"),
        ("(bot)", ""),
        ("", ""),
        ("böt", "b"),
    ],
)
def test_a_product_token_is_the_name_before_the_version(user_agent: str, token: str) -> None:
    assert token_of(user_agent) == token


# checklist 47, 48, 49: of an image's answer
@pytest.mark.parametrize(
    "signal",
    [
        "x-robots-tag: noai",
        "x-robots-tag: NoImageAI",
        "x-robots-tag: noml",
        "x-robots-tag: nofollow, noindex",
        "x-robots-tag: none",
        "x-robots-tag: pairtrawl: noai",
        "x-robots-tag: unavailable_after: 25 Jun 2010 15:00:00 PST, noai",
        "tdm-reservation: 1",
        "tdm-reservation:  1 ",
        "content-usage: train-ai=n",
        "content-usage: ai=n, search=y",
    ],
)
def test_an_answer_that_says_no_refuses_its_image(signal: str) -> None:
    assert answer_refusal((signal,), DEFAULT, US) == signal
    assert answer_refusal((signal,), NOTHING, US) == ""
    # on the way to the picture, and whatever others say
    assert answer_refusal(("x-robots-tag: all", signal, "tdm-reservation: 0"), DEFAULT, US) == signal


@pytest.mark.parametrize(
    "signal",
    [
        "x-robots-tag: otherbot: noindex, noai",
        "x-robots-tag: noarchive, nocache",
        "x-robots-tag: max-image-preview: none",
        "x-robots-tag: ",
        "tdm-reservation: 0",
        "tdm-reservation: x",
        "tdm-reservation: 1, 1",
        "tdm-policy: https://a.test/policy.json",  # without a reservation it is an offer
        "content-usage: train-ai=y, search=n",
        "content-usage: Train-AI=n",
        "content-usage: train-ai=n,",
        # judged elsewhere, before the request
        "robots.txt: content-usage: train-ai=n",
        "tdmrep.json: 1",
        "ai.txt: disallow",
        "noai",
        "",
    ],
)
def test_an_answer_that_says_nothing_of_this_use_refuses_nothing(signal: str) -> None:
    assert answer_refusal((signal,), DEFAULT, US) == ""


# checklist 47, 49: of a page
@pytest.mark.parametrize(
    "signal",
    [
        "x-robots-tag: noai",
        "x-robots-tag: pairtrawl: noimageindex",
        "meta robots: noai",
        "meta robots: index, noimageai",
        "meta robots: noml noimageindex",
        "meta pairtrawl: noimageai",
        "meta x-robots-tag: noai",
        "tdm-reservation: 1",
        "meta tdm-reservation: 1",
        "content-usage: train-ai=n",
        "meta content-usage: train-ai=n",
    ],
)
def test_a_page_that_says_no_refuses_its_images(signal: str) -> None:
    assert page_refusal((signal,), DEFAULT, US) == signal
    assert page_refusal(("meta robots: noindex", signal), DEFAULT, US) == signal
    assert page_refusal((signal,), NOTHING, US) == ""


@pytest.mark.parametrize(
    "signal",
    [
        "meta robots: noindex",  # the page stays out of search; its images are not spoken of
        "meta robots: none",
        "x-robots-tag: noindex, nofollow",
        "meta robots: noarchive, nocache",
        "meta otherbot: noai",
        "x-robots-tag: otherbot: noai",
        "meta tdm-policy: /policy",
        "robots: noai",  # there is no such header
        "pairtrawl: noai",
    ],
)
def test_a_page_that_says_nothing_of_its_images_refuses_none(signal: str) -> None:
    assert page_refusal((signal,), DEFAULT, US) == ""


# checklist 48: an element overrides a header
@pytest.mark.parametrize(
    ("header", "meta", "refused"),
    [
        ("1", None, True),
        ("1", "0", False),
        ("0", "1", True),
        ("1", "x", True),  # neither 1 nor 0 is as if it were not there
        ("x", "1", True),
        (None, "0", False),
        ("0", None, False),
        ("x", None, False),
    ],
)
def test_the_page_overrides_its_header_on_a_reservation(header: str | None, meta: str | None, refused: bool) -> None:
    signals = opt_outs_of(
        [] if header is None else [("tdm-reservation", header)], [] if meta is None else [("tdm-reservation", meta)]
    )
    assert bool(page_refusal(signals, DEFAULT, US)) == refused


def test_a_recipe_names_the_directives_that_refuse() -> None:
    strict = msgspec.structs.replace(DEFAULT, page_directives=("NoIndex", "none"))
    assert page_refusal(("meta robots: noindex",), strict, US) == "meta robots: noindex"
    assert page_refusal(("meta robots: noai",), strict, US) == ""


def test_a_robot_without_a_name_is_nobody_elses() -> None:
    assert page_refusal(("meta robots: noai",), DEFAULT, "") == "meta robots: noai"
    assert answer_refusal(("x-robots-tag: otherbot: noai",), DEFAULT, "") == ""


NAMES = st.sampled_from(["x-robots-tag", "meta robots", "meta pairtrawl", "tdm-reservation", "content-usage", "", "x"])
SIGNALS = st.lists(st.builds("{}: {}".format, NAMES, st.text()) | st.text()).map(tuple)


@given(SIGNALS)
def test_no_signal_raises_and_what_refuses_is_one_of_them(signals: tuple[str, ...]) -> None:
    for refusal in (page_refusal(signals, DEFAULT, US), answer_refusal(signals, DEFAULT, US)):
        assert refusal == "" or refusal in signals
