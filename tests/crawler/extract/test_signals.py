from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.extract import extract
from crawler.extract.signals import language_of, licence_of, opt_outs_of
from crawler.read import read_pages
from crawler.records import HtmlPage, WatPage
from crawler.rights.opt_outs import page_refusal
from crawler.settings import Extract, OptOuts

CC = "https://creativecommons.org/"
CORPUS = Path(__file__).parents[3] / "../shared/corpus"


@pytest.mark.parametrize(
    ("href", "licence"),
    [
        ("http://creativecommons.org/licenses/by/4.0", f"{CC}licenses/by/4.0/"),
        ("//www.CreativeCommons.org/licenses/BY-NC-SA/3.0/us/deed.en", f"{CC}licenses/by-nc-sa/3.0/us/"),
        ("https://creativecommons.org/licenses/by-sa/4.0/legalcode", f"{CC}licenses/by-sa/4.0/"),
        ("https://creativecommons.org/licenses/by-nd/2.0/deed.de", f"{CC}licenses/by-nd/2.0/"),
        ("https://creativecommons.org/publicdomain/zero/1.0/", f"{CC}publicdomain/zero/1.0/"),
        ("https://creativecommons.org/licenses/by/", f"{CC}licenses/by/"),
        ("https://creativecommons.org/licenses/", ""),
        ("https://creativecommons.org/licenses/by-your-leave/4.0/", ""),
        ("https://creativecommons.org.evil.test/licenses/by/4.0/", ""),
        ("https://evil.test/?creativecommons.org/licenses/by/4.0/", ""),
        ("https://chooser-beta.creativecommons.org/", ""),
    ],
)
def test_a_licence_has_one_spelling(href: str, licence: str) -> None:
    assert licence_of([("", href)]) == licence


def test_a_link_marked_as_the_licence_comes_first() -> None:
    links = [
        ("", f"{CC}licenses/by/2.0/"),
        ("nofollow LICENSE", f"{CC}licenses/by/4.0/"),
        ("license", f"{CC}licenses/by/1.0/"),
    ]
    assert licence_of(links) == f"{CC}licenses/by/4.0/"
    assert licence_of([]) == licence_of([("license", "/terms")]) == ""


@pytest.mark.parametrize(
    ("declared", "language"),
    [
        ("en-US", "en"),
        (" DE ", "de"),
        ("zh_Hans", "zh"),
        ("gsw", "gsw"),
        ("japanese", ""),
        ("x-klingon", ""),
        ("", ""),
        ("42", ""),
    ],
)
def test_a_language_is_its_primary_tag(declared: str, language: str) -> None:
    assert language_of([None, declared]) == language


@pytest.mark.parametrize(
    ("name", "value", "noted"),
    [
        (
            "x-robots-tag",
            "unavailable_after: 25 Jun 2030 15:00:00 PST, NoAI",
            "unavailable_after: 25 jun 2030 15:00:00 pst, noai",
        ),
        ("x-robots-tag", "otherbot: noindex", "otherbot: noindex"),
        ("x-robots-tag", "noarchive", "noarchive"),
        ("x-robots-tag", "max-image-preview: none", None),
        ("tdm-reservation", " 1 ", "1"),
        ("tdm-reservation", "0", "0"),
        ("tdm-reservation", "yes", None),
        ("tdm-policy", "https://a.test/P.json", "https://a.test/P.json"),
        ("content-usage", "train-ai=n,  search=y", "train-ai=n, search=y"),
        ("content-usage", "Train-AI=n", "Train-AI=n"),
        ("content-usage", " ", None),
        ("robots", "noai", None),
        ("server", "noai", None),
    ],
)
def test_a_header_is_noted_as_it_was_said(name: str, value: str, noted: str | None) -> None:
    assert opt_outs_of([(name, value)], []) == (() if noted is None else (f"{name}: {noted}",))


# checklist 47
@pytest.mark.parametrize(
    ("name", "value", "noted"),
    [
        ("robots", "NoAI,  NoImageAI", "noai, noimageai"),
        ("robots", "index, follow", None),
        ("robots", "none", "none"),
        ("robots", "a text that ends in: noai", "a text that ends in: noai"),
        ("robots", "index, follow, max-image-preview:large, max-snippet:-1", None),
        ("x-robots-tag", "noai", "noai"),
        ("tdm-reservation", "1", "1"),
        ("tdm-policy", "/Policy", "/Policy"),
        ("content-usage", "train-ai=n", "train-ai=n"),
        ("pairtrawl", "NOAI", "noai"),
        ("googlebot", "noindex, nofollow", "noindex, nofollow"),
        ("other.bot-2", " index,max-image-preview:large,noimageindex ", "index,max-image-preview:large,noimageindex"),
        ("otherbot", "noml noai", "noml noai"),
        ("otherbot", "index, follow", None),
        ("otherbot", "none", None),
        ("msapplication-config", "none", None),
        ("description", "noai", "noai"),  # might be a robot's name
        ("description", "what noai means", None),
        ("keywords", "noai, art", None),
        ("keywords", "noindexes", None),
        ("twitter:title", "noindex", None),
        ("", "noai", None),
    ],
)
def test_an_element_of_a_page_is_told_apart_from_a_header(name: str, value: str, noted: str | None) -> None:
    assert opt_outs_of([], [(name, value)]) == (() if noted is None else (f"meta {name}: {noted}",))


def test_header_and_element_are_both_noted_once() -> None:
    headers = [("tdm-reservation", "1"), ("x-robots-tag", "noai"), ("x-robots-tag", "NOAI")]
    metas = [("tdm-reservation", "0"), ("robots", "noai"), ("robots", "noai")]
    assert opt_outs_of(headers, metas) == (
        "tdm-reservation: 1", "x-robots-tag: noai", "meta tdm-reservation: 0", "meta robots: noai",
    )  # fmt: skip


def test_a_list_of_robots_does_not_crowd_out_what_is_for_all() -> None:
    metas = [(f"bot{number}", "noindex") for number in range(1_000)]
    noted = opt_outs_of([], [*metas, ("robots", "noai")])
    assert noted[0] == "meta robots: noai"
    assert len(noted) == 17


def test_a_long_list_of_rules_is_cut_between_two_of_them() -> None:
    (noted,) = opt_outs_of([("x-robots-tag", "noai-not, " * 49 + "noindex, noai-not, noai-not")], [])
    assert noted.endswith(", noindex")
    assert len(noted) <= 515


@given(st.lists(st.tuples(st.sampled_from(["x-robots-tag", "robots", "tdm-policy", "bot", "x"]), st.text())), st.text())
def test_no_signal_raises_and_there_are_never_many(signals: list[tuple[str, str]], text: str) -> None:
    many = [*signals, *[("robots", f"noai {number} {text}") for number in range(40)]]
    noted = opt_outs_of(many, many)
    assert len(noted) <= 32
    assert all(len(signal) < 600 for signal in noted)
    licence_of([(text, text)])
    language_of([text])


def signals_in(path: Path) -> dict[str, tuple[str, ...]]:
    """The signals of every page of an archive that has an image with a text, by the page's address."""
    pages = read_pages(path, name=path.name, wat=".wat." in path.name, limits=Extract())
    found = [extract(one, Extract()).candidates for one in pages if isinstance(one, HtmlPage | WatPage)]
    return {candidates[0].page_url: candidates[0].opt_outs for candidates in found if candidates}


@pytest.mark.corpus
@pytest.mark.skipif(not CORPUS.is_dir(), reason="the shared corpus is not beside the repository")
def test_a_wat_file_has_the_signals_of_the_pages_themselves() -> None:
    warc, wat = (
        {
            page: signals
            for path in CORPUS.glob(f"real-pages/crawl-data/*/segments/*/{kind}/*.gz")
            for page, signals in signals_in(path).items()
        }
        for kind in ("warc", "wat")
    )
    both = warc.keys() & wat.keys()
    assert len(both) > 300
    assert {page: set(warc[page]) for page in both} == {page: set(wat[page]) for page in both}
    refused = [page for page in both if page_refusal(warc[page], OptOuts(), "pairtrawl")]
    assert 0 < len(refused) < sum(map(bool, warc.values()))
