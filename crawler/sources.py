"""Which archives the inputs of a command stand for. Decides in memory; the two look-ups in the world are handed in.

An input is an archive, a folder or pattern of archives, a listing of archives, or a crawl of Common Crawl by its name.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import PurePath
from urllib.parse import urlsplit

from crawler.errors import InputError
from crawler.stores import archive_name, find_files, is_http, local_path, shown

COMMONCRAWL = "https://data.commoncrawl.org/"


class ArchiveKind(StrEnum):
    """What an archive holds: pages as received, or what Common Crawl's extractor made of them."""

    WARC = "warc"
    WAT = "wat"


# looked at in this order: x.warc.wat.gz is a WAT file
_ENDINGS = {
    ArchiveKind.WAT: (".wat", ".wat.gz", ".wat.zst"),
    ArchiveKind.WARC: (".warc", ".warc.gz", ".warc.zst", ".arc", ".arc.gz"),
}
_KNOWN = ", ".join(ending for endings in _ENDINGS.values() for ending in endings)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_LISTING = re.compile(r".*(\.paths|paths\.txt)(\.gz)?", re.IGNORECASE)
_CRAWL = re.compile(
    r"(?P<crawl>CC-MAIN-[0-9]{4}-[0-9]{2})(:(?P<kind>warc|wat))?(:(?P<first>[0-9]{1,9})(-(?P<last>[0-9]{1,9}))?)?"
)
_CRAWL_FORM = "CC-MAIN-YYYY-WW, with :wat or :warc and a range of files such as :0-9 or :7 if wanted"
_LISTING_BYTES = 64 << 20  # unpacked; the largest real one has 14 MB, what unpacks to more is a bomb


@dataclass(frozen=True, slots=True)
class Source:
    """One archive to read."""

    address: str  # local path or URL
    kind: ArchiveKind

    @property
    def name(self) -> str:
        """The last path component: what messages and the `archive` column call it."""
        return archive_name(self.address)


@dataclass(frozen=True, slots=True)
class _World:
    read_listing: Callable[[str], bytes]
    find: Callable[[str], Sequence[str]]
    commoncrawl: str


def resolve_inputs(
    inputs: Sequence[str],
    *,
    read_listing: Callable[[str], bytes],
    find: Callable[[str], Sequence[str]] = find_files,
    commoncrawl: str = COMMONCRAWL,
) -> list[Source]:
    """The archives that `inputs` stand for: as given, each one's own in sorted or listing order, none twice.

    An input is one of
    - an archive: a local path, or an `http(s)://`, `s3://` or other fsspec address, with a known ending;
    - a folder (every archive below it), or a local or fsspec pattern;
    - a listing such as `wat.paths.gz`: its lines stand on the folder above the listing's own `crawl-data/` if they
      begin with `crawl-data/`, and on the listing's folder if not;
    - `CC-MAIN-YYYY-WW[:warc|wat][:first[-last]]`: files first to last (from 0, both included) of the listing of that
      crawl, WAT files by default. (A local folder of such a name is written `./CC-MAIN-...`.)

    Args:
        inputs: what the user wrote.
        read_listing: the bytes of a listing as stored; raises InputError if there is none (`archives.read_listing`).
        find: the files that a local path, folder, or pattern stands for; empty where there are none.
        commoncrawl: the address or local folder under which Common Crawl's `crawl-data/` stands.

    Raises:
        InputError: an input stands for nothing; the message names it and the remedy. What the look-ups raise passes.
    """
    if not inputs:
        raise InputError(f"no inputs: name WARC or WAT files, folders, listings, or {_CRAWL_FORM}")
    world = _World(read_listing, find, commoncrawl if commoncrawl.endswith("/") else commoncrawl + "/")
    return list({source.address: source for text in inputs for source in _stands_for(text, world)}.values())


def _stands_for(text: str, world: _World) -> list[Source]:
    """What one input stands for; never empty."""
    if not text.strip() or _CONTROL.search(text):
        raise InputError(f"input {text!r}: not a path or address")
    if (crawl := _CRAWL.fullmatch(text)) is not None:
        return _of_crawl(text, crawl, world)
    if is_http(text):
        return _over_http(text, world)
    local = local_path(text)
    address = text if local is None else str(local)
    pattern = any(magic in address for magic in "*?[")
    if _LISTING.fullmatch(archive_name(address)):
        listings = _some(world.find(address), text) if pattern else [address]
        return [source for listing in listings for source in _of_listing(listing, world)]
    if local is None and not pattern:
        return _archives([address], text)
    return _archives(_some(world.find(address), text), text)


def _over_http(text: str, world: _World) -> list[Source]:
    try:
        host = urlsplit(text).hostname
    except ValueError as error:
        raise InputError(f"{text}: not an address: {error}") from error
    if not host:
        raise InputError(f"{text}: not an address: it names no host")
    if "*" in shown(text):
        raise InputError(f"{shown(text)}: patterns do not work over HTTP; name a listing such as wat.paths.gz")
    if _LISTING.fullmatch(archive_name(text)):
        return _of_listing(text, world)
    return _archives([text], shown(text))


def _some(found: Sequence[str], text: str) -> Sequence[str]:
    if found:
        return found
    form = f", and it is not of the form {_CRAWL_FORM}" if text.startswith("CC-MAIN-") else ""
    raise InputError(f"{text}: no such file or folder, and nothing matches it as a pattern{form}")


def _source(address: str) -> Source | None:
    name = archive_name(address).lower()
    return next((Source(address, kind) for kind, endings in _ENDINGS.items() if name.endswith(endings)), None)


def _archives(found: Iterable[str], text: str) -> list[Source]:
    """Those with the ending of an archive."""
    sources = [source for address in found if (source := _source(address)) is not None]
    if not sources:
        raise InputError(f"{text}: no archive; archives end in {_KNOWN}, listings are named like wat.paths.gz")
    return sources


def _of_crawl(text: str, crawl: re.Match[str], world: _World) -> list[Source]:
    """Common Crawl's files of one crawl and kind, in the listing's order."""
    listing = f"{world.commoncrawl}crawl-data/{crawl['crawl']}/{crawl['kind'] or ArchiveKind.WAT}.paths.gz"
    try:
        lines = _chosen(_lines(listing, world), crawl["first"], crawl["last"])
        return [_named_by(line, listing, world) for line in lines]
    except InputError as error:
        raise InputError(f"{text}: {error}") from error


def _chosen(lines: list[str], first_written: str | None, last_written: str | None) -> list[str]:
    """Lines first to last, from 0, both included; cut before any line is looked at, for a mirror may have few only."""
    if first_written is None:
        return lines
    first = int(first_written)
    last = first if last_written is None else int(last_written)
    if first > last:
        raise InputError(f"the range ends before it begins; write it as :{last}-{first}")
    if last >= len(lines):
        raise InputError(f"there is no file {last}: the listing has {len(lines)} files, numbered 0 to {len(lines) - 1}")
    return lines[first : last + 1]


def _of_listing(address: str, world: _World) -> list[Source]:
    """The archives that a listing names, in its order."""
    return [_named_by(line, address, world) for line in _lines(address, world)]


def _lines(address: str, world: _World) -> list[str]:
    name = shown(address)
    try:
        text = _unpacked(world.read_listing(address), name).decode()
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


def _named_by(line: str, listing: str, world: _World) -> Source:
    """The archive that a line of a listing names.

    A listing from elsewhere is somebody else's text: it may name what stands beside it, but neither our files nor
    hosts that only we can reach.
    """
    source = None if _CONTROL.search(line) else _source(_placed(line, listing))
    if source is None:
        raise InputError(f"{shown(listing)}: the line {line[:200]!r} names no archive; archives end in {_KNOWN}")
    if local_path(source.address) is not None and not world.find(source.address):
        raise InputError(
            f"{listing}: names {line}, but there is no file {source.address}; to read a crawl of Common Crawl from its "
            f"server, write {_CRAWL_FORM}"
        )
    return source


def _placed(line: str, listing: str) -> str:
    """The address of a line: as it is if absolute, else on the folder where the listing's lines stand."""
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
    placed = (folder[:above] if above >= 0 and line.startswith("crawl-data/") else folder) + line
    return placed if remote else str(PurePath(placed))


def _origin(address: str) -> str:
    """Scheme and host with port: `https://data.commoncrawl.org`."""
    scheme, _, rest = address.partition("://")
    return f"{scheme}://{rest.partition('/')[0]}".lower()
