"""Whoever is told of a phase hears the same; in a log it is a line now and then, on a terminal bars."""

from __future__ import annotations

import io
import threading

import pytest
from rich.console import Console

from crawler.report import Spent
from tests.workers.telling.stories import JOB, Clock, a_report
from workers.attempt import Outcome
from workers.blame import Blame
from workers.progress import Display
from workers.telling.events import Event, Failure, JobEnded, PhaseBegan, PhaseEnded, PhaseProgress, Said


def test_a_log_gets_a_line_at_the_start_every_ten_seconds_and_at_the_end() -> None:
    out, clock = io.StringIO(), Clock()
    display = Display(Console(file=out, width=120), clock)
    with display.phase("fetch", 100, "pairs") as phase:
        for _ in range(25):
            clock.now += 1
            phase.advance(4)
    assert out.getvalue().splitlines() == [
        "fetch: 100 pairs ...",
        "fetch: 40 of 100 pairs after 10 s, 4.0 a second, 15 s left",
        "fetch: 80 of 100 pairs after 20 s, 4.0 a second, 5 s left",
        "fetch: 100 of 100 pairs after 25 s",
    ]


def test_a_terminal_gets_a_bar_and_has_its_cursor_back() -> None:
    out = io.StringIO()
    display = Display(Console(file=out, width=80, force_terminal=True))

    def interrupted() -> None:
        with display.phase("fetch", 100, "pairs") as phase:
            phase.advance(100)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert "100/100" in out.getvalue()
    assert out.getvalue().rindex("\x1b[?25h") > out.getvalue().rindex("\x1b[?25l")


def test_what_is_no_terminal_gets_no_control_characters() -> None:
    out = io.StringIO()
    display = Display(Console(file=out, width=120))
    with display.phase("fetch", 100, "pairs") as phase:
        phase.note(Outcome(job=JOB, report=a_report()))
        display.say("there")
    assert "\x1b" not in out.getvalue()
    assert "\r" not in out.getvalue()


def test_brackets_in_what_is_said_are_no_markup() -> None:
    out = io.StringIO()
    Display(Console(file=out, width=120)).say("http://[::1]/[/a][bold]b")
    assert out.getvalue() == "http://[::1]/[/a][bold]b\n"


def test_a_job_that_ends_is_told_with_its_report_and_one_that_fails_with_its_text() -> None:
    heard: list[Event] = []
    display = Display(sinks=[heard.append])
    with display.phase("fetch", 100, "pairs", jobs=2) as phase:
        phase.note(Outcome(job=JOB, report=a_report(kept=30, http_gone=10)))
        phase.note(Outcome(job=JOB, failure="fetch-00007: no", blame=Blame.INPUT))
    began, ended, failed, last = heard
    assert (type(began), type(last)) == (PhaseBegan, PhaseEnded)
    assert isinstance(ended, JobEnded)
    assert isinstance(failed, Failure)
    assert isinstance(last, PhaseEnded)
    assert (ended.job, ended.rows, ended.kept, ended.reasons) == ("fetch-00007", 40, 30, {"http_gone": 10})
    assert (failed.job, failed.text, failed.blame) == ("fetch-00007", "fetch-00007: no", "input")
    assert (last.done, last.kept, last.jobs, last.jobs_done, last.failed) == (40, 30, 2, 1, 1)
    assert last.reasons == {"http_gone": 10}


def test_who_listens_for_a_while_hears_that_while() -> None:
    always: list[Event] = []
    inside: list[Event] = []
    display = Display(sinks=[always.append])
    display.say("one")
    with display.also(inside.append):
        display.say("two")
    display.say("three")
    assert [one.text for one in always if isinstance(one, Said)] == ["one", "two", "three"]
    assert [one.text for one in inside if isinstance(one, Said)] == ["two"]


def test_what_a_signal_handler_says_in_the_middle_of_telling_is_told_after_it() -> None:
    heard: list[str] = []

    def sink(event: Event) -> None:
        assert isinstance(event, Said)
        if event.text == "one":
            display.say("from the handler")  # a handler runs in the thread that it interrupts
        heard.append(event.text)

    display = Display(sinks=[sink])
    display.say("one")
    display.say("two")
    assert heard == ["one", "from the handler", "two"]


def test_many_threads_tell_and_nothing_is_lost_or_told_twice_at_once() -> None:
    heard: list[str] = []
    inside = threading.Lock()

    def sink(event: Event) -> None:
        assert inside.acquire(blocking=False), "two at once"
        assert isinstance(event, Said)
        heard.append(event.text)
        inside.release()

    display = Display(sinks=[sink])

    def talk() -> None:
        for _ in range(200):
            display.say(threading.current_thread().name)

    threads = [threading.Thread(target=talk) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(heard) == sorted(thread.name for thread in threads for _ in range(200))


def test_how_far_a_job_is_is_told_also_while_no_row_of_it_ends() -> None:
    class Costs:
        def spent(self) -> tuple[Spent, ...]:
            return (Spent("decode", "", 7, 0.0, 0.0),)

    heard: list[PhaseProgress] = []
    told = threading.Event()

    def sink(event: Event) -> None:
        if isinstance(event, PhaseProgress):
            heard.append(event)
            told.set()

    with Display(sinks=[sink]).phase("fetch", 100, "pairs", rows_per_job=50) as phase:
        phase.watch(Costs())
        assert told.wait(60)
    assert (heard[0].under_way, heard[0].under_way_rows) == ({"fetched": 7, "decoded": 7}, 50)


def test_rows_are_counted_as_they_end_and_those_of_a_job_that_failed_are_taken_back() -> None:
    heard: list[Event] = []
    clock = Clock()
    display = Display(sinks=[heard.append], clock=clock)
    with display.phase("fetch", 100, "pairs") as phase:
        for _ in range(3):
            clock.now += 1
            phase(10)
        phase.note(Outcome(job=JOB, failure="no"))
        phase.note(Outcome(job=JOB, report=a_report(kept=40)))
    done = [one.done for one in heard if isinstance(one, PhaseProgress | PhaseEnded)]
    assert done == [10, 20, 30, 40]
