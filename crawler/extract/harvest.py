"""Counts the images of one page and makes candidates of those that have a text and an address."""

from __future__ import annotations

from collections.abc import Callable

from crawler.captions import clean
from crawler.extract.addresses import Choice
from crawler.extract.outcome import Extraction, NoCandidate
from crawler.extract.signals import Signals
from crawler.masking import mask
from crawler.records import Candidate, Caption, Page, TextSource
from crawler.settings import Extract
from crawler.tongue import tongue_of
from crawler.urls import LONGEST_LINK, Base

#: the texts of one image as written, in the order of TextSource; a plain tuple, for it is made for every image
Texts = tuple[str | None, str | None, str | None, str | None, str | None, str | None]
_PLACES = {source: place for place, source in enumerate(TextSource) if source is not TextSource.LIST}
#: in the texts of a row of a list, its caption is the first
_OF_LISTS = [(TextSource.LIST, 0)]
_NO_BASE = Base("")
_REASONS = tuple(NoCandidate)
#: a text as written is kept up to so many times the length of a caption: a <figcaption> may be that of 10,000 images
_WRITTEN_PER_CAPTION = 8
#: addresses of one image that are remembered, to know its twin by
_MOST_ALTERNATIVES = 50
#: characters of one page, in texts that are not ASCII, that may be repaired: 16 µs each where it is made to cost most
_MOST_REPAIRED = 100_000
Written = tuple[TextSource, str]
_NOTHING: list[Written] = []
_UNTEXTED_OF_LISTS: list[Written] = [(TextSource.LIST, "")]


class Harvest:
    """The images of one page, one after another in page order.

    An image is repeated if its address and its cleaned text were there before; with `as_written`, only if its link and
    text were, letter for letter: what cc2dataset would tell apart stays apart.

    With `listed`, the page is a row of a list: links are absolute, the first of the texts is the list's, and an image
    without one is a candidate all the same, for somebody chose it already.

    This is the one place where texts are cleaned, and masked where the recipe says so.
    """

    __slots__ = (
        "_alternatives", "_as_written", "_base", "_candidates", "_cut", "_dropped", "_hidden", "_images", "_masks",
        "_order", "_page", "_repaired", "_seen", "_settings", "_signals", "_untexted", "_written_base",
    )  # fmt: skip

    def __init__(
        self,
        page: Page,
        written_base: str,
        signals: Signals,
        settings: Extract,
        *,
        as_written: bool = False,
        listed: bool = False,
    ) -> None:
        self._page = page
        self._base = _NO_BASE if listed else Base(page.url, written_base)
        # one that is no base for its length would else stand in every row
        self._written_base = written_base if len(written_base) <= LONGEST_LINK else ""
        self._masks = frozenset(settings.mask)
        self._hidden: set[str] = set()  # texts as written in which something was masked
        self._repaired = 0  # characters
        self._signals = signals
        self._settings = settings
        self._untexted = _UNTEXTED_OF_LISTS if listed else _NOTHING  # what an image without text has
        self._order = (
            _OF_LISTS if listed else [(source, _PLACES[source]) for source in settings.texts if source in _PLACES]
        )
        self._candidates: list[Candidate] = []
        self._dropped: list[NoCandidate] = []  # one for each image; counted at the end
        self._images = 0
        self._as_written = as_written
        self._seen: set[tuple[str, str]] = set()
        self._cut = ("", "")  # the last text that was cut, and what was left of it: images that share one share that
        #: link and text of every alternative, and whether it stood in a <noscript>
        self._alternatives: dict[tuple[str, str], bool] = {}

    def add(
        self, choice: Choice | None, texts: Texts, alternatives: tuple[str, ...] = (), *, is_fallback: bool = False
    ) -> None:
        """Count one image, and keep it as a candidate where it is one.

        `alternatives` are further addresses of the same image, as written; `is_fallback` says that it stands in a
        <noscript>: then it may be the twin of an image that a script loads.
        """
        position = self._images
        self._images += 1
        written = [(source, text) for source, place in self._order if (text := texts[place])] or self._untexted
        if position >= self._settings.images_per_page:
            dropped = NoCandidate.OVER_LIMIT
        elif not written:
            dropped = NoCandidate.NO_TEXT
        elif choice is None or not (image_url := self._base.join(choice[0])):
            dropped = NoCandidate.NO_ADDRESS
        elif len(image_url) > self._settings.url_characters:
            dropped = NoCandidate.URL_TOO_LONG
        else:
            caption, others = (
                (Caption(written[0][0], self._cleaned(written[0][1])), ())
                if len(written) == 1
                else _captions(written, self._cleaned)
            )
            key = (choice[0], written[0][1]) if self._as_written else (image_url, caption.text)
            is_twin = bool(alternatives) and self._is_twin(alternatives, caption.text, is_fallback=is_fallback)
            if key not in self._seen and not is_twin:
                self._seen.add(key)
                self._candidates.append(self._candidate(image_url, choice, caption, others, position, written[0]))
                return
            dropped = NoCandidate.REPEATED
        self._dropped.append(dropped)

    def add_over_limit(self, images: int) -> None:
        """Count images that were not even looked at."""
        self._images += images
        self._dropped += [NoCandidate.OVER_LIMIT] * images

    def add_unreadable(self) -> None:
        """Count a description that nothing could be read from."""
        self._images += 1
        self._dropped.append(NoCandidate.UNREADABLE)

    def result(self) -> Extraction:
        """What the page came to."""
        dropped = [(reason, number) for reason in _REASONS if (number := self._dropped.count(reason))]
        return Extraction(tuple(self._candidates), self._images, tuple(dropped))

    def _candidate(
        self,
        image_url: str,
        choice: Choice,
        caption: Caption,
        others: tuple[Caption, ...],
        position: int,
        written: Written,
    ) -> Candidate:
        return Candidate(
            image_url=image_url,
            image_source=choice[1],
            caption=caption,
            other_captions=others,
            page_url=self._page.url,
            archive=self._page.archive,
            offset=self._page.offset,
            position=position,
            licence=self._signals.licence,
            language=self._signals.language,
            opt_outs=self._signals.opt_outs,
            written_src=choice[0],
            # The best text that was written at all, even where it held nothing to read and a lesser one became the
            # caption: cc2dataset keeps a lone space, and its rows must be derivable from ours.
            written_text=self._kept_as_written(written, caption),
            base_url=self._written_base,
            tongue=tongue_of(caption.text),
        )

    def _cleaned(self, text: str) -> str:
        """A caption."""
        characters = self._settings.text_characters
        repair = text.isascii() or self._repaired < _MOST_REPAIRED
        if not text.isascii():
            self._repaired += len(text)
        cleaned = clean(text, characters, repair=repair)
        if not self._masks or (masked := mask(cleaned, self._masks)) == cleaned:
            return cleaned
        self._hidden.add(text)
        # "[email]" is one letter longer than the shortest address
        return masked if len(masked) <= characters else clean(masked, characters)

    def _kept_as_written(self, written: Written, caption: Caption) -> str:
        """The text as the page has it; where the recipe masks and something was masked, or cut off unseen, as cleaned.

        What is hidden from the caption must not stand beside it, and what is to be masked is found in cleaned text
        alone: an address split by a zero-width space is one all the same.
        """
        source, text = written
        if self._masks and (text in self._hidden or len(text) > self._settings.text_characters):
            return caption.text if caption.source is source else ""
        most = _WRITTEN_PER_CAPTION * self._settings.text_characters
        if len(text) <= most:
            return text
        if self._cut[0] is not text:
            self._cut = (text, text[:most])
        return self._cut[1]

    def _is_twin(self, alternatives: tuple[str, ...], text: str, *, is_fallback: bool) -> bool:
        """Whether an image is the <noscript> twin of an earlier one, or the other way round: they share an address."""
        # compared as written: twins are written by one program, and joining every size of a picture costs
        keys = [(link, text) for link in alternatives[:_MOST_ALTERNATIVES]]
        is_twin = any(self._alternatives.get(key, is_fallback) != is_fallback for key in keys)
        for key in keys:
            self._alternatives.setdefault(key, is_fallback)
        return is_twin


def _captions(written: list[Written], clean: Callable[[str], str]) -> tuple[Caption, tuple[Caption, ...]]:
    """The best caption that holds something to read, else an empty one of the best source; and the different others."""
    found: dict[str, TextSource] = {}
    for source, text in written:
        if cleaned := clean(text):
            found.setdefault(cleaned, source)
    if not found:
        return Caption(written[0][0], ""), ()
    captions = [Caption(source, text) for text, source in found.items()]
    return captions[0], tuple(captions[1:])
