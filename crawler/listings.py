"""Listings of archives, such as Common Crawl's `wat.paths.gz`: their lines, and where the lines stand."""

from __future__ import annotations

import re
import zlib
from pathlib import PurePath

from crawler.errors import InputError
from crawler.stores import is_http, local_path, shown

_LISTING_BYTES = 64 << 20  # unpacked; the largest real one has 14 MB, what unpacks to more is a bomb


def listed(data: bytes, name: str) -> list[str]:
    """The lines of a listing, given its bytes as stored, without empty ones; `name` is for messages.

    Raises:
        InputError: it is no text, damaged, empty, or larger than 64 MiB unpacked.
    """
    try:
        text = _unpacked(data, name).decode()
    except UnicodeDecodeError as error:
        raise InputError(f"{name}: not a listing of archives: not text") from error
    lines = [stripped for line in text.splitlines() if (stripped := line.strip())]
    if not lines:
        raise InputError(f"{name}: the listing is empty")
    return lines


def _unpacked(data: bytes, name: str) -> bytes:
    """A listing's text, of any number of gzip members or none."""
    if not data.startswith(b"\x1f\x8b"):
        return data
    text = bytearray()
    while data:
        member = zlib.decompressobj(wbits=31)
        try:
            text += member.decompress(data, _LISTING_BYTES - len(text))
        except zlib.error as error:
            raise InputError(f"{name}: damaged gzip: {error}; download it again") from error
        if len(text) >= _LISTING_BYTES:
            raise InputError(f"{name}: too large for a listing of archives (64 MiB unpacked)")
        if not member.eof:
            raise InputError(f"{name}: the gzip file is cut short; download it again")
        data = member.unused_data
    return bytes(text)


def placed(line: str, listing: str) -> str:
    """The address of a line: as it is if absolute, else on the folder where the listing's lines stand.

    Raises:
        InputError: the listing is from elsewhere, and the line leads away from where it stands.
    """
    remote = local_path(listing) is None
    base = re.split(r"[?#]", listing)[0] if is_http(listing) else listing if remote else PurePath(listing).as_posix()
    folder = base[: base.rfind("/") + 1]
    if "://" in line or (not remote and PurePath(line).is_absolute()):
        if remote and _origin(line) != _origin(folder):
            raise InputError(
                f"{shown(listing)}: the line {line[:200]!r} leads elsewhere; save the listing and name that"
            )
        local = local_path(line)
        return line if local is None else str(local)
    if line.startswith("/") or ".." in re.split(r"[/\\]", line):
        raise InputError(f"{shown(listing)}: the line {line[:200]!r} leads out of the listing's folder")
    above = f"/{folder}".rfind("/crawl-data/")
    place = (folder[:above] if above >= 0 and line.startswith("crawl-data/") else folder) + line
    return place if remote else str(PurePath(place))


def _origin(address: str) -> str:
    """Scheme and host with port: `https://data.commoncrawl.org`."""
    scheme, _, rest = address.partition("://")
    return f"{scheme}://{rest.partition('/')[0]}".lower()
