"""The one place that brings archives near: local files as they are, everything else as a whole file on the local disk.

Whole files, because that is the only download whose retry is safe without trusting the server (a continued one can be
glued from two versions), and because Common Crawl asks for it: docs/decisions/0003-whole-file-downloads.md.
"""

from __future__ import annotations

import asyncio
import re
import ssl
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urljoin

import aiohttp
from yarl import URL

from crawler.courtesy.etiquette import Clock, Etiquette, FailedTryError, Pace, backoff_seconds, retry_after_seconds
from crawler.errors import ArchiveUnavailableError, InputError, SettingsError
from crawler.stores import archive_name, copy_stored, is_http, local_path, no_room, shown
from crawler.wire.only_once import HungUpError, only_once

__all__ = ["Clock", "Etiquette", "Pace", "nearby", "read_listing"]

PROCESS_PACE = Pace()  # every thread of this process asks through it
SYSTEM_CLOCK = Clock()

_BUFFER_BYTES = 1 << 20
_LISTING_BYTES = 64 << 20  # Common Crawl's largest has 100,000 lines, 14 MB before compression


@contextmanager
def nearby(
    source_address: str, etiquette: Etiquette, folder: Path, *, clock: Clock = SYSTEM_CLOCK, pace: Pace = PROCESS_PACE
) -> Iterator[Path]:
    """A local path that holds the complete archive, for as long as the context lasts.

    A local file is itself. Anything else is downloaded into a fresh folder inside `folder` (made if missing), under its
    own name, and removed afterwards. Complete means: as long as the server said, or, where it said nothing, ended the
    way the protocol ends a transfer; every byte as stored, no content coding undone. Failed tries are repeated with
    growing waits as `etiquette` says. Blocks; may be called from any thread that runs no event loop.

    Raises:
        InputError: there is no such archive, or the address is none.
        ArchiveUnavailableError: it could not be had after all tries, or not be stored; the message names address and
            last failure.
        MissingPackageError: the kind of address needs a package that is not installed.
        SettingsError: `ca_file` cannot be used.
    """
    local = local_path(source_address)
    if local is not None:
        if not local.is_file():
            raise InputError(f"{source_address}: no such file")
        yield local
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
        own = tempfile.TemporaryDirectory(prefix="archive-", dir=folder)
    except OSError as error:
        raise no_room(source_address, folder / "archive", error) from error
    with own:
        path = Path(own.name) / _file_name(source_address)
        _bring(source_address, path, etiquette, clock, pace)
        yield path


def read_listing(
    address: str, etiquette: Etiquette, folder: Path, *, clock: Clock = SYSTEM_CLOCK, pace: Pace = PROCESS_PACE
) -> bytes:
    """A listing of archives as stored, that is mostly gzip; `folder` takes it while it is downloaded.

    Raises:
        InputError: there is none, or it is larger than 64 MiB and therefore no listing.
        ArchiveUnavailableError, MissingPackageError, SettingsError: as `nearby`.
    """
    with nearby(address, etiquette, folder, clock=clock, pace=pace) as path:
        if path.stat().st_size > _LISTING_BYTES:
            raise InputError(f"{shown(address)}: too large for a listing of archives (64 MiB)")
        return path.read_bytes()


def _file_name(address: str) -> str:
    """The archive's name as a file name: it comes from outside, so no separators and no more than a disk takes."""
    return re.sub(r"[^A-Za-z0-9._-]", "_", archive_name(address))[-200:].lstrip(".") or "archive"


def _bring(address: str, path: Path, etiquette: Etiquette, clock: Clock, pace: Pace) -> None:
    """Try until the whole file is at `path`."""
    trust = _trust(etiquette.ca_file) if is_http(address) else None
    for failures in range(1, etiquette.tries + 1):
        try:
            if trust is None:
                pace.wait(etiquette.spacing_seconds, clock)
                return copy_stored(address, path, identity=etiquette.identity)
            return _get_following(address, path, etiquette, clock, pace, trust)
        except FailedTryError as failed:
            # a server that asks for a long rest gets it: the job is given back rather than asked for early
            if failures == etiquette.tries or failed.retry_after > etiquette.longest_retry_after_seconds:
                raise ArchiveUnavailableError(_given_up(address, failed, failures)) from failed
            wait = failed.retry_after + backoff_seconds(failures, etiquette, clock.uniform)
        clock.sleep(wait)
    raise AssertionError("the last try returns or raises")


def _given_up(address: str, failed: FailedTryError, failures: int) -> str:
    hint = "run the same command again later, it goes on where it stopped"
    if failed.retry_after:
        hint = f"the server asks to come back in {failed.retry_after:.0f} seconds; {hint}"
    if failed.what.startswith(("403", "PermissionError")):
        hint = f"403 is Common Crawl's rate limit, and some stores' word for a file that does not exist; {hint}"
    tries = "1 try" if failures == 1 else f"{failures} tries"
    return f"{shown(address)}: not to be had in {tries}, the last one ended with: {failed.what}; {hint}"


def _get_following(
    address: str, path: Path, etiquette: Etiquette, clock: Clock, pace: Pace, trust: ssl.SSLContext
) -> None:
    """One GET of the whole file, redirects from their start: where they led last time may be signed for one use."""
    here = address
    for _hop in range(etiquette.redirects + 1):
        pace.wait(etiquette.spacing_seconds, clock)
        location = _get(here, path, etiquette, clock, trust)
        if location is None:
            return
        here = _next_hop(here, location)
    raise FailedTryError(f"more than {etiquette.redirects} redirects")


def _next_hop(here: str, location: str) -> str:
    try:
        target = urljoin(here, location)
    except ValueError as error:
        raise InputError(f"{shown(here)}: redirects to something that is no address") from error
    if not is_http(target) or (here.lower().startswith("https:") and not target.lower().startswith("https:")):
        # file:// would read our own disk, and http:// after https:// would let anyone on the way write the archive
        raise InputError(f"{shown(here)}: redirects to {shown(target)}, which is refused; name another address")
    return target


def _trust(ca_file: str) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if ca_file:
        try:
            context.load_verify_locations(cafile=ca_file)
        except OSError as error:  # ssl.SSLError is one
            raise SettingsError(f"ca_file {ca_file}: not a PEM file of certificates: {error}") from error
    return context


def _get(address: str, path: Path, etiquette: Etiquette, clock: Clock, trust: ssl.SSLContext) -> str | None:
    """One GET of the whole file. None if it is there, or where the server says it is.

    The one border to aiohttp: what it raises is InputError, FailedTryError or ArchiveUnavailableError behind it.
    """
    try:
        url = URL(address)
    except ValueError as error:
        raise InputError(f"{shown(address)}: not an address: {error}") from error
    try:
        with path.open("wb") as file:
            return asyncio.run(_download(url, file, etiquette, clock, trust))
    except aiohttp.ClientConnectorCertificateError as error:
        raise ArchiveUnavailableError(
            f"{shown(address)}: its certificate is not trusted ({error.certificate_error}); if the server is yours, "
            "name its authority as ca_file"
        ) from error
    except (aiohttp.InvalidURL, UnicodeError) as error:  # UnicodeError: a host name that cannot be looked up
        raise InputError(f"{shown(address)}: not an address: {error}") from error
    except TimeoutError as error:
        raise FailedTryError(str(error) or f"not complete after {etiquette.total_seconds:.0f} seconds") from error
    except HungUpError as error:
        raise FailedTryError(str(error)) from error
    except (aiohttp.ClientError, ConnectionError) as error:
        raise FailedTryError(f"{type(error).__name__}: {error}") from error
    except OSError as error:
        raise no_room(address, path, error) from error


async def _download(url: URL, file: BinaryIO, etiquette: Etiquette, clock: Clock, trust: ssl.SSLContext) -> str | None:
    timeout = aiohttp.ClientTimeout(
        total=etiquette.total_seconds, sock_connect=etiquette.connect_seconds, sock_read=etiquette.stall_seconds
    )
    # threads, not aiodns: an archive may stand on a host that only this machine's own name service knows
    connector = aiohttp.TCPConnector(ssl=trust, resolver=aiohttp.ThreadedResolver())
    # identity: a .gz archive must arrive as stored, for offsets of records are counted in stored bytes
    headers = {"User-Agent": etiquette.identity, "Accept-Encoding": "identity"}
    async with (
        aiohttp.ClientSession(
            connector=connector, timeout=timeout, headers=headers, auto_decompress=False, trust_env=False,
            cookie_jar=aiohttp.DummyCookieJar(), read_bufsize=_BUFFER_BYTES, middlewares=(only_once,),
        ) as session,
        session.get(url, allow_redirects=False) as answer,
    ):  # fmt: skip
        if answer.status != 200:
            said = f"{answer.status} {answer.reason or ''}".strip()
            return _moved_to(answer.status, said, shown(str(url)), answer.headers, clock.wall())
        async for chunk in answer.content.iter_any():  # ends with an error if less comes than Content-Length said
            file.write(chunk)
        return None


def _moved_to(status: int, said: str, address: str, headers: Mapping[str, str], now: float) -> str:
    """What any answer but 200 means: the new address, or (raised) later perhaps, or never."""
    if status in {301, 302, 303, 307, 308} and "Location" in headers:
        return headers["Location"]
    if 400 <= status < 500 and status not in {403, 408, 425, 429}:
        raise InputError(f"{address}: the server says {said}; check the address")
    # all else, even a 2xx that is no answer to a plain GET: slow down on any unusual code
    asked = retry_after_seconds(headers.get("Retry-After", ""), server_date=headers.get("Date", ""), now=now)
    raise FailedTryError(said, asked)
