"""In a log, progress is a line now and then; on a terminal, a bar."""

from __future__ import annotations

import io

from rich.console import Console

from workers.progress import Display


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_log_gets_a_line_at_the_start_every_ten_seconds_and_at_the_end() -> None:
    out, clock = io.StringIO(), Clock()
    display = Display(Console(file=out, width=120), clock)
    with display.phase("fetch", 100, "pairs") as phase:
        for _ in range(25):
            clock.now += 1
            phase.advance(4)
    assert out.getvalue().splitlines() == [
        "fetch: 100 pairs ...",
        "fetch: 40 of 100 pairs after 10 s",
        "fetch: 80 of 100 pairs after 20 s",
        "fetch: 100 of 100 pairs after 25 s",
    ]


def test_a_terminal_gets_a_bar() -> None:
    out = io.StringIO()
    display = Display(Console(file=out, width=120, force_terminal=True))
    with display.phase("fetch", 100, "pairs") as phase:
        phase.advance(100)
    assert "100/100" in out.getvalue()


def test_brackets_in_what_is_said_are_no_markup() -> None:
    out = io.StringIO()
    Display(Console(file=out, width=120)).say("http://[::1]/[/a][bold]b")
    assert out.getvalue() == "http://[::1]/[/a][bold]b\n"
