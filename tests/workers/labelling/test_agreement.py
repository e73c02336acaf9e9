"""Agreement beyond chance, with the published examples."""

from __future__ import annotations

import pytest

from workers.labelling.agreement import cohens_kappa, krippendorffs_alpha


@pytest.mark.parametrize(
    ("both_yes", "first_only", "second_only", "both_no", "kappa"),
    # the tables of the encyclopedia's article on it: the last two agree as often, and not as much beyond chance
    [(20, 5, 10, 15, 0.4), (45, 15, 25, 15, 0.1304), (25, 35, 5, 35, 0.2593)],
)
def test_cohens_kappa_of_the_textbook_tables(
    both_yes: int, first_only: int, second_only: int, both_no: int, kappa: float
) -> None:
    rows = [("yes", "yes")] * both_yes + [("yes", "no")] * first_only
    rows += [("no", "yes")] * second_only + [("no", "no")] * both_no
    assert cohens_kappa(rows) == pytest.approx(kappa, abs=5e-5)


#: Krippendorff (2011), section D: four observers, twelve units, 0 is missing; nominal alpha 0.743
_FOUR = (
    (1, 2, 3, 3, 2, 1, 4, 1, 2, 0, 0, 0),
    (1, 2, 3, 3, 2, 2, 4, 1, 2, 5, 0, 3),
    (0, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, 0),
    (1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, 0),
)


def test_krippendorffs_alpha_of_four_observers_with_missing_values() -> None:
    units = [[str(word) for word in column if word] for column in zip(*_FOUR, strict=True)]
    assert krippendorffs_alpha(units) == pytest.approx(0.743, abs=5e-4)


def test_krippendorffs_alpha_of_two_observers_and_two_words() -> None:
    # Krippendorff (2011), section A: ten units; alpha 0.095
    meg, owen = "0100000000", "1110010010"
    assert krippendorffs_alpha([list(pair) for pair in zip(meg, owen, strict=True)]) == pytest.approx(0.095, abs=5e-4)


def test_krippendorffs_alpha_of_two_observers_and_five_words() -> None:
    # Krippendorff (2011), section B: twelve units; alpha 0.692
    ben, gerry = "aabbdcccedda", "babbbccceddd"
    assert krippendorffs_alpha([list(pair) for pair in zip(ben, gerry, strict=True)]) == pytest.approx(0.692, abs=5e-4)


def test_where_everybody_says_the_same_one_word_agreement_means_nothing() -> None:
    assert cohens_kappa([("yes", "yes")] * 5) is None
    assert krippendorffs_alpha([["yes", "yes"]] * 5) is None
    assert cohens_kappa([]) is None
    assert krippendorffs_alpha([["yes"], ["no"]]) is None


def test_perfect_agreement_on_several_words_is_one() -> None:
    assert cohens_kappa([("a", "a"), ("b", "b")]) == 1
    assert krippendorffs_alpha([["a", "a", "a"], ["b", "b"]]) == 1
