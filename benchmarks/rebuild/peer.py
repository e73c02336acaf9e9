"""img2dataset 1.47.0 from the registry, in an environment of its own, run as its users run it.

It wants an albumentations and an opencv that we do not have, and stands beside us as a process: not a line of it is
changed. Its tfrecord layout wants TensorFlow, too, which is most of a gigabyte and comes along where that is asked for.
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.peer_environment import NoPeerError, peer_environment, versions

#: the last release (2025-08). `imghdr` has left Python 3.13's library, and has not left img2dataset; wandb is never
#: called, and its newest asks for a dozen packages more
IMG2DATASET = ("img2dataset==1.47.0", "wandb<0.22", "standard-imghdr; python_version >= '3.13'")
#: said beside every figure
TOLD = ("img2dataset", "opencv-python-headless", "albumentations", "pyarrow", "webdataset", "pandas")
#: what its tfrecord layout asks for; tensorflow_io is imported for file systems that nobody asks for here, and warns that it
#: was built for an older TensorFlow
TFRECORD = ("tensorflow-cpu==2.21.0", "tensorflow-io==0.37.1", "setuptools<81")
#: it stays on this machine: albumentations asks its registry for news when it is imported, wandb reports
QUIET = {"NO_ALBUMENTATIONS_UPDATE": "1", "WANDB_MODE": "disabled", "HF_HUB_OFFLINE": "1"}


@dataclass(frozen=True, slots=True)
class PeerRan:
    """One call of the peer's command line, whether it went well or not."""

    exit_code: int
    seconds: float
    cpu_seconds: float  # of all its processes that have ended
    peak_bytes: int  # resident, of the largest of them
    printed: str  # both streams


def img2dataset_python(folder: Path, *more: str) -> Path:
    """The Python of an environment with img2dataset 1.47.0 in this folder; the one that is there, if it has it.

    Two who ask at once get the same one, made by the first.

    Raises:
        NoPeerError: it cannot be had here; the message says why.
    """
    python = folder / "bin" / "python"
    folder.parent.mkdir(parents=True, exist_ok=True)
    with (folder.parent / f"{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not _has_it(python):
            peer_environment(folder, *IMG2DATASET, *more)
    return python


def told_versions(python: Path) -> str:
    """What the environment consists of, in one line."""
    return ", ".join(f"{name} {number}" for name, number in versions(python, *TOLD).items())


def run_img2dataset(
    python: Path, options: Mapping[str, object], *, environment: Mapping[str, str] | None = None, limit: float = 600
) -> PeerRan:
    """Call `img2dataset --name value ...`; lists are written as python-fire reads them. Ended after `limit` seconds."""
    words = [str(python.with_name("img2dataset")), *_as_words(options)]
    return measured(words, os.environ | QUIET | dict(environment or {}), limit)


def run_all(python: Path, runs: Sequence[Mapping[str, object]], work: Path, *, limit: float = 900) -> list[str]:
    """Call img2dataset's `download` with each of these options in one process; what each raised, or "".

    Raises:
        NoPeerError: the process did not come to its end.
    """
    asked = work / "img2dataset-runs.json"
    asked.write_text(json.dumps(runs, default=str), encoding="utf-8")
    ran = measured(
        [str(python), str(Path(__file__).with_name("img2dataset_runs.py")), str(asked)], os.environ | QUIET, limit
    )
    if ran.exit_code:
        raise NoPeerError(f"img2dataset left with {ran.exit_code}: {ran.printed.strip()[-800:]}")
    told: list[str] = json.loads(ran.printed.strip().splitlines()[-1])
    return told


def measured(words: Sequence[str], environment: Mapping[str, str], limit: float) -> PeerRan:
    """Run a command in a process group of its own, with its time, its CPU time and its largest process.

    After `limit` seconds the group is ended, which is an exit code of -9.
    """
    began = time.monotonic()
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(
            words, env=dict(environment), stdout=said, stderr=subprocess.STDOUT, start_new_session=True
        )
        watch = threading.Timer(limit, os.killpg, (process.pid, signal.SIGKILL))
        watch.start()
        _, status, usage = os.wait4(process.pid, 0)
        watch.cancel()
        process.returncode = os.waitstatus_to_exitcode(status)
        said.seek(0)
        printed = said.read().decode(errors="replace")
    cpu_seconds = usage.ru_utime + usage.ru_stime
    return PeerRan(process.returncode, time.monotonic() - began, cpu_seconds, usage.ru_maxrss * 1024, printed)


def _has_it(python: Path) -> bool:
    if not python.exists():
        return False
    try:
        return versions(python, "img2dataset") == {"img2dataset": "1.47.0"}
    except NoPeerError:
        return False


def _as_words(options: Mapping[str, object]) -> list[str]:
    return [
        word
        for name, value in options.items()
        for word in (f"--{name}", json.dumps(value) if isinstance(value, list) else str(value))
    ]
