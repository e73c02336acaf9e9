"""Islands on the real SLURM with the real Ray: they come together, keep apart, and leave nothing behind."""

from __future__ import annotations

import json
import shlex
import stat
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.slurm.cluster import Cluster
from tests.workers.island import tasks
from workers.island.ports import window

pytestmark = [pytest.mark.slurm, pytest.mark.slow]

DRIVERS = Path(__file__).with_name("drivers.py")
#: seconds for what takes twenty to sixty, on a machine that is ten times slower
ENOUGH = 600.0
#: holds COUNT ports of the island's window on the head's node, as another program would
SQUAT = "import socket, sys, time; from workers.island.ports import window; held = [socket.socket() for _ in range(int(sys.argv[2]))]; [one.bind(('', port)) for one, port in zip(held, window(sys.argv[1]))]; [one.listen() for one in held]; open(sys.argv[3], 'w').close(); time.sleep(3600)"


def script(run: Path, manner: str, *, squatted: int = 0, **options: Any) -> str:
    """A batch script as ours, but plainer: one srun, and the launcher's word instead of srun's exit code."""
    run.mkdir(mode=0o777, exist_ok=True)
    run.chmod(0o777)
    task = shlex.join(tasks.words(run, [sys.executable, str(DRIVERS), manner, str(run / "result")], **options))
    squat = shlex.join([sys.executable, "-c", SQUAT]) + f' "$SLURM_JOB_ID.0.0" {squatted} {run}/squatting'
    path = run / "job.sh"
    path.write_text(f"""#!/bin/bash
#SBATCH --ntasks-per-node=1 --cpus-per-task=1 --mem=1900 --open-mode=append --output={run}/%j.out
export PYTHONPATH={tasks.REPOSITORY}
if [ {squatted} != 0 ]; then
  {squat} & until [ -e {run}/squatting ]; do sleep 0.1; done
fi
srun --kill-on-bad-exit=0 --wait=0 {task}
echo "srun: $?"
rc=$(sed 's/.*"rc":\\([0-9]*\\).*/\\1/' "{run}/islands/$SLURM_JOB_ID.${{SLURM_RESTART_COUNT:-0}}.0/done")
exit "$rc"
""")
    return str(path)


def said(run: Path, job: str) -> str:
    return (run / f"{job}.out").read_text()


@dataclass(frozen=True)
class Two:
    """Two islands that ran at once on the same two nodes."""

    cluster: Cluster
    runs: tuple[Path, Path]
    jobs: tuple[str, str]

    def result(self, number: int) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.runs[number] / "result").read_text())
        return found


@pytest.fixture(scope="module")
def two(cluster: Cluster) -> Two:
    """One by root over the second network; one by nobody, whose first port somebody has taken. As root of a container
    is often the only one who may read its Python, it is shown to nobody first."""
    show_python_to_everybody(cluster)
    runs = cluster.new_folder() / "a", cluster.new_folder() / "b"
    both = "--nodes=2"
    first = cluster.sbatch(both, script(runs[0], "visit", net_suffix="i"))
    path = script(runs[1], "visit", squatted=1)
    told = cluster.login("runuser", "-u", "nobody", "--", "sbatch", "--parsable", f"--chdir={runs[1]}", both, path)
    jobs = first, told.strip()
    cluster.until(lambda: all((one / "result").exists() for one in runs), ENOUGH, "both islands to work")
    for job in jobs:
        cluster.wait(job, ENOUGH)
    return Two(cluster, runs, jobs)


def show_python_to_everybody(cluster: Cluster) -> None:
    """On the nodes alone, for their mounts are their own: /root becomes a folder with Python's part of it, and no more."""
    home, python = Path("/root"), Path(sys.executable).resolve()
    if not python.is_relative_to(home) or home.stat().st_mode & stat.S_IXOTH:
        return
    part = home / python.relative_to(home).parts[0]
    hide = f"mkdir -p /run/root && mount --bind {home} /run/root && mount -t tmpfs -o mode=755 tmpfs {home} && "
    show = f"mkdir {part} && mount --bind /run/root/{part.name} {part}"
    for node in cluster.nodes:
        cluster.on(node, "sh", "-c", f"[ -d /run/root ] || {{ {hide}{show}; }}")


def test_actors_of_one_island_are_on_both_nodes(two: Two) -> None:  # hpc 3
    for number in (0, 1):
        assert [host for host, _ip in two.result(number)["seen"]] == list(two.cluster.nodes)


def test_two_islands_on_the_same_nodes_do_not_disturb_each_other(two: Two) -> None:  # hpc 4
    for number in (0, 1):
        assert two.cluster.state(two.jobs[number]) == "COMPLETED", said(two.runs[number], two.jobs[number])
        meeting = two.runs[number] / "islands" / f"{two.jobs[number]}.0.0"
        assert json.loads((meeting / "done").read_text()) == {"rc": 0}
        assert [one.name for one in meeting.iterdir()] == ["done"]


def test_nothing_is_left_on_the_nodes(two: Two) -> None:  # hpc 3
    assert two.cluster.leftovers() == []


def test_ray_has_the_jobs_memory_and_not_the_machines(two: Two) -> None:
    assert two.result(0)["memory"] == [int(1900 * (1 << 20) * 0.8)] * 2


def test_another_secret_is_refused(two: Two) -> None:  # hpc 13
    for number in (0, 1):
        code, words = two.result(number)["intruder"]
        assert code != 0
        assert "let in" not in words
        assert "Authentication" in words


def test_the_suffix_chooses_the_network(two: Two) -> None:  # hpc 19
    assert [ip for _host, ip in two.result(0)["seen"]] == ["10.78.0.11", "10.78.0.12"]
    assert [ip for _host, ip in two.result(1)["seen"]] == ["10.77.0.11", "10.77.0.12"]


def test_a_squatter_on_the_first_port_costs_a_port(two: Two) -> None:  # hpc 12
    ports = window(f"{two.jobs[1]}.0.0")
    assert f"10.77.0.11:{ports[1]}" in said(two.runs[1], two.jobs[1])


def test_any_user_can_run_one(two: Two) -> None:  # hpc 21
    assert "UserId=nobody" in two.cluster.login("scontrol", "show", "job", two.jobs[1])
    assert (two.runs[1] / "result").owner() == "nobody"


def test_without_a_free_port_the_job_fails_with_two(cluster: Cluster, work: Path) -> None:  # hpc 12
    job = cluster.sbatch("--nodes=2", script(work / "run", "visit", squatted=100))
    assert cluster.wait(job, ENOUGH) == "FAILED"
    assert cluster.facts(job)["ExitCode"] == "2:0"
    assert "0 are free on this node" in said(work / "run", job)
    assert cluster.leftovers() == []


def test_memory_that_runs_out_costs_an_actor_and_not_the_stage(cluster: Cluster, work: Path) -> None:  # hpc 11
    run = work / "run"
    job = cluster.sbatch("--nodes=1", "--mem=1500", script(run, "glutton"))
    assert cluster.wait(job, ENOUGH) in {"COMPLETED", "OUT_OF_MEMORY"}
    assert json.loads((run / "islands" / f"{job}.0.0" / "done").read_text()) == {"rc": 0}, said(run, job)
    result = json.loads((run / "result").read_text())
    assert result["survivor"] != int(Path(result["first"]).read_text())
    assert "srun: 0" not in said(run, job)  # srun tells of the actor, which is why its word does not count
