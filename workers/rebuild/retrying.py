"""`pairtrawl retry`: the rows of a rebuild that came to nothing are asked for once more; all others stay as they are.

Each time is a round, which a run remembers: a round that was ended early goes on where it was.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import msgspec

from crawler.commit import write_atomically
from crawler.errors import RunFolderError, SettingsError
from crawler.outcome import Outcome
from crawler.shard_files import is_committed, shard_paths
from workers.asked import Asked
from workers.exit_codes import ExitCode
from workers.run_folder import Pinned, RunFolder
from workers.session import run_crawl
from workers.stages import Retry
from workers.stored import read_stored

#: what is tried again where nothing else is said: addresses that were dead, and what failed on the way
USUAL = (Outcome.DEAD.value, Outcome.FAILED.value)
#: what can be tried again: rows without a picture
_WITHOUT_PICTURE = frozenset((*USUAL, Outcome.REFUSED.value, Outcome.BLOCKED.value, Outcome.CHANGED.value))
#: layouts whose pictures can be taken over
_READABLE = frozenset(("webdataset", "files", "parquet"))


class Round(msgspec.Struct, frozen=True, kw_only=True):
    """The last time that something was tried again."""

    round: int  # from 1
    again: tuple[str, ...]
    done: bool = False


def retry(
    output: Path, again: Sequence[str], asked: Asked, *, removals: Path | None = None, as_json: bool = False
) -> int:
    """Try the rows again that ended in one of these outcomes. Returns the exit code of the command.

    Raises:
        SettingsError: an outcome is none, or its rows have pictures; or the shards' layout cannot be read back.
        RunFolderError: there is no rebuild in the folder.
    """
    folder = RunFolder.at(output)
    pinned = _pinned(folder)
    outcomes = _outcomes(again)
    recipe = pinned.recipe
    if removals is not None:
        recipe = msgspec.structs.replace(recipe, removals=str(removals.resolve()))
    if recipe.output.container not in _READABLE:
        raise SettingsError(f"{output}: {recipe.output.container}: shards of this layout cannot be read back, so their "
                            "pictures cannot be kept; rebuild with --output_format webdataset")  # fmt: skip

    def base(number: int) -> str:
        if not is_committed(folder.shards, number, recipe.output):
            return ""
        return str(shard_paths(folder.shards, number, recipe.output).table)

    this = _begun(folder, outcomes)
    asked = replace(asked, verb="rebuild", retry=Retry(outcomes, this.round, base))
    code = run_crawl(recipe, [], output, asked, as_json=as_json)
    if code == ExitCode.DONE and asked.slice is None:
        _note(folder, msgspec.structs.replace(this, done=True))
    return code


def _pinned(folder: RunFolder) -> Pinned:
    pinned = folder.pinned()
    if pinned is None or pinned.recipe.rebuild is None:
        raise RunFolderError(f"{folder.path}: holds no rebuild; `pairtrawl retry` takes the folder that "
                             "`pairtrawl rebuild --output` named")  # fmt: skip
    return pinned


def _outcomes(again: Sequence[str]) -> tuple[str, ...]:
    """The outcomes, each once, in order."""
    wrong = sorted(set(again) - _WITHOUT_PICTURE)
    if wrong or not again:
        raise SettingsError(f"--again {','.join(again)}: {', '.join(wrong) or 'nothing'}: there are "
                            f"{', '.join(sorted(_WITHOUT_PICTURE))}")  # fmt: skip
    return tuple(sorted(set(again)))


def _begun(folder: RunFolder, outcomes: tuple[str, ...]) -> Round:
    """The round that is worked on: the last one, if it was ended early, or a new one."""
    last = read_stored(_file(folder), Round, "the rounds of `pairtrawl retry`", "remove it")
    if last is not None and not last.done and last.again == outcomes:
        return last
    this = Round(round=last.round + 1 if last else 1, again=outcomes)
    _note(folder, this)
    return this


def _note(folder: RunFolder, this: Round) -> None:
    write_atomically(_file(folder), msgspec.json.format(msgspec.json.encode(this), indent=2) + b"\n")


def _file(folder: RunFolder) -> Path:
    return folder.path / "retry.json"
