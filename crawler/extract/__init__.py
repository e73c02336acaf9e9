"""From a page to its candidates: image links with their texts."""

from __future__ import annotations

from crawler.extract.html import extract_html
from crawler.extract.listed import extract_row
from crawler.extract.outcome import Extraction, NoCandidate
from crawler.extract.wat import extract_wat
from crawler.records import HtmlPage, ListRow, Page
from crawler.settings import Extract

__all__ = ["Extraction", "NoCandidate", "extract"]


def extract(page: Page, settings: Extract) -> Extraction:
    """Every image of a page: a candidate, or counted with the reason why it is none. Never raises.

    An image that scripts load late and its twin for browsers without scripts are one image. The address taken is the
    largest that the mark-up offers; the caption is the best that `settings.texts` accepts and that holds something to
    read. The title of the page and `og:title` describe the page: they are texts of its preview pictures only.

    An image of a list has the caption that the list gives it, and may have none: then the caption is empty.
    """
    if isinstance(page, ListRow):
        return extract_row(page, settings)
    return extract_html(page, settings) if isinstance(page, HtmlPage) else extract_wat(page, settings)
