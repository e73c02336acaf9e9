"""Files that a campaign brings for its filters, such as public removal lists: what their digests say, or not used."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path
from typing import Protocol

from crawler.errors import SettingsError
from workers.home.errors import AwayError
from workers.home.folder import HomeFolder
from workers.home.rate import Rate
from workers.home.signing import sha256_of
from workers.protocol.attached import may_be_attached
from workers.protocol.campaign import Attachment, Campaign


class Bring(Protocol):
    """Brings a file of the tracker: `HttpWire.bring`."""

    async def bring(self, path: str, bearer: str, half: Path, size: int, rate: Rate) -> int:
        """Bring it, or go on where it stopped; how many bytes came."""
        ...


async def attached(campaign: Campaign, folder: HomeFolder, wire: Bring) -> None:
    """Bring what is not there yet, and make sure of what is; nothing else stays in the folder of the recipe.

    Raises:
        AwayError: not all of it came, or other bytes than the campaign says.
        SettingsError: a file has a name that leads elsewhere.
        OSError: it cannot be stored.
    """
    wanted = {}
    for one in campaign.attachments:
        if not may_be_attached(one.name):
            raise SettingsError(f"the campaign brings a file called {one.name!r}, which would lead elsewhere")
        wanted[folder.recipe / one.name] = one
    await asyncio.to_thread(_remove_others, folder.recipe, set(wanted))
    for path, one in wanted.items():
        if not await asyncio.to_thread(_is_there, path, one):
            await _bring(one, path, folder, wire)


async def _bring(one: Attachment, path: Path, folder: HomeFolder, wire: Bring) -> None:
    folder.scratch.mkdir(exist_ok=True)
    half = folder.scratch / f"attachment-{one.sha256}"
    if one.bytes:
        await wire.bring(f"/v1/attachments/{one.sha256}", "", half, one.bytes, Rate())
    else:
        half.touch()
    if not await asyncio.to_thread(_is_there, half, one):
        half.unlink()
        raise AwayError(f"{one.name} came with other bytes than the campaign says")
    path.parent.mkdir(parents=True, exist_ok=True)
    half.replace(path)


def _is_there(path: Path, one: Attachment) -> bool:
    return path.is_file() and path.stat().st_size == one.bytes and sha256_of(path) == one.sha256


def _remove_others(folder: Path, wanted: set[Path]) -> None:
    if not wanted:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(exist_ok=True)
    for path in folder.rglob("*"):
        if path.is_file() and path not in wanted:
            path.unlink()
