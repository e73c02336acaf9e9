"""The texts of a page's images: cleaned, and masked where the recipe says so; nowhere else is either done."""

from __future__ import annotations

from collections.abc import Sequence

from crawler.captions import clean, clean_all
from crawler.masking import mask
from crawler.records import Caption, TextSource
from crawler.settings import Extract

#: a text, and where it stood
Written = tuple[TextSource, str]
#: a text as written is kept up to so many times the length of a caption: a <figcaption> may be that of 10,000 images
_WRITTEN_PER_CAPTION = 8
#: characters of one page, in texts that are not ASCII, that may be repaired: 16 µs each where it is made to cost most
_MOST_REPAIRED = 100_000


class Wording:
    """What the texts of one page become. Only together are they bounded in what they may cost."""

    __slots__ = ("_characters", "_cut", "_hidden", "_masks", "_repaired")

    def __init__(self, settings: Extract) -> None:
        self._characters = settings.text_characters
        self._masks = settings.mask
        self._hidden: set[str] = set()  # texts as written in which something was masked
        self._repaired = 0  # characters
        self._cut = ("", "")  # the last text that was cut, and what was left of it: images that share one share that

    def captions(self, texts: Sequence[str]) -> list[str]:
        """What each of these texts is as a caption."""
        if not self._masks and (characters := sum(map(len, texts))) <= _MOST_REPAIRED - self._repaired:
            self._repaired += characters
            return clean_all(texts, self._characters)
        return [self._caption(text) for text in texts]

    def best(self, first: Caption, others: Sequence[Written]) -> tuple[Caption, tuple[Caption, ...]]:
        """Of several texts of an image the first that holds something to read, and those that differ from it.

        `first` is what the first of them is as a caption; it stays where none of them holds anything to read.
        """
        found = {first.text: first.source} if first.text else {}
        for source, text in others:
            if cleaned := self._caption(text):
                found.setdefault(cleaned, source)
        captions = [Caption(source, text) for text, source in found.items()] or [first]
        return captions[0], tuple(captions[1:])

    def as_written(self, sources: Sequence[TextSource], texts: Sequence[str], captions: Sequence[Caption]) -> list[str]:
        """The texts as the page has them; where something was masked, or cut off unseen, as cleaned.

        What is hidden from the caption must not stand beside it, and what is to be masked is found in cleaned text
        alone: an address split by a zero-width space is one all the same.
        """
        most = _WRITTEN_PER_CAPTION * self._characters
        if not self._masks and max(map(len, texts), default=0) <= most:
            return list(texts)
        return [self._kept(*one, most) for one in zip(sources, texts, captions, strict=True)]

    def _kept(self, source: TextSource, text: str, caption: Caption, most: int) -> str:
        if self._masks and (text in self._hidden or len(text) > self._characters):
            return caption.text if caption.source is source else ""
        if len(text) <= most:
            return text
        if self._cut[0] is not text:
            self._cut = (text, text[:most])
        return self._cut[1]

    def _caption(self, text: str) -> str:
        repair = text.isascii() or self._repaired < _MOST_REPAIRED
        if not text.isascii():
            self._repaired += len(text)
        cleaned = clean(text, self._characters, repair=repair)
        if not self._masks or (masked := mask(cleaned, self._masks)) == cleaned:
            return cleaned
        self._hidden.add(text)
        # "[email]" is one letter longer than the shortest address
        return masked if len(masked) <= self._characters else clean(masked, self._characters)
