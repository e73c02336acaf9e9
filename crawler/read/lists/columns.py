"""Which columns of a list hold what, and what a row says by them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from crawler.errors import InputError
from crawler.settings import List

#: names of published lists, in lower case, first choice first: LAION, DataComp, COYO, LAION-COCO, WIT; `caption` and
#: `url` are img2dataset's own
URL_NAMES = ("url", "image_url", "img_url", "image_link")
CAPTION_NAMES = ("caption", "text", "top_caption", "alt", "alt_text", "alttext", "caption_reference_description")
PAGE_NAMES = ("page_url",)
#: of a document of mmc4: pictures, and the texts that they were matched with
_DOCUMENT = ("image_info", "text_list")
#: columns that are shown to somebody who has to choose one
_MOST_SHOWN = 40

Images = tuple[tuple[str, str], ...]


class BrokenRowError(ValueError):
    """A row that says something else than its columns promise. Never leaves this package."""


class Columns(NamedTuple):
    """Names of columns as the list writes them."""

    url: str
    caption: str  # "" where there are no captions
    page: str  # "" where no page is named

    def chosen(self) -> list[str]:
        """Those that are there."""
        return [one for one in self if one]


class Documents(NamedTuple):
    """A list of pages with several images each, as mmc4 has them."""

    page: str  # "" where no page is named

    def chosen(self) -> list[str]:
        """The columns that are read."""
        return [*_DOCUMENT, *([self.page] if self.page else [])]


def find_columns(names: Sequence[str], name: str, settings: List) -> Columns | Documents:
    """The columns of the list `name`, by the recipe or else by the names that published lists use.

    Raises:
        InputError: there is no column of addresses, one that the recipe names is missing, or two could be meant.
    """
    look = _Look(names, name)
    if not settings.url_column and all(look.named(one, "") for one in _DOCUMENT):
        return Documents(
            look.named(settings.page_column, "page_column") if settings.page_column else look.known(("url",))
        )
    url = look.named(settings.url_column, "url_column") if settings.url_column else look.known(URL_NAMES)
    if not url:
        raise InputError(f"{name}: none of its columns is known to hold image addresses; put the name of the one that "
                         f"does as `url_column` under [list] in the recipe. They are: {look.shown()}")  # fmt: skip
    caption = (
        look.named(settings.caption_column, "caption_column") if settings.caption_column else look.known(CAPTION_NAMES)
    )
    page = look.named(settings.page_column, "page_column") if settings.page_column else look.known(PAGE_NAMES)
    return Columns(url, caption, page)


class _Look:
    """Looks for columns without regard to case, and never guesses between two."""

    def __init__(self, names: Sequence[str], name: str) -> None:
        self._name = name
        self._written: dict[str, list[str]] = {}
        for written in names:
            self._written.setdefault(written.strip().lower(), []).append(written)

    def named(self, wanted: str, key: str) -> str:
        """The column that is called so; where `key` of the recipe asks for it, its absence is an error, else ""."""
        found = self._written.get(wanted.strip().lower(), [])
        if wanted in found and found.count(wanted) == 1:
            return wanted
        if len(found) > 1:
            raise InputError(f"{self._name}: several columns are called {wanted!r}; rename all but one")
        if not found and key:
            raise InputError(f"{self._name}: has no column {wanted!r}, which the recipe names as `{key}` under [list]. "
                             f"Its columns are: {self.shown()}")  # fmt: skip
        return found[0] if found else ""

    def known(self, names: Sequence[str]) -> str:
        """The first of the names that is there, or ""."""
        return next((found for one in names if (found := self.named(one, ""))), "")

    def shown(self) -> str:
        """The columns, for a message."""
        names = [written for same in self._written.values() for written in same]
        more = f", and {len(names) - _MOST_SHOWN} more" if len(names) > _MOST_SHOWN else ""
        return ", ".join(repr(one[:80]) for one in names[:_MOST_SHOWN]) + more


def text_of(value: object) -> str:
    """A value as text; what is missing is "".

    Raises:
        BrokenRowError: it is no text and no number, or its bytes are not UTF-8.
    """
    if isinstance(value, str):
        if value.isascii():
            return value
        try:
            value.encode()
        except UnicodeEncodeError as error:
            raise BrokenRowError(f"not UTF-8: {value[:80]!r}") from error
        return value
    if value is None or value != value:  # noqa: PLR0124 - NaN, which pandas writes for what is missing
        return ""
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError as error:
            raise BrokenRowError(f"not UTF-8: {value[:80]!r}") from error
    raise BrokenRowError(f"neither a text nor a number: {str(value)[:80]}")


def said_by(row: Mapping[str, object], columns: Columns | Documents) -> tuple[str, Images]:
    """The page and the images of a row.

    Raises:
        BrokenRowError: the row is not as its columns promise.
    """
    page = text_of(row.get(columns.page)) if columns.page else ""
    if isinstance(columns, Documents):
        return page, _images_of_document(row)
    caption = text_of(row.get(columns.caption)) if columns.caption else ""
    return page, ((text_of(row.get(columns.url)), caption),)


def _images_of_document(row: Mapping[str, object]) -> Images:
    """The pictures of a document of mmc4, each with the text that it was matched with."""
    pictures, texts = (row.get(one) for one in _DOCUMENT)
    if not isinstance(pictures, list) or not isinstance(texts, list):
        raise BrokenRowError("no list of pictures, or no list of texts")
    images = []
    for picture in pictures:
        if not isinstance(picture, Mapping):
            raise BrokenRowError("a picture that is no object")
        place = picture.get("matched_text_index")
        text = texts[place] if isinstance(place, int) and 0 <= place < len(texts) else ""
        images.append((text_of(picture.get("raw_url")), text_of(text)))
    return tuple(images)
