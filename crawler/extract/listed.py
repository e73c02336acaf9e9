"""The images of one row of a published list."""

from __future__ import annotations

from crawler.extract.harvest import Harvest
from crawler.extract.outcome import Extraction
from crawler.extract.signals import Signals
from crawler.records import ImageSource, ListRow
from crawler.settings import Extract

#: the page was not read: what it said of licence, language and use is not known
_UNHEARD = Signals()


def extract_row(row: ListRow, settings: Extract) -> Extraction:
    """Every image of a row. Addresses are normalised and captions cleaned as those of pages are; never raises."""
    harvest = Harvest(row, "", _UNHEARD, settings, listed=True)
    for link, text in row.images:
        harvest.add((link, ImageSource.LIST), (text, None, None, None, None, None))
    return harvest.result()
