"""Which hosts are one site: the border to the public suffix list, which comes with its package (nothing is fetched)."""

from __future__ import annotations

from functools import cache, lru_cache

from publicsuffixlist import PublicSuffixList

#: hosts whose site is kept at hand; a look-up takes 10 us, a kept one 0.1 us
_KEPT = 1 << 16


@lru_cache(_KEPT)
def site_of(host: str) -> str:
    """The site that a host belongs to: its registrable domain (one label below a public suffix).

    With the list's private section, so customers of github.io or blogspot.com are sites of their own. What has no
    registrable domain (an IP address, a single label, a public suffix itself) is its own site. `host` is lower case,
    IDNA or Unicode; a dot at its end makes no other site of it. Never raises.
    """
    name = host.removesuffix(".")
    if ":" in name or name.rpartition(".")[2].isdigit():  # WHATWG: what ends in a number is an IPv4 address
        return name
    return _list().privatesuffix(name) or name


@cache
def _list() -> PublicSuffixList:
    return PublicSuffixList()  # 0.2 s, hence not at import
