"""The pictures of a shard by their keys, whatever it keeps them in: of a tar, headers are read and no other picture."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import pyarrow as pa
import pyarrow.parquet as pq

from crawler.errors import InputError
from crawler.job.looking import as_published
from crawler.picture.sandbox import Failed, Sandbox, open_sandboxes
from crawler.settings import Recipe
from workers.export.spans import members_of

if TYPE_CHECKING:
    from PIL.Image import Image

_BLOCK = 512
_BESIDE = frozenset(("json", "txt"))
_IMAGE_COLUMNS = ("jpg", "png", "webp")
#: so many bytes of a picture are read at most
_LARGEST = 64 * 2**20


class Draws(Protocol):
    """Pixels of an encoded picture; None where there are none to be had."""

    def __call__(self, image: bytes, /) -> Image | None:
        """They are of a file that strangers may have made: no decoder of this process reads it."""
        ...


@contextmanager
def drawing(recipe: Recipe) -> Iterator[Draws]:
    """What draws the pictures of a recipe's shards, in a process of its own; it starts with the first picture."""
    with ExitStack() as stack:
        opened: list[Sandbox] = []

        def draw(image: bytes) -> Image | None:
            if not opened:
                opened.extend(stack.enter_context(open_sandboxes(as_published(recipe), 1)))
            outcome = opened[0].draw(image)
            return None if isinstance(outcome, Failed) else outcome[1]

        yield draw


def encoded_pictures(table: Path, keys: Collection[str]) -> Mapping[str, bytes]:
    """The pictures of a shard as they are stored, by key, as far as they are there.

    They lie in the tar or the folder beside its table, or in a column of that.

    Raises:
        InputError: the shard cannot be read.
    """
    wanted = frozenset(keys)
    tar, folder = table.with_suffix(".tar"), table.with_suffix("")
    try:
        if tar.is_file():
            return dict(_of_tar(tar, wanted))
        if folder.is_dir():
            return dict(_of_folder(folder, wanted))
        return dict(_of_table(table, wanted))
    except (OSError, pa.ArrowException) as error:
        raise InputError(f"{table}: its pictures cannot be read: {error}") from error


def _of_tar(tar: Path, wanted: frozenset[str]) -> Iterator[tuple[str, bytes]]:
    left = set(wanted)
    with tar.open("rb") as file:
        for name, start, end in members_of(tar):
            key, _, ending = name.rpartition("/")[2].partition(".")
            if key in left and ending not in _BESIDE:
                file.seek(start + _BLOCK)
                yield key, file.read(min(end - start - _BLOCK, _LARGEST))  # what pads it says nothing to a decoder
                left.discard(key)
            if not left:
                return


def _of_folder(folder: Path, wanted: frozenset[str]) -> Iterator[tuple[str, bytes]]:
    for path in folder.iterdir():
        key, _, ending = path.name.partition(".")
        if key in wanted and ending not in _BESIDE:
            yield key, path.read_bytes()


def _of_table(table: Path, wanted: frozenset[str]) -> Iterator[tuple[str, bytes]]:
    with pq.ParquetFile(table) as file:
        column = next((one for one in _IMAGE_COLUMNS if one in file.schema_arrow.names), None)
        if column is None or "key" not in file.schema_arrow.names:
            return
    found = pq.read_table(table, columns=["key", column], filters=[("key", "in", wanted)]) if wanted else None
    for row in found.to_pylist() if found else ():
        if row[column]:
            yield row["key"], row[column]
