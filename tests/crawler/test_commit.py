from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from crawler.commit import atomic_path, remove, sweep, temporary_path, write_atomically


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
