from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

import psutil
import pytest
from PIL import Image

from crawler.errors import MissingPackageError
from crawler.picture.decode import decode
from crawler.picture.sandbox import Sandbox, open_sandboxes
from crawler.records import Fault, Picture, Rejected
from crawler.settings import Decode
from tests.builders import a_fetched, image_bytes
from tests.fakes.bad_child import LIES

ROOT = Path(__file__).parents[4]
KINDS = ("JPEG", "PNG", "WEBP", "GIF", "AVIF", "BMP", "TIFF")


@contextmanager
def a_bad_sandbox(how: str, *, cpu_seconds: int = 5) -> Iterator[Sandbox]:
    bad_child = str(ROOT / "tests" / "fakes" / "bad_child.py")
    sandbox = Sandbox(Decode(cpu_seconds=cpu_seconds), (sys.executable, bad_child, how))
    try:
        yield sandbox
    finally:
        sandbox.end()


def is_gone(pid: int) -> bool:
    with suppress(psutil.NoSuchProcess):
        return bool(psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
    return True


def wait_until_gone(pid: int) -> None:
    for _ in range(600):
        if is_gone(pid):
            return
        time.sleep(0.05)
    raise AssertionError(f"process {pid} lives on")


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with open_sandboxes(Decode(), 1) as (one,):
        yield one


# right answers ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", [(1, 1), (80, 60), (1000, 700), (1, 3_000), (20_000, 2)])
def test_a_sandbox_gives_what_decoding_here_gives(sandbox: Sandbox, kind: str, size: tuple[int, int]) -> None:
    if kind == "WEBP" and size[0] > 16_383:
        size = (16_383, 2)
    fetched = a_fetched(image_bytes(size, (10, 200, 90), kind))
    here, there = decode(fetched, Decode()), sandbox.decode(fetched)
    assert isinstance(here, Picture)
    assert isinstance(there, Picture)
    assert there.fetched is fetched
    assert (there.header, there.hashes) == (here.header, here.hashes)
    assert (there.pixels.mode, there.pixels.info) == ("RGB", {})
    assert there.pixels.tobytes() == here.pixels.tobytes()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_turned_picture_comes_upright(sandbox: Sandbox, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    picture = sandbox.decode(a_fetched(image_bytes((30, 20), kind="JPEG", exif=exif)))
    assert isinstance(picture, Picture)
    assert (picture.header.width, picture.header.height, picture.header.orientation) == (30, 20, orientation)
    assert picture.pixels.size == ((20, 30) if orientation >= 5 else (30, 20))


def test_pixels_may_be_changed_by_whoever_has_them(sandbox: Sandbox) -> None:
    picture = sandbox.decode(a_fetched())
    assert isinstance(picture, Picture)
    picture.pixels.putpixel((0, 0), (1, 2, 3))
    assert picture.pixels.getpixel((0, 0)) == (1, 2, 3)
    assert picture.pixels.getpixel((1, 0)) == (200, 30, 30)


def test_refusals_are_those_of_decoding_here(sandbox: Sandbox) -> None:
    png = image_bytes()
    for body in (b"", b"<html>", b"icns\0\0\0\x10", png[: len(png) // 2], b"\xff\xd8\xff" + bytes(50), png[:40]):
        assert sandbox.decode(a_fetched(body)) == decode(a_fetched(body), Decode())


def test_what_is_no_picture_never_reaches_the_child() -> None:
    with a_bad_sandbox("SIGKILL") as sandbox:
        before = sandbox.pid
        assert sandbox.decode(a_fetched(b"<html>")) == Rejected(a_fetched().candidate, Fault.NOT_AN_IMAGE)
        assert sandbox.pid == before


# bad ones --------------------------------------------------------------------------------------------------------


# checklist 24
@pytest.mark.parametrize(
    ("how", "detail"),
    [
        ("SIGKILL", "PNG: signal 9"), ("SIGSEGV", "PNG: signal 11"), ("SIGABRT", "PNG: signal 6"),
        ("SIGXCPU", "PNG: took more processor time than a picture may"), ("exits", "PNG: ended with code 3"),
        ("dies in the middle of a body", "PNG: signal 9"), ("dies in the middle of a head", "PNG: ended with code 0"),
        ("closes its output", "PNG: closed its pipes"),
    ],
)  # fmt: skip
def test_a_child_that_ends_costs_one_row(how: str, detail: str) -> None:
    with a_bad_sandbox(how) as sandbox:
        for _ in range(2):
            before = sandbox.pid
            assert sandbox.decode(a_fetched()) == Rejected(a_fetched().candidate, Fault.DECODER_KILLED, detail)
            assert sandbox.pid != before
            wait_until_gone(before)


@pytest.mark.parametrize("how", ["hangs", "drips", "does not read"])
def test_a_child_that_is_late_is_ended(how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("crawler.picture.sandbox.sandbox._seconds_for", lambda _settings: 0.5)
    body = image_bytes() + bytes(3_000_000)  # more than a pipe holds
    with a_bad_sandbox(how) as sandbox:
        before = sandbox.pid
        outcome = sandbox.decode(a_fetched(body))
        assert outcome == Rejected(a_fetched().candidate, Fault.DECODER_KILLED, "PNG: no answer in time")
        wait_until_gone(before)


@pytest.mark.parametrize("how", [*LIES, "pickles", "a head of gigabytes", "other pixels than announced"])
def test_nonsense_is_not_believed(how: str) -> None:
    with a_bad_sandbox(how) as sandbox:
        before = sandbox.pid
        outcome = sandbox.decode(a_fetched())
        assert isinstance(outcome, Rejected)
        assert outcome.reason == Fault.DECODER_KILLED
        assert outcome.detail.startswith("PNG: nonsense: ")
        assert sandbox.pid != before
        wait_until_gone(before)


def test_an_answer_to_no_question_is_no_answer_to_the_next() -> None:
    with a_bad_sandbox("says more than one thing") as sandbox:
        before = sandbox.pid
        assert isinstance(sandbox.decode(a_fetched()), Picture)
        assert sandbox.pid == before
        assert isinstance(sandbox.decode(a_fetched()), Picture)  # of a new child: the first had said too much
        assert sandbox.pid != before


def test_what_a_child_says_does_not_reach_a_terminal() -> None:
    with a_bad_sandbox("an escape") as sandbox:
        outcome = sandbox.decode(a_fetched())
        assert isinstance(outcome, Rejected)
        assert (outcome.reason, len(outcome.detail)) == (Fault.IMAGE_BROKEN, 200)
        assert outcome.detail.isprintable()


@pytest.mark.parametrize("how", ["does not start", "is silent from the start", "greets wrongly"])
def test_a_child_that_does_not_start_is_for_the_user_to_mend(how: str) -> None:
    with a_bad_sandbox(how) as sandbox:
        said = "ImportError: no library for pictures" if how == "does not start" else "bad_child.py"
        with pytest.raises(MissingPackageError, match=said):
            sandbox.decode(a_fetched())


# its life --------------------------------------------------------------------------------------------------------


@cache
def a_slow_body() -> bytes:
    """36 megapixels in 90 scans: seconds of work for any decoder."""
    body = image_bytes((6_000, 6_000), kind="JPEG", progressive=True)
    last = body[body.rindex(b"\xff\xda") : -2]
    return body[:-2] + last * 80 + b"\xff\xd9"


# checklist 24
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV])
def test_killed_in_the_middle_of_a_picture_one_row_is_lost_and_none_twice(number: int) -> None:
    slow = a_slow_body()
    with open_sandboxes(Decode(cpu_seconds=60), 1) as (sandbox,):
        assert isinstance(sandbox.decode(a_fetched()), Picture)
        killer = threading.Timer(0.2, os.kill, (sandbox.pid, number))
        killer.start()
        outcomes = [sandbox.decode(a_fetched(body)) for body in (slow, image_bytes((7, 5)), image_bytes())]
        killer.join()
    lost = Rejected(a_fetched().candidate, Fault.DECODER_KILLED, f"JPEG: signal {int(number)}")
    assert outcomes[0] == lost
    assert [outcome.pixels.size for outcome in outcomes[1:] if isinstance(outcome, Picture)] == [(7, 5), (80, 60)]


def test_killed_between_two_pictures_none_is_lost(sandbox: Sandbox) -> None:
    assert isinstance(sandbox.decode(a_fetched()), Picture)
    before = sandbox.pid
    os.kill(before, signal.SIGKILL)
    psutil.Process(before).wait()
    assert isinstance(sandbox.decode(a_fetched()), Picture)
    assert sandbox.pid != before


def test_a_picture_out_of_time_is_ended() -> None:
    with open_sandboxes(Decode(cpu_seconds=1), 1) as (sandbox,):
        outcome = sandbox.decode(a_fetched(a_slow_body()))
        assert isinstance(outcome, Rejected)
        assert (outcome.reason, outcome.detail) == (
            Fault.DECODER_KILLED, "JPEG: took more processor time than a picture may",
        )  # fmt: skip
        assert isinstance(sandbox.decode(a_fetched()), Picture)


def test_time_is_counted_for_each_picture_anew() -> None:
    with open_sandboxes(Decode(cpu_seconds=1), 1) as (sandbox,):
        before = sandbox.pid
        body = image_bytes((3_000, 3_000), kind="PNG")
        while sum(psutil.Process(before).cpu_times()[:2]) < 3:
            assert isinstance(sandbox.decode(a_fetched(body)), Picture)
        assert sandbox.pid == before


def test_a_child_is_renewed_after_many_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("crawler.picture.sandbox.sandbox._PICTURES_PER_CHILD", 3)
    with open_sandboxes(Decode(), 1) as (sandbox,):
        pids = []
        for _ in range(7):
            assert isinstance(sandbox.decode(a_fetched()), Picture)
            pids.append(sandbox.pid)
    assert [pids.count(pid) for pid in dict.fromkeys(pids)] == [3, 3, 1]


def test_a_child_that_has_grown_is_renewed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("crawler.picture.sandbox.sandbox._PICTURES_PER_LOOK", 2)
    monkeypatch.setattr("crawler.picture.sandbox.sandbox._GROWN_BYTES", 1)
    with open_sandboxes(Decode(), 1) as (sandbox,):
        pids = []
        for _ in range(4):
            assert isinstance(sandbox.decode(a_fetched()), Picture)
            pids.append(sandbox.pid)
    assert len(set(pids)) == 4


def test_children_end_with_the_context_however_it_is_left() -> None:
    pids: list[int] = []

    def interrupted() -> None:
        with open_sandboxes(Decode(), 3) as sandboxes:
            for one in sandboxes:
                assert isinstance(one.decode(a_fetched()), Picture)
                pids.append(one.pid)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert all(is_gone(pid) for pid in pids)
    assert len(set(pids)) == 3


def test_children_end_when_their_parent_is_killed() -> None:
    script = """
import time
from crawler.picture.sandbox import open_sandboxes
from crawler.settings import Decode
from tests.builders import a_fetched
with open_sandboxes(Decode(), 2) as sandboxes:
    for one in sandboxes:
        one.decode(a_fetched())
    print(*(one.pid for one in sandboxes), flush=True)
    time.sleep(600)
"""
    with subprocess.Popen([sys.executable, "-c", script], cwd=ROOT, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pids = [int(pid) for pid in parent.stdout.readline().split()]
        parent.kill()
    assert len(pids) == 2
    for pid in pids:
        wait_until_gone(pid)


def test_threads_decode_side_by_side_and_keep_their_own_pictures() -> None:
    wrong: list[object] = []

    def look(one: Sandbox, width: int) -> None:
        for height in range(1, 30):
            outcome = one.decode(a_fetched(image_bytes((width, height))))
            if not isinstance(outcome, Picture) or outcome.pixels.size != (width, height):
                wrong.append(outcome)

    with open_sandboxes(Decode(), 3) as sandboxes:
        threads = [threading.Thread(target=look, args=(one, 10 + n)) for n, one in enumerate(sandboxes)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert wrong == []


def test_a_child_knows_nothing_of_our_environment_and_holds_nothing_open(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAIRTRAWL_TEST_SECRET", "hush")
    with (ROOT / "README.md").open(), open_sandboxes(Decode(), 1) as (sandbox,):
        assert isinstance(sandbox.decode(a_fetched()), Picture)
        names = {line.split("=")[0] for line in Path(f"/proc/{sandbox.pid}/environ").read_text().split("\0") if line}
        files = {str(link.readlink()) for link in Path(f"/proc/{sandbox.pid}/fd").iterdir()}
    ours = {"PYTHONPATH", "LD_LIBRARY_PATH", "OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"}
    assert {name for name in names if not name.startswith("MALLOC_")} <= ours
    assert {name for name in files if not name.startswith(("pipe:", "/memfd:pixels"))} <= {os.devnull}


@pytest.mark.skipif(sys.platform != "linux", reason="seals are Linux's")
def test_a_child_cannot_take_the_memory_away_that_is_being_read() -> None:
    with a_bad_sandbox("shrinks the canvas") as sandbox:
        outcome = sandbox.decode(a_fetched())
        assert isinstance(outcome, Rejected)
        assert outcome.detail == "PermissionError"


def test_the_memory_of_a_large_picture_is_given_back(sandbox: Sandbox) -> None:
    assert isinstance(sandbox.decode(a_fetched(image_bytes((5_000, 6_000)))), Picture)
    shared = [line for line in Path(f"/proc/{sandbox.pid}/status").read_text().splitlines() if "RssShmem" in line]
    assert int(shared[0].split()[1]) < 1_000
    assert isinstance(sandbox.decode(a_fetched()), Picture)
