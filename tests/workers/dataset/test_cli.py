"""`pairtrawl dataset`, word by word, on a disk and on a bucket."""

from __future__ import annotations

import fcntl
import json
import signal
import subprocess
import sys
import tarfile
from pathlib import Path

import msgspec
import numpy as np
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from crawler.dataset.keys import open_keys
from crawler.dataset.store import open_store
from crawler.dataset.tables import packed_mask
from crawler.errors import InputError, RefMovedError, SettingsError
from tests.fakes.moto import ENVIRONMENT
from tests.small_datasets import a_row, small_folder, write_shard
from workers.blame import Blame, blame_for
from workers.cli import app
from workers.dataset.commits.committing import commit_run, commit_shards
from workers.exit_codes import ExitCode, code_of


def told(*words: object, code: int = 0) -> str:
    done = CliRunner().invoke(app, ["dataset", *map(str, words)])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert done.exit_code == code, done.output
    return done.output


@pytest.fixture
def keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PAIRTRAWL_KEYS", str(tmp_path / "keys"))
    return tmp_path / "keys"


def a_store(tmp_path: Path) -> Path:
    told("init", tmp_path / "store", "--name", "boats")
    told("commit", tmp_path / "store", small_folder(tmp_path / "run"), "-m", "first\x1b[2J boats")
    return tmp_path / "store"


def test_a_version_is_made_listed_shown_tagged_and_verified(tmp_path: Path, keys: Path) -> None:
    store = a_store(tmp_path)
    found, commit = open_store(str(store)).read_commit("main")
    assert "nothing has changed" in told("commit", store, tmp_path / "run")
    assert "24 rows, 18 pictures  (main)" in told("log", store)
    assert "\x1b" not in told("log", store)
    assert f"{'v1'} is {found}" in told("tag", store, "v1")
    shown = told("show", store, "--version", "v1")
    for word in (found, commit.root, open_keys(keys).author, "tag         v1"):
        assert word in shown
    assert json.loads(told("show", store, "--json"))["root"] == commit.root
    assert [one["id"] for one in json.loads(told("log", store, "--json"))] == [found]
    assert "every bit is as it was signed" in told("verify", store, "--author", commit.author)
    assert json.loads(told("verify", store, "--sample", 1, "--history", "--json"))["looked_at"] == 1


def test_verify_names_a_file_that_rotted_and_leaves_with_2(tmp_path: Path, keys: Path) -> None:
    store = a_store(tmp_path)
    opened = open_store(str(store))
    shard = next(opened.shards(opened.read_commit("main")[1]))
    path = opened.objects.open_local(shard.leaves)
    path.chmod(0o644)
    path.write_bytes(bytes(shard.leaves.bytes))
    assert shard.leaves.sha256 in told("verify", store, code=2)


def test_a_checkout_is_the_folder_that_was_committed(tmp_path: Path, keys: Path) -> None:
    store = a_store(tmp_path)
    told("checkout", store, tmp_path / "out")
    for path in (tmp_path / "run").iterdir():
        if path.suffix != ".json":
            assert (tmp_path / "out" / path.name).read_bytes() == path.read_bytes()
    stats = json.loads((tmp_path / "out" / "00000_stats.json").read_bytes())
    assert (stats["count"], stats["successes"], stats["failed_to_download"]) == (8, 6, 2)
    assert stats["status_dict"] == {"success": 6, "HTTP Error 404: Not Found": 2}
    assert "nothing has changed" in told("commit", store, tmp_path / "out")
    (tmp_path / "out" / "00001_stats.json").unlink()
    (tmp_path / "out" / "00001.tar").unlink()
    told("checkout", store, tmp_path / "out")
    assert (tmp_path / "out" / "00001.tar").read_bytes() == (tmp_path / "run" / "00001.tar").read_bytes()


def test_a_checkout_leaves_out_masked_rows_and_their_pictures(tmp_path: Path, keys: Path) -> None:
    store = open_store(str(a_store(tmp_path)))
    made, commit = store.read_commit("main")
    shards = list(store.shards(commit))
    masked = np.array([True, False, False, True, False, False, False, False])
    shards[0] = msgspec.structs.replace(shards[0], mask=store.objects.put_bytes(packed_mask(masked)), masked=2,
                                        masked_samples=1)  # fmt: skip
    shards[1] = msgspec.structs.replace(shards[1], mask=store.objects.put_bytes(b"\xff"), masked=8, masked_samples=6)
    commit_shards(store, open_keys(keys), shards, parents=[made], ref="main", at=made, message="masked")
    told("checkout", store.address, tmp_path / "out")
    keys_left = pq.read_table(tmp_path / "out" / "00000.parquet")["key"].to_pylist()
    assert keys_left == [f"00000000{place}" for place in (1, 2, 4, 5, 6, 7)]
    with tarfile.open(tmp_path / "out" / "00000.tar") as tar:
        assert {name.partition(".")[0] for name in tar.getnames()} == {f"00000000{place}" for place in (1, 2, 4, 5, 6)}
    assert not list((tmp_path / "out").glob("00001*"))
    assert not [path for path in (tmp_path / "out").iterdir() if path.name.startswith(".")]


def test_a_folder_with_another_version_is_no_place_for_a_checkout(tmp_path: Path, keys: Path) -> None:
    store = a_store(tmp_path)
    told("checkout", store, tmp_path / "out")
    told("commit", store, small_folder(tmp_path / "run", 1, first=3))
    for _ in range(2):
        with pytest.raises(InputError, match="another version"):
            told("checkout", store, tmp_path / "out")
        (tmp_path / "out" / "00000_stats.json").write_text("no marker of ours")


def test_who_was_second_is_told_to_come_again() -> None:
    assert code_of(blame_for(RefMovedError("moved"))) is ExitCode.WORK_LEFT
    assert blame_for(RefMovedError("moved")) is Blame.NOBODY


def test_without_keys_nothing_is_committed(tmp_path: Path, keys: Path) -> None:
    store = a_store(tmp_path)
    with pytest.raises(SettingsError, match="PAIRTRAWL_KEYS"):
        told("commit", store, tmp_path / "run", "--keys", tmp_path / "none")
    told("commit", store, tmp_path / "run", "--keys", tmp_path / "keys")


# invariant 29: two committers, one wins, none lost: on a bucket
@pytest.mark.slow
def test_versions_live_on_a_bucket_too(
    tmp_path: Path, keys: Path, s3_address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {**ENVIRONMENT, "AWS_ENDPOINT_URL": s3_address}.items():
        monkeypatch.setenv(name, value)
    address, cache = "s3://datasets/boats", ("--cache", tmp_path / "cache")
    told("init", address, "--name", "boats")
    told("commit", address, small_folder(tmp_path / "run", 1), *cache)
    root = open_store(address, cache=tmp_path / "cache").read_commit("main")[1].root
    told("init", tmp_path / "local", "--name", "boats")
    told("commit", tmp_path / "local", tmp_path / "run")
    assert open_store(str(tmp_path / "local")).read_commit("main")[1].root == root
    store = open_store(address, cache=tmp_path / "cache")
    at = store.ref("main")
    write_shard(tmp_path / "theirs", 1, [a_row(9)])
    commit_run(store, open_keys(keys), tmp_path / "theirs")
    with pytest.raises(RefMovedError):
        commit_shards(store, open_keys(keys), [], parents=[str(at)], ref="main", at=at, message="late")
    assert "every bit is as it was signed" in told("verify", address, *cache)
    told("checkout", address, tmp_path / "out", *cache)
    assert (tmp_path / "out" / "00000.tar").read_bytes() == (tmp_path / "run" / "00000.tar").read_bytes()


#: what a shell starts in the background is born deaf to SIGINT, and so are the tests of `make test`
_HEARS_SIGINT = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)
from workers.cli import main
main()
"""


def test_a_commit_that_is_interrupted_says_how_to_go_on_and_goes_on(tmp_path: Path, keys: Path) -> None:
    told("init", tmp_path / "store", "--name", "boats")
    folder = small_folder(tmp_path / "run", 40)
    words = [sys.executable, "-c", _HEARS_SIGINT, "dataset", "commit", str(tmp_path / "store"), str(folder)]
    with (tmp_path / "store" / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # however fast it is, it waits here before it moves the ref
        commit = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert commit.stdout is not None
        assert "40 shards" in commit.stdout.readline()
        commit.send_signal(signal.SIGINT)
        _, complaint = commit.communicate()
    assert (commit.returncode, "run the same command to go on" in complaint) == (ExitCode.WORK_LEFT, True)
    assert open_store(str(tmp_path / "store")).refs() == {}
    told("commit", tmp_path / "store", folder)
    told("verify", tmp_path / "store", "--sample", 2)
