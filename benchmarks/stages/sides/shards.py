"""Writes the same samples in our way: the members of a tar, or a whole shard; or copies what must be copied."""

from __future__ import annotations

import hashlib
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from benchmarks.contest.machine import installed
from benchmarks.stages.shard_samples import SCORES, picture, samples
from crawler.containers import Packed, members
from crawler.rows import SampleJson, columns_with, kept_row
from crawler.settings import Output
from crawler.tar import TarFile
from crawler.write import ShardWriter, pictured


class Side:
    """Samples in memory, and a way: "members", "shard", "payload" or "hashed_payload"."""

    versions: dict[str, str] = installed("pairtrawl")

    def __init__(self, asked: dict[str, Any]) -> None:
        self._samples = samples(asked["samples"])
        self._rows = [{"key": f"{number:09d}"} | kept_row(one) for number, one in enumerate(self._samples)]
        self._folder = Path(asked["folder"])
        self._way = getattr(self, "_" + asked["way"])

    def before(self) -> None:
        """An empty folder."""
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.mkdir()

    def once(self) -> dict[str, Any]:
        """Write them all."""
        self._way()
        return {"units": len(self._rows)}

    def _members(self) -> None:
        """The tar with its SHA-256, from rows in order."""
        said = SampleJson(columns_with(SCORES))
        with TarFile(self._folder / "00000.tar") as tar:
            for number, row in enumerate(self._rows):
                for name, content in members(Packed(row["key"], "jpg", picture(number), said.of(row), row["caption"])):
                    tar.add(name, content)

    def _shard(self) -> None:
        """Spool, tar in key order, table, statistics; every file flushed. Rows come in the order that costs most."""
        with ShardWriter(self._folder, 0, len(self._samples), Output(), SCORES) as writer:
            for number in reversed(range(len(self._samples))):
                writer.keep(number, pictured(self._samples[number], Output()))
            writer.commit({})

    def _payload(self) -> None:
        self._copy(lambda _: None)

    def _hashed_payload(self) -> None:
        self._copy(hashlib.sha256().update)

    def _copy(self, hashed: Any) -> None:  # noqa: ANN401 - a function of bytes
        pictures: Sequence[bytes] = [picture(number) for number in range(len(self._rows))]
        with (self._folder / "payload").open("wb", buffering=0) as file:
            for one in pictures:
                hashed(one)
                file.write(one)


prepare = Side
