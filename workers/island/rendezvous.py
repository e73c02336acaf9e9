"""Where the tasks of an island meet: a folder of the run that only its user can read, one for each attempt.

    token        what whoever talks to this Ray must know
    address      where Ray's head listens
    joined-3     the fourth node is there
    refused-3    the fourth node cannot take part, and why
    done         the island is over: {"rc": 0, ...}; the batch script trusts this, for srun's own exit code also
                 tells of processes that died and were replaced

Files appear whole or not at all. At the end only `done` stays.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from crawler.commit import atomic_path, write_atomically
from crawler.errors import RunFolderError


@dataclass(frozen=True, slots=True)
class Rendezvous:
    """The meeting of one attempt."""

    path: Path

    @property
    def token(self) -> Path:
        """The secret's file; Ray reads it there, so that it stands on no command line and in no variable."""
        return self.path / "token"

    def publish(self, name: str, **facts: Any) -> None:  # noqa: ANN401 - whatever JSON holds
        """Let the others read these facts under `name`."""
        write_atomically(self.path / name, msgspec.json.encode(facts) + b"\n")

    def read(self, name: str) -> dict[str, Any] | None:
        """What was published under `name`; None while nothing is."""
        try:
            return msgspec.json.decode((self.path / name).read_bytes(), type=dict[str, Any])
        except FileNotFoundError:
            return None
        except msgspec.DecodeError as error:
            raise RunFolderError(f"{self.path / name}: was not written by an island: {error}") from error

    def write_token(self) -> None:
        """Make the secret: 32 random bytes, for this attempt alone."""
        with atomic_path(self.token) as temporary:
            temporary.touch(mode=0o600)
            temporary.write_text(secrets.token_hex(32))

    def ranks(self, word: str) -> list[int]:
        """Who has published `joined`, or `refused`."""
        return sorted(int(one.name.partition("-")[2]) for one in self.path.glob(f"{word}-*"))

    def close(self, **facts: Any) -> None:  # noqa: ANN401 - whatever JSON holds
        """Say that the island is over, and remove what nobody needs any more: thousands of islands share a quota."""
        self.publish("done", **facts)
        for one in (self.token, self.path / "address", *self.path.glob("joined-*"), *self.path.glob("refused-*")):
            one.unlink(missing_ok=True)


def meet(run: Path, key: str) -> Rendezvous:
    """The meeting of the attempt with this key, in the folder of a run.

    Raises:
        RunFolderError: the run's folder cannot be written.
    """
    path = run / "islands" / key
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise RunFolderError(
            f"{path}: cannot be made: {error.strerror}; --run names a folder that all nodes see"
        ) from error
    return Rendezvous(path)
