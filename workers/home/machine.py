"""What there is on this machine, and how much of it may be used. Everything here is arithmetic on what was found."""

from __future__ import annotations

import math
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import msgspec

from crawler.settings import Recipe, Resources
from workers.home import surroundings
from workers.home.asked import Limits
from workers.home.folder import HomeFolder
from workers.protocol.messages import Machine

_GIB = 2**30
#: kinds that ask the web's sites: one at a time, so that one desk keeps this machine's manners
WEB = frozenset({"fetch", "crawl"})
#: kinds that ask models
MODELS = frozenset({"score", "crawl"})
#: memory that a job of a kind takes, with its decoders; a large CLIP model is 1.7 GB in float32
_MEMORY = {"extract": _GIB * 7 // 10, "fetch": _GIB * 3 // 2, "score": 3 * _GIB, "crawl": 3 * _GIB}
#: what one download takes of a line while it lasts, in bytes a second: pictures come in bursts
_PER_DOWNLOAD = 50_000
#: importing torch on a machine that is busy
_GPU_SECONDS = 180.0
#: what is left free on the disk, whatever happens
KEEP_FREE_BYTES = _GIB
#: bytes of disk for a row of a fetch or crawl job: its picture, twice while it is made, and its columns
_ROW_BYTES = 120_000
#: of an archive with its table; Common Crawl's are up to 1.2 GB
_ARCHIVE_BYTES = 2 * _GIB


@dataclass(frozen=True, slots=True)
class Found:
    """The machine as this process may use it."""

    cpus: tuple[int, ...]  # numbers of them
    memory_bytes: int
    disk_bytes: int  # free
    gpus: tuple[str, ...]
    models: bool  # torch and open_clip are installed
    system: str
    line_bytes_per_second: float = 0.0  # in, as last measured; 0 where it was not


@dataclass(frozen=True, slots=True)
class Capacity:
    """What is done at once."""

    kinds: tuple[str, ...]
    at_once: int  # jobs in all
    extract_at_once: int
    cpus: tuple[int, ...]
    threads: int  # of decoders and models, in a job
    memory_bytes: int  # of one job; it is ended beyond
    spool_bytes: int  # for everything in the spool

    def room_for(self, kind: str, running: Sequence[str]) -> int:
        """How many jobs of this kind may begin beside those that run."""
        left = self.at_once - len(running)
        if kind not in self.kinds or left <= 0:
            return 0
        if kind == "extract":
            return max(0, min(left, self.extract_at_once - running.count("extract")))
        if kind in WEB:
            return int(not WEB & set(running))
        return int(kind not in running)


def look(folder: HomeFolder, kinds: Sequence[str]) -> Found:
    """Find out what there is for jobs of these kinds; asks nobody but this machine.

    The line is not tried out, which would cost its owner: earlier files have shown how fast it is.
    """
    models = bool(find_spec("torch")) and bool(find_spec("open_clip"))
    return Found(
        cpus=within_quota(surroundings.usable_cpus(), surroundings.cgroup_texts()),
        memory_bytes=within_limit(surroundings.memory_bytes(), surroundings.cgroup_texts()),
        disk_bytes=surroundings.free_bytes(folder.path),
        gpus=_gpus() if models and MODELS & set(kinds) else (),
        models=models,
        system=surroundings.system(),
        line_bytes_per_second=folder.line().down,
    )


def within_quota(cpus: tuple[int, ...], cgroup: Mapping[str, str]) -> tuple[int, ...]:
    """As many of the CPUs as the cgroup gives time for, rounded up; at least one."""
    quota, period = [*cgroup.get("cpu.max", "max").split(), "", ""][:2]
    if quota == "max":
        quota, period = cgroup.get("cpu/cpu.cfs_quota_us", "-1"), cgroup.get("cpu/cpu.cfs_period_us", "100000")
    try:
        share = int(quota) / int(period)
    except (ValueError, ZeroDivisionError):
        return cpus
    return cpus if share <= 0 else cpus[: max(1, math.ceil(share))]


def within_limit(memory: int, cgroup: Mapping[str, str]) -> int:
    """The machine's memory, or what the cgroup allows of it."""
    written = cgroup.get("memory.max", cgroup.get("memory/memory.limit_in_bytes", "max"))
    return min(memory, int(written)) if written.isascii() and written.isdigit() else memory


def capacity(found: Found, limits: Limits, campaign_kinds: Sequence[str]) -> Capacity:
    """What this machine does for a campaign, within the limits that its owner has set.

    No kinds at all means that there is nothing it can do: it has no model and the campaign wants nothing else, or it
    was told to do something that the campaign has not.
    """
    cpus = found.cpus[: limits.cpus] if limits.cpus else found.cpus
    memory = min(found.memory_bytes, limits.memory_bytes or found.memory_bytes)
    spool = min(found.disk_bytes - KEEP_FREE_BYTES, limits.disk_bytes or found.disk_bytes // 2)
    kinds = tuple(
        kind
        for kind in campaign_kinds
        if (not limits.kinds or kind in limits.kinds) and (found.models or kind not in MODELS)
    )
    most = max((_MEMORY[kind] for kind in kinds), default=_GIB)
    usable = memory * 8 // 10  # the rest is for whoever else is at this machine
    at_once = max(1, min(len(cpus), usable // most))
    return Capacity(
        kinds=kinds,
        at_once=at_once if "extract" in kinds else min(at_once, max(1, len(kinds))),
        extract_at_once=max(1, min(len(cpus), usable // _MEMORY["extract"])),
        cpus=cpus,
        threads=max(1, len(cpus) // at_once),
        memory_bytes=max(usable // at_once, _MEMORY["extract"]),
        spool_bytes=max(0, spool),
    )


def job_bytes(kind: str, recipe: Recipe) -> int:
    """The disk that a job of this kind takes at most, as far as anybody can say before it is begun."""
    if kind == "extract":
        return _ARCHIVE_BYTES
    return recipe.plan.rows_per_job * _ROW_BYTES


def here(
    recipe: Recipe, found: Found, capacity: Capacity, limits: Limits, folder: Path, *, allow_private: bool
) -> Recipe:
    """The campaign's recipe with this machine's resources, and without what a recipe may say of its own machine.

    `objections` has refused a campaign that needs more; this leaves it nothing to need.
    """
    downloads = recipe.resources.downloads
    for line in (limits.bytes_per_second, found.line_bytes_per_second):
        if line:
            downloads = max(1, min(downloads, int(line // _PER_DOWNLOAD)))
    resources = Resources(
        downloads=downloads,
        body_bytes_in_flight=min(recipe.resources.body_bytes_in_flight, max(16 * 2**20, capacity.memory_bytes // 8)),
        decoders=capacity.threads,
        torch_threads=capacity.threads,
    )
    fetch = recipe.fetch
    if not allow_private:
        fetch = msgspec.structs.replace(fetch, allow_networks=(), hosts={}, name_servers=(), ca_file="")
    return msgspec.structs.replace(recipe, resources=resources, fetch=fetch, folder=str(folder), inputs=())


def as_told(found: Found, capacity: Capacity) -> Machine:
    """What the tracker is told of this machine: for the size of jobs, and the worker's own page."""
    return Machine(
        cpus=len(capacity.cpus),
        memory_bytes=found.memory_bytes,
        disk_bytes=max(0, capacity.spool_bytes),
        gpus=[one[:200] for one in found.gpus[:64]],
        system=found.system[:200],
        download_bytes_per_second=int(found.line_bytes_per_second),
    )


def in_words(found: Found, capacity: Capacity) -> str:
    """What was found, and what is made of it, in one line."""
    line = f", {found.line_bytes_per_second / 1e6:.1f} MB/s" if found.line_bytes_per_second else ""
    gpus = ", ".join(found.gpus) if found.gpus else ("no GPU" if found.models else "no models (pairtrawl[clip])")
    return (
        f"{len(capacity.cpus)} of {len(found.cpus)} cores, {found.memory_bytes / _GIB:.1f} GiB of memory, {gpus}, "
        f"{capacity.spool_bytes / 1e9:.0f} GB of disk for the spool{line}: "
        f"doing {' and '.join(capacity.kinds) or 'nothing'}, {capacity.at_once} at once"
    )


def _gpus() -> tuple[str, ...]:
    """Names of the GPUs that torch can use, asked in a process of its own: torch is large, and drivers crash."""
    asked = [sys.executable, "-m", "workers.home.gpus"]
    try:
        done = subprocess.run(asked, capture_output=True, timeout=_GPU_SECONDS, check=True)  # noqa: S603 - ourselves
        return msgspec.json.decode(done.stdout, type=tuple[str, ...])
    except (OSError, subprocess.SubprocessError, msgspec.DecodeError):
        return ()
