"""Policies: rules by which rows are left out for everybody to know, such as a score above a threshold.

    [[policy]]
    name = "punsafe > 0.95 and a word of the list"     # what re-issues publish as the class
    column = "punsafe"
    above = 0.95                                       # or: from, below, up_to, is
    keywords = "lists/minors.txt"                      # and one of its texts has a word of the list
    texts = ["caption", "other_captions"]              # which texts those are; these are the default

A row goes if any policy says so; a policy says so if all of its conditions hold. NaN, which a model gave for want of a
number, meets every threshold: such a picture was not found safe. A row without a value was never looked at, and stays,
unless `missing = "remove"`.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from crawler.errors import InputError, SettingsError
from filters.keywords import Keywords, load_keywords

if TYPE_CHECKING:
    import pyarrow as pa

Bools = NDArray[np.bool_]


class _Written(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A `[[policy]]` as it is written."""

    name: str
    column: str = ""
    above: float | None = None
    at_least: float | None = msgspec.field(default=None, name="from")
    below: float | None = None
    up_to: float | None = None
    is_value: str | int | bool | None = msgspec.field(default=None, name="is")
    keywords: str | tuple[str, ...] = ()
    texts: tuple[str, ...] = ("caption", "other_captions")
    missing: Literal["keep", "remove"] = "keep"


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    policy: tuple[_Written, ...]


@dataclass(frozen=True, slots=True)
class Policy:
    """One rule."""

    name: str
    written: _Written
    keywords: Keywords | None

    @property
    def columns(self) -> tuple[str, ...]:
        """What it looks at."""
        return ((self.written.column,) if self.written.column else ()) + (self.written.texts if self.keywords else ())

    def removes(self, part: pa.Table) -> Bools:
        """For each row whether it goes.

        Raises:
            InputError: a column that it needs is not there, or holds something else than numbers.
        """
        goes = np.ones(part.num_rows, np.bool_)
        if self.written.column:
            if self.written.column not in part.column_names:
                raise InputError(f"policy {self.name!r}: the tables have no column {self.written.column!r}")
            goes = self._by_value(part)
        if self.keywords is None or not goes.any():
            return goes
        places = np.flatnonzero(goes)
        for place, texts in zip(places, _texts(part, self.written.texts, places), strict=True):
            goes[place] = any(map(self.keywords.hits, texts))
        return goes

    def _by_value(self, part: pa.Table) -> Bools:
        import pyarrow as pa  # noqa: PLC0415 - heavy
        import pyarrow.compute as pc  # noqa: PLC0415 - heavy

        column = part.column(self.written.column)
        known: Bools = column.is_valid().to_numpy().astype(np.bool_)
        try:
            if self.written.is_value is not None:
                equal: Any = pc.equal(column.cast(pa.string()), pa.scalar(_as_arrow_writes(self.written.is_value)))
                same: Bools = equal.fill_null(False).to_numpy().astype(np.bool_)
                return same if self.written.missing == "keep" else same | ~known
            values: NDArray[np.float64] = column.cast(pa.float64()).to_numpy().astype(np.float64)
        except pa.ArrowException as error:
            what = "numbers" if self.written.is_value is None else "values that can be compared"
            raise InputError(f"policy {self.name!r}: column {self.written.column} holds no {what}: {error}") from error
        goes = np.ones(len(values), np.bool_)
        with np.errstate(invalid="ignore"):
            for bound, holds in (
                (self.written.above, np.greater),
                (self.written.at_least, np.greater_equal),
                (self.written.below, np.less),
                (self.written.up_to, np.less_equal),
            ):
                if bound is not None:
                    goes &= holds(values, bound) | np.isnan(values)
        return goes & known if self.written.missing == "keep" else goes | ~known


def load_policies(path: Path) -> tuple[Policy, ...]:
    """The policies in a TOML file; names of word lists stand on its folder.

    Raises:
        SettingsError: it cannot be read, or a policy has no condition or two names.
    """
    try:
        written = msgspec.convert(tomllib.loads(path.read_text("utf-8")), _File)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise SettingsError(f"{path}: cannot be read as policies: {error}") from error
    names = [one.name for one in written.policy]
    if len(set(names)) != len(names):
        raise SettingsError(f"{path}: two policies have one name; what is published must tell them apart")
    return tuple(_loaded(one, path) for one in written.policy)


def removed_by(policies: tuple[Policy, ...], part: pa.Table) -> Bools:
    """For each row whether any of the policies removes it."""
    goes = np.zeros(part.num_rows, np.bool_)
    for policy in policies:
        goes |= policy.removes(part)
    return goes


def _loaded(written: _Written, path: Path) -> Policy:
    bounds = (written.above, written.at_least, written.below, written.up_to, written.is_value)
    conditions = sum(one is not None for one in bounds)
    if bool(written.column) != bool(conditions):
        raise SettingsError(
            f"{path}: policy {written.name!r}: a column needs above, from, below, up_to or is, and they it"
        )
    if written.is_value is not None and conditions > 1:
        raise SettingsError(f"{path}: policy {written.name!r}: `is` and a bound contradict each other; take one")
    if not conditions and not written.keywords:
        raise SettingsError(f"{path}: policy {written.name!r} has no condition, so it would remove every row")
    keywords = load_keywords(written.keywords, path.parent) if written.keywords else None
    return Policy(written.name, written, keywords)


def _as_arrow_writes(value: str | int | bool) -> str:
    """The text that a value of a column is cast to."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _texts(part: pa.Table, columns: tuple[str, ...], places: NDArray[np.int64]) -> list[list[str]]:
    """The texts of some rows."""
    found: list[list[str]] = [[] for _ in places]
    for name in columns:
        if name in part.column_names:
            for texts, value in zip(found, part.column(name).take(places).to_pylist(), strict=True):
                texts.extend(_flat(value))
    return found


def _flat(value: Any) -> list[str]:  # noqa: ANN401 - whatever a table holds
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        return [text for name, one in value.items() if name == "text" for text in _flat(one)]
    return [text for one in value for text in _flat(one)] if isinstance(value, list) else []
