"""Submitting: what is refused before anything is handed in, and what stays on record when SLURM refuses in between."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from crawler.errors import RunFolderError, SettingsError
from workers.run_folder import RunFolder
from workers.slices import SlicePin, pin_slices
from workers.slurm_jobs.ledger import Ordered, read_ledger
from workers.slurm_jobs.sites import read_site
from workers.slurm_jobs.submitting import cancel, refuse_without_internet, submit, what_is_missing


def an_order(*stages: str, site: str = "local", **changes: object) -> Ordered:
    return Ordered(site=site, slices=2, stages=list(stages), **changes)  # type: ignore[arg-type]  # checked by Ordered


@pytest.fixture
def commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """SLURM's commands as small scripts: sbatch counts jobs from 1 and refuses the one that `refuse` names."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name, lines in {
        "sbatch": f'cd {folder}; echo x >>count; n=$(wc -l <count); [ "$n" != "$(cat refuse 2>/dev/null)" ] || exit 1; echo $n',
        "squeue": f"cat {folder}/queue 2>/dev/null; true",
        "scancel": f'echo "$@" >{folder}/cancelled',
        "scontrol": "echo MaxArraySize = 1001",
    }.items():
        (folder / name).write_text(f"#!/bin/sh\n{lines}\n")
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    return folder


@pytest.mark.parametrize("stage", ["fetch", "hybrid", "rebuild"])
def test_what_asks_the_web_is_refused_on_nodes_without_it(stage: str) -> None:
    ordered = an_order(stage, site="juwels-booster")
    with pytest.raises(SettingsError, match=f"{stage} is not submitted.*partition booster.*Fetch on a machine"):
        refuse_without_internet(ordered, read_site("juwels-booster", {}))


def test_a_partition_with_internet_is_pointed_out_and_taken() -> None:
    site = read_site("local", {})
    with pytest.raises(SettingsError, match="--sbatch fetch:--partition=download"):
        refuse_without_internet(an_order("fetch", options=["--partition=batch"]), site)
    refuse_without_internet(an_order("fetch", options=["--partition=batch", "fetch:--partition=download"]), site)


@pytest.mark.parametrize("one", ["CC-MAIN-2026-04:wat:0-9", "https://example.org/a.warc.gz", "s3://bucket/a.warc.gz"])
def test_archives_that_lie_elsewhere_need_internet(one: str) -> None:
    with pytest.raises(SettingsError, match="lies elsewhere"):
        refuse_without_internet(an_order("extract", inputs=[one]), read_site("local", {}))


def test_a_list_that_lies_elsewhere_needs_internet_where_it_is_planned() -> None:
    ordered = an_order("plan", inputs=["s3://bucket/list.parquet"], is_rebuild=True)
    with pytest.raises(SettingsError, match=r"plan is not submitted: s3://bucket/list\.parquet lies elsewhere"):
        refuse_without_internet(ordered, read_site("local", {}))


def test_archives_on_the_nodes_file_system_and_scores_need_none() -> None:
    ordered = an_order("extract", "plan", "score", "report", inputs=["/scratch/a.warc.gz"])
    refuse_without_internet(ordered, read_site("local", {}))


def test_what_slurm_took_before_it_refused_is_on_record(commands: Path, tmp_path: Path) -> None:
    (commands / "refuse").write_text("2")
    run = tmp_path / "run"
    with pytest.raises(SettingsError, match="sbatch"):
        submit(run, an_order("fetch", "score"), read_site("local", {}))
    found = read_ledger(run)
    assert found is not None
    assert [(one.stage, one.job) for one in found.entries] == [("fetch", 1)]
    (commands / "queue").write_text("1|0-1|PENDING|Priority\n7|0|RUNNING|None\n")
    assert cancel(run) == [1]
    assert (commands / "cancelled").read_text() == "1\n"


def test_a_second_submission_waits_for_the_first(commands: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    submit(run, an_order("score"), read_site("local", {}))
    (commands / "queue").write_text("1|1|RUNNING|None\n")
    with pytest.raises(RunFolderError, match=f"slurm cancel {run}"):
        submit(run, an_order("score"), read_site("local", {}))
    (commands / "queue").unlink()
    assert [one.job for one in submit(run, an_order("score"), read_site("local", {}))] == [2]


def test_another_number_of_slices_is_refused_with_what_to_do(commands: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    pin_slices(RunFolder(run).slice_pin("score"), SlicePin(slices=5, recipe="r", sources="s", plan="p"))
    with pytest.raises(RunFolderError, match=r"slices\.json.*divided into 5 slices, not 2"):
        submit(run, an_order("score"), read_site("local", {}))
    assert not (commands / "count").exists()


def test_a_run_that_was_never_submitted_cannot_be_retried(tmp_path: Path) -> None:
    with pytest.raises(RunFolderError, match="nothing was submitted"):
        what_is_missing(tmp_path)
