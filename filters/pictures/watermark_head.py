"""Drop pictures that a trained head finds to have a watermark.

| setting | what |
|---|---|
| `head` | a .npy or .safetensors file, or a table: `path`, `activation`, `link`, `output` (`filters/heads.py`) |
| `threshold` | probability, 0 to 1: pictures above it go; LAION-5B called 0.8 and more watermarked |
| `model`, `pretrained`, `precision`, `device`, `batch_size` | as in `clip_similarity`, for the head's own model |

The score is the column `pwatermark`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from msgspec import Meta

from filters.head_filter import AtMost, HeadFilter
from filters.heads import HeadFile, load_head
from filters.lines import Line, threshold_lines
from filters.models.choice import EMBEDDED, BatchSize, Device, Precision, engine_of


def build(
    *,
    head: str | HeadFile,
    threshold: Annotated[float, Meta(ge=0, le=1)] = 0.8,
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
    return HeadFilter(load_head(head, folder), engine, AtMost(threshold), "pwatermark")


def lines(settings: Mapping[str, Any]) -> tuple[Line, ...]:
    """The threshold."""
    return threshold_lines("pwatermark", "below", settings)
