"""V3: pictures that are not there and omissions are found, and a web that changes accuses nobody."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from tests.builders import image_bytes
from tests.workers.tracker.checking.made import Here, Made
from tests.workers.tracker.mutations import Samples, kept, said_dead, with_raw_rows, with_rows
from workers.tracker.checking.chance import BAD, ODD, tail
from workers.tracker.checking.looked import Evidence, Looked
from workers.tracker.checking.web import _judged, _Seen, look_web
from workers.tracker.trust import Said


def looked(results: Made, evidence: Evidence, sample: int = 40) -> Looked:
    return look_web(evidence, sample, b"seed", results.tools, {}, Here())


@pytest.mark.parametrize("kind", ["crawl", "fetch"])
def test_an_honest_result_is_what_the_web_has(results: Made, kind: str) -> None:
    found = looked(results, getattr(results, kind))
    assert [signal.said for signal in found.signals] == [Said.GOOD]
    assert found.signals[0].wrong == 0
    assert found.figures["web_looked"] >= 10
    hosts = [number for name, number in found.figures.items() if name.endswith("_looked") and name != "web_looked"]
    assert sum(hosts) == found.figures["web_looked"]


def _all_dead(samples: Samples) -> None:
    for index in kept(samples):
        samples[index] = said_dead(samples[index])


def _all_adverts(samples: Samples) -> None:
    for place, index in enumerate(kept(samples)):
        row = samples[index].row | {
            "sha256": f"{place:064x}", "phash": f"{random.Random(place).getrandbits(64):016x}",
            "pdq": f"{random.Random(place).getrandbits(256):064x}",
        }  # fmt: skip
        samples[index] = samples[index]._replace(row=row, image=image_bytes((80, 60), kind="JPEG"))


# invariants 21, 22
@pytest.mark.parametrize("change", [_all_dead, _all_adverts])
def test_pictures_that_are_not_there_and_those_that_are_said_to_be_dead_are_found(
    results: Made, change: Callable[[Samples], None]
) -> None:
    for evidence, build in ((results.crawl, with_rows), (results.fetch, with_raw_rows)):
        changed = build(evidence, results.folder(), results.tools, change)
        assert [signal.said for signal in looked(results, changed).signals] != [Said.GOOD]


def a_look(changed: float, draw: random.Random, *, hosts: int = 25, soft_404: float = 0.0) -> Looked:
    """Fifty kept rows of which so many changed; some hosts have nothing of what they had."""
    gone = {host for host in range(hosts) if draw.random() < soft_404}
    seen = [
        _Seen(f"{place % hosts}.test", "kept", differs=place % hosts in gone or draw.random() < changed)
        for place in range(50)
    ]
    return Looked((_judged(seen, {}),))


# invariant 34
def test_a_web_that_changes_accuses_nobody_and_half_made_up_is_found_at_once() -> None:
    draw = random.Random(34)
    honest = [a_look(0.15, draw).signals[0].said for _ in range(2_000)]
    assert honest.count(Said.GOOD) >= 1_999
    assert Said.BAD not in honest
    drifting = [a_look(0.10, draw, soft_404=0.03).signals[0].said for _ in range(500)]
    assert Said.BAD not in drifting
    assert drifting.count(Said.ODD) <= 2
    for _ in range(100):
        made_up = [a_look(0.5 + 0.5 * 0.15, draw).signals[0].said for _ in range(2)]
        assert made_up != [Said.GOOD, Said.GOOD]


# invariant 34
def test_a_host_on_which_everything_changes_for_everybody_is_forgiven() -> None:
    seen = [_Seen("cdn.test", "kept", differs=place < 27) for place in range(50)]
    assert _judged(seen, {}).said is not Said.GOOD
    assert _judged(seen, {"cdn.test": (200, 100)}).said is Said.GOOD


def test_rows_that_we_could_not_ask_for_say_nothing() -> None:
    assert _judged([_Seen("a.test", "kept", differs=None)] * 50, {}).said is Said.NOTHING


def test_chance_is_counted_as_the_reference_has_it() -> None:
    """tracker.md 3.1: n = 50 is refused at 19, n = 100 at 31, both below 1e-4; half made up is then found."""
    assert tail([0.15] * 50, 19) < ODD < tail([0.15] * 50, 18)
    assert tail([0.15] * 100, 31) < ODD < tail([0.15] * 100, 30)
    assert tail([0.15] * 50, 50) < BAD
    assert tail([], 0) == 1.0
    assert tail([0.5] * 3, 3) == pytest.approx(0.125)
