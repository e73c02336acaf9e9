"""Commits that are killed: a process that has imported everything forks one for each, which saves seconds each time.

    python -m tests.workers.dataset.killed FOLDER FAILPOINT...

FOLDER has `keys` and `run`; the store of each failpoint is FOLDER/FAILPOINT. Each line that is printed is a failpoint,
how the process ended that was to be killed there, and how the one did that ran the same command again.
"""

from __future__ import annotations

import os
import sys
import traceback
from pathlib import Path

from crawler.dataset.keys import open_keys
from crawler.dataset.store import new_store
from workers import failpoints
from workers.dataset.commits.committing import commit_run
from workers.dataset.describing import describing  # noqa: F401 - what a commit imports when it needs it


def ended(folder: Path, store: str, failpoint: str) -> int:
    """How a process ended that committed, with this failpoint: its exit code, or minus its signal."""
    child = os.fork()
    if not child:
        code = 1
        try:
            name, _, times = failpoint.partition(":")
            failpoints._NAME, failpoints._left = name, int(times or 1)
            keys = open_keys(folder / "keys")
            commit_run(new_store(str(folder / store), "boats", keys), keys, folder / "run", message="a run")
            code = 0
        finally:
            if code:
                traceback.print_exc()
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def main() -> None:
    """Kill at each, and go on."""
    folder = Path(sys.argv[1])
    for failpoint in sys.argv[2:]:
        told = f"{failpoint} {ended(folder, failpoint, failpoint)} {ended(folder, failpoint, '')}"
        os.write(1, told.encode() + b"\n")


if __name__ == "__main__":
    main()
