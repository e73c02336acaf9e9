"""The control plane on SLURM: what is submitted, how far it is, what is missing. docs: slurm/README.md.

It stands beside the run: `scripts` says what would be submitted, `submitting` does it, `progress` reads what the slices
say of themselves, `ledger` remembers job ids, and `scheduler` is the one module that talks to SLURM.
"""
