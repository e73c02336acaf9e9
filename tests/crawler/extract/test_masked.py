"""Masking in extraction: nothing that is to be masked stands in any text of a candidate."""

from __future__ import annotations

import json

import pytest

from crawler.extract import extract
from crawler.records import Candidate, Caption, HtmlPage, TextSource, WatPage
from crawler.settings import Extract

MASKED = Extract(mask=("email", "phone"))


def found_in(html: str, settings: Extract = MASKED) -> tuple[Candidate, ...]:
    return extract(HtmlPage("http://pages.test/", "a.warc.gz", 0, (), html.encode()), settings).candidates


def texts_of(candidate: Candidate) -> list[str]:
    return [candidate.caption.text, *(other.text for other in candidate.other_captions), candidate.written_text]


# checklist 55
def test_every_text_of_a_candidate_is_masked() -> None:
    html = "<figure><img src=a alt=' by jo@example.org ' title='+49 30 901820'><figcaption>jo@example.org?</figcaption></figure>"
    (candidate,) = found_in(html)
    assert candidate.caption == Caption(TextSource.ALT, "by [email]")
    assert texts_of(candidate) == ["by [email]", "[email]?", "[phone]", "by [email]"]


def test_a_page_of_a_wat_file_is_masked_too() -> None:
    link = {"path": "IMG@/src", "url": "/a.jpg", "alt": "by jo@example.org"}
    envelope = {"Envelope": {"Payload-Metadata": {"HTTP-Response-Metadata": {"HTML-Metadata": {"Links": [link]}}}}}
    page = WatPage("http://pages.test/", "a.warc.gz", 0, json.dumps(envelope).encode())
    (candidate,) = extract(page, MASKED).candidates
    assert texts_of(candidate) == ["by [email]", "by [email]"]


def test_a_text_without_anything_to_mask_stays_as_written() -> None:
    (candidate,) = found_in("<img src=a alt=' A  boat '>")
    assert (candidate.caption.text, candidate.written_text) == ("A boat", " A  boat ")


@pytest.mark.parametrize("alt", ["jo&amp;#64;example.org", "jo@exa\u200bmple.org", "jo@example\u00ad.org"])
def test_what_only_cleaning_reveals_is_not_kept_as_written(alt: str) -> None:
    (candidate,) = found_in(f"<img src=a alt='{alt}'>")
    assert texts_of(candidate) == ["[email]", "[email]"]


def test_what_lies_behind_the_end_of_a_caption_is_not_kept_either() -> None:
    (candidate,) = found_in(f"<img src=a alt='{'a boat ' * 400}jo@example.org'>")
    assert "example" not in "".join(texts_of(candidate))


def test_a_masked_caption_is_no_longer_than_a_caption() -> None:
    for number in range(5):
        settings = Extract(mask=("email",), text_characters=10 + number)
        (candidate,) = found_in("<img src=a alt='see a@b.co'>", settings)
        assert len(candidate.caption.text) <= 10 + number


def test_the_name_of_a_pair_is_of_its_masked_text() -> None:
    html = "<img src=a alt='by jo@example.org'><img src=a alt='by amy@example.org'>"
    assert len(found_in(html)) == 1
    assert len({one.content_id for one in found_in(html, Extract())}) == 2


def test_without_masking_everything_stays_as_it_was() -> None:
    (candidate,) = found_in("<img src=a alt=' jo@example.org'>", Extract())
    assert texts_of(candidate) == ["jo@example.org", " jo@example.org"]
