"""The cell: what somebody who has taken it over can do, which is nothing, and how it ends, which is never ours."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import msgspec
import pytest

from tests.workers.tracker.checking.cell_tasks import Said, Try
from workers.tracker.checking.cell import BrokeOutError, Cell, CellError, locks
from workers.tracker.checking.locks import Bounds
from workers.tracker.checking.seccomp import filter_of

_TASKS = str(Path(__file__).with_name("cell_tasks.py"))


def a_cell(*words: str, memory_bytes: int = 1 << 29, cpu_seconds: int = 60, wall_seconds: float = 600.0) -> Cell:
    return Cell(
        bounds=Bounds(memory_bytes, cpu_seconds),
        wall_seconds=wall_seconds,
        answer_bytes=1 << 20,
        command=(sys.executable, "-P", _TASKS, *words),
    )


@pytest.fixture(scope="module")
def missing() -> list[str]:
    """Which locks this machine does not have."""
    return locks()


def test_on_this_machine_everything_is_locked_or_it_is_said_what_is_not(missing: list[str]) -> None:
    assert locks(a_cell()) == missing
    if sys.platform == "linux" and os.uname().machine in ("x86_64", "aarch64"):
        assert not [one for one in missing if "system calls" in one]


# invariant 25
def test_no_socket_no_program_no_other_process_and_no_change_to_any_file(tmp_path: Path, missing: list[str]) -> None:
    if missing:
        pytest.skip(f"this machine cannot lock everything: {missing}")
    (tmp_path / "old").write_bytes(b"as it was")
    said = a_cell().ask("all", Try(str(tmp_path), os.getpid()), Said, [tmp_path])
    assert said.got == ""
    assert [path.name for path in tmp_path.iterdir()] == ["old"]
    assert (tmp_path / "old").read_bytes() == b"as it was"


def test_what_it_may_read_it_reads_and_nothing_beside_it(tmp_path: Path, missing: list[str]) -> None:
    if missing:
        pytest.skip(f"this machine cannot lock everything: {missing}")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/file").write_text("a result")
    (tmp_path / "secret").write_text("the campaign's key")
    (tmp_path / "mine/link").symlink_to(tmp_path / "secret")
    cell = a_cell()
    assert cell.ask("read", Try(str(tmp_path / "mine/file")), Said, [tmp_path / "mine"]).got == "a result"
    for path in ("secret", "mine/link"):
        assert cell.ask("read", Try(str(tmp_path / path)), Said, [tmp_path / "mine"]).got == "PermissionError"


def test_threads_are_let_through_for_libraries_have_them() -> None:
    assert a_cell().ask("thread", Try(), Said, ()).got == "True"


@pytest.mark.parametrize(
    ("task", "cell", "how"),
    [
        pytest.param("bomb", a_cell(), "MemoryError", id="memory"),
        pytest.param("loop", a_cell(cpu_seconds=1), "SIGXCPU", id="a loop"),
        pytest.param("hang", a_cell(wall_seconds=0.2), "not done after 0.2 seconds", id="waiting"),
        pytest.param("stay", a_cell(cpu_seconds=1, wall_seconds=2), "not done after 2 seconds", id="deaf"),
        pytest.param("crash", a_cell(), "SIGSEGV", id="a crash"),
        pytest.param("babble", a_cell(), "said more than", id="too many words"),
        pytest.param("raise", a_cell(), "KeyError", id="an error"),
    ],
)
def test_whatever_the_bytes_do_to_it_is_a_reason_and_never_our_end(task: str, cell: Cell, how: str) -> None:
    with pytest.raises(BrokeOutError, match=how):
        cell.ask(task, Try(), Said, ())


def test_an_answer_of_another_form_is_no_answer() -> None:
    class Other(msgspec.Struct, forbid_unknown_fields=True):
        number: int

    with pytest.raises(BrokeOutError, match="nonsense"):
        a_cell().ask("thread", Try(), Other, ())


@pytest.mark.parametrize("cell", [a_cell("--broken"), Cell(command=("/nowhere/python",))], ids=["broken", "absent"])
def test_a_cell_that_does_not_begin_is_this_machine_and_no_volunteer(cell: Cell) -> None:
    with pytest.raises(CellError, match=r"package is missing|can be started"):
        cell.ask("thread", Try(), Said, ())


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_every_way_through_the_filter_ends_in_a_return_and_no_jump_leaves_it(machine: str) -> None:
    program = filter_of(machine)
    returns = 0x06
    assert program[-1][0] == returns
    for place, (code, if_true, if_false, _) in enumerate(program):
        if code not in (returns, 0x20):
            assert max(place + 1 + if_true, place + 1 + if_false) < len(program)
