"""The pictures of a shard as pixels again, for thumbnails: drawn by a decoder's process, for some are as received."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Self

from crawler.job.looking import as_published
from crawler.picture.sandbox import Failed, Sandbox, open_sandboxes
from crawler.thumbnails import Thumbnails

if TYPE_CHECKING:
    from PIL.Image import Image

    from crawler.job import Tools


class Drawing:
    """Draws with a decoder that is started for the first picture. A context manager; for one thread at a time."""

    def __init__(self, tools: Tools) -> None:
        self._recipe = tools.recipe
        self._stack = ExitStack()
        self._sandbox: Sandbox | None = None
        #: of the job, with this to draw by
        self.thumbnails = Thumbnails(tools.showing, self.drawn)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self._stack.close()

    def drawn(self, image: bytes) -> Image | None:
        """The pixels of a picture of the shard; None where it cannot be drawn, as in a shard of somebody else."""
        if self._sandbox is None:
            opened = open_sandboxes(as_published(self._recipe), 1, hashes=frozenset())  # scipy is half a second
            (self._sandbox,) = self._stack.enter_context(opened)
        outcome = self._sandbox.draw(image)
        return None if isinstance(outcome, Failed) else outcome[1]
