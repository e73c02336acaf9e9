"""The statistics of a shard that was cut: img2dataset's counts, by its table. They are the mark that it is whole."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from crawler.dataset.objects import hashed
from crawler.statuses import FILTERED, NOT_DOWNLOADED, NOT_RESIZED, SUCCESS

#: what a cut does not change: when the shard was made
_KEPT = ("duration", "start_time", "end_time")


def stats_of(table: Path, others: Mapping[str, Path], before: Mapping[str, Any], version: str) -> bytes:
    """`NNNNN_stats.json` of a shard.

    Args:
        table: its table.
        others: its other files by their names relative to the folder of shards; the table's own name, too.
        before: the statistics of the shard that it was cut out of; {} where there were none.
        version: takes the place of the version that they name, if they name one, as those of a checkout do.

    Raises:
        OSError: a file cannot be read.
    """
    statuses, messages = _counts(table)
    content = {
        "count": sum(statuses.values()),
        "successes": statuses.get(SUCCESS, 0),
        "failed_to_download": statuses.get(NOT_DOWNLOADED, 0),
        "failed_to_resize": statuses.get(NOT_RESIZED, 0),
        **{name: before[name] for name in _KEPT if name in before},
        **({"version": version} if "version" in before else {}),
        "status_dict": messages,
        "filtered": statuses.get(FILTERED, 0),
        "files": {name: hashed(path) for name, path in sorted(others.items())},
    }
    return msgspec.json.format(msgspec.json.encode(content), indent=4) + b"\n"


def read_stats(path: Path) -> dict[str, Any]:
    """What statistics say; {} where there are none that can be read, for they are counted anew."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, Any])
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return {}


def _counts(table: Path) -> tuple[dict[str, int], dict[str, int]]:
    """Rows by status, and by message ("success" where there is none)."""
    import pyarrow.parquet as pq  # noqa: PLC0415 - heavy

    with pq.ParquetFile(table) as file:
        names = set(file.schema_arrow.names)
        if "status" not in names:
            return {SUCCESS: file.metadata.num_rows}, {SUCCESS: file.metadata.num_rows}
        columns = ["status", *(["error_message"] if "error_message" in names else [])]
        rows = file.read(columns=columns).to_pylist()
    statuses: dict[str, int] = {}
    messages: dict[str, int] = {}
    for row in rows:
        statuses[row["status"]] = statuses.get(row["status"], 0) + 1
        message = row.get("error_message") or row["status"]
        messages[message] = messages.get(message, 0) + 1
    return statuses, dict(sorted(messages.items()))
