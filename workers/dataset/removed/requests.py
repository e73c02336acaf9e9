"""What is asked to be removed, as somebody asks for it: checked, read to the end, and kept keyed in the register."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from crawler.dataset.diffs import Uids
from crawler.errors import SettingsError
from filters.lists import Kind, Lists, Named, lines, load_lists
from filters.lists.addresses import address
from filters.lists.compiled import Keys, compiled, is_compiled
from filters.lists.files import content_of
from filters.lists.gathering import KEPT_BYTES, stamp
from filters.lists.kinds import WIDTHS
from filters.lists.private_files import read_private, write_private
from filters.lists.rows import sorted_rows
from filters.lists.sources import declared_kind, gather
from filters.lists.urls import URL_KINDS
from workers.dataset.removed.criteria import Criteria, Span
from workers.dataset.removed.register import Reason, RegisterFolder

#: of a list in days: a takedown does not grow old
ANY_AGE = 100_000
_WHAT = "a list of the register"
_HASHES = frozenset({Kind.MD5, Kind.SHA1, Kind.SHA256})
#: what each option of a request may name
KINDS: Mapping[str, frozenset[Kind]] = {
    "hashes": _HASHES,
    "urls": URL_KINDS,
    "hosts": frozenset({Kind.DOMAIN}),
    "pdq": frozenset({Kind.PDQ}),
    "phash": frozenset({Kind.PHASH}),
}
_UID_DIGITS = 32


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked to be removed: what lists name, or what a worker made, or what was made in a time."""

    reason: Reason
    authority: str
    #: files of lists under what they name: hashes, urls, hosts, pdq, phash
    files: Mapping[str, tuple[Path, ...]] = field(default_factory=dict)
    ids: Path | None = None  # one id a line
    id_column: str = "content_id"
    span: Span | None = None
    kind: str = ""  # of entries of `urls` that do not say it themselves, such as url_md5
    columns: Mapping[str, str | int] | None = None  # of lists that are tables
    key: str = ""  # key file of compiled lists
    copies: bool = True  # rows with the same bytes as what matched go as well


def keep_stays(folder: Path, keys: Keys, urls: set[str], digests: Uids) -> None:
    """Keep, keyed, which addresses and bytes must not come back under another caption: `stays.ptlist`."""
    found = [one.text for url in sorted(urls) if (one := address(url))]
    stamps = b"".join(stamp(Kind.URL, text, keys.entries) for text in found)
    rows = {
        kind: sorted_rows(values)
        for kind, values in (
            (Kind.URL, np.frombuffer(stamps, np.uint8).reshape(-1, KEPT_BYTES)),
            (Kind.SHA256, digests.reshape(-1, WIDTHS[Kind.SHA256])),
        )
        if len(values)
    }
    if rows:
        content = compiled(rows, {}, dt.datetime.now(dt.UTC).date(), keys)
        write_private(folder / "stays.ptlist", content, _WHAT, replace=True)


def lists_of(register: RegisterFolder) -> tuple[Lists, ...]:
    """Every list of a register, opened: what takedowns named, and what must not come back.

    Raises:
        SettingsError: one of them cannot be read.
    """
    return tuple(
        load_lists(Named(str(path.resolve()), key=str(key.resolve()), max_age_days=ANY_AGE), Path(), frozenset(Kind))
        for path, key in register.lists()
    )


def check(request: Request) -> None:
    """Whether it is clear what is asked.

    Raises:
        SettingsError: it names nothing, or in two ways, of which nobody knows what they mean together; or on no word.
    """
    named = any(request.files.values()) or request.ids is not None
    if not named and request.span is None:
        raise SettingsError("names nothing to remove: give --hashes, --urls, --hosts, --ids, --pdq, --phash, or a span")
    if named and request.span is not None:
        raise SettingsError("names lists and a worker or time; make two takedowns, for a row goes by either of them")
    if not request.authority.strip():
        raise SettingsError("--authority: say on whose word, such as the number of the ticket or letter")


def named_lists(request: Request) -> Iterator[tuple[str, Named]]:
    """Its lists, by option."""
    for name, paths in request.files.items():
        if paths:
            kind = {"hosts": "domain", "urls": request.kind}.get(name, "")
            columns = dict(request.columns) if request.columns else None
            yield name, Named(tuple(str(one.resolve()) for one in paths), kind, columns, _absolute(request.key))


def _absolute(path: str) -> str:
    return str(Path(path).resolve()) if path else ""


def ids_of(request: Request) -> frozenset[str]:
    """The ids that it names, without the rest of their lines.

    Raises:
        SettingsError: the file cannot be read, names nothing, or has lines that are no ids.
    """
    if request.ids is None:
        return frozenset()
    try:
        found = frozenset(line for _, line in lines(content_of(request.ids).decode()))
    except UnicodeDecodeError:
        raise SettingsError(f"{request.ids}: cannot be read as a list of ids: not UTF-8 text") from None
    if not found:
        raise SettingsError(
            f"{request.ids}: holds no ids; a removal list that removes nothing is taken for a damaged one"
        )
    if request.id_column != "content_id":
        return found
    lowered = frozenset(one.lower() for one in found)
    if wrong := sum(len(one) != _UID_DIGITS or not set(one) <= set("0123456789abcdef") for one in lowered):
        raise SettingsError(
            f"{request.ids}: {wrong} lines are no content_id of 32 hex digits; name another --id-column"
        )
    return lowered


def as_uids(criteria: Criteria) -> Uids:
    """Ids that were named outright count, whether they are stored or not: they must not come later, either."""
    if criteria.id_column != "content_id":
        return np.empty((0, _UID_DIGITS // 2), np.uint8)
    return np.frombuffer(bytes.fromhex("".join(sorted(criteria.ids))), np.uint8).reshape(-1, _UID_DIGITS // 2)


def keep_lists(request: Request, folder: Path, keys: Keys) -> dict[str, str]:
    """Put what was named into the takedown's folder, keyed; the key files of lists that were so before."""
    foreign: dict[str, str] = {}
    for name, named in named_lists(request):
        paths = [Path(one) for one in named.path]
        private = [one for one in paths if is_compiled(one)]
        for number, path in enumerate(private):
            kept = f"{name}-{number}.ptlist"
            write_private(folder / kept, read_private(path, _WHAT), _WHAT, replace=True)
            foreign[kept] = named.key
        if public := [one for one in paths if one not in private]:
            kinds = KINDS[name]
            found = gather(public, kinds, declared_kind(named.kind, kinds), "auto", named.columns, keys.entries)
            content = compiled(found.rows, found.skipped, dt.datetime.now(dt.UTC).date(), keys)
            write_private(folder / f"{name}.ptlist", content, _WHAT, replace=True)
    return foreign


def entries_of(lists: tuple[Lists, ...], criteria: Criteria) -> dict[str, int]:
    """How many entries were named, by kind."""
    counts: dict[str, int] = {}
    for one in lists:
        for kind, count in one.counts.items():
            counts[kind.value] = counts.get(kind.value, 0) + count
    if criteria.ids:
        counts["ids"] = len(criteria.ids)
    return counts
