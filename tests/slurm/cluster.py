"""A real SLURM of two nodes on this machine, for tests: started once per session, and left as it was found by each."""

from __future__ import annotations

import os
import random
import shutil
import string
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
SCRIPT = Path(__file__).with_name("local-cluster.sh")
#: states of jobs that will not change any more
FINAL = frozenset(
    {"COMPLETED", "FAILED", "TIMEOUT", "CANCELLED", "NODE_FAIL", "OUT_OF_MEMORY", "BOOT_FAIL", "DEADLINE"}
)
#: seconds for a command that should answer at once, on a machine that is ten times slower
PROMPT = 120.0


class NoClusterError(Exception):
    """It cannot be started here; the text says why."""


#: how folders begin that a run makes in a node's /tmp
_OURS = ("pt-", "pairtrawl-", "ray", "tmp")


@dataclass(frozen=True, slots=True)
class Cluster:
    """The cluster. The login node and its nodes see `shared`, and everything outside /tmp; so does this machine."""

    folder: Path
    shared: Path
    prefix: str
    down_nodes: set[str] = field(default_factory=set)

    @property
    def nodes(self) -> tuple[str, str]:
        """The first one has the pretended internet, the second one the pretended GPU."""
        return (f"{self.prefix}1", f"{self.prefix}2")

    @property
    def environment(self) -> dict[str, str]:
        """What a process of this machine needs so that `sbatch` and the others are those of this cluster."""
        settings = {"SLURM_LOCAL_DIR": str(self.folder), "PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}"}
        return {name: value for name, value in os.environ.items() if not name.startswith("SLURM_")} | settings

    def new_folder(self) -> Path:
        """An empty folder that this machine and all nodes see, and every user may write to; it goes with the cluster."""
        folder = Path(tempfile.mkdtemp(dir=self.shared))
        folder.chmod(0o777)
        return folder

    def login(self, *words: str, timeout: float = PROMPT, check: bool = True, **variables: str) -> str:
        """Run a command on the login node; returns what it wrote to standard output."""
        return self._script("exec", *words, timeout=timeout, check=check, variables=variables)

    def on(self, node: str, *words: str, timeout: float = PROMPT, check: bool = True) -> str:
        """Run a command on a compute node."""
        return self._script("node", node, *words, timeout=timeout, check=check)

    def sbatch(self, *words: str, **variables: str) -> str:
        """Submit a job from `shared`; returns its number. `variables` are added to its environment."""
        told = self._script("exec", "sbatch", "--parsable", f"--chdir={self.shared}", *words, variables=variables)
        return told.strip().partition(";")[0]

    def facts(self, job: str) -> dict[str, str]:
        """What scontrol says of a job."""
        words = self.login("scontrol", "show", "job", "-o", job).split("\n")[0].split()
        return dict(word.split("=", 1) for word in words if "=" in word)

    def state(self, job: str) -> str:
        """PENDING, RUNNING, COMPLETED, ..."""
        return self.facts(job)["JobState"]

    def restarts(self, job: str) -> int:
        """How often it was put back into the queue."""
        return int(self.facts(job)["Restarts"])

    def wait(self, job: str, timeout: float) -> str:
        """The final state of a job."""
        self.until(lambda: self.state(job) in FINAL, timeout, f"job {job} to end")
        return self.state(job)

    def until(self, there: Callable[[], bool], timeout: float, what: str) -> None:
        """Wait until it is so; a test that waits in vain fails with the state of the cluster."""
        end = time.monotonic() + timeout
        while not there():
            if time.monotonic() > end:
                raise AssertionError(f"waited {timeout:g} s for {what}\n{self.said()}")
            time.sleep(0.3)

    def cancel(self, *jobs: str) -> None:
        """End jobs as a user does."""
        self.login("scancel", *jobs)

    def kill_node(self, node: str) -> None:
        """Cut its power."""
        self._script("kill-node", node)
        self.down_nodes.add(node)

    def boot_node(self, node: str) -> None:
        """Give it back its power; returns when SLURM has it again."""
        self._script("boot-node", node)
        self.down_nodes.discard(node)
        self.until(self.is_whole, PROMPT, f"node {node} to come back")

    def is_whole(self) -> bool:
        """Whether the controller and all nodes answer."""
        return self._run("status", timeout=PROMPT).returncode == 0

    def clear(self) -> None:
        """End all jobs and bring back all nodes: what a test leaves to the next one."""
        if waiting := self.login("squeue", "-h", "-o", "%A").split():
            self.login("scancel", "--full", *waiting, check=False)
        for node in sorted(self.down_nodes):
            self.boot_node(node)
        self.until(lambda: not self.login("squeue", "-h").strip(), PROMPT, "all jobs to end")
        self.until(self._is_idle, PROMPT, "all nodes to be idle")
        for node in self.nodes:  # of what SLURM had to kill; the next launchers there would wait a minute to do it
            for left in (self.folder / "nodes" / node / "tmp").iterdir():
                if left.name.startswith(_OURS):
                    shutil.rmtree(left, ignore_errors=True)

    def leftovers(self) -> list[str]:
        """Processes of Python or Ray on the nodes, and folders in their /tmp that no test has put there."""
        found = []
        for node in self.nodes:
            processes = self.on(node, "ps", "-eo", "pid=,args=").splitlines()
            found += [f"{node}: {one.strip()[:200]}" for one in processes if "ray" in one or "python" in one]
            tmp = self.folder / "nodes" / node / "tmp"
            found += [f"{node}: /tmp/{one.name}" for one in tmp.iterdir() if one.name.startswith(("pt-", "ray", "tmp"))]
            found += [f"{node}: /dev/shm/{one}" for one in self.on(node, "ls", "/dev/shm").split()]
        return found

    def said(self) -> str:
        """For the message of a test that fails: the queue, the nodes, and the ends of all jobs' outputs."""
        ends = [
            f"==> {log} <==\n{log.read_text(errors='replace')[-4000:]}" for log in sorted(self.shared.rglob("*.out"))
        ]
        return "\n".join([self._run("exec", "squeue", timeout=PROMPT).stdout, *ends])

    def _is_idle(self) -> bool:
        return set(self.login("sinfo", "-h", "-N", "-p", "batch", "-o", "%T").split()) == {"idle"}

    def _script(
        self, *words: str, timeout: float = PROMPT, check: bool = True, variables: Mapping[str, str] | None = None
    ) -> str:
        done = self._run(*words, timeout=timeout, variables=variables)
        if check and done.returncode:
            raise AssertionError(f"{' '.join(words)} ended with {done.returncode}: {done.stdout}{done.stderr}")
        return done.stdout

    def _run(
        self, *words: str, timeout: float, variables: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(SCRIPT), *words],
            check=False,
            env=self.environment | dict(variables or {}),
            cwd=self.shared,
            timeout=timeout,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )


@contextmanager
def a_cluster(**settings: str) -> Iterator[Cluster]:
    """A cluster of its own, taken down and purged in the end, whatever happens. `settings` are SLURM_LOCAL_...

    Raises:
        NoClusterError: this machine or this user cannot start one.
    """
    if os.name != "posix" or not sys.platform.startswith("linux"):
        raise NoClusterError("only Linux has namespaces")
    if os.geteuid() != 0:
        raise NoClusterError("only root can start one")
    root = Path(tempfile.mkdtemp(prefix="sl-", dir="/tmp"))  # short: it holds sockets
    # names of nodes name control groups, which all clusters of this machine share
    prefix = "t" + "".join(random.SystemRandom().choices(string.ascii_lowercase, k=4))
    cluster = Cluster(folder=root / "c", shared=root / "s", prefix=prefix)
    cluster.shared.mkdir()
    root.chmod(0o755)
    cluster.shared.chmod(0o1777)
    visible = [cluster.shared, REPOSITORY, Path(sys.prefix), Path(sys.base_prefix)]
    started = {
        "SLURM_LOCAL_PREFIX": prefix,
        "SLURM_LOCAL_MODE": "netns",
        "SLURM_LOCAL_SHARED": ":".join(str(one) for one in visible),
    }
    try:
        up = cluster._run("up", timeout=900, variables=started | settings)
        if up.returncode:
            last = (up.stderr.strip().splitlines() or ["local-cluster.sh said nothing"])[-1]
            raise NoClusterError(last)
        yield cluster
    finally:
        cluster._run("down", "--purge", timeout=PROMPT)
        shutil.rmtree(root, ignore_errors=True)
