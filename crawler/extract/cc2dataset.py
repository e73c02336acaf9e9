"""The five columns that cc2dataset 1.5.0 writes for an image, derived from a candidate of the same WAT record."""

from __future__ import annotations

import hashlib
from urllib.parse import urljoin

from crawler.records import Candidate


def derive_cc2dataset(candidate: Candidate) -> dict[str, str]:
    """`uid`, `url`, `alt`, `cc_filename` and `page_url` as cc2dataset has them, from what was written on the page.

    Holds for candidates from WAT files whose recipe has "alt" as its first text. Candidates whose text is another than
    the alt, and pictures that Open Graph names, become rows in the same form that cc2dataset does not have.
    """
    url = candidate.written_src
    if not url.startswith(("http://", "https://")):
        url = _joined(_joined(candidate.page_url, candidate.base_url), url)
    alt = candidate.written_text
    # cc2dataset joins the two without anything in between; not for security, for the same name
    uid = hashlib.md5((alt + url).encode("utf-8", "surrogatepass"), usedforsecurity=False).hexdigest()
    return {"uid": uid, "url": url, "alt": alt, "cc_filename": candidate.archive, "page_url": candidate.page_url}


def _joined(base: str, link: str) -> str:
    """As cc2dataset joins; what Python's parser refuses it leaves as it is (a link) or ignores (a base)."""
    try:
        return urljoin(base, link)
    except ValueError:
        return link
