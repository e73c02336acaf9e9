"""What of an installation changes results, as one digest: packages that decode, hash, parse and score."""

from __future__ import annotations

import hashlib
import platform
from importlib.metadata import PackageNotFoundError, version

#: a new version of one of these may round differently; the self-test is asked again then
_PACKAGES = (
    "pairtrawl", "pillow", "numpy", "scipy", "imagehash", "pyarrow", "selectolax", "warcio", "can-ada", "ftfy", "eldc",
    "torch", "torchvision", "open_clip_torch", "onnxruntime",
)  # fmt: skip


def environment() -> str:
    """The digest, 64 hex digits; says nothing of the machine but its architecture."""
    lines = [platform.machine(), platform.python_implementation(), platform.python_version()]
    lines += [f"{package} {_version(package)}" for package in _PACKAGES]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "none"
