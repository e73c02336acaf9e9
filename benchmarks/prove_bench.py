"""`make prove-bench`: every hot stage beside the tools people use for it, and what a crawl costs; figures come last.

    python benchmarks/prove_bench.py [--only STAGE] [--rounds N] [--quick] [--keep] [--corpus ../shared/corpus]

Parts are the stages of benchmarks/bench.py, `costs` (the cost model, with the growth measured) and `page` (docs/results.md is made
of what was kept). A goal that is missed fails here; docs/results.md says why, and what would lift it. `--keep` appends to the history.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.bench import STAGES, hold, write_pages  # noqa: E402 - the repository's own folder comes first
from benchmarks.contest import history, page  # noqa: E402 - as above
from benchmarks.contest.inputs import Inputs, corpus_folder  # noqa: E402 - as above
from benchmarks.contest.machine import machine  # noqa: E402 - as above
from benchmarks.contest.sides import BrokenSideError  # noqa: E402 - as above
from benchmarks.costs import prove_costs  # noqa: E402 - as above
from benchmarks.figures import Figures  # noqa: E402 - as above
from benchmarks.peer_environment import NoPeerError  # noqa: E402 - as above


def prove_stage(stage: str, inputs: Inputs, figures: Figures, rounds: int | None, kept: list[dict[str, Any]]) -> None:
    """The contests of a stage: every check and every goal is a figure."""
    for result in hold([stage], inputs, rounds):
        kept.append(result)
        case = f"{stage}, {result['case']}"
        for side in result["sides"]:
            figures.add(f"{case}: {side['name']}", page.summary(side, result["unit"]), good=True)
        for check in result["checks"]:
            figures.add(f"{case}: {check['words']}", check["value"], good=check["good"])
        for goal in result["goals"]:
            figures.add(
                f"{case}: {goal['words']}, {goal['wanted']}",
                page.times(goal),
                good=goal["met"] or bool(goal["left_out"]),
            )


def prove_page(figures: Figures) -> None:
    """The page of results is that of the history."""
    same = page.PAGE.read_text(encoding="utf-8") == page.markdown(history.read())
    figures.add("docs/results.md is made of benchmarks/history.jsonl", "the same" if same else "it differs", good=same)


def main(words: Sequence[str]) -> int:
    """Everything, one after the other; 0 when all is as promised."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=(*STAGES, "costs", "page"), help="one part alone")
    parser.add_argument("--rounds", type=int, help="rounds of each side (as the stages say)")
    parser.add_argument("--quick", action="store_true", help="smaller inputs, all parts")
    parser.add_argument(
        "--keep", action="store_true", help="append to benchmarks/history.jsonl, make docs/results.md anew"
    )
    parser.add_argument("--corpus", type=Path, help="folder of corpora (../shared/corpus, where it is)")
    asked = parser.parse_args(words)
    figures, kept = Figures(), list[dict[str, Any]]()
    print(machine(), flush=True)
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="prove-bench-") as name:
        inputs = Inputs(corpus_folder(asked.corpus), Path(name), asked.quick)
        parts = {stage: partial(prove_stage, stage, inputs, figures, asked.rounds, kept) for stage in STAGES}
        parts["costs"] = partial(prove_costs, Path(name), figures, quick=asked.quick)
        figures.prove(parts, asked.only, told=(AssertionError, BrokenSideError, NoPeerError))
    if asked.keep:
        history.keep(kept)
        write_pages()
    figures.prove({"page": partial(prove_page, figures)}, asked.only)
    figures.show("prove-bench", time.monotonic() - began)
    return 0 if figures.all_good else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
