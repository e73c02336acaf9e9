from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.extract.hostile import _may_be_crowded, _tag_of_few, _tags, without_bombs

PLAIN = b"<p>A <b>red</b> boat <img src=a.jpg alt='a > b'><br>"


@pytest.mark.parametrize(
    "page",
    [
        PLAIN,
        PLAIN * 50_000,
        b"<ul>" + b"<li>one" * 50_000,
        b"<table>" + b"<tr><td>one" * 50_000,
        b"<div><span>x</span></div>" * 50_000,
        b"<script>" + b"a<b;" * 50_000 + b"</script>" + PLAIN,
        b"<!--" + b"<div>" * 50_000 + b"-->" + PLAIN,
        PLAIN * 8_000 + b"<img src='data:image/png;base64," + b"abc/" * 100_000 + b"'>",
        b"<style>" + b"a { b: c; } " * 10_000 + b"</style>" + PLAIN,
        b"<div style='" + b"a: b; " * 10_000 + b"'>" + PLAIN,
        b"<" * 50_000,
        b"<script>" + b"a<b='" * 50_000 + b"</script>" + PLAIN,
        b"<!-- " + b"<div " + b"a " * 50_000 + b"> -->" + PLAIN,
        b"<svg><title>A boat</title></svg><script>" + b"a<b;" * 50_000 + b"</script>" + PLAIN,
        b"<p title='" + b"a<b> " * 50_000 + b"'>" + PLAIN,
        b"<svg viewBox='0 0 9 9'><g>" + b"<path d='M0 0'/><circle r=2 />" * 20_000 + b"</g></svg>" + PLAIN,
    ],
)
def test_an_honest_page_stays_whole(page: bytes) -> None:
    assert without_bombs(page) == page


# checklist 26
@pytest.mark.parametrize(
    "bomb",
    [
        b"<div>" * 50_000,
        b"</div>" * 50_000 + b"<div>" * 50_000,
        b"<div></p>" * 50_000,
        b"<DIV><Span>" * 50_000,
        b"<div/>" * 50_000,
        b"<path/>" * 50_000,
        b"<svg><div><path/>" + b"<path/>" * 50_000,
        b"<svg><desc>" + b"<path/>" * 50_000,
        b"<b><i>" * 50_000,
        b"<div " + b"a " * 50_000 + b">",
        b"<div " + b" ".join(b"a%d='<'" % number for number in range(50_000)) + b">",
        b"<div " + b"".join(b'a%d="1"' % number for number in range(50_000)) + b">",
        b"<div " + b" ".join(b"a%d='<'" % n if n % 50 == 0 else b"a%d" % n for n in range(50_000)) + b">",
        b"<div " + b" ".join(b"a%d='</div>'" % n if n % 50 == 0 else b"a%d" % n for n in range(50_000)) + b">",
        # what a tokeniser that is not the standard's would take for something else
        b'<a "><div ' + b"a " * 50_000 + b'><a ">',
        b"<a ='><div " + b"a " * 50_000 + b"><a '>",
        b"<a b=c'><div " + b"a " * 50_000 + b"><a c'>",
        b"<!--><div " + b"a " * 50_000 + b">-->",
        b"<!---><div " + b"a " * 50_000 + b">-->",
        b"<!-- --!><div " + b"a " * 50_000 + b">-->",
        b"<!x><div " + b"a " * 50_000 + b">",
        b"</ x><div " + b"a " * 50_000 + b">",
        b"<script></scriptx><!--</script><div " + b"a " * 50_000 + b">",
        b"<iframe><!--</iframe><div " + b"a " * 50_000 + b">",
        b"<svg><style><g " + b"a " * 50_000 + b"></style>",
        b"<svg><svg></svg><title><div " + b"a " * 50_000 + b"></title>",
        b"<select><xmp><option " + b"a " * 50_000 + b"></xmp>",
        b"<!-->" + b"<div>" * 50_000,
        b"<svg><style>" + b"<g>" * 50_000,
        b"<svg>" + b"<path d=m/>" * 50_000,
        # no stretch of these without a ">" that looks like the end of a tag
        b"<div " + b" ".join(b"a%d='<p>x</p>'" % number for number in range(10_000)) + b">",
        b"<div " + b" ".join(b"a%d = \"<p c='d'>x</p>\"" % number for number in range(10_000)) + b">",
        b"<div " + b" ".join(b"a%d=\n'=\">'" % number for number in range(10_000)) + b">",
        b"<a " * 50_000 + b">",
        # few elements, and many more tags, each of which goes up through all of them
        b"<b>" * 9_000 + b"</x>" * 50_000,
    ],
)
def test_a_bomb_is_cut_off_and_what_stands_before_it_stays(bomb: bytes) -> None:
    page = PLAIN * 3 + bomb
    cut = without_bombs(page)
    assert cut.startswith(PLAIN * 3)
    assert len(cut) < len(page)
    assert page.startswith(cut)


_PARTS = st.sampled_from([
    b"<a", b"<", b">", b'"', b"'", b"=", b" ", b"\n", b"\x0b", b"/", b"x", b'="', b"= '", b"<p ", b"</p>", b"<!--", b"-->",
    b"<script>", b"</script>", b"<svg>", b"a=1 ", b'c="d" ', b"e='>' ", b'f="<p>" ', b"g ",
])  # fmt: skip


@given(st.lists(_PARTS, min_size=10, max_size=120).map(b"".join), st.sampled_from([8, 16, 32]))
def test_the_quick_look_sees_every_long_tag_of_many_attributes(page: bytes, short: int) -> None:
    modest = _tag_of_few(3)
    long_tags = [tag for tag in _tags(page) if tag.end() - tag.start() > short and not tag.group(1)]
    if any(modest.match(page, tag.start()) is None for tag in long_tags):
        assert _may_be_crowded(page, short, modest)


def test_the_quick_look_clears_pages_that_hold_long_texts_and_values() -> None:
    style = b"<style>" + b"a { b: c; } " * 10_000 + b"</style>"
    picture = b"<img alt=x src='data:image/png;base64," + b"abc/" * 10_000 + b"'>"
    assert not _may_be_crowded(PLAIN * 100 + style + picture + PLAIN * 1_000 + style)
