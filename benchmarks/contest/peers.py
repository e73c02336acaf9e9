"""Environments of peers, each made once from the registry and kept for the next time."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.peer_environment import peer_environment

#: where they lie; a folder of a version of this list, so that another list makes others
HOME = Path(os.environ.get("PAIRTRAWL_PEERS", Path(tempfile.gettempdir()) / "pairtrawl-peers"))


def peer_python(name: str, *packages: str, without_dependencies: tuple[str, ...] = ()) -> Path:
    """The Python of an environment with these packages, made where it is missing; two who ask at once get one.

    `without_dependencies` are installed alone: cc2dataset without its Spark, which extraction never calls.

    Raises:
        NoPeerError: it cannot be had; the message says why.
    """
    words = "\n".join((*packages, "alone", *without_dependencies))
    folder = HOME / f"{name}-{hashlib.sha256(words.encode()).hexdigest()[:8]}"
    HOME.mkdir(parents=True, exist_ok=True)
    with (HOME / f"{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "made").exists():
            shutil.rmtree(folder, ignore_errors=True)
            python = peer_environment(folder, *packages)
            if without_dependencies:
                uv = [sys.executable, "-m", "uv", "pip", "install", "-q", "--compile-bytecode", "--no-deps"]
                subprocess.run([*uv, "--python", str(python), *without_dependencies], check=True)
            (folder / "made").touch()
    return folder / "bin" / "python"
