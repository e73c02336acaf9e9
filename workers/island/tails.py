"""The ends of Ray's logs, for whoever has to find out what went wrong: the node's own copies are gone by then."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from crawler.commit import write_atomically

#: bytes of each file that are kept
_EACH = 16 * 1024
#: bytes of all of them together
_ALL = 512 * 1024
#: those that tell most come first
_FIRST = ("ray_process_exit", "gcs_server", "raylet", "worker-", "runtime_env_agent", "dashboard_agent")


def keep_tails(into: Path, own: Sequence[Path], folders: Sequence[Path]) -> Path | None:
    """Copy the ends of our `own` logs and of those in Ray's `folders` into one file; None where none says anything.

    Raises:
        OSError: the file cannot be written.
    """
    text = b"".join(_tails([*own, *(log for folder in folders for log in _in_order(folder))]))
    if not text:
        return None
    into.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(into, text[:_ALL])
    return into


def _in_order(folder: Path) -> list[Path]:
    def place(path: Path) -> tuple[int, str]:
        found = [number for number, start in enumerate(_FIRST) if path.name.startswith(start)]
        return (found[0] if found else len(_FIRST), path.name)

    return sorted((one for one in folder.glob("*") if one.suffix in {".log", ".out", ".err"}), key=place)


def _tails(paths: Sequence[Path]) -> Iterator[bytes]:
    for path in paths:
        try:
            with path.open("rb") as file:
                size = file.seek(0, 2)
                file.seek(max(0, size - _EACH))
                end = file.read()
        except OSError:
            continue
        if end:
            cut = f", its last {_EACH} of {size} bytes" if size > _EACH else ""
            yield f"==> {path.name}{cut} <==\n".encode() + end + b"\n"
