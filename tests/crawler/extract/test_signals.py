from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.extract.signals import language_of, licence_of, opt_outs_of

CC = "https://creativecommons.org/"


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
        ("robots", "NoAI,  NoImageAI", ("robots: noai, noimageai",)),
        ("robots", "index, follow", ()),
        ("robots", "none", ("robots: none",)),
        (
            "x-robots-tag",
            "unavailable_after: 25 Jun 2030 15:00:00 PST, noai",
            ("x-robots-tag: unavailable_after: 25 jun 2030 15:00:00 pst, noai",),
        ),
        ("x-robots-tag", "otherbot: noindex", ("x-robots-tag: otherbot: noindex",)),
        ("tdm-reservation", " 1 ", ("tdm-reservation: 1",)),
        ("tdm-reservation", "0", ()),
        ("tdm-policy", "https://a.test/p.json", ("tdm-policy: https://a.test/p.json",)),
        ("content-usage", "train-ai=n, search=y", ("content-usage: train-ai=n, search=y",)),
        ("content-usage", "train-ai=y", ()),
        ("description", "noai", ()),
    ],
)
def test_an_opt_out_is_noted_as_it_was_said(name: str, value: str, noted: tuple[str, ...]) -> None:
    assert opt_outs_of([(name, value)]) == noted


@given(st.lists(st.tuples(st.sampled_from(["robots", "tdm-reservation", "x"]), st.text())), st.text())
def test_no_signal_raises_and_there_are_never_many(signals: list[tuple[str, str]], text: str) -> None:
    noted = opt_outs_of([*signals, *[("robots", f"noai {number} {text}") for number in range(40)]])
    assert len(noted) <= 16
    assert all(len(signal) < 600 for signal in noted)
    licence_of([(text, text)])
    language_of([text])
