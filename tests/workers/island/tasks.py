"""A task of an island as `srun` would start it, with a driver of the test's own.

As a program: `tasks.py RUN OPTIONS DRIVER...`, where OPTIONS is JSON for `Options`. Who it is, it learns from SLURM's
variables. As a module: the words for such a program, and the variables of a task that SLURM has not started.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from crawler.errors import PairtrawlError
from workers.island.launch import launch, to_stderr
from workers.island.part import Options
from workers.island.surroundings import here

FAKE_RAY = Path(__file__).with_name("fake_ray.py")
REPOSITORY = Path(__file__).resolve().parents[3]


def words(run: Path, driver: list[str], **options: Any) -> list[str]:
    """The command of one task; `options` as in `Options`."""
    return [sys.executable, str(Path(__file__)), str(run), json.dumps(options), *driver]


def variables(rank: int, nodes: int, job: str = "7", restart: int = 0) -> dict[str, str]:
    """What SLURM would tell that task."""
    return {
        "SLURM_JOB_ID": job,
        "SLURM_RESTART_COUNT": str(restart),
        "SLURM_STEP_ID": "0",
        "SLURM_PROCID": str(rank),
        "SLURM_STEP_NUM_NODES": str(nodes),
        "SLURM_STEP_NUM_TASKS": str(nodes),
        "SLURM_CPUS_ON_NODE": "1",
        "SLURMD_NODENAME": f"node{rank}",
    }


def main() -> int:
    run, options, *driver = sys.argv[1:]
    given: dict[str, Any] = {
        name: tuple(one) if isinstance(one, list) else one for name, one in json.loads(options).items()
    }
    if "node_local" in given:
        given["node_local"] = Path(given["node_local"])
    around, _ = here()
    try:
        return launch(around, Options(run=Path(run), **given), lambda _address: driver, to_stderr(around))
    except PairtrawlError as error:
        sys.stderr.write(f"{error}\n")
        return 2


if __name__ == "__main__":
    sys.exit(main())
