"""Takes pictures from the web and does nothing with them: the download half of a job, without decoders."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from benchmarks.contest.machine import installed
from crawler.courtesy.local_desk import LocalDesk
from crawler.fetch import Terms, fetch
from crawler.job.opening import open_web
from crawler.records import Candidate, Caption, Fetched, ImageSource, TextSource
from crawler.settings import Fetch, Manners, Recipe, Resources
from crawler.wire.resolve import NameCache


class Side:
    """Our wire, desk and rules of sites, with our manners but for the second between two requests."""

    def __init__(self, asked: dict[str, Any]) -> None:
        ports = tuple(asked["port"] + more for more in range(4))
        self._recipe = Recipe(
            fetch=Fetch(allow_networks=("127.0.0.0/8",), ports=ports, ca_file=asked["ca_file"]),
            resources=Resources(downloads=asked["downloads"]), manners=Manners(seconds_between_requests=0),
        )  # fmt: skip
        caption = Caption(TextSource.LIST, "a picture")
        self._rows = [
            Candidate(url, ImageSource.LIST, caption, (), "", "list", number, 0, "", "", (), url, caption.text, "")
            for number, url in enumerate(asked["urls"])
        ]
        self.versions = installed("pairtrawl", "aiohttp")

    def once(self) -> dict[str, Any]:
        """Fetch them all, with nothing known of any site."""
        return asyncio.run(self._all())

    async def _all(self) -> dict[str, Any]:
        rows, terms = iter(self._rows), Terms(self._recipe.fetch, self._recipe.opt_outs)
        bodies: list[int] = []

        async def downloader() -> None:
            for row in rows:
                got = await fetch(row, web, terms)
                if isinstance(got, Fetched):
                    bodies.append(len(got.body))

        async with (
            open_web(self._recipe, LocalDesk(self._recipe.manners), NameCache()) as web,
            asyncio.TaskGroup() as group,
        ):
            for _ in self._rows:
                group.create_task(downloader())
        return {"units": len(bodies), "bytes": sum(bodies)}


prepare = Side
