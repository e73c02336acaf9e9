"""The 22 things that a run on a supercomputer must stand. A test says which it shows by a comment, `# hpc 5`."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.figures import Figures, title
from benchmarks.named_cases import prove_named

CASES = {
    1: "the local SLURM starts, starts again, ends twice, and leaves nothing",
    2: "two hosts with private /tmp and addresses; one of them without internet",
    3: "a Ray island on 2 nodes makes valid shards and leaves nothing behind",
    4: "two islands at once on the same nodes do not disturb each other",
    5: "walltime ends, drains and requeues: shards identical to an uninterrupted run",
    6: "walltime ignored: TIMEOUT, no partial shard, retry finishes the rest",
    7: "preemption: USR1, requeue, finish",
    8: "scancel: no requeue, ends in time, cleaned up",
    9: "a node is lost: requeue by default; the island goes on where fewer nodes will do",
    10: "the head node is lost: requeue and resume, the stale rendezvous ignored",
    11: "out of memory: costs one actor, and the run is right although srun fails",
    12: "a port is taken: the next one; all taken: a clean exit 2",
    13: "another island's token is refused",
    14: "resources that nobody has: exit 2 within a minute",
    15: "array and aftercorr, with one task requeued in between",
    16: "a chain of singletons: later links end at once when nothing is left",
    17: "windows below MaxArraySize, retry's expression, a changed division refused",
    18: "scoring without network; fetching refused where there is no internet",
    19: "Ray on the second network (JSC's names with an i)",
    20: "a GPU actor lands on the GPU partition",
    21: "a user who is not root",
    22: "every script and site: shellcheck, sbatch --test-only, golden output",
}


def prove_cases(figures: Figures, only: Sequence[int] = ()) -> None:
    """A line for each of the 22."""
    title("22 tests on a real SLURM of two nodes")
    prove_named(figures, "hpc", CASES, only)
