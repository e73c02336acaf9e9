"""The pictures that stages of this folder run on, as files: made ones of three sizes, and those of a web."""

from __future__ import annotations

import hashlib
import io
import tarfile
import zipfile
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from benchmarks.contest.inputs import Inputs
from benchmarks.contest.sides import ROOT
from benchmarks.stages.sides.picture_web import SIZES, picture

#: of each size that is made; more than that are the same again
_MADE = 8
#: of a picture of a web that counts: what the recipe's filters ask for in bytes and pixels
_LEAST_BYTES, _LEAST_SIDE = 5_000, 64
_DEMO = ROOT / "workers" / "demo" / "data" / "web.zip"
_FORMATS = ("JPEG", "PNG", "WEBP")


class Pictures(NamedTuple):
    """A folder of files, and what is in it."""

    folder: Path
    told: Mapping[str, object]


def made(inputs: Inputs, size: str) -> Pictures:
    """Photo-like JPEGs of a size of `picture_web`: soft patches of colour, and fine noise."""
    folder = inputs.folder(f"pictures-{size}")
    for number in range(_MADE):
        (folder / f"{number:04d}").write_bytes(picture(size, number))
    width, height, quality = SIZES[size]
    told = {"pictures": _MADE, "what": f"made, {width} x {height}, JPEG of quality {quality}"}
    return Pictures(folder, told | {"bytes of one": len(picture(size, 0))})


def of_a_web(inputs: Inputs, name: str, *, one_in: int = 1, formats: tuple[str, ...] = _FORMATS) -> Pictures:
    """One in so many of the different pictures of the offline web, or where there is none of the demo's.

    Those of 5,000 bytes and 64 pixels a side, by the order of their SHA-256.
    """
    folder = inputs.folder(f"pictures-{name}")
    kinds: Counter[str] = Counter()
    counted = [(digest, kind, body) for digest, kind, body in _of_a_web(inputs.corpus) if kind in formats]
    for digest, kind, body in counted[::one_in]:
        (folder / digest[:16]).write_bytes(body)
        kinds[kind] += 1
    where = "the offline web" if inputs.corpus else "the demo"
    shares = ", ".join(f"{count} {kind}" for kind, count in kinds.most_common())
    return Pictures(folder, {"pictures": kinds.total(), "what": f"of {where}: {shares}"})


@cache
def _of_a_web(corpus: Path | None) -> list[tuple[str, str, bytes]]:
    """SHA-256, format and bytes of each different picture that counts, in order: some 60 MB."""
    return sorted({(hashlib.sha256(body).hexdigest(), kind, body) for body in _files(corpus) if (kind := _kind(body))})


def _kind(body: bytes) -> str:
    """The format of a picture that counts, "" for everything else."""
    if len(body) < _LEAST_BYTES:
        return ""
    try:
        image = Image.open(io.BytesIO(body), formats=_FORMATS)
    except OSError:
        return ""
    return str(image.format) if min(image.size) >= _LEAST_SIDE else ""


def _files(corpus: Path | None) -> Iterator[bytes]:
    if corpus is None:
        with zipfile.ZipFile(_DEMO) as web:
            yield from (web.read(name) for name in web.namelist())
        return
    with tarfile.open(corpus / "offline-web.tar.xz") as web:
        for member in web:
            if (file := web.extractfile(member)) is not None:
                yield file.read()
