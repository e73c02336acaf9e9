"""Environments of peers that cannot share ours: made with uv, for this Python, with the torch that we have."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

#: what keeps a resolver from the CUDA builds of torch (5 GB) where the CPU's is at hand
TORCH = ("torch==2.13.0", "torchvision==0.28.0", "triton<0")
_TORCH_BUILD = (
    "from importlib.metadata import distributions\nprint(*{one.version for one in distributions(name='torch')})"
)


class NoPeerError(Exception):
    """The peer cannot be had here; the message says why."""


def peer_environment(folder: Path, *packages: str) -> Path:
    """The Python of a fresh environment with these packages; if one of them brings torch, it is the one without CUDA.

    Our own constraints bind torch, torchvision and triton alone: peers ask for an older numpy, pyarrow and open_clip
    than we have.

    Raises:
        NoPeerError: it cannot be made, or torch is not the CPU build.
    """
    python = folder / "bin" / "python"
    uv = [sys.executable, "-m", "uv"]
    constraints = folder.parent / f"{folder.name}-constraints.txt"
    constraints.write_text("\n".join(TORCH))
    find_links = _find_links()
    _run([*uv, "venv", "-q", "--clear", "-p", sys.executable, str(folder)])
    # compiled now: a peer that compiles its packages at every start would be measured for that
    words = [*uv, "pip", "install", "-q", "--compile-bytecode", "--python", str(python), "-c", str(constraints)]
    _run([*words, *(["--find-links", find_links] if find_links else []), *packages])
    build = _run([str(python), "-c", _TORCH_BUILD]).strip()
    if build and not build.endswith("+cpu"):
        raise NoPeerError(f"torch {build} was installed, which is not the CPU build: nothing is measured with it")
    return python


def versions(python: Path, *packages: str) -> dict[str, str]:
    """The versions of these packages in an environment."""
    script = "import sys\nfrom importlib.metadata import version\nfor name in sys.argv[1:]: print(version(name))"
    told = _run([str(python), "-c", script, *packages]).split()
    return dict(zip(packages, told, strict=True))


def _find_links() -> str:
    """The folder of wheels that pip has been told of; uv does not read pip's settings."""
    if told := os.environ.get("PIP_FIND_LINKS"):
        return told
    words = [sys.executable, "-m", "pip", "config", "get", "global.find-links"]
    done = subprocess.run(words, check=False, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    return done.stdout.strip()


def _run(words: list[str]) -> str:
    done = subprocess.run(words, check=False, capture_output=True, text=True)
    if done.returncode:
        raise NoPeerError(f"{Path(words[0]).name} {' '.join(words[1:4])} ...: {done.stderr.strip()[-600:]}")
    return done.stdout
