"""Drop candidates whose image or page is named by the list (or lists) of addresses and domains at `path`.

One entry a line. An address ("https://site.example/a.jpg") names that picture, or all pictures of that page; http and
https are the same address, as are addresses that browsers make the same (WHATWG). A domain ("site.example") names
itself and its subdomains, as host of the picture or of the page. `#` starts a comment. The file may be gzipped.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import can_ada

from crawler.records import Candidate, Verdict
from filters.lists import BadLineError, lines, read_lists

_UNREADABLE = re.compile(r"[\x00-\x20\x7f]")


class Listed(NamedTuple):
    """One entry: an address where `rest` is not empty, else a domain."""

    host: str  # punycode, without a final dot
    rest: str = ""  # port, path and query


@dataclass(frozen=True, slots=True)
class UrlRemoval:
    """Judges by addresses of picture and page."""

    listed: frozenset[Listed] = field(repr=False)

    def judge(self, batch: Sequence[Candidate]) -> list[Verdict]:
        """One verdict per candidate, in order. It never says which entry matched."""
        return [
            Verdict(not (self._names(candidate.image_url) or self._names(candidate.page_url))) for candidate in batch
        ]

    def _names(self, url: str) -> bool:
        address = _address(url)
        if address is None:
            return False
        labels = address.host.split(".")
        return address in self.listed or any(
            Listed(".".join(labels[start:])) in self.listed for start in range(len(labels))
        )


def build(*, path: str | tuple[str, ...], folder: Path = Path()) -> UrlRemoval:
    """The filter for the list or lists at `path`.

    Raises:
        SettingsError: a list cannot be read to its last line (see `filters.lists`).
    """
    return UrlRemoval(frozenset(read_lists(path, folder, parse)))


def parse(text: str) -> Iterator[tuple[int, Listed | BadLineError]]:
    """Line number, and the address or domain that the line names."""
    for number, line in lines(text):
        try:
            yield number, _address_entry(line) if "://" in line else _domain_entry(line)
        except BadLineError as problem:
            yield number, problem


def _address_entry(line: str) -> Listed:
    address = _address(line)
    if address is None or _UNREADABLE.search(line):
        raise BadLineError("not an http or https address")
    return address


def _domain_entry(line: str) -> Listed:
    name = line.removeprefix("*").removeprefix(".").rstrip(".")
    address = None if _UNREADABLE.search(name) else _address(f"http://{name}")
    # "site.example/page", "site.example:80" and "someone@site.example" parse as well, but are no names of hosts
    if address is None or address.rest != "/" or re.search(r"[/\\?#@]|:\d*$", name):
        raise BadLineError("neither an http or https address nor the name of a domain")
    if "." not in address.host:
        raise BadLineError("a name without a dot would take out a whole top-level domain")
    return Listed(address.host)


def _address(url: str) -> Listed | None:
    """Host and rest of an http or https address; None where it is not one. A fragment is no part of an address."""
    try:
        parts = can_ada.parse(url)
    except ValueError:
        return None
    if parts.protocol not in {"http:", "https:"}:
        return None
    port = f":{parts.port}" if parts.port else ""
    # "site.example." is the same host in DNS: a dot must not be a way around a list
    return Listed(str(parts.hostname).rstrip("."), f"{port}{parts.pathname}{parts.search}")
