"""A web whose files change between two runs: a dictionary behind a port of loopback."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from crawler.settings import Fetch, Manners, Output, Plan, Rebuild, Recipe, Resources
from tests.fakes.answering import answering

HOST = "http://pictures.test"


@dataclass(slots=True)
class ChangingHost:
    """Every host under .test. What is not in `files` is answered with 404."""

    port: int = 0
    files: dict[str, bytes | int] = field(default_factory=dict)  # path -> body, or a status without one
    asked: list[str] = field(default_factory=list)  # paths of pictures, in order

    def recipe(self, *, rows_per_job: int = 10, **rebuild: Any) -> Recipe:
        """A rebuild that finds the host."""
        return Recipe(
            name="changing",
            plan=Plan(rows_per_job=rows_per_job),
            fetch=Fetch(
                contact="mailto:nobody@example.org",
                allow_networks=("127.0.0.1/32",),
                hosts={"*.test": f"127.0.0.1:{self.port}"},
                tries=1,
            ),
            manners=Manners(requests_at_once=8, seconds_between_requests=0),
            output=Output(placeholder_addresses=0),
            resources=Resources(decoders=1),
            rebuild=Rebuild(**rebuild),
        )


@contextmanager
def changing_host() -> Iterator[ChangingHost]:
    """The host, in threads of this process."""
    host = ChangingHost()

    def answer(path: str) -> tuple[int, bytes]:
        said = host.files.get(path, 404)
        if path != "/robots.txt" and ".well-known" not in path:
            host.asked.append(path)
        return (200, said) if isinstance(said, bytes) else (said, b"")

    with answering(answer) as host.port:
        yield host
