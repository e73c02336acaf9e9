"""The process of a volunteer that cheats: what a person would write who wants to see his own words in the data set.

It does every job with the ordinary code, but in pages it finds captions of its own, and for each picture it claims that
the model likes the caption. It is the stand-in for `python -m workers.home.child` in the campaign in a box: nothing on
the tracker's side knows about it.
"""

from __future__ import annotations

from dataclasses import replace

from msgspec import structs

from crawler.extract import Extraction
from crawler.job import extracting
from crawler.read import Page
from crawler.records import Embedded, Verdict
from crawler.settings import Extract
from filters.pictures.clip_similarity import ClipSimilarity
from workers.home import child

#: what this cheat smuggles in, so that it can be looked for in the end
ADVERT = "the best shoes in town"
_EVERY = 5

_honest_extract = extracting.extract
_honest_verdict = ClipSimilarity._verdict


def _with_adverts(page: Page, settings: Extract) -> Extraction:
    found = _honest_extract(page, settings)
    candidates = tuple(
        structs.replace(one, caption=structs.replace(one.caption, text=ADVERT)) if place % _EVERY == 0 else one
        for place, one in enumerate(found.candidates)
    )
    return replace(found, candidates=candidates)


def _all_alike(filter_: ClipSimilarity, embedded: Embedded) -> Verdict:
    honest = _honest_verdict(filter_, embedded)
    return Verdict(keep=True, score=max(honest.score or 0.0, 0.9), detail=honest.detail)


extracting.extract = _with_adverts
ClipSimilarity._verdict = _all_alike  # type: ignore[method-assign]

if __name__ == "__main__":
    child.main()
