"""One SLURM for all tests of this folder. Where none can be started they are skipped; in CI, they fail."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.slurm.cluster import Cluster, NoClusterError, a_cluster


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """The cluster. A test may leave jobs and dead nodes behind; see `_tidy`."""
    # pytest does nothing about TERM, and a cluster would be left; what a runner's time limit sends must end as Ctrl-C does
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    required = os.environ.get("CI") or os.environ.get("PAIRTRAWL_REQUIRE_SLURM")
    try:
        with a_cluster() as started:
            yield started
    except NoClusterError as error:
        if required:
            pytest.fail(f"no SLURM here, and CI or PAIRTRAWL_REQUIRE_SLURM says that there must be: {error}")
        pytest.skip(f"no SLURM here: {error}")
    finally:
        signal.signal(signal.SIGTERM, before)


@pytest.fixture(autouse=True)
def _tidy(request: pytest.FixtureRequest) -> Iterator[None]:
    """After each test, no job runs and all nodes are idle."""
    yield
    if "cluster" in request.fixturenames:
        started: Cluster = request.getfixturevalue("cluster")
        started.clear()


@pytest.fixture
def work(cluster: Cluster) -> Path:
    """A folder for this test that this machine and all nodes see; it goes with the cluster."""
    return cluster.new_folder()
