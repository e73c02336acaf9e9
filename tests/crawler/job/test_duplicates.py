"""The end of a job: the first row of a file and of its look-alikes stays; the decision is a function of the rows."""

from __future__ import annotations

import random
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.job import duplicates as module
from crawler.job.duplicates import claiming, duplicates, look_alikes
from crawler.job.remembered import Remembered, remembered
from crawler.records import Fault
from crawler.seen import NothingSeen, Seen
from crawler.seen.keys import Keys, keys_of
from crawler.settings import Duplicates
from tests.contract_seen import sha

FIRST = Duplicates(files="first")
NOBODYS = partial(NothingSeen().claim, "00000")
REPEATED, ALIKE = Fault.REPEATED_FILE, Fault.LOOK_ALIKE


def shown(row: int, file: str, pdq: int = 0, quality: int = 100) -> Remembered:
    return Remembered(row, sha(file), f"http://images.test/{row}.jpg", f"row {row}", pdq, quality)


def far(number: int) -> int:
    """A PDQ far away from all others of these."""
    return random.Random(number).getrandbits(256)


def turned_over(pdq: int, bits: int, seed: int = 0) -> int:
    """So many bits of it are different."""
    for place in random.Random(seed).sample(range(256), bits):
        pdq ^= 1 << place
    return pdq


def test_what_is_remembered_of_a_row() -> None:
    row = {
        "sha256": "2" * 64,
        "url": "http://a.test/b.jpg?width=9",
        "caption": "A BOAT",
        "pdq": f"8{'0' * 63}",
        "pdq_quality": 77,
    }
    assert remembered(5, row) == Remembered(5, "2" * 64, "http://a.test/b.jpg", "a boat", 1 << 255, 77)


def test_of_a_file_under_several_rows_the_first_row_stays_whatever_came_first() -> None:
    rows = [shown(row, file, far(row)) for row, file in enumerate("abacbad")]
    expected = [(2, REPEATED), (4, REPEATED), (5, REPEATED)]
    for seed in range(5):
        random.Random(seed).shuffle(rows)
        assert duplicates(rows, FIRST, NOBODYS) == expected


def test_a_recipe_that_keeps_every_file_asks_nobody() -> None:
    def claim(_keys: Keys) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        raise AssertionError

    assert duplicates([shown(0, "a"), shown(1, "a")], Duplicates(), claim) == []


def test_what_others_hold_is_a_repeated_file() -> None:
    asked: list[Keys] = []

    def claim(keys: Keys) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        asked.append(keys)
        return np.isin(keys["tail"], keys_of([sha("b")])["tail"])

    rows = [shown(row, file) for row, file in ((9, "b"), (4, "a"), (7, "a"), (2, "c"))]
    assert duplicates(rows, FIRST, claim) == [(7, REPEATED), (9, REPEATED)]
    assert len(asked) == 1
    assert asked[0].tolist() == keys_of([sha("c"), sha("a"), sha("b")]).tolist(), "each once, in the order of the rows"


def test_only_what_the_job_itself_would_keep_is_claimed() -> None:
    claimed: list[int] = []

    def claim(keys: Keys) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        claimed.append(len(keys))
        return np.ones(len(keys), np.bool_)

    rows = [shown(0, "a", far(0)), shown(1, "a", far(0)), shown(2, "b", turned_over(far(0), 10)), shown(3, "c", far(3))]
    both = Duplicates(files="first", look_alike_bits=31)
    assert duplicates(rows, both, claim) == [(0, REPEATED), (1, REPEATED), (2, ALIKE), (3, REPEATED)]
    assert claimed == [2]


def test_a_job_without_samples_has_no_duplicates() -> None:
    assert duplicates([], Duplicates(files="first", look_alike_bits=0), NOBODYS) == []
    assert look_alikes([], 31) == []


def test_31_bits_are_alike_and_32_are_not() -> None:
    for bits in (0, 1, 31, 32, 128):
        rows = [shown(0, "a", far(0)), shown(1, "b", turned_over(far(0), bits))]
        assert look_alikes(rows, 31) == [False, bits <= 31]


def test_a_plain_picture_looks_like_nothing() -> None:
    rows = [shown(0, "a", 5, 49), shown(1, "b", 5, 50), shown(2, "c", 5, 49), shown(3, "d", 5, 50)]
    assert look_alikes(rows, 31) == [False, False, False, True]


def test_what_is_taken_back_takes_nothing_else_with_it() -> None:
    start = far(0)
    middle, end = turned_over(start, 20), 0
    places = [place for place in range(256) if (start ^ middle) >> place & 1 == 0][:20]
    end = middle
    for place in places:
        end ^= 1 << place
    rows = [shown(0, "a", start), shown(1, "b", middle), shown(2, "c", end)]
    assert look_alikes(rows, 31) == [False, True, False], "the third looks like the second, which is gone"


def by_hand(rows: list[Remembered], bits: int) -> list[bool]:
    kept: list[Remembered] = []
    answer = []
    for one in rows:
        alike = one.pdq_quality >= 50 and any(
            (one.pdq ^ other.pdq).bit_count() <= bits for other in kept if other.pdq_quality >= 50
        )
        answer.append(alike)
        if not alike:
            kept.append(one)
    return answer


@given(
    st.lists(
        st.tuples(st.integers(0, 3), st.integers(0, 40), st.integers(0, 9), st.sampled_from([49, 50, 100])), max_size=40
    ),
    st.integers(0, 31),
)
def test_look_alikes_are_what_comparing_one_by_one_finds(made: list[tuple[int, int, int, int]], bits: int) -> None:
    rows = [
        shown(row, str(row), turned_over(far(base), away, seed), quality)
        for row, (base, away, seed, quality) in enumerate(made)
    ]
    assert look_alikes(rows, bits) == by_hand(rows, bits)


def test_blocks_do_not_change_the_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    chance = random.Random(1)
    rows = [
        shown(row, str(row), turned_over(far(chance.randrange(60)), chance.randrange(24), row)) for row in range(300)
    ]
    expected = by_hand(rows, 31)
    assert 0 < sum(expected) < 300
    for at_once, kept_at_once in ((64, 2048), (7, 5), (1, 1), (1000, 3)):
        monkeypatch.setattr(module, "_ROWS_AT_ONCE", at_once)
        monkeypatch.setattr(module, "_KEPT_AT_ONCE", kept_at_once)
        assert look_alikes(rows, 31) == expected


class Heard(NothingSeen):
    """What a `Seen` was told."""

    def __init__(self) -> None:
        self.words: list[str] = []

    def confirm(self, shard: str) -> None:
        self.words.append(f"confirm {shard}")

    def release(self, shard: str) -> None:
        self.words.append(f"release {shard}")


def _end(seen: Seen, error: type[BaseException] | None) -> None:
    with claiming(seen, "00003") as claim:
        claim(keys_of([sha("a")]))
        if error:
            raise error


def test_a_job_that_commits_is_confirmed() -> None:
    heard = Heard()
    _end(heard, None)
    assert heard.words == ["confirm 00003"]


@pytest.mark.parametrize("error", [OSError, KeyboardInterrupt])
def test_a_job_that_does_not_is_released(error: type[BaseException], tmp_path: Path) -> None:
    heard = Heard()
    with pytest.raises(error):
        _end(heard, error)
    assert heard.words == ["release 00003"]
