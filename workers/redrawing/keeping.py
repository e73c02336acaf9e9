"""What `pairtrawl filters ab` leaves on the disk, and what it says while rows are judged one by one."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import msgspec

from crawler.commit import make_folder, write_atomically
from crawler.errors import InputError, SettingsError
from workers.progress import Display, Phase
from workers.redrawing.asking import Told
from workers.run_folder import RunFolder

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
FOLDER = "comparisons"


def folder_for(place: Path, name: str) -> Path:
    """Where a comparison of that name belongs: into the run at `place`.

    Raises:
        SettingsError: it cannot be the name of a folder.
        InputError: `place` is no run.
        RunFolderError: the run cannot be read.
    """
    if not _NAME.fullmatch(name):
        raise SettingsError(
            f"--save {name!r}: a name has letters, digits, '.', '_' and '-', begins with a letter or digit, and is at "
            "most 64 characters long"
        )
    run = RunFolder.at(place)
    if not place.is_dir() or run.pinned() is None:
        raise InputError(f"--save {name}: {place} is no run; name the run first, or use --html FILE")
    return run.path / FOLDER / name


def keep_comparison(folder: Path, found: Mapping[str, Any], page: str, recipes: Sequence[Path]) -> None:
    """Write numbers, page and both recipes into a folder.

    Raises:
        OSError: the disk is full.
    """
    make_folder(folder)
    for side, recipe in zip(("a", "b"), recipes, strict=True):
        write_atomically(folder / f"{side}.toml", recipe.read_bytes())
    write_atomically(folder / "comparison.html", page.encode())
    numbers = msgspec.json.format(msgspec.json.encode(dict(found)), indent=2) + b"\n"
    write_atomically(folder / "comparison.json", numbers)


@contextmanager
def row_by_row(display: Display) -> Iterator[Told]:
    """Tells how far it is with rows that filters judge one by one, if there are any."""
    with ExitStack() as stack:
        phases: list[Phase] = []

        def told(total: int, done: int) -> None:
            if not phases:
                phases.append(stack.enter_context(display.phase("Judging rows", total, "rows")))
            phases[0].advance(done)

        yield told
