"""V6: what stands out among other workers' results is odd, and never more than that."""

from __future__ import annotations

import random

import pytest

from workers.tracker.checking.population import Peer, look_population, stability_index
from workers.tracker.trust import Said


def figures(seed: int, *, yielded: float = 0.3, seconds: float = 600.0, **changes: float) -> dict[str, float]:
    draw = random.Random(seed)
    rows = 1_000.0
    kept = round(rows * yielded * draw.uniform(0.8, 1.2))
    gone = round((rows - kept) * draw.uniform(0.4, 0.5))
    return {
        "rows": rows,
        "kept": float(kept),
        "seconds": seconds * draw.uniform(0.5, 3.0),
        "body_bytes": rows * 20_000 * draw.uniform(0.7, 1.4),
        "reason_http_gone": float(gone),
        "reason_clip_similarity": rows - kept - gone,
        "language_en": 500.0 + draw.randrange(-80, 80),
        "language_de": 200.0 + draw.randrange(-50, 50),
        "language_ru": 300.0 + draw.randrange(-60, 60),
        "similarity_number": float(kept),
        "similarity_mark": float(draw.getrandbits(52)),
        "similarity_bin_25": kept * draw.uniform(0.4, 0.5),
        "similarity_bin_26": kept * draw.uniform(0.3, 0.4),
        **changes,
    }


PEERS = [Peer(number, figures(number)) for number in range(40)]


def said(found: dict[str, float], job: int = 1_000) -> Said:
    (signal,) = look_population(job, found, PEERS).signals
    return signal.said


def test_an_ordinary_result_is_like_the_others() -> None:
    assert [said(figures(seed)) for seed in range(100, 400)].count(Said.ODD) == 0


# invariants 19, 22
@pytest.mark.parametrize(
    "found",
    [
        pytest.param(figures(99, yielded=0.0), id="everything is dead"),
        pytest.param(figures(99, yielded=0.8), id="everything is good"),
        pytest.param(figures(99, seconds=0.01), id="in no time"),
        pytest.param(figures(99, language_ru=0.0), id="a language is missing"),
        pytest.param(figures(99, similarity_bin_25=0.0, similarity_bin_35=150.0), id="scores from elsewhere"),
        pytest.param(figures(99, similarity_mark=PEERS[3].figures["similarity_mark"]), id="another's scores"),
    ],
)
def test_what_stands_out_is_odd(found: dict[str, float]) -> None:
    assert said(found) is Said.ODD


def test_the_same_job_again_is_no_copy() -> None:
    assert said(figures(3), job=3) is Said.GOOD


def test_too_few_neighbours_say_nothing() -> None:
    (signal,) = look_population(1, figures(1), PEERS[:5]).signals
    assert signal.said is Said.NOTHING
    (signal,) = look_population(1_000, figures(101, rows=20.0), PEERS).signals
    assert signal.said is Said.NOTHING


def test_the_index_is_nought_for_equal_shares_and_grows_with_the_shift() -> None:
    one = {"a": 500.0, "b": 500.0}
    assert stability_index(one, {"a": 5_000.0, "b": 5_000.0}) == pytest.approx(0, abs=1e-3)
    assert stability_index(one, {"a": 9_000.0, "b": 1_000.0}) > 0.25
