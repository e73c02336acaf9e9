"""Writes samples by webdataset's TarWriter or by img2dataset's writer, as img2dataset calls them. Runs under their Python.

What a sample's json says comes as a dictionary, as img2dataset's worker has it; the pictures are in memory.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from importlib.metadata import version
from pathlib import Path
from typing import Any


class Side:
    """Samples of a folder, and a way: "tar", "hashed_tar" or "img2dataset"."""

    def __init__(self, asked: dict[str, Any]) -> None:
        made = Path(asked["samples"])
        with (made / "contents.json").open(encoding="utf-8") as file:
            self._contents = json.load(file)
        noise = (made / "pictures").read_bytes()
        size = asked["image_bytes"]
        self._pictures = [noise[start : start + size] for start in range(0, len(noise), size)]
        self._folder = Path(asked["folder"])
        self._way = getattr(self, "_" + asked["way"])
        self.versions = {"webdataset": version("webdataset")}
        if asked["way"] == "img2dataset":
            self.versions["img2dataset"] = version("img2dataset")
            import pyarrow as pa
            from img2dataset.writer import WebDatasetSampleWriter  # type: ignore[import-not-found]  # the peer's

            self._writer = WebDatasetSampleWriter
            self._schema = pa.Table.from_pylist(self._contents).schema

    def before(self) -> None:
        """An empty folder."""
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.mkdir()

    def once(self) -> dict[str, Any]:
        """Write them all."""
        self._way()
        return {"units": len(self._contents)}

    def _tar(self) -> None:
        import webdataset

        with webdataset.TarWriter(str(self._folder / "00000.tar")) as tar:
            for number, content in enumerate(self._contents):
                picture = self._pictures[number % len(self._pictures)]
                said = json.dumps(content, indent=4)
                tar.write({"__key__": content["key"], "jpg": picture, "txt": content["caption"], "json": said})

    def _hashed_tar(self) -> None:
        self._tar()
        with (self._folder / "00000.tar").open("rb") as file:
            hashlib.file_digest(file, "sha256")

    def _img2dataset(self) -> None:
        writer = self._writer(0, str(self._folder), True, 5, self._schema, "jpg")
        for number, content in enumerate(self._contents):
            picture = self._pictures[number % len(self._pictures)]
            writer.write(picture, content["key"], content["caption"], dict(content))
        writer.close()


prepare = Side
