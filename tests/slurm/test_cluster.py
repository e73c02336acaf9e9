"""The local SLURM itself: what the other tests of this folder stand on."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.slurm.cluster import REPOSITORY, SCRIPT, Cluster, a_cluster

pytestmark = pytest.mark.slurm

LOOK = "hostname; ls -A /tmp; ip -4 -o addr show dev eth0 | awk '{print $4}'; ip route get 10.79.0.1 2>&1 | head -1"


def test_it_comes_up_twice_goes_down_twice_and_leaves_nothing(cluster: Cluster) -> None:  # hpc 1
    with a_cluster() as other:  # beside the first one, which is not disturbed
        assert other._run("up", timeout=120).stderr.strip().endswith(f"already up in {other.folder}")
        assert other.is_whole()
        assert other.login("srun", "hostname").strip() in other.nodes
        assert all(traces(other)[kind] for kind in ("processes", "folders"))
        assert other._run("down", "--purge", timeout=120).returncode == 0
        assert not other.folder.exists()
        assert other._run("down", timeout=120).returncode == 0
        assert other._run("status", timeout=120).returncode == 3
    assert not any(traces(other).values())
    assert cluster.is_whole()


def traces(cluster: Cluster) -> dict[str, list[str]]:
    """What a cluster adds to this machine."""
    root, prefix = str(cluster.folder.parent), cluster.prefix
    processes = subprocess.run(["ps", "-eo", "args="], capture_output=True, text=True, check=True).stdout
    return {
        "processes": [one for one in processes.splitlines() if root in one],
        "control groups": [one.name for one in Path("/sys/fs/cgroup").glob(f"*/slurm_{prefix}*")],
        "mounts": [one for one in Path("/proc/self/mounts").read_text().splitlines() if root in one],
        "links": [one.name for one in Path("/sys/class/net").iterdir() if prefix in one.name],
        "folders": [one.name for one in Path("/tmp").glob(f"{cluster.folder.parent.name}*")],
    }


def test_two_nodes_are_two_machines_and_only_the_first_sees_the_internet(cluster: Cluster) -> None:  # hpc 2
    told = cluster.login("srun", "--nodes=2", "--ntasks-per-node=1", "--label", "sh", "-c", LOOK).splitlines()
    first, second = ([one[3:] for one in told if one.startswith(f"{rank}: ")] for rank in (0, 1))
    shared = cluster.folder.parent.name
    assert first[:2] == [cluster.nodes[0], shared]
    assert second[:2] == [cluster.nodes[1], shared]
    assert first[2:5] == ["10.77.0.11/24", "10.78.0.11/24", "10.79.0.11/24"]
    assert second[2:4] == ["10.77.0.12/24", "10.78.0.12/24"]
    assert "dev eth0" in first[-1]
    assert "unreachable" in second[-1]


def test_a_node_whose_power_is_cut_comes_back(cluster: Cluster) -> None:
    node = cluster.nodes[1]
    cluster.kill_node(node)
    cluster.boot_node(node)
    assert cluster.login("srun", f"--nodelist={node}", "hostname").strip() == node


@pytest.mark.skipif(shutil.which("shellcheck") is None, reason="shellcheck is not installed")
def test_the_script_is_clean() -> None:
    done = subprocess.run(["shellcheck", str(SCRIPT)], capture_output=True, text=True, cwd=REPOSITORY, check=False)
    assert done.stdout == ""
