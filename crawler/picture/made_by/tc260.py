"""The label that Chinese law puts into generated pictures since September 2025 (GB 45438-2025, annex E)."""

from __future__ import annotations

import re

_LABEL = re.compile(r'"Label"\s{0,8}:\s{0,8}"?([123])(?!\d)')


def label_in(text: str) -> str:
    """The label in the JSON of an AIGC field: "1" generated, "2" perhaps, "3" suspected; or ""."""
    found = _LABEL.search(text[:4096])
    return found[1] if found else ""
