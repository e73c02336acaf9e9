"""Lists of JSON objects: one a line, or all of them in one array. Which of the two, their first character tells."""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterable, Iterator
from itertools import chain

import msgspec

from crawler.read.lists.columns import BrokenRowError, Columns, Documents, find_columns, said_by
from crawler.read.lists.lines import LONGEST_LINE_BYTES, lines_of
from crawler.read.outcome import Skip, Skipped
from crawler.read.record import CutShortError
from crawler.records import ListRow
from crawler.settings import List

_SURROGATE = re.compile("[\ud800-\udfff]")
_SPACE = " \t\r\n"
#: sets of keys whose columns are remembered; more than a few are no table
_MOST_SHAPES = 256


def rows_of_objects(parts: Iterable[bytes], name: str, settings: List) -> Iterator[ListRow | Skipped]:
    """A row for every object.

    Keys may be missing where a row has nothing to say, and their order may change.

    Raises:
        InputError: the first object has no key that is known to hold addresses.
        CutShortError: the array ends too early, or no further element can be told from the next.
    """
    shapes = _Shapes(name, settings)
    for number, read in enumerate(_objects(parts)):
        try:
            if read is None:
                yield ListRow("", name, number, (("", ""),))
                continue
            row = _as_object(read)
            page, images = said_by(row, shapes.columns_of(row))
        except BrokenRowError as error:
            yield Skipped(Skip.BROKEN_ROW, number, str(error))
        else:
            yield ListRow(page, name, number, images)


def flat_objects(parts: Iterable[bytes], *, documents: bool) -> Iterator[dict[str, object] | None]:
    """Every object, as it is; None for what is none. Blank lines are left out.

    Of `documents` of mmc4 there is an object for each picture: its address, caption and page, and what else is known.

    Raises:
        CutShortError: the array ends too early, or no further element can be told from the next.
    """
    for read in _objects(parts):
        if read is None:
            continue
        if not isinstance(read, dict):
            yield None
        elif documents and isinstance(read.get("image_info"), list) and isinstance(read.get("text_list"), list):
            yield from _flat(read)
        else:
            yield read


def _flat(document: dict[str, object]) -> Iterator[dict[str, object] | None]:
    texts = document["text_list"]
    pictures = document["image_info"]
    assert isinstance(texts, list)
    assert isinstance(pictures, list)
    for picture in pictures:
        if not isinstance(picture, dict):
            yield None
            continue
        place = picture.get("matched_text_index")
        yield {
            "url": picture.get("raw_url"),
            "caption": texts[place] if isinstance(place, int) and 0 <= place < len(texts) else None,
            "page_url": document.get("url"),
            "image_name": picture.get("image_name"),
            "matched_text_index": place,
            "matched_sim": picture.get("matched_sim"),
        }


class _Shapes:
    """The columns of rows, by their keys."""

    def __init__(self, name: str, settings: List) -> None:
        self._name = name
        self._settings = settings
        self._known: dict[tuple[str, ...], Columns | Documents] = {}

    def columns_of(self, row: dict[str, object]) -> Columns | Documents:
        """The columns of a row; those of the first row must name addresses, later ones may lack them."""
        keys = tuple(row)
        columns = self._known.get(keys)
        if columns is None:
            first = next(iter(self._known.values()), None)
            # what only other rows have is looked for too
            names = dict.fromkeys((*keys, *(first.chosen() if first else ())))
            columns = find_columns(list(names), self._name, self._settings)
            if len(self._known) < _MOST_SHAPES:
                self._known[keys] = columns
        return columns


def _as_object(read: object) -> dict[str, object]:
    """What was read, if it is an object.

    Raises:
        BrokenRowError: it is none.
    """
    if isinstance(read, BrokenRowError):
        raise read
    if not isinstance(read, dict):
        raise BrokenRowError("no JSON object")
    return read


def _objects(parts: Iterable[bytes]) -> Iterator[object]:
    """What each line holds, or each element of the array is: None for a blank line, an error for what is no JSON."""
    parts = iter(parts)
    head = b""
    while len(head) < LONGEST_LINE_BYTES and not _begun(head) and (part := next(parts, b"")):
        head += part
    whole = chain([head], parts)
    if _begun(head).startswith(b"["):
        return _elements(whole)
    return (_parsed(line) for line in lines_of(whole))


def _begun(head: bytes) -> bytes:
    """A text from its first character on that is no white space."""
    return head.removeprefix(codecs.BOM_UTF8).lstrip()


def _parsed(line: bytes | None) -> object:
    if line is None:
        return BrokenRowError("a line of more than 16 MiB")
    if not line.strip():
        return None
    try:
        return msgspec.json.decode(line)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        pass
    try:
        return _without_surrogates(json.loads(line))  # knows NaN, and halves of emoji that were cut off
    except (ValueError, RecursionError) as error:
        return BrokenRowError(f"no JSON: {error}")


def _without_surrogates(read: object) -> object:
    """Lone surrogates of an object's texts become the replacement character, as in addresses by WHATWG."""
    if not isinstance(read, dict):
        return read
    return {key: _SURROGATE.sub("\ufffd", value) if isinstance(value, str) else value for key, value in read.items()}


def _elements(parts: Iterable[bytes]) -> Iterator[object]:
    """The elements of an array, one after another: of the text only what the next element needs is held.

    Raises:
        CutShortError: the text ends before the array does, or is no JSON from here on.
    """
    text = _Text(parts)
    text.skip("[")
    if text.next_is("]"):
        return
    while True:
        yield _without_surrogates(text.element())
        if not text.next_is(","):
            break
        text.skip(",")
    text.skip("]")


class _Text:
    """A text that comes in parts, and where we are in it."""

    def __init__(self, parts: Iterable[bytes]) -> None:
        self._parts = iter(parts)
        self._decode = codecs.getincrementaldecoder("utf-8-sig")().decode
        self._scan = json.JSONDecoder().raw_decode
        self._held = ""
        self._place = 0
        self._ended = False

    def next_is(self, mark: str) -> bool:
        """Whether this character comes next, white space aside."""
        while True:
            while self._place < len(self._held) and self._held[self._place] in _SPACE:
                self._place += 1
            if self._place < len(self._held) or not self._more():
                return self._held.startswith(mark, self._place)

    def skip(self, mark: str) -> None:
        """Step over this character, which must come next."""
        if not self.next_is(mark):
            raise CutShortError(f"the array ends too early, or is no JSON: no {mark} where one must stand")
        self._place += 1

    def element(self) -> object:
        """The value that comes next.

        Where it cannot be read, more of the text may mend that: what is held is doubled until it is more than any row.
        """
        while True:
            self.next_is("")
            broken = "the text ends in the middle of the array"
            try:
                value, end = self._scan(self._held, self._place)
            except (ValueError, RecursionError) as error:
                broken = str(error)  # not the error, which holds the text
            else:
                if end < len(self._held) or isinstance(value, dict | list | str):  # a number could go on
                    self._place = end
                    return value
            wanted = 2 * (len(self._held) - self._place)
            if wanted > 2 * LONGEST_LINE_BYTES or not self._more(wanted):
                raise CutShortError(f"the rest of the array cannot be read: {broken}")

    def _more(self, wanted: int = 1) -> bool:
        """Hold at least so many characters from here, as far as there are; whether there was anything more to hold."""
        held = [self._held[self._place :]]
        size = before = len(held[0])
        while size < max(wanted, before + 1) and not self._ended:
            part = next(self._parts, b"")
            self._ended = not part
            try:
                held.append(self._decode(part, final=self._ended))
            except UnicodeDecodeError as error:
                raise CutShortError(f"the rest is not UTF-8: {error}") from error
            size += len(held[-1])
        self._held, self._place = "".join(held), 0
        return size > before
