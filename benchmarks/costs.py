"""What a data set costs: CPU seconds, bytes and euros by stage, for a million kept pairs and for a month of Common Crawl.

    python benchmarks/costs.py                                  docs/costs.md, from what was kept
    python benchmarks/costs.py --measure                        measures first how cost grows with rows: 10 minutes of CPU
    python benchmarks/costs.py --measure --stages plan --sizes 10000 1000000

Costs of a piece are those of the newest contests (`python benchmarks/bench.py --keep`). Prices: benchmarks/costing/prices.py.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.contest import history  # noqa: E402 - the repository comes first
from benchmarks.costing import growth, page  # noqa: E402 - as above
from benchmarks.costing.prices import Prices  # noqa: E402 - as above
from benchmarks.costing.units import units  # noqa: E402 - as above
from benchmarks.figures import Figures  # noqa: E402 - as above
from benchmarks.supercomputer.assumptions import Assumptions, read_measured  # noqa: E402 - as above


def current_page() -> str:
    """The page that follows from what is kept now."""
    return page.markdown(history.read(), growth.read(), read_measured(), Assumptions(), Prices())


def write_page() -> None:
    """docs/costs.md."""
    page.write(current_page())


def prove_costs(work: Path, figures: Figures, *, quick: bool) -> None:
    """The page is that of what was kept; and what grows is measured here too, at small sizes."""
    same = page.PAGE.read_text(encoding="utf-8") == current_page()
    figures.add("docs/costs.md is made of what was kept", "the same" if same else "it differs", good=same)
    measured, assumed = read_measured(), Assumptions()
    cost = units(history.read(), growth.read(), measured, assumed)
    for piece in cost.all():
        figures.add(f"a {piece.piece}: {piece.stage}", f"{piece.seconds * 1e3:,.3f} ms CPU ({piece.source})", good=True)
    sizes = (10_000,) if quick else (10_000, 100_000, 1_000_000)
    growth.measure(("plan", "seen", "report"), sizes, work / "growth.json")
    for point in growth.read(work / "growth.json"):
        each = f"{point.cpu:,.1f} s CPU, {point.cpu / point.rows * 1e6:,.1f} µs a row, peak {point.peak_bytes / 1e6:,.0f} MB"
        figures.add(f"{point.stage} of {point.rows:,} rows", each, good=True)


def main() -> None:
    """Read the command line; measure where asked; make the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--measure", action="store_true", help="measure how cost grows, and keep it in benchmarks/growth.json"
    )
    parser.add_argument("--stages", nargs="*", default=list(growth.STAGES), choices=list(growth.STAGES))
    parser.add_argument("--sizes", nargs="*", type=int, default=[], help="rows (10^4 to 10^7; pictures 10^3 and 10^4)")
    asked = parser.parse_args()
    if asked.measure:
        growth.measure(asked.stages, asked.sizes)
    write_page()
    print(page.PAGE)


if __name__ == "__main__":
    main()
