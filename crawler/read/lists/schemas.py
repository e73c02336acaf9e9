"""Which published list is this, and what is wrong with it? Told by the names of its columns, and by values if need be.

LAION's first tables have the width of a picture under HEIGHT and its height under WIDTH: the worker that made them
returned the two in the other order. Those that were joined with scores later have them right. What is known of each
list stands here as data; the functions are pure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from crawler.errors import InputError
from crawler.read.lists.columns import Columns, find_columns
from crawler.settings import List, Rebuild

#: columns that hold a hash of the picture's bytes, or of the picture, and of which kind; names in lower case. LAION's
#: `hash` is none: it is made of address and text. What COYO's `image_phash` was made by is not published
_HASHES: Mapping[str, str] = {
    "md5": "md5", "sha1": "sha1", "sha256": "sha256", "sha512": "sha512",
    "phash": "phash", "pdq": "pdq", "image_phash": "perhaps_phash",
}  # fmt: skip
#: hex digits of each kind
DIGITS: Mapping[str, int] = {
    "md5": 32, "sha1": 40, "sha256": 64, "sha512": 128, "phash": 16, "perhaps_phash": 16, "pdq": 64,
}  # fmt: skip
#: cosines, which cannot be beyond 1; LAION-400M has some up to 6016
_COSINES = frozenset((
    "similarity", "clip_b32_similarity_score", "clip_l14_similarity_score", "clip_similarity_vitb32",
    "clip_similarity_vitl14", "matched_sim",
))  # fmt: skip
#: from so many pictures with unequal sides on, their shape is evidence: of a web's pictures more lie than stand
_ENOUGH = 100
_MOST_LIE = 0.6


class _Known(NamedTuple):
    """A published list: the columns that it has, in lower case, and what it is called."""

    name: str
    columns: frozenset[str]
    one_of: frozenset[str] = frozenset()


#: the first whose columns are all there is it
_PUBLISHED = (
    _Known("a table of pairtrawl", frozenset(("url", "key", "status", "error_message", "content_id"))),
    _Known("a table of img2dataset", frozenset(("url", "key", "status", "error_message"))),
    _Known("mmc4", frozenset(("url", "caption", "image_name", "matched_sim"))),
    _Known("LAION-COCO", frozenset(("url", "top_caption", "all_captions"))),
    _Known("LAION-400M or LAION-5B, as first published", frozenset(("sample_id", "url", "text", "height", "width"))),
    _Known("LAION-Aesthetics", frozenset(("url", "text", "aesthetic"))),
    _Known("LAION-5B, joined", frozenset(("url", "text")), frozenset(("punsafe", "pwatermark"))),
    _Known("CommonPool or DataComp", frozenset(("uid", "url", "text", "original_width", "original_height"))),
    _Known("COYO", frozenset(("url", "text", "image_phash"))),
    _Known("cc2dataset", frozenset(("uid", "url", "alt", "cc_filename"))),
)
_RAW_LAION = _PUBLISHED[4].name


@dataclass(frozen=True, slots=True)
class Schema:
    """What the columns of a list hold. Names are as the list writes them; "" is a column that there is not."""

    name: str  # of the published list, or ""
    url: str
    caption: str
    page: str
    hashes: tuple[tuple[str, str], ...] = ()  # column and kind
    width: str = ""  # the column that holds the width, whatever it is called
    height: str = ""
    swapped: bool = False  # whether the two have each other's names
    cosines: tuple[str, ...] = ()  # values of these beyond 1 are garbage

    def told(self) -> str:
        """In one line, for people."""
        parts = [f"{self.name or 'no list that is known'}: addresses in {self.url}"]
        parts.append(f"captions in {self.caption}" if self.caption else "no captions")
        parts += [f"{kind.removeprefix('perhaps_')} in {column}" for column, kind in self.hashes]
        if self.swapped:
            parts.append(f"{self.width} and {self.height} have each other's values, which is put right")
        return ", ".join(parts)


def schema_of(
    names: Sequence[str], name: str, settings: List, rebuild: Rebuild, sample: Mapping[str, Sequence[object]]
) -> Schema:
    """The schema of the list `name`.

    Args:
        names: its columns.
        name: what messages call it.
        settings: which columns the recipe names.
        rebuild: whether faults are put right, and which hashes the recipe names.
        sample: values of some of its columns; of sides and hashes, where there are such columns.

    Raises:
        InputError: there is no column of addresses, or none that the recipe names.
    """
    columns = find_columns(names, name, settings)
    assert isinstance(columns, Columns)  # documents are flat rows by now
    written: dict[str, str] = {}
    for one in names:
        written.setdefault(one.strip().lower(), one)
    known = _known(written)
    schema = Schema(
        name=known,
        url=columns.url,
        caption=columns.caption,
        page=columns.page,
        hashes=_hashes(written, name, rebuild, sample),
        cosines=tuple(one for lower, one in written.items() if lower in _COSINES) if rebuild.repair else (),
    )
    return _with_sides(schema, written, rebuild, sample)


def columns_of_interest(names: Sequence[str]) -> list[str]:
    """The columns of which `schema_of` wants to see values."""
    sides = {"width", "height", "original_width", "original_height"}
    return [one for one in names if one.strip().lower() in sides | _HASHES.keys()]


def _known(written: Mapping[str, str]) -> str:
    for one in _PUBLISHED:
        if one.columns <= written.keys() and (not one.one_of or one.one_of & written.keys()):
            return one.name
    return ""


def _hashes(
    written: Mapping[str, str], name: str, rebuild: Rebuild, sample: Mapping[str, Sequence[object]]
) -> tuple[tuple[str, str], ...]:
    """Those that the recipe names, or else those with a usual name that hold what the name promises."""
    if rebuild.hashes:
        missing = [one for one in rebuild.hashes if one.strip().lower() not in written]
        if missing:
            raise InputError(f"{name}: has no column {missing[0]!r}, which the recipe names under [rebuild.hashes]")
        return tuple((written[one.strip().lower()], kind) for one, kind in rebuild.hashes.items())
    found = []
    for lower, kind in _HASHES.items():
        column = written.get(lower)
        if column is not None and _holds_hex(sample.get(column, ()), DIGITS[kind]):
            found.append((column, kind))
    return tuple(found)


def _holds_hex(values: Sequence[object], digits: int) -> bool:
    """Whether most values that are there are hex of this length: `hash` and `md5` have been names of other things."""
    there = [one for one in values if one]
    right = [one for one in there if isinstance(one, str) and len(one) == digits and _is_hex(one)]
    return len(right) * 2 > len(there)


def _is_hex(text: str) -> bool:
    return not text.strip("0123456789abcdefABCDEF")


def _with_sides(
    schema: Schema, written: Mapping[str, str], rebuild: Rebuild, sample: Mapping[str, Sequence[object]]
) -> Schema:
    for width, height in (("original_width", "original_height"), ("width", "height")):
        if width in written and height in written:
            if schema.name.endswith(("img2dataset", "pairtrawl")) and width == "width":
                break  # sides of what was resized
            named = replace(schema, width=written[width], height=written[height])
            lying = _share_that_lies(sample.get(named.width, ()), sample.get(named.height, ()))
            if rebuild.repair and width == "width" and _is_swapped(schema.name, list(written), lying):
                return replace(named, width=named.height, height=named.width, swapped=True)
            return named
    return schema


def _is_swapped(name: str, order: Sequence[str], lying: float | None) -> bool:
    """Whether WIDTH holds heights. `lying` is the share of pictures that are wider than high, as they are labelled.

    LAION's first tables have it so, unless their values say that somebody has put them right. Where the name does not
    tell, both have to point there: the order of the columns, which is that of the first tables, and the values.
    """
    if name == _RAW_LAION:
        return lying is None or lying < _MOST_LIE
    if name or lying is None:
        return False
    as_first_published = order.index("height") < order.index("width") and {"license", "nsfw"} & set(order)
    return bool(as_first_published) and lying < 1 - _MOST_LIE


def _share_that_lies(widths: Sequence[object], heights: Sequence[object]) -> float | None:
    """None where too few pictures have unequal sides."""
    pairs = [
        (width, height)
        for width, height in zip(widths, heights, strict=False)
        if isinstance(width, int | float) and isinstance(height, int | float) and width != height
    ]
    if len(pairs) < _ENOUGH:
        return None
    return sum(width > height for width, height in pairs) / len(pairs)
