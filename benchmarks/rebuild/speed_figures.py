"""The figures of `benchmarks/rebuild/speed.py` as lines of the proof, with the goals that they have to meet."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from benchmarks.figures import Figures, title
from benchmarks.rebuild.speed import Cell, Ran, measure

#: of the issue: per CPU second at least, and in pictures a second where latency rules
CPU_GOAL, LATENCY_GOAL = 2.0, 5.0
SIZES = ("small", "middle", "large")
LATENCIES = (0.0, 0.05, 0.2)
#: with 256 downloads at once two cores are busy whatever the latency; with so many they wait, as a large machine does
_FEW_AT_ONCE = 32


def prove_speed(work: Path, figures: Figures, python: Path, pictures: int) -> None:
    """Both sides in each cell: sizes without latency, then latencies with a tenth of the hosts dead."""
    title("speed beside img2dataset")
    folder = work / "speed"
    folder.mkdir()
    asked = Namespace(
        pictures=pictures,
        hosts=250,
        rows=10_000,
        processes=2,
        drawing="fast",
        hashes="exact",
        https=False,
        set=[],
        keep=False,
        ca="",
    )
    cells = [Cell(size, 0.0, 0.0) for size in SIZES] + [Cell("small", latency, 0.1) for latency in LATENCIES]
    cells.append(Cell("small", LATENCIES[-1], 0.1, downloads=_FEW_AT_ONCE))
    for cell in cells:
        found = measure(cell, {"img2dataset": python, "pairtrawl": python}, asked, folder)
        _tell(cell, figures, found["img2dataset"], found["pairtrawl"])


def _tell(cell: Cell, figures: Figures, peer: tuple[Ran, Ran], ours: tuple[Ran, Ran]) -> None:
    name = f"speed, {cell.size}, {1000 * cell.latency:.0f} ms, {cell.dead:.0%} of hosts dead, {cell.downloads} at once"
    theirs_cpu, ours_cpu = _per_thousand(*peer), _per_thousand(*ours)
    figures.add(f"{name}: CPU s per 1,000 pictures, without start: img2dataset, pairtrawl (goal: {CPU_GOAL:.0f} x)",
                f"{theirs_cpu:.2f}, {ours_cpu:.2f} ({theirs_cpu / ours_cpu:.1f} x)", good=theirs_cpu / ours_cpu >= CPU_GOAL)  # fmt: skip
    times = (ours[1].pictures / ours[1].wall) / (peer[1].pictures / peer[1].wall)
    rules = cell.downloads == _FEW_AT_ONCE
    figures.add(f"{name}: pictures/s with start{f' (goal: {LATENCY_GOAL:.0f} x)' if rules else ''}",
                f"{peer[1].pictures / peer[1].wall:.0f}, {ours[1].pictures / ours[1].wall:.0f} ({times:.1f} x)",
                good=not rules or times >= LATENCY_GOAL)  # fmt: skip
    figures.add(f"{name}: memory of all processes at the peak, MB", f"{peer[1].peak_bytes / 1e6:,.0f}, {ours[1].peak_bytes / 1e6:,.0f}", good=True)  # fmt: skip
    figures.add(f"{name}: pictures; ended by itself", f"{peer[1].pictures:,}, {ours[1].pictures:,}; {'yes' if not ours[1].exit_code else 'NO'}",
                good=not ours[1].exit_code and ours[1].pictures >= peer[1].pictures)  # fmt: skip


def _per_thousand(few: Ran, many: Ran) -> float:
    """CPU seconds of a thousand pictures, the start taken off."""
    return max(1e-9, (many.cpu - few.cpu) / max(1, many.pictures - few.pictures) * 1000)
