"""What a cluster does to a run - walltimes, preemption, scancel, lost power - and the data set that comes out all the same.

The demo's web runs on the login node, which is the pretended internet of the first node. The batch scripts and the
verbs are the real ones.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from crawler.commit import write_atomically
from tests.runs import VOLATILE_COLUMNS, contents
from tests.slurm.cluster import FINAL, REPOSITORY, Cluster
from tests.small_runs import small_recipe_file
from workers.demo import inputs

pytestmark = [pytest.mark.slurm, pytest.mark.slow]

DEMO = REPOSITORY / "workers/demo"
WEB = "10.79.0.1:8000"
#: seconds for what takes twenty to sixty, on a machine that is ten times slower
ENOUGH = 600.0
#: seconds that each request takes: so that jobs end one by one; and so that none ends until a test lets it
SLOWLY, HELD = 0.3, 3600.0
#: the demo in small jobs, with patience: on a busy machine nothing may time out, or two runs would differ
PATIENT = [
    "plan.rows_per_job=30",
    "manners.longest_wait_seconds=3600",
    "fetch.bytes_per_second=0",
    *(f"fetch.{one}_seconds=3600" for one in ("total", "connect", "first_byte", "read")),
]
#: the same archive for all, one without pages that misbehave
ARCHIVE = inputs()[0]


@dataclass(frozen=True)
class Crawl:
    """A run folder with a plan, on a cluster that can fetch what is planned."""

    cluster: Cluster
    folder: Path
    recipe: Path
    web: Path

    @property
    def run(self) -> Path:
        return self.folder / "run"

    def copy(self, *parts: str) -> Crawl:
        """The same run once more, as far as it has come; of `parts` (raw, shards) only those."""
        other = Crawl(self.cluster, self.cluster.new_folder(), self.recipe, self.web)
        left_out = {"raw", "shards", "islands", "logs", "slices", "slices.json"} - set(parts)
        shutil.copytree(self.run, other.run, ignore=lambda _folder, names: left_out & set(names))
        return other

    def here(self, verb: str) -> None:
        """Run a verb on the login node, undisturbed, in one process."""
        settings = [word for one in PATIENT for word in ("--set", one)]
        words = ["-m", "workers", verb, *([] if verb == "score" else [ARCHIVE]), "-o", str(self.run)]
        self.cluster.login(sys.executable, *words, "-r", str(self.recipe), *settings, timeout=ENOUGH, PYTHONPATH=str(REPOSITORY))  # fmt: skip

    def sbatch(self, stage: str, *options: str, **variables: str) -> str:
        """Submit a stage as slurm/README.md says, one slice of one."""
        told = {
            "PAIRTRAWL_RUN": str(self.run),
            "PAIRTRAWL_RECIPE": str(self.recipe),
            "PAIRTRAWL_SET": "\n".join(PATIENT),
            "PAIRTRAWL_HOME": str(REPOSITORY),
            "PAIRTRAWL_VENV": sys.prefix,
            "PAIRTRAWL_SPREAD_S": "0",
            "PAIRTRAWL_WORKERS": "1",
            "PAIRTRAWL_DRAIN_TERM_S": "2",
        }
        size = ("--cpus-per-task=2", "--mem=3000", "--time=60", f"--output={self.folder}/{stage}.out")
        return self.cluster.sbatch(*size, *options, str(REPOSITORY / f"slurm/{stage}.sbatch"), **(told | variables))

    def raw(self) -> int:
        """How many raw shards there are."""
        return len(list((self.run / "raw").glob("[0-9]*.parquet")))

    def jobs(self) -> int:
        return len(list((self.run / "plan").glob("[0-9]*.parquet")))

    def said(self, stage: str = "fetch") -> str:
        log = self.folder / f"{stage}.out"
        return log.read_text(errors="replace") if log.exists() else ""

    def drained(self) -> int:
        """How often the fetch was told to drain."""
        return self.said().count("USR1: draining")

    def slow_down(self, seconds: float) -> None:
        """Let each request take so long, those that wait already as well."""
        write_atomically(self.web / "delay", str(seconds).encode())

    def hold_after_a_job(self, job: str, jobs: int = 1) -> None:
        """When so many more raw shards are there, hold what is in flight."""
        before = self.raw()
        self.slow_down(SLOWLY)
        self.until(lambda: self.raw() >= before + jobs, "a job to be done", job)
        self.slow_down(HELD)

    def asked(self) -> list[str]:
        """The pictures that the web was asked for since the last call, in no order; and forget them."""
        time.sleep(1)  # the web takes its notes five times a second
        lines = (self.web / "asked").read_text().splitlines()
        seen = self.web / "seen"
        before = int(seen.read_text()) if seen.exists() else 0
        seen.write_text(str(len(lines)))
        rules = ("/robots.txt", "/.well-known/tdmrep.json")  # each sitting asks for them
        return sorted(one for one in lines[before:] if not one.endswith(rules))

    def half_made(self) -> list[str]:
        """Files that look finished and are not those of a whole job."""
        return [one.name for one in (self.run / "raw").iterdir() if one.name[0] != "." and not one.name[0].isdigit()]

    def until(self, there: Callable[[], object], what: str, job: str = "") -> None:
        """Wait until it is so, but not after the end of `job`."""

        def look() -> bool:
            ended = bool(job) and self.cluster.state(job) in FINAL
            if there():
                return True
            assert not ended, f"job {job} has ended before: {what}\n{self.said()}"
            return False

        self.cluster.until(look, ENOUGH, what)


@pytest.fixture(scope="module")
def planned(cluster: Cluster) -> Iterator[Crawl]:
    """The run, with its plan; and the web, while the tests last."""
    folder, web = cluster.new_folder(), cluster.new_folder()
    text = (DEMO / "recipe.toml").read_text()
    text = text.replace("data/", f"{DEMO}/data/").replace("127.0.0.0/8", "10.79.0.0/24")
    (folder / "recipe.toml").write_text(text.replace("[manners]", f'[fetch.hosts]\n"*.test" = "{WEB}"\n\n[manners]'))
    crawl = Crawl(cluster, folder, folder / "recipe.toml", web)
    crawl.slow_down(0)
    served = subprocess.Popen(
        [str(REPOSITORY / "tests/slurm/local-cluster.sh"), "exec", sys.executable, str(REPOSITORY / "tests/slurm/web.py"), WEB, str(web)],
        env=cluster.environment | {"PYTHONPATH": str(REPOSITORY)}, cwd=folder, start_new_session=True,
    )  # fmt: skip
    try:
        crawl.here("plan")
        crawl.until((web / "asked").exists, "the web to be there")
        yield crawl
    finally:
        os.killpg(served.pid, signal.SIGKILL)
        served.wait()


@dataclass(frozen=True)
class Undisturbed:
    """What the run makes when nobody disturbs it."""

    crawl: Crawl
    asked: list[str]
    fetched: dict[str, list[tuple[object, ...]]]
    contents: dict[str, Any]


@pytest.fixture(scope="module")
def oracle(planned: Crawl) -> Undisturbed:
    whole = planned.copy()
    planned.slow_down(0)
    planned.asked()
    whole.here("fetch")
    asked = whole.asked()
    whole.here("score")
    return Undisturbed(whole, asked, fetched(whole), contents(whole.run))


def fetched(crawl: Crawl) -> dict[str, list[tuple[object, ...]]]:
    """The raw shards, by name: of each row a few words, and a digest of everything but the time of day."""
    files = sorted((crawl.run / "raw").glob("[0-9]*.parquet"))
    return {one.name: [in_short(row) for row in pq.read_table(one).to_pylist()] for one in files}


def in_short(row: dict[str, Any]) -> tuple[object, ...]:
    lasting = {name: value for name, value in row.items() if name not in VOLATILE_COLUMNS}
    return row["url"], row["status"], row["error_message"], hashlib.sha256(repr(lasting).encode()).hexdigest()[:12]


def more_than(number: int, count: Callable[[], int]) -> bool:
    return count() > number


def end_walltime(cluster: Cluster, job: str, margin: int) -> None:
    """Move the end of a job's walltime to where `margin` seconds before it are over already: SLURM sends its signal."""
    cluster.login("scontrol", "update", f"JobId={job}", f"TimeLimit={minutes(cluster, job) + margin // 60}")


def minutes(cluster: Cluster, job: str) -> int:
    hours, whole, _seconds = (int(one) for one in cluster.facts(job)["RunTime"].split(":"))
    return 60 * hours + whole


@pytest.mark.minutes
def test_three_walltimes_later_the_shards_are_those_of_an_undisturbed_run(oracle: Undisturbed) -> None:  # hpc 5
    crawl, cluster = oracle.crawl.copy(), oracle.crawl.cluster
    crawl.asked()
    job = crawl.sbatch("fetch", "--partition=download", "--signal=B:USR1@120")
    for restart in range(3):
        crawl.hold_after_a_job(job)
        end_walltime(cluster, job, margin=120)
        crawl.until(partial(more_than, restart, crawl.drained), "SLURM's signal", job)
        cluster.login("scontrol", "update", f"JobId={job}", "TimeLimit=60")  # of the next sitting
        crawl.slow_down(0)
        crawl.until(partial(more_than, restart, partial(cluster.restarts, job)), "the job to be put back", job)
        assert 0 < crawl.raw() < crawl.jobs()
        assert not crawl.half_made()
    assert cluster.wait(job, ENOUGH) == "COMPLETED", crawl.said()
    assert cluster.restarts(job) == 3
    assert fetched(crawl) == oracle.fetched
    asked, once = Counter(crawl.asked()), Counter(oracle.asked)
    assert (asked - once, once - asked) == (Counter(), Counter())  # no job was done twice, and none in vain
    crawl.here("score")
    assert contents(crawl.run) == oracle.contents


def test_a_walltime_that_nobody_heeds_costs_what_was_in_flight(oracle: Undisturbed) -> None:  # hpc 6
    crawl, cluster = oracle.crawl.copy(), oracle.crawl.cluster
    job = crawl.sbatch("fetch", "--partition=download", "--signal=B:USR1@60")
    crawl.hold_after_a_job(job)
    node = cluster.nodes[0]
    listed = cluster.on(node, "ps", "-eo", "pid=,args=").splitlines()
    (driver,) = (one.split()[0] for one in listed if " -m workers fetch " in one)
    cluster.on(node, "kill", "-STOP", driver)  # it hangs, and hears nothing
    end_walltime(cluster, job, margin=60)
    assert cluster.wait(job, ENOUGH) == "TIMEOUT", crawl.said()
    assert cluster.restarts(job) == 0
    assert 0 < crawl.raw() < crawl.jobs()
    assert not crawl.half_made()
    crawl.slow_down(0)
    again = crawl.sbatch("fetch", "--partition=download")
    assert cluster.wait(again, ENOUGH) == "COMPLETED", crawl.said()
    assert fetched(crawl) == oracle.fetched


def test_a_preempted_run_goes_back_and_finishes(oracle: Undisturbed) -> None:  # hpc 7
    crawl, cluster = oracle.crawl.copy(), oracle.crawl.cluster
    first = f"--nodelist={cluster.nodes[0]}"
    job = crawl.sbatch("fetch", "--partition=scavenge", first, "--signal=B:USR1@60")
    crawl.hold_after_a_job(job)
    urgent = cluster.sbatch("--partition=batch", first, "--exclusive", f"--output={crawl.folder}/urgent.out", "--wrap=true")  # fmt: skip
    crawl.until(lambda: "USR1: draining" in crawl.said(), "the warning", job)
    crawl.slow_down(0)
    assert cluster.wait(urgent, ENOUGH) == "COMPLETED"
    assert cluster.wait(job, ENOUGH) == "COMPLETED", crawl.said()
    assert cluster.restarts(job) >= 1
    assert fetched(crawl) == oracle.fetched


def test_a_cancelled_run_stays_cancelled_and_leaves_the_node_clean(oracle: Undisturbed) -> None:  # hpc 8
    crawl, cluster = oracle.crawl.copy(), oracle.crawl.cluster
    job = crawl.sbatch("fetch", "--partition=download", "--signal=B:USR1@60")
    crawl.hold_after_a_job(job)
    cluster.cancel(job)
    assert cluster.wait(job, ENOUGH) == "CANCELLED"
    crawl.until(lambda: not cluster.login("squeue", "-h").strip(), "the job to be gone")
    assert cluster.restarts(job) == 0
    assert 0 < crawl.raw() < crawl.jobs()
    assert not crawl.half_made()
    assert cluster.leftovers() == []


def test_the_power_of_a_node_is_cut_and_the_run_comes_back(oracle: Undisturbed) -> None:  # hpc 9, hpc 10
    crawl, cluster = oracle.crawl.copy(), oracle.crawl.cluster
    job = crawl.sbatch("fetch", "--partition=download", "--requeue")
    crawl.hold_after_a_job(job)
    node, stale = cluster.nodes[0], crawl.run / "islands" / f"{job}.0.0" / "address"
    address = stale.read_text()
    cluster.kill_node(node)
    for left in (cluster.folder / "nodes" / node / "tmp").glob("pt-*"):
        os.utime(left, (0, 0))  # a node is seldom back within seconds
    cluster.login("scontrol", "update", f"nodename={node}", "state=down", "reason=no power")  # sooner than by waiting
    crawl.until(lambda: cluster.restarts(job) == 1, "SLURM to put the job back", job)
    assert not crawl.half_made()
    crawl.slow_down(0)
    cluster.boot_node(node)
    assert cluster.wait(job, ENOUGH) == "COMPLETED", crawl.said()
    assert fetched(crawl) == oracle.fetched
    assert stale.read_text() == address  # nobody has touched what the dead one left in the run
    assert cluster.leftovers() == []  # and what it left on the node is gone


def test_an_island_goes_on_without_a_node_that_is_lost(oracle: Undisturbed) -> None:  # hpc 9
    crawl, cluster = oracle.crawl.copy(), oracle.crawl.cluster
    other = cluster.nodes[1]
    cluster.on(other, "ip", "addr", "add", "10.79.0.12/24", "dev", "eth0")  # until its power is cut
    job = crawl.sbatch(
        "fetch", "--nodes=2", "--no-kill", "--cpus-per-task=1", PAIRTRAWL_MIN_NODES="1", PAIRTRAWL_WORKERS="2"
    )
    crawl.hold_after_a_job(job, jobs=2)
    assert f"on {other}: joined" in crawl.said()
    cluster.kill_node(other)
    crawl.slow_down(0)
    crawl.until(lambda: list((crawl.run / "islands").glob("*/done")), "the island to be over", job)
    done = [json.loads(one.read_bytes()) for one in (crawl.run / "islands").glob("*/done")]
    assert done == [{"rc": 0}], crawl.said()
    assert fetched(crawl) == oracle.fetched
    cluster.boot_node(other)
    cluster.wait(job, ENOUGH)
    assert cluster.restarts(job) == 0


def test_scoring_needs_no_internet(oracle: Undisturbed) -> None:  # hpc 18
    crawl, cluster = oracle.crawl.copy("raw"), oracle.crawl.cluster
    node = cluster.nodes[1]
    assert "unreachable" in cluster.on(node, "sh", "-c", "ip route get 10.79.0.1 2>&1 || true")
    crawl.asked()
    job = crawl.sbatch("score", "--partition=gpu", PAIRTRAWL_SITE="local")
    assert cluster.wait(job, ENOUGH) == "COMPLETED", crawl.said("score")
    assert contents(crawl.run) == oracle.contents
    assert crawl.asked() == []
    assert cluster.leftovers() == []


def test_fetching_where_there_is_no_internet_is_refused(planned: Crawl) -> None:  # hpc 18
    crawl, cluster = planned.copy(), planned.cluster
    job = crawl.sbatch("fetch", "--partition=gpu", PAIRTRAWL_SITE="local")
    assert cluster.wait(job, ENOUGH) == "FAILED"
    assert cluster.facts(job)["ExitCode"] == "2:0"
    assert "Only partition download reaches the pretended internet." in crawl.said()


def test_one_island_of_two_kinds_of_nodes_fetches_on_the_one_and_scores_on_the_other(
    oracle: Undisturbed,
) -> None:  # hpc 20
    crawl, cluster = oracle.crawl.copy(), oracle.crawl.cluster
    crawl.slow_down(HELD)  # the job cannot be over before both were seen
    second = ("--nodes=1", "--ntasks-per-node=1", "--cpus-per-task=2", "--mem=3000", "--time=60")
    job = crawl.sbatch("hybrid-het", "--partition=download", ":", "--partition=gpu", "--gres=gpu:1", *second, PAIRTRAWL_INPUTS=ARCHIVE)  # fmt: skip
    first, last = cluster.nodes

    def actors(node: str) -> str:
        return " ".join(one for one in cluster.on(node, "ps", "-eo", "args=").split() if one.startswith("ray::"))

    crawl.until(lambda: "ray::Scorer" in actors(last) and "ray::Worker" in actors(first), "the actors", job)
    assert "ray::Worker" not in actors(last)
    assert "ray::Scorer" not in actors(first)
    crawl.slow_down(0)
    assert cluster.wait(job, ENOUGH) == "COMPLETED", crawl.said("hybrid-het")
    files = [one for one in oracle.contents if not one.endswith("_stats.json")]  # those name the kind of job
    made = contents(crawl.run)
    assert made.keys() == oracle.contents.keys()
    assert {one: made[one] for one in files} == {one: oracle.contents[one] for one in files}


def test_a_gpu_that_nobody_has_ends_in_a_sentence(planned: Crawl) -> None:  # hpc 14
    folder = planned.cluster.new_folder()
    recipe = small_recipe_file(folder / "recipe.toml", WEB)
    recipe.write_text(recipe.read_text() + '[[filters]]\nuse = "pictures.clip_similarity"\ndevice = "cuda"\n')
    crawl = Crawl(planned.cluster, folder, recipe, planned.web)
    crawl.here("fetch")
    job = crawl.sbatch("score", "--partition=batch")
    assert crawl.cluster.wait(job, ENOUGH) == "FAILED"
    assert crawl.cluster.facts(job)["ExitCode"] == "2:0"
    assert "1 scoring actor of" in crawl.said("score")
    assert "1 GPU each" in crawl.said("score")
    assert not (crawl.run / "shards").exists()
