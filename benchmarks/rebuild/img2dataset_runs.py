"""Runs img2dataset's own `download` with each of several settings, in its own environment; not a line of it is changed.

    PEER/bin/python benchmarks/rebuild/img2dataset_runs.py RUNS.json

RUNS.json is a list of its options. One process for all of them, for its imports alone take seconds; a run that fails
says why, and the next one follows. The last line printed is a list of what each raised, or "".
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

if __name__ == "__main__":  # its workers import this file again
    from img2dataset import download  # type: ignore[import-not-found] # the peer's

    said = []
    for options in json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")):
        try:
            download(**options)
        except Exception as error:  # noqa: BLE001 - whatever the peer raises is what came of the run
            said.append(f"{type(error).__name__}: {error}"[:300])
        else:
            said.append("")
    print(json.dumps(said), flush=True)
