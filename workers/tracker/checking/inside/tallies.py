"""Counting rows: for the report, the statistics, and for what is compared with other workers' results."""

from __future__ import annotations

import hashlib
import struct
from collections import Counter
from collections.abc import Mapping
from typing import Any

from crawler.report import Report
from crawler.statuses import SUCCESS
from workers.tracker.checking.orders import Look

#: of the histogram of a score between -1 and 1
BINS = 40
_MOST_NAMES = 60


class Tallies:
    """Of one table."""

    def __init__(self, look: Look) -> None:
        self.rows = 0
        self.kept = 0
        self.reasons: Counter[str] = Counter()
        self.statuses: Counter[str] = Counter()
        self.messages: Counter[str] = Counter()
        self._languages: Counter[str] = Counter()
        self._kept_languages: Counter[str] = Counter()
        columns = (*look.judges.picture_columns, *look.judges.embedding_columns)
        self._scores: dict[str, list[float]] = {name: [] for name, kind in columns if kind == "float"}
        self._body_bytes = 0

    def take(self, row: Mapping[str, Any], stage: str) -> None:
        """Count one row that ended at `stage`, "" for one that is kept."""
        self.rows += 1
        self.statuses[row["status"]] += 1
        self.messages[row["error_message"] or SUCCESS] += 1
        language = row["caption_language"] or "none"
        self._languages[language] += 1
        self._body_bytes += row["body_bytes"] or 0
        for name, values in self._scores.items():
            if (value := row.get(name)) is not None:
                values.append(value)
        if stage:
            self.reasons[row["reason"]] += 1
        else:
            self.kept += 1
            self._kept_languages[language] += 1

    def figures(self, report: Report) -> dict[str, float]:
        """Small numbers, by name."""
        figures = {
            "rows": float(self.rows),
            "kept": float(self.kept),
            "body_bytes": float(self._body_bytes),
            "seconds": report.seconds,
        }
        figures |= {f"reason_{name}": float(number) for name, number in self.reasons.items()}
        for prefix, counts in (("language", self._languages), ("kept_language", self._kept_languages)):
            figures |= {f"{prefix}_{name}": float(number) for name, number in counts.most_common(_MOST_NAMES)}
        for name, values in self._scores.items():
            if values:
                figures |= _of_scores(name, values)
        return figures


def _of_scores(name: str, values: list[float]) -> dict[str, float]:
    mean = sum(values) / len(values)
    variance = sum((value - mean) ** 2 for value in values) / len(values)
    bins = Counter(min(max(int((value + 1) / 2 * BINS), 0), BINS - 1) for value in values)
    packed = struct.pack(f"<{len(values)}d", *values)
    # 52 bits: a number that a float holds exactly
    mark = int.from_bytes(hashlib.sha256(packed).digest()[:8], "big") >> 12
    return {
        f"{name}_number": float(len(values)),
        f"{name}_mean": mean,
        f"{name}_sd": variance**0.5,
        f"{name}_mark": float(mark),
        **{f"{name}_bin_{place:02d}": float(number) for place, number in sorted(bins.items())},
    }
