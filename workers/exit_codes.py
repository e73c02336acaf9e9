"""What the commands leave with. Batch scripts decide by it whether to come back (slurm/island.sh)."""

from __future__ import annotations

from enum import IntEnum

from workers.blame import Blame


class ExitCode(IntEnum):
    """One code for every verb."""

    DONE = 0
    CRASHED = 1  # a bug outside of any job; Python's own; in an island also a Ray that failed
    YOURS = 2  # settings, inputs or disk
    STUCK = 3  # work is left, and not one job was done: who is asked to try again would try for ever
    OURS = 70  # a job ended with a bug of ours (EX_SOFTWARE of sysexits.h)
    WORK_LEFT = 75  # stopped or unlucky: the same command goes on (EX_TEMPFAIL)


def code_of(blame: Blame) -> ExitCode:
    """What a command leaves with that ended by an error of this kind, outside of any job."""
    match blame:
        case Blame.NOBODY:
            return ExitCode.WORK_LEFT
        case Blame.OURS:
            return ExitCode.CRASHED
        case _:
            return ExitCode.YOURS
