"""Waits, words, voices, the folder, the status: the small parts of a volunteer."""

from __future__ import annotations

import asyncio
import io
import json
import math
import os
import shutil
import signal
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.errors import RunFolderError, SettingsError
from tests.fakes.home_tracker import a_lease
from tests.fakes.virtual_time import run_virtual
from workers.home import session, surroundings
from workers.home.asked import AskedWork
from workers.home.backoff import LONGEST_ASKED_SECONDS, LONGEST_SECONDS, Backoffs, backoff_seconds
from workers.home.client import key_of
from workers.home.environment import environment
from workers.home.folder import HomeFolder
from workers.home.kept import KeptWorker, Pin
from workers.home.lease_folder import Ending, LeaseFolder, Stage
from workers.home.rate import Rate
from workers.home.status import kept_leases, show_status
from workers.home.stopping import Stopping, stopped_by_signals
from workers.home.telling import JsonVoice, PlainVoice
from workers.home.words import shown
from workers.protocol.messages import Fail, Release


@given(st.integers(1, 10_000), st.floats(0, 1), st.none() | st.floats())
def test_a_wait_is_never_endless_and_never_shorter_than_was_asked_for(
    failures: int, draw: float, retry_after: float | None
) -> None:
    wait = backoff_seconds(failures, draw, retry_after)
    assert 0 <= wait <= max(LONGEST_SECONDS, 1.25 * LONGEST_ASKED_SECONDS)
    if retry_after is not None and math.isfinite(retry_after):
        assert wait >= min(retry_after, LONGEST_ASKED_SECONDS)
    else:
        assert wait <= LONGEST_SECONDS


def test_waits_grow_for_each_target_apart_and_begin_anew_after_an_answer() -> None:
    backoffs = Backoffs(lambda: 1.0)
    assert [backoffs.failed("a") for _ in range(4)] == [2, 4, 8, 16]
    assert backoffs.failed("b") == 2
    assert [backoffs.failed("a") for _ in range(6)][-1] == LONGEST_SECONDS
    assert backoffs.answered("a")
    assert not backoffs.answered("a")
    assert backoffs.failed("a") == 2


@given(st.text())
def test_whatever_a_stranger_writes_is_one_harmless_line(text: str) -> None:
    line = shown(text, 50)
    assert len(line) <= 50
    assert line.isprintable()
    assert shown(line, 50) == line


def test_the_same_request_has_the_same_key_and_another_one_another() -> None:
    one, other = Release(why="a"), Release(why="b")
    assert key_of("release", "l", one) == key_of("release", "l", Release(why="a"))
    assert len({key_of("release", "l", one), key_of("release", "l", other), key_of("release", "m", one)}) == 3


def test_bytes_are_held_down_to_their_rate() -> None:
    async def take() -> float:
        loop = asyncio.get_running_loop()
        rate = Rate(1_000, clock=loop.time)
        await asyncio.gather(*(rate.take(500) for _ in range(20)))
        return loop.time()

    assert run_virtual(take()) == pytest.approx(10)


def test_without_a_limit_nothing_waits() -> None:
    async def take() -> float:
        await Rate(None).take(10**12)
        return asyncio.get_running_loop().time()

    assert run_virtual(take()) == 0


def test_a_program_hears_one_object_a_line() -> None:
    out = io.StringIO()
    voice = JsonVoice(out)
    voice.say("away", "tracker: \x1b[2J", target="tracker", seconds=3.0)
    voice.under_way("fetch-00001", "job", 1, 2)
    voice.over("fetch-00001")
    voice.close()
    told = [json.loads(line) for line in out.getvalue().splitlines()]
    assert told == [
        {"event": "away", "text": "tracker: [2J", "target": "tracker", "seconds": 3.0},
        {"event": "progress", "job": "fetch-00001", "step": "job", "done": 1, "total": 2},
    ]


def test_a_log_hears_of_progress_now_and_then() -> None:
    out, now = io.StringIO(), [0.0]
    voice = PlainVoice(out, lambda: now[0])
    for second in range(130):
        now[0] = float(second)
        voice.under_way("fetch-00001", "job", second, 0)
    voice.over("fetch-00001")
    voice.close()
    assert out.getvalue().splitlines() == ["fetch-00001: job, 60 rows", "fetch-00001: job, 120 rows"]


def test_a_lease_says_by_its_files_how_far_it_is(tmp_path: Path) -> None:
    home, leased = HomeFolder(tmp_path), a_lease(3)
    home.leases.mkdir()
    folder = home.keep_lease(leased)
    assert (folder.lease(), folder.stage(leased)) == (leased, Stage.INPUT)
    folder.half_input.parent.mkdir()
    folder.half_input.write_bytes(b"table 3")
    assert folder.stage(leased) is Stage.INPUT
    folder.keep_input(leased)
    assert folder.stage(leased) is Stage.JOB
    assert folder.input_file(leased).read_bytes() == b"table 3"
    folder.keep_ending(Ending(fail=Fail(fault="input", detail="no")))
    assert folder.stage(leased) is Stage.END
    assert not folder.half_input.parent.exists()
    (line,) = kept_leases(home)
    assert (line.job, line.stage) == ("fetch-00003", "end")
    folder.remove()
    folder.remove()
    assert list(home.leases.iterdir()) == []


def test_a_lease_is_kept_once(tmp_path: Path) -> None:
    home = HomeFolder(tmp_path)
    home.leases.mkdir()
    first = home.keep_lease(a_lease(1))
    first.output.mkdir()
    assert home.keep_lease(a_lease(1)) == first
    assert first.output.exists()
    assert len(home.kept()) == 1


def test_what_a_kill_left_half_made_is_gone_and_the_rest_is_there(tmp_path: Path) -> None:
    home = HomeFolder(tmp_path)
    home.leases.mkdir()
    home.keep_lease(a_lease(1))
    (home.leases / ".new-1").mkdir()
    (home.leases / ".gone-1/output").mkdir(parents=True)
    (home.scratch / "1").mkdir(parents=True)
    with home.held():
        assert [one.name[0] == "." for one in home.leases.iterdir()] == [False]
        assert not home.scratch.exists()
        with pytest.raises(RunFolderError, match="another volunteer"), home.held():
            pass


def test_secrets_are_for_their_owner_alone(tmp_path: Path) -> None:
    home = HomeFolder(tmp_path / "home")
    with home.held():
        home.keep_worker(KeptWorker(private_key="0" * 64, idempotency="i", key="k"))
        assert home.worker_file.stat().st_mode & 0o777 == 0o600
        assert home.path.stat().st_mode & 0o777 == 0o700


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(RunFolderError, match="another --folder"), HomeFolder(tmp_path / "file").held():
        pass


def test_the_status_shows_the_spool_and_no_secret(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    home = HomeFolder(tmp_path)
    home.leases.mkdir()
    home.keep_lease(a_lease(1))
    home.keep_pin(Pin(tracker="https://tracker.test", public_key="ab"))
    home.keep_worker(KeptWorker(private_key="c" * 64, idempotency="i" * 9, worker=5, key="s" * 43))
    show_status(AskedWork(tracker="https://tracker.test", folder=tmp_path))
    show_status(AskedWork(tracker="https://tracker.test", folder=tmp_path, as_json=True))
    told = capsys.readouterr().out
    assert "worker 5 of https://tracker.test" in told
    assert json.loads(told.splitlines()[-1])["leases"][0]["job"] == "fetch-00001"
    assert not any(secret in told for secret in ("c" * 64, "s" * 43, "i" * 9))


def test_root_is_refused_outside_of_containers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(surroundings, "is_root", lambda: True)
    monkeypatch.setattr(surroundings, "is_in_container", lambda: False)
    with pytest.raises(SettingsError, match="ordinary user"):
        session.work(AskedWork(tracker="https://tracker.test", folder=tmp_path))


def test_the_first_signal_asks_and_the_second_one_ends() -> None:
    async def life() -> list[str]:
        stopping, heard, asked = Stopping(), [], asyncio.Event()

        async def work() -> None:
            await stopping.wait()
            heard.append("asked")
            asked.set()
            await asyncio.Event().wait()

        task = asyncio.create_task(work())
        with stopped_by_signals(stopping, task):
            signal.raise_signal(signal.SIGTERM)
            await asked.wait()
            signal.raise_signal(signal.SIGINT)
            with pytest.raises(asyncio.CancelledError):
                await task
        return heard

    before = signal.getsignal(signal.SIGTERM)
    assert asyncio.run(life()) == ["asked"]
    assert signal.getsignal(signal.SIGTERM) == before


def test_an_environment_is_a_digest() -> None:
    assert environment() == environment()
    assert msgspec.json.decode(msgspec.json.encode(environment())) == environment()
    assert len(environment()) == 64


def test_a_folder_that_is_removed_while_it_is_measured_takes_no_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "lease" / "input").mkdir(parents=True)
    (tmp_path / "lease" / "input" / "table.parquet").write_bytes(b"x" * 100)
    (tmp_path / "lease" / "lease.json").write_bytes(b"{}")
    assert LeaseFolder(tmp_path / "lease").used_bytes() == 102
    scandir = os.scandir

    def and_then_it_is_gone(path: Any) -> Any:
        monkeypatch.setattr(os, "scandir", scandir)  # once
        found = scandir(path)
        shutil.rmtree(tmp_path / "lease" / "input")
        return found

    monkeypatch.setattr(os, "scandir", and_then_it_is_gone)
    assert LeaseFolder(tmp_path / "lease").used_bytes() == 2
