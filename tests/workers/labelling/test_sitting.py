"""What a labeller is asked next, and what can be taken back."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.workers.labelling.labels import CANNOT_TELL, DOES_NOT, MATCHES, a_sample, a_sitting, uid
from workers.labelling.design import KEPT, Sample, Stratum, order_for, rejected_by
from workers.labelling.journal import Journal, journal_path, read_journal
from workers.labelling.sitting import AnsweredError, Sitting


def test_two_labellers_are_asked_about_the_same_pairs_in_another_order(tmp_path: Path) -> None:
    sample = a_sample(30)
    with a_sitting(tmp_path, sample, "ada") as ada, a_sitting(tmp_path, sample, "ben") as ben:
        assert sorted(ada.order) == sorted(ben.order) == sorted(sample.content_ids)
        assert ada.order != ben.order


def test_an_order_is_the_same_whenever_its_labeller_comes_back() -> None:
    pairs = [uid(number) for number in range(30)]
    assert order_for(pairs, "ada", 0) == order_for(pairs[::-1], "ada", 0)
    assert order_for(pairs, "ada", 0) != order_for(pairs, "ada", 1)


def test_judging_goes_through_the_order_and_ends(tmp_path: Path) -> None:
    with a_sitting(tmp_path) as sitting:
        for place in range(5):
            assert sitting.progress == (place, 5, place)
            sitting.judge(place, MATCHES, 1.0)
        assert sitting.progress == (5, 5, None)


def test_a_judgement_tells_which_rows_the_pair_stands_for(tmp_path: Path) -> None:
    strata = (Stratum(KEPT, 900, (uid(0), uid(1))), Stratum(rejected_by("min_side"), 50, (uid(2),)))
    sample = Sample(seed=3, asked=4, band="all", strata=strata)
    with a_sitting(tmp_path, sample) as sitting:
        for place in range(3):
            sitting.judge(place, MATCHES, 1.0)
    said = {one.content_id: (one.stratum, one.of, one.sampled) for one in read_journal(journal_path(tmp_path, "ada"))}
    assert said[uid(0)] == ("kept", 900, 2)
    assert said[uid(2)] == ("rejected by min_side", 50, 1)


def test_what_is_undone_is_asked_again_also_after_a_restart(tmp_path: Path) -> None:
    with a_sitting(tmp_path) as sitting:
        sitting.judge(0, MATCHES, 1.0)
        sitting.judge(1, DOES_NOT, 1.0)
    with a_sitting(tmp_path) as again:
        assert again.progress == (2, 5, 2)
        assert again.undo() == 1
        assert again.progress == (1, 5, 1)
        assert again.undo() == 0
        assert not again.can_undo
        assert again.undo() is None


def test_the_same_answer_twice_is_one_answer_and_another_one_is_refused(tmp_path: Path) -> None:
    with a_sitting(tmp_path) as sitting:
        sitting.judge(0, MATCHES, 1.0)
        sitting.judge(0, MATCHES, 9.0)
        with pytest.raises(AnsweredError):
            sitting.judge(0, CANNOT_TELL, 1.0)
    assert [one.seconds for one in read_journal(journal_path(tmp_path, "ada"))] == [1.0]


def test_a_pair_whose_picture_is_gone_is_not_asked_about(tmp_path: Path) -> None:
    sample = a_sample(4)
    shown = {uid(0), uid(1), uid(3)}
    with Journal.open(tmp_path, "ada") as journal:
        assert set(Sitting(sample, "ada", journal, "0.1.0", shown).order) == shown


_KILLED = """
import os, sys, signal
from pathlib import Path
from tests.workers.labelling.labels import a_sitting, MATCHES
labels, times = Path(sys.argv[1]), int(sys.argv[2])
with a_sitting(labels) as sitting:
    for place in range(times):
        sitting.judge(place, MATCHES, 1.0)
        print(place, flush=True)  # acknowledged
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL")
def test_a_kill_after_a_judgement_loses_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _KILLED, str(tmp_path), "3"], capture_output=True, text=True, check=False,
        cwd=Path(__file__).parents[3],
    )  # fmt: skip
    assert done.returncode == -signal.SIGKILL, done.stderr
    acknowledged = done.stdout.split()
    assert len(acknowledged) == 3
    with a_sitting(tmp_path) as again:
        assert again.progress.done == 3
