"""Rates, networks, cookies, the end of a campaign: what decides, without a server."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.workers.tracker.test_folder import a_document
from workers.tracker.folder import CampaignFolder, Secrets
from workers.tracker.web.ending import is_done
from workers.tracker.web.knowing import COOKIE_SECONDS, is_operator, operator_cookie
from workers.tracker.web.networks import caller_of, network_of
from workers.tracker.web.rates import Buckets


def some_secrets(folder: Path) -> Secrets:
    made, _ = CampaignFolder.create(folder, a_document())
    return made.read_secrets()


def test_a_bucket_gives_what_it_holds_and_then_as_fast_as_it_fills() -> None:
    buckets = Buckets(per_second=2.0, at_once=3.0)
    assert [buckets.take("a", 0.0) for _ in range(4)] == [0.0, 0.0, 0.0, 0.5]
    assert buckets.take("b", 0.0) == 0.0
    assert buckets.take("a", 0.5) == 0.0
    assert buckets.take("a", 0.5) == 0.5


@given(st.lists(st.floats(0, 10), max_size=60))
def test_no_more_is_given_than_was_held_and_has_come_since(gaps: list[float]) -> None:
    buckets, now, given_out = Buckets(per_second=1.0, at_once=5.0), 0.0, 0
    for gap in gaps:
        now += gap
        given_out += buckets.take("a", now) == 0.0
    assert given_out <= 5 + now + 1e-6


def test_a_clock_that_goes_back_fills_nothing() -> None:
    buckets = Buckets(per_second=1.0, at_once=1.0)
    assert buckets.take("a", 100.0) == 0.0
    assert buckets.take("a", 0.0) == 1.0


def test_a_million_callers_take_bounded_memory() -> None:
    buckets = Buckets(1.0, 1.0, most=100)
    for number in range(1_000):
        buckets.take(str(number), 0.0)
    assert len(buckets) == 100


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.77", "192.0.2.0/24"), ("2001:db8:1:2::3", "2001:db8:1::/48"), ("::ffff:192.0.2.77", "192.0.2.0/24"),
        ("fe80::1%eth0", "fe80::/48"), ("", "unknown"), ("a unix socket", "unknown"),
    ],
)  # fmt: skip
def test_a_network_is_what_one_subscriber_has(address: str, network: str) -> None:
    assert network_of(address) == network


@pytest.mark.parametrize(
    ("peer", "forwarded", "proxies", "caller"),
    [
        ("203.0.113.1", ["198.51.100.1"], [], "203.0.113.1"),  # nobody may say who he is
        ("127.0.0.1", ["198.51.100.1"], ["127.0.0.1/32"], "198.51.100.1"),
        ("127.0.0.1", ["1.1.1.1, 198.51.100.1"], ["127.0.0.1/32"], "198.51.100.1"),  # what he wrote himself comes first
        ("127.0.0.1", ["1.1.1.1", "198.51.100.1, 10.0.0.1"], ["127.0.0.1/32", "10.0.0.0/8"], "198.51.100.1"),
        ("127.0.0.1", [], ["127.0.0.1/32"], "127.0.0.1"),
        ("127.0.0.1", ["<script>"], ["127.0.0.1/32"], "127.0.0.1"),
        ("2001:db8::1", ["2001:db8:9::9"], ["127.0.0.0/8", "2001:db8::/64"], "2001:db8:9::9"),
    ],
)
def test_only_our_own_proxies_say_who_asks(peer: str, forwarded: list[str], proxies: list[str], caller: str) -> None:
    assert caller_of(peer, forwarded, proxies) == caller


def test_an_operator_s_cookie_counts_for_half_a_day_and_for_one_campaign(tmp_path: Path) -> None:
    mine, other = some_secrets(tmp_path / "mine"), some_secrets(tmp_path / "other")
    cookie = operator_cookie(mine, 1_000.0)
    assert is_operator(mine, cookie, 1_000.0)
    assert is_operator(mine, cookie, 999.0 + COOKIE_SECONDS)
    assert not is_operator(mine, cookie, 1_000.0 + COOKIE_SECONDS)
    assert not is_operator(other, cookie, 1_000.0)


@given(st.text(max_size=80))
def test_no_other_text_is_a_cookie(text: str) -> None:
    secrets = Secrets(admin_digest="0" * 64, network_key="1" * 64, canary_key="2" * 64, token_key="3" * 64)
    assert not is_operator(secrets, text, 0.0)
    assert not is_operator(secrets, f"9999.{text}", 0.0)


@pytest.mark.parametrize(
    ("counts", "kinds", "over"),
    [
        ({}, ("extract", "crawl"), False),
        ({"extract": {"committed": 5}}, ("extract", "crawl"), False),  # the plan comes next
        ({"extract": {"committed": 5}}, ("extract",), True),
        ({"extract": {"committed": 5}, "crawl": {"committed": 3, "poisoned": 1}}, ("extract", "crawl"), True),
        ({"crawl": {"committed": 3, "verified": 1}}, ("extract", "crawl"), False),
        ({"crawl": {"committed": 3, "ready": 0}}, ("crawl",), True),
        ({"fetch": {"committed": 3}}, ("fetch", "score"), False),
        ({"fetch": {"ready": 1}, "score": {"committed": 3}}, ("fetch", "score"), False),
        ({"crawl": {"cancelled": 3}}, (), False),
    ],
)
def test_a_campaign_is_over_when_its_last_step_is(
    counts: dict[str, dict[str, int]], kinds: tuple[str, ...], over: bool
) -> None:
    assert is_done(counts, kinds) is over
