"""What follows from judgements, for people, line by line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

#: disagreements that are shown; --json has more
_SHOWN = 10
_SAID = {"matches": "matches", "does_not": "does not", "unsafe": "unsafe", "cannot_tell": "cannot tell"}


def as_text(report: Mapping[str, Any]) -> Iterator[str]:
    """The report of `precision.judged_report` in lines."""
    names = [one["name"] for one in report["labellers"]]
    yield f"{report['pairs']:,} pairs judged by {', '.join(names)}"
    if (kept := report["dataset"]) is not None:
        yield f"data set   matches {_share(kept['precision'])}   unsafe {_share(kept['unsafe'])}"
        yield f"           {_counts(kept)} of {kept['rows']:,} rows"
    if report["filters"]:
        yield ""
        yield "filter                    of what it kept, matches            of what it rejected, rightly"
        for one in report["filters"]:
            yield f"{one['name']:<25} {_share(one['kept']):<35} {_share(one['rejected_rightly'])}"
        if any(one["not_judged"] for one in report["filters"]):
            left_out = sorted({name for one in report["filters"] for name in one["not_judged"]})
            yield f"What later filters rejected is not judged, and left out of that: {', '.join(left_out)}"
    yield from _borderline(report)
    yield from _agreement(report)


def _borderline(report: Mapping[str, Any]) -> Iterator[str]:
    for one in report["strata"]:
        if one["name"].startswith("borderline"):
            yield f"{one['name']}: {one['matches']:,} of {one['judged']:,} judged match; they stand for no other rows"


def _agreement(report: Mapping[str, Any]) -> Iterator[str]:
    agreement = report["agreement"]
    yield ""
    if not agreement["pairs"]:
        yield "No pair has two labellers yet: how far they would agree is not known."
        return
    alpha = "-" if agreement["alpha"] is None else f"{agreement['alpha']:.3f}"
    yield f"agreement  Krippendorff's alpha {alpha}, of {agreement['pairs']:,} pairs with two labellers or more"
    for two in agreement["by_two"]:
        kappa = "-" if two["kappa"] is None else f"{two['kappa']:.3f}"
        one, other = two["labellers"]
        yield f"           {one}, {other}: Cohen's kappa {kappa}, the same of {two['same']:,} of {two['pairs']:,}"
    differing = report["disagreements"]
    for row in differing[:_SHOWN]:
        said = ", ".join(f"{name}: {_SAID[word]}" for name, word in row["said"].items())
        yield f"           {row['content_id']}  {said}"
    if len(differing) > _SHOWN:
        yield f"           and {len(differing) - _SHOWN:,} more, which --json lists"


def _share(found: Mapping[str, Any] | None) -> str:
    if found is None:
        return "-"
    return f"{found['share']:.1%} ({found['low']:.1%} to {found['high']:.1%}; {found['judged']:,})"


def _counts(kept: Mapping[str, Any]) -> str:
    parts = [f"{kept['judged']:,} judged"]
    if kept["cannot_tell"]:
        parts.append(f"of {kept['cannot_tell']:,} nobody can tell")
    if kept["as_many_say_otherwise"]:
        parts.append(f"of {kept['as_many_say_otherwise']:,} as many say one thing as another")
    return ", ".join(parts) + ";"
