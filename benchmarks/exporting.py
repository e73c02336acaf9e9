"""How fast `pairtrawl export` is, and what it needs: `python benchmarks/exporting.py SHARDS [--times 10]`.

SHARDS is a folder of shards. Their tables are linked so often under further names; each export runs in a process of its
own, and its rows a second of a core and its peak memory are printed, once for the folder as it is and once for the larger
one: a peak that grew with the rows would show.
"""

from __future__ import annotations

import argparse
import importlib
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FORMS = ("urls", "laion", "coyo", "uids", "statistics")


def export(form: str, folder: Path, output: Path) -> int:
    """Do one export; returns how many rows it wrote."""
    from workers.export.choice import Choice
    from workers.export.coyo import COYO
    from workers.export.hub import counted
    from workers.export.laion import LIKE
    from workers.export.places import open_folder
    from workers.export.tables import export_table, export_urls
    from workers.export.uid_writing import export_uids

    place = open_folder(folder)

    def told(_count: int) -> None:
        pass

    match form:
        case "urls":
            return export_urls(place, output / "urls.txt", Choice(), told=told)["lines"]
        case "laion":
            return export_table(place, output / "laion", LIKE["joined"], Choice(), told=told)["rows"]
        case "coyo":
            return export_table(place, output / "coyo", COYO, Choice(), told=told)["rows"]
        case "uids":
            return export_uids(place, output / "uids.npy", Choice(), told=told)["rows"]
        case _:
            return sum(counted(table.table()).rows[0] for table in place.shards())


def larger(folder: Path, times: int, to: Path) -> Path:
    """The tables of a folder so many times."""
    to.mkdir()
    for again in range(times):
        for table in sorted(folder.glob("*.parquet")):
            name = f"{again:03d}{table.stem}"
            (to / f"{name}.parquet").symlink_to(table.resolve())
            (to / f"{name}_stats.json").write_text("{}")
    return to


def main() -> None:
    """Measure, or be one of the processes that are measured."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("shards", type=Path)
    asked.add_argument("--times", type=int, default=10)
    asked.add_argument("--form", choices=FORMS)
    flags = asked.parse_args()
    with tempfile.TemporaryDirectory(prefix="pairtrawl-exporting-") as scratch:
        if flags.form:
            importlib.import_module("workers.export.hub")  # pyarrow takes a second to load, once
            began = time.process_time()
            rows = export(flags.form, flags.shards, Path(scratch))
            seconds = time.process_time() - began
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
            print(f"{flags.form:>10} {rows:>12,} rows {rows / seconds:>12,.0f} a second of a core {peak:>6,} MB")
            return
        for folder in (flags.shards, larger(flags.shards, flags.times, Path(scratch) / "larger")):
            for form in FORMS:
                words = [sys.executable, __file__, str(folder), "--form", form]
                subprocess.run(words, check=True, env={**os.environ, "PYTHONPATH": str(ROOT)})


if __name__ == "__main__":
    main()
