from __future__ import annotations

from dataclasses import dataclass

import pytest

from crawler.errors import ScreeningError
from crawler.job.screening import Screening
from crawler.report import StageCount


@dataclass(frozen=True)
class AList:
    confidential: bool = True
    most_share: float = 0.001


def _stage(found: int, **rejected: int) -> StageCount:
    return StageCount("filter bodies", found, found - sum(rejected.values()), rejected)


def test_filters_say_themselves_what_is_withheld_and_how_much_is_plausible() -> None:
    screening = Screening.of([("secret", AList()), ("public", AList(confidential=False)), ("min_bytes", object())])
    assert screening.withheld == {"secret"}
    assert dict(screening.most_shares) == {"secret": 0.001, "public": 0.001}


def test_a_filter_without_a_limit_may_take_out_everything() -> None:
    Screening.of([("min_bytes", object()), ("public", AList(confidential=False, most_share=1.0))]).check(
        "crawl-00000", [_stage(100, min_bytes=60, public=40)]
    )


# checklist 40
@pytest.mark.parametrize(("found", "rejected"), [(1_000, 10), (100, 10), (20_000, 20), (11_000, 11)])
def test_what_is_plausible_passes(found: int, rejected: int) -> None:
    Screening.of([("secret", AList())]).check("crawl-00000", [_stage(found, secret=rejected)])


# checklist 40
@pytest.mark.parametrize(("found", "rejected"), [(1_000, 11), (100, 100), (20_000, 21)])
def test_a_list_that_takes_out_implausibly_much_ends_the_job(found: int, rejected: int) -> None:
    with pytest.raises(ScreeningError, match=f"crawl-00007: secret would take out {rejected} of {found} rows"):
        Screening.of([("secret", AList())]).check(
            "crawl-00007", [_stage(found, other=0), _stage(found, secret=rejected)]
        )
