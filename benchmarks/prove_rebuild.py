"""`make prove-rebuild`: shows that published data sets can be fetched again, repaired and re-issued; figures come last.

    python benchmarks/prove_rebuild.py [--only PART] [--quick] [--corpus ../shared/corpus] [--peer FOLDER]

Parts: named (invariants 29 to 32 and cases 45, 53, 54 by the tests that name them), golden (the golden set through
img2dataset 1.47.0 and through pairtrawl), layouts (every layout, option and form of a list through both), consumers (tools
made for img2dataset's output, on ours), speed (both, side by side), scale (16.2 million hashes against ten million rows),
store (shards cut, buried, re-issued, purged, and the store searched), rehearsal (Re-LAION on the corpus). Some twenty
minutes on two quiet cores. `--quick` leaves nothing out, but takes smaller numbers, which stand in the figures.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.contest.machine import machine  # noqa: E402 - as above
from benchmarks.corpus_pairs import ARCHIVE, unpacked_web  # noqa: E402 - the repository's own folder comes first
from benchmarks.figures import Figures  # noqa: E402 - as above
from benchmarks.named_cases import prove_named  # noqa: E402 - as above
from benchmarks.peer_environment import NoPeerError  # noqa: E402 - as above
from benchmarks.rebuild.at_scale import HASHES, ROWS, prove_matching  # noqa: E402 - as above
from benchmarks.rebuild.consumers import prove_consumers  # noqa: E402 - as above
from benchmarks.rebuild.golden import prove_golden  # noqa: E402 - as above
from benchmarks.rebuild.layouts import prove_layouts  # noqa: E402 - as above
from benchmarks.rebuild.named import CASES, INVARIANTS  # noqa: E402 - as above
from benchmarks.rebuild.peer import TFRECORD, img2dataset_python  # noqa: E402 - as above
from benchmarks.rebuild.rehearsal import prove_rehearsal  # noqa: E402 - as above
from benchmarks.rebuild.speed_figures import prove_speed  # noqa: E402 - as above
from benchmarks.rebuild.store_scale import prove_store_scale  # noqa: E402 - as above

PARTS = ("named", "golden", "layouts", "consumers", "speed", "scale", "store", "rehearsal")


def prove_all_named(figures: Figures) -> None:
    """Tests by the numbers that they name."""
    prove_named(figures, "invariant", INVARIANTS)
    prove_named(figures, "checklist", CASES)


def rehearse(work: Path, corpus: Path, figures: Figures, rows: int) -> None:
    """The rehearsal, where there is a corpus."""
    if not (corpus / ARCHIVE).exists():
        figures.add("rehearsal", f"left out: no corpus at {corpus}", good=True)
        return
    prove_rehearsal(work, unpacked_web(work, corpus), figures, rows)


def main(words: Sequence[str]) -> int:
    """Everything, one after the other; 0 when all is as promised."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=PARTS, help="one part alone")
    parser.add_argument("--quick", action="store_true", help="smaller numbers, all parts")
    parser.add_argument("--corpus", type=Path, default=ROOT.parent / "shared" / "corpus", help="folder of the corpus")
    parser.add_argument(
        "--peer", type=Path, help="folder of img2dataset's environment, made where it is not; default: a new one"
    )
    asked = parser.parse_args(words)
    figures = Figures()
    print(machine(), flush=True)
    began = time.monotonic()
    small = 10 if asked.quick else 1
    with tempfile.TemporaryDirectory(prefix="prove-rebuild-") as name:
        work = Path(name)

        def peer() -> Path:
            return img2dataset_python(asked.peer or work / "peer", *TFRECORD)

        parts: dict[str, Callable[[], object]] = {
            "named": lambda: prove_all_named(figures),
            "golden": lambda: prove_golden(work, figures, peer()),
            "layouts": lambda: prove_layouts(work, figures, peer()),
            "consumers": lambda: prove_consumers(work, figures, peer()),
            "speed": lambda: prove_speed(work, figures, quick=asked.quick),
            "scale": lambda: prove_matching(work, figures, ROWS // small, HASHES // small),
            "store": lambda: prove_store_scale(work, figures),
            "rehearsal": lambda: rehearse(work, asked.corpus, figures, 2_000 if asked.quick else 6_000),
        }
        figures.prove(parts, asked.only, told=(AssertionError, NoPeerError))
    figures.show("prove-rebuild", time.monotonic() - began)
    return 0 if figures.all_good else 1


if __name__ == "__main__":
    os.environ.setdefault("PYTHONUNBUFFERED", "1")
    sys.exit(main(sys.argv[1:]))
