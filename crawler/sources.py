"""Which archives and lists the inputs of a command stand for. Decides in memory; the look-ups are handed in.

An input is an archive, a list of image addresses, a folder or pattern of either, a listing of archives (or lists), or a
crawl of Common Crawl by its name. A *listing* says where archives stand, a *list* where images stand: both may be plain
text, and the name alone tells them apart.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import urlsplit

from crawler.errors import InputError
from crawler.list_forms import KNOWN_ENDINGS, ListForm, form_of
from crawler.listings import listed, placed
from crawler.stores import archive_name, find_files, is_http, local_path, shown

COMMONCRAWL = "https://data.commoncrawl.org/"


class ArchiveKind(StrEnum):
    """What an input holds: pages as received, what Common Crawl's extractor made of them, or addresses and captions."""

    WARC = "warc"
    WAT = "wat"
    LIST = "list"


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


@dataclass(frozen=True, slots=True)
class Source:
    """One archive or list to read."""

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
    list_form: ListForm | None


def resolve_inputs(
    inputs: Sequence[str],
    *,
    read_listing: Callable[[str], bytes],
    find: Callable[[str], Sequence[str]] = find_files,
    commoncrawl: str = COMMONCRAWL,
    list_form: ListForm | None = None,
) -> list[Source]:
    """The archives and lists that `inputs` stand for: as given, each one's own in sorted or listing order, none twice.

    An input is one of
    - an archive: a local path, or an `http(s)://`, `s3://` or other fsspec address, with a known ending;
    - a list of image addresses, the same way; a text that is called like a listing is a listing;
    - a folder (every archive below it; every list where there is no archive, if they are of one form), or a local or
      fsspec pattern, of which the same holds;
    - a listing such as `wat.paths.gz`: its lines stand on the folder above the listing's own `crawl-data/` if they
      begin with `crawl-data/`, and on the listing's folder if not;
    - `CC-MAIN-YYYY-WW[:warc|wat][:first[-last]]`: files first to last (from 0, both included) of the listing of that
      crawl, WAT files by default. (A local folder of such a name is written `./CC-MAIN-...`.)

    Args:
        inputs: what the user wrote.
        read_listing: the bytes of a listing as stored; raises InputError if there is none (`archives.read_listing`).
        find: the files that a local path, folder, or pattern stands for; empty where there are none.
        commoncrawl: the address or local folder under which Common Crawl's `crawl-data/` stands.
        list_form: the recipe's `list.form`. With it every input is a list, whatever it is called; of folders and
            patterns what has the ending of this form.

    Raises:
        InputError: an input stands for nothing, or it is not clear for what, or two lists have one name, by which their
            rows are known; the message names it and the remedy. What the look-ups raise passes.
    """
    if not inputs:
        raise InputError(f"no inputs: name WARC or WAT files, lists, folders, listings, or {_CRAWL_FORM}")
    world = _World(read_listing, find, commoncrawl if commoncrawl.endswith("/") else commoncrawl + "/", list_form)
    sources = list({source.address: source for text in inputs for source in _stands_for(text, world)}.values())
    _check_names([source for source in sources if source.kind is ArchiveKind.LIST])
    return sources


def _check_names(lists: list[Source]) -> None:
    """The rows of a list are known by its name and their number, so two lists of a run cannot have one name."""
    by_name: dict[str, str] = {}
    for one in lists:
        other = by_name.setdefault(one.name, one.address)
        if other != one.address:
            raise InputError(
                f"{shown(other)} and {shown(one.address)}: two lists of one name, by which their rows are known; give "
                "one of them another name (a link will do), or crawl it in a run of its own"
            )


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
    if world.list_form is None and _LISTING.fullmatch(archive_name(address)):
        listings = _some(world.find(address), text) if pattern else [address]
        return [source for listing in listings for source in _of_listing(listing, world)]
    if local is None and not pattern:
        return _chosen_among([address], address, text, world)
    return _chosen_among(_some(world.find(address), text), address, text, world)


def _over_http(text: str, world: _World) -> list[Source]:
    try:
        host = urlsplit(text).hostname
    except ValueError as error:
        raise InputError(f"{text}: not an address: {error}") from error
    if not host:
        raise InputError(f"{text}: not an address: it names no host")
    if "*" in shown(text):
        raise InputError(f"{shown(text)}: patterns do not work over HTTP; name a listing such as wat.paths.gz")
    if world.list_form is None and _LISTING.fullmatch(archive_name(text)):
        return _of_listing(text, world)
    return _chosen_among([text], text, shown(text), world)


def _some(found: Sequence[str], text: str) -> Sequence[str]:
    if found:
        return found
    form = f", and it is not of the form {_CRAWL_FORM}" if text.startswith("CC-MAIN-") else ""
    raise InputError(f"{text}: no such file or folder, and nothing matches it as a pattern{form}")


def _source(address: str) -> Source | None:
    """The archive or list of this address, by its ending."""
    name = archive_name(address).lower()
    for kind, endings in _ENDINGS.items():
        if name.endswith(endings):
            return Source(address, kind)
    is_list = form_of(name) is not None and not _LISTING.fullmatch(name)
    return Source(address, ArchiveKind.LIST) if is_list else None


def _chosen_among(found: Sequence[str], address: str, text: str, world: _World) -> list[Source]:
    """What is to be read of the files that `address` stands for: archives, or else lists of one form."""
    if world.list_form is not None:
        return _lists_of_form(found, address, text, world.list_form)
    sources = [source for one in found if (source := _source(one)) is not None]
    # where archives lie, a text or a table is a note on them
    archives = [source for source in sources if source.kind is not ArchiveKind.LIST]
    forms = sorted({form.value for source in sources if (form := form_of(source.name)) is not None})
    if not sources:
        raise InputError(
            f"{text}: no archive and no list; archives end in {_KNOWN}, lists in {KNOWN_ENDINGS}, listings of archives "
            "are named like wat.paths.gz; `form` under [list] of the recipe makes any file a list"
        )
    if not archives and len(forms) > 1:
        raise InputError(
            f"{text}: holds no archive, but {' and '.join(forms)} files: name those that are lists by a pattern such "
            f"as *.{forms[0]}, or by `form` under [list] of the recipe"
        )
    return archives or sources


def _lists_of_form(found: Sequence[str], address: str, text: str, form: ListForm) -> list[Source]:
    """All that is called so, or the one file that was named, whatever it is called."""
    chosen = [one for one in found if form_of(archive_name(one)) is form] or [one for one in found if one == address]
    if not chosen:
        raise InputError(f"{text}: no {form.value} file, which is what `form` under [list] of the recipe asks for")
    return [Source(one, ArchiveKind.LIST) for one in chosen]


def _of_crawl(text: str, crawl: re.Match[str], world: _World) -> list[Source]:
    """Common Crawl's files of one crawl and kind, in the listing's order."""
    listing = f"{world.commoncrawl}crawl-data/{crawl['crawl']}/{crawl['kind'] or ArchiveKind.WAT}.paths.gz"
    try:
        lines = _chosen(listed(world.read_listing(listing), shown(listing)), crawl["first"], crawl["last"])
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
    return [_named_by(line, address, world) for line in listed(world.read_listing(address), shown(address))]


def _named_by(line: str, listing: str, world: _World) -> Source:
    """The archive that a line of a listing names.

    A listing from elsewhere is somebody else's text: it may name what stands beside it, but neither our files nor
    hosts that only we can reach.
    """
    source = None if _CONTROL.search(line) else _source(placed(line, listing))
    if source is None:
        raise InputError(
            f"{shown(listing)}: the line {line[:200]!r} names no archive; archives end in {_KNOWN}. If the lines are "
            'addresses of images, put form = "txt" under [list] of the recipe, for a listing is what it is called'
        )
    if local_path(source.address) is not None and not world.find(source.address):
        raise InputError(
            f"{listing}: names {line}, but there is no file {source.address}; to read a crawl of Common Crawl from its "
            f"server, write {_CRAWL_FORM}"
        )
    return source
