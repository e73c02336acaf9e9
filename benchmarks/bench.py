"""Each hot stage of a crawl beside the tools that people use for it, and beside the least that any way must do.

    python benchmarks/bench.py                     all stages
    python benchmarks/bench.py wat shards          these stages
    python benchmarks/bench.py wat --rounds 3 --keep
    python benchmarks/bench.py --page              make docs/results.md and docs/costs.md again from what was kept

Sides take turns on pinned cores; figures are medians, ratios are of rounds side by side. Peers are installed from the
registry into environments of their own on first use. `--keep` appends to benchmarks/history.jsonl and makes the page anew.
"""

from __future__ import annotations

import argparse
import importlib
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks import costs  # noqa: E402 - the repository comes first
from benchmarks.contest import history, page  # noqa: E402
from benchmarks.contest.contest import Contest, run  # noqa: E402
from benchmarks.contest.inputs import Inputs, corpus_folder  # noqa: E402
from benchmarks.contest.machine import facts  # noqa: E402

#: in the order of a crawl; each is a module of benchmarks/stages with `contests(inputs)`
STAGES = ("wat", "warc", "download", "picture", "hashes", "lookups", "clip", "shards", "whole")


def contests(stage: str, inputs: Inputs) -> list[Contest]:
    """The contests of a stage."""
    module = importlib.import_module(f"benchmarks.stages.{stage}")
    found: list[Contest] = module.contests(inputs)
    return found


def hold(
    stages: list[str], inputs: Inputs, rounds: int | None = None, case: str = "", cores: list[int] | None = None
) -> list[dict[str, Any]]:
    """Hold the contests of stages, one after the other; what each came to, with the machine it ran on."""
    held: list[dict[str, Any]] = []
    for stage in stages:
        for contest in contests(stage, inputs):
            if case and case not in contest.case:
                continue
            print(f"\n== {contest.stage}: {contest.case}", flush=True)
            asked = replace(contest, rounds=rounds or contest.rounds, cores=cores or contest.cores)
            result = {"machine": facts(), **run(asked, inputs.folder(f"{contest.stage}-{len(held)}"))}
            print(page.as_text(result), flush=True)
            held.append(result)
    return held


def write_pages() -> None:
    """docs/results.md and docs/costs.md, from what was kept."""
    page.write(history.read())
    costs.write_page()


def main() -> None:
    """Read the command line; hold contests or make the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("stages", nargs="*", metavar="STAGE", help=f"of {', '.join(STAGES)}; all if none is named")
    parser.add_argument("--case", default="", help="only cases whose name has this in it")
    parser.add_argument("--rounds", type=int, help="rounds of each side (as the stage says)")
    parser.add_argument("--cores", type=int, nargs="*", help="to which sides are pinned (as the stage says)")
    parser.add_argument("--corpus", type=Path, help="folder of corpora (../shared/corpus, where it is)")
    parser.add_argument("--quick", action="store_true", help="small input, for trying the command out")
    parser.add_argument("--keep", action="store_true", help="append to benchmarks/history.jsonl, make the pages anew")
    parser.add_argument("--page", action="store_true", help="only make the pages anew")
    asked = parser.parse_args()
    if unknown := set(asked.stages) - set(STAGES):
        parser.error(f"no stage {', '.join(sorted(unknown))}; there are {', '.join(STAGES)}")
    if not asked.page:
        with tempfile.TemporaryDirectory(prefix="bench-") as folder:
            inputs = Inputs(corpus_folder(asked.corpus), Path(folder), asked.quick)
            held = hold(asked.stages or list(STAGES), inputs, asked.rounds, asked.case, asked.cores)
        if not asked.keep:
            return
        history.keep(held)
    write_pages()


if __name__ == "__main__":
    main()
