"""The register of takedowns: what has to be removed from data sets, and to stay removed. Private, and never in a store.

REGISTER/                   0700, its files 0600; outside of any git work tree
    register.json           what it is, and since when
    key                     of its confidential lists; without it they are lost
    T-2026-11-22-1/         one takedown; there as a whole, or not at all
        takedown.json       when, why, on whose word, and how much: no address, hash or id
        *.ptlist            what was named, keyed (filters/lists): later crawls refuse it
        uids                what matched: `content_id` of rows, 16 bytes each, sorted
        stays.ptlist        addresses and digests of what matched: it must not come back under another caption
    R-2026-11-22-1/         one re-issue
        reissue.json        which versions, and how much of what; this alone tells real removals from neutral ones
        uids                rows that are gone for good, real ones and decoys alike
        stays.ptlist        the same of them: a decoy that came back would be known for one
    steps.json              which commits were made by cuts and masks: they are no published versions
    lock                    held by whoever adds something
"""

from __future__ import annotations

import datetime as dt
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self, TypeVar

import msgspec
import numpy as np

from crawler.dataset.diffs import Uids, sorted_uids
from crawler.errors import SettingsError
from filters.lists.private_files import new_key, read_key, read_private, refuse_work_tree, write_private
from workers.dataset.removed.register_shapes import Reason, Register, Reissue, Takedown, TakedownError
from workers.hold import hold

__all__ = ["Reason", "Register", "RegisterFolder", "Reissue", "Takedown", "TakedownError"]

_WHAT = "the register of takedowns"
_OTHERS = stat.S_IRWXG | stat.S_IRWXO
UID_BYTES = 16
Said = TypeVar("Said", bound=msgspec.Struct)


@dataclass(frozen=True, slots=True)
class RegisterFolder:
    """The files of a register."""

    path: Path

    @classmethod
    def create(cls, path: Path) -> Self:
        """A new register, or the one that is there.

        Raises:
            SettingsError: as `open`, or the folder holds something else.
        """
        refuse_work_tree(path / "register.json", _WHAT)
        # a key alone is what a command leaves that was killed in between
        if path.exists() and not (path / "register.json").exists() and {one.name for one in path.iterdir()} - {"key"}:
            raise SettingsError(f"{path}: is no register of takedowns and not empty; name another folder")
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not (path / "key").exists():
            _refuse_open_folder(path)
            new_key(path / "key")
        if not (path / "register.json").exists():
            said = msgspec.json.encode(Register(created=dt.datetime.now(dt.UTC).date().isoformat()))
            write_private(path / "register.json", said, _WHAT, replace=False)
        return cls.open(path)

    @classmethod
    def open(cls, path: Path) -> Self:
        """The register that is there.

        Raises:
            SettingsError: there is none, others may read it, it is another user's, or it lies in a git work tree.
        """
        if not (path / "register.json").exists():
            raise SettingsError(f"{path}: is no register of takedowns; `pairtrawl dataset takedown add` makes one")
        _refuse_open_folder(path)
        folder = cls(path)
        folder.read(path / "register.json", Register)
        read_key(folder.key)
        return folder

    @property
    def key(self) -> Path:
        """Of the lists that the register makes."""
        return self.path / "key"

    def takedowns(self) -> list[Takedown]:
        """All takedowns, in the order of their names.

        Raises:
            SettingsError: one of them cannot be read: removing less than what was asked for is no way to go on.
        """
        return [self.read(one / "takedown.json", Takedown) for one in self._folders("T-")]

    def takedown(self, name: str) -> Takedown:
        """One takedown.

        Raises:
            SettingsError: there is none of this name.
        """
        known = {one.id: one for one in self.takedowns()}
        if name not in known:
            raise SettingsError(f"{self.path}: knows no takedown {name}; it has {', '.join(known) or 'none'}")
        return known[name]

    def reissues(self) -> list[Reissue]:
        """All re-issues, in the order of their names."""
        return [self.read(one / "reissue.json", Reissue) for one in self._folders("R-")]

    def lists(self) -> list[tuple[Path, Path]]:
        """Every list of what must stay removed, and its key file.

        Raises:
            SettingsError: a takedown cannot be read.
        """
        found = []
        for takedown in self.takedowns():
            folder = self.path / takedown.id
            found += [
                (one, Path(takedown.keys[one.name]) if one.name in takedown.keys else self.key)
                for one in sorted(folder.glob("*.ptlist"))
            ]
        return found + [
            (stays, self.key) for one in self.reissues() if (stays := self.path / one.id / "stays.ptlist").exists()
        ]

    def uids(self, *names: str) -> Uids:
        """Ids of the rows of these takedowns and re-issues; without a name of all.

        Raises:
            SettingsError: a file cannot be read, or is cut short.
        """
        wanted = names or [*(one.id for one in self.takedowns()), *(one.id for one in self.reissues())]
        parts = [self._uids(self.path / one / "uids") for one in wanted]
        return sorted_uids(np.concatenate([np.empty((0, UID_BYTES), np.uint8), *parts]))

    def removed(self, name: str) -> Uids:
        """What the tombstones of a re-issue publish.

        Raises:
            SettingsError: as `uids`.
        """
        return self._uids(self.path / name / "removed")

    def in_force(self) -> str:
        """What a version or a run says of the register that was in force: since when it stands as it does."""
        made = [one.made_at for one in self.takedowns()] + [one.made_at for one in self.reissues()]
        day = dt.datetime.fromtimestamp(max(made), dt.UTC).date().isoformat() if made else "no takedown yet"
        return f"removals as of {day}"

    @contextmanager
    def adding(self, letter: str) -> Iterator[tuple[str, Path]]:
        """A new name (T- for takedowns, R- for re-issues) and a folder for its files, which lands whole or not at all.

        Raises:
            SettingsError: another command is adding something.
            OSError: the disk is full.
        """
        with self._alone():
            day = dt.datetime.now(dt.UTC).date().isoformat()
            taken = [int(one.name.rpartition("-")[2]) for one in self._folders(f"{letter}-{day}-")]
            name = f"{letter}-{day}-{max(taken, default=0) + 1}"
            for left in self.path.glob(".making-*"):  # of one that was killed: nobody else is here
                shutil.rmtree(left)
            making = self.path / f".making-{name}"
            making.mkdir(mode=0o700)
            with ExitStack() as undo:
                undo.callback(shutil.rmtree, making, ignore_errors=True)
                yield name, making
                making.rename(self.path / name)
                undo.pop_all()
            _flush(self.path)

    def write_uids(self, path: Path, uids: Uids) -> None:
        """Keep ids of rows."""
        write_private(path, sorted_uids(uids).tobytes(), _WHAT, replace=True)

    def write(self, path: Path, said: msgspec.Struct) -> None:
        """Keep a JSON file of the register."""
        write_private(path, msgspec.json.format(msgspec.json.encode(said)) + b"\n", _WHAT, replace=True)

    def read(self, path: Path, kind: type[Said]) -> Said:
        """A JSON file of the register.

        Raises:
            SettingsError: it cannot be read, others may read it, or it is something else.
        """
        content = read_private(path, _WHAT)
        try:
            return msgspec.json.decode(content, type=kind)
        except msgspec.DecodeError as error:
            raise SettingsError(f"{path}: is damaged: {error}; put it back from a copy of the register") from error

    def steps(self) -> set[str]:
        """Commits that are no published versions: those of cuts and masks."""
        path = self.path / "steps.json"
        return set(msgspec.json.decode(read_private(path, _WHAT), type=list[str])) if path.exists() else set()

    def note_step(self, commit: str) -> None:
        """Remember that this commit is a step between two published versions."""
        with self._alone():
            said = sorted(self.steps() | {commit})
            write_private(self.path / "steps.json", msgspec.json.encode(said), _WHAT, replace=True)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        lock = self.path / "lock"
        if not lock.exists():
            lock.touch(mode=0o600)
        with hold(lock, shared=False) as ours:
            if not ours:
                raise SettingsError(f"{self.path}: another command is adding to this register; wait until it is done")
            yield

    def _folders(self, prefix: str) -> list[Path]:
        found = [one for one in self.path.iterdir() if one.name.startswith(prefix) and one.is_dir()]
        return sorted(found, key=lambda one: (one.name[:12], int(one.name.rpartition("-")[2])))

    def _uids(self, path: Path) -> Uids:
        content = read_private(path, _WHAT)
        if len(content) % UID_BYTES:
            raise SettingsError(f"{path}: is cut short; put it back from a copy of the register")
        return np.frombuffer(content, np.uint8).reshape(-1, UID_BYTES)


def _refuse_open_folder(path: Path) -> None:
    state = path.stat()
    if state.st_mode & _OTHERS:
        raise SettingsError(f"{path}: others may look into {_WHAT}: chmod 700 it, and take it for known to them")
    if state.st_uid != os.geteuid():
        raise SettingsError(f"{path}: {_WHAT} belongs to another user; only its owner may use it")


def _flush(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
