"""The server's life: open, serve, finish what is under way, close."""

from __future__ import annotations

import asyncio
import logging
import signal
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from aiohttp import web

from crawler.errors import SettingsError
from workers.protocol.campaign import Campaign
from workers.tracker.clock import Clock, open_clock
from workers.tracker.folder import CampaignFolder
from workers.tracker.moves.leases import outage
from workers.tracker.opening import open_database
from workers.tracker.settings import read_settings
from workers.tracker.store import Store
from workers.tracker.uploads.reserving import open_uploads
from workers.tracker.web.app import make_app
from workers.tracker.web.checker_child import keep_checking
from workers.tracker.web.logs import HTTP_LOG, log_to
from workers.tracker.web.loops import keep_going, loops_of
from workers.tracker.web.metrics import Metrics
from workers.tracker.web.rates import Buckets
from workers.tracker.web.room import Room
from workers.tracker.web.tracker import Limits, Tracker

#: connections that wait to be accepted: fifty thousand workers come back within a minute after an outage
_BACKLOG = 4096
#: a connection without a request, and without the rest of one, is closed
_IDLE_SECONDS = 75.0
#: how long the rest of a body is read that was refused, so that its sender hears why
_LINGER_SECONDS = 1.0
#: tries at the admin token from one network
_ADMIN_A_SECOND, _ADMIN_AT_ONCE = 2.0, 60.0


@dataclass(frozen=True, slots=True)
class Serving:
    """What `tracker serve` was told."""

    folder: Path
    host: str = "127.0.0.1"
    port: int = 8000
    database: str = ""
    legacy_api: bool = False
    certificate: Path | None = None
    key: Path | None = None
    #: whether a checker is kept running beside, and what it screens by
    checker: bool = False
    screening: Path | None = None
    #: told the address once it answers
    say: Callable[[str], None] = field(default=print)


@asynccontextmanager
async def open_tracker(
    folder: CampaignFolder, *, database: str = "", legacy_api: bool = False, secure: bool = False,
    store: Store | None = None, clock: Clock | None = None, stopping: Callable[[], bool] = lambda: False,
) -> AsyncIterator[Tracker]:  # fmt: skip
    """A tracker that is ready to serve; its database is closed afterwards.

    Args:
        folder: the campaign.
        database: as `open_store`.
        legacy_api: whether the old API is served.
        secure: whether browsers come by https.
        store: in the place of the campaign's own; it is closed all the same.
        clock: in the place of the machine's.
        stopping: whether the server is about to end.

    Raises:
        PairtrawlError: the campaign, its settings or its database cannot be read.
    """
    settings = read_settings(folder.settings)
    signed, campaign, secrets = folder.signed_campaign(), folder.campaign(), folder.read_secrets()
    async with AsyncExitStack() as closing:
        opened = store or open_database(folder, database)
        closing.push_async_callback(opened.close)
        ticking = clock or await open_clock(opened, outage)
        uploads = open_uploads(settings.uploads, folder.tracker, opened, ticking)
        closing.push_async_callback(uploads.close)
        _make_sure_of_origins(uploads.origins, campaign)
        admission = settings.admission
        yield Tracker(
            folder=folder, settings=settings, signed=signed, campaign=campaign, secrets=secrets, store=opened,
            clock=ticking, uploads=uploads, room=Room(opened, uploads, admission), metrics=Metrics(),
            limits=Limits(
                by_network=Buckets(admission.requests_a_second, admission.requests_at_once),
                leases=Buckets(admission.leases_a_minute / 60, admission.leases_at_once),
                admin=Buckets(_ADMIN_A_SECOND, _ADMIN_AT_ONCE),
            ),
            legacy_api=legacy_api, secure=secure or settings.proxy.https, stopping=stopping,
        )  # fmt: skip


def _make_sure_of_origins(origins: Mapping[str, str], campaign: Campaign) -> None:
    """Raises SettingsError for a storage to which volunteers would not send."""
    for name, origin in origins.items():
        if origin not in {one.rstrip("/") for one in campaign.uploads}:
            raise SettingsError(
                f"[uploads] {name} takes uploads at {origin}, which the campaign does not name, so that volunteers "
                f"would refuse to send there: pairtrawl tracker amend CAMPAIGN --uploads {origin}"
            )


@asynccontextmanager
async def listening(tracker: Tracker, host: str, port: int, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """Serve while inside, and finish what is under way afterwards. Gives the port, which 0 leaves to the system.

    Raises:
        SettingsError: host and port cannot be had.
    """
    runner = web.AppRunner(
        make_app(tracker), access_log=None, logger=logging.getLogger(HTTP_LOG), keepalive_timeout=_IDLE_SECONDS,
        auto_decompress=False, shutdown_timeout=tracker.settings.server.drain_seconds, handle_signals=False,
        lingering_time=_LINGER_SECONDS,
    )  # fmt: skip
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port, ssl_context=tls, backlog=_BACKLOG)
        try:
            await site.start()
        except OSError as error:
            raise SettingsError(f"--host {host} --port {port}: cannot listen there: {error}") from error
        yield int(runner.addresses[0][1])
    finally:
        await runner.cleanup()


async def serve(asked: Serving) -> None:
    """Serve until SIGINT or SIGTERM.

    Raises:
        PairtrawlError: it cannot begin; the message says why.
    """
    folder, tls = CampaignFolder.open(asked.folder), _tls(asked)
    log_to(requests=read_settings(folder.settings).server.log_requests)
    stop = asyncio.Event()
    running = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        running.add_signal_handler(number, stop.set)
    async with (
        open_tracker(
            folder, database=asked.database, legacy_api=asked.legacy_api, secure=tls is not None, stopping=stop.is_set
        ) as tracker,
        listening(tracker, asked.host, asked.port, tls) as port,
    ):
        beside = [asyncio.create_task(keep_going(loops_of(tracker)))]
        if asked.checker:
            beside.append(asyncio.create_task(keep_checking(_for_checker(asked))))
        try:
            asked.say(f"{'https' if tls else 'http'}://{_shown(asked.host)}:{port}/")
            await stop.wait()
        finally:
            for task in beside:
                task.cancel()
            await asyncio.wait(beside)


def _for_checker(asked: Serving) -> list[str]:
    arguments = [str(asked.folder)]
    if asked.database:
        arguments += ["--database", asked.database]
    if asked.screening is not None:
        arguments += ["--screening", str(asked.screening)]
    return arguments


def _shown(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _tls(asked: Serving) -> ssl.SSLContext | None:
    """Raises SettingsError."""
    if asked.certificate is None and asked.key is None:
        return None
    if asked.certificate is None or asked.key is None:
        raise SettingsError("--certificate and --key: give both, or neither")
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        tls.load_cert_chain(asked.certificate, asked.key)
    except (OSError, ssl.SSLError) as error:
        raise SettingsError(f"{asked.certificate}, {asked.key}: no certificate with its key: {error}") from error
    return tls
