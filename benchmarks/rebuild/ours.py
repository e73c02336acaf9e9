"""`pairtrawl rebuild` as its users run it, with img2dataset's options, on a web that stands on this machine."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

from benchmarks.rebuild.peer import PeerRan, measured

ROOT = Path(__file__).resolve().parents[2]


def run_rebuild(
    options: Mapping[str, object], ports: Iterable[int], *, settings: Iterable[str] = (), limit: float = 600
) -> PeerRan:
    """Call `pairtrawl rebuild --name value ...`, where these ports of loopback are part of the web.

    What is said of the network is what every test says: loopback may be dialled, and a site that is all sites at once is
    not asked slowly.
    """
    local = (
        'fetch.allow_networks=["127.0.0.0/8"]',
        f"fetch.ports={json.dumps([80, 443, *ports])}",
        "fetch.contact=mailto:nobody@example.org",
        "manners.seconds_between_requests=0",
        "manners.requests_at_once=16",
        "manners.failures_in_a_row=1000000",
    )
    words = [sys.executable, "-m", "workers", "rebuild"]
    for name, value in options.items():
        words += [f"--{name}", json.dumps(value) if isinstance(value, list) else str(value)]
    for setting in (*local, *settings):
        words += ["--set", setting]
    return measured(words, os.environ | {"PYTHONPATH": str(ROOT)}, limit)
