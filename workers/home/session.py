"""One `pairtrawl work`, from its words to its exit code: puts a volunteer together, or says what is in the way."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from functools import partial
from importlib.metadata import version as installed_version
from pathlib import Path

import aiohttp

from crawler.errors import SettingsError
from workers.exit_codes import ExitCode
from workers.home import machine, surroundings
from workers.home.asked import AskedWork
from workers.home.attaching import attached
from workers.home.client import TrackerClient
from workers.home.crew import Crew
from workers.home.delivering import TRACKER
from workers.home.errors import AwayError
from workers.home.folder import HomeFolder
from workers.home.joining import agreed, joined, tested
from workers.home.line_speed import LineSpeed
from workers.home.outfit import Outfit
from workers.home.patience import LeftBehindError, Patience
from workers.home.rate import Rate
from workers.home.stopping import Stopping, stopped_by_signals
from workers.home.telling import Voice, a_voice
from workers.home.uploading import UploadInterruptedError, send
from workers.home.volunteer import Volunteer
from workers.home.wire import HttpWire, open_session, tracker_address
from workers.home.words import shown
from workers.protocol.campaign import Campaign, SignedCampaign
from workers.protocol.messages import UploadPermit


def work(asked: AskedWork, crew: type[Crew] = Crew) -> ExitCode:
    """Work for a tracker until there is nothing left, or somebody stops it; `crew` does the jobs.

    Raises:
        PairtrawlError: something is wrong with the words, the folder, the campaign or this installation.
    """
    if surroundings.is_root() and not asked.as_root and not surroundings.is_in_container():
        raise SettingsError(
            "a volunteer reads what strangers wrote, and as root a mistake in a decoder would cost the whole machine: "
            "run it as an ordinary user (packaging/README.md has a container and a systemd unit), or insist with --root"
        )
    tracker = tracker_address(asked.tracker, allow_private=asked.allow_private)
    folder = HomeFolder(asked.folder or surroundings.default_folder(tracker))
    with folder.held():
        voice = a_voice(as_json=asked.as_json)
        try:
            return asyncio.run(_work(asked, tracker, folder, voice, crew))
        finally:
            voice.close()


async def _work(asked: AskedWork, tracker: str, folder: HomeFolder, voice: Voice, crew: type[Crew]) -> ExitCode:
    stopping = Stopping()
    task = asyncio.ensure_future(_stoppable(asked, tracker, folder, Patience(voice, stopping), crew))
    with stopped_by_signals(stopping, task):
        try:
            return await task
        except LeftBehindError:
            return ExitCode.WORK_LEFT
        except asyncio.CancelledError:
            if not stopping:
                raise
            voice.say("dropped", "stopped at once; nothing is lost, the same command goes on")
            return ExitCode.WORK_LEFT


async def _stoppable(
    asked: AskedWork, tracker: str, folder: HomeFolder, patience: Patience, a_crew: type[Crew]
) -> ExitCode:
    version = installed_version("pairtrawl")
    voice = patience.voice
    async with open_session(version) as session:
        wire = HttpWire(session, tracker)
        client = TrackerClient(wire.ask)
        campaign = agreed(
            await _campaign(client, folder, patience), folder, tracker, version, public_key=asked.public_key,
            allow_private=asked.allow_private,
        )  # fmt: skip
        found = await asyncio.to_thread(machine.look, folder, asked.limits.kinds or campaign.kinds)
        capacity = machine.capacity(found, asked.limits, campaign.kinds)
        voice.say("machine", machine.in_words(found, capacity))
        _make_sure_of_kinds(capacity, campaign)
        await patience.insist(TRACKER, partial(attached, campaign, folder, wire))
        recipe = machine.here(
            campaign.recipe, found, capacity, asked.limits, folder.recipe, allow_private=asked.allow_private
        )
        crew = a_crew(
            recipe, campaign.recipe_digest, folder.scratch, capacity.cpus, capacity.memory_bytes,
            private_networks=asked.allow_private,
        )  # fmt: skip
        try:
            signer = await patience.insist(TRACKER, partial(
                joined, client, folder, machine.as_told(found, capacity), version, name=asked.name,
                account_file=asked.account_file, invitation=asked.invitation,
            ))  # fmt: skip
            test = partial(
                tested, client, folder, campaign, crew, signer, voice,
                models=bool(machine.MODELS & set(capacity.kinds)),
            )  # fmt: skip
            await patience.insist(TRACKER, test)
            outfit = Outfit(
                campaign=campaign, recipe=recipe, folder=folder, client=client, doer=crew, signer=signer,
                transfers=_Transfers(session, wire, client, tracker, campaign, folder, asked.limits.bytes_per_second),
                capacity=capacity, patience=patience,
                retest=lambda: patience.insist(TRACKER, partial(test, again=True)),
            )  # fmt: skip
            voice.say("working", f"working for {shown(campaign.title) or campaign.name} at {tracker}, in "
                      f"{folder.path}; Ctrl-C stops politely")  # fmt: skip
            return await Volunteer(outfit, asked.limits.hours, asked.jobs).run()
        finally:
            await crew.close()


async def _campaign(client: TrackerClient, folder: HomeFolder, patience: Patience) -> SignedCampaign:
    """As the tracker tells it; as it was told last where the tracker is away and there is work on the disk."""
    try:
        return await client.campaign()
    except AwayError as error:
        kept = folder.campaign()
        if kept is None:
            patience.voice.say("away", f"{TRACKER}: {error}; trying until it answers", target=TRACKER)
            return await patience.insist(TRACKER, client.campaign)
        patience.voice.say("away", f"{TRACKER}: {error}; going on with the campaign as it was", target=TRACKER)
        return kept


def _make_sure_of_kinds(capacity: machine.Capacity, campaign: Campaign) -> None:
    if not capacity.kinds:
        raise SettingsError(
            f"there is nothing that this machine could do: the campaign has {', '.join(campaign.kinds)} jobs; "
            "those with models need pip install 'pairtrawl[clip,home]', and --kinds must name one of them"
        )


class _Transfers:
    """Moves the bytes, held down and measured."""

    def __init__(
        self, session: aiohttp.ClientSession, wire: HttpWire, client: TrackerClient, tracker: str, campaign: Campaign,
        folder: HomeFolder, bytes_per_second: float | None,
    ) -> None:  # fmt: skip
        self._session = session
        self._wire = wire
        self._client = client
        self._tracker = tracker
        self._campaign = campaign
        self._speed = LineSpeed(folder)
        self._down, self._up = Rate(bytes_per_second), Rate(bytes_per_second)

    async def bring(self, path: str, half: Path, size: int) -> None:
        """As `Transfers`."""
        began = time.monotonic()
        count = await self._wire.bring(path, self._client.key, half, size, self._down)
        self._speed.came(count, time.monotonic() - began)

    async def send(self, permit: UploadPermit, path: Path, progress: Callable[[int], None]) -> None:
        """As `Transfers`."""
        began, offsets = time.monotonic(), list[int]()

        def told(there: int) -> None:
            offsets.append(there)
            progress(there)

        try:
            await send(
                self._session, permit, path, key=self._client.key, tracker=self._tracker,
                uploads=self._campaign.uploads, rate=self._up.take, progress=told,
            )  # fmt: skip
        except UploadInterruptedError as error:
            raise AwayError(shown(str(error)), error.retry_after) from error
        if offsets:
            self._speed.went(offsets[-1] - offsets[0], time.monotonic() - began)
