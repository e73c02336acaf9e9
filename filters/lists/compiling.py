"""What whoever looks after the lists does: compile one as it was issued, and ask what one holds, in numbers."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from crawler.errors import SettingsError
from filters.lists.compiled import WHAT, Keys, compiled, header_of, is_compiled, keys_of, opened, problem_of_age
from filters.lists.gathering import Gathered
from filters.lists.kinds import Kind
from filters.lists.private_files import read_key, refuse_work_tree, write_private
from filters.lists.sources import Form, declared_kind, gather, nothing_left

_EVERY_KIND = frozenset(Kind)
#: a list that is issued anew has seldom lost a tenth; a download that broke off often has (safety.md 3.8)
_LEAST_SHARE = 0.9


class Reading(NamedTuple):
    """How a list as it was issued is to be read."""

    kind: str = ""
    columns: Mapping[str, str | int] | None = None
    form: Form = "auto"


class Counted(NamedTuple):
    """What a list holds, in numbers."""

    counts: Mapping[Kind, int]
    skipped: Mapping[str, int]  # by reason


def compile_list(
    sources: Sequence[Path], reading: Reading, key: Path, output: Path, issued: dt.date, *, shrink: bool = False
) -> Counted:
    """Writes the confidential list of a list as it was issued, whole or not at all, readable for its owner only.

    Raises:
        SettingsError: a source or the key cannot be used, the list that is there is of another key or has so many more
            entries that the source looks cut short (unless it may shrink), the day is to come, or the file cannot be
            written.
        MissingPackageError: it has perceptual hashes, and nothing here can encrypt them.
    """
    refuse_work_tree(output, WHAT)
    if any(path.resolve() == output.resolve() for path in sources):
        raise SettingsError(f"{output}: is the source; a list as it was issued is not written over")
    if problem := problem_of_age(issued, dt.date.max.toordinal(), dt.datetime.now(dt.UTC).date()):
        raise SettingsError(f"{output}: {problem}")
    keys = keys_of(read_key(key))
    found = _gathered(sources, reading, keys.entries)
    counts = {kind: len(rows) for kind, rows in found.rows.items()}
    if output.exists() and not shrink:
        _refuse_shrinking(output, counts, keys)
    write_private(output, compiled(found.rows, found.skipped, issued, keys), WHAT, replace=True)
    return Counted(counts, found.skipped)


def check(path: Path, reading: Reading, key: Path | None) -> tuple[Counted, dt.date | None]:
    """What the list at `path` holds, and when it was issued (None for a list in the open).

    Raises:
        SettingsError: it cannot be read to its end; with a key, it is not whole or of another key. It may be old.
    """
    if not is_compiled(path):
        found = _gathered([path], reading, None)
        return Counted({kind: len(rows) for kind, rows in found.rows.items()}, found.skipped), None
    header = opened(path, keys_of(read_key(key)), frozenset(), None, dt.date.min).header if key else header_of(path)
    return Counted(header.counts, header.skipped), header.issued


def _gathered(sources: Sequence[Path], reading: Reading, key: bytes | None) -> Gathered:
    declared = declared_kind(reading.kind, _EVERY_KIND)
    found = gather(sources, _EVERY_KIND, declared, reading.form, reading.columns, key)
    if not found.rows:
        raise SettingsError(f"{sources[0]}: {nothing_left(_EVERY_KIND)}")
    return found


def _refuse_shrinking(output: Path, counts: Mapping[Kind, int], keys: Keys) -> None:
    before = opened(output, keys, frozenset(), None, dt.date.min).header.counts
    lost = [
        f"{kind} {counts.get(kind, 0):,} instead of {count:,}"
        for kind, count in before.items()
        if counts.get(kind, 0) < _LEAST_SHARE * count
    ]
    if lost:
        raise SettingsError(
            f"{output}: the new list has less than 90 % of the entries of the one that is there ({', '.join(lost)}), "
            "as a download that broke off has; if it is right, say --shrink"
        )
