"""`make prove-slurm`: shows that the same job runs on a supercomputer; a table of figures comes last.

    python benchmarks/prove_slurm.py [--only PART] [--hpc 5 9] [--corpus ../shared/corpus] [--rounds 2]

Parts: cases (22 tests on a real SLURM of two nodes, which starts on this machine: as root, it installs what is missing),
overhead (of Ray), scaling (actors and nodes), big_run (jobs are measured, and the run that makes LAION-5B again is
calculated from them; docs/supercomputer.md). Some twenty minutes on two quiet cores. Speeds need a quiet machine: the
load is printed with them.
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

from benchmarks.big_run import prove_big_run  # noqa: E402 - the repository's own folder comes first
from benchmarks.contest.machine import machine  # noqa: E402 - as above
from benchmarks.figures import Figures  # noqa: E402 - as above
from benchmarks.ray_overhead import prove_overhead  # noqa: E402 - as above
from benchmarks.scaling import prove_scaling  # noqa: E402 - as above
from benchmarks.supercomputer.hpc_cases import CASES, prove_cases  # noqa: E402 - as above
from benchmarks.supercomputer.per_job import measure  # noqa: E402 - as above


def prove_measured_run(work: Path, figures: Figures, corpus: Path) -> None:
    """Measure single jobs here and now, then calculate the large run from them."""
    measured = measure(work, corpus)
    figures.add("CPU seconds: a megabyte of WAT, a fetched picture, a scored one, a row that failed",
                f"{measured.extract_cpu_seconds_per_megabyte:.2f}, {measured.fetch_cpu_seconds_per_picture:.4f}, "
                f"{measured.score_cpu_seconds_per_picture:.4f}, {measured.fetch_cpu_seconds_per_failure:.4f}", good=True)  # fmt: skip
    figures.add("pictures that these were measured with", measured.pictures, good=True)
    prove_big_run(figures, measured)


def main(words: Sequence[str]) -> int:
    """Everything, one after the other; 0 when all is as promised."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", type=Path, default=ROOT.parent / "shared" / "corpus", help="folder of the corpus")
    parser.add_argument("--rounds", type=int, default=2, help="of local and Ray in turns")
    parser.add_argument("--hpc", type=int, nargs="*", default=[], choices=CASES, help="these of the 22 alone")
    parser.add_argument("--only", choices=["cases", "overhead", "scaling", "big_run"], help="one part alone")
    asked = parser.parse_args(words)
    figures = Figures()
    print(machine(), flush=True)
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="prove-slurm-") as name:
        work = Path(name)
        parts: dict[str, Callable[[], object]] = {
            "cases": lambda: prove_cases(figures, asked.hpc),
            "overhead": lambda: prove_overhead(work, figures, asked.corpus, asked.rounds),
            "scaling": lambda: prove_scaling(work, figures, asked.corpus),
            "big_run": lambda: prove_measured_run(work, figures, asked.corpus),
        }
        for part, prove in parts.items():
            if asked.only in {None, part}:
                figures.add(f"load of the machine when `{part}` began", f"{os.getloadavg()[0]:.1f}", good=True)
                try:
                    prove()
                except AssertionError as error:  # a command failed: what it said is the figure, and the others follow
                    figures.add(part, str(error).strip()[-600:], good=False)
    figures.show("prove-slurm", time.monotonic() - began)
    return 0 if figures.all_good else 1


if __name__ == "__main__":
    os.environ.setdefault("PYTHONUNBUFFERED", "1")
    sys.exit(main(sys.argv[1:]))
