"""What SLURM and the site say about this process: the only reader of `SLURM_*` and `PAIRTRAWL_*` in the launcher."""

from __future__ import annotations

import os
import secrets
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from crawler.errors import SettingsError

_MIB = 1024 * 1024
#: what SLURM writes into CUDA_VISIBLE_DEVICES for a task that was given none
_NO_DEVICES = frozenset({"", "NoDevFiles"})


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Which task of which step this process is, and what it may use on its node. None: nobody has said."""

    job: str  # of the first part, in a heterogeneous job
    restart: int  # how often SLURM has put the job back into the queue; the job number stays the same
    step: str
    rank: int
    nodes: int
    node: str  # its name
    cpus: int | None = None
    memory_bytes: int | None = None
    gpus: int | None = None

    @property
    def key(self) -> str:
        """What this attempt has for itself: a requeued job keeps its number, and finds what it left."""
        return f"{self.job}.{self.restart}.{self.step}"

    @property
    def is_head(self) -> bool:
        """Whether Ray's head and the driver run here."""
        return self.rank == 0


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the site file wants of every island; the flags of the command go before."""

    run: Path | None = None
    min_nodes: int | None = None
    drain_seconds: float | None = None
    net_suffix: str = ""
    node_ip: str = ""
    node_local: Path | None = None


def surroundings(environment: Mapping[str, str]) -> Surroundings:
    """The task that these variables describe; outside SLURM, the one task of an island that has a name of its own.

    Raises:
        SettingsError: a variable is no number, or there are several tasks on a node.
    """
    node = environment.get("SLURMD_NODENAME") or socket.gethostname().partition(".")[0]
    if "SLURM_JOB_ID" not in environment:
        alone = f"alone-{secrets.token_hex(4)}"
        return Surroundings(job=alone, restart=0, step="0", rank=0, nodes=1, node=node, gpus=_visible(environment))
    # Without srun there is no step, and this is the only process, however many nodes the job has.
    in_step = "SLURM_STEP_ID" in environment
    nodes = _number(environment, "SLURM_STEP_NUM_NODES", 1) if in_step else 1
    tasks = _number(environment, "SLURM_STEP_NUM_TASKS", nodes) if in_step else 1
    if tasks != nodes:
        raise SettingsError(f"srun started {tasks} tasks on {nodes} nodes, and an island has one on each: "
                            "srun --ntasks-per-node=1")  # fmt: skip
    return Surroundings(
        job=environment.get("SLURM_JOB_ID_HET_GROUP_0") or environment["SLURM_JOB_ID"],
        restart=_number(environment, "SLURM_RESTART_COUNT", 0),
        step=environment["SLURM_STEP_ID"] if in_step else "batch",
        rank=_number(environment, "SLURM_PROCID", 0) if in_step else 0,
        nodes=nodes,
        node=node,
        cpus=_number(environment, "SLURM_CPUS_PER_TASK", 0) or _number(environment, "SLURM_CPUS_ON_NODE", 0) or None,
        memory_bytes=_memory(environment),
        gpus=_gpus(environment),
    )


def wishes(environment: Mapping[str, str]) -> Wishes:
    """What the site's variables ask for.

    Raises:
        SettingsError: a variable is no number.
    """
    run, local = environment.get("PAIRTRAWL_RUN"), environment.get("PAIRTRAWL_NODE_LOCAL")
    drain = environment.get("PAIRTRAWL_DRAIN_TERM_S")
    return Wishes(
        run=Path(run) if run else None,
        min_nodes=_number(environment, "PAIRTRAWL_MIN_NODES", 0) or None,
        drain_seconds=_number(environment, "PAIRTRAWL_DRAIN_TERM_S", 0) if drain else None,
        net_suffix=environment.get("PAIRTRAWL_NET_SUFFIX", ""),
        node_ip=environment.get("PAIRTRAWL_NODE_IP", ""),
        node_local=Path(local) if local else None,
    )


def here() -> tuple[Surroundings, Wishes]:
    """Those of this process.

    Raises:
        SettingsError: as above.
    """
    return surroundings(os.environ), wishes(os.environ)


def _number(environment: Mapping[str, str], name: str, otherwise: int) -> int:
    text = environment.get(name, "")
    if not text:
        return otherwise
    if not (text.isascii() and text.isdigit()):
        raise SettingsError(f"{name}={text}: is no whole number")
    return int(text)


def _memory(environment: Mapping[str, str]) -> int | None:
    """What SLURM promised on this node, in bytes; 0 there means all of the node, which is None here."""
    per_node = _number(environment, "SLURM_MEM_PER_NODE", 0)
    per_cpu = _number(environment, "SLURM_MEM_PER_CPU", 0) * _number(environment, "SLURM_CPUS_ON_NODE", 0)
    return (per_node or per_cpu) * _MIB or None


def _gpus(environment: Mapping[str, str]) -> int:
    visible = _visible(environment)
    return _number(environment, "SLURM_GPUS_ON_NODE", 0) if visible is None else visible


def _visible(environment: Mapping[str, str]) -> int | None:
    """How many devices the task sees, if somebody has decided that: CUDA's variable, or that of AMD's runtime."""
    for name in ("CUDA_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES"):
        if name in environment:
            return sum(one not in _NO_DEVICES for one in environment[name].split(","))
    return None
