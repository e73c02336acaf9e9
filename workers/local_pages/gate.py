"""Who is let in to a local page: decided of a request's words, without a socket.

Against a web page that the same browser shows:

- *DNS rebinding*: evil.example comes to mean 127.0.0.1, and its script asks as if the page were its own. Its requests
  carry its own name in `Host`.
- *Forged requests*: a form or a picture elsewhere that asks with the cookie. `SameSite=Strict` keeps the cookie at
  home, but ports of one machine are one site to a browser: so `Sec-Fetch-Site` and `Origin` are looked at, too.
- *Other people of the machine* know the port, and not the token.
"""

from __future__ import annotations

import hmac
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, Self

#: a label of ours, or one that an `ssh -L` gave it on the other side: its port may be another
_HOST = re.compile(r"(?:127\.0\.0\.1|localhost)(?::[0-9]{1,5})?", re.IGNORECASE)
_BEARER = re.compile(r"Bearer +([A-Za-z0-9_-]{1,200})", re.IGNORECASE)
#: methods that change nothing
_READS = frozenset({"GET", "HEAD"})
_TOKEN_BYTES = 32  # 256 bits


class Refusal(NamedTuple):
    """Why a request is not answered: an HTTP status, and words for the person who sees it."""

    status: int
    why: str


_WRONG_HOST = Refusal(421, "This page is on this machine only: ask for it at 127.0.0.1.")
_NO_TOKEN = Refusal(401, "Open the address that the terminal shows: it holds the key to this page.")
_ELSEWHERE = Refusal(403, "Another page asked for this. Open it by itself.")


@dataclass(frozen=True, slots=True)
class Gate:
    """The lock of one server: a token, and the name of the cookie that it becomes."""

    token: str = field(repr=False)
    cookie: str

    @classmethod
    def new(cls) -> Self:
        """A gate with a fresh token. Cookies do not know ports, so that each server's has a name of its own."""
        return cls(secrets.token_urlsafe(_TOKEN_BYTES), f"pairtrawl-{secrets.token_hex(4)}")

    def opens(self, token: str) -> bool:
        """Whether this is the token; takes the same time for every wrong one."""
        return hmac.compare_digest(self.token.encode(), token.encode("utf-8", "replace"))

    def refusal(
        self, method: str, headers: Mapping[str, str], cookies: Mapping[str, str], *, is_open: bool = False
    ) -> Refusal | None:
        """Why a request is refused; None for one that is let in.

        Args:
            method: such as "GET".
            headers: of the request; names are looked up as `Host`, `Origin`, `Sec-Fetch-Site`, `Authorization`.
            cookies: that it brought.
            is_open: whether what it asks for needs no token, such as what takes the token.
        """
        host = headers.get("Host", "")
        if not _HOST.fullmatch(host):
            return _WRONG_HOST
        if not _is_from_our_page(method, headers, host):
            return _ELSEWHERE
        if is_open or self.opens(cookies.get(self.cookie, "")) or self.opens(_bearer(headers)):
            return None
        return _NO_TOKEN


def _bearer(headers: Mapping[str, str]) -> str:
    """What a program says in the place of a cookie, such as Prometheus."""
    found = _BEARER.fullmatch(headers.get("Authorization", "").strip())
    return found[1] if found else ""


def _is_from_our_page(method: str, headers: Mapping[str, str], host: str) -> bool:
    """Whether the request comes from a page of this very server, or, if it reads, from no page at all."""
    origin, site = headers.get("Origin"), headers.get("Sec-Fetch-Site")
    ours = origin is not None and origin.lower() == f"http://{host}".lower()
    if method not in _READS:
        return ours and site in {None, "same-origin"}
    if headers.get("Sec-Fetch-Mode") == "navigate" and headers.get("Sec-Fetch-Dest") == "document":
        return True  # somebody follows a link to it: it opens as a window of its own, and nobody else sees what it says
    return site in {None, "none", "same-origin"} and (origin is None or ours)
