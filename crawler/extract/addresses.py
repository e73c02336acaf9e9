"""Which of the addresses that mark-up gives one image is taken: the largest, for the original is what is wanted."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from itertools import islice

from crawler.extract.srcset import Source, parse_srcset
from crawler.records import ImageSource
from crawler.urls import LONGEST_LINK

Attributes = Mapping[str, str | None]

#: where scripts that load images late keep the address, best first; the script puts it into `src`
LAZY_SRC = (
    "data-src", "data-original", "data-lazy-src", "data-original-src", "data-img-src", "data-lazy", "data-lazyload",
    "data-image", "data-image-src", "data-full-src", "data-large-image", "data-large_image", "data-orig-file",
    "data-hi-res-src", "data-actualsrc", "data-echo", "data-delayed-url", "data-defer-src", "data-ll-src",
    "data-gt-lazy-src", "data-src-fg", "data-scroll-image", "data-lateloadsrc", "data-nitro-lazy-src",
    "data-flickity-lazyload", "data-ezsrc", "nitro-lazy-src", "lazy-src", "original-src", "ess-data",
)  # fmt: skip
#: the same for `srcset`
LAZY_SRCSET = (
    "data-srcset", "data-lazy-srcset", "data-original-set", "data-lazyload-srcset", "data-src-set", "data-bgset",
    "data-nitro-lazy-srcset", "nitro-lazy-srcset", "lazy-srcset",
)  # fmt: skip
_LAZY = frozenset(LAZY_SRC + LAZY_SRCSET)
_SPACE = re.compile(r"\s")
_NO_LINK = re.compile(r"[{}<>]")


#: an address as written, and the mark-up that named it; a plain tuple, for it is made for every image of the web
Choice = tuple[str, ImageSource]
#: one image of a set, and the mark-up that named the set
Found = tuple[Source, ImageSource]
_IMG_SRC = ImageSource.IMG_SRC
#: a picture that offers more is an attack: each image in it has a look at all of them
_MOST_OF_A_PICTURE = 200


def sets_of(sources: Iterable[Attributes]) -> tuple[Found, ...]:
    """What the `<source>` elements of a `<picture>` offer, in order."""
    found = (one for source in sources for one in _set_of(source, ImageSource.PICTURE))
    return tuple(islice(found, _MOST_OF_A_PICTURE))


def choose(image: Attributes, picture: tuple[Found, ...] = ()) -> tuple[Choice | None, tuple[str, ...]]:
    """The address to fetch for an `<img>`, and every address that its mark-up gives it, all as written.

    `picture` is what the `<source>` elements of the `<picture>` around it offer. Chosen is the widest of all
    sets; else the densest above 1x; else what a lazy attribute says, for `src` is then a placeholder; else `src`. Of
    equals the image's own comes first, which is the one for all browsers. None where nothing is written.
    """
    src = image.get("src")
    is_lazy = not _LAZY.isdisjoint(image)
    if src and not picture and not is_lazy and "srcset" not in image:
        return (src, _IMG_SRC), (src,)  # most images of the web: no time to lose
    sets = [*_set_of(image, ImageSource.SRCSET), *picture]
    lazy = _lazy_links(image) if is_lazy else []
    links = (*([src] if src else ()), *lazy, *(source.link for source, _ in sets))
    best = max(sets, key=_size, default=None)  # the first of equals
    if best is not None and (best[0].width or best[0].density > 1):
        return (best[0].link, best[1]), links
    if lazy:
        return (lazy[0], ImageSource.LAZY), links
    if src and (best is None or not _is_data(src)):
        return (src, _IMG_SRC), links
    return ((best[0].link, best[1]) if best else None), links


def _size(found: Found) -> tuple[int, float]:
    return found[0].width, found[0].density


def _is_data(link: str) -> bool:
    return link.lstrip()[:5].lower() == "data:"


def _lazy_links(image: Attributes) -> list[str]:
    return [link for name in LAZY_SRC if (link := image.get(name)) and _is_like_an_address(link)]


def _is_like_an_address(written: str) -> bool:
    """Whether a lazy attribute holds a link: it may as well hold a number, a name, JSON or a placeholder."""
    link = written.strip()
    if link.startswith("data:") or len(link) > LONGEST_LINK or _NO_LINK.search(link):
        return False
    if link.startswith(("/", "http:/", "https:/")):
        return True
    return ("/" in link or "." in link) and not _SPACE.search(link)


def _set_of(element: Attributes, named_by: ImageSource) -> list[Found]:
    srcset = element.get("srcset")
    found = [(source, named_by) for source in parse_srcset(srcset)] if srcset else []
    if not _LAZY.isdisjoint(element):
        lazy = ImageSource.LAZY if named_by is ImageSource.SRCSET else named_by
        written = [text for name in LAZY_SRCSET if (text := element.get(name))]
        found += [(source, lazy) for text in written for source in parse_srcset(text)]
    return [one for one in found if not _is_data(one[0].link)]
