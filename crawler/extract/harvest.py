"""Counts the images of pages and makes candidates of those that have a text and an address."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import compress, repeat

from crawler.extract.addresses import Choice
from crawler.extract.outcome import Extraction, NoCandidate
from crawler.extract.signals import Signals
from crawler.extract.wording import Wording, Written
from crawler.records import Candidate, Caption, ImageSource, Page, TextSource
from crawler.settings import Extract
from crawler.tongue import tongues_of
from crawler.urls import LONGEST_LINK, Base

#: the texts of one image as written, in the order of TextSource; a plain tuple, for it is made for every image
Texts = tuple[str | None, str | None, str | None, str | None, str | None, str | None]
_PLACES = {source: place for place, source in enumerate(TextSource) if source is not TextSource.LIST}
_REASONS = tuple(NoCandidate)
#: stands for the address of an image that has none: this one leads nowhere either
_NO_CHOICE = ("data:,", ImageSource.IMG_SRC)
#: what stands for the texts of an image without any
_UNTEXTED: list[Written] = [(TextSource.LIST, "")]
#: addresses of one image that are remembered, to know its twin by
_MOST_ALTERNATIVES = 50
_NO_ALTERNATIVES: tuple[tuple[str, ...], bool] = ((), False)


@lru_cache(maxsize=8)  # there is one recipe
def _order_of(texts: tuple[TextSource, ...]) -> tuple[tuple[TextSource, int], ...]:
    return tuple((source, _PLACES[source]) for source in texts if source in _PLACES)


class Harvest:
    """The images of one page, noted one after another in page order, and made candidates all at once.

    An image is repeated if its address and its cleaned text were there before; with `as_written`, only if its link and
    text were, letter for letter: what cc2dataset would tell apart stays apart.
    """

    __slots__ = (
        "_alternatives", "_as_written", "_base_url", "_dropped", "_links", "_order", "_other_texts", "_page",
        "_positions", "_settings", "_signals", "_sources", "_text_sources", "_texts", "_urls",
    )  # fmt: skip

    def __init__(
        self,
        page: Page,
        written_base: str,
        signals: Signals,
        settings: Extract,
        *,
        as_written: bool = False,
    ) -> None:
        self._page = page
        self._base_url = written_base
        self._signals = signals
        self._settings = settings
        self._as_written = as_written
        self._order = _order_of(settings.texts)
        self._dropped: dict[NoCandidate, int] = {}
        # What is known of the images, a column each: work on columns takes a third of the time of work on rows.
        self._positions: Sequence[int] = ()  # on the page; known once all are noted, as are the addresses
        self._urls: list[str] = []
        self._links: list[str] = []
        self._sources: list[ImageSource] = []
        self._texts: list[str] = []  # the best that is written at all, or ""
        self._text_sources: list[TextSource] = []  # of these
        self._other_texts: dict[int, list[Written]] = {}  # by position, of those that have several
        self._alternatives: dict[int, tuple[tuple[str, ...], bool]] = {}  # by position; and whether it is a fallback

    def add(
        self, choice: Choice | None, texts: Texts, alternatives: tuple[str, ...] = (), *, is_fallback: bool = False
    ) -> None:
        """Note one image.

        `alternatives` are further addresses of the same image, as written; `is_fallback` says that it stands in a
        <noscript>: then it may be the twin of an image that a script loads.
        """
        position = len(self._links)
        link, source = choice or _NO_CHOICE
        written = [(source, text) for source, place in self._order if (text := texts[place])] or _UNTEXTED
        self._links.append(link)
        self._sources.append(source)
        self._text_sources.append(written[0][0])
        self._texts.append(written[0][1])
        if len(written) > 1:
            self._other_texts[position] = written[1:]
        if alternatives:
            self._alternatives[position] = (alternatives, is_fallback)

    def add_all(self, links: list[str], source: ImageSource, texts: Mapping[TextSource, list[str]]) -> None:
        """Note images that the same mark-up named: the link of each, and from each source of texts its text or ""."""
        start = len(self._links)
        self._links += links
        self._sources += [source] * len(links)
        columns = [(one, texts[one]) for one, _ in self._order if one in texts and any(texts[one])]
        best_source, best = columns[0] if columns else (TextSource.LIST, [""] * len(links))
        self._texts += best
        self._text_sources += [best_source] * len(links)
        for other_source, others in columns[1:]:
            for position, text in enumerate(others, start):
                if text and self._texts[position]:
                    self._other_texts.setdefault(position, []).append((other_source, text))
                elif text:
                    self._texts[position], self._text_sources[position] = text, other_source

    def add_over_limit(self, images: int) -> None:
        """Count images beyond the most that are taken from a page; they were not even looked at."""
        if images:
            self._drop(NoCandidate.OVER_LIMIT, images)

    def add_unreadable(self) -> None:
        """Count a description that nothing could be read from."""
        self._drop(NoCandidate.UNREADABLE, 1)

    def result(self) -> Extraction:
        """What the page came to; asked for once."""
        candidates = self._candidates() if self._links else ()
        if not self._dropped:
            return Extraction(candidates, len(candidates), ())
        dropped = tuple([(reason, self._dropped[reason]) for reason in _REASONS if reason in self._dropped])
        return Extraction(candidates, len(candidates) + sum(self._dropped.values()), dropped)

    def _candidates(self) -> tuple[Candidate, ...]:
        self._find_addresses()
        wording = Wording(self._settings)
        captions = list(map(Caption, self._text_sources, wording.captions(self._texts)))
        others: list[tuple[Caption, ...]] = [()] * len(captions)
        for row, position in enumerate(self._positions) if self._other_texts else ():
            if written := self._other_texts.get(position):
                captions[row], others[row] = wording.best(captions[row], written)
        texts = [caption.text for caption in captions]
        if len(texts) > 1 and not all(first := self._are_first(texts)):
            captions, others = list(compress(captions, first)), list(compress(others, first))
            texts = list(compress(texts, first))
            self._keep(first, NoCandidate.REPEATED)
        page, signals = self._page, self._signals
        # one that is no base for its length would else stand in every row
        base_url = self._base_url if len(self._base_url) <= LONGEST_LINK else ""
        # The best text that was written at all, even where it held nothing to read and a lesser one became the
        # caption: cc2dataset keeps a lone space, and its rows must be derivable from ours.
        written_texts = wording.as_written(self._text_sources, self._texts, captions)
        # by position, in the order of the fields: by name it takes half as long again
        columns = (
            self._urls, self._sources, captions, others, repeat(page.url), repeat(page.archive), repeat(page.offset),
            self._positions, repeat(signals.licence), repeat(signals.language), repeat(signals.opt_outs), self._links,
            written_texts, repeat(base_url), tongues_of(texts),
        )  # fmt: skip
        return tuple(map(Candidate, *columns))

    def _find_addresses(self) -> None:
        """Keep the images that have a text, and lead somewhere."""
        settings = self._settings
        if len(self._links) > settings.images_per_page:
            self._drop(NoCandidate.OVER_LIMIT, len(self._links) - settings.images_per_page)
            for column in (self._links, self._sources, self._texts, self._text_sources):
                del column[settings.images_per_page :]
        self._positions = range(len(self._links))
        if not all(self._texts):
            self._keep(self._texts, NoCandidate.NO_TEXT)
        self._urls = Base(self._page.url, self._base_url).join_all(self._links)
        if not all(self._urls):
            self._keep(self._urls, NoCandidate.NO_ADDRESS)
        if max(map(len, self._urls), default=0) > settings.url_characters:
            self._keep([len(url) <= settings.url_characters for url in self._urls], NoCandidate.URL_TOO_LONG)

    def _keep(self, holds: Sequence[object], otherwise: NoCandidate) -> None:
        """Forget the images for which something does not hold; they are counted."""
        before = len(self._links)
        self._links = list(compress(self._links, holds))
        self._sources = list(compress(self._sources, holds))
        self._text_sources = list(compress(self._text_sources, holds))
        self._positions = list(compress(self._positions, holds))
        self._urls = list(compress(self._urls, holds))
        self._texts = list(compress(self._texts, holds))  # the last: it may be what holds
        self._drop(otherwise, before - len(self._links))

    def _drop(self, reason: NoCandidate, images: int) -> None:
        self._dropped[reason] = self._dropped.get(reason, 0) + images

    def _are_first(self, texts: list[str]) -> Sequence[bool]:
        """For each image, whether it is none that was there before. `texts` are their captions."""
        keys = [*(zip(self._links, self._texts) if self._as_written else zip(self._urls, texts))]  # noqa: B905 - columns
        if not self._alternatives and len(set(keys)) == len(keys):
            return ()
        seen: set[tuple[str, str]] = set()
        twins: dict[tuple[str, str], bool] = {}
        first = []
        for key, position, text in zip(keys, self._positions, texts, strict=True):
            alternatives, is_fallback = self._alternatives.get(position, _NO_ALTERNATIVES)
            # compared as written: twins are written by one program, and joining every size of a picture costs
            of_twins = [(link, text) for link in alternatives[:_MOST_ALTERNATIVES]]
            is_twin = any(twins.get(one, is_fallback) != is_fallback for one in of_twins)
            for one in of_twins:
                twins.setdefault(one, is_fallback)
            first.append(key not in seen and not is_twin)
            if first[-1]:
                seen.add(key)
        return first
