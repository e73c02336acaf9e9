"""A commit that is killed at any of its steps: the same command ends where an undisturbed one does."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from crawler.dataset.keys import new_keys
from crawler.dataset.manifest import Shard
from crawler.dataset.store import Store, open_store
from tests.small_datasets import small_folder
from workers.dataset.commits.verifying import verify
from workers.failpoints import FAILPOINTS

ROOT = Path(__file__).parents[3]
STEPS = (
    "dataset.table_stored", "dataset.tar_stored", "dataset.leaves_stored", "dataset.shard_stored", "dataset.shard_noted",
    "dataset.list_stored", "dataset.described", "dataset.commit_written", "dataset.ref_moved",
)  # fmt: skip


def version(store: Store) -> tuple[str, list[Shard]]:
    _, commit = store.read_commit("main")
    return commit.root, list(store.shards(commit))


def test_every_step_has_a_failpoint() -> None:
    assert set(STEPS) <= FAILPOINTS


# invariant 29: killed at each step of a commit
@pytest.mark.slow
def test_killed_at_any_step_a_commit_comes_to_the_same_root(tmp_path: Path) -> None:
    new_keys(tmp_path / "keys")
    small_folder(tmp_path / "run", 3)
    asked = [*STEPS, "dataset.tar_stored:2", "dataset.shard_noted:3"]
    words = [sys.executable, "-m", "tests.workers.dataset.killed", str(tmp_path), "dataset.nowhere", *asked]
    done = subprocess.run(words, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
    undisturbed, *lines = done.stdout.splitlines()
    assert undisturbed == "dataset.nowhere 0 0"
    assert lines == [f"{one} {-signal.SIGKILL} 0" for one in asked]
    wanted = version(open_store(str(tmp_path / "dataset.nowhere")))
    for name in asked:
        store = open_store(str(tmp_path / name))
        assert version(store) == wanted, name
        assert len(list(store.history(str(store.ref("main"))))) == 1, "there is one version, however often it was tried"
        told = verify(store, "main")
        assert (told.problems, told.looked_at) == ([], 3), name
        assert list((tmp_path / name / "incoming").iterdir()) == []
