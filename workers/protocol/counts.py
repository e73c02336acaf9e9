"""The counts of a manifest: what a worker says in numbers of what its job's report says.

Both sides make them of a report, and both must make the same: a manifest whose counts are not those of the report that
was uploaded is no honest worker's.
"""

from __future__ import annotations

from crawler.report import Report


def counts_of(report: Report) -> dict[str, int]:
    """`stage.found` and `stage.kept` of each stage, `stage.reason` of what it rejected."""
    counts = {}
    for one in report.stages:
        counts[f"{one.stage}.found"] = one.found
        counts[f"{one.stage}.kept"] = one.kept
        counts |= {f"{one.stage}.{reason}": number for reason, number in one.rejected.items()}
    return counts
