from __future__ import annotations

import errno
import os
import resource
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from crawler import commit
from crawler.commit import atomic_folder, atomic_path, remove, sweep, temporary_path, write_atomically


@pytest.fixture
def other_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder that files of `tmp_path` cannot be renamed from; where there is no second disk, one taken for such."""
    memory = Path("/dev/shm")
    if memory.is_dir() and memory.stat().st_dev != tmp_path.stat().st_dev:
        with TemporaryDirectory(dir=memory) as name:
            yield Path(name)
    else:
        monkeypatch.setattr(commit, "_same_disk", lambda _one, _other: False)
        folder = tmp_path.with_name(f"{tmp_path.name}-other")
        folder.mkdir()
        yield folder


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def a_dead_process() -> int:
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    return child.pid


def left_by(process: int, path: Path, host: str | None = None) -> Path:
    """A temporary file as `process` would have named it."""
    name = temporary_path(path).name.replace(f"-{os.getpid()}-", f"-{process}-")
    if host is not None:
        own = name.split(".")[-2].split("-")[0]
        name = name.replace(own, host)
    leftover = path.with_name(name)
    leftover.write_bytes(b"half")
    return leftover


def test_content_is_there_and_nothing_else(tmp_path: Path) -> None:
    write_atomically(tmp_path / "a.json", b"new")
    assert (tmp_path / "a.json").read_bytes() == b"new"
    assert names_in(tmp_path) == ["a.json"]


def test_what_was_there_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(b"old, and longer")
    write_atomically(tmp_path / "a.json", b"new")
    assert (tmp_path / "a.json").read_bytes() == b"new"


def test_an_error_half_way_leaves_what_was_there(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(b"old")

    def interrupted() -> None:
        with atomic_path(tmp_path / "a.json") as temporary:
            temporary.write_bytes(b"ne")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert (tmp_path / "a.json").read_bytes() == b"old"
    assert names_in(tmp_path) == ["a.json"]


def test_nobody_sees_the_file_before_it_is_whole(tmp_path: Path) -> None:
    with atomic_path(tmp_path / "a.json") as temporary:
        temporary.write_bytes(b"half")
        assert not (tmp_path / "a.json").exists()
        assert temporary.parent == tmp_path


def test_the_file_is_as_readable_as_any_other(tmp_path: Path) -> None:
    (tmp_path / "plain").write_bytes(b"")
    write_atomically(tmp_path / "a.json", b"")
    assert (tmp_path / "a.json").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_a_block_that_wrote_nothing_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), atomic_path(tmp_path / "a.json"):
        pass
    assert names_in(tmp_path) == []


def test_two_writers_of_one_file_do_not_meet(tmp_path: Path) -> None:
    with atomic_path(tmp_path / "a") as first, atomic_path(tmp_path / "a") as second:
        first.write_bytes(b"1")
        second.write_bytes(b"2")
    assert (tmp_path / "a").read_bytes() == b"1"  # the outer block ends last
    assert names_in(tmp_path) == ["a"]


def test_a_killed_writer_leaves_no_half_file_and_its_leftover_is_swept(tmp_path: Path) -> None:
    script = (
        "import pathlib, sys\nfrom crawler.commit import atomic_path\n"
        "with atomic_path(pathlib.Path(sys.argv[1])) as path:\n"
        "    path.write_bytes(b'half')\n    print('written', flush=True)\n    sys.stdin.read()\n"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path / "a.tar")],
        cwd=Path(__file__).parents[2], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    assert child.stdout is not None
    assert child.stdin is not None
    assert child.stdout.readline() == b"written\n"
    assert sweep(tmp_path) == []  # it lives
    child.send_signal(signal.SIGKILL)
    child.wait()
    child.stdin.close()
    child.stdout.close()
    leftover = names_in(tmp_path)
    assert leftover[0].startswith(".a.tar.")
    assert [path.name for path in sweep(tmp_path)] == leftover
    assert names_in(tmp_path) == []


def test_sweep_takes_nothing_but_leftovers(tmp_path: Path) -> None:
    others = ["a.tar", ".a.tar", "a.partial", ".a.tar.host-1-abc.partial", ".hidden.partial"]
    for name in others:
        (tmp_path / name).write_bytes(b"mine")
    dead = left_by(a_dead_process(), tmp_path / "b.tar")
    left_by(os.getpid(), tmp_path / "c.tar")
    assert sweep(tmp_path) == [dead]
    assert len(names_in(tmp_path)) == len(others) + 1


def test_another_machine_is_given_a_day(tmp_path: Path) -> None:
    fresh = left_by(a_dead_process(), tmp_path / "a.tar", host="elsewhere")
    old = left_by(os.getpid(), tmp_path / "b.tar", host="elsewhere")
    os.utime(old, (0, 0))
    assert sweep(tmp_path) == [old]
    assert names_in(tmp_path) == [fresh.name]


def test_a_process_number_beyond_all_processes_is_left_alone(tmp_path: Path) -> None:
    left_by(10**30, tmp_path / "a.tar")
    assert sweep(tmp_path) == []


def test_removing_twice_is_removing(tmp_path: Path) -> None:
    write_atomically(tmp_path / "a", b"")
    remove(tmp_path / "a")
    remove(tmp_path / "a")
    assert names_in(tmp_path) == []


def test_a_file_from_another_disk_arrives_whole(tmp_path: Path, other_disk: Path) -> None:
    content = os.urandom(16 * 1024 * 1024 + 4711)  # more than one block
    with atomic_path(tmp_path / "a.tar", through=other_disk) as temporary:
        temporary.write_bytes(content)
        assert temporary.parent == other_disk
        assert names_in(tmp_path) == []
    assert (tmp_path / "a.tar").read_bytes() == content
    assert names_in(tmp_path) == ["a.tar"]
    assert names_in(other_disk) == []


def test_an_empty_file_from_another_disk_arrives_too(tmp_path: Path, other_disk: Path) -> None:
    with atomic_path(tmp_path / "a", through=other_disk) as temporary:
        temporary.write_bytes(b"")
    assert (tmp_path / "a").read_bytes() == b""


def test_a_private_folder_on_the_way_makes_no_private_file(tmp_path: Path, other_disk: Path) -> None:
    (tmp_path / "plain").write_bytes(b"")
    other_disk.chmod(0o700)
    with atomic_path(tmp_path / "a", through=other_disk) as temporary:
        temporary.write_bytes(b"new")
        temporary.chmod(0o600)
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == stat.S_IMODE((tmp_path / "plain").stat().st_mode)


def test_an_error_in_the_block_copies_nothing(tmp_path: Path, other_disk: Path) -> None:
    (tmp_path / "a").write_bytes(b"old")

    def interrupted() -> None:
        with atomic_path(tmp_path / "a", through=other_disk) as temporary:
            temporary.write_bytes(b"ne")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert (tmp_path / "a").read_bytes() == b"old"
    assert names_in(tmp_path) == ["a"]
    assert names_in(other_disk) == []


@pytest.mark.parametrize("told", [errno.EDQUOT, errno.ENOSPC, errno.ESTALE, errno.EIO])
def test_what_a_shared_disk_says_when_it_is_flushed_is_an_error_of_the_commit(
    told: int, tmp_path: Path, other_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a").write_bytes(b"old")

    def full(_handle: int) -> None:
        raise OSError(told, os.strerror(told))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match=os.strerror(told)), atomic_path(tmp_path / "a", through=other_disk) as temporary:
        temporary.write_bytes(b"new, and longer")
    assert (tmp_path / "a").read_bytes() == b"old"
    assert names_in(tmp_path) == ["a"]
    assert names_in(other_disk) == []


def test_a_disk_that_takes_only_part_of_a_block_fails_the_commit(tmp_path: Path, other_disk: Path) -> None:
    (tmp_path / "a").write_bytes(b"old")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)

    def limited() -> None:
        with atomic_path(tmp_path / "a", through=other_disk) as temporary:
            temporary.write_bytes(bytes(100_000))
            resource.setrlimit(resource.RLIMIT_FSIZE, (50_001, hard))

    try:
        with pytest.raises(OSError, match="File too large"):
            limited()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert (tmp_path / "a").read_bytes() == b"old"
    assert names_in(tmp_path) == ["a"]
    assert names_in(other_disk) == []


def test_a_copy_that_the_shared_disk_cut_short_is_not_committed(
    tmp_path: Path, other_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def flush_and_lose(handle: int) -> None:
        os.ftruncate(handle, 3)

    monkeypatch.setattr(os, "fsync", flush_and_lose)
    with pytest.raises(OSError, match="copied 8 of 8 bytes, and the file system has 3"):  # noqa: SIM117 - two lines
        with atomic_path(tmp_path / "a", through=other_disk) as temporary:
            temporary.write_bytes(b"complete")
    assert names_in(tmp_path) == []
    assert names_in(other_disk) == []


def test_a_leftover_that_cannot_be_removed_hides_no_error(
    tmp_path: Path, other_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stale(self: Path, missing_ok: bool = False) -> None:
        raise OSError(errno.ESTALE, os.strerror(errno.ESTALE))

    def full(_handle: int) -> None:
        raise OSError(errno.EDQUOT, os.strerror(errno.EDQUOT))

    monkeypatch.setattr(os, "fsync", full)
    monkeypatch.setattr(Path, "unlink", stale)
    with (
        pytest.raises(OSError, match=os.strerror(errno.EDQUOT)),
        atomic_path(tmp_path / "a", through=other_disk) as way,
    ):
        way.write_bytes(b"new")
    monkeypatch.undo()
    assert (tmp_path / "a").exists() is False


def test_borders_inside_of_one_disk_are_crossed_by_copying(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rename = Path.replace
    (tmp_path / "fileset").mkdir()

    def within_a_folder(self: Path, target: Path) -> Path:
        if self.parent != target.parent:
            raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))
        return rename(self, target)

    monkeypatch.setattr(Path, "replace", within_a_folder)
    with atomic_path(tmp_path / "a", through=tmp_path / "fileset") as temporary:
        temporary.write_bytes(b"new")
    assert (tmp_path / "a").read_bytes() == b"new"
    assert names_in(tmp_path) == ["a", "fileset"]
    assert names_in(tmp_path / "fileset") == []


def test_a_folder_that_cannot_be_flushed_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flush = os.fsync

    def files_only(handle: int) -> None:
        if stat.S_ISDIR(os.fstat(handle).st_mode):
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        flush(handle)

    monkeypatch.setattr(os, "fsync", files_only)
    write_atomically(tmp_path / "a", b"new")
    assert (tmp_path / "a").read_bytes() == b"new"


def test_a_writer_killed_while_it_copies_leaves_what_was_there_and_two_leftovers_to_sweep(
    tmp_path: Path, other_disk: Path
) -> None:
    (tmp_path / "a.tar").write_bytes(b"old")
    script = (
        "import os, pathlib, sys\nfrom crawler.commit import atomic_path\n"
        "def halt(handle):\n    print('copied', flush=True)\n    sys.stdin.read()\n"
        "os.fsync = halt\n"
        "with atomic_path(pathlib.Path(sys.argv[1]), through=pathlib.Path(sys.argv[2])) as path:\n"
        "    path.write_bytes(b'new')\n"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path / "a.tar"), str(other_disk)],
        cwd=Path(__file__).parents[2], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    assert child.stdout is not None
    assert child.stdin is not None
    assert child.stdout.readline() == b"copied\n"
    assert sweep(tmp_path) == sweep(other_disk) == []  # it lives
    child.send_signal(signal.SIGKILL)
    child.wait()
    child.stdin.close()
    child.stdout.close()
    assert (tmp_path / "a.tar").read_bytes() == b"old"
    assert len(sweep(other_disk)) == 1
    assert len(sweep(tmp_path)) == 1
    assert names_in(tmp_path) == ["a.tar"]


def test_a_folder_becomes_visible_whole_or_not_at_all(tmp_path: Path) -> None:
    with atomic_folder(tmp_path / "shard") as folder:
        (folder / "one").write_text("1")
        assert not (tmp_path / "shard").exists()
    assert [one.name for one in (tmp_path / "shard").iterdir()] == ["one"]
    with pytest.raises(FileNotFoundError), atomic_folder(tmp_path / "shard") as folder:
        (folder / "two").rename(folder / "three")
    assert [one.name for one in (tmp_path / "shard").iterdir()] == ["one"]


def test_a_folder_that_was_begun_by_a_dead_process_is_swept(tmp_path: Path) -> None:
    left = temporary_path(tmp_path / "shard")
    left.mkdir()
    (left / "half").write_text("h")
    dead = left.rename(left.with_name(left.name.replace(f"-{os.getpid()}-", f"-{a_dead_process()}-")))
    assert sweep(tmp_path) == [dead]
    assert list(tmp_path.iterdir()) == []


def test_a_folder_from_another_disk_lands_whole(tmp_path: Path, other_disk: Path) -> None:
    with atomic_folder(tmp_path / "shard", through=other_disk) as folder:
        assert folder.parent == other_disk
        (folder / "one").write_text("1")
    assert (tmp_path / "shard" / "one").read_text() == "1"
    assert names_in(tmp_path) == ["shard"]
    assert names_in(other_disk) == []
