"""cc2dataset's extraction of images from WAT files, in its own environment; what it takes to reach Spark is not there.

Nothing of ours is imported: this runs under the peer's Python.
"""

import io
import json
import sys
import types
from importlib.metadata import version

for name in ("pyspark", "pyspark.sql", "pyspark.sql.functions"):
    module = types.ModuleType(name)
    module.SparkContext = module.SparkSession = module.rand = None
    sys.modules[name] = module
from cc2dataset.main import extract_documents_from_wat, logger  # noqa: E402 - Spark's place must be taken first

logger.remove()


class Side:
    """WAT files, and cc2dataset's rows of them: links joined, a uid for each, in memory."""

    def __init__(self, asked):
        self._asked = asked
        self._rows = []
        self.versions = {name: version(name) for name in ("cc2dataset", "fastwarc", "pysimdjson")}
        self._megabytes = sum(map(_unpacked, asked["paths"])) / 1e6

    def once(self):
        for _ in range(self._asked["times"]):
            self._rows = [_rows(path) for path in self._asked["paths"]]
        return {"units": self._asked["times"] * self._megabytes, "rows": sum(map(len, self._rows))}

    def save(self, path):
        with open(path, "w", encoding="utf-8") as file:
            json.dump(self._rows, file)


def _rows(path):
    with open(path, "rb") as file:
        return extract_documents_from_wat(io.BytesIO(file.read()), "image")


def _unpacked(path):
    import gzip

    with gzip.open(path) as file:
        return len(file.read())


prepare = Side
