"""The one place that brings archives near: local files as they are, everything else as a whole file on the local disk.

Whole files, because that is the only download whose retry is safe without trusting the server (a continued one can be
glued from two versions), and because Common Crawl asks for it: docs/decisions/0003-whole-file-downloads.md.
"""

from __future__ import annotations

import asyncio
import re
import socket
import ssl
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urljoin

import aiohttp
from yarl import URL

from crawler.courtesy.etiquette import Clock, Etiquette, FailedTryError, Pace, backoff_seconds, retry_after_seconds
from crawler.errors import ArchiveUnavailableError, InputError, SettingsError
from crawler.stores import archive_name, copy_stored, is_http, local_path, no_room, shown
from crawler.wire.addresses import AddressPolicy
from crawler.wire.door import AddressInfo, AddressRefusedError, own_networks
from crawler.wire.only_once import HungUpError, only_once

__all__ = ["Clock", "Etiquette", "NoPartsError", "Pace", "Part", "bring", "nearby", "read_listing"]

PROCESS_PACE = Pace()  # every thread of this process asks through it
SYSTEM_CLOCK = Clock()

_BUFFER_BYTES = 1 << 20
_CONTENT_RANGE = re.compile(r"bytes ([0-9]{1,18})-([0-9]{1,18})/([0-9]{1,18})")
_LISTING_BYTES = 64 << 20  # Common Crawl's largest has 100,000 lines, 14 MB before compression


class NoPartsError(InputError):
    """The server, or the kind of address, gives whole files only."""


class Part:
    """A part of an archive that is asked for; `size` is the whole archive's, once there was an answer."""

    def __init__(self, start: int, length: int) -> None:
        """`length` bytes from `start` on, or as many as there are."""
        self.start = start
        self.length = length
        self.size = 0

    def check(self, content_range: str) -> None:
        """Take the word of an answer.

        Raises:
            FailedTryError: it brings something else than was asked for.
        """
        told = _CONTENT_RANGE.fullmatch(content_range)
        first, last, size = (int(one) for one in told.groups()) if told else (-1, -1, -1)
        if first != self.start or last != min(self.start + self.length, size) - 1:
            raise FailedTryError(f"another part than was asked for: {content_range[:60]!r}")
        self.size = size


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
        bring(source_address, path, etiquette, clock, pace)
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


def bring(address: str, path: Path, etiquette: Etiquette, clock: Clock, pace: Pace, part: Part | None = None) -> None:
    """Try until the whole file, or that part of it, is at `path`.

    Raises:
        NoPartsError: there are no parts to be had.
        InputError, ArchiveUnavailableError, MissingPackageError, SettingsError: as `nearby`.
    """
    if part is not None and not is_http(address):
        raise NoPartsError(f"{shown(address)}: parts are asked for over HTTP only")
    trust = _trust(etiquette.ca_file) if is_http(address) else None
    for failures in range(1, etiquette.tries + 1):
        try:
            if trust is None:
                pace.wait(etiquette.spacing_seconds, clock)
                return copy_stored(address, path, identity=etiquette.identity)
            return _get_following(address, path, etiquette, clock, pace, trust, part)
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
    address: str,
    path: Path,
    etiquette: Etiquette,
    clock: Clock,
    pace: Pace,
    trust: ssl.SSLContext,
    part: Part | None,
) -> None:
    """One GET of the whole file, redirects from their start: where they led last time may be signed for one use."""
    here = address
    for _hop in range(etiquette.redirects + 1):
        pace.wait(etiquette.spacing_seconds, clock)
        location = _get(here, path, etiquette, clock, trust, part)
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


def _get(
    address: str, path: Path, etiquette: Etiquette, clock: Clock, trust: ssl.SSLContext, part: Part | None
) -> str | None:
    """One GET of the whole file, or of a part. None if it is there, or where the server says it is.

    The one border to aiohttp: what it raises is InputError, FailedTryError or ArchiveUnavailableError behind it.
    """
    try:
        url = URL(address)
    except ValueError as error:
        raise InputError(f"{shown(address)}: not an address: {error}") from error
    try:
        with path.open("wb") as file:
            return asyncio.run(_download(url, file, etiquette, clock, trust, part))
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
        if isinstance(getattr(error, "os_error", None), AddressRefusedError):
            raise InputError(
                f"{shown(address)}: leads into a private network, and strangers' archives must not"
            ) from error
        raise FailedTryError(f"{type(error).__name__}: {error}") from error
    except OSError as error:
        raise no_room(address, path, error) from error


def _public_sockets() -> Callable[[AddressInfo], socket.socket]:
    """Makes sockets to the world's addresses only: judged where it is dialled, for a name may answer differently."""
    policy = AddressPolicy.of((), (), own_networks())

    def made(address: AddressInfo) -> socket.socket:
        family, kind, protocol, _name, sockaddr = address
        if not policy.permits(str(sockaddr[0])):
            raise AddressRefusedError("not a public address")
        return socket.socket(family, kind, protocol)

    return made


async def _download(
    url: URL, file: BinaryIO, etiquette: Etiquette, clock: Clock, trust: ssl.SSLContext, part: Part | None
) -> str | None:
    timeout = aiohttp.ClientTimeout(
        total=etiquette.total_seconds, sock_connect=etiquette.connect_seconds, sock_read=etiquette.stall_seconds
    )
    # threads, not aiodns: an archive may stand on a host that only this machine's own name service knows
    factory = _public_sockets() if etiquette.public_only else None
    connector = aiohttp.TCPConnector(ssl=trust, resolver=aiohttp.ThreadedResolver(), socket_factory=factory)
    # identity: a .gz archive must arrive as stored, for offsets of records are counted in stored bytes
    headers = {"User-Agent": etiquette.identity, "Accept-Encoding": "identity"}
    if part is not None:
        headers["Range"] = f"bytes={part.start}-{part.start + part.length - 1}"
    async with (
        aiohttp.ClientSession(
            connector=connector, timeout=timeout, headers=headers, auto_decompress=False, trust_env=False,
            cookie_jar=aiohttp.DummyCookieJar(), read_bufsize=_BUFFER_BYTES, middlewares=(only_once,),
        ) as session,
        session.get(url, allow_redirects=False) as answer,
    ):  # fmt: skip
        if part is not None and answer.status == 200:
            raise NoPartsError(f"{shown(str(url))}: the server gives whole files only")
        if part is not None and answer.status == 206:
            part.check(answer.headers.get("Content-Range", ""))
        elif answer.status != 200:
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
