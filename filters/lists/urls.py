"""Which addresses the lists name: as they are, by a hash, or by their domain."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import numpy as np

from filters.lists.addresses import Address, address, spellings
from filters.lists.kinds import DIGESTS, Kind
from filters.lists.loading import Lists

#: the kinds by which an address can be named
URL_KINDS = frozenset({Kind.URL, Kind.URL_MD5, Kind.URL_SHA1, Kind.URL_SHA256, Kind.DOMAIN})


def listed_urls(lists: Lists, urls: Iterable[str]) -> set[str]:
    """Those of `urls` that the lists name. What is no address is named by nothing but the hash of its text."""
    found: set[str] = set()
    different = {url: address(url) for url in urls}
    for kind in sorted(lists.kinds & URL_KINDS):
        pairs = [(url, value) for url, parsed in different.items() for value in _values(kind, url, parsed)]
        hits = lists.has(kind, [value for _, value in pairs])
        found.update(pairs[place][0] for place in np.flatnonzero(hits))
    return found


def _values(kind: Kind, url: str, parsed: Address | None) -> list[bytes]:
    """Every value by which a list of this kind may name `url`."""
    if kind in DIGESTS:
        # a lone surrogate has no bytes; "?" in its place is as good as anything
        texts = [text.encode(errors="replace") for text in spellings(url)]
        return [hashlib.new(DIGESTS[kind], text, usedforsecurity=False).digest() for text in texts]
    if parsed is None:
        return []
    return [parsed.text] if kind is Kind.URL else parsed.domains
