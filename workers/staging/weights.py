"""Weights of models, copied to the node's own disk once for all processes of a node.

The first process that needs them copies, the others wait for it; all of them hash what they are going to load. Which
model it is, and so every name and digest that goes into a data set, stays what the recipe says.
"""

from __future__ import annotations

import functools
import hashlib
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import msgspec

from crawler.commit import sweep, temporary_path, write_atomically
from crawler.errors import SettingsError
from crawler.settings import Recipe
from filters import Engine
from filters.models.choice import CONFIG_NAME, EMBEDDED, ModelChoice, Staged, sha256_of
from filters.models.engine import OpenClipEngine
from filters.models.open_clip_border import description_file, weights_file
from workers.assemble import Swap, engines_of
from workers.staging.private import folder_inside, private_folder

#: bytes read and written at once
_BLOCK = 16 * 1024 * 1024


class _Copied(msgspec.Struct, frozen=True, kw_only=True):
    """What stands beside a copy once it is whole."""

    source: str
    sha256: str  # of what was read from the source


def stage_weights(recipe: Recipe, node_local: Path | None) -> dict[str, Engine]:
    """Every engine of the recipe by its name, set to load from the node's own disk; copies what is not there yet.

    Without such a disk (None) they load from where the recipe says. As `workers.assemble.engines_of` otherwise.

    Raises:
        SettingsError: as `engines_of`; or weights cannot be had here; or the folder on the node is not ours alone.
    """
    engines = engines_of(recipe)
    if node_local is None:
        return engines
    swap = staging(node_local)
    return {name: swap(engine) for name, engine in engines.items()}


def staging(node_local: Path, tell: Callable[[str], None] | None = None) -> Swap:
    """What puts, for `workers.assemble.assemble`, an engine that loads from `node_local` into the place of each.

    `node_local` is a folder on a disk of this machine, such as /tmp, or the folder of a job in it. What is ours lies
    where no other user can look (`private_folder`), until somebody removes it. Where that disk is full, `tell` is told
    (stderr), and the engine loads from where it would have.

    Raises (when an engine is put): SettingsError as `stage_weights`.
    """
    say = tell or _to_stderr

    @functools.cache
    def staged(choice: ModelChoice) -> ModelChoice:
        try:
            return _staged(choice, node_local)
        except OSError as error:
            say(f"{choice.identity}: cannot be kept on {node_local} ({error}); it is read from where it is")
            return choice

    def swap(engine: Engine) -> Engine:
        return replace(engine, choice=staged(engine.choice)) if isinstance(engine, OpenClipEngine) else engine

    return swap


def _to_stderr(line: str) -> None:
    sys.stderr.write(f"pairtrawl: {line}\n")


def _staged(choice: ModelChoice, node_local: Path) -> ModelChoice:
    """The choice with its copy. The embedded model comes with the program, and is where that is."""
    if choice.model == EMBEDDED or choice.staged is not None:
        return choice
    weights = weights_file(choice)
    if is_on(weights, node_local):
        return choice
    folder = folder_inside(folder_inside(private_folder(node_local), "weights"), _key(weights))
    copy = folder / weights.name
    known = _known(folder)
    if known is None or not _is(copy, known):
        with _alone(folder):
            known = _known(folder)  # somebody else may have been faster
            if known is None or not _is(copy, known):
                known = _copy(choice, weights, folder)
    return replace(choice, staged=Staged(copy, known))


def is_on(file: Path, folder: Path) -> bool:
    """Whether the file is on the folder's disk already, so that a copy would gain nothing."""
    return file.stat().st_dev == folder.stat().st_dev


def _key(weights: Path) -> str:
    """One for each file and each change of it: a folder of the node may outlive both."""
    found = weights.stat()  # of what a hub's link leads to
    words = f"{weights.absolute()}\n{found.st_size}\n{found.st_mtime_ns}\n{found.st_ino}"
    return hashlib.sha256(words.encode("utf-8", "surrogateescape")).hexdigest()[:24]


def _known(folder: Path) -> str | None:
    """The digest of what was copied here; None where nothing was."""
    try:
        return msgspec.json.decode((folder / "copied.json").read_bytes(), type=_Copied).sha256
    except (FileNotFoundError, msgspec.DecodeError):
        return None


def _is(copy: Path, sha256: str) -> bool:
    """Whether the copy is what was read: somebody who cleans up /tmp, or a power cut, may have been there since."""
    try:
        return copy.is_file() and sha256_of(copy) == sha256
    except SettingsError:  # it cannot be read: the disk is dying, or somebody changed its mode
        return False


def _copy(choice: ModelChoice, weights: Path, folder: Path) -> str:
    """Read the weights once, write them here and read them back; returns their digest. Others see all or nothing.

    Raises:
        OSError: the disk is full, or gives back something else than was written.
    """
    sweep(folder)
    if choice.has_description:
        write_atomically(folder / CONFIG_NAME, description_file(choice).read_bytes())
    copy = folder / weights.name
    temporary = temporary_path(copy)
    try:
        digest = _written(weights, temporary)
        if sha256_of(temporary) != digest:
            raise OSError(f"{temporary}: is not what was written there")
        temporary.replace(copy)
    finally:
        temporary.unlink(missing_ok=True)
    write_atomically(folder / "copied.json", msgspec.json.encode(_Copied(source=str(weights), sha256=digest)))
    return digest


def _written(source: Path, target: Path) -> str:
    """Copy in large blocks; not flushed, for every process hashes what it finds. Returns the SHA-256 of the source."""
    digest = hashlib.sha256()
    block = memoryview(bytearray(_BLOCK))
    with source.open("rb", buffering=0) as reader, target.open("xb") as writer:
        while taken := reader.readinto(block):
            digest.update(block[:taken])
            writer.write(block[:taken])
    return digest.hexdigest()


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """One process of this machine at a time; the system lets go of the lock when its process ends, however."""
    import fcntl  # noqa: PLC0415 - not on every system

    handle = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
