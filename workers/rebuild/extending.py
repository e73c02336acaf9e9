"""img2dataset's `extend`: a further list into the folder of a rebuild, its shards numbered after those that are there.

The run goes on as one over all its lists, and is told so before it does: in its pin, and by taking away the mark that
says that its plan is whole.
"""

from __future__ import annotations

import msgspec

from crawler.commit import remove, write_atomically
from crawler.errors import RunFolderError
from crawler.plan import MARKER
from crawler.settings import Recipe
from workers.run_folder import Pinned, RunFolder
from workers.session import find_sources


def extended(folder: RunFolder, recipe: Recipe, inputs: list[str]) -> list[str]:
    """The inputs of the run from now on. Nothing changes if it has these lists already, or if there is no run yet.

    Raises:
        RunFolderError: the run has another recipe, or another process is at work in it.
        InputError: an input stands for nothing, or for a list whose name the run has already.
    """
    pinned = folder.pinned()
    if pinned is None:
        return inputs
    if pinned.recipe_digest != recipe.digest:
        raise RunFolderError(f"{folder.path}: holds a rebuild with other options; extend it with the same, or use "
                             "another --output")  # fmt: skip
    known = set(pinned.sources)
    new = [one for one in find_sources(recipe, inputs) if (one.address, one.kind.value) not in known]
    if not new:
        return list(pinned.inputs)
    every = [*pinned.inputs, *inputs]
    find_sources(recipe, every)  # two lists of one name cannot be in one run
    with folder.held():
        _pin(folder, pinned, [*pinned.sources, *((one.address, one.kind.value) for one in new)], every)
    return every


def _pin(folder: RunFolder, pinned: Pinned, sources: list[tuple[str, str]], inputs: list[str]) -> None:
    """The mark first: a plan that is not whole is looked at again, one that lacks a list never would be."""
    remove(folder.plan.path / MARKER)
    changed = msgspec.structs.replace(pinned, sources=sources, inputs=tuple(inputs))
    write_atomically(folder.pin, msgspec.json.format(msgspec.json.encode(changed), indent=2) + b"\n")
