"""What a volunteer works with, put together once by `workers.home.session`; tests put other things in their places."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from crawler.settings import Recipe
from workers.home.client import TrackerClient
from workers.home.crew import Doer
from workers.home.folder import HomeFolder
from workers.home.machine import Capacity
from workers.home.patience import Patience
from workers.home.telling import Voice
from workers.protocol.campaign import Campaign
from workers.protocol.messages import UploadPermit


class Transfers(Protocol):
    """Moves the bytes."""

    async def bring(self, path: str, half: Path, size: int) -> None:
        """The file at `path` of the tracker to `half`, from where it stopped. Raises AwayError, OSError."""
        ...

    async def send(self, permit: UploadPermit, path: Path, progress: Callable[[int], None]) -> None:
        """A file to where the permit says. Raises AwayError, UploadRefusedError, OSError."""
        ...


@dataclass(frozen=True, slots=True)
class Signer:
    """Who a volunteer is, in manifests."""

    private_key: str
    version: str
    environment: str


@dataclass(frozen=True, slots=True)
class Outfit:
    """Everything that a volunteer needs."""

    campaign: Campaign
    recipe: Recipe  # adapted to this machine
    folder: HomeFolder
    client: TrackerClient
    transfers: Transfers
    doer: Doer
    signer: Signer
    capacity: Capacity
    patience: Patience
    #: pass the self-test once more: the tracker has forgotten that this installation did
    retest: Callable[[], Awaitable[None]]

    @property
    def voice(self) -> Voice:
        """Whom it talks to."""
        return self.patience.voice
