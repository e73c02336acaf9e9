"""Drop pictures that a trained head finds unsafe, or that it suspects while the caption has a word of a list.

| setting | what |
|---|---|
| `head` | a .npy or .safetensors file, or a table: `path`, `activation`, `link`, `output` (`filters/heads.py`) |
| `threshold` | probability, 0 to 1: pictures above it go. LAION-5B called 0.5 unsafe; at 1 none goes by this alone |
| `keyword_threshold` | probability above which a picture goes whose caption has a word of `keywords` |
| `keywords` | a word list, or several (`filters/keywords.py`) |
| `confidential` | rows that go are counted, and written nowhere: a table of them would be a guide to them |
| `model`, `pretrained`, `precision`, `device`, `batch_size` | as in `clip_similarity`, for the head's own model |

The score is the column `punsafe`. With `keyword_threshold = 0.95` and `threshold = 1.0` this is the rule of
Re-LAION-5B "research", with `threshold = 0.45` that of "research-safe".
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from filters.head_filter import HeadFilter
from filters.heads import HeadFile, load_head
from filters.lines import Line
from filters.models.choice import EMBEDDED, BatchSize, Device, Precision, engine_of
from filters.unsafe_rule import Probability, unsafe_lines, unsafe_rule


def build(  # noqa: PLR0913 - a setting is an argument
    *,
    head: str | HeadFile,
    threshold: Probability = 0.5,
    keyword_threshold: Probability | None = None,
    keywords: str | tuple[str, ...] = "",
    confidential: bool = False,
    model: str = EMBEDDED,
    pretrained: str = "",
    precision: Precision = "float32",
    device: Device = "auto",
    batch_size: BatchSize = 64,
    folder: Path = Path(),
) -> HeadFilter:
    """The filter with that head; reads the head and the word lists, and no model.

    Raises:
        SettingsError: head, list or model cannot be had or contradict their settings.
        MissingPackageError: the head is .safetensors, and the package is not installed.
    """
    engine = engine_of(
        model=model, pretrained=pretrained, precision=precision, device=device, batch_size=batch_size, folder=folder
    )
    rule = unsafe_rule(threshold, keyword_threshold, keywords, folder)
    return HeadFilter(load_head(head, folder), engine, rule, "punsafe", confidential)


def lines(settings: Mapping[str, Any]) -> tuple[Line, ...]:
    """Its thresholds."""
    return unsafe_lines("punsafe", settings)
