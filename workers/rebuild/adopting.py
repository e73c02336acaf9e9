"""An output of img2dataset taken over: for each job of ours a table that says which of its rows have their picture.

Samples are matched by key where the list and the size of shards are what they were, which the addresses have to
confirm; else by address alone, for which all of the old output is looked through once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from crawler.commit import atomic_path
from crawler.picture.exif import harmless
from workers.rebuild.old_samples import KNOWN, OldSample, samples_of, shards_of

_SIZES = frozenset(("width", "height", "original_width", "original_height"))
_SCHEMA = pa.schema(
    [pa.field(one, pa.int64() if one in {"offset", "bytes"} else pa.string())
     for one in ("url", "path", "offset", "bytes", "extension")]
    + [pa.field(one, pa.int32() if one in _SIZES else pa.string()) for one in KNOWN]
)  # fmt: skip
#: the same with the place in the job: what `crawler.job.base` reads
_ADOPTED = pa.schema([pa.field("index", pa.int64()), *_SCHEMA])
#: of a shard's samples that must have the addresses of the rows of their number
_ENOUGH = 0.5


class Adoption:
    """What an old output has for the jobs of a run; tables are made as jobs come to need them, and kept."""

    def __init__(
        self,
        old: Path,
        folder: Path,
        list_table: Callable[[int], Path],
        *,
        exif: Literal["none", "harmless", "all"] = "harmless",
        say: Callable[[str], None] = lambda _text: None,
    ) -> None:
        """Take over from `old`.

        Args:
            old: output folder of img2dataset, of its layout webdataset or files.
            folder: where the tables go.
            list_table: the table of a job by its number (`crawler.list_tables`).
            exif: what of the camera's words stays.
            say: told how a long search goes.

        Raises:
            InputError: there is nothing that could be taken over.
        """
        self._old = old.resolve()
        self._shards = shards_of(self._old)
        self._folder = folder
        self._list_table = list_table
        self._exif = exif
        self._say = say
        self._by_key: bool | None = None  # None until a shard has told

    def base(self, number: int) -> str:
        """The table of a job, or "" where the old output has nothing for it.

        Raises:
            OSError: the disk is full.
        """
        path = self._folder / f"{number:05d}.parquet"
        if not path.exists():
            listed = pq.read_table(self._list_table(number), columns=["url"]).column("url").to_pylist()
            urls = [url or "" for url in listed]
            self._folder.mkdir(parents=True, exist_ok=True)
            self._write(path, _ADOPTED, [{"index": index, **row} for index, row in sorted(self._found(number, urls))])
        with pq.ParquetFile(path) as table:
            return str(path) if table.metadata.num_rows else ""

    def _found(self, number: int, urls: Sequence[str]) -> Iterable[tuple[int, dict[str, Any]]]:
        """The rows of a job that are there, by their places."""
        if self._by_key is None and number in self._shards:
            self._by_key = self._keys_fit(number, urls)
        if self._by_key is False:
            return self._of_addresses(urls)
        return self._of_keys(number, urls) if number in self._shards else ()

    def _keys_fit(self, number: int, urls: Sequence[str]) -> bool | None:
        """Whether samples stand where rows of our job have their addresses; None where a shard has none to tell."""
        name = self._shards[number]
        samples = list(samples_of(self._old, number, name))
        if not samples:
            return None
        fit = sum(_is_row(urls, _place(one, name), one.url) for one in samples)
        return fit >= _ENOUGH * len(samples)

    def _of_keys(self, number: int, urls: Sequence[str]) -> Iterator[tuple[int, dict[str, Any]]]:
        name = self._shards[number]
        for one in samples_of(self._old, number, name):
            place = _place(one, name)
            if _is_row(urls, place, one.url):
                yield place, self._row(one)

    def _of_addresses(self, urls: Sequence[str]) -> Iterator[tuple[int, dict[str, Any]]]:
        """Every row whose address some sample has; of several samples the first."""
        index = self._index()
        wanted = pa.table({"url": pa.array(dict.fromkeys(urls), pa.string())})
        with duckdb.connect() as database:
            database.register("wanted", wanted)
            query = """
                SELECT DISTINCT ON (url) old.* FROM read_parquet($index) AS old JOIN wanted USING (url)
                ORDER BY url, place
            """
            rows = database.sql(query, params={"index": str(index)}).to_arrow_table().to_pylist()
        found = {row["url"]: {name: row[name] for name in _SCHEMA.names} for row in rows}
        for place, url in enumerate(urls):
            if url in found:
                yield place, found[url]

    def _index(self) -> Path:
        """All samples of the old output, which are read once; a search that was ended goes on where it was."""
        path = self._folder / "addresses.parquet"
        if path.exists():
            return path
        parts = []
        self._say(f"{self._old}: was not made of this list in this order; {len(self._shards)} shards are searched")
        for count, (number, name) in enumerate(sorted(self._shards.items()), 1):
            part = self._folder / f"old-{name}.parquet"
            if not part.exists():
                self._write(part, _SCHEMA, [self._row(one) for one in samples_of(self._old, number, name)])
            parts.append(str(part))
            if count % 100 == 0:
                self._say(f"{count} of {len(self._shards)} shards searched")
        query = "SELECT *, row_number() OVER () AS place FROM read_parquet($parts)"
        with atomic_path(path) as temporary, duckdb.connect() as database:
            database.sql(query, params={"parts": parts}).write_parquet(str(temporary))
        for name in parts:
            Path(name).unlink()
        return path

    def _row(self, one: OldSample) -> dict[str, Any]:
        known = dict(one.known)
        if "exif" in known and self._exif != "all":
            known["exif"] = harmless(str(known["exif"])) if self._exif == "harmless" else None
        place = {"path": str(one.path), "offset": one.offset, "bytes": one.bytes, "extension": one.extension}
        return {"url": one.url, **place, **known}

    def _write(self, path: Path, schema: pa.Schema, rows: list[dict[str, Any]]) -> None:
        with atomic_path(path) as temporary:
            pq.write_table(pa.Table.from_pylist(rows, schema=schema), temporary, compression="zstd")


def _place(sample: OldSample, shard: str) -> int:
    """The place of a sample in its shard: what of its key is not the shard's number."""
    digits = len(sample.key) - len(shard)
    return int(sample.key[-digits:]) if digits > 0 and sample.key.isdecimal() else 0


def _is_row(urls: Sequence[str], place: int, url: str) -> bool:
    return place < len(urls) and urls[place] == url
