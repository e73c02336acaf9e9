"""From the settings of a filter to what its lists name."""

from __future__ import annotations

import datetime as dt
import resource
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, NamedTuple, TypeAlias

import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from crawler.errors import SettingsError
from filters.lists.compiled import Keys, is_compiled, keys_of, opened
from filters.lists.gathering import stamp, stamped
from filters.lists.kinds import PERCEPTUAL, TEXTS, WIDTHS, Kind
from filters.lists.private_files import read_key
from filters.lists.rows import SortedRows, sorted_rows
from filters.lists.sources import Form, declared_kind, gather, nothing_left

# The settings of every filter that has a list, in one place. Of some the default stands in each filter's `build`.
ListPath: TypeAlias = str | tuple[str, ...]
ListColumns: TypeAlias = dict[str, str | int] | None
MaxAgeDays: TypeAlias = Annotated[int, Meta(ge=1)]
MostShare: TypeAlias = Annotated[float, Meta(gt=0, le=1)] | None

MAX_AGE_DAYS = 7
#: of the rows of a job: of LAION-5B one picture in 2.6 million was on such lists (Re-LAION-5B, August 2024), so one in
#: a thousand is a list with the hash of a harmless picture in it
CONFIDENTIAL_SHARE = 0.001


@dataclass(frozen=True, slots=True)
class Named:
    """What a filter's settings say of its lists."""

    path: ListPath  # names stand on the recipe's folder
    kind: str = ""  # what a value is that does not say so itself
    columns: ListColumns = None  # of a table: kind or role -> heading, or number from 1
    key: str = ""  # file of the key of confidential lists
    max_age_days: int = MAX_AGE_DAYS  # of confidential lists
    form: Form = "auto"


class _Keyed(NamedTuple):
    """Rows of one kind, and the key that they were made with."""

    rows: SortedRows
    key: bytes | None

    def __repr__(self) -> str:
        return f"{len(self.rows)} rows"


@dataclass(frozen=True, slots=True, eq=False)
class Lists:
    """What the lists of one filter name. It shows nothing of that, and travels as names of files (`__reduce__`)."""

    named: Named
    folder: Path
    asked: frozenset[Kind]
    confidential: bool  # whether any of them is: then not even a match may be told
    skipped: Mapping[str, int]  # entries that are not used, by reason
    _exact: Mapping[Kind, tuple[_Keyed, ...]] = field(repr=False)
    _perceptual: Mapping[Kind, NDArray[np.uint8]] = field(repr=False)

    @property
    def kinds(self) -> frozenset[Kind]:
        """The kinds of which there are entries."""
        return frozenset(self._exact) | frozenset(self._perceptual)

    @property
    def counts(self) -> dict[Kind, int]:
        """Entries of each kind; those that stand in two confidential lists count twice."""
        exact = {kind: sum(len(one.rows) for one in parts) for kind, parts in self._exact.items()}
        return dict(sorted((exact | {kind: len(rows) for kind, rows in self._perceptual.items()}).items()))

    def rows(self, kind: Kind) -> NDArray[np.uint8]:
        """All hashes of a perceptual kind, N x width (PDQ 32, pHash 8), in order, each once; N may be 0."""
        if kind not in PERCEPTUAL:
            raise ValueError(f"{kind} is looked up, not walked through")
        return self._perceptual.get(kind, np.empty((0, WIDTHS[kind]), dtype=np.uint8))

    def has(self, kind: Kind, values: Sequence[bytes]) -> NDArray[np.bool_]:
        """For each value of an exact kind whether it is listed: digests as bytes, addresses and domains as text."""
        found = np.zeros(len(values), dtype=np.bool_)
        for rows, key in self._exact.get(kind, ()) if values else ():
            asked = values if key is None and kind not in TEXTS else [stamp(kind, value, key) for value in values]
            found |= rows.has(np.frombuffer(b"".join(asked), dtype=np.uint8).reshape(len(values), -1))
        return found

    def has_rows(self, kind: Kind, values: NDArray[np.uint8]) -> NDArray[np.bool_]:
        """As `has`, for many digests at once: N x width."""
        found = np.zeros(len(values), dtype=np.bool_)
        for rows, key in self._exact.get(kind, ()):
            found |= rows.has(values if key is None else stamped(kind, values, key))
        return found

    def share(self, most_share: float | None) -> float:
        """The share of a job that these lists may take out: what the recipe says, or what is plausible."""
        return most_share or (CONFIDENTIAL_SHARE if self.confidential else 1.0)

    def __reduce__(self) -> tuple[Any, ...]:
        """Only names of files: what a list holds must not lie in an object store, a task's arguments or a log."""
        return load_lists, (self.named, self.folder, self.asked)


def load_lists(named: Named, folder: Path, kinds: frozenset[Kind]) -> Lists:
    """What the lists name of the kinds asked for.

    Lists in the open (text, CSV, JSON, XML) are one list: an entry that is withdrawn in one of them is withdrawn in
    all. Confidential ones (`.ptlist`) need the key file and can be loaded only where it is; the process that has one
    leaves no core dump.

    Raises:
        SettingsError: nothing is named, a list cannot be read to its end or has nothing that can be used, or a
            confidential one is too old, of another key, or can be read by others.
        MissingPackageError: a confidential list of perceptual hashes needs cryptography.
    """
    paths = [folder / path for path in ((named.path,) if isinstance(named.path, str) else named.path)]
    if not paths:
        raise SettingsError("path: names no list, so nothing would ever be removed")
    declared = declared_kind(named.kind, kinds)
    private = [path for path in paths if is_compiled(path)]
    public = [path for path in paths if path not in private]
    exact: dict[Kind, tuple[_Keyed, ...]] = {}
    perceptual: dict[Kind, list[NDArray[np.uint8]]] = {}
    skipped: Counter[str] = Counter()
    if public:
        gathered = gather(public, kinds, declared, named.form, named.columns)
        if not gathered.rows and not private:
            raise SettingsError(f"{public[0]}: {nothing_left(kinds)}")
        skipped.update(gathered.skipped)
        for kind, rows in gathered.rows.items():
            if kind in PERCEPTUAL:
                perceptual.setdefault(kind, []).append(rows.rows())
            else:
                exact[kind] = (_Keyed(rows, None),)
    if private:
        _leave_no_core_dump()
        keys = _keys(named, folder, private[0])
        for path in private:
            _add_private(path, keys, named.max_age_days, kinds, exact, perceptual, skipped)
    return Lists(
        named=named,
        folder=folder,
        asked=kinds,
        confidential=bool(private),
        skipped=MappingProxyType(dict(skipped)),
        _exact=MappingProxyType(exact),
        _perceptual=MappingProxyType({kind: _merged(parts) for kind, parts in perceptual.items()}),
    )


def _add_private(
    path: Path,
    keys: Keys,
    max_age_days: int,
    kinds: frozenset[Kind],
    exact: dict[Kind, tuple[_Keyed, ...]],
    perceptual: dict[Kind, list[NDArray[np.uint8]]],
    skipped: Counter[str],
) -> None:
    found = opened(path, keys, kinds, max_age_days, dt.datetime.now(dt.UTC).date())
    if not kinds & {section.kind for section in found.header.sections if section.count}:
        raise SettingsError(f"{path}: holds no entries of {', '.join(sorted(kinds))}; name the right list")
    skipped.update(found.header.skipped)
    for kind, rows in found.exact.items():
        exact[kind] = (*exact.get(kind, ()), _Keyed(rows, keys.entries))
    for kind, values in found.perceptual.items():
        perceptual.setdefault(kind, []).append(values)


def _keys(named: Named, folder: Path, private: Path) -> Keys:
    if not named.key:
        raise SettingsError(
            f"{private}: is confidential and needs the setting key, a file that only the screening host has"
        )
    return keys_of(read_key(folder / named.key))


def _merged(parts: list[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    rows = parts[0] if len(parts) == 1 else sorted_rows(np.concatenate(parts)).rows()
    rows.flags.writeable = False
    return rows


def _leave_no_core_dump() -> None:
    """The dump of a process that crashes would be a readable copy of its lists, on a disk, for anyone who reads it."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
