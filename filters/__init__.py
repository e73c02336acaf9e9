"""Filters: each decides, for a batch of records, which stay. The folder says what it sees, the file is its name.

A filter is one file in `filters/candidates/`, `filters/bodies/` or `filters/pictures/`. The file has a docstring, whose
first line is what `pairtrawl filters list` prints, and a `build`: a class or function that takes keyword settings and
gives a frozen object that can be pickled and that judges (`Filter`). Nothing else is needed: `load` finds the file by
its name, and the contract test finds it by itself.

`build`'s annotations are what a setting may be; `Annotated[int, msgspec.Meta(ge=1)]` adds a range. A parameter called
`folder` is not a setting: it receives the folder that relative paths stand on.

What a filter may offer beyond `judge`:

- `scores: str`, the name of a column for its `Verdict.score`. No such attribute, no column.
- `provenance: str`, what made the scores ("model@sha256:first12 precision"), for the column "<scores>_model".
  Reading it may hash or fetch weights, so it is read once a job, not once a row.
- Two phases, so that the expensive one can be batched or moved to another process: `ModelFilter`.
"""

from __future__ import annotations

import difflib
import importlib
import inspect
import pkgutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeVar, get_type_hints, runtime_checkable

import msgspec

from crawler.errors import SettingsError
from crawler.records import Picture, Verdict

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FOLDERS = ("candidates", "bodies", "pictures")

Seen_contra = TypeVar("Seen_contra", contravariant=True)


class Filter(Protocol[Seen_contra]):
    """Anything that can say of each record of a batch whether it stays; sees Candidate, Fetched or Picture."""

    def judge(self, batch: Sequence[Seen_contra]) -> list[Verdict]:
        """One verdict per record, in order; each is the same whatever else is in the batch."""
        ...


class Prepared(NamedTuple):
    """One picture and its caption as a model takes them: small, and cheap to send to another process."""

    image: NDArray[np.uint8]  # height x width x 3, RGB, at the model's own size
    tokens: NDArray[np.int32]  # one caption, padded to the model's context length


class Engine(Protocol):
    """What computes the scores of a `ModelFilter`: here, or a stand-in that asks another process."""

    @property
    def provenance(self) -> str:
        """What computes: "model@sha256:first12 precision"."""
        ...

    def similarities(self, images: NDArray[np.uint8], tokens: NDArray[np.int32]) -> NDArray[np.float32]:
        """The cosine of each image with its caption, in [-1, 1]: images N x H x W x 3, tokens N x L, result N."""
        ...


@runtime_checkable
class ModelFilter(Protocol):
    """A filter of pictures whose `judge(batch)` is `judge_prepared([prepare(picture) for picture in batch])`."""

    @property
    def batch_size(self) -> int:
        """The number of prepared pictures that it likes to see at once."""
        ...

    def prepare(self, picture: Picture) -> Prepared:
        """The model's input for one picture; may be called from many threads."""
        ...

    def judge_prepared(self, batch: Sequence[Prepared]) -> list[Verdict]:
        """One verdict per prepared picture, in order."""
        ...

    def scored_by(self, engine: Engine) -> ModelFilter:
        """The same filter with its scores computed by `engine`."""
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
    if name not in names():
        raise SettingsError(
            f"there is no filter {name!r}{_did_you_mean(name, names())}; there are {', '.join(names())}"
        )
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
