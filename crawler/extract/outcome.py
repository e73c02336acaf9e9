"""What the images of a page came to."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from crawler.records import Candidate


class NoCandidate(StrEnum):
    """Why an image of a page is no candidate. The values are report columns (docs/reasons.md)."""

    #: none of the texts that the recipe accepts was written
    NO_TEXT = "no_text"
    #: its link is missing, or leads nowhere on the web: data:, javascript:, not an address
    NO_ADDRESS = "no_address"
    #: the address is longer than the recipe allows
    URL_TOO_LONG = "url_too_long"
    #: the same image with the same text again on this page, such as the noscript twin of a lazy image
    REPEATED = "repeated"
    #: the page has more images than the recipe takes from one page
    OVER_LIMIT = "over_limit"
    #: the description of a page in a WAT file is damaged: counted as one image, for how many it held is not known
    UNREADABLE = "unreadable"


class Extraction(msgspec.Struct, frozen=True):
    """The candidates of one page, and the count of its other images: `images == len(candidates) + sum(dropped)`."""

    candidates: tuple[Candidate, ...]
    images: int
    dropped: tuple[tuple[NoCandidate, int], ...]  # in the order of NoCandidate, counts above zero only
