"""The live page says what is true, and strangers' words on it are words."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path

import pytest

from tests.workers.live.runs import EVIL, a_run, a_shard, told
from tests.workers.telling.stories import a_story, at, began, progress
from workers.live.drawing import filled, speeds
from workers.live.page import body_of, sections_of, title_of
from workers.live.seen import Curve
from workers.live.watching import RunWatch
from workers.run_folder import RunFolder
from workers.slice_status import StatusFile
from workers.slices import Slice
from workers.telling.events import Event, Failure, PhaseBegan, RunEnded, Said


class Elements(HTMLParser):
    """The elements of a page, and its words."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.words = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.words += data


def words_of(run: Path) -> dict[str, str]:
    return {name: Elements(html).words for name, html in sections_of(RunWatch(run).look()).items()}


def test_it_shows_what_is_under_way_and_what_was_done(tmp_path: Path) -> None:
    run = a_run(tmp_path / "run")
    told(
        run / "timeline.jsonl", [began(), PhaseBegan(at=at(0), phase="fetch and filter", unit="pairs"), progress(5, 40)]
    )
    a_shard(run, 0)
    words = words_of(run)
    assert "1 sitting is at work." in words["state"]
    assert "may have been killed" in words["state"]  # the story is of another day
    assert "pairs kept6" in words["numbers"]
    assert "rows done10 of 100" in words["numbers"]
    assert "40 of 1,000 pairs" in words["now"]
    assert "3 of 3 archives" in words["steps"]
    assert "1 of 10 shards" in words["steps"]
    assert "duplicate20" in words["reasons"]


@pytest.mark.parametrize(
    ("code", "stopped", "said"),
    [
        (0, "", "Done."),
        (75, "told by USR1", "Stopped (told by USR1): work is left, and the same command goes on."),
        (2, "", "Ended with exit code 2."),
    ],
)
def test_it_says_how_a_run_has_ended_and_links_its_report(code: int, stopped: str, said: str, tmp_path: Path) -> None:
    run = a_run(tmp_path / "run")
    told(run / "timeline.jsonl", [began(), RunEnded(at=at(9), exit_code=code, seconds=9.0, stopped=stopped)])
    assert words_of(run)["state"] == said
    (run / "report.html").touch()
    assert 'href="/report"' in sections_of(RunWatch(run).look())["state"]


def test_before_a_run_begins_it_says_so(tmp_path: Path) -> None:
    assert words_of(tmp_path)["state"] == "Nothing has begun here yet."


def test_slices_that_need_somebody_come_first(tmp_path: Path) -> None:
    run = a_run(tmp_path / "run")
    for number, state in enumerate(("done", "running", "failed")):
        part = Slice(number, 3)
        status = StatusFile(RunFolder(run).slice_status("fetch", part), "fetch", part, "")
        if state != "running":
            status.end(state, 0)  # type: ignore[arg-type]  # one of its words
    table = words_of(run)["slices"]
    assert "1 failed, 1 running, 1 done, of 3" in table
    assert table.index("2failed") < table.index("1running") < table.index("0done")


def test_words_of_strangers_are_words(tmp_path: Path) -> None:
    # invariant 25
    run = a_run(tmp_path / "run", name=EVIL)
    harmless = Elements(body_of(RunWatch(a_run(tmp_path / "harmless")).look()))
    story: list[Event] = [began(name=EVIL, host=EVIL), Said(at=at(0), text=EVIL), Failure(at=at(1), text=EVIL)]
    told(run / "timeline.jsonl", story)
    page = Elements(body_of(RunWatch(run).look()))
    assert set(page.found) - {"li", "ul", "bdi", "h2", "pre"} <= set(harmless.found) | {"dl", "dt", "dd"}
    assert not any(name.startswith("on") for name, _ in page.attributes)
    assert page.words.count(EVIL) == 3


def test_a_page_of_everything_is_whole(tmp_path: Path) -> None:
    run = a_run(tmp_path / "run")
    told(run / "timeline.jsonl", a_story())
    seen = RunWatch(run).look()
    assert title_of(seen) == "small in run"
    assert all(f'<div id="{name}">' in body_of(seen) for name in sections_of(seen))
    assert "crawl-00003: no" in Elements(body_of(seen)).words


def test_a_curve_is_drawn_to_its_highest_column(tmp_path: Path) -> None:
    drawn = speeds(Curve("fetch", "pairs", 15, 1_795_219_200.0, [150, 300, 0, 75]))
    assert "at most 20.0 pairs a second" in drawn
    assert drawn.count("<rect") == 3
    assert drawn.count("present") == 1
    assert speeds(Curve("fetch", "pairs", 15, 0.0, [0, 0])) == ""


@pytest.mark.parametrize(
    ("done", "total", "width"), [(1, 4, "25.00%"), (9, 3, "100.00%"), (1, None, "0.00%"), (0, 0, "0.00%")]
)
def test_a_bar_is_never_longer_than_its_place(done: int, total: int | None, width: str) -> None:
    assert f'class="kept" width="{width}"' in filled(done, total)
