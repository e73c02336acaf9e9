"""A copy of a PostgreSQL database, written by PostgreSQL's own program."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from crawler.commit import atomic_path
from workers.failpoints import failpoint
from workers.tracker.store import StoreError
from workers.tracker.store.private import make_private


def dump(environment: Mapping[str, str], path: Path) -> None:
    """Have pg_dump write a copy as of one moment, for pg_restore. What was at `path` stays until it is whole.

    Args:
        environment: which database, as PostgreSQL's programs read it (PGHOST, PGPASSWORD ...): a command line would
            show the password to everybody on the machine.
        path: of the copy.

    Raises:
        StoreError: there is no copy; the text has pg_dump's own words.
    """
    program = shutil.which("pg_dump")
    if program is None:
        raise StoreError("a backup of PostgreSQL needs pg_dump: install the PostgreSQL client programs")
    try:
        with atomic_path(path) as temporary:
            make_private(temporary)
            _run([program, "--format=custom", "--no-password", "--file", str(temporary)], environment)
            failpoint("store.backup_written")
    except (OSError, StoreError) as error:
        raise StoreError(f"{path}: no backup: {error}") from error


def _run(command: list[str], environment: Mapping[str, str]) -> None:
    done = subprocess.run(  # noqa: S603 - no shell, and nothing of anybody else's among the arguments
        command, env=os.environ | dict(environment), capture_output=True, check=False
    )
    if done.returncode != 0:
        raise StoreError(done.stderr.decode(errors="replace").strip())
