"""kill -9 at every place where something lasts: the same command goes on, each job is done once, nothing is left over."""

from __future__ import annotations

import hashlib
import signal
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from tests.workers.home.a_crew import BROKEN, files_of
from tests.workers.home.served import Served, Volunteers, served, volunteers
from workers.failpoints import FAILPOINTS
from workers.protocol.messages import Manifest

JOBS = 2
OURS = sorted(name for name in FAILPOINTS if name.startswith("home."))

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def crowd() -> Iterator[Volunteers]:
    with volunteers() as started:
        yield started


def assert_everything_was_done_once(tracker: Served, folder: Path) -> None:
    """What an undisturbed volunteer leaves at the tracker, and on its own disk."""
    results = tracker.rows(
        "SELECT j.number, r.manifest_json FROM results r JOIN jobs j ON j.id = r.job ORDER BY j.number"
    )
    assert [row["number"] for row in results] == [number for number in range(JOBS) if number != BROKEN]
    for row in results:
        manifest = msgspec.json.decode(row["manifest_json"], type=Manifest)
        told = {one.name: (one.bytes, one.sha256) for one in manifest.artefacts}
        made = files_of(row["number"])
        assert told == {name: (len(body), hashlib.sha256(body).hexdigest()) for name, body in made.items()}
        assert manifest.counts == {"fetch.found": 10, "fetch.kept": 6, "fetch.timeout": 4}
    failed = tracker.rows("SELECT j.number, l.fault FROM leases l JOIN jobs j ON j.id = l.job WHERE l.state = 'failed'")
    assert [(row["number"], row["fault"]) for row in failed] == [(BROKEN, "input")]
    assert tracker.rows("SELECT id FROM leases WHERE state = 'active'") == []
    assert len(tracker.rows("SELECT id FROM accounts")) == len(tracker.rows("SELECT id FROM workers")) == 1
    assert list((folder / "leases").iterdir()) == []
    assert list(folder.rglob("*.partial")) == list(folder.rglob("part")) == []
    assert not (folder / "asking.json").exists()
    assert (folder / "worker.json").stat().st_mode & 0o777 == (folder / "account.json").stat().st_mode & 0o777 == 0o600


def test_an_undisturbed_volunteer_does_everything_once(tmp_path: Path, crowd: Volunteers) -> None:
    with served(tmp_path / "campaign", jobs=JOBS) as tracker:
        assert crowd.work(tracker.url, tmp_path / "home", jobs=JOBS) == 0
        assert_everything_was_done_once(tracker, tmp_path / "home")


@pytest.mark.parametrize(
    "failpoint",
    # every second one each time; `make prove-home` takes all
    [pytest.param(name, marks=() if place % 2 else pytest.mark.minutes) for place, name in enumerate(OURS)],
)
def test_after_a_kill_the_same_command_does_everything_once(tmp_path: Path, crowd: Volunteers, failpoint: str) -> None:
    # invariant 11
    # invariant 5: of a lease whose answer was lost (home.leases_told) no second job is used up
    # defect 8: what was finished is delivered after any interruption
    with served(tmp_path / "campaign", jobs=JOBS) as tracker:
        home = tmp_path / "home"
        assert crowd.work(tracker.url, home, jobs=JOBS, failpoint=failpoint) == -signal.SIGKILL, "it was never there"
        assert crowd.work(tracker.url, home, jobs=JOBS - tracker.leased_jobs()) == 0
        assert_everything_was_done_once(tracker, home)
