"""Reads WAT files as an extract job does, or unpacks them and nothing else."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

import deflate

from benchmarks.contest.machine import installed
from crawler import captions, tables, tongue, urls
from crawler.extract import extract
from crawler.extract.cc2dataset import derive_cc2dataset
from crawler.read import read_pages
from crawler.records import Candidate, WatPage
from crawler.settings import Extract
from crawler.tables import CandidateWriter

#: limits that cc2dataset does not have are out of the way
_SETTINGS = Extract(url_characters=1_000_000, images_per_page=1_000_000)
_BATCH = 2048  # of an extract job


class Side:
    """WAT files, and what is made of them."""

    def __init__(self, asked: dict[str, Any]) -> None:
        self._paths = [Path(path) for path in asked["paths"]]
        self._times = asked["times"]
        self._way = getattr(self, "_" + asked["way"])
        self._found: list[list[Candidate]] = []
        self._members = [member for path in self._paths for member in _members(path.read_bytes())]
        self._megabytes = sum(len(deflate.gzip_decompress(member)) for member in self._members) / 1e6
        self.versions = installed("pairtrawl", "deflate", "msgspec", "can-ada", "eldc", "ftfy", "pyarrow")

    def once(self) -> dict[str, Any]:
        """Read them all, as often as asked."""
        rows = 0
        for _ in range(self._times):
            _forget()
            rows = self._way()
        return {"units": self._times * self._megabytes, "rows": rows}

    def save(self, path: str) -> None:
        """cc2dataset's rows, as they follow from our candidates: a list for each file."""
        rows = [[derive_cc2dataset(one) for one in candidates] for candidates in self._found]
        Path(path).write_text(json.dumps(rows), encoding="utf-8")

    def _extract(self) -> int:
        self._found = [list(_candidates(path)) for path in self._paths]
        return sum(map(len, self._found))

    def _table(self) -> int:
        rows = 0
        with tempfile.TemporaryDirectory() as folder:
            for path in self._paths:
                with CandidateWriter(Path(folder) / f"{path.stem}.parquet") as table:
                    candidates = list(_candidates(path))
                    rows += len(candidates)
                    for start in range(0, len(candidates), _BATCH):
                        batch = candidates[start : start + _BATCH]
                        table.write(batch, [None] * len(batch))
        return rows

    def _inflate(self) -> int:
        for member in self._members:
            deflate.gzip_decompress(member)
        return 0


def _forget() -> None:
    """Empty the caches: that the same file is read again is no repetition of the web's."""
    for module in (captions, tables, tongue, urls):
        for value in vars(module).values():
            if hasattr(value, "cache_clear"):
                value.cache_clear()


def _candidates(path: Path) -> Iterator[Candidate]:
    for page in read_pages(path, name=path.name, wat=True, limits=_SETTINGS):
        if isinstance(page, WatPage):
            yield from extract(page, _SETTINGS).candidates


def _members(data: bytes) -> Iterator[bytes]:
    """The gzip members of a file, told apart by libdeflate's own checks."""
    start, end = 0, 0
    while start < len(data):
        end = data.find(b"\x1f\x8b\x08", end + 1)
        end = len(data) if end < 0 else end
        try:
            deflate.gzip_decompress(data[start:end])
        except deflate.DeflateError:  # those bytes stood there by chance
            continue
        yield data[start:end]
        start = end


prepare = Side
