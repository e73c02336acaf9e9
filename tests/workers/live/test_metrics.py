"""Metrics are what Prometheus' own parser reads, under the tracker's names where they mean the same."""

from __future__ import annotations

from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from tests.workers.live.runs import EVIL, a_run, a_shard, told
from tests.workers.telling.stories import a_story, at, began
from workers.live.metrics import metrics_of
from workers.live.watching import RunWatch
from workers.run_folder import RunFolder
from workers.slice_status import StatusFile
from workers.slices import Slice
from workers.telling.events import Failure
from workers.tracker.web.metrics import Metrics


def samples(run: Path) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    families = list(text_string_to_metric_families(metrics_of(RunWatch(run).look()).decode()))
    assert all(one.documentation and one.type in {"gauge", "counter"} for one in families)
    names = [one.name for one in families]
    assert len(names) == len(set(names))
    return {(one.name, tuple(sorted(one.labels.items()))): one.value for family in families for one in family.samples}


def test_they_say_what_the_page_says(tmp_path: Path) -> None:
    run = a_run(tmp_path / "run")
    told(run / "timeline.jsonl", a_story()[:-1])
    a_shard(run, 0)
    part = Slice(0, 2)
    StatusFile(RunFolder(run).slice_status("fetch", part), "fetch", part, "")
    found = samples(run)
    assert found["pairtrawl_jobs", (("kind", "crawl"), ("state", "committed"))] == 1
    assert found["pairtrawl_jobs", (("kind", "crawl"), ("state", "ready"))] == 9
    assert found["pairtrawl_found_total", (("stage", "fetch"),)] == 10
    assert found["pairtrawl_rejected_total", (("reason", "min_side"), ("stage", "filter pictures"))] == 2
    assert found["pairtrawl_pairs_kept", ()] == 6
    assert found["pairtrawl_jobs_failed", ()] == 1
    assert found["pairtrawl_sittings", ()] == 1
    assert found["pairtrawl_slices", (("state", "running"), ("verb", "fetch"))] == 1
    assert found["pairtrawl_left_seconds", ()] == 60.0


def test_an_empty_folder_has_metrics_too(tmp_path: Path) -> None:
    assert samples(tmp_path)["pairtrawl_pairs_kept", ()] == 0


def test_no_label_holds_a_word_of_a_stranger(tmp_path: Path) -> None:
    run = a_run(tmp_path / "run", name=EVIL)
    told(run / "timeline.jsonl", [began(name=EVIL, host=EVIL), Failure(at=at(0), text=EVIL)])
    assert b"evil" not in metrics_of(RunWatch(run).look())


def test_what_means_the_same_is_called_the_same_as_at_a_tracker(tmp_path: Path) -> None:
    theirs = Metrics().text(jobs={"crawl": {"ready": 9, "committed": 1}}, leases=0, to_check=0, room_bytes=0).decode()
    lines = {line for line in theirs.splitlines() if line.startswith("pairtrawl_jobs{")}
    run = a_run(tmp_path / "run", archives=0)
    a_shard(run, 0)
    ours = metrics_of(RunWatch(run).look()).decode().splitlines()
    assert len(lines) == 2
    assert lines <= set(ours)
