"""A cell's child whose tasks are what somebody would try who has taken it over: python cell_tasks.py."""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from workers.tracker.checking.cell_main import serve


class Try(msgspec.Struct):
    """What is tried on."""

    path: str = ""
    number: int = 0


class Said(msgspec.Struct):
    """What came of it: the name of an error, or what was got."""

    got: str


def tried(action: Callable[[Try], object]) -> Callable[[bytes], Said]:
    """A task that says how its action ended."""

    def task(order: bytes) -> Said:
        try:
            return Said(str(action(msgspec.json.decode(order, type=Try))))
        except (OSError, ValueError) as error:
            return Said(type(error).__name__)

    return task


def _all(order: Try) -> str:
    """Everything that must fail with PermissionError; says what did not."""
    attempts: dict[str, Callable[[], object]] = {
        "a socket": socket.socket,
        "a pair of sockets": socket.socketpair,
        "a program": lambda: os.execv("/bin/true", ["true"]),
        "a child": os.fork,
        "a program in a child": lambda: subprocess.run(["/bin/true"], check=False),
        "a signal to the parent": lambda: os.kill(order.number, 0),
        "a new file": lambda: Path(order.path, "new").write_bytes(b""),
        "an old file": lambda: Path(order.path, "old").write_bytes(b"x"),
        "an old file, appended to": lambda: os.open(Path(order.path, "old"), os.O_WRONLY | os.O_APPEND),
        "removing": lambda: Path(order.path, "old").unlink(),
        "renaming": lambda: Path(order.path, "old").rename(Path(order.path, "other")),
        "a link": lambda: Path(order.path, "link").symlink_to("/etc/passwd"),
        "a folder": lambda: Path(order.path, "folder").mkdir(),
        "rights": lambda: Path(order.path, "old").chmod(0o777),
        "memory that others share": lambda: os.memfd_create("x"),
    }
    came_through = []
    for name, attempt in attempts.items():
        try:
            attempt()
        except PermissionError:
            continue
        except OSError as error:
            came_through.append(f"{name}: {error}")
        else:
            came_through.append(name)
    return ", ".join(came_through)


def _loop(_order: Try) -> None:
    while True:
        pass


def _bomb(_order: Try) -> int:
    return len([bytearray(1 << 26) for _ in range(10_000)])


def _crash(_order: Try) -> None:
    ctypes.string_at(0)


def _babble(_order: Try) -> str:
    return "x" * (1 << 22)


def _hang(_order: Try) -> None:
    threading.Event().wait()


def _raise(_order: Try) -> None:
    raise KeyError("a column that is not there")


def _thread(_order: Try) -> str:
    done = threading.Event()
    threading.Thread(target=done.set).start()
    return str(done.wait(60))


def _stay(_order: Try) -> None:
    """Deaf to the limit of time, as code that has taken the process over may be."""
    signal.signal(signal.SIGXCPU, signal.SIG_IGN)
    while True:
        time.sleep(0)


if __name__ == "__main__":
    if "--broken" in sys.argv:
        raise ImportError("a package is missing")
    serve({
        "nothing": lambda _order: Said(""),
        "all": tried(_all),
        "read": tried(lambda order: Path(order.path).read_text()),
        "loop": tried(_loop),
        "bomb": tried(_bomb),
        "crash": tried(_crash),
        "babble": tried(_babble),
        "hang": tried(_hang),
        "raise": tried(_raise),
        "thread": tried(_thread),
        "stay": tried(_stay),
    })  # fmt: skip
