"""Rebuilds in one process, and what they leave."""

from __future__ import annotations

import tarfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from crawler.settings import Recipe
from tests.builders import image_bytes
from workers.asked import Asked
from workers.exit_codes import ExitCode
from workers.session import run_crawl


def rebuilt(recipe: Recipe, lists: list[str], output: Path, **asked: Any) -> list[dict[str, Any]]:
    """The rows of all shards after a run that did all it was asked for."""
    assert run_crawl(recipe, lists, output, Asked(verb="rebuild", **asked)) == ExitCode.DONE
    return rows_of(output)


def rows_of(output: Path) -> list[dict[str, Any]]:
    """The rows of all shards, in order."""
    return [row for path in sorted(output.glob("*.parquet")) for row in pq.ParquetFile(path).read().to_pylist()]


def data_of(output: Path) -> dict[str, bytes]:
    """Every tar and table, by name."""
    return {one.name: one.read_bytes() for one in sorted(output.iterdir()) if one.suffix in (".tar", ".parquet")}


def members_of(tar: Path) -> dict[str, bytes]:
    """The files in a tar, in order."""
    with tarfile.open(tar) as archive:
        return {one.name: file.read() for one in archive if (file := archive.extractfile(one)) is not None}


def a_list(path: Path, **columns: Any) -> str:
    """A parquet file of these columns."""
    pq.write_table(pa.table(columns), path)
    return str(path)


def a_picture(number: int) -> bytes:
    """A file like no other number's."""
    return image_bytes(color=(number * 37 % 256, number * 91 % 256, 60))
