"""Processes that the launcher starts, each in a session of its own, and ends with everything that they have started.

`ray stop` would end all Ray processes of the user on the node, those of other jobs as well. A session holds what one of
our children started, and nothing else; its members stay in it when their parent dies.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

#: seconds between two looks
_LOOK = 0.05
#: seconds in which the system buries what was killed, unless a disk does not answer
_BURIAL = 10.0


@dataclass(frozen=True, slots=True)
class Child:
    """One of them. Its number is that of its session, too."""

    name: str
    process: subprocess.Popen[bytes]

    @property
    def returned(self) -> int | None:
        """Its exit code, 128 + n where signal n ended it; None while it runs."""
        code = self.process.poll()
        return code if code is None or code >= 0 else 128 - code

    def catches(self, number: signal.Signals) -> bool:
        """Whether it has a handler for the signal: until Python has imported everything, USR1 would end it."""
        try:
            status = Path(f"/proc/{self.process.pid}/status").read_text()
        except OSError:
            return True  # not Linux, or it has ended
        caught = re.search(r"^SigCgt:\s*([0-9a-f]+)$", status, re.MULTILINE)
        return caught is None or bool(int(caught[1], 16) >> (number - 1) & 1)

    def tell(self, number: signal.Signals) -> None:
        """Send it a signal, and only it; nothing happens if it has ended."""
        self.process.send_signal(number)

    def end(self, grace_seconds: float) -> None:
        """End it and all of its session: TERM, and KILL for what is left after `grace_seconds`."""
        _signal_all(self._session(), signal.SIGTERM)
        if not self._gone_within(grace_seconds):
            _signal_all(self._session(), signal.SIGKILL)
            self._gone_within(_BURIAL)

    def _gone_within(self, seconds: float) -> bool:
        until = time.monotonic() + seconds
        while self.returned is None or self._session():
            if time.monotonic() >= until:
                return False
            time.sleep(_LOOK)
        return True

    def _session(self) -> list[int]:
        return [one for one in psutil.pids() if _session_of(one) == self.process.pid]


def start(name: str, words: Sequence[str], environment: Mapping[str, str], log: Path | None = None) -> Child:
    """Start a process; what it says goes to the end of `log`, or where our own words go.

    Raises:
        OSError: it cannot be started.
    """
    file = None if log is None else log.open("ab")
    try:
        process = subprocess.Popen(  # noqa: S603 - our own words, no shell
            list(words),
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            start_new_session=True,
        )
    finally:
        if file is not None:
            file.close()
    return Child(name, process)


def _session_of(process: int) -> int | None:
    """The session of a living process; None for one that has ended, buried or not."""
    try:
        session = os.getsid(process)
        return None if psutil.Process(process).status() == psutil.STATUS_ZOMBIE else session
    except (ProcessLookupError, PermissionError, psutil.Error):
        return None


def _signal_all(processes: Sequence[int], number: signal.Signals) -> None:
    for one in processes:
        try:
            os.kill(one, number)
        except ProcessLookupError:
            continue
