"""What the tests of checks look at: honest results of every kind, made once, and a cell that is no process."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import msgspec

from crawler.job import JobKind, Tools
from tests.workers.tracker.honest import crawled, extracted, pixel_recipe, pixel_tools, plan_rows, planned
from workers.demo import demo_web
from workers.tracker.checking.cell import Cell
from workers.tracker.checking.foretold import foretold
from workers.tracker.checking.inside import TASKS
from workers.tracker.checking.looked import Evidence
from workers.tracker.checking.orders import Structure, look_of

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True, kw_only=True)
class Here(Cell):
    """Does in this process what a cell does, for tests of what is found and not of how it is locked in."""

    def ask(self, task: str, order: msgspec.Struct, answer: type[Answer], readable: Sequence[Path]) -> Answer:
        assert all(one.exists() for one in readable)
        return msgspec.json.decode(msgspec.json.encode(TASKS[task](msgspec.json.encode(order))), type=answer)


@dataclass(frozen=True, slots=True)
class Made:
    """Honest results over one plan of 120 rows, and the tools of who checks them."""

    tools: Tools
    extract: Evidence
    wat: Evidence
    crawl: Evidence
    fetch: Evidence
    score: Evidence
    #: a new folder at every call
    folder: Callable[[], Path]

    def wrong(self, evidence: Evidence, tools: Tools | None = None) -> str:
        """What V0 says is wrong, without its cell and before pictures are decoded."""
        tools = tools or self.tools
        order = look_of(evidence, tools, foretold(evidence, tools))
        return Here().ask("structure", order, Structure, [evidence.folder]).wrong


@contextmanager
def made(folder: Path, *, embeddings: bool = False) -> Iterator[Made]:
    """Do the jobs; the demo's web is there until the block ends."""
    numbers = iter(range(10_000))
    with demo_web() as web:
        tools = pixel_tools(pixel_recipe(web.address, embeddings=embeddings), folder / "scratch")
        extract = extracted(tools, folder / "extract", 1)
        plan = planned(plan_rows(extract), folder / "plan" / "00007.parquet")
        fetch = crawled(tools, plan, folder / "fetch", JobKind.FETCH)
        yield Made(
            tools=tools,
            extract=extract,
            wat=extracted(tools, folder / "wat", 2),
            crawl=crawled(tools, plan, folder / "crawl"),
            fetch=fetch,
            score=crawled(tools, fetch.folder / "00007.parquet", folder / "score", JobKind.SCORE),
            folder=lambda: folder / f"result-{next(numbers)}",
        )
