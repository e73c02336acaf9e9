"""The pictures by which a page wants to be shown elsewhere: Open Graph and Twitter cards."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from crawler.extract.addresses import Choice
from crawler.extract.harvest import Texts
from crawler.records import ImageSource


class Meta(NamedTuple):
    """A `<meta>` element: `name`, `property` or `http-equiv` in lower case, and `content` as written."""

    name: str
    content: str


_IMAGES = {
    "og:image": ImageSource.OG_IMAGE,
    "og:image:url": ImageSource.OG_IMAGE,
    "twitter:image": ImageSource.TWITTER_IMAGE,
    "twitter:image:src": ImageSource.TWITTER_IMAGE,
}
_TEXTS = {"og:image:alt": ImageSource.OG_IMAGE, "twitter:image:alt": ImageSource.TWITTER_IMAGE}
#: the elements that `previews` looks at, by name
NAMES = frozenset((*_IMAGES, *_TEXTS, "og:title"))


def previews(metas: Iterable[Meta], page_title: str = "") -> Iterator[tuple[Choice, Texts]]:
    """The preview images that a page names, each once, with the texts that describe the page, not an image on it.

    `og:image:alt` belongs to the image named before it (ogp.me, structured properties); so does Twitter's.
    """
    alts: dict[Choice, str] = {}
    last: dict[ImageSource, Choice] = {}
    early: dict[ImageSource, str] = {}  # a text that comes before any image belongs to the first one
    title = ""
    for name, content in metas:
        if name in _IMAGES and content.strip():
            source = _IMAGES[name]
            last[source] = (content, source)
            alts.setdefault(last[source], early.pop(source, ""))
        elif name in _TEXTS and content:
            source = _TEXTS[name]
            if source not in last:
                early.setdefault(source, content)
            elif not alts[last[source]]:
                alts[last[source]] = content
        elif name == "og:title" and not title:
            title = content
    for choice, alt in alts.items():
        yield choice, ("", "", "", alt, title, page_title)
