"""What would be submitted: stages in their order, each waiting for the right ones; and the very text of it.

`python tests/workers/slurm_jobs/test_scripts.py` writes the golden files anew.
"""

from __future__ import annotations

import sys
from pathlib import Path

import msgspec
import pytest

ROOT = Path(__file__).resolve().parents[3]
if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))

from crawler.errors import SettingsError  # noqa: E402 - the path first, where this is a script
from workers.slurm_jobs.ledger import Ordered  # noqa: E402 - as above
from workers.slurm_jobs.scripts import Call, calls_for, job_name, options_of, partition_of  # noqa: E402 - as above
from workers.slurm_jobs.showing import rendered, rendered_tasks  # noqa: E402 - as above
from workers.slurm_jobs.sites import HOME, Stage, read_site  # noqa: E402 - as above
from workers.slurm_jobs.windows import Window  # noqa: E402 - as above

RUN = Path("/scratch/run")
GOLDEN = Path(__file__).with_name("golden")


def an_order(**changes: object) -> Ordered:
    plain = Ordered(site="local", slices=4, stages=["extract", "plan", "fetch", "score", "report"], window=1001)
    return msgspec.structs.replace(plain, **changes)


ORDERS = {
    "all-stages": an_order(slices=5, window=3, at_once=4, inputs=["CC-MAIN-2026-04:wat:0-9", "https://example.org/it's, one.warc.gz"],
                           recipe="/home/me/my.toml", overrides=["fetch.total_seconds=10", "description='a b'"]),
    "container": an_order(site="perlmutter", stages=["plan", "fetch", "score"], slices=2,
                          settings={"PAIRTRAWL_CONTAINER": "/images/pairtrawl.sif", "PAIRTRAWL_BIND": "/weights", "PAIRTRAWL_NODE_LOCAL": "/tmp"}),
    "chain": an_order(site="juwels-booster", stages=["score", "report"], slices=2, links=3, options=["score:--account=exalab"],
                      settings={"PAIRTRAWL_CHAIN": "singleton", "PAIRTRAWL_NODE_LOCAL": "/tmp"}),
    "no-arrays": an_order(site="vista", stages=["fetch", "score"], slices=2, links=2, settings={"PAIRTRAWL_NODE_LOCAL": "/tmp"}),
    "published-list": an_order(stages=["plan", "rebuild", "report"], slices=2, inputs=["/scratch/list.parquet"], recipe="/home/me/list.toml",
                               is_rebuild=True, settings={"PAIRTRAWL_NODE_LOCAL": "/tmp"}),
    "few-nodes": an_order(stages=["hybrid"], slices=1, inputs=["list.parquet"], options=["--nodes=2"],
                          settings={"PAIRTRAWL_MIN_NODES": "1", "PAIRTRAWL_NET_SUFFIX": "i", "PAIRTRAWL_NODE_LOCAL": "/tmp"}),
}  # fmt: skip


def shown(ordered: Ordered) -> str:
    return (rendered(RUN, ordered) + rendered_tasks(RUN, ordered)).replace(str(HOME), "HOME")


@pytest.mark.parametrize("name", ORDERS)
def test_what_is_shown_is_what_it_was(name: str) -> None:  # hpc 22
    renew = "if this is meant, renew it with: python tests/workers/slurm_jobs/test_scripts.py"
    assert shown(ORDERS[name]) == (GOLDEN / f"{name}.txt").read_text(), renew


def calls(ordered: Ordered, missing: dict[Stage, list[int]] | None = None) -> list[Call]:
    return calls_for(RUN, ordered, read_site(ordered.site, ordered.settings), 1001, missing)


def waits(ordered: Ordered, missing: dict[Stage, list[int]] | None = None) -> list[str]:
    """For each call: stage, array, and what it waits for; J0 is the job of the first call."""
    words = [call.words(lambda place: f"J{place}") for call in calls(ordered, missing)]
    kept = [[one for one in line if one.startswith(("--array", "--dependency"))] for line in words]
    return [" ".join([call.stage, *line]) for call, line in zip(calls(ordered, missing), kept, strict=True)]


def test_each_stage_waits_for_the_one_before() -> None:
    assert waits(an_order()) == [
        "extract --array=0-3",
        "plan --dependency=afterany:J0",
        "fetch --array=0-3 --dependency=afterok:J1",
        "score --array=0-3 --dependency=aftercorr:J2",
        "report --dependency=afterany:J3",
    ]


def test_a_rebuild_is_planned_done_and_told_and_nothing_else() -> None:
    assert waits(an_order(stages=["report", "rebuild", "plan"], is_rebuild=True)) == [
        "plan",
        "rebuild --array=0-3 --dependency=afterok:J0",
        "report --dependency=afterany:J1",
    ]
    for stage in ("extract", "fetch", "score", "hybrid"):
        with pytest.raises(SettingsError, match=f"no {stage}; its stages are plan, rebuild, report"):
            waits(an_order(stages=[stage], is_rebuild=True))


def test_windows_of_score_wait_for_the_same_windows_of_fetch() -> None:
    assert waits(an_order(stages=["fetch", "score"], slices=5, window=2)) == [
        "fetch --array=0-1", "fetch --array=0-1", "fetch --array=0",
        "score --array=0-1 --dependency=aftercorr:J0",
        "score --array=0-1 --dependency=aftercorr:J1",
        "score --array=0 --dependency=aftercorr:J2",
    ]  # fmt: skip


def test_scores_whose_fetch_is_done_wait_for_nothing() -> None:
    missing = {Stage.FETCH: [1, 3], Stage.SCORE: [0, 1, 3], Stage.REPORT: [0]}
    assert waits(an_order(), missing) == [
        "fetch --array=1,3",
        "score --array=1,3 --dependency=aftercorr:J0",
        "score --array=0",
        "report --dependency=afterany:J1,afterany:J2",
    ]


def test_links_of_a_chain_wait_for_their_name_and_for_their_stage() -> None:
    chain = an_order(stages=["plan", "fetch", "score"], links=2, settings={"PAIRTRAWL_CHAIN": "singleton"})
    assert waits(chain) == [
        "plan",
        "fetch --array=0-3 --dependency=singleton,afterok:J0",
        "fetch --array=0-3 --dependency=singleton,afterok:J0",
        "score --array=0-3 --dependency=singleton,afterany:J2",
        "score --array=0-3 --dependency=singleton,afterany:J2",
    ]
    names = [next(one for one in call.options if one.startswith("--job-name")) for call in calls(chain)]
    assert len(set(names)) == 3


def test_extract_may_be_divided_otherwise() -> None:
    found = calls(an_order(extract_slices=2))
    assert [call.indices for call in found] == ["0-1", "", "0-3", "0-3", ""]
    assert [call.environment["PAIRTRAWL_SLICES"] for call in found] == ["2", "2", "4", "4", "2"]


def test_each_window_has_its_share_of_what_runs_at_once_and_islands_are_told_of_it() -> None:
    found = calls(an_order(stages=["fetch"], slices=5, window=2, at_once=4))
    assert [call.indices for call in found] == ["0-1%2", "0-1%1", "0%1"]
    assert {call.environment["PAIRTRAWL_ISLANDS"] for call in found} == {"4"}


def test_without_a_limit_all_islands_divide_the_rate() -> None:
    assert calls(an_order(stages=["fetch"], at_once=9))[0].environment["PAIRTRAWL_ISLANDS"] == "4"


def test_a_limit_that_cannot_be_kept_without_arrays_is_refused() -> None:
    with pytest.raises(SettingsError, match="at most 2 slices"):
        calls(an_order(site="vista", stages=["fetch"], at_once=2))


@pytest.mark.parametrize(
    ("stages", "said"),
    [(["filter"], "there are extract"), (["fetch", "hybrid"], "in one"), (["rebuild", "score"], "in one")],
)
def test_stages_that_do_not_fit_are_refused(stages: list[str], said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        calls(an_order(stages=stages))


def test_options_are_for_all_stages_or_for_one() -> None:
    given = ["--mem=8G", "fetch:--partition=dl", "score:--gres=gpu:4"]
    assert options_of(given, Stage.FETCH) == ["--mem=8G", "--partition=dl"]
    assert options_of(given, Stage.SCORE) == ["--mem=8G", "--gres=gpu:4"]
    with pytest.raises(SettingsError, match="no stage 'filter'"):
        options_of(["filter:--mem=8G"], Stage.FETCH)


def test_the_last_partition_counts() -> None:
    assert partition_of(["--partition=cpu", "--mem=0", "--partition=gpu"]) == "gpu"
    assert partition_of(["--mem=0"]) is None


def test_chains_of_two_runs_have_different_names() -> None:
    window = Window(0, (0,))
    assert job_name(Path("/a"), Stage.FETCH, window) != job_name(Path("/b"), Stage.FETCH, window)


if __name__ == "__main__":
    GOLDEN.mkdir(exist_ok=True)
    for order_name, order in ORDERS.items():
        (GOLDEN / f"{order_name}.txt").write_text(shown(order))
