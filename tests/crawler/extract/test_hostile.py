from __future__ import annotations

import pytest

from crawler.extract.hostile import without_bombs

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
    ],
)
def test_a_bomb_is_cut_off_and_what_stands_before_it_stays(bomb: bytes) -> None:
    page = PLAIN * 3 + bomb
    cut = without_bombs(page)
    assert cut.startswith(PLAIN * 3)
    assert len(cut) < len(page)
    assert page.startswith(cut)
