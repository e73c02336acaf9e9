"""Whose turn it is: places and spacing of sites, pauses and rests of hosts."""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crawler.courtesy.desk import Heard, Word
from crawler.courtesy.host_health import Refusal
from crawler.courtesy.hosts import HostBook
from crawler.records import Fault
from crawler.settings import Manners

ANSWERED, FAILED = Word(Heard.ANSWERED), Word(Heard.FAILED)
FREE: dict[str, Any] = {"requests_at_once": 1000, "seconds_between_requests": 0.0}


def patience(seconds: float = 0.0) -> Word:
    return Word(Heard.PATIENCE, seconds)


def shortest(a: float, _b: float) -> float:
    return a


class Street:
    """A book with a clock: every step goes through here, and what is called is written down."""

    def __init__(self, hold_seconds: float = math.inf, most_remembered: int = 1000, **manners: Any) -> None:
        self.book: HostBook[str] = HostBook(
            Manners(**manners), uniform=shortest, hold_seconds=hold_seconds, most_remembered=most_remembered
        )
        self.now = 1_000.0
        self.inside: dict[str, float] = {}
        self.refused: dict[str, Refusal] = {}

    def ask(self, host: str, *tickets: str) -> None:
        for ticket in tickets:
            self.book.ask(host, ticket, self.now)
            self.look()

    def leave(self, ticket: str, word: Word | None = None) -> None:
        self.inside.pop(ticket, None)
        self.book.leave(ticket, word, self.now)
        self.look()

    def look(self) -> None:
        for ticket, refusal in self.book.due(self.now):
            if refusal is None:
                self.inside[ticket] = self.now
            else:
                assert ticket not in self.refused
                self.refused[ticket] = refusal

    def wait(self, seconds: float) -> None:
        """Time passes, and the book is looked at whenever it wants to be."""
        until = self.now + seconds
        while (due := self.book.next_due()) <= until:
            self.now = max(self.now, due)
            self.look()
            assert self.book.next_due() > self.now or self.book.next_due() == -math.inf
        self.now = until
        self.look()

    def fail(self, host: str, times: int) -> None:
        for number in range(times):
            self.ask(host, f"failing {number}")
            self.leave(f"failing {number}", FAILED)

    def faults(self) -> dict[str, Fault]:
        return {ticket: refusal.fault for ticket, refusal in self.refused.items()}


# places and spacing


def test_the_first_few_go_at_once_and_the_next_waits() -> None:
    street = Street(requests_at_once=2, seconds_between_requests=0)
    street.ask("a.test", "1", "2", "3")
    assert list(street.inside) == ["1", "2"]


def test_sites_do_not_wait_for_each_other_but_hosts_of_one_site_do() -> None:
    street = Street(requests_at_once=1, seconds_between_requests=0)
    street.ask("img.a.test", "1")
    street.ask("www.a.test", "2")
    street.ask("b.test", "3")
    street.ask("anna.github.io", "4")
    street.ask("ben.github.io", "5")
    assert list(street.inside) == ["1", "3", "4", "5"]


def test_a_place_goes_to_whoever_waits_longest_and_who_withdrew_is_passed_over() -> None:
    street = Street(requests_at_once=1, seconds_between_requests=0)
    street.ask("a.test", "1", "2", "3", "4")
    street.leave("2")
    street.leave("nobody")
    for following in ("3", "4"):
        street.leave(next(iter(street.inside)), ANSWERED)
        assert list(street.inside) == [following]


def test_whoever_waits_goes_before_whoever_comes_when_the_time_has() -> None:
    street = Street(requests_at_once=9, seconds_between_requests=1.0)
    street.ask("a.test", "1", "2")
    street.now += 1.0  # and nobody looks
    street.ask("a.test", "3")
    assert list(street.inside) == ["1", "2"]


def test_who_leaves_twice_frees_one_place() -> None:
    street = Street(requests_at_once=1, seconds_between_requests=0)
    street.ask("a.test", "1", "2", "3")
    street.leave("1")
    street.leave("1")
    assert list(street.inside) == ["2"]


def test_who_asks_again_has_one_place_and_is_called_again() -> None:
    street = Street(requests_at_once=2, seconds_between_requests=0)
    street.ask("a.test", "1", "1")
    street.inside.clear()
    street.ask("a.test", "1", "2", "3", "3")
    assert list(street.inside) == ["1", "2"]
    street.leave("1")
    street.leave("2")
    assert list(street.inside) == ["3"]


def test_starts_at_a_site_are_apart() -> None:
    street = Street(requests_at_once=2, seconds_between_requests=1.5)
    street.ask("a.test", "1")
    street.ask("b.a.test", "2")
    street.leave("1")
    street.ask("a.test", "3")
    street.wait(1.0)
    street.leave("2")
    assert not street.inside
    street.wait(9.0)
    assert street.inside == {"3": 1_001.5}


def test_islands_share_the_rate_of_a_site_and_the_requests_at_once() -> None:
    street = Street(requests_at_once=9, seconds_between_requests=1.0, islands=4)
    street.ask("a.test", "1", "2", "3")
    street.wait(20.0)
    assert street.inside == {"1": 1_000.0, "2": 1_004.0}


def test_an_island_may_always_ask_once() -> None:
    street = Street(requests_at_once=2, seconds_between_requests=0, islands=4)
    street.ask("a.test", "1", "2")
    assert list(street.inside) == ["1"]
    street.leave("1", ANSWERED)
    assert list(street.inside) == ["2"]


def test_a_crawl_delay_slows_the_whole_site_and_never_quickens_it() -> None:  # checklist 46
    street = Street(requests_at_once=9, seconds_between_requests=1.0)
    street.ask("a.test", "1", "2", "3", "4")
    street.book.slow_to("www.a.test", 5.0, street.now)
    street.book.slow_to("a.test", 0.5, street.now)
    street.wait(12.0)
    assert list(street.inside.values()) == [1_000.0, 1_005.0, 1_010.0]


def test_a_crawl_delay_is_remembered_when_the_site_is_forgotten() -> None:
    street = Street(requests_at_once=9, seconds_between_requests=0, islands=2)
    street.book.slow_to("a.test", 5.0, street.now)
    street.wait(10.0)
    assert len(street.book) == 0
    street.ask("www.a.test", "1", "2")
    street.wait(100.0)
    assert list(street.inside.values()) == [1_010.0, 1_020.0]


def test_a_crawl_delay_counts_from_when_it_was_read() -> None:
    street = Street(requests_at_once=9, seconds_between_requests=0)
    street.ask("a.test", "robots.txt")
    street.leave("robots.txt", ANSWERED)
    street.book.slow_to("a.test", 5.0, street.now)
    street.ask("a.test", "1")
    street.wait(9.0)
    assert street.inside == {"1": 1_005.0}


def test_a_crawl_delay_counts_for_who_waits_at_a_site_that_was_forgotten_meanwhile() -> None:
    street = Street(requests_at_once=1, seconds_between_requests=0.0)
    street.ask("a.test", "first")
    street.leave("first", patience())  # one second
    street.ask("a.test", "second")
    street.book.slow_to("a.test", 2.0, street.now)
    street.wait(1.9)
    assert "second" not in street.inside
    street.wait(0.2)
    assert "second" in street.inside


@pytest.mark.parametrize("seconds", [math.nan, -1.0, 0.0, -math.inf])
def test_a_crawl_delay_that_is_none_changes_nothing(seconds: float) -> None:
    street = Street(requests_at_once=9, seconds_between_requests=1.0)
    street.book.slow_to("a.test", seconds, street.now)
    street.ask("a.test", "1", "2")
    street.wait(1.0)
    assert list(street.inside) == ["1", "2"]


def test_an_endless_crawl_delay_does_not_close_a_site_for_ever() -> None:
    street = Street(longest_crawl_delay_seconds=30.0)
    street.book.slow_to("a.test", math.inf, street.now)
    street.ask("a.test", "1", "2")
    street.wait(60.0)
    assert list(street.inside) == ["1", "2"]


# who would come too late


def test_a_row_whose_turn_would_come_too_late_is_given_up_at_once() -> None:
    street = Street(requests_at_once=9, seconds_between_requests=1.0, longest_wait_seconds=3.0)
    street.ask("a.test", *"123456")
    assert street.faults() == {"5": Fault.HOST_BUSY, "6": Fault.HOST_BUSY}
    street.wait(3.0)
    assert list(street.inside) == ["1", "2", "3", "4"]


def test_without_spacing_nobody_is_refused_for_the_length_of_the_line() -> None:
    street = Street(requests_at_once=1, seconds_between_requests=0, longest_wait_seconds=0.001)
    street.ask("a.test", *map(str, range(1000)))
    assert not street.refused


def test_a_crawl_delay_refuses_those_in_line_whose_turn_is_now_too_late() -> None:
    street = Street(requests_at_once=9, seconds_between_requests=1.0, longest_wait_seconds=30.0)
    street.ask("a.test", *"12345")
    street.book.slow_to("a.test", 14.0, street.now)
    street.look()
    assert street.faults() == {"4": Fault.HOST_BUSY, "5": Fault.HOST_BUSY}


def test_who_waits_for_one_that_never_leaves_is_refused_in_the_end() -> None:
    street = Street(requests_at_once=1, seconds_between_requests=0, longest_wait_seconds=10.0)
    street.ask("a.test", "1", "2")
    street.wait(14.0)
    assert not street.refused
    street.wait(2.0)
    assert street.faults() == {"2": Fault.HOST_BUSY}


def test_a_place_that_is_held_too_long_is_taken_back_once() -> None:
    street = Street(hold_seconds=60.0, requests_at_once=1, seconds_between_requests=0)
    street.ask("a.test", "dead", "2", "3")
    street.wait(60.0)
    assert "2" in street.inside
    street.leave("dead", FAILED)  # it was only slow; but its place is gone
    assert "3" not in street.inside


# pauses


def test_retry_after_pauses_a_host_and_not_its_site() -> None:  # checklist 51
    street = Street(**FREE)
    street.ask("img.a.test", "1")
    street.leave("1", patience(20.0))
    street.ask("img.a.test", "2")
    street.ask("www.a.test", "3")
    assert list(street.inside) == ["3"]
    street.wait(19.9)
    assert "2" not in street.inside
    street.wait(0.1)
    assert "2" in street.inside


def test_those_in_line_stand_aside_while_their_host_is_paused_and_lose_no_place() -> None:
    street = Street(requests_at_once=1, seconds_between_requests=1.0)
    street.ask("img.a.test", "1", "2", "3")
    street.ask("www.a.test", "4")
    street.leave("1", patience(20.0))
    street.wait(1.0)
    assert list(street.inside) == ["4"]
    street.leave("4", ANSWERED)
    street.wait(19.0)
    assert list(street.inside) == ["2"]
    street.leave("2", ANSWERED)
    street.wait(1.0)
    assert list(street.inside) == ["3"]


def test_a_retry_after_longer_than_rows_may_wait_refuses_them_at_once() -> None:
    street = Street(requests_at_once=1, seconds_between_requests=0, longest_wait_seconds=300.0)
    street.ask("a.test", "1", "2", "3")
    street.leave("1", patience(301.0))
    street.ask("a.test", "4")
    assert street.faults() == dict.fromkeys("234", Fault.HOST_BUSY)
    assert not street.inside


def test_a_host_without_retry_after_is_left_alone_longer_each_time_up_to_five_minutes() -> None:
    book: HostBook[int] = HostBook(Manners(**FREE, longest_wait_seconds=1e6), uniform=lambda _a, b: b)
    waits, now = [], 0.0
    for ticket in range(11):
        asked_at = now
        book.ask("a.test", ticket, now)
        while not book.due(now):
            now = book.next_due()
        waits.append(now - asked_at)
        book.leave(ticket, patience(), now)
    assert waits == [0.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 300.0, 300.0]


def test_several_answers_that_were_under_way_together_are_one_word() -> None:
    street = Street(**FREE)
    street.ask("a.test", *map(str, range(100)))
    for ticket in list(street.inside):
        street.leave(ticket, patience())
    street.ask("a.test", "next")
    street.wait(1.0)
    assert "next" in street.inside


def test_an_answer_ends_the_doubling_but_not_a_pause_that_was_asked_for() -> None:
    street = Street(**FREE)
    street.ask("a.test", "1", "2")
    street.leave("1", patience(20.0))
    street.leave("2", ANSWERED)
    street.ask("a.test", "3")
    street.wait(19.0)
    assert "3" not in street.inside
    street.wait(1.0)
    assert "3" in street.inside


@pytest.mark.parametrize("seconds", [math.nan, -5.0, math.inf, 1e300])
def test_a_retry_after_that_is_no_time_pauses_between_a_second_and_a_day(seconds: float) -> None:
    street = Street(**FREE, longest_wait_seconds=1e6)
    street.ask("a.test", "1")
    street.leave("1", patience(seconds))
    street.ask("a.test", "2")
    street.wait(0.9)
    assert "2" not in street.inside
    street.wait(86_400.0)
    assert "2" in street.inside


# the circuit breaker


def test_a_host_that_fails_time_and_again_is_left_alone() -> None:
    street = Street(**FREE, failures_in_a_row=3, rest_seconds=100.0)
    street.fail("a.test", 2)
    street.ask("a.test", "under way")
    street.ask("a.test", "third")
    street.leave("third", FAILED)
    street.ask("a.test", "refused")
    street.ask("b.test", "elsewhere")
    assert street.faults() == {"refused": Fault.HOST_DOWN}
    assert list(street.inside) == ["under way", "elsewhere"]


def test_an_answer_in_between_starts_the_count_anew() -> None:
    street = Street(**FREE, failures_in_a_row=3)
    for _ in range(5):
        street.fail("a.test", 2)
        street.ask("a.test", "fine")
        street.leave("fine", ANSWERED)
    assert not street.refused


def test_those_who_wait_for_a_host_are_refused_when_it_goes_down() -> None:
    street = Street(requests_at_once=1, seconds_between_requests=0, failures_in_a_row=1)
    street.ask("img.a.test", "1", "2")
    street.ask("www.a.test", "3")
    street.leave("1", FAILED)
    assert street.faults() == {"2": Fault.HOST_DOWN}
    assert list(street.inside) == ["3"]


def _rested(**more: Any) -> Street:
    """A street where a.test has failed and rested, and one probes it while two wait."""
    street = Street(**(FREE | {"failures_in_a_row": 2, "rest_seconds": 100.0} | more))
    street.fail("a.test", 2)
    street.wait(100.0)
    street.ask("a.test", "probe", "2", "3")
    assert list(street.inside) == ["probe"]
    return street


def test_after_its_rest_one_probes_the_host_and_an_answer_lets_the_others_in() -> None:
    street = _rested()
    street.leave("probe", ANSWERED)
    assert list(street.inside) == ["2", "3"]


def test_a_probe_that_fails_refuses_the_others_and_doubles_the_rest() -> None:
    street = _rested()
    street.leave("probe", FAILED)
    assert street.faults() == {"2": Fault.HOST_DOWN, "3": Fault.HOST_DOWN}
    street.wait(199.0)
    street.ask("a.test", "4")
    assert street.faults()["4"] is Fault.HOST_DOWN
    street.wait(1.0)
    street.ask("a.test", "5")
    assert list(street.inside) == ["5"]


@pytest.mark.parametrize("word", [None, patience(5.0)])
def test_a_probe_that_learns_something_else_is_followed_by_others(word: Word | None) -> None:
    street = _rested()
    street.leave("probe", word)
    street.wait(5.0)
    assert list(street.inside) == (["2"] if word is None else ["2", "3"])


def test_a_probe_that_never_comes_back_is_followed_by_another() -> None:
    street = Street(hold_seconds=60.0, **FREE, failures_in_a_row=1, rest_seconds=100.0)
    street.fail("a.test", 1)
    street.wait(100.0)
    street.ask("a.test", "dead", "2")
    street.wait(60.0)
    assert "2" in street.inside


def test_a_probe_that_withdraws_in_the_line_is_followed_by_another() -> None:
    street = Street(requests_at_once=1, seconds_between_requests=0, failures_in_a_row=1, rest_seconds=100.0)
    street.fail("img.a.test", 1)
    street.wait(100.0)
    street.ask("www.a.test", "1")
    street.ask("img.a.test", "probe", "2")
    street.leave("probe")
    street.leave("1", ANSWERED)
    assert list(street.inside) == ["2"]


def test_a_failure_that_was_under_way_does_not_lengthen_the_rest() -> None:
    street = Street(**FREE, failures_in_a_row=2, rest_seconds=100.0)
    street.ask("a.test", "1", "2", "3", "4")
    for ticket in "1234":
        street.wait(1.0)
        street.leave(ticket, FAILED)
    street.wait(98.0)
    street.ask("a.test", "probe")
    assert list(street.inside) == ["probe"]


def test_an_answer_that_was_under_way_ends_the_rest() -> None:
    street = Street(**FREE, failures_in_a_row=1)
    street.ask("a.test", "1", "2")
    street.leave("1", FAILED)
    street.leave("2", ANSWERED)
    street.ask("a.test", "3")
    assert list(street.inside) == ["3"]


def test_a_probe_is_none_any_more_when_somebody_else_was_answered() -> None:
    street = Street(**FREE, failures_in_a_row=2, rest_seconds=100.0)
    street.ask("a.test", "under way")
    street.fail("a.test", 2)
    street.wait(100.0)
    street.ask("a.test", "probe")
    street.leave("under way", ANSWERED)
    street.leave("probe", FAILED)  # the first in a row
    street.ask("a.test", "next")
    assert list(street.inside) == ["next"]


def test_rests_grow_up_to_an_hour_and_are_never_shorter_than_the_recipe_says() -> None:
    book: HostBook[int] = HostBook(Manners(**FREE, failures_in_a_row=1, rest_seconds=1_000.0), uniform=lambda _a, b: b)
    now, rests = 0.0, []
    for ticket in range(4):
        book.ask("a.test", ticket, now)
        assert book.due(now) == [(ticket, None)]
        book.leave(ticket, FAILED, now)
        book.ask("a.test", -1, now)
        ((_, refusal),) = book.due(now)
        assert refusal is not None
        rests.append(float(refusal.detail.removeprefix("left alone for another ").removesuffix(" s")))
        now += rests[-1]
    assert rests == [1_250.0, 2_500.0, 4_500.0, 4_500.0]


# memory


def test_sites_without_anybody_are_forgotten() -> None:
    street = Street(seconds_between_requests=1.0)
    for number in range(3_000):
        street.ask(f"host-{number}.test", "1")
        street.leave("1", ANSWERED)
        street.wait(0.01)
    assert len(street.book) <= 101
    street.wait(1.0)
    assert len(street.book) == 0


def test_hosts_in_trouble_are_forgotten_about_a_rest_later() -> None:
    street = Street(**FREE, rest_seconds=100.0)
    street.fail("failed.test", 1)
    street.fail("down.test", 5)
    street.ask("busy.test", "1")
    street.leave("1", patience(10.0))
    assert len(street.book) == 3
    street.wait(99.0)
    assert len(street.book) == 3
    street.wait(101.0)
    assert len(street.book) == 0


def test_more_troubled_hosts_than_there_is_room_for_push_out_the_oldest() -> None:
    street = Street(**FREE, failures_in_a_row=1, most_remembered=10)
    street.ask("host-0.test", "under way")
    for number in range(100):
        street.fail(f"host-{number}.test", 1)
    assert len(street.book) == 11
    street.ask("host-0.test", "forgotten")
    street.ask("host-99.test", "remembered")
    assert list(street.inside) == ["under way", "forgotten"]
    assert list(street.refused) == ["remembered"]


def test_more_crawl_delays_than_there_is_room_for_push_out_the_oldest() -> None:
    street = Street(**FREE, most_remembered=10)
    for number in range(100):
        street.book.slow_to(f"host-{number}.test", 9.0, street.now)
    street.wait(9.0)
    street.ask("host-0.test", "1", "2")
    street.ask("host-99.test", "3", "4")
    assert list(street.inside) == ["1", "2", "3"]


# whatever happens

HOSTS = ["a.test", "img.a.test", "b.test", "anna.github.io", "192.0.2.1"]
WORDS = [None, ANSWERED, FAILED, patience(), patience(3.0), patience(50.0)]
STEPS = st.one_of(
    st.tuples(st.just("ask"), st.sampled_from(HOSTS)),
    st.tuples(st.just("ask"), st.sampled_from(HOSTS)),
    st.tuples(st.just("leave"), st.integers(0, 20), st.sampled_from(WORDS)),
    st.tuples(st.just("withdraw"), st.integers(0, 20)),
    st.tuples(st.just("slow"), st.sampled_from(HOSTS), st.floats(0, 4)),
    st.tuples(st.just("wait"), st.floats(0, 8)),
)
MANNERS = st.builds(
    Manners,
    requests_at_once=st.integers(1, 3),
    seconds_between_requests=st.sampled_from([0.0, 0.5, 1.0]),
    longest_wait_seconds=st.sampled_from([2.0, 20.0]),
    failures_in_a_row=st.integers(1, 3),
    rest_seconds=st.sampled_from([1.0, 10.0]),
    islands=st.integers(1, 2),
)


class Witness:
    """Watches a book from outside, and objects to whatever should not be."""

    def __init__(self, manners: Manners, hold_seconds: float) -> None:
        self.manners = manners
        self.hold_seconds = hold_seconds
        self.book: HostBook[int] = HostBook(manners, uniform=shortest, hold_seconds=hold_seconds)
        self.now = 0.0
        self.tickets = iter(range(1_000_000))
        self.waiting: dict[int, tuple[str, float]] = {}
        self.inside: dict[int, tuple[str, float]] = {}
        self.paused: dict[str, float] = {}
        self.troubled: set[str] = set()
        self.spacing: dict[str, float] = {}
        self.last_start: dict[str, float] = {}
        self.read_at: dict[str, float] = {}  # when a Crawl-delay was read: it may count from then on

    def site(self, host: str) -> str:
        return host.removeprefix("img.")

    def spacing_of(self, host: str) -> float:
        delay = self.spacing.get(self.site(host), 0.0)
        return max(self.manners.seconds_between_requests, delay) * self.manners.islands

    def step(self, kind: str, *rest: Any) -> None:
        if kind == "ask":
            ticket = next(self.tickets)
            self.waiting[ticket] = rest[0], self.now
            self.book.ask(rest[0], ticket, self.now)
        elif kind == "leave" and self.inside:
            self._leave(list(self.inside)[rest[0] % len(self.inside)], rest[1])
        elif kind == "withdraw" and self.waiting:
            ticket = list(self.waiting)[rest[0] % len(self.waiting)]
            del self.waiting[ticket]
            self.book.leave(ticket, None, self.now)
        elif kind == "slow":
            site = self.site(rest[0])
            if rest[1] * self.manners.islands > self.spacing_of(site):
                self.spacing[site] = rest[1]
                self.last_start.setdefault(site, self.now)
                self.read_at[site] = self.now
            self.book.slow_to(rest[0], rest[1], self.now)
        elif kind == "wait":
            until = self.now + rest[0]
            while (due := self.book.next_due()) <= until:
                self.now = max(self.now, due)
                self.look()
            self.now = until
        self.look()

    def _leave(self, ticket: int, word: Word | None) -> None:
        host, _ = self.inside.pop(ticket)
        if word and word.heard is Heard.PATIENCE:
            self.paused[host] = max(self.paused.get(host, 0.0), self.now + max(1.0, word.seconds))
        if word and word.heard is not Heard.ANSWERED:
            self.troubled.add(host)
        self.book.leave(ticket, word, self.now)

    def look(self) -> None:
        called = self.book.due(self.now)
        for ticket in [one for one, (_, since) in self.inside.items() if since + self.hold_seconds <= self.now]:
            del self.inside[ticket]
        for ticket, refusal in called:
            host, since = self.waiting.pop(ticket)
            if refusal is not None:
                assert refusal.fault in (Fault.HOST_BUSY, Fault.HOST_DOWN)
                assert refusal.fault is Fault.HOST_BUSY or host in self.troubled
                continue
            site = self.site(host)
            assert self.now <= since + 1.5 * self.manners.longest_wait_seconds
            assert self.now >= self.last_start.get(site, -math.inf) + self.spacing_of(host)
            assert self.now >= self.paused.get(host, -math.inf)
            self.last_start[site] = self.now
            self.inside[ticket] = host, self.now
        self._nobody_stands_where_they_should_not()

    def _nobody_stands_where_they_should_not(self) -> None:
        crowd = Counter(self.site(host) for host, _ in self.inside.values())
        places = max(1, self.manners.requests_at_once // self.manners.islands)
        assert all(number <= places for number in crowd.values())
        for host, asked in self.waiting.values():
            assert self.now < asked + 1.5 * self.manners.longest_wait_seconds
            free = crowd[self.site(host)] < places
            site = self.site(host)
            since = max(self.last_start.get(site, -math.inf), self.read_at.get(site, -math.inf))
            open_now = self.now >= since + self.spacing_of(host)
            assert host in self.troubled or not (free and open_now), "waits beside a free place"


@settings(max_examples=200, deadline=None)
@given(MANNERS, st.sampled_from([math.inf, 5.0]), st.lists(STEPS, max_size=60))
def test_whatever_happens_places_spacing_and_pauses_are_kept_and_every_ticket_ends(
    manners: Manners, hold_seconds: float, steps: list[Any]
) -> None:
    witness = Witness(manners, hold_seconds)
    for step in steps:
        witness.step(*step)
    while witness.inside or witness.waiting:
        for ticket in list(witness.inside):
            witness._leave(ticket, ANSWERED)
            witness.look()
        if witness.waiting:
            assert witness.book.next_due() < math.inf, "somebody waits, and nothing will ever happen"
            witness.step("wait", max(0.0, witness.book.next_due() - witness.now))
    for _ in range(20):
        witness.step("wait", 10_000.0)
    assert len(witness.book) == 0
