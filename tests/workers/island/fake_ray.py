"""Stands for `ray start`: listens at the head's port, lays out the logs that a node has, and stays until it is ended.

`fake_ray.py --fail N COUNTER ...` ends at once with an error, the first N times. As Ray's processes do, its child lives in
the same session and would survive it.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from pathlib import Path


def main() -> int:
    words = sys.argv[1:]
    if words[0] == "--fail":
        counter = Path(words[2])
        fails = len(counter.read_text()) if counter.exists() else 0
        if fails < int(words[1]):
            counter.write_text("x" * (fails + 1))
            sys.stdout.write("no such luck\n")
            return 1
        words = words[3:]
    options = dict(one.removeprefix("--").split("=", 1) for one in words if "=" in one)
    folder = Path(options["temp-dir"]) / "session_latest"
    (folder / "logs").mkdir(parents=True)
    (folder / "logs" / "raylet.out").write_text(f"I am {' '.join(words)}\n")
    orphan = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    (folder / "logs" / "orphan.pid").write_text(str(orphan.pid))
    listener = socket.socket()
    if "--head" in words:
        listener.bind((options["node-ip-address"], int(options["port"])))
        listener.listen()
    if told := os.environ.get("FAKE_RAY_TELLS"):
        Path(told, f"ray-{options['node-ip-address']}").write_text(f"{os.getpid()} {orphan.pid}")
    sys.stdout.write("Ray runtime started.\n")
    sys.stdout.flush()
    while True:
        time.sleep(60)


if __name__ == "__main__":
    sys.exit(main())
