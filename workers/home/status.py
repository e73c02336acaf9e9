"""What is in a volunteer's folder, for a person or a program. Reads only; a volunteer may be at work there."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, dataclass

from workers.home import surroundings
from workers.home.asked import AskedWork
from workers.home.folder import HomeFolder
from workers.home.lease_folder import LeaseFolder, Stage
from workers.home.wire import tracker_address
from workers.home.words import shown

_IN_WORDS = {
    Stage.INPUT: "its input is to be downloaded",
    Stage.JOB: "to be done",
    Stage.DELIVER: "done, to be uploaded",
    Stage.END: "failed or given back, to be told",
}


@dataclass(frozen=True, slots=True)
class KeptLease:
    """One lease of the spool."""

    job: str
    stage: str
    bytes: int


def kept_leases(folder: HomeFolder) -> list[KeptLease]:
    """What lies in the spool, by job."""
    return sorted((line for one in folder.kept() if (line := _line(one))), key=lambda one: one.job)


def show_status(asked: AskedWork) -> None:
    """Print it.

    Raises:
        SettingsError: the tracker's address is none.
    """
    tracker = tracker_address(asked.tracker, allow_private=True)
    folder = HomeFolder(asked.folder or surroundings.default_folder(tracker))
    leases, line = kept_leases(folder), folder.line()
    pin, worker = folder.pin(), folder.worker()
    if asked.as_json:
        told = {
            "folder": str(folder.path), "tracker": pin.tracker if pin else "", "worker": worker.worker if worker else 0,
            "leases": [asdict(one) for one in leases], "line": {"down": line.down, "up": line.up},
        }  # fmt: skip
        sys.stdout.write(json.dumps(told) + "\n")
        return
    known = f"worker {worker.worker} of {pin.tracker}" if pin and worker and worker.key else "not joined yet"
    lines = [f"{folder.path}: {shown(known)}, {len(leases)} jobs in the spool"]
    if line.down or line.up:
        lines.append(f"  line, as last seen: {line.down / 1e6:.1f} MB/s down, {line.up / 1e6:.1f} MB/s up")
    lines += [f"  {shown(one.job)}: {_IN_WORDS[Stage(one.stage)]}, {one.bytes / 1e6:.1f} MB" for one in leases]
    sys.stdout.write("\n".join(lines) + "\n")


def _line(folder: LeaseFolder) -> KeptLease | None:
    leased = folder.lease()
    if leased is None:
        return None
    name = f"{leased.spec.kind}-{leased.spec.number:05d}"
    return KeptLease(name, folder.stage(leased).value, folder.used_bytes())
