"""Comparisons in words and columns, for people at a terminal; pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from workers.redrawing.cells import Cell

#: what the cells are called
CELL_WORDS = {
    Cell.BOTH.value: "kept by both",
    Cell.ONLY_A.value: "only by A",
    Cell.ONLY_B.value: "only by B",
    Cell.NEITHER.value: "by neither",
    Cell.CANNOT_TELL.value: "cannot be told",
    Cell.ENDED.value: "ended by a fault",
}


def as_text(found: Mapping[str, Any]) -> Iterator[str]:
    """A comparison, line by line."""
    rows = found["rows"]
    yield f"{rows:,} rows of {found['tables']:,} tables"
    for side in ("a", "b"):
        one = found[side]
        yield f"{side.upper()}  {one['name']}: keeps {one['kept']:,} ({_percent(one['kept'], rows)})" + _cost(
            one["cost"]
        )
    for cell, words in CELL_WORDS.items():
        number = found["cells"][cell]
        yield f"{words:>18}{number:>15,}{_percent(number, rows):>9}"
    for side in ("a", "b"):
        for use, number in found[side]["cannot_tell_by"].items():
            what = f"no column tells what {use} says" if use else "were never fetched"
            yield f"of {side.upper()}: {number:,} rows cannot be told: {what}"
    if found["judged"]:
        yield from _judged(found["judged"])
    for heading, name in (("language", "by_language"), ("rows of the host", "by_host_size"), ("domain", "by_domain")):
        yield from _table(heading, found[name])


def _judged(judged: Mapping[str, Any]) -> Iterator[str]:
    yield f"judged: {judged['rows']:,} rows of {judged['pairs']:,} pairs"
    for side in ("a", "b"):
        if judged[side]:
            yield f"of what {side.upper()} keeps match {interval(judged[side])}"
    for cell in (Cell.ONLY_A.value, Cell.ONLY_B.value):
        if judged["cells"].get(cell):
            yield f"of what is kept {CELL_WORDS[cell]} match {interval(judged['cells'][cell])}"
    if judged["difference"]:
        yield f"B's share less A's: {points(judged['difference'])}"
    if paired := judged["paired"]:
        yield (
            f"right verdicts of B less those of A: {points(paired['difference'])}; "
            f"only A is right {paired['only_a_right']:,} times, only B {paired['only_b_right']:,}: "
            f"p = {paired['p']:.3g}"
        )
    for sentence in judged["assumed"]:
        yield f"  {sentence}"


def _table(heading: str, values: list[Mapping[str, Any]]) -> Iterator[str]:
    if not values:
        return
    yield f"{heading:<18}{'both':>12}{'only A':>12}{'only B':>12}{'neither':>12}{'not told':>12}"
    cells = (Cell.BOTH, Cell.ONLY_A, Cell.ONLY_B, Cell.NEITHER, Cell.CANNOT_TELL)
    for one in values:
        name = "".join(sign for sign in one["value"] if sign.isprintable()) or "-"
        yield f"{name[:17]:<18}" + "".join(f"{one[cell.value]:>12,}" for cell in cells)


def interval(share: Mapping[str, Any]) -> str:
    """A share with its interval: "83.1 % (77.0 to 88.0; 120 judged)"."""
    low, high = 100 * share["low"], 100 * share["high"]
    return f"{100 * share['share']:.1f} % ({low:.1f} to {high:.1f}; {share['counted']:,} judged)"


def points(share: Mapping[str, Any]) -> str:
    """A difference of shares with its interval: "+4.2 points (+0.3 to +8.1)"."""
    low, high = 100 * share["low"], 100 * share["high"]
    return f"{100 * share['share']:+.1f} points ({low:+.1f} to {high:+.1f})"


def _cost(cost: Mapping[str, Any] | None) -> str:
    if cost is None or cost["cpu_seconds_a_kept_row"] is None:
        return ""
    missing = f", without {', '.join(cost['unknown'])}" if cost["unknown"] else ""
    return f", {1000 * cost['cpu_seconds_a_kept_row']:.2f} ms of a core for each{missing}"


def _percent(number: int, of: int) -> str:
    return f"{number / of:.1%}" if of else "-"
