"""The words that start a node of Ray, and the variables that it and the driver live with. Ray itself is not imported.

Everything that Ray would find out by itself is told: it would ask the machine, and the job has only a part of that.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

#: nodes with the role "download" have this much of the resource "pairtrawl_download"
ROLE_UNITS = 1000
#: of the job's memory, what actors may ask for; the rest is Ray's own, and the driver's
_FOR_ACTORS = 0.8
#: variables of somebody else's Ray: a token there would go before our file
_OTHERS = frozenset({"RAY_ADDRESS", "RAY_AUTH_TOKEN", "RAY_NAMESPACE", "RAY_TMPDIR"})
#: what `ray start` says when the head has the node in its list
_STARTED = b"Ray runtime started"
#: how Ray's own command starts a node
START = (sys.executable, "-m", "ray.scripts.scripts", "start")


@dataclass(frozen=True, slots=True)
class Share:
    """What Ray may give away on this node. `gpus` is None where Ray shall look for itself."""

    cpus: int
    memory_bytes: int  # that the job has here
    object_store_bytes: int
    gpus: int | None = None
    role: str = ""


def head_words(ip: str, ports: tuple[int, int, int], folder: Path, share: Share) -> list[str]:
    """Options that start the head at `ip`; `ports` are its own, that of the dashboard, and that of the node's agent."""
    own, dashboard, agent = ports
    return [
        "--head",
        f"--port={own}",
        "--include-dashboard=false",
        f"--dashboard-port={dashboard}",
        *_of_every_node(ip, agent, folder, share),
    ]


def worker_words(head: str, ip: str, agent_port: int, folder: Path, share: Share) -> list[str]:
    """Options that start a node at `ip` that joins the head at the address `head`."""
    return [f"--address={head}", *_of_every_node(ip, agent_port, folder, share)]


def variables(inherited: Mapping[str, str], token: Path, folder: Path) -> dict[str, str]:
    """What Ray and the driver live with: the secret's file, no reports to Ray's makers, no pause at the end."""
    kept = {name: value for name, value in inherited.items() if name not in _OTHERS}
    return kept | {
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN_PATH": str(token),
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_GRACEFUL_SHUTDOWN_DRAIN_TIMEOUT_S": "0",  # 30 by default; the driver has drained already
        "RAY_worker_niceness": "0",  # 15 by default: on a shared node whoever else computes would starve our actors
        "RAY_TMPDIR": str(folder),
        "TMPDIR": str(folder),  # of actors on nodes that are not the driver's: what they leave goes with the folder
        "PYTHONUNBUFFERED": "1",
    }


def is_ready(log: Path) -> bool:
    """Whether `ray start` has said in its log that the node is known to the head; its socket is there long before."""
    try:
        return _STARTED in log.read_bytes()
    except FileNotFoundError:
        return False


def _of_every_node(ip: str, agent_port: int, folder: Path, share: Share) -> list[str]:
    words = [
        "--block",
        "--disable-usage-stats",
        f"--node-ip-address={ip}",
        f"--dashboard-agent-listen-port={agent_port}",
        "--min-worker-port=0",  # the system chooses; Ray's own choice starts at the same port in every island
        "--max-worker-port=0",
        f"--temp-dir={folder}",
        f"--num-cpus={share.cpus}",
        f"--memory={int(share.memory_bytes * _FOR_ACTORS)}",
        f"--object-store-memory={share.object_store_bytes}",
    ]
    if share.gpus is not None:
        words.append(f"--num-gpus={share.gpus}")
    if share.role:
        words.append("--resources=" + json.dumps({f"pairtrawl_{share.role}": ROLE_UNITS}))
    return words
