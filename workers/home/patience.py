"""Trying again: with growing waits, for each target apart, until somebody answers or the volunteer is to stop."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TypeVar

from workers.home.backoff import Backoffs
from workers.home.errors import AwayError
from workers.home.stopping import Stopping
from workers.home.telling import Voice

Told = TypeVar("Told")


class LeftBehindError(Exception):
    """The volunteer is stopping, and what is left of this lease waits on the disk for the next one."""


@dataclass(frozen=True, slots=True)
class Patience:
    """What one volunteer knows of who answers and who does not."""

    voice: Voice
    stopping: Stopping
    backoffs: Backoffs = field(default_factory=Backoffs)

    async def insist(self, target: str, action: Callable[[], Awaitable[Told]]) -> Told:
        """Try until somebody answers, with growing waits for this target alone; a refusal comes out.

        Raises:
            LeftBehindError: it did not go well, and the volunteer is to stop.
        """
        while True:
            try:
                told = await action()
            except AwayError as error:
                await self.pause(target, str(error), error.retry_after)
            except OSError as error:  # our own disk, full most likely: those of the network are AwayError
                await self.pause("disk", f"{error}; nothing is lost")
            else:
                self.heard(target)
                return told

    async def pause(self, target: str, why: str, retry_after: float | None = None) -> None:
        """It did not go well with this target: say so, and wait for as long as it takes or is asked for.

        Raises:
            LeftBehindError: the volunteer is to stop, and does not wait.
        """
        wait = self.backoffs.failed(target, retry_after)
        if self.stopping:
            self.voice.say("away", f"{target}: {why}", target=target)
            raise LeftBehindError
        self.voice.say("away", f"{target}: {why}; trying again in {wait:.0f} s", target=target, seconds=wait)
        if await self.stopping.within(wait):
            raise LeftBehindError

    def heard(self, target: str) -> None:
        """It answers."""
        if self.backoffs.answered(target):
            self.voice.say("back", f"{target}: answers again", target=target)
