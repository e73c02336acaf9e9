"""A host of pictures for jobs of a cluster: any number of them, each another one, as slow as it is told to be."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from crawler.job import Job, JobKind
from crawler.raw import raw_path
from crawler.settings import Duplicates, Fetch, Manners, Output, Plan, Recipe
from crawler.tables import CandidateWriter
from tests.builders import a_candidate, image_bytes
from tests.fakes.answering import answering

ROWS = 3


@dataclass(slots=True)
class PictureHost:
    """Answers every address but robots.txt with a picture; `asked` is told each path first."""

    port: int
    seconds: float = 0.0
    asked: Callable[[str], None] = field(default=lambda _path: None)

    def recipe(self) -> Recipe:
        """A recipe without models that finds the host; each file is kept once."""
        return Recipe(
            name="pictures",
            plan=Plan(rows_per_job=ROWS),
            fetch=Fetch(allow_networks=("127.0.0.1/32",), hosts={"*.test": f"127.0.0.1:{self.port}"}),
            manners=Manners(requests_at_once=8, seconds_between_requests=0),
            output=Output(placeholder_addresses=0),
            duplicates=Duplicates(files="first"),
        )


@contextmanager
def picture_host() -> Iterator[PictureHost]:
    """A host on a port of loopback, in threads of this process."""
    host = PictureHost(0)

    def answer(path: str) -> tuple[int, bytes]:
        if path == "/robots.txt":
            return 404, b""
        host.asked(path)
        time.sleep(host.seconds)
        picture = image_bytes(color=tuple(hashlib.sha256(path.encode()).digest()[:3]))
        return 404 if "well-known" in path else 200, picture

    with answering(answer) as host.port:
        yield host


@dataclass(slots=True)
class Feed:
    """Jobs of a run's folder as long as somebody asks for them and it is not `enough`."""

    run: Path
    recipe: Recipe
    kind: JobKind = JobKind.CRAWL
    enough: bool = False
    made: int = 0

    def __iter__(self) -> Iterator[Job]:
        while not self.enough:
            yield self.job(self.made)
            self.made += 1

    def job(self, number: int) -> Job:
        """The job of this number, whose table is written when it is asked for."""
        table = self.run / "plan" / f"{number:05d}.parquet"
        if not table.exists():
            table.parent.mkdir(parents=True, exist_ok=True)
            write_table(table, [f"http://pictures.test/{number}/{row}" for row in range(ROWS)])
        input_, output = table, self.run / ("raw" if self.kind is JobKind.FETCH else "shards")
        if self.kind is JobKind.SCORE:
            input_ = raw_path(self.run / "raw", number)
        return Job(kind=self.kind, number=number, input=str(input_), output=str(output), recipe=self.recipe.digest)


def write_table(path: Path, urls: Iterable[str]) -> None:
    """A candidate table of these addresses."""
    rows = [a_candidate(f"picture {number}", image_url=url) for number, url in enumerate(urls)]
    with CandidateWriter(path) as table:
        table.write(rows, [None] * len(rows))
