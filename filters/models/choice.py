"""Which model a filter uses: checked when the filter is built, long before any model library is imported."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from msgspec import Meta

from crawler.errors import SettingsError

if TYPE_CHECKING:
    from filters.models.engine import OpenClipEngine

#: what a filter's settings may be that say how a model computes
Precision = Literal["float32", "bfloat16", "float16"]
Device = Literal["auto", "cpu", "cuda"]  # "auto" is cuda where there is one
BatchSize = Annotated[int, Meta(ge=1, le=4096)]

#: the model that comes with the program, with the SHA-256 of its weights
EMBEDDED = "pairtrawl-tiny"
EMBEDDED_SHA256 = "78c59187839c3207c3e4d1fcb84f1f34ec190dcd2ab98ec8350b1c1ee585c0e8"

LOCAL, HUB = "local-dir:", "hf-hub:"
CONFIG_NAME = "open_clip_config.json"
#: the order in which open_clip looks for weights in a folder (open_clip 3.3, factory._find_checkpoint_in_dir)
WEIGHTS_NAMES = (
    "open_clip_model.safetensors",
    "open_clip_pytorch_model.safetensors",
    "open_clip_pytorch_model.bin",
    "open_clip_pytorch_model.pth",
    "model.safetensors",
    "pytorch_model.bin",
    "pytorch_model.pth",
    "model.pth",
)
_CHECKPOINT_SUFFIXES = (".safetensors", ".pt", ".pth", ".bin")


@dataclass(frozen=True, slots=True)
class Staged:
    """A copy of a model's weights on a disk of this machine's own; `workers.staging` makes it and checks it."""

    weights: Path  # beside its description, where the model is no name of open_clip
    sha256: str  # 64 hex digits, of the copy


@dataclass(frozen=True, slots=True)
class ModelChoice:
    """A model that open_clip can make; made by `choose`, which checks it."""

    model: str  # EMBEDDED, "local-dir:<absolute path>", "hf-hub:<organisation/name>", or a name of open_clip
    pretrained: str = ""  # for a name of open_clip: a tag, or the absolute path of a checkpoint
    #: where this process loads it from instead; says nothing of which model it is
    staged: Staged | None = field(default=None, compare=False, repr=False)

    @property
    def open_clip_name(self) -> str:
        """What open_clip calls it. The embedded model is found anew on every machine that the choice travels to."""
        return f"{LOCAL}{Path(__file__).parent / EMBEDDED}" if self.model == EMBEDDED else self.model

    @property
    def model_folder(self) -> Path | None:
        """The folder that holds configuration and weights, where it is on this machine."""
        name = self.open_clip_name
        return Path(name.removeprefix(LOCAL)) if name.startswith(LOCAL) else None

    @property
    def has_description(self) -> bool:
        """Whether it brings its configuration with it; open_clip has those of the names that it knows."""
        return self.model == EMBEDDED or self.model.startswith((LOCAL, HUB))

    @property
    def local_weights(self) -> Path | None:
        """The weights file, where it is on this machine; None for weights that a hub keeps."""
        if self.model_folder is not None:
            return next((file for name in WEIGHTS_NAMES if (file := self.model_folder / name).is_file()), None)
        return Path(self.pretrained) if _names_a_file(self.pretrained) else None

    @property
    def identity(self) -> str:
        """A name that means the same on every machine: never a path."""
        name = f"{LOCAL}{self.model_folder.name}" if self.model.startswith(LOCAL) and self.model_folder else self.model
        weights = Path(self.pretrained).name
        return f"{name}/{weights}" if weights else name


def choose(model: str, pretrained: str, folder: Path) -> ModelChoice:
    """The choice that a recipe's `model` and `pretrained` name; relative paths stand on `folder`.

    Raises:
        SettingsError: they contradict each other, or a file or folder that they name is not there or not complete.
    """
    self_contained = model == EMBEDDED or model.startswith((LOCAL, HUB))
    if self_contained and pretrained:
        raise SettingsError(f"pretrained = {pretrained!r} has no meaning: {model} brings its own weights")
    if not self_contained and not pretrained:
        raise SettingsError(
            f"model = {model!r} needs `pretrained`, a tag such as laion2b_s34b_b79k or the path of a checkpoint; "
            f"without weights its similarities are random ({EMBEDDED}, {LOCAL}... and {HUB}... bring theirs)"
        )
    if model.startswith(LOCAL):
        choice = ModelChoice(f"{LOCAL}{(folder / model.removeprefix(LOCAL)).resolve()}")
    elif _names_a_file(pretrained):
        choice = ModelChoice(model, str((folder / pretrained).resolve()))
    else:
        choice = ModelChoice(model, pretrained)
    _check_files(choice)
    return choice


def engine_of(
    *,
    model: str = EMBEDDED,
    pretrained: str = "",
    precision: Precision = "float32",
    device: Device = "auto",
    batch_size: int = 64,
    folder: Path = Path(),
) -> OpenClipEngine:
    """The engine that a filter's settings name; needs no torch, and looks no further than at the names of files.

    Raises:
        SettingsError: `model` and `pretrained` contradict each other, or name files that are not there.
    """
    from filters.models.engine import OpenClipEngine  # noqa: PLC0415 - it stands on this module

    return OpenClipEngine(choose(model, pretrained, folder), precision, device, batch_size)


def _check_files(choice: ModelChoice) -> None:
    model_folder, weights = choice.model_folder, choice.local_weights
    if model_folder is not None and not (model_folder / CONFIG_NAME).is_file():
        raise SettingsError(f"model: the folder {model_folder} has no {CONFIG_NAME}")
    if model_folder is not None and weights is None:
        raise SettingsError(f"model: the folder {model_folder} has no weights, such as {WEIGHTS_NAMES[0]}")
    if weights is not None and not weights.is_file():
        raise SettingsError(f"pretrained: there is no file {weights}")


def _names_a_file(pretrained: str) -> bool:
    return "/" in pretrained or pretrained.endswith(_CHECKPOINT_SUFFIXES)


def sha256_of(file: Path) -> str:
    """64 hex digits.

    Raises:
        SettingsError: the file cannot be read.
    """
    try:
        with file.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise SettingsError(f"{file}: cannot be read: {error}") from error
