"""Small pictures of some rows of a job, for people who want to see what its filters do. `output.thumbnails` of each.

    thumbnails/NNNNN.parquet    a row for each: content_id, key, filter, band, score, line, jpeg, blurred

A band is a filter's "rejected" rows, its "borderline" ones, or what was "kept" in the end (the filter is then ""). Of
rejected and kept rows those with the smallest hash of their `content_id` are taken, a random sample that is the same
wherever and in whatever order the job is done; of borderline rows those nearest to a line of the filter, half of them
from each side (docs/decisions/0031-thumbnails.md).

What a list names, what is withheld, and what its owner or a hash refuses is never here: who hangs a picture up has
asked (`crawler.job.showing`).
"""

from __future__ import annotations

import io
import threading
from bisect import insort
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import xxhash

from crawler.commit import atomic_path
from crawler.layout import thumbnails_of
from crawler.report import use_of
from crawler.showing import STAGE, Showing

if TYPE_CHECKING:
    from PIL.Image import Image

    from crawler.rows import Pictured, Row
    from crawler.settings import Output

#: pixels of the longer side
SIDE = 128
_QUALITY = 80
#: of what is larger, where people look for details
_LARGE_QUALITY = 88
#: pixels of the longer side that a blurred picture is made of, whatever is done to it afterwards
_BLURRED_SIDE = 12

KEPT, BORDERLINE, REJECTED = "kept", "borderline", "rejected"
#: the pixels of an encoded picture, or None where there are none to be had
Draw = Callable[[bytes], "Image | None"]


class Thumbnail(NamedTuple):
    """A row of the file, but for its key."""

    place: int  # of the row in the job
    content_id: str
    filter: str
    band: str
    score: float | None
    line: float | None  # the one that a borderline row is near to
    jpeg: bytes
    blurred: bool


class _Place(NamedTuple):
    """A band, or one side of it, and how near to its top a row would hang."""

    filter: str
    band: str
    side: str
    rank: tuple[float, int, int]  # least first: distance, hash, index
    score: float | None
    line: float | None


class _Hung(NamedTuple):
    place: _Place
    content_id: str
    jpeg: bytes  # empty while it is only chosen
    blurred: bool


def thumbnails_path(shards: Path, name: str) -> Path:
    """The file of the shard called `name`, "00007", of the shards in a folder."""
    return thumbnails_of(shards) / f"{name}.parquet"


@contextmanager
def thumbnails_file(path: Path, settings: Output, *, through: Path) -> Iterator[Path | None]:
    """Where thumbnails are written, if the recipe asks for any; they are at `path` when the block ends well."""
    if not settings.thumbnails:
        yield None
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(path, through=through) as temporary:
        yield temporary


def rank_of(content_id: str) -> int:
    """The number of a row, of which the least are shown: 64 bits, xxh3 of its id."""
    return xxhash.xxh3_64_intdigest(content_id.encode())


def small_jpeg(pixels: Image, *, blurred: bool, side: int = SIDE) -> bytes:
    """A picture as a JPEG file of at most `side` pixels a side, without metadata.

    One that is blurred is drawn of 12 pixels a side at most: nothing else of it is in the file.
    """
    from PIL import Image as Pictures  # noqa: PLC0415 - heavy

    small = pixels.convert("RGB") if pixels.mode != "RGB" else pixels.copy()
    small.thumbnail((side, side), Pictures.Resampling.LANCZOS)
    if blurred:
        size, few = small.size, small.copy()
        few.thumbnail((_BLURRED_SIDE, _BLURRED_SIDE), Pictures.Resampling.BOX, reducing_gap=None)
        small = few.resize(size, Pictures.Resampling.BICUBIC)
    small.info.clear()
    out = io.BytesIO()
    small.save(out, format="JPEG", quality=_QUALITY if side <= SIDE else _LARGE_QUALITY)
    return out.getvalue()


class Thumbnails:
    """The thumbnails of one job. May be used by many threads."""

    def __init__(self, showing: Showing, draw: Draw = lambda _image: None) -> None:
        """`draw` gives the pixels of a picture as it is published."""
        self.showing = showing
        self._draw = draw
        self._lock = threading.Lock()
        self._bands: dict[tuple[str, str, str], list[_Hung]] = {}

    def wants(self, row: Row, reason: str) -> bool:
        """Whether a row that the filter `reason` has rejected would be among the thumbnails, as far as is known."""
        if not self.showing.shows(reason):
            return False
        with self._lock:
            return any(self._has_room(place) for place in self._places(0, row, reason))

    def made_of(self, pixels: Image, row: Row, reason: str) -> bytes:
        """The thumbnail of a row with these pixels."""
        return small_jpeg(pixels, blurred=self.showing.blurs(row, reason))

    def made_of_encoded(self, image: bytes, row: Row, reason: str) -> bytes:
        """The same of an encoded picture; empty where that cannot be drawn."""
        pixels = self._draw(image)
        return b"" if pixels is None else self.made_of(pixels, row, reason)

    def hang(self, index: int, row: Row, reason: str, jpeg: bytes) -> None:
        """Take the thumbnail of a row that the filter `reason` has rejected; others may take its place later."""
        if jpeg and self.showing.shows(reason):
            self._take(index, row, reason, jpeg)

    def consider(self, index: int, row: Row) -> None:
        """Take note of a row that is kept in the end."""
        if self.showing.most:
            self._take(index, row, "", b"")

    def rejected(self) -> dict[int, bytes]:
        """The thumbnails of rejected rows, by index."""
        return {one.place.rank[-1]: one.jpeg for hung in self._bands.values() for one in hung if one.jpeg}

    def finished(self, read: Callable[[Iterable[int]], Iterable[Pictured]]) -> list[Thumbnail]:
        """All of them, in the order of the file; `read` gives the kept rows with these indexes."""
        hung = [one for key in sorted(self._bands) for one in self._bands[key]]
        chosen = sorted({one.place.rank[-1] for one in hung if not one.jpeg})
        drawn: dict[int, bytes] = {}
        for index, (row, image, _) in zip(chosen, read(chosen), strict=True):
            drawn[index] = self.made_of_encoded(image, row, "")
        return [
            Thumbnail(place.rank[-1], content_id, place.filter, place.band, place.score, place.line, found, blurred)
            for place, content_id, jpeg, blurred in hung
            if (found := jpeg or drawn[place.rank[-1]])
        ]

    def _take(self, index: int, row: Row, reason: str, jpeg: bytes) -> None:
        blurred = self.showing.blurs(row, reason)
        with self._lock:
            for place in self._places(index, row, reason):
                if self._has_room(place):
                    hung = self._bands.setdefault(place[:3], [])
                    insort(hung, _Hung(place, row["content_id"], jpeg, blurred), key=lambda one: one.place.rank)
                    del hung[self._room(place) :]

    def _has_room(self, place: _Place) -> bool:
        hung, room = self._bands.get(place[:3], []), self._room(place)
        return len(hung) < room or (room > 0 and place.rank < hung[-1].place.rank)

    def _room(self, place: _Place) -> int:
        most = self.showing.most
        if place.band != BORDERLINE:
            return most
        return most // 2 if place.side == KEPT else most - most // 2

    def _places(self, index: int, row: Row, reason: str) -> Iterator[_Place]:
        """Where a row may hang that is kept, or that the filter `reason` has rejected."""
        number = rank_of(row["content_id"])
        own = use_of(STAGE, reason) if reason else ""
        side = REJECTED if reason else KEPT
        scale = self.showing.scales.get(own)
        yield _Place(own, side, side, (0.0, number, index), row.get(scale.column) if scale else None, None)
        for use, (column, lines) in self.showing.scales.items():
            score = row.get(column)
            if score is None or (reason and use != own):
                continue
            line = min(lines, key=lambda at: (abs(score - at), at))
            yield _Place(use, BORDERLINE, side, (abs(score - line), number, index), score, line)


def write_thumbnails(path: Path, thumbnails: Sequence[Thumbnail], key_of: Callable[[int], str]) -> None:
    """Write the file; `key_of` gives the key of a row by its index. The same thumbnails give the same bytes.

    Raises:
        OSError: the disk is full.
    """
    import pyarrow as pa  # noqa: PLC0415 - heavy
    import pyarrow.parquet as pq  # noqa: PLC0415 - heavy

    text, number = pa.string(), pa.float64()
    columns: list[tuple[str, pa.DataType]] = [
        ("content_id", text), ("key", text), ("filter", text), ("band", text), ("score", number), ("line", number),
        ("jpeg", pa.binary()), ("blurred", pa.bool_()),
    ]  # fmt: skip
    schema = pa.schema(columns)
    rows = [one._asdict() | {"key": key_of(one.place)} for one in thumbnails]
    table = pa.Table.from_pylist(rows, schema=schema)
    pq.write_table(table, path, compression="zstd", use_dictionary=False, write_statistics=False)
