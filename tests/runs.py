"""Runs of the main job for tests: how to start one, and what must be equal between two."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

#: what depends on the day, and on nothing that a data set is
VOLATILE_COLUMNS = {"fetched_at"}
VOLATILE_STATS = {"duration", "start_time", "end_time", "seconds", "files", "names_looked_up", "names_asked", "spent"}

_CRAWL = """
import sys
from pathlib import Path
from workers.demo import demo_recipe, inputs
from workers.session import Asked, run_crawl
from crawler.settings import FilterChoice
import msgspec

address, output, models, rows = sys.argv[1], Path(sys.argv[2]), sys.argv[3] == "models", int(sys.argv[4])
recipe = demo_recipe(address)
filters = tuple(one for one in recipe.filters if models or one.use != "pictures.clip_similarity")
plan = msgspec.structs.replace(recipe.plan, rows_per_job=rows)
recipe = msgspec.structs.replace(recipe, filters=filters, plan=plan)
sys.exit(run_crawl(recipe, inputs(), output, Asked(place="local")))
"""


def start_crawl(address: str, output: Path, *, models: bool, rows_per_job: int) -> subprocess.Popen[bytes]:
    """A process that runs the demo's main job in `output`, or goes on with it."""
    words = [sys.executable, "-c", _CRAWL, address, str(output), "models" if models else "rules", str(rows_per_job)]
    return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def contents(run: Path) -> dict[str, Any]:
    """Everything in a run folder that recipe and input decide, by file name; two equal runs give equal values."""
    found: dict[str, Any] = {}
    for path in sorted(path for folder in ("candidates", "plan", "shards") for path in (run / folder).rglob("*")):
        name = str(path.relative_to(run))
        match path.suffix:
            case ".tar" | ".npy":
                found[name] = hashlib.sha256(path.read_bytes()).hexdigest()
            case ".parquet":
                table = pq.read_table(path)
                found[name] = table.drop_columns(
                    [one for one in VOLATILE_COLUMNS if one in table.column_names]
                ).to_pylist()
            case ".json":
                found[name] = _without_the_day(json.loads(path.read_bytes()))
            case _:
                found[name] = "a leftover"
    return found


def _without_the_day(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_the_day(inner) for key, inner in value.items() if key not in VOLATILE_STATS}
    return [_without_the_day(inner) for inner in value] if isinstance(value, list) else value
