"""Under which name we ask: the User-Agent of every request, and its product token, by which sites speak of us."""

from __future__ import annotations

import re
from functools import lru_cache

from crawler.errors import SettingsError

#: the first product of a User-Agent header: RFC 9110 section 10.1.5, `product = token ["/" version]`. RFC 9309 section
#: 2.2.1 would have letters, "_" and "-" only, but a crawler called "bot2" is told things under that name
_PRODUCT = re.compile(r"\s*([!#$%&'*+\-.^_`|~0-9A-Za-z]+)")
#: words by which nobody can tell us from others
_NO_NAMES = frozenset(("", "mozilla"))


def identity_of(user_agent: str, contact: str) -> str:
    """The User-Agent that every request carries, to archives as to images: `name/version (+contact)`.

    Raises:
        SettingsError: it holds what a header cannot, or does not begin with a name of our own. A line break would let
            a recipe that somebody else wrote add headers of its own to our requests.
    """
    text = f"{user_agent} (+{contact})" if contact else user_agent
    if not (text.isascii() and text.isprintable() and text.strip()):
        raise SettingsError(f"fetch.user_agent and fetch.contact make {text!r}: use printable ASCII characters")
    if token_of(user_agent) in _NO_NAMES:
        raise SettingsError(
            f"fetch.user_agent = {user_agent!r}: begin with a name of your own, such as mycrawler/1.0: "
            "robots.txt has rules by that name, and a browser's is nobody's"
        )
    return text


@lru_cache(maxsize=16)  # asked for with every page and answer, and a process has one
def token_of(user_agent: str) -> str:
    """The product token of a user agent, in lower case: "Pairtrawl/0.1 (+page)" is known as "pairtrawl".

    It is what robots.txt, X-Robots-Tag and `<meta name>` call us. "" where the text starts with no product: nobody is
    called so.
    """
    found = _PRODUCT.match(user_agent)
    return found.group(1).lower() if found else ""
