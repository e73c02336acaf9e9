"""The images of one row of a published list."""

from __future__ import annotations

from crawler.extract.outcome import Extraction, NoCandidate
from crawler.extract.wording import Wording
from crawler.records import Candidate, Caption, ImageSource, ListRow, TextSource
from crawler.settings import Extract
from crawler.tongue import tongue_of
from crawler.urls import Base

_NO_BASE = Base("")
_REASONS = tuple(NoCandidate)


def extract_row(row: ListRow, settings: Extract) -> Extraction:
    """Every image of a row. Addresses are normalised and captions cleaned as those of pages are; never raises.

    Links are absolute, and an image without a caption is a candidate all the same, for somebody chose it already.
    """
    wording = Wording(settings)
    found: dict[tuple[str, str], Candidate] = {}
    dropped: list[NoCandidate] = []
    for position, (link, text) in enumerate(row.images):
        if position >= settings.images_per_page:
            dropped.append(NoCandidate.OVER_LIMIT)
        elif not (url := _NO_BASE.join(link)):
            dropped.append(NoCandidate.NO_ADDRESS)
        elif len(url) > settings.url_characters:
            dropped.append(NoCandidate.URL_TOO_LONG)
        else:
            (cleaned,) = wording.captions((text,))
            if (url, cleaned) in found:
                dropped.append(NoCandidate.REPEATED)
                continue
            caption = Caption(TextSource.LIST, cleaned)
            (written,) = wording.as_written((TextSource.LIST,), (text,), (caption,))
            # the page was not read: what it said of licence, language and use is not known
            found[url, cleaned] = Candidate(
                url, ImageSource.LIST, caption, (), row.url, row.archive, row.offset, position, "", "", (), link,
                written, "", tongue_of(cleaned),
            )  # fmt: skip
    counts = tuple([(reason, dropped.count(reason)) for reason in _REASONS if reason in dropped]) if dropped else ()
    return Extraction(tuple(found.values()), len(row.images), counts)
