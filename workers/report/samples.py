"""A few kept pairs of a run, for the report page: the ones that only just passed, and the ones that passed best."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pyarrow.parquet as pq
from PIL import Image

from workers.report.page import Example

#: pairs on the page, half of them from each end
_COUNT = 24
_SIDE = 96
#: what pictures of a shard may be: those that `output.encode_format = "original"` keeps are whatever was accepted
_FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "AVIF", "BMP", "TIFF")


def examples_of(shards: Path, score: str) -> list[Example]:
    """Pairs of the first committed shard, worst score first; in key order where there is no such score.

    Pictures that a filter rejected are in no shard, and so never on a page.

    Args:
        shards: the folder of the shards.
        score: name of a score column, or "".
    """
    markers = sorted(shards.glob("*_stats.json"))
    if not markers:
        return []
    name = markers[0].name.removesuffix("_stats.json")
    wanted = [score] if score else []
    if not (shards / f"{name}.tar").exists():  # a rebuild may have another layout
        return []
    names = pq.read_schema(shards / f"{name}.parquet").names
    columns = [one for one in ("key", "status", "caption", *wanted) if one in names]
    table = pq.read_table(shards / f"{name}.parquet", columns=columns)
    kept = [row for row in table.to_pylist() if row["status"] == "success"]
    if score:
        kept.sort(key=lambda row: (row[score] is None, row[score], row["key"]))
    chosen = kept if len(kept) <= _COUNT else kept[: _COUNT // 2] + kept[-_COUNT // 2 :]
    pictures = _pictures(shards / f"{name}.tar", {row["key"] for row in chosen})
    return [
        Example(pictures[row["key"]], row.get("caption") or "", row.get(score))
        for row in chosen
        if row["key"] in pictures
    ]


def _pictures(path: Path, keys: set[str]) -> dict[str, bytes]:
    """Small JPEG files of the pictures with these keys."""
    found = {}
    with tarfile.open(path) as tar:
        for member in tar:
            key, _, extension = member.name.partition(".")
            file = tar.extractfile(member)
            if key in keys and extension not in {"json", "txt"} and file is not None:
                found[key] = _thumbnail(file.read())
    return found


def _thumbnail(image: bytes) -> bytes:
    """A picture of a shard, smaller: one that we encoded, or one that we decoded before and kept as received."""
    with Image.open(io.BytesIO(image), formats=_FORMATS) as picture:
        small = picture.convert("RGB")
    small.thumbnail((_SIDE, _SIDE))
    out = io.BytesIO()
    small.save(out, format="JPEG", quality=80)
    return out.getvalue()
