"""Where the shards of a run lie, beside its own files: in RUN/shards those of a crawl, whose other files lie in RUN.

Those of a rebuild lie in OUT itself, laid out as img2dataset's are, and all else that is ours in OUT/_pairtrawl.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

#: the folder of a rebuild's own files, in that of its shards
OF_REBUILD = "_pairtrawl"
#: files and folders of shards
_OF_SHARDS = re.compile(r"[0-9]+(\.tar|\.parquet|\.tfrecord|_stats\.json)?")


def run_at(output: Path) -> Path:
    """The folder of the own files of the run whose output this is."""
    inside = output / OF_REBUILD
    return inside if inside.is_dir() else output


def shards_of(run: Path) -> Path:
    """The folder of the shards of the run whose own files lie in `run`."""
    return run.parent if run.name == OF_REBUILD else run / "shards"


def thumbnails_of(shards: Path) -> Path:
    """The folder of the thumbnails of the shards in `shards`; of a rebuild it is no folder that img2dataset knows."""
    inside = shards / OF_REBUILD
    return (inside if inside.is_dir() else shards) / "thumbnails"


def holds_shards(folder: Path) -> bool:
    """Whether there are shards in it, of us or of img2dataset."""
    return folder.is_dir() and any(_OF_SHARDS.fullmatch(one.name) for one in folder.iterdir())


def remove_shards(folder: Path) -> None:
    """Take all shards, their vectors and thumbnails away; what else is in the folder stays."""
    shutil.rmtree(thumbnails_of(folder), ignore_errors=True)
    for one in list(folder.iterdir()):
        if one.is_dir() and (_OF_SHARDS.fullmatch(one.name) or one.name == "embeddings"):
            shutil.rmtree(one, ignore_errors=True)
        elif _OF_SHARDS.fullmatch(one.name):
            one.unlink(missing_ok=True)
