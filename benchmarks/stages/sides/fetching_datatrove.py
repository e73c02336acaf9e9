"""Takes pictures from the web with datatrove's `HTTPFetchReader`: threads, requests, robots.txt before each picture."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

from datatrove.data import Document, Media, MediaType  # type: ignore[import-not-found] # the peer's
from datatrove.pipeline.media.readers.http_fetch import HTTPFetchReader  # type: ignore[import-not-found] # the peer's
from loguru import logger  # type: ignore[import-not-found] # the peer's


class Side:
    """As many threads as we have downloads, ten seconds, one try; no other setting."""

    def __init__(self, asked: dict[str, Any]) -> None:
        logger.remove()  # what it would print is not what is measured
        self.versions = {name: version(name) for name in ("datatrove", "requests", "urllib3")}
        self._asked = asked

    def once(self) -> dict[str, Any]:
        """Fetch them all."""
        reader = HTTPFetchReader(workers=self._asked["downloads"], timeout=(10, 10), max_retries=1, retry_delay=0)
        documents = (
            Document(text="", id=str(number), media=[Media(id="0", type=MediaType.IMAGE, url=url)])
            for number, url in enumerate(self._asked["urls"])
        )
        bodies = [len(one.media_bytes) for done in reader.run(documents) for one in done.media if one.media_bytes]
        return {"units": len(bodies), "bytes": sum(bodies)}


prepare = Side
