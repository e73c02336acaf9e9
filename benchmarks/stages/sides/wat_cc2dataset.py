"""cc2dataset's extraction of images from WAT files, in its own environment; what it needs Spark for is not there.

Nothing of ours is imported: this runs under the peer's Python.
"""

from __future__ import annotations

import gzip
import io
import json
import sys
import types
from importlib.metadata import version
from pathlib import Path
from typing import Any

for name in ("pyspark", "pyspark.sql", "pyspark.sql.functions"):
    module: Any = types.ModuleType(name)
    module.SparkContext = module.SparkSession = module.rand = None
    sys.modules[name] = module
from cc2dataset.main import (  # type: ignore[import-not-found]  # of the peer's environment  # noqa: E402 - Spark's place first
    extract_documents_from_wat,
    logger,
)

logger.remove()


class Side:
    """WAT files, and cc2dataset's rows of them: links joined, a uid for each, in memory."""

    def __init__(self, asked: dict[str, Any]) -> None:
        self._paths = [Path(path) for path in asked["paths"]]
        self._times = asked["times"]
        self._rows: list[Any] = []
        self._megabytes = sum(len(gzip.decompress(path.read_bytes())) for path in self._paths) / 1e6
        self.versions = {name: version(name) for name in ("cc2dataset", "fastwarc", "pysimdjson")}

    def once(self) -> dict[str, Any]:
        """Extract from them all, as often as asked."""
        for _ in range(self._times):
            self._rows = [extract_documents_from_wat(io.BytesIO(path.read_bytes()), "image") for path in self._paths]
        return {"units": self._times * self._megabytes, "rows": sum(map(len, self._rows))}

    def save(self, path: str) -> None:
        """Its rows: a list for each file."""
        Path(path).write_text(json.dumps(self._rows), encoding="utf-8")


prepare = Side
