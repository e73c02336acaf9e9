"""Images of an HTML page: every `<img>` with what stands around it, and the pictures by which the page is shown.

The parser runs with scripting off, so that what stands in `<noscript>` is seen: one image of the web in ten is there.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from selectolax.lexbor import LexborHTMLParser, LexborNode

from crawler.extract.addresses import Attributes, choose
from crawler.extract.encoding import utf8_of
from crawler.extract.harvest import Harvest
from crawler.extract.hostile import without_bombs
from crawler.extract.outcome import Extraction
from crawler.extract.previews import Meta, previews
from crawler.extract.signals import Signals, language_of, licence_of, opt_outs_of
from crawler.records import HtmlPage, TextSource
from crawler.settings import Extract


def extract_html(page: HtmlPage, settings: Extract) -> Extraction:
    """The candidates of an HTML page: its images in page order, then the pictures by which it wants to be shown."""
    body = utf8_of(page.body[: settings.html_bytes], _header(page, "content-type"))
    body = without_bombs(body)
    tree = LexborHTMLParser(body)
    metas = [meta_of(node.attributes) for node in tree.tags("meta")]
    harvest = Harvest(page, _written_base(tree), _signals(page, tree, body, metas), settings)
    surroundings = _Surroundings()
    images = [(node, surroundings.of(node)) for node in tree.tags("img")]
    has_fallbacks = any(around.in_noscript for _, around in images)
    for node, around in images:
        _add(harvest, node, around, surroundings, has_fallbacks=has_fallbacks)
    page_title = _page_title(tree) if TextSource.PAGE_TITLE in settings.texts else ""
    for choice, texts in previews(metas, page_title):
        harvest.add(choice, texts)
    return harvest.result()


def meta_of(attributes: Attributes) -> Meta:
    """A `<meta>` element as its name, whichever attribute gives it, in lower case, and its content."""
    name = attributes.get("name") or attributes.get("property") or attributes.get("http-equiv") or ""
    return Meta(name.strip().lower(), attributes.get("content") or "")


def _add(
    harvest: Harvest, node: LexborNode, around: _Around, surroundings: _Surroundings, *, has_fallbacks: bool
) -> None:
    attributes = node.attributes
    figcaption = surroundings.figcaption(around.figure) if around.figure is not None else None
    sources = surroundings.sources(around.picture) if around.picture is not None else ()
    choice, links = choose(attributes, sources)
    harvest.add(
        choice,
        (attributes.get("alt"), figcaption, attributes.get("title"), None, None, None),
        links if has_fallbacks else (),
        is_fallback=around.in_noscript,
    )


class _Around(NamedTuple):
    """The nearest elements around an image that say something about it."""

    figure: LexborNode | None = None
    picture: LexborNode | None = None
    in_noscript: bool = False


_NOTHING = _Around()


class _Surroundings:
    """Finds what stands around the images of one page; siblings share the way up, so that each node is passed once."""

    def __init__(self) -> None:
        self._around: dict[int, _Around] = {}
        self._figcaptions: dict[int, str] = {}
        self._sources: dict[int, tuple[Attributes, ...]] = {}

    def of(self, image: LexborNode) -> _Around:
        """What stands around an image."""
        node = image.parent
        way: list[tuple[int, LexborNode]] = []
        around = _NOTHING
        while node is not None:
            identity = node.mem_id
            known = self._around.get(identity)
            if known is not None:
                around = known
                break
            way.append((identity, node))
            node = node.parent
        for identity, element in reversed(way):
            tag = element.tag
            if tag == "figure":
                around = around._replace(figure=element)
            elif tag == "picture":
                around = around._replace(picture=element)
            elif tag == "noscript":
                around = around._replace(in_noscript=True)
            self._around[identity] = around
        return around

    def figcaption(self, figure: LexborNode) -> str:
        """The text of a figure's own caption, or ""."""
        identity = figure.mem_id
        if identity not in self._figcaptions:
            captions = (node for node in figure.css("figcaption") if self._is_of(node, identity))
            caption = next(captions, None)
            self._figcaptions[identity] = "" if caption is None else caption.text(separator=" ")
        return self._figcaptions[identity]

    def _is_of(self, caption: LexborNode, figure: int) -> bool:
        nearest = self.of(caption).figure
        return nearest is not None and nearest.mem_id == figure

    def sources(self, picture: LexborNode) -> tuple[Attributes, ...]:
        """The attributes of the `<source>` elements of a picture."""
        identity = picture.mem_id
        if identity not in self._sources:
            self._sources[identity] = tuple(node.attributes for node in picture.css("source"))
        return self._sources[identity]


def _written_base(tree: LexborHTMLParser) -> str:
    for node in tree.tags("base"):
        if href := node.attributes.get("href"):
            return href
    return ""


def _page_title(tree: LexborHTMLParser) -> str:
    title = tree.css_first("title")
    return title.text() if title is not None else ""


def _header(page: HtmlPage, name: str) -> str:
    return next((value for header, value in page.headers if header == name), "")


def _signals(page: HtmlPage, tree: LexborHTMLParser, body: bytes, metas: list[Meta]) -> Signals:
    root = tree.root.attributes if tree.root is not None else {}
    licence = licence_of(_links(tree)) if b"creativecommons.org/" in body else ""
    declared = [meta.content for meta in metas if meta.name == "content-language"]
    language = language_of([root.get("lang"), root.get("xml:lang"), *declared, _header(page, "content-language")])
    return Signals(licence, language, opt_outs_of([*page.headers, *metas]))


def _links(tree: LexborHTMLParser) -> Iterator[tuple[str, str]]:
    for node in tree.css("a[href], link[href], area[href]"):
        attributes = node.attributes
        yield attributes.get("rel") or "", attributes.get("href") or ""
