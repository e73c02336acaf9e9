"""Under which word sites know us: the product token of our User-Agent."""

from __future__ import annotations

import re

#: the first product of a User-Agent header: RFC 9110 section 10.1.5, `product = token ["/" version]`. RFC 9309 section
#: 2.2.1 would have letters, "_" and "-" only, but a crawler called "bot2" is told things under that name
_PRODUCT = re.compile(r"\s*([!#$%&'*+\-.^_`|~0-9A-Za-z]+)")


def token_of(user_agent: str) -> str:
    """The product token of a user agent, in lower case: "Pairtrawl/0.1 (+page)" is known as "pairtrawl".

    It is what robots.txt, X-Robots-Tag and `<meta name>` call us. "" where the text starts with no product: nobody is
    called so.
    """
    found = _PRODUCT.match(user_agent)
    return found.group(1).lower() if found else ""
