"""What follows from judgements."""

from __future__ import annotations

import json

import pytest

from tests.workers.labelling.labels import CANNOT_TELL, DOES_NOT, MATCHES, UNSAFE, a_judgement, some_judged, uid
from workers.intervals import wilson
from workers.labelling.design import borderline_of, rejected_by
from workers.labelling.judged import Judged, Majority, majority_of
from workers.labelling.judgement import Word
from workers.labelling.precision import judged_report
from workers.labelling.telling import as_text


def strata(**counts: tuple[int, int, int]) -> Judged:
    """By stratum how many rows it stands for, and how many pairs of it match and do not; "kept", or a filter's name."""
    by_pair, number = {}, 0
    for name, (of, yes, no) in counts.items():
        stratum = name if name == "kept" else rejected_by(name)
        for word in [MATCHES] * yes + [DOES_NOT] * no:
            by_pair[uid(number)] = {"ada": a_judgement(number, word, stratum=stratum, of=of, sampled=yes + no)}
            number += 1
    return Judged(by_pair)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([MATCHES], Majority("matches", 1, 1)),
        ([MATCHES, MATCHES, DOES_NOT], Majority("matches", 3, 2)),
        ([MATCHES, DOES_NOT], Majority("", 2, 1)),
        ([MATCHES, CANNOT_TELL, CANNOT_TELL], Majority("matches", 3, 1)),
        ([CANNOT_TELL, CANNOT_TELL], Majority("cannot_tell", 2, 2)),
        ([UNSAFE, MATCHES, UNSAFE], Majority("unsafe", 3, 2)),
    ],
)
def test_a_pair_counts_as_what_most_say_of_it(words: list[Word], expected: Majority) -> None:
    assert majority_of(words) == expected


def test_the_precision_of_a_data_set_is_the_share_of_its_sample_that_matches() -> None:
    found = judged_report(some_judged(ada=[MATCHES] * 7 + [DOES_NOT] * 2 + [UNSAFE] + [CANNOT_TELL] * 5))["dataset"]
    low, high = wilson(7, 10)
    assert found["precision"] == {"share": 0.7, "low": round(low, 6), "high": round(high, 6), "judged": 10}
    assert found["unsafe"]["share"] == 0.1
    assert found["cannot_tell"] == 5


def test_a_filter_is_judged_by_what_it_kept_and_by_what_it_rejected() -> None:
    # in order: aspect, then clip_similarity. What aspect kept is what was kept, and what clip_similarity rejected
    judged = strata(kept=(800, 90, 10), clip_similarity=(200, 5, 45), aspect=(100, 8, 2))
    aspect, clip = judged_report(judged, ["aspect", "clip_similarity"])["filters"]
    assert (aspect["name"], clip["name"]) == ("aspect", "clip_similarity")
    assert aspect["kept"]["share"] == pytest.approx(0.8 * 0.9 + 0.2 * 0.1)
    assert aspect["rejected_rightly"]["share"] == pytest.approx(0.2)
    assert clip["kept"]["share"] == pytest.approx(0.9)
    assert clip["rejected_rightly"]["share"] == pytest.approx(0.9)


def test_what_was_not_judged_of_later_filters_is_named() -> None:
    judged = strata(kept=(800, 9, 1), aspect=(100, 8, 2))
    (aspect,) = judged_report(judged, ["aspect", "near_uniform", "clip_similarity"])["filters"]
    assert aspect["not_judged"] == ["near_uniform", "clip_similarity"]
    assert "near_uniform" in "\n".join(as_text(judged_report(judged, ["aspect", "near_uniform"])))


def test_borderline_pairs_stand_for_nothing_but_themselves() -> None:
    judged = strata(kept=(800, 9, 1))
    with_them = dict(judged.by_pair)
    for number in range(100, 120):
        said = a_judgement(number, DOES_NOT, stratum=borderline_of("clip_similarity"), of=20, sampled=20)
        with_them[uid(number)] = {"ada": said}
    found = judged_report(Judged(with_them), ["clip_similarity"])
    assert found["dataset"] == judged_report(judged, ["clip_similarity"])["dataset"]
    assert found["filters"] == []
    assert [one["name"] for one in found["strata"]] == ["kept", "borderline of clip_similarity"]


def test_a_stratum_of_which_little_can_be_told_weighs_less() -> None:
    by_pair = strata(kept=(1000, 10, 0), aspect=(1000, 0, 10), clip_similarity=(1000, 0, 10)).by_pair
    for number in range(100, 110):
        said = a_judgement(number, CANNOT_TELL, stratum=rejected_by("clip_similarity"), of=1000, sampled=20)
        by_pair[uid(number)] = {"ada": said}
    aspect, _ = judged_report(Judged(by_pair), ["aspect", "clip_similarity"])["filters"]
    assert aspect["kept"]["share"] == pytest.approx(1000 / 1500)


def test_agreement_of_several_labellers_and_where_they_disagree() -> None:
    found = judged_report(
        some_judged(
            ada=[MATCHES, MATCHES, DOES_NOT, DOES_NOT, MATCHES],
            ben=[MATCHES, DOES_NOT, DOES_NOT, DOES_NOT, None],
            eve=[None, MATCHES, DOES_NOT, None, MATCHES],
        )
    )
    assert [one["labellers"] for one in found["agreement"]["by_two"]] == [
        ["ada", "ben"],
        ["ada", "eve"],
        ["ben", "eve"],
    ]
    assert found["agreement"]["by_two"][0]["kappa"] == pytest.approx(0.5)
    assert found["agreement"]["by_two"][1]["kappa"] == 1
    assert found["agreement"]["pairs"] == 5
    assert 0 < found["agreement"]["alpha"] < 1
    (differing,) = found["disagreements"]
    assert differing["said"] == {"ada": "matches", "ben": "does_not", "eve": "matches"}
    assert found["dataset"]["precision"]["share"] == pytest.approx(3 / 5)


def test_the_report_is_json_and_the_same_again() -> None:
    judged = some_judged(ada=[MATCHES, DOES_NOT], ben=[DOES_NOT, DOES_NOT])
    assert json.dumps(judged_report(judged)) == json.dumps(judged_report(judged))


def test_the_text_says_figures_with_their_intervals() -> None:
    text = "\n".join(
        as_text(judged_report(strata(kept=(800, 90, 10), clip_similarity=(200, 5, 45)), ["clip_similarity"]))
    )
    assert "matches 90.0% (82.6% to 94.5%; 100)" in text
    assert "clip_similarity" in text
    assert "No pair has two labellers yet" in text
