"""Run folders for tests: what a run leaves, made by hand."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import msgspec

from crawler.plan import Planned
from crawler.report import Report, StageCount
from tests.small_runs import small_recipe
from workers.run_folder import Pinned
from workers.telling.events import Event
from workers.telling.timeline import TimelineFile

EVIL = "<script>window.evil=1</script><img src=x onerror='window.evil=1'>"


def a_report(number: int, *, kept: int = 6, lost: int = 4, kind: str = "crawl") -> Report:
    """A job of ten rows."""
    stages = (
        StageCount("fetch", kept + lost, kept + lost - lost // 2, {"http_gone": lost // 2}),
        StageCount("filter pictures", kept + lost - lost // 2, kept, {"min_side": lost - lost // 2}),
    )
    return Report(job=f"{kind}-{number:05d}", kind=kind, recipe="", stages=stages)


def a_run(folder: Path, *, jobs: int = 10, archives: int = 3, name: str = "small") -> Path:
    """A run whose archives are read, and whose plan is made."""
    recipe = msgspec.structs.replace(small_recipe(), name=name)
    sources = [(f"http://archives.test/{number}", "warc") for number in range(archives)]
    pinned = Pinned(recipe_digest=recipe.digest, recipe=recipe, sources=sources, version="test")
    (folder / "candidates").mkdir(parents=True)
    (folder / "run.json").write_bytes(msgspec.json.encode(pinned))
    for number in range(archives):
        stages = (StageCount("read", 10, 8, {"not_html": 2}), StageCount("candidates", 40, 40, {}))
        report = Report(job=f"extract-{number:05d}", kind="extract", recipe="", stages=stages)
        (folder / "candidates" / f"{number:05d}.json").write_bytes(msgspec.json.encode(report))
    (folder / "plan").mkdir()
    planned = Planned(candidates=120, rejected={"duplicate": 20}, rows=10 * jobs, rows_per_job=10, jobs=jobs)
    (folder / "plan" / "plan.json").write_bytes(msgspec.json.encode(planned))
    (folder / "shards").mkdir()
    return folder


def a_shard(run: Path, number: int, *, kept: int = 6, lost: int = 4) -> None:
    """The marker of a shard that is committed, renamed into place as the run does it."""
    stats = {"count": 10, "report": msgspec.to_builtins(a_report(number, kept=kept, lost=lost))}
    half = run / "shards" / f".{number:05d}_stats.json.partial"
    half.write_bytes(msgspec.json.encode(stats))
    half.rename(run / "shards" / f"{number:05d}_stats.json")


def told(path: Path, events: Iterable[Event]) -> None:
    """Written to a timeline."""
    file = TimelineFile(path)
    for event in events:
        file(event)
    file.close()
