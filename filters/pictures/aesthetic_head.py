"""Keep pictures that a trained head finds beautiful enough.

| setting | what |
|---|---|
| `head` | a .npy or .safetensors file, or a table: `path`, `activation`, `link`, `output` (`filters/heads.py`) |
| `threshold` | in the numbers of the head: pictures below it go. LAION's predictors give about 1 to 10 |
| `model`, `pretrained`, `precision`, `device`, `batch_size` | as in `clip_similarity`, for the head's own model |

The score is the column `aesthetic`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from filters.head_filter import AtLeast, HeadFilter
from filters.heads import NUMBER, HeadFile, load_head
from filters.lines import Line, threshold_lines
from filters.models.choice import EMBEDDED, BatchSize, Device, Precision, engine_of


def build(
    *,
    head: str | HeadFile,
    threshold: float = 5.0,
    model: str = EMBEDDED,
    pretrained: str = "",
    precision: Precision = "float32",
    device: Device = "auto",
    batch_size: BatchSize = 64,
    folder: Path = Path(),
) -> HeadFilter:
    """The filter with that head; reads the head, and no model.

    Raises:
        SettingsError: head or model cannot be had, or contradict their settings.
        MissingPackageError: the head is .safetensors, and the package is not installed.
    """
    engine = engine_of(
        model=model, pretrained=pretrained, precision=precision, device=device, batch_size=batch_size, folder=folder
    )
    return HeadFilter(load_head(head, folder, NUMBER), engine, AtLeast(threshold), "aesthetic")


def lines(settings: Mapping[str, Any]) -> tuple[Line, ...]:
    """The threshold."""
    return threshold_lines("aesthetic", "from", settings)
