"""A volunteer's days, in virtual time: outages, dead targets, refusals, stopping."""

from __future__ import annotations

import errno
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.home_tracker import DAY, HomeTracker, a_lease, refusal
from tests.fakes.virtual_time import run_virtual
from tests.workers.home.at_home import PUBLIC, RECIPE, Home, SleepyCrew, failing
from workers.blame import Blame
from workers.exit_codes import ExitCode
from workers.home.folder import HomeFolder
from workers.home.lease_folder import LeaseFolder
from workers.protocol.messages import Leased


def a_tracker(jobs: int, **behaviour: Any) -> HomeTracker:
    return HomeTracker([a_lease(number, recipe=RECIPE.digest) for number in range(jobs)], PUBLIC, **behaviour)


def accepted(tracker: HomeTracker) -> list[str]:
    assert {outcome for _, outcome, _ in tracker.outcomes} <= {"accepted"}
    return sorted(lease for lease, _, _ in tracker.outcomes)


def test_jobs_are_done_and_delivered_until_the_campaign_is_done(tmp_path: Path) -> None:
    home = Home(tmp_path, a_tracker(3))
    assert run_virtual(home.work()) == ExitCode.DONE
    assert accepted(home.tracker) == ["lease-0", "lease-1", "lease-2"]
    assert home.kept() == []
    assert len(home.tracker.beats) >= 3 * 9  # ten minutes each, a minute apart


def test_a_day_without_a_tracker_loses_nothing(tmp_path: Path) -> None:
    # invariant 9
    # defect 20: waits grow, are drawn, and end at five minutes; nothing recurses and nothing spins
    home = Home(tmp_path, a_tracker(3, is_down=lambda now: 300 < now < 300 + DAY))
    assert run_virtual(home.work()) == ExitCode.DONE
    assert accepted(home.tracker) == ["lease-0", "lease-1", "lease-2"]
    assert home.crew.done == [0, 1, 2]
    asked = [at for path, at in home.tracker.asked if 300 < at < 300 + DAY and "heartbeat" not in path]
    assert DAY / 300 < len(asked) < DAY / 60
    assert max(later - earlier for earlier, later in pairwise(asked)) <= 600


def test_what_was_finished_in_an_outage_is_delivered_by_the_next_volunteer_too(tmp_path: Path) -> None:
    # defect 8
    home = Home(tmp_path, a_tracker(1, is_down=lambda now: 300 < now < DAY))
    assert run_virtual(home.work(stop_after=5_000)) == ExitCode.WORK_LEFT
    assert home.kept() == ["lease-0"]
    assert home.voice.events()[-1] == "left"
    home.tracker.is_down = lambda now: False
    assert run_virtual(home.work()) == ExitCode.DONE
    assert accepted(home.tracker) == ["lease-0"]
    assert home.crew.done == [0]  # not done again
    assert home.kept() == []


def test_a_dead_upload_target_holds_up_nobody_else(tmp_path: Path) -> None:
    tracker = a_tracker(
        4,
        host_of=lambda lease: "dead.test" if lease == "lease-0" else "store.test",
        is_host_down=lambda host, now: host == "dead.test" and now < DAY,
    )
    home = Home(tmp_path, tracker)
    assert run_virtual(home.work()) == ExitCode.DONE
    by_lease = {lease: at for lease, _, at in tracker.outcomes}
    assert max(by_lease[f"lease-{number}"] for number in (1, 2, 3)) < 4 * 700
    assert DAY < by_lease["lease-0"] < DAY + 310


def test_a_failed_upload_never_becomes_a_delivered_job(tmp_path: Path) -> None:
    # defect 10
    # defect 11: the whole file goes each time, from a file that is opened anew
    # invariant 14
    tracker = a_tracker(1, is_host_down=lambda host, now: now < 5_000)
    home = Home(tmp_path, tracker)
    assert run_virtual(home.work()) == ExitCode.DONE
    assert len(tracker.sent) > 5
    assert tracker.times_asked("/v1/leases/lease-0/result")[0] >= 5_000
    assert tracker.stored["lease-0", "00000.parquet"] == b"raw shard 0"


def test_an_answer_that_was_lost_is_asked_for_again_with_the_same_key(tmp_path: Path) -> None:
    # invariant 5
    tracker = a_tracker(2)
    tracker.lose_replies_to |= {"/v1/leases", "/v1/leases/lease-1/result", "/v1/leases/lease-0/uploads"}
    home = Home(tmp_path, tracker)
    assert run_virtual(home.work()) == ExitCode.DONE
    assert accepted(tracker) == ["lease-0", "lease-1"]
    assert home.crew.done == [0, 1]


def test_who_is_told_to_come_later_comes_later_and_does_come(tmp_path: Path) -> None:
    tracker = a_tracker(
        1,
        instead=lambda path, times: (
            refusal(503, "no_room", 1_000) if path == "/v1/leases" and times in (1, 2) else None
        ),
    )
    home = Home(tmp_path, tracker)
    assert run_virtual(home.work()) == ExitCode.DONE
    times = tracker.times_asked("/v1/leases")[1:]  # the first one asks what is held
    gaps = [later - earlier for earlier, later in pairwise(times)]
    assert gaps[0] >= 1_000
    assert gaps[1] >= 1_000
    assert accepted(tracker) == ["lease-0"]


def test_an_unheard_of_retry_after_is_obeyed_for_an_hour_only(tmp_path: Path) -> None:
    # invariant 8
    decade = 10 * 365 * DAY
    tracker = a_tracker(
        1, instead=lambda path, times: refusal(503, "no_room", decade) if path == "/v1/leases" and times == 1 else None
    )
    assert run_virtual(Home(tmp_path, tracker).work()) == ExitCode.DONE
    _, first, second, *_ = tracker.times_asked("/v1/leases")
    assert 3_600 <= second - first < 4_600


def test_a_lease_that_is_not_wanted_any_more_is_dropped_in_the_middle(tmp_path: Path) -> None:
    tracker = a_tracker(2, action=lambda lease, now: "abandon" if lease == "lease-0" else "continue")
    home = Home(tmp_path, tracker)
    assert run_virtual(home.work()) == ExitCode.DONE
    assert home.crew.broken_off == [0]
    assert accepted(tracker) == ["lease-1"]
    assert home.kept() == []


def test_a_volunteer_of_a_tracker_that_is_drained_finishes_and_asks_for_nothing_for_a_while(tmp_path: Path) -> None:
    tracker = a_tracker(2, action=lambda lease, now: "drain" if now < 600 else "continue")
    home = Home(tmp_path, tracker)
    assert run_virtual(home.work()) == ExitCode.DONE
    assert accepted(tracker) == ["lease-0", "lease-1"]
    _, first, second, *_ = tracker.times_asked("/v1/leases")
    assert second - first >= 540 + 300


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"recipe": "0" * 32}, "another recipe"),
        ({"kind": "score"}, "nobody asked for"),
        ({"input": "https://archives.test/a.warc.gz"}, "an input of its own"),
        ({"input_sha256": ""}, "which bytes"),
        ({"input_bytes": 2**60}, "bytes"),
        ({"job": -1}, "numbers"),
    ],
)  # fmt: skip
def test_a_job_that_is_not_the_campaigns_is_given_back_undone(
    tmp_path: Path, changes: dict[str, Any], why: str
) -> None:
    bad = a_lease(**({"recipe": RECIPE.digest} | changes))
    home = Home(tmp_path, HomeTracker([bad], PUBLIC))
    assert run_virtual(home.work()) == ExitCode.DONE
    assert home.crew.begun == []
    assert why in home.tracker.released["lease-0"]
    assert home.kept() == []


def test_a_tracker_that_hands_out_what_its_campaign_forbids_is_left(tmp_path: Path) -> None:
    bad = [a_lease(number, kind="extract", form="warc", recipe=RECIPE.digest, input_sha256="", input_bytes=0,
                   input=address) for number, address in enumerate(
        ("https://127.0.0.1/a.warc.gz", "file:///etc/passwd", "https://archives.test/../../a.warc.gz",
         "https://archives.test/a.warc.gz"))]  # fmt: skip
    home = Home(tmp_path, HomeTracker(bad, PUBLIC))
    assert run_virtual(home.work()) == ExitCode.YOURS
    assert home.crew.begun == []
    assert len(home.tracker.released) == 3
    assert home.voice.events()[-1] == "ending"


def test_leases_that_have_not_begun_go_back_at_the_first_stop(tmp_path: Path) -> None:
    home = Home(tmp_path, a_tracker(0, afterwards="nothing now"), SleepyCrew(seconds=lambda _number: 500.0))
    home.tracker.held |= {f"lease-{number}": a_lease(number, recipe=RECIPE.digest) for number in range(3)}
    # they were held by a volunteer that was killed; one is done at a time, for all of them ask web sites
    assert run_virtual(home.work(stop_after=455)) == ExitCode.DONE
    assert len(accepted(home.tracker)) == len(home.crew.begun) == 1
    assert len(home.tracker.released) == 2
    assert home.kept() == []


def test_a_job_that_ends_within_a_minute_is_finished_and_delivered(tmp_path: Path) -> None:
    home = Home(tmp_path, a_tracker(2), SleepyCrew(seconds=lambda _number: 500.0))
    assert run_virtual(home.work(stop_after=455)) == ExitCode.DONE
    assert accepted(home.tracker) == ["lease-0"]
    assert home.tracker.released == {}


def test_a_job_that_does_not_is_given_back_at_once(tmp_path: Path) -> None:
    home = Home(tmp_path, a_tracker(2))
    assert run_virtual(home.work(stop_after=130)) == ExitCode.DONE
    assert home.tracker.released == {"lease-0": "its volunteer is stopping"}
    assert home.crew.broken_off == [0]
    assert home.kept() == []


def test_after_so_many_jobs_a_volunteer_stops(tmp_path: Path) -> None:
    home = Home(tmp_path, a_tracker(5))
    assert run_virtual(home.work(jobs=2)) == ExitCode.DONE
    assert accepted(home.tracker) == ["lease-0", "lease-1"]
    assert len(home.tracker.leases) == 3


@pytest.mark.parametrize(
    ("blame", "fault"),
    [(Blame.INPUT, "input"), (Blame.NOBODY, "network"), (Blame.SET_UP, "local"), (Blame.OURS, "bug")],
)
def test_a_job_that_fails_is_told_with_whose_fault_it_is(tmp_path: Path, blame: Blame, fault: str) -> None:
    home = Home(tmp_path, a_tracker(1), SleepyCrew(fails=failing(blame)))
    assert run_virtual(home.work()) == ExitCode.DONE
    assert home.tracker.failed["lease-0"].fault == fault
    assert "it broke" in home.tracker.failed["lease-0"].detail
    assert home.kept() == []


@pytest.mark.parametrize(("blame", "code"), [(Blame.SET_UP, ExitCode.YOURS), (Blame.OURS, ExitCode.OURS)])
def test_a_machine_that_fails_job_after_job_asks_less_and_less_and_stops(
    tmp_path: Path, blame: Blame, code: ExitCode
) -> None:
    home = Home(tmp_path, a_tracker(20), SleepyCrew(fails=failing(blame)))
    assert run_virtual(home.work()) == code
    assert len(home.tracker.failed) == 5


@pytest.mark.parametrize(
    ("status", "code", "leaves"),
    [
        (410, "done", ExitCode.DONE),
        (426, "version_blocked", ExitCode.YOURS),
        (403, "quarantined", ExitCode.YOURS),
        (401, "unknown_key", ExitCode.YOURS),
    ],
)
def test_a_tracker_that_says_no_is_not_asked_again(tmp_path: Path, status: int, code: str, leaves: ExitCode) -> None:
    tracker = a_tracker(
        1, instead=lambda path, times: refusal(status, code) if path == "/v1/leases" and times else None
    )
    assert run_virtual(Home(tmp_path, tracker).work()) == leaves
    assert len(tracker.times_asked("/v1/leases")) == 2


def test_a_suspended_machine_asks_again_later(tmp_path: Path) -> None:
    tracker = a_tracker(
        1, instead=lambda path, times: refusal(403, "suspended") if path == "/v1/leases" and times == 1 else None
    )
    assert run_virtual(Home(tmp_path, tracker).work()) == ExitCode.DONE
    _, first, second, *_ = tracker.times_asked("/v1/leases")
    assert second - first >= 900
    assert accepted(tracker) == ["lease-0"]


def test_a_tracker_that_wants_the_self_test_again_gets_it_once(tmp_path: Path) -> None:
    wants = a_tracker(1, instead=lambda path, times: refusal(403, "selftest_wanted") if times == 1 else None)
    home = Home(tmp_path / "one", wants)
    assert run_virtual(home.work()) == ExitCode.DONE
    assert home.retests == 1
    for_ever = a_tracker(1, instead=lambda path, times: refusal(403, "selftest_wanted") if times else None)
    home = Home(tmp_path / "other", for_ever)
    assert run_virtual(home.work()) == ExitCode.YOURS
    assert home.retests == 1


def test_files_that_the_tracker_has_lost_are_sent_again(tmp_path: Path) -> None:
    tracker = a_tracker(1)

    def lost(path: str, times: int) -> None:
        if path.endswith("/result") and times == 0:
            tracker.stored.clear()

    tracker.instead = lost
    assert run_virtual(Home(tmp_path, tracker).work()) == ExitCode.DONE
    assert len(tracker.sent) == 2
    assert accepted(tracker) == ["lease-0"]


def test_a_file_that_has_changed_on_this_disk_is_never_delivered(tmp_path: Path) -> None:
    tracker = a_tracker(1, is_host_down=lambda host, now: now < DAY)
    home = Home(tmp_path, tracker)
    assert run_virtual(home.work(stop_after=2_000)) == ExitCode.WORK_LEFT
    (kept,) = HomeFolder(tmp_path).kept()
    (kept.output / "00000.parquet").write_bytes(b"bit rot")
    tracker.is_host_down = lambda host, now: False
    assert run_virtual(home.work()) == ExitCode.DONE
    assert tracker.results == {}
    assert tracker.failed["lease-0"].fault == "local"


def test_a_result_that_is_not_taken_is_said_and_dropped(tmp_path: Path) -> None:
    tracker = a_tracker(1, instead=lambda path, times: refusal(409, "conflict") if path.endswith("result") else None)
    home = Home(tmp_path, tracker)
    assert run_virtual(home.work()) == ExitCode.DONE
    assert home.kept() == []
    assert "refused" in home.voice.events()


def test_the_word_of_a_portal_is_no_refusal(tmp_path: Path) -> None:
    from workers.home.wire import Answer

    page = Answer(403, b"<html>Log in to the hotel's network</html>", is_json=False)
    tracker = a_tracker(1, instead=lambda path, times: page if path.endswith("result") and times < 3 else None)
    assert run_virtual(Home(tmp_path, tracker).work()) == ExitCode.DONE
    assert accepted(tracker) == ["lease-0"]


def test_an_input_with_other_bytes_is_never_worked_on(tmp_path: Path) -> None:
    wrong = a_lease(0, recipe=RECIPE.digest, input_sha256="0" * 64)
    home = Home(tmp_path, HomeTracker([wrong], PUBLIC))
    assert run_virtual(home.work()) == ExitCode.DONE
    assert home.crew.begun == []
    assert home.tracker.failed["lease-0"].fault == "network"


def test_leases_that_the_tracker_has_given_to_others_are_not_begun(tmp_path: Path) -> None:
    home = Home(tmp_path, a_tracker(0))
    HomeFolder(tmp_path).leases.mkdir(parents=True)
    HomeFolder(tmp_path).keep_lease(a_lease(7, recipe=RECIPE.digest))
    assert run_virtual(home.work()) == ExitCode.DONE
    assert home.crew.begun == []
    assert home.kept() == []


def test_a_broken_lease_on_the_disk_is_swept(tmp_path: Path) -> None:
    home = Home(tmp_path, a_tracker(1))
    broken = HomeFolder(tmp_path).of_lease("other").path
    broken.mkdir(parents=True)
    (broken / "lease.json").write_bytes(b"{")
    assert run_virtual(home.work()) == ExitCode.DONE
    assert accepted(home.tracker) == ["lease-0"]
    assert home.kept() == []


def test_a_volunteer_that_may_do_less_than_the_last_one_gives_the_rest_back(tmp_path: Path) -> None:
    tracker = a_tracker(1, is_down=lambda now: now > 100)
    assert run_virtual(Home(tmp_path, tracker, SleepyCrew(seconds=lambda _: DAY)).work(stop_after=200)) == (
        ExitCode.WORK_LEFT
    )
    tracker.is_down = lambda now: False
    home = Home(tmp_path, tracker, kinds=("extract",))
    assert run_virtual(home.work()) == ExitCode.DONE
    assert home.crew.begun == []
    assert list(tracker.released) == ["lease-0"]
    assert home.kept() == []


def test_what_the_tracker_says_is_held_and_is_not_on_the_disk_is_done(tmp_path: Path) -> None:
    home = Home(tmp_path, a_tracker(0))
    home.tracker.held["lease-4"] = a_lease(4, recipe=RECIPE.digest)
    assert run_virtual(home.work(jobs=1)) == ExitCode.DONE
    assert accepted(home.tracker) == ["lease-4"]


def test_a_full_disk_waits_until_there_is_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # invariant 12
    home, keep = Home(tmp_path, a_tracker(1)), HomeFolder.keep_lease
    tries: list[float] = []

    def full(folder: HomeFolder, leased: Leased) -> LeaseFolder:
        tries.append(home.tracker.now)
        if len(tries) < 5:
            raise OSError(errno.ENOSPC, "No space left on device")
        return keep(folder, leased)

    monkeypatch.setattr(HomeFolder, "keep_lease", full)
    assert run_virtual(home.work()) == ExitCode.DONE
    assert len(tries) == 5
    assert accepted(home.tracker) == ["lease-0"]
    assert "away" in home.voice.events()


def test_a_worker_that_nobody_knows_any_more_keeps_its_work(tmp_path: Path) -> None:
    tracker = a_tracker(1, instead=lambda path, times: refusal(401, "unknown_key") if "uploads" in path else None)
    home = Home(tmp_path, tracker)
    assert run_virtual(home.work()) == ExitCode.YOURS
    assert home.kept() == ["lease-0"]
    tracker.instead = lambda path, times: None
    assert run_virtual(home.work()) == ExitCode.DONE
    assert accepted(tracker) == ["lease-0"]
