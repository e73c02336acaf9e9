"""Every figure that was ever kept: one line of JSON for each contest, newest last."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.contest.sides import ROOT

HISTORY = ROOT / "benchmarks" / "history.jsonl"


def keep(results: Iterable[Mapping[str, Any]], path: Path = HISTORY) -> None:
    """Append what contests came to."""
    with path.open("a", encoding="utf-8") as file:
        for one in results:
            file.write(json.dumps(_rounded(one), ensure_ascii=False, sort_keys=True, separators=(",", ":")) + "\n")


def read(path: Path = HISTORY) -> list[dict[str, Any]]:
    """All that was kept, oldest first; nothing where there is no file."""
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def newest(kept: Iterable[dict[str, Any]]) -> dict[tuple[str, str], dict[str, Any]]:
    """The last result of each stage and case."""
    return {(one["stage"], one["case"]): one for one in kept}


def _rounded(value: Any) -> Any:  # noqa: ANN401 - JSON
    """Floats of five digits: more would be noise that fills the repository."""
    if isinstance(value, np.generic):  # a side may have counted with numpy
        value = value.item()
    if isinstance(value, float):
        return float(f"{value:.5g}")
    if isinstance(value, Mapping):
        return {key: _rounded(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(one) for one in value]
    return value
