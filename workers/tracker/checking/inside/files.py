"""Which files there are, how large they are, and whether their bytes are those that were announced."""

from __future__ import annotations

import hashlib
import re
import stat
from pathlib import Path

from crawler.embeddings import FOLDER, folder_name
from crawler.write import shard_name
from workers.tracker.checking.inside.wrong import WrongError, insist
from workers.tracker.checking.orders import Look

_VECTORS = (("img_emb", "npy"), ("text_emb", "npy"), ("metadata", "parquet"))


def required_names(look: Look) -> tuple[str, ...]:
    """The files that every job of this kind and number makes."""
    match look.kind:
        case "extract":
            return (f"{look.number:05d}.parquet", f"{look.number:05d}.json")
        case "fetch":
            return (f"{look.number:05d}.parquet",)
        case _:
            name = shard_name(look.number, look.recipe.output)
            return (f"{name}.tar", f"{name}.parquet", f"{name}_stats.json")


def vectors_of(look: Look, engine: str) -> tuple[str, ...]:
    """The three files of one engine: pictures' vectors, captions', metadata."""
    name = shard_name(look.number, look.recipe.output)
    return tuple(f"{FOLDER}/{folder_name(engine)}/{kind}/{kind}_{name}.{suffix}" for kind, suffix in _VECTORS)


def engines_kept(look: Look) -> list[str]:
    """The engines whose vectors are there; an engine that no row asked leaves no file."""
    if look.kind not in ("crawl", "score") or not look.recipe.output.keep_embeddings:
        return []
    named = {one.name for one in look.manifest.artefacts}
    return [engine for engine in look.judges.engines if named & set(vectors_of(look, engine))]


def check_files(look: Look) -> None:
    """Whether the folder holds what the manifest names, and the manifest names what the job makes.

    Raises:
        WrongError: it does not.
    """
    artefacts = {one.name: one for one in look.manifest.artefacts}
    insist(len(artefacts) == len(look.manifest.artefacts), "the manifest names a file twice")
    wanted = {*required_names(look), *(name for engine in engines_kept(look) for name in vectors_of(look, engine))}
    if strange := sorted(artefacts.keys() ^ wanted):
        raise WrongError(f"the files are not those of a {look.kind} job: {strange[0]}")
    folder = Path(look.folder)
    if extra := sorted(_files_in(folder) ^ wanted):
        raise WrongError(f"the folder holds other files than the manifest names: {extra[0]}")
    for name, artefact in artefacts.items():
        path = folder / name
        insist(path.lstat().st_size == artefact.bytes, f"{name}: another size than announced")
        with path.open("rb") as file:
            insist(hashlib.file_digest(file, "sha256").hexdigest() == artefact.sha256, f"{name}: other bytes")


def _files_in(folder: Path) -> set[str]:
    found = set()
    for path in folder.rglob("*"):
        mode = path.lstat().st_mode
        if stat.S_ISDIR(mode):
            continue
        insist(stat.S_ISREG(mode), f"{path.name}: is no plain file")
        found.add(path.relative_to(folder).as_posix())
    return found


def marker_text(look: Look, name: str) -> bytes:
    """The content of a small JSON file.

    Raises:
        WrongError: it is not small.
    """
    path = Path(look.folder) / name
    insist(path.stat().st_size <= look.bound.marker_bytes, f"{name}: too large for a marker")
    return path.read_bytes()


#: strings that hold nothing but hexadecimal digits, by their number
HEX = {number: re.compile(rf"[0-9a-f]{{{number}}}") for number in (16, 32, 40, 64)}
