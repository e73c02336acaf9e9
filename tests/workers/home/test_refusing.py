"""Jobs that point anywhere but where the campaign may point."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes.home_tracker import a_lease
from tests.workers.home.at_home import CAMPAIGN, RECIPE
from workers.home.client import is_lease_name
from workers.home.refusing import is_below, refusals
from workers.protocol.messages import Leased

GOOD = "https://archives.test/crawl/a.warc.gz"
KINDS = ("extract", "fetch")


def an_extract(**changes: Any) -> Leased:
    told: dict[str, Any] = {"kind": "extract", "form": "warc", "recipe": RECIPE.digest, "input": GOOD, "input_sha256": "",
                      "input_bytes": 0}  # fmt: skip
    return a_lease(**(told | changes))


def test_the_campaigns_own_jobs_are_done() -> None:
    assert refusals(an_extract(), CAMPAIGN, KINDS) == []
    assert refusals(a_lease(recipe=RECIPE.digest), CAMPAIGN, KINDS) == []


@pytest.mark.parametrize(
    "address",
    [
        "",
        "/etc/passwd",
        "file:///etc/passwd",
        "ftp://archives.test/a",
        "s3://archives.test/a",
        "http://archives.test/a",
        "https://127.0.0.1/a",
        "https://archives.test.evil.test/a",
        "https://archives.test@evil.test/a",
        "https://user@archives.test/a",
        "https://archives.test:8443/a",
        "https://evil.test/https://archives.test/",
        "https://archives.test/../a",
        "https://archives.test/x/../../a",
        "https://archives.test/%2e%2e/a",
        "https://archives.test\\@evil.test/a",
        "https://archives.test/a\nb",
        "https://archives.test/a b",
        " https://archives.test/a",
        "HTTPS://ARCHIVES.TEST/a",
        "https://archives.test/a#b",
        "https:/archives.test/a",
        "https://archives.test",
        "javascript:alert(1)",
        "https://archives.test/" + "\ud800",
    ],
)
def test_an_archive_elsewhere_is_refused(address: str) -> None:
    # defect 3: nothing that a tracker writes reaches a shell or leads elsewhere
    assert refusals(an_extract(input=address), CAMPAIGN, KINDS)


@pytest.mark.parametrize(
    "changes",
    [
        {"form": "exe"},
        {"form": ""},
        {"input_sha256": "0" * 64},
        {"input_bytes": 1},
        {"number": -1, "lease": "x"},
        {"number": 10**12, "lease": "x"},
        {"lease": "../../x"},
        {"lease": ""},
        {"lease": "a/b"},
        {"lease": "x" * 201},
        {"fence": -1},
        {"job": 2**60},
        {"recipe": "other"},
        {"kind": "score"},
        {"kind": "rm -rf"},
    ],
)
def test_what_no_job_of_ours_looks_like_is_refused(changes: dict[str, Any]) -> None:
    number = changes.pop("number", None)
    lease = an_extract(**changes)
    if number is not None:
        lease = msgspec.structs.replace(lease, spec=msgspec.structs.replace(lease.spec, number=number))
    assert refusals(lease, CAMPAIGN, KINDS)


def test_kinds_that_nobody_asked_for_are_refused() -> None:
    assert refusals(an_extract(), CAMPAIGN, ("fetch",))


@given(st.text())
def test_no_address_makes_it_stumble(address: str) -> None:
    assert isinstance(is_below(address, ("https://archives.test/",)), bool)
    assert not is_below(address, ())


@given(st.text())
def test_a_lease_name_can_stand_in_an_address(name: str) -> None:
    if is_lease_name(name):
        assert not set(name) & set("/.?#%\\ \n")
