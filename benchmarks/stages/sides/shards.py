"""Writes the same samples to a tar in one way or another."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

import msgspec

from benchmarks.contest.machine import installed
from benchmarks.writing import by_shard_writer, samples
from crawler.rows import columns_with, kept_row, tar_json
from crawler.tar import TarFile


class Side:
    """Samples in memory, and a way."""

    def __init__(self, asked: dict[str, Any]) -> None:
        self._made = samples(asked["samples"])
        self._folder = Path(asked["folder"]) / asked["way"]
        self._way = getattr(self, "_" + asked["way"])
        self.versions = installed("webdataset") if asked["way"] == "webdataset" else installed("pairtrawl")

    def before(self) -> None:
        """An empty folder."""
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.mkdir()

    def once(self) -> dict[str, Any]:
        """Write them all."""
        self._way()
        return {"units": len(self._made)}

    def _members(self) -> None:
        columns, encode = columns_with((("similarity", "float"),)), msgspec.json.Encoder().encode
        with TarFile(self._folder / "members.tar") as tar:
            for number, sample in enumerate(self._made):
                key = f"{number:09d}"
                tar.add(f"{key}.jpg", sample.image)
                tar.add(f"{key}.json", encode(tar_json(kept_row(sample) | {"key": key}, columns)))
                tar.add(f"{key}.txt", sample.fetched.candidate.caption.text.encode())

    def _shard(self) -> None:
        by_shard_writer(self._folder, self._made)

    def _webdataset(self) -> None:
        import webdataset

        columns = columns_with((("similarity", "float"),))
        with webdataset.TarWriter(str(self._folder / "webdataset.tar")) as tar:
            for number, sample in enumerate(self._made):
                key = f"{number:09d}"
                facts = tar_json(kept_row(sample) | {"key": key}, columns)
                text = sample.fetched.candidate.caption.text
                tar.write({"__key__": key, "jpg": sample.image, "json": json.dumps(facts, indent=4), "txt": text})

    def _payload(self) -> None:
        with (self._folder / "payload").open("wb", buffering=4 << 20) as file:
            for sample in self._made:
                file.write(sample.image)


prepare = Side
