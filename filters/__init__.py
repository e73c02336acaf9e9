"""Filters: each decides, for a batch of records, which stay. The folder says what it sees, the file is its name.

A filter is one file in `filters/candidates/`, `filters/bodies/` or `filters/pictures/`. The file has a docstring, whose
first line is what `pairtrawl filters list` prints, and a `build`: a class or function that takes keyword settings and
gives a frozen object that can be pickled and that judges (`Filter`). Nothing else is needed: `load` finds the file by
its name, and the contract test finds it by itself.

`build`'s annotations are what a setting may be; `Annotated[int, msgspec.Meta(ge=1)]` adds a range. A parameter called
`folder` is not a setting: it receives the folder that relative paths stand on.

What a filter may offer beyond `judge`:

- `scores: str`, for a filter of pictures: the name of a column for its `Verdict.score`. No such attribute, no column.
- `provenance: str`, what made the scores ("model@sha256:first12 precision"), for the column "<scores>_model".
  Reading it may hash or fetch weights, so it is read once a job, not once a row. (Of a filter that judges by
  embeddings, `Embedded.model` says it, row by row.)
- `confidential: bool`: a row that it rejects is counted, and written nowhere.
- `most_share: float`: a job of which it would reject more than this share, and more than ten rows, commits nothing.
- `listed`, whose `skipped` says how many entries of its lists are left out, by reason: the user is told before a run.
- `redrawn`, how its verdict follows from the columns of a shard's table (`filters.redrawn`), and `lines`, a function
  of its file (`filters.lines`).
- Judging by what a model makes of picture and caption, so that all such filters ask one model once: `EmbeddingFilter`.
  What makes its score besides the engine, such as a trained head, is `made_by: str`, and goes into the same column.
"""

from __future__ import annotations

import difflib
import functools
import importlib
import inspect
import pkgutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol, Self, TypeVar, get_type_hints, runtime_checkable

import msgspec

from crawler.errors import SettingsError
from crawler.records import Candidate, Embedded, Picture, Verdict
from filters.engines import Engine, Prepared

__all__ = [
    "FOLDERS", "Embedded", "EmbeddingFilter", "Engine", "Entry", "Filter", "Prepared", "Setting", "catalogue",
    "judges_embeddings", "load", "names", "settings_of",
]  # fmt: skip

FOLDERS = ("candidates", "bodies", "pictures")

Seen_contra = TypeVar("Seen_contra", contravariant=True)


class Filter(Protocol[Seen_contra]):
    """Anything that can say of each record of a batch whether it stays; sees Candidate, Fetched or Picture."""

    def judge(self, batch: Sequence[Seen_contra]) -> list[Verdict]:
        """One verdict per record, in order; each is the same whatever else is in the batch."""
        ...


@runtime_checkable
class EmbeddingFilter(Protocol):
    """A filter of pictures that judges by embeddings: after all others, on full batches, maybe with a model elsewhere.

    `judge(batch)` is `filters.embedding.judge_pictures(self, batch)`.
    """

    @property
    def scores(self) -> str:
        """The name of a column for its scores; what made them goes into the column "<scores>_model"."""
        ...

    @property
    def engines(self) -> tuple[Engine, ...]:
        """Every engine that it may ask."""
        ...

    def engine_for(self, candidate: Candidate) -> Engine:
        """Which of `engines` embeds the picture of this candidate."""
        ...

    def judge_embedded(self, batch: Sequence[Embedded]) -> list[Verdict]:
        """One verdict per embedded picture, in order; each is the same whatever else is in the batch."""
        ...

    def with_engines(self, swap: Callable[[Engine], Engine]) -> Self:
        """The same filter with `swap(engine)` in the place of each of its engines."""
        ...

    def judge(self, batch: Sequence[Picture]) -> list[Verdict]:
        """One verdict per picture, in order."""
        ...


class Setting(NamedTuple):
    """One setting of a filter."""

    name: str
    kind: str  # its type, such as "int" or "str | tuple[str, ...]"
    required: bool
    default: Any  # None where required


class Entry(NamedTuple):
    """One filter of the catalogue."""

    name: str  # folder.file
    summary: str  # first line of the file's docstring
    settings: tuple[Setting, ...]


@functools.cache
def names() -> tuple[str, ...]:
    """Every filter's name, folder by folder in the order in which they run, then by letter."""
    here = Path(__file__).parent
    return tuple(
        f"{folder}.{module.name}"
        for folder in FOLDERS
        for module in sorted(pkgutil.iter_modules([str(here / folder)]), key=lambda module: module.name)
        if not module.name.startswith("_")
    )


def catalogue() -> list[Entry]:
    """Every filter with what it does and what it can be told; imports no model library."""
    return [_entry(name) for name in names()]


def load(name: str, settings: Mapping[str, Any], *, folder: str | Path = ".") -> Filter[Any]:
    """The filter called `name` (such as "pictures.min_side"), built with `settings`.

    Relative paths among the settings stand on `folder`.

    Raises:
        SettingsError: there is no such filter, or a setting is unknown, missing or wrong; the message names the filter,
            the setting, and what there is instead.
    """
    _refuse_unknown_filter(name)
    build = importlib.import_module(f"{__name__}.{name}").build
    known = _entry(name).settings
    _refuse_unknown(name, settings, [setting.name for setting in known])
    missing = [setting.name for setting in known if setting.required and setting.name not in settings]
    if missing:
        raise SettingsError(f"{name}: needs the setting {', '.join(missing)}")
    hints = get_type_hints(build, include_extras=True)
    values = {key: _converted(name, key, value, hints[key]) for key, value in settings.items()}
    if "folder" in inspect.signature(build).parameters:
        values["folder"] = Path(folder)
    try:
        built: Filter[Any] = build(**values)
        return built
    except SettingsError as error:
        raise SettingsError(f"{name}: {error}") from error


@functools.cache
def judges_embeddings(name: str) -> bool:
    """Whether the filter called `name` is an `EmbeddingFilter`. It is not built, so that no list of it is read."""
    build = importlib.import_module(f"{__name__}.{name}").build
    made = build if inspect.isclass(build) else get_type_hints(build)["return"]
    return hasattr(made, "judge_embedded")


def settings_of(name: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Every setting of the filter called `name`: those that are given, and the defaults of the others.

    Raises:
        SettingsError: there is no such filter.
    """
    _refuse_unknown_filter(name)
    return {one.name: one.default for one in _entry(name).settings if not one.required} | dict(settings)


@functools.cache  # annotations are read, which takes a while
def _entry(name: str) -> Entry:
    module = importlib.import_module(f"{__name__}.{name}")
    kinds = get_type_hints(module.build)
    settings = []
    for parameter in inspect.signature(module.build).parameters.values():
        if parameter.name != "folder":
            kind = kinds[parameter.name]
            written = kind.__name__ if isinstance(kind, type) else str(kind).replace("typing.", "")
            required = parameter.default is inspect.Parameter.empty
            settings.append(Setting(parameter.name, written, required, None if required else parameter.default))
    return Entry(name, inspect.cleandoc(module.__doc__ or "").partition("\n")[0], tuple(settings))


def _refuse_unknown_filter(name: str) -> None:
    if name not in names():
        raise SettingsError(
            f"there is no filter {name!r}{_did_you_mean(name, names())}; there are {', '.join(names())}"
        )


def _refuse_unknown(name: str, settings: Mapping[str, Any], known: Sequence[str]) -> None:
    """A misspelt setting would silently be the default."""
    for key in settings:
        if key not in known:
            raise SettingsError(
                f"{name}: there is no setting {key!r}{_did_you_mean(key, known)}; "
                f"there {'is' if len(known) == 1 else 'are'} {', '.join(known) or 'none'}"
            )


def _converted(name: str, key: str, value: object, hint: object) -> object:
    try:
        converted: object = msgspec.convert(value, hint)
        return converted
    except msgspec.ValidationError as error:
        raise SettingsError(f"{name}: {key} = {value!r}: {error}") from error


def _did_you_mean(word: str, known: Sequence[str]) -> str:
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    return f" (did you mean {close[0]!r}?)" if close else ""
