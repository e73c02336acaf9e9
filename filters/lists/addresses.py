"""Addresses and domains as lists mean them: one text for all spellings of one thing; and all spellings, for hashes."""

from __future__ import annotations

import itertools
import re
from typing import NamedTuple

import can_ada

_UNREADABLE = re.compile(r"[\x00-\x20\x7f]")
_NO_NAME = re.compile(r"[/\\?#@]|:\d*$|^[0-9a-fA-FxX]+$")


class Address(NamedTuple):
    """An http or https address; both schemes are one."""

    host: str  # punycode, lower case, without a final dot
    rest: str  # port, path and query, never a fragment or a user name

    @property
    def text(self) -> bytes:
        """The text by which lists and records are compared."""
        return f"{self.host}{self.rest}".encode()

    @property
    def domains(self) -> list[bytes]:
        """The host, and every domain above it."""
        labels = self.host.split(".")
        return [".".join(labels[start:]).encode() for start in range(len(labels))]


def address(url: str) -> Address | None:
    """Host and rest of an http or https address as WHATWG reads it; None where `url` is none."""
    try:
        parts = can_ada.parse(url)
    except (ValueError, TypeError):  # no address, or a lone surrogate
        return None
    if parts.protocol not in {"http:", "https:"}:
        return None
    port = f":{parts.port}" if parts.port else ""
    # "site.example." is the same host in DNS: a dot must not be a way around a list
    return Address(str(parts.hostname).rstrip("."), f"{port}{parts.pathname}{parts.search}")


def address_text(written: str) -> bytes | None:
    """The text of an entry that is an address, or None."""
    if "://" not in written or _UNREADABLE.search(written):
        return None
    found = address(written)
    return found.text if found else None


def domain_text(written: str) -> bytes | None:
    """The text of an entry that is a domain ("site.example", "*.site.example"), or None.

    A name without a dot is none: it would take out a whole top-level domain.
    """
    name = written.removeprefix("*").removeprefix(".").rstrip(".")
    found = None if _UNREADABLE.search(name) else address(f"http://{name}")
    # "site.example/page", "site.example:80", "someone@site.example" and "12345678" (an IPv4 address to browsers, and
    # more likely half of a hash) parse as well, but are no names of hosts
    if found is None or found.rest != "/" or _NO_NAME.search(name) or "." not in found.host:
        return None
    return found.host.encode()


def spellings(url: str) -> set[str]:
    """Every way in which the maker of a list may have written `url` before taking its hash.

    As it is; and with host in lower case and no fragment, as written and as WHATWG writes it: under http, https and no
    scheme, with and without "www.", with and without the final slash of the path, with and without the query. Nobody
    publishes how hashes of addresses are made (safety.md 2.1), so a hash of any of them names the address.
    """
    found = {url}
    whole = url.partition("#")[0]
    parsed = address(url)
    for rest in {whole.partition("://")[2], f"{parsed.host}{parsed.rest}" if parsed else ""} - {""}:
        found |= _spellings(rest)
    return found


def _spellings(address_without_scheme: str) -> set[str]:
    before, mark, query = address_without_scheme.partition("?")
    host, slash, path = before.partition("/")
    host = host.rpartition("@")[2].lower()
    hosts = (host, host.removeprefix("www.") if host.startswith("www.") else f"www.{host}")
    path = f"{slash}{path}".rstrip("/")
    return {
        f"{scheme}{name}{path}{end}{asked}"
        for scheme, name, end, asked in itertools.product(
            ("http://", "https://", ""), hosts, ("", "/"), {"", f"{mark}{query}"}
        )
    }
