"""`make prove-report`: shows that people see what a data set holds, and how sure its figures are; figures come last.

    python benchmarks/prove_report.py [--only PART] [--quick] [--corpus ../shared/corpus]

Parts: reports (of the demo, of a million rows, of a rebuild and of versions, opened in a real Chromium), ab (0.26 against 0.30
on planted truth: whether the intervals cover it; ten million rows), labels (a judged sample: precision, agreement, and whether
intervals cover the truth), stability (which verdicts flip under changes that should not matter), live (a run watched while
it goes: page, metrics, log), docs (the site, and its commands). `--quick` leaves nothing out, but takes smaller numbers, which stand in
the figures.
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
from benchmarks.corpus_pairs import ARCHIVE  # noqa: E402 - the repository's own folder comes first
from benchmarks.figures import Figures  # noqa: E402 - as above
from benchmarks.report.ab import prove_ab, prove_ab_speed  # noqa: E402 - as above
from benchmarks.report.docs_site import prove_docs  # noqa: E402 - as above
from benchmarks.report.labels import prove_labels  # noqa: E402 - as above
from benchmarks.report.live import prove_live  # noqa: E402 - as above
from benchmarks.report.reports import prove_reports  # noqa: E402 - as above
from benchmarks.report.stability import prove_stability  # noqa: E402 - as above

PARTS = ("reports", "ab", "labels", "stability", "live", "docs")


def with_corpus(corpus: Path, figures: Figures, part: str, prove: Callable[[], object]) -> None:
    """A part that needs the corpus, where there is one."""
    if (corpus / ARCHIVE).exists():
        prove()
    else:
        figures.add(part, f"left out: no corpus at {corpus}", good=True)


def main(words: Sequence[str]) -> int:
    """Everything, one after the other; 0 when all is as promised."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=PARTS, help="one part alone")
    parser.add_argument("--quick", action="store_true", help="smaller numbers, all parts")
    parser.add_argument("--corpus", type=Path, default=ROOT.parent / "shared" / "corpus", help="folder of the corpus")
    asked = parser.parse_args(words)
    figures = Figures()
    print(machine(), flush=True)
    began = time.monotonic()
    small = 10 if asked.quick else 1
    with tempfile.TemporaryDirectory(prefix="prove-report-") as name:
        work = Path(name)

        def prove_both_ab() -> None:
            with_corpus(asked.corpus, figures, "ab", lambda: prove_ab(work, asked.corpus, figures))
            prove_ab_speed(work, figures, 10_000_000 // small)

        parts: dict[str, Callable[[], object]] = {
            "reports": lambda: prove_reports(work, figures, quick=asked.quick),
            "ab": prove_both_ab,
            "labels": lambda: prove_labels(work, figures),
            "stability": lambda: with_corpus(
                asked.corpus, figures, "stability", lambda: prove_stability(work, asked.corpus, figures)
            ),
            "live": lambda: prove_live(work, figures, rows=2_000_000 // small),
            "docs": lambda: prove_docs(work, figures),
        }
        figures.prove(parts, asked.only)
    figures.show("prove-report", time.monotonic() - began)
    return 0 if figures.all_good else 1


if __name__ == "__main__":
    os.environ.setdefault("PYTHONUNBUFFERED", "1")
    sys.exit(main(sys.argv[1:]))
