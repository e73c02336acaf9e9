"""The control plane against a real SLURM: what is submitted runs, waits, goes back into the queue, or is refused.

The logic of the batch scripts is tried with a stand-in for `pairtrawl`; the last test has the real verbs, without Ray.
"""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.slurm.cluster import PROMPT, REPOSITORY, Cluster
from workers.slurm_jobs.sites import Stage, read_site

pytestmark = [pytest.mark.slurm, pytest.mark.slow]

SCRIPTS = sorted((REPOSITORY / "slurm").glob("*.sbatch"))
SITES = sorted(one.stem for one in (REPOSITORY / "slurm/sites").glob("*.env"))
DEMO = REPOSITORY / "workers/demo/data/archives"
#: for a slice to wait in the queue, to start, and to come back after a requeue, on a machine ten times slower
SOON, BACK = 60.0, 180.0
#: what a test on a busy machine asks of each of the two nodes
SMALL = ("--sbatch", "--mem=200")


@dataclass(frozen=True, slots=True)
class Run:
    """A run folder on the cluster, whose jobs run the stand-in unless told otherwise."""

    cluster: Cluster
    path: Path
    command: str = "stand_in.sh"

    def tell(self, name: str, *what: object) -> None:
        """What the stand-in does: `name` is VERB or VERB.INDEX.RESTART; seconds, exit code, and what `done` says."""
        (self.path / "told").mkdir(parents=True, exist_ok=True)
        (self.path / "told" / name).write_text(" ".join(str(one) for one in what) + "\n")

    @property
    def calls(self) -> list[str]:
        """What the stand-in was asked: "VERB INDEX RESTART WORDS"."""
        calls = self.path / "told/calls"
        return calls.read_text().splitlines() if calls.exists() else []

    @property
    def environment(self) -> dict[str, str]:
        own = {"PAIRTRAWL_COMMAND": str(REPOSITORY / "tests/slurm" / self.command), "PAIRTRAWL_SPREAD_S": "0"}
        return self.cluster.environment | own | {"PAIRTRAWL_VENV": sys.prefix}

    def ask(self, *words: str) -> subprocess.CompletedProcess[str]:
        """`pairtrawl slurm` on the login node."""
        command = [sys.executable, "-m", "workers", "slurm", *words]
        return subprocess.run(
            command, env=self.environment | {"PYTHONPATH": str(REPOSITORY)}, cwd=self.cluster.shared,
            capture_output=True, text=True, timeout=PROMPT, check=False,
        )  # fmt: skip

    def submit(self, *words: str) -> list[str]:
        """Submit on site `local`; the job ids."""
        done = self.ask("submit", "--output", str(self.path), "--site", "local", *SMALL, *words)
        assert done.returncode == 0, done.stderr
        return self.jobs

    @property
    def jobs(self) -> list[str]:
        """The jobs of the ledger."""
        return [str(one["job"]) for one in json.loads((self.path / "slurm/submitted.json").read_bytes())["entries"]]

    def sbatch(self, stage: str, *words: str, **variables: str) -> str:
        """Plain sbatch, as somebody would who does not use `pairtrawl slurm`."""
        told = {"PAIRTRAWL_RUN": str(self.path), "PAIRTRAWL_HOME": str(REPOSITORY)} | variables
        told |= {name: value for name, value in self.environment.items() if name.startswith("PAIRTRAWL_")}
        given = ("--mem=200", "--cpus-per-task=1", f"--output={self.path}/%x-%j.out")
        return self.cluster.sbatch(*given, *words, str(REPOSITORY / f"slurm/{stage}.sbatch"), **told)

    def table(self) -> dict[str, dict[str, object]]:
        """`status --json`, by stage."""
        done = self.ask("status", str(self.path), "--json")
        assert done.returncode == 0, done.stderr
        return {one["stage"]: one for one in json.loads(done.stdout)}


@pytest.fixture
def run(cluster: Cluster, work: Path) -> Run:
    return Run(cluster, work / "run")


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda one: one.stem)
def test_slurm_takes_every_script(script: Path, cluster: Cluster) -> None:  # hpc 22
    cluster.login("sbatch", "--test-only", str(script))


@pytest.mark.parametrize("site", SITES)
def test_slurm_takes_the_options_of_every_site(site: str, cluster: Cluster) -> None:  # hpc 22
    here = {"partition", "constraint", "qos", "gres", "gpus-per-node", "cpus-per-task", "account"}  # facts of elsewhere
    for stage in Stage:
        options = [one for one in read_site(site, {}).options_for(stage) if one[2:].partition("=")[0] not in here]
        cluster.login("sbatch", "--test-only", *options, str(REPOSITORY / f"slurm/{stage}.sbatch"))


def test_a_slice_goes_back_into_the_queue_and_its_score_waits_for_it(run: Run) -> None:  # hpc 15
    run.tell("fetch", 1, 0)
    run.tell("fetch.0.0", 600, 75)
    run.tell("score", 1, 0)
    fetch, score = run.submit("--stages", "fetch,score", "--slices", "2")
    run.cluster.until(lambda: any(one.startswith("fetch 0 0") for one in run.calls), SOON, "the slice to begin")
    run.cluster.login("scancel", "--signal=USR1", "--batch", f"{fetch}_0")
    run.cluster.until(lambda: run.cluster.wait(f"{score}_0", BACK) == "COMPLETED", BACK, "its score")
    order = [" ".join(one.split()[:3]) for one in run.calls if "left" not in one and "USR1" not in one]
    assert order.index("score 0 0") > order.index("fetch 0 1") > order.index("fetch 0 0")
    assert run.cluster.restarts(f"{fetch}_0") == 1
    assert run.cluster.restarts(f"{fetch}_1") == 0  # only the one that drained, not the whole array


@pytest.mark.parametrize(
    ("told", "sent", "state"),
    [
        ((1, 3), None, "FAILED"),  # nothing was done: again would be for ever
        ((600, 3), signal.SIGUSR1, "FAILED"),
        ((1, 75), None, "FAILED"),  # work left, but not because time was up
        ((600, 75), signal.SIGTERM, "CANCELLED"),  # somebody does not want it any more
        ((1, 2), None, "FAILED"),
        ((1, 1, 0), None, "COMPLETED"),  # an actor was killed for its memory: srun says 1, the run itself 0
        ((1, 0, 70), None, "FAILED"),
    ],
)
def test_nothing_else_goes_back_into_the_queue(
    run: Run, told: tuple[int, ...], sent: signal.Signals | None, state: str
) -> None:
    run.tell("score", *told)
    job = run.sbatch("score", "--signal=B:USR1@60")
    if sent is not None:
        run.cluster.until(lambda: bool(run.calls), SOON, "the slice to begin")
        words = ["--batch", "--signal=USR1"] if sent == signal.SIGUSR1 else []
        run.cluster.login("scancel", *words, job)
    assert run.cluster.wait(job, SOON) == state
    assert run.cluster.restarts(job) == 0
    code = told[-1] if len(told) == 3 else told[1]
    if state == "FAILED":
        assert run.cluster.facts(job)["ExitCode"] == f"{code}:0"


def test_a_slice_that_was_requeued_often_enough_stays_out(run: Run) -> None:
    run.tell("score", 600, 75)
    job = run.sbatch("score", PAIRTRAWL_MAX_REQUEUE="0")
    run.cluster.until(lambda: bool(run.calls), SOON, "the slice to begin")
    run.cluster.login("scancel", "--batch", "--signal=USR1", job)
    assert run.cluster.wait(job, SOON) == "FAILED"
    assert "pairtrawl slurm retry" in (run.path / f"pairtrawl-score-{job}.out").read_text()


def test_later_links_of_a_chain_find_nothing_to_do_and_end_at_once(run: Run) -> None:  # hpc 16
    run.tell("score", 1, 75)
    run.tell("check", 75)
    named = ("--job-name=chain", "--dependency=singleton", "--array=0-1")
    chain = {"PAIRTRAWL_CHAIN": "singleton", "PAIRTRAWL_SLICES": "2"}
    first, *later = [run.sbatch("score", *named, **chain) for _ in range(3)]
    for job in later:  # the next one must not begin before it is told what to find
        run.cluster.login("scontrol", "hold", job)
    run.cluster.until(lambda: run.cluster.wait(first, SOON) == "FAILED", SOON, "the first link")
    run.tell("check", 0)
    for job in later:
        run.cluster.login("scontrol", "release", job)
    assert [run.cluster.wait(job, SOON) for job in later] == ["COMPLETED", "COMPLETED"]
    worked = [one for one in run.calls if one.startswith("score") and "--slice" in one]
    assert len([one for one in run.calls if one.startswith("check")]) == 6
    assert 2 <= len(worked) <= 4  # the second link may have asked before the answer was another one


def test_a_second_submission_is_refused_until_the_first_is_cancelled(run: Run) -> None:
    run.tell("score", 600, 75)
    (job,) = run.submit("--stages", "score", "--slices", "2", "--at-once", "1")
    refused = run.ask("submit", "-o", str(run.path), "--site", "local", "--stages", "score", "--slices", "2")
    assert refused.returncode == 2
    assert f"2 tasks of jobs {job}" in refused.stderr
    other = run.sbatch("score", "--job-name=other")
    assert run.table()["score"]["waiting"] + run.table()["score"]["running"] == 2  # type: ignore[operator]  # JSON
    assert run.ask("cancel", str(run.path)).stdout == f"{run.path}: cancelled {job}\n"
    assert run.cluster.wait(job, SOON) == "CANCELLED"
    assert run.cluster.state(other) != "CANCELLED"
    assert run.ask("cancel", str(run.path)).stdout.endswith("none of its jobs waits or runs\n")


def test_arrays_stay_below_max_array_size_and_retry_takes_only_what_is_missing(run: Run) -> None:  # hpc 17
    run.tell("extract", 0, 0)
    jobs = run.submit("--stages", "extract", "--slices", "5", "--window", "2", *archives())
    assert len(jobs) == 3
    for job in jobs:
        run.cluster.wait(job, SOON)
    slices = sorted(word for one in run.calls for word in one.split() if word.endswith("/5"))
    assert slices == ["0/5", "1/5", "2/5", "3/5", "4/5"]
    again = run.ask("retry", str(run.path), "--dry-run")
    assert again.stdout.count("--array=") == 3  # the stand-in has made nothing


def test_slurm_itself_refuses_what_the_windows_avoid(run: Run) -> None:  # hpc 17
    with pytest.raises(AssertionError, match="Invalid job array"):
        run.sbatch("score", "--array=0-1001")


def test_a_fetch_is_refused_where_there_is_no_internet(run: Run) -> None:  # hpc 18
    refused = run.ask(
        "submit", "-o", str(run.path), "--site", "local", "--stages", "fetch", "--sbatch", "--partition=gpu"
    )
    assert refused.returncode == 2
    assert "partition gpu at local have no internet" in refused.stderr
    assert "fetch:--partition=download" in refused.stderr
    run.path.mkdir()
    job = run.sbatch("fetch", "--partition=gpu", PAIRTRAWL_SITE="local")  # and by the script, where nobody asked us
    assert run.cluster.wait(job, SOON) == "FAILED"
    assert run.cluster.facts(job)["ExitCode"] == "2:0"
    assert "nodes of partition gpu have no internet" in (run.path / f"pairtrawl-fetch-{job}.out").read_text()


def test_somebody_who_is_not_root_submits_with_plain_sbatch(run: Run) -> None:  # hpc 21
    run.tell("score", 0, 0)
    run.path.chmod(0o777)
    (run.path / "told").chmod(0o777)
    words = ["--parsable", "--mem=200", "--cpus-per-task=1", f"--output={run.path}/%j.out", f"--chdir={run.path}"]
    variables = {"PAIRTRAWL_RUN": str(run.path), "PAIRTRAWL_HOME": str(REPOSITORY)}
    variables["PAIRTRAWL_COMMAND"] = run.environment["PAIRTRAWL_COMMAND"]
    told = [f"{name}={value}" for name, value in variables.items()]
    as_nobody = ["runuser", "-u", "nobody", "--", "env", *told, "sbatch"]
    job = run.cluster.login(*as_nobody, *words, str(REPOSITORY / "slurm/score.sbatch")).strip()
    assert run.cluster.wait(job, SOON) == "COMPLETED"
    assert (run.path / "told/calls").owner() == "nobody"


def test_a_script_that_cannot_find_its_siblings_says_so(run: Run) -> None:
    run.path.mkdir()
    lone = shutil.copy(REPOSITORY / "slurm/score.sbatch", run.path)
    job = run.cluster.sbatch("--mem=200", f"--output={run.path}/%j.out", str(lone), PAIRTRAWL_HOME="")
    assert run.cluster.wait(job, SOON) == "FAILED"
    assert "set PAIRTRAWL_HOME" in (run.path / f"{job}.out").read_text()


def test_a_run_that_was_submitted_is_done_and_may_not_be_divided_anew(cluster: Cluster, work: Path) -> None:  # hpc 17
    run = Run(cluster, work / "run", "without_ray.sh")
    jobs = run.submit("--stages", "extract,plan,report", "--slices", "2", "--sbatch", "--mem=1500", *archives())
    for job in jobs:
        assert cluster.wait(job, 600) == "COMPLETED", logs(run)
    table = run.table()
    assert (table["extract"]["done"], table["extract"]["jobs_done"]) == (2, len(archives()))
    assert table["plan"]["done"] == table["report"]["done"] == 1
    assert run.ask("retry", str(run.path)).stdout == f"{run.path}: nothing is missing\n"
    (run.path / "candidates/00001.json").unlink()
    (run.path / "plan/plan.json").unlink()
    again = run.ask("retry", str(run.path), "--dry-run").stdout
    assert "extract: 1 of its slices" in again
    assert again.count("sbatch --parsable") == 3
    assert "--array=" in again
    other = run.ask(
        "submit", "-o", str(run.path), "--site", "local", "--stages", "extract", "--slices", "3", *archives()
    )
    assert other.returncode == 2
    assert "is divided into 2 slices, not 3" in other.stderr


def archives() -> list[str]:
    """The demo's archives."""
    return sorted(str(one) for one in DEMO.iterdir())


def logs(run: Run) -> str:
    """What the jobs of a run have said."""
    return "\n".join(f"==> {one.name}\n{one.read_text()[-3000:]}" for one in sorted((run.path / "logs").iterdir()))
