"""Volunteers as processes that may be killed, without waiting for Python to start and import each time.

Reads a line of JSON for each: {"url", "folder", "jobs", "failpoint"}; forks, works, and prints how the child ended.
Nothing but this thread lives here when it forks.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import aiohttp  # noqa: F401 - imported once for all children
import cryptography.hazmat.primitives.asymmetric.ed25519  # noqa: F401 - as above
import psutil  # noqa: F401 - as above

from tests.workers.home.a_crew import InProcessCrew
from workers import failpoints
from workers.home.asked import AskedWork, Limits
from workers.home.session import work


def child(asked: dict[str, object]) -> int:
    failpoints._NAME = str(asked["failpoint"])
    failpoints._left = 1
    jobs = asked["jobs"]
    assert isinstance(jobs, int)
    return work(
        AskedWork(
            tracker=str(asked["url"]), folder=Path(str(asked["folder"])), name="a volunteer", jobs=jobs,
            limits=Limits(disk_bytes=10**12, kinds=("fetch",)), allow_private=True, as_root=True, as_json=True,
        ),
        InProcessCrew,  # type: ignore[arg-type] # a fake of it
    )  # fmt: skip


def main() -> None:
    for line in sys.stdin:
        process = os.fork()
        if process == 0:
            os.dup2(2, 1)  # what a volunteer says is for whoever looks at a failed test
            os._exit(child(json.loads(line)))
        _, status = os.waitpid(process, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
