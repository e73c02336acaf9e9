"""What rebuilt and published data sets must hold, by the numbers that tests name (`# invariant 29`, `# checklist 45`)."""

INVARIANTS = {
    29: "committing twice, or crashing at any step, gives one root; of two committers one wins; no shard twice, none lost",
    30: "any flipped bit changes the root; published vectors; proofs verify with an independent checker of 40 lines",
    31: "diff(A, A) is nothing; a diff applied to A is B, byte for byte; research-safe is a proven part of research",
    32: "after a purge nothing is left of the rows; old roots verify; rebuilds refuse them; apply equals the re-issue",
}

CASES = {
    45: "a re-issue with a new list: gone, still a subset, renumbered, 10,000 decoys for each real row, totals exact",
    53: "an address that serves other bytes: strict drops it, near keeps it by PDQ; without a recorded hash never identical",
    54: "one picture under 500 addresses, one domain that is a tenth of a shard: caps",
}
