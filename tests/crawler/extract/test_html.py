from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.extract import Extraction, NoCandidate, extract
from crawler.records import Candidate, Caption, HtmlPage, ImageSource, TextSource
from crawler.settings import Extract
from crawler.tongue import tongue_of

PAGE_URL = "http://pages.test/x/boats.html"


def a_page(html: str | bytes, **headers: str) -> HtmlPage:
    body = html.encode() if isinstance(html, str) else html
    named = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return HtmlPage(PAGE_URL, "a.warc.gz", 77, named, body)


def found_in(html: str | bytes, settings: Extract | None = None, **headers: str) -> tuple[Candidate, ...]:
    extraction = extract(a_page(html, **headers), settings or Extract())
    assert extraction.images == len(extraction.candidates) + sum(count for _, count in extraction.dropped)
    return extraction.candidates


def the_one(html: str | bytes, settings: Extract | None = None, **headers: str) -> Candidate:
    (candidate,) = found_in(html, settings, **headers)
    return candidate


def dropped_of(html: str, settings: Extract | None = None) -> dict[NoCandidate, int]:
    return dict(extract(a_page(html), settings or Extract()).dropped)


def test_an_image_with_a_text_is_a_candidate_with_everything_known_about_it() -> None:
    assert the_one('<p><img><img src="../boat.jpg#top" alt=" A &amp; B\n boat ">') == Candidate(
        image_url="http://pages.test/boat.jpg",
        image_source=ImageSource.IMG_SRC,
        caption=Caption(TextSource.ALT, "A & B boat"),
        other_captions=(),
        page_url=PAGE_URL,
        archive="a.warc.gz",
        offset=77,
        position=1,
        licence="",
        language="",
        opt_outs=(),
        written_src="../boat.jpg#top",
        written_text=" A & B\n boat ",
        base_url="",
        tongue=tongue_of("A & B boat"),
    )


ADDRESSES: list[tuple[str, str, ImageSource]] = [
    ("src=a.jpg", "a.jpg", ImageSource.IMG_SRC),
    ("src=a.jpg srcset='b.jpg 2x, c.jpg 3x'", "c.jpg", ImageSource.SRCSET),
    ("src=a.jpg srcset='b.jpg 300w, c.jpg 1200w, d.jpg 600w' sizes=100vw", "c.jpg", ImageSource.SRCSET),
    ("src=a.jpg srcset='a.jpg 1x'", "a.jpg", ImageSource.IMG_SRC),
    ("srcset=b.jpg", "b.jpg", ImageSource.SRCSET),
    ("src=data:image/gif;base64,R0 srcset=b.jpg", "b.jpg", ImageSource.SRCSET),
    ("src=data:image/gif;base64,R0 data-src=a.jpg", "a.jpg", ImageSource.LAZY),
    ("src=blank.gif data-original=/a.jpg", "/a.jpg", ImageSource.LAZY),
    ("src=blank.gif data-src=12345", "blank.gif", ImageSource.IMG_SRC),
    ('src=blank.gif data-src=\'{"a": "/b.jpg"}\'', "blank.gif", ImageSource.IMG_SRC),
    ("src=blank.gif data-src=data:image/gif;base64,R0/x", "blank.gif", ImageSource.IMG_SRC),
    ("src=blank.gif data-lazy-src=a.jpg data-lazy-srcset='b.jpg 100w, c.jpg 900w'", "c.jpg", ImageSource.LAZY),
    ("srcset='data:image/gif;base64,R0 1w' data-srcset='b.jpg 1x, c.jpg 2x' src=a.jpg", "c.jpg", ImageSource.LAZY),
    ("src=a.jpg srcset='b.jpg 10w' data-srcset='c.jpg 20w'", "c.jpg", ImageSource.LAZY),
]


@pytest.mark.parametrize(("attributes", "link", "source"), ADDRESSES)
def test_the_largest_known_address_is_taken(attributes: str, link: str, source: ImageSource) -> None:
    candidate = the_one(f"<img {attributes} alt=boat>")
    assert (candidate.written_src, candidate.image_source) == (link, source)


def test_a_picture_offers_the_sets_of_its_sources() -> None:
    picture = "<picture><source type=image/webp srcset='b.webp 900w'><source data-srcset='c.jpg 1800w'>{}</picture>"
    candidate = the_one(picture.format("<img src=a.jpg alt=boat>"))
    assert (candidate.written_src, candidate.image_source) == ("c.jpg", ImageSource.PICTURE)
    equal = the_one(picture.format("<a><img src=a.jpg srcset='d.jpg 1800w' alt=boat></a>"))
    assert (equal.written_src, equal.image_source) == ("d.jpg", ImageSource.SRCSET)


@pytest.mark.parametrize(
    "html",
    [
        "<img src=data:x data-src=a.jpg alt=boat><noscript><img src=a.jpg alt=boat></noscript>",
        "<noscript><img src=a.jpg alt=boat></noscript><img src=data:x data-src=a.jpg alt=boat>",
        "<img src=s.gif data-src=a.jpg data-srcset='a.jpg 100w, b.jpg 900w' alt=boat>"
        "<noscript><a><img src=a.jpg alt=boat></a></noscript>",
        "<img src=s.gif data-src=a.jpg alt=boat>"
        "<NOSCRIPT><img src=a.jpg srcset='a.jpg 1x, b.jpg 2x' alt=boat></NOSCRIPT>",
    ],
)
def test_a_lazy_image_and_its_noscript_twin_are_one(html: str) -> None:
    assert len(found_in(html)) == 1
    assert dropped_of(html) == {NoCandidate.REPEATED: 1}


def test_the_chosen_option_is_not_copied_as_a_script_would_see_it() -> None:
    html = """<select><button><selectedcontent></selectedcontent></button>
              <option selected><img src=a.jpg alt=boat></option></select>"""
    assert extract(a_page(html), Extract()).images == 1


def test_different_images_that_share_a_placeholder_are_two() -> None:
    html = """<img src=s.gif data-src=a.jpg alt=boat><img src=s.gif data-src=b.jpg alt=boat>
              <noscript><img src=c.jpg alt=x></noscript>"""
    assert len(found_in(html)) == 3


def test_the_same_image_with_another_text_is_another_pair() -> None:
    assert len(found_in("<img src=a.jpg alt=boat><img src=a.jpg alt=ship><img src=./a.jpg alt=' boat'>")) == 2


def test_captions_come_in_order_of_preference_and_each_once() -> None:
    html = """<figure><div><img src=a.jpg alt="" title="A boat"></div><figcaption>A <b>red</b> boat
              <figure><img src=b.jpg alt=B><figcaption>inner</figcaption></figure></figcaption></figure>"""
    first, second = found_in(html)
    assert first.caption.source is TextSource.FIGCAPTION
    assert first.caption.text.startswith("A red boat")
    assert first.other_captions == (Caption(TextSource.TITLE, "A boat"),)
    assert (second.caption, second.other_captions) == (
        Caption(TextSource.ALT, "B"),
        (Caption(TextSource.FIGCAPTION, "inner"),),
    )
    same = the_one("<img src=a.jpg alt='A boat' title='A  boat'>")
    assert same.other_captions == ()


def test_a_recipe_says_which_texts_are_captions() -> None:
    html = """<title>Boats</title><img src=a.jpg alt=A title=T>
              <meta property=og:image content=o.jpg><meta property=og:title content=OT>"""
    only_title = the_one(html, Extract(texts=(TextSource.TITLE,)))
    assert (only_title.caption, only_title.other_captions) == (Caption(TextSource.TITLE, "T"), ())
    of_the_page = the_one(html, Extract(texts=(TextSource.PAGE_TITLE, TextSource.OG_TITLE)))
    assert of_the_page.image_source is ImageSource.OG_IMAGE
    assert [of_the_page.caption.text, of_the_page.other_captions[0].text] == ["Boats", "OT"]


def test_a_text_that_holds_nothing_to_read_is_still_written() -> None:
    lone_space = the_one("<img src=a.jpg alt=' '>")
    assert (lone_space.caption, lone_space.written_text) == (Caption(TextSource.ALT, ""), " ")
    other = the_one("<img src=a.jpg alt=' ' title=boat>")
    assert (other.caption, other.written_text) == (Caption(TextSource.TITLE, "boat"), " ")


def test_preview_pictures_have_their_own_texts() -> None:
    html = """<meta property="og:image" content="/o.jpg"><meta property="og:image:width" content=9>
              <meta property="og:image:alt" content="A boat"><meta property="og:image" content="/p.jpg">
              <meta name="twitter:image:alt" content="A ship"><meta name="twitter:image" content="https://t.test/t.jpg">"""
    assert [(one.image_url, one.image_source, one.caption.text) for one in found_in(html)] == [
        ("http://pages.test/o.jpg", ImageSource.OG_IMAGE, "A boat"),
        ("https://t.test/t.jpg", ImageSource.TWITTER_IMAGE, "A ship"),
    ]
    assert dropped_of(html) == {NoCandidate.NO_TEXT: 1}


def test_every_image_that_is_no_candidate_says_why() -> None:
    html = """<img src=a.jpg><img src=a.jpg alt><img alt=x><img src=data:image/gif;base64,R0 alt=x><img src='' alt=x>
              <img src=javascript:0 alt=x><img src='http://[' alt=x><img src=/LONG.jpg alt=x>
              <img src=b alt=x><img src=b alt=x><img src=c alt=x>""".replace("LONG", "a" * 100)
    assert dropped_of(html, Extract(url_characters=60, images_per_page=10)) == {
        NoCandidate.NO_TEXT: 2,
        NoCandidate.NO_ADDRESS: 5,
        NoCandidate.URL_TOO_LONG: 1,
        NoCandidate.REPEATED: 1,
        NoCandidate.OVER_LIMIT: 1,
    }


# checklist 26
@pytest.mark.parametrize(
    ("base", "address"),
    [
        ("<base href=http://cdn.test/v1/>", "http://cdn.test/v1/a.jpg"),
        ("<base target=_top><base href=/v2/><base href=/v3/>", "http://pages.test/v2/a.jpg"),
        ("<base href=file:///>", "http://pages.test/x/a.jpg"),
    ],
)
def test_links_stand_on_the_first_base_that_has_an_address(base: str, address: str) -> None:
    assert the_one(f"{base}<img src=a.jpg alt=boat>").image_url == address


def test_base_is_kept_as_written() -> None:
    assert the_one("<base href='/v2/'><img src=a.jpg alt=boat>").base_url == "/v2/"


def test_what_the_page_says_about_itself_is_noted_with_every_image() -> None:
    html = """<html lang=pt-BR><meta name=ROBOTS content="NoAI,  noimageai"><meta name=tdm-reservation content=1>
              <a href="http://www.creativecommons.org/licenses/by/2.0/">x</a>
              <a rel="nofollow license" href="//creativecommons.org/licenses/by-sa/4.0/deed.pt">y</a>
              <img src=a.jpg alt=boat>"""
    candidate = the_one(html, x_robots_tag="otherbot: noindex")
    assert candidate.licence == "https://creativecommons.org/licenses/by-sa/4.0/"
    assert candidate.language == "pt"
    assert candidate.opt_outs == (
        "x-robots-tag: otherbot: noindex", "meta robots: noai, noimageai", "meta tdm-reservation: 1",
    )  # fmt: skip


def test_the_language_of_the_header_counts_where_the_page_is_silent() -> None:
    assert the_one("<img src=a alt=b>", content_language="de-AT, en").language == "de"
    assert (
        the_one("<meta http-equiv=Content-Language content=FR><img src=a alt=b>", content_language="de").language
        == "fr"
    )


def test_mark_up_in_comments_scripts_and_templates_is_no_image() -> None:
    html = """<!-- <img src=a alt=x> --><script>'<img src=b alt=x>'</script>
              <template><img src=c alt=x></template><textarea><img src=d alt=x></textarea>"""
    assert extract(a_page(html), Extract()) == Extraction((), 0, ())


def test_a_page_is_read_in_its_own_encoding() -> None:
    assert the_one("<meta charset=windows-1251><img src=a alt=Лодка>".encode("cp1251")).caption.text == "Лодка"
    assert (
        the_one("<img src=a alt=小舟>".encode("cp932"), content_type="text/html; charset=Shift_JIS").caption.text
        == "小舟"
    )


# checklist 26
@pytest.mark.parametrize(
    "html",
    [
        b"<div>" * 200_000 + b"<img src=a alt=x>",
        b"<div></x>" * 200_000,
        b"<span>" * 500 + b"</x>" * 800_000,
        b"<b><i>" * 200_000 + b"<p>" * 1_000,
        b"<table><tr><td>" * 100_000,
        b"<img src=a alt=x><img " + b" ".join(b"a%d=1" % number for number in range(200_000)) + b">",
        b"<img src=a alt='" + b"x" * 4_000_000 + b"'>",
        b"<img src=a alt=x>" * 250_000,
        b"<img alt=x srcset='" + b"a 1w," * 800_000 + b"'>",
        b"<" * 5_000_000,
        b"<!--" * 1_000_000,
        b"<script>" * 500_000,
        b"<meta charset" * 300_000,
        b"<img alt=x src=" + b"/../" * 1_000_000 + b">",
        b"<img src=a alt='" + b"&amp;" * 900_000 + b"'>",
        b"<img src=a alt='" + "Ã©".encode() * 900_000 + b"'>",
        b"\0" * 5_000_000,
    ],
    ids=[f"attack {number}" for number in range(17)],
)
def test_an_attack_on_the_parser_takes_bounded_time(html: bytes) -> None:
    begin = time.process_time()
    extract(a_page(html), Extract())
    assert time.process_time() - begin < 30  # no measurement: seconds with the defence, minutes without


_WORDS = st.sampled_from([
    "<img ", "src=", "alt=", "srcset=", "data-src=", "'", '"', ">", "<", "a.jpg", " 2x, ", "<picture>", "<source ",
    "<noscript>", "</noscript>", "<figure>", "<figcaption>", "</figure>", "<base href=", "<template>", "<svg>", "<!--",
    "<meta property=og:image content=", "-->", "&amp;", "\0", "\ud800", "http://", "//", "[", "data:", "é", " ",
])  # fmt: skip


@given(
    st.lists(st.one_of(_WORDS, st.text(max_size=3)), max_size=30).map("".join),
    st.sampled_from(["", "text/html; charset=gbk"]),
)
def test_no_page_raises_and_its_images_add_up(html: str, content_type: str) -> None:
    settings = Extract(images_per_page=3, url_characters=50, text_characters=10)
    page = a_page(html.encode("utf-8", "surrogatepass"), content_type=content_type)
    extraction = extract(page, settings)
    assert extraction.images == len(extraction.candidates) + sum(count for _, count in extraction.dropped)
    assert all(count > 0 for _, count in extraction.dropped)
    for candidate in extraction.candidates:
        assert candidate.image_url.startswith(("http://", "https://"))
        assert len(candidate.image_url) <= 50
        assert len(candidate.caption.text) <= 10
        assert candidate.caption not in candidate.other_captions
