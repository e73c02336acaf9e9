"""An export that is a folder of files: cut into parts, each written whole or not at all, gone on with after a stop.

`export.json` says what the folder belongs to; the same export again leaves out the parts that are there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from crawler.commit import sweep, write_atomically
from crawler.errors import RunFolderError
from workers.export.places import Place, ShardAt
from workers.stored import read_stored

PIN = "export.json"


class Pin(msgspec.Struct, frozen=True):
    """What a folder of an export belongs to, and at the end how much it holds."""

    form: str
    place: str  # `Place.identity`
    options: dict[str, Any]
    done: dict[str, int] | None = None  # counts of the whole export, once it is whole


@dataclass(frozen=True, slots=True)
class Part:
    """Shards that follow each other, and become one file."""

    number: int
    shards: Sequence[tuple[int, ShardAt]]  # each with its number in the place

    @property
    def name(self) -> str:
        """Without ending."""
        return f"part-{self.number:05d}"


def parts_of(place: Place, rows: int) -> Iterator[Part]:
    """The shards of a place in parts of at least `rows` rows of their tables; the last one may have fewer."""
    number, count, shards = 0, 0, list[tuple[int, ShardAt]]()
    for at, shard in enumerate(place.shards()):
        shards.append((at, shard))
        count += shard.rows
        if count >= rows:
            yield Part(number, shards)
            number, count, shards = number + 1, 0, []
    if shards:
        yield Part(number, shards)


def open_output(folder: Path, pin: Pin) -> None:
    """Make the folder of an export, or make sure that it belongs to the same one; leftovers of a killed one are gone.

    Raises:
        RunFolderError: it holds something else.
    """
    found = read_stored(folder / PIN, Pin, "the pin of an export", "use another --output")
    if found is None:
        if folder.exists() and (not folder.is_dir() or any(not one.name.startswith(".") for one in folder.iterdir())):
            raise RunFolderError(f"{folder}: holds files but no export; choose an empty folder with --output")
        folder.mkdir(parents=True, exist_ok=True)
        write_pin(folder, pin)
        return
    if msgspec.structs.replace(found, done=None) != msgspec.structs.replace(pin, done=None):
        raise RunFolderError(f"{folder}: holds another export ({_difference(found, pin)}); use another --output")
    for one in (folder, *(path for path in folder.rglob("*") if path.is_dir())):
        sweep(one)


def write_pin(folder: Path, pin: Pin) -> None:
    """Say what the folder belongs to, or that it is whole."""
    write_atomically(folder / PIN, msgspec.json.format(msgspec.json.encode(pin), indent=2) + b"\n")


def _difference(old: Pin, new: Pin) -> str:
    if old.form != new.form:
        return f"{old.form}, not {new.form}"
    if old.place != new.place:
        return "of other shards"
    changed = sorted(
        key for key in old.options.keys() | new.options.keys() if old.options.get(key) != new.options.get(key)
    )
    return f"with another {changed[0]}"
