"""Weights & Biases is told counts, and by us only. Its documented functions stand in for it; the proof runs the real one."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any

import pytest

from crawler.errors import MissingPackageError, SettingsError
from crawler.settings import FilterChoice
from tests.small_runs import small_archives, small_recipe
from tests.workers.telling.stories import at, progress
from workers.asked import Asked
from workers.session import run_crawl
from workers.telling.events import PhaseBegan
from workers.telling.weights_and_biases import CrawlFigures, figures_of, open_board


class Wandb:
    """`init`, `Settings` and `Error` as wandb documents them; keeps what it is told."""

    class Error(Exception):
        pass

    def __init__(self, refuses: bool = False) -> None:
        self.refuses = refuses
        self.project = ""
        self.config: dict[str, Any] = {}
        self.settings: dict[str, Any] = {}
        self.logged: list[dict[str, Any]] = []
        self.finished = False

    def Settings(self, **settings: Any) -> dict[str, Any]:  # noqa: N802 - as theirs is called
        return settings

    def init(self, *, project: str, config: dict[str, Any], settings: dict[str, Any]) -> Any:
        if self.refuses:
            raise self.Error("api_key not configured")
        self.project, self.config, self.settings = project, config, settings
        return SimpleNamespace(log=self.logged.append, finish=self._finish)

    def _finish(self) -> None:
        self.finished = True


@pytest.fixture
def wandb(monkeypatch: pytest.MonkeyPatch) -> Wandb:
    there = Wandb()
    monkeypatch.setitem(sys.modules, "wandb", there)
    return there


def test_where_it_is_not_installed_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "wandb", None)
    with pytest.raises(MissingPackageError, match="pairtrawl\\[wandb\\]"), open_board("p", {}):
        pass


def test_where_it_does_not_let_us_in_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "wandb", Wandb(refuses=True))
    with pytest.raises(SettingsError, match=r"api_key not configured.*wandb login"), open_board("p", {}):
        pass


def test_nothing_is_sent_by_itself_and_a_run_ends_however_the_block_does(wandb: Wandb) -> None:
    with pytest.raises(KeyboardInterrupt), open_board("p", {"rows": 1}):
        raise KeyboardInterrupt
    assert wandb.finished
    assert (wandb.project, wandb.config) == ("p", {"rows": 1})
    assert wandb.settings["console"] == "off"
    assert wandb.settings["x_disable_meta"]
    assert not wandb.settings["save_code"]


def test_figures_are_shown_every_ten_seconds_and_at_the_end_of_a_phase() -> None:
    board: list[dict[str, Any]] = []
    figures = CrawlFigures(SimpleNamespace(log=board.append))
    figures(PhaseBegan(at=at(0), phase="fetch and filter", unit="pairs"))
    for second in range(1, 26):
        figures(progress(second, second * 10))
    figures(progress(26, 260, ended=True))
    assert [one["fetch and filter/rows"] for one in board] == [100, 200, 260]


def test_what_is_shown_are_counts() -> None:
    told = figures_of(progress(10, 100))
    assert told == {
        "fetch and filter/rows": 100, "fetch and filter/kept": 50, "fetch and filter/rate": 5.0,
        "fetch and filter/jobs_done": 1, "fetch and filter/failed": 0, "fetch and filter/passed/fetch": 0.5,
        "fetch and filter/rejected/http_gone": 50,
    }  # fmt: skip


def test_a_run_is_told_with_numbers_of_its_filters_and_no_text_of_theirs(wandb: Wandb, tmp_path: Any) -> None:
    length = FilterChoice(use="candidates.text_length", settings={"min_characters": 7})
    recipe = small_recipe(filters=(length,))
    archives = small_archives(tmp_path / "archives", 2)
    assert run_crawl(recipe, archives, tmp_path / "run", Asked(verb="extract", wandb="mine")) == 0
    assert wandb.project == "mine"
    assert wandb.config["filters"] == {"candidates.text_length": {"min_characters": 7}}
    assert wandb.finished
    assert wandb.logged[-1]["read archives/rows"] == 6
    assert "demo-odd" not in str((wandb.config, wandb.logged))
    assert "picture" not in str((wandb.config, wandb.logged))
