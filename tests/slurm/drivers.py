"""Small drivers for islands: what a verb of pairtrawl would do with Ray, without its work.

drivers.py visit RESULT    one actor on each node; what they see, as JSON; and whether a wrong secret is refused
drivers.py glutton RESULT  an actor that takes more memory than the job has; then one that does not
drivers.py wait RESULT     says that it is there, and waits for ever
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

_INTRUDER = "import ray, sys; ray.init(address=sys.argv[1], log_to_driver=False); print('let in')"


def main() -> None:
    manner, result = sys.argv[1], Path(sys.argv[2])
    if manner == "wait":
        result.write_text("there")
        while True:
            time.sleep(0.1)
    ray.init(address=os.environ["RAY_ADDRESS"], log_to_driver=False, logging_level="ERROR")
    result.write_text(json.dumps(visit() if manner == "visit" else feed()))
    ray.shutdown()


def visit() -> dict[str, Any]:
    @ray.remote(num_cpus=1)
    class Visitor:
        def look(self) -> list[str]:
            return [socket.gethostname(), ray.util.get_node_ip_address()]

    visitor: Any = Visitor  # what Ray's decorator makes of it has no types
    nodes = [one for one in ray.nodes() if one["Alive"]]
    visitors = [
        visitor.options(scheduling_strategy=NodeAffinitySchedulingStrategy(one["NodeID"], soft=False)).remote()
        for one in nodes
    ]
    seen = sorted(ray.get([one.look.remote() for one in visitors], timeout=600))
    wrong = os.environ | {"RAY_AUTH_TOKEN": "0" * 64}  # goes before the file
    address = os.environ["RAY_ADDRESS"]
    intruder = subprocess.run([sys.executable, "-c", _INTRUDER, address], env=wrong, capture_output=True, text=True, check=False)  # fmt: skip
    memory = [int(one["Resources"]["memory"]) for one in nodes]
    return {"seen": seen, "intruder": [intruder.returncode, intruder.stdout + intruder.stderr], "memory": memory}


def feed() -> dict[str, Any]:
    @ray.remote(num_cpus=1, max_restarts=-1, max_task_retries=3)
    class Eater:
        def eat(self, marker: str) -> int:
            """Take all memory, but only the first time."""
            if Path(marker).exists():
                return os.getpid()
            Path(marker).write_text(str(os.getpid()))
            hoard = []
            while True:
                hoard.append(bytearray(os.urandom(1 << 20) * 16))

    made: Any = Eater  # as above
    eater = made.remote()
    return {"first": sys.argv[2] + ".eaten", "survivor": ray.get(eater.eat.remote(sys.argv[2] + ".eaten"), timeout=600)}


if __name__ == "__main__":
    main()
