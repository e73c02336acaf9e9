"""Images of an HTML page: every `<img>` with what stands around it, and the pictures by which the page is shown.

The parser runs with scripting off, so that what stands in `<noscript>` is seen: one image of the web in ten is there.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from selectolax.lexbor import LexborHTMLParser, LexborNode

from crawler.extract.addresses import Attributes, Found, choose, sets_of
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
    body = without_bombs(utf8_of(page.body[: settings.html_bytes], _header(page, "content-type")))
    tree = LexborHTMLParser(body, options=_WITHOUT_EVENTS)
    # a query for several kinds of elements takes as long as a walk for each, and must itself be parsed
    metas = [meta_of(node.attributes) for node in tree.tags("meta")[:_MOST_METAS]]
    harvest = Harvest(page, _written_base(tree), _signals(page, tree, body, metas), settings)
    _add_images(harvest, tree, settings.images_per_page)
    page_title = _page_title(tree) if TextSource.PAGE_TITLE in settings.texts else ""
    for choice, texts in previews(metas, page_title):
        harvest.add(choice, texts)
    return harvest.result()


def meta_of(attributes: Attributes) -> Meta:
    """A `<meta>` element as its name, whichever attribute gives it, in lower case, and its content."""
    name = attributes.get("name") or attributes.get("property") or attributes.get("http-equiv") or ""
    return Meta(name.strip().lower(), attributes.get("content") or "")


def _add_images(harvest: Harvest, tree: LexborHTMLParser, most: int) -> None:
    surroundings = _Surroundings(tree)
    nodes = tree.tags("img")
    images: list[tuple[Attributes, _Around | None]] = []
    for node in nodes[:most]:
        attributes = node.attributes
        may_have_text = attributes.get("alt") or attributes.get("title") or surroundings.have_captions
        images.append((attributes, surroundings.of(node) if may_have_text else None))
    has_fallbacks = any(around is not None and around.in_noscript for _, around in images)
    for image, around in images:
        if around is None:
            harvest.add(None, _NO_TEXTS)  # half of all: where it lies does not matter
            continue
        figcaption = surroundings.figcaption(around.figure) if around.figure is not None else None
        choice, links = choose(image, surroundings.sets(around.picture) if around.picture is not None else ())
        texts = (image.get("alt"), figcaption, image.get("title"), None, None, None)
        harvest.add(choice, texts, links if has_fallbacks else (), is_fallback=around.in_noscript)
    harvest.add_over_limit(len(nodes) - len(images))


class _Around(NamedTuple):
    """The nearest elements around an image that say something about it."""

    figure: LexborNode | None = None
    picture: LexborNode | None = None
    in_noscript: bool = False


_NOTHING = _Around()
_NO_TEXTS = (None, None, None, None, None, None)
#: mutation events, which serve scripts and copy the chosen <option> into a <selectedcontent>: a twentieth of the time
_WITHOUT_EVENTS = 1
#: a page of 5 MB has room for 800,000
_MOST_METAS = 10_000
#: of all figures of one page together: captions of figures in captions of figures hold the same text again and again
_MOST_CAPTION_CHARACTERS = 16 * 1024 * 1024


class _Surroundings:
    """Finds what stands around the images of one page; siblings share the way up, so that each node is passed once."""

    def __init__(self, tree: LexborHTMLParser) -> None:
        self._tree = tree
        self._around: dict[int, _Around] = {}
        self._all_captions = tree.tags("figcaption")
        self.have_captions = bool(self._all_captions)
        self._captions: dict[int, LexborNode] | None = None  # the first <figcaption> of each <figure>
        self._caption_texts: dict[int, str] = {}
        self._caption_characters = 0  # in all of them
        self._sets: dict[int, tuple[Found, ...]] | None = None  # of the <source> elements of each <picture>

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
        if self._captions is None:
            self._captions = {}
            for caption in self._all_captions:
                nearest = self.of(caption).figure
                if nearest is not None:
                    self._captions.setdefault(nearest.mem_id, caption)
        identity = figure.mem_id
        own = self._captions.get(identity)
        if own is None or self._caption_characters > _MOST_CAPTION_CHARACTERS:
            return ""
        if identity not in self._caption_texts:
            text = own.text(separator=" ")
            self._caption_texts[identity] = text
            self._caption_characters += len(text)
        return self._caption_texts[identity]

    def sets(self, picture: LexborNode) -> tuple[Found, ...]:
        """The addresses that the `<source>` elements of a picture offer."""
        if self._sets is None:
            sources: dict[int, list[Attributes]] = {}
            for source in self._tree.tags("source"):
                nearest = self.of(source).picture
                if nearest is not None:
                    sources.setdefault(nearest.mem_id, []).append(source.attributes)
            self._sets = {identity: sets_of(attributes) for identity, attributes in sources.items()}
        return self._sets.get(picture.mem_id, ())


def _written_base(tree: LexborHTMLParser) -> str:
    for node in tree.tags("base"):
        if href := node.attributes.get("href"):
            return href
    return ""


def _page_title(tree: LexborHTMLParser) -> str:
    title = tree.css_first("title")
    return title.text() if title is not None else ""


def _header(page: HtmlPage, name: str) -> str:
    for header, value in page.headers:
        if header == name:
            return value
    return ""


def _signals(page: HtmlPage, tree: LexborHTMLParser, body: bytes, metas: list[Meta]) -> Signals:
    root = tree.root.attributes if tree.root is not None else {}
    licence = licence_of(_licence_links(tree)) if b"creativecommons.org/" in body else ""
    declared = [meta.content for meta in metas if meta.name == "content-language"]
    language = language_of([root.get("lang"), root.get("xml:lang"), *declared, _header(page, "content-language")])
    return Signals(licence, language, opt_outs_of(page.headers, metas))


def _licence_links(tree: LexborHTMLParser) -> Iterator[tuple[str, str]]:
    for node in tree.css(_LICENCE_LINKS):
        attributes = node.attributes
        yield attributes.get("rel") or "", attributes.get("href") or ""


_LICENCE_LINKS = ", ".join(f'{tag}[href*="creativecommons.org/" i]' for tag in ("a", "link", "area"))
