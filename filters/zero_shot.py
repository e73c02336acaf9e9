"""Zero-shot classes: what a picture shows, told by which of some sentences its vector lies nearest to.

A class has a name, says whether it is unsafe, and has prompts. It is known by its name alone: the list that LAION-400M
was tagged with was a flat one with a limit by index, one missing comma joined two of its entries, and the first
pornographic one counted as safe ever after. Classes are written in TOML, where a missing comma is an error:

    [portrait]
    unsafe = false
    prompts = ["a portrait of a person", "a photo of a face"]
"""

from __future__ import annotations

import hashlib
import tomllib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from crawler.errors import SettingsError
from filters.products import products

#: what CLIP models multiply a cosine with (exp of their learnt `logit_scale`, which training caps at 100)
LOGIT_SCALE = 100.0
OWN_CLASSES = Path(__file__).parent / "unsafe_classes.toml"

Prompt = Annotated[str, msgspec.Meta(min_length=1)]


class Prompts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One class as a recipe or a file has it."""

    unsafe: bool
    prompts: Annotated[tuple[Prompt, ...], msgspec.Meta(min_length=1)]


class PromptClass(NamedTuple):
    """One class. Classes and their prompts are kept in the order of letters, however they were written."""

    name: str
    unsafe: bool
    prompts: tuple[str, ...]


class Finding(NamedTuple):
    """What one picture was found to show."""

    unsafe: float  # probability of all unsafe classes together, 0 to 1; NaN where the model gave no number
    likeliest: str  # name of the likeliest class, or "" where the model gave no number
    share: float  # its probability


@dataclass(frozen=True, slots=True)
class ZeroShot:
    """Classes and their prompts, ready to be asked with."""

    classes: tuple[PromptClass, ...]

    @property
    def prompts(self) -> tuple[str, ...]:
        """Every prompt, class by class: the order of the vectors that `findings` takes."""
        return tuple(prompt for one in self.classes for prompt in one.prompts)

    @property
    def made_by(self) -> str:
        """A name that changes with every class and prompt, and with nothing else: "classes@sha256:first12"."""
        return f"classes@sha256:{hashlib.sha256(msgspec.json.encode(self.classes)).hexdigest()[:12]}"

    def findings(self, images: NDArray[np.float32], prompts: NDArray[np.float32]) -> list[Finding]:
        """What each picture shows: `images` N x D and `prompts` P x D are unit vectors.

        A class's probability is the sum over its prompts of softmax(100 * cosine) over all prompts.
        """
        shares = self._shares(images, prompts)
        unsafe = np.array([one.unsafe for one in self.classes])
        findings = []
        for row in shares:
            if np.isnan(row).any():  # float16 can overflow
                findings.append(Finding(float("nan"), "", float("nan")))
                continue
            best = int(row.argmax())
            findings.append(Finding(_rounded(row[unsafe].sum()), self.classes[best].name, _rounded(row[best])))
        return findings

    def _shares(self, images: NDArray[np.float32], prompts: NDArray[np.float32]) -> NDArray[np.float64]:
        """Probability of each class for each picture, N x C."""
        logits = LOGIT_SCALE * products(images, np.ascontiguousarray(prompts.T, dtype=np.float64))
        weights = np.exp(logits - logits.max(axis=1, keepdims=True))
        weights /= weights.sum(axis=1, keepdims=True)
        starts = np.cumsum([0, *(len(one.prompts) for one in self.classes[:-1])])
        return np.add.reduceat(weights, starts, axis=1)


def _rounded(probability: float) -> float:
    """To float32, as the table has it, and never beyond 1 by a sum of roundings."""
    return min(float(np.float32(probability)), 1.0)


def zero_shot(classes: Mapping[str, Prompts] | str, folder: Path) -> ZeroShot:
    """The classes of a recipe's table, or of the TOML file of that name, which stands on `folder`; "" is our own.

    Raises:
        SettingsError: the file cannot be read, or the classes leave no choice; the message names the class.
    """
    if isinstance(classes, str):
        file = folder / classes if classes else OWN_CLASSES
        return ZeroShot(_checked(classes_in(_text_of(file), str(file)), str(file)))
    return ZeroShot(_checked(classes, "classes"))


def classes_in(text: str, name: str) -> dict[str, Prompts]:
    """The classes that a TOML text describes; messages call it `name`.

    Raises:
        SettingsError: it is not TOML, or a class is not described as it should be.
    """
    try:
        return msgspec.convert(tomllib.loads(text), dict[str, Prompts])
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{name}: not valid TOML: {error}") from error
    except msgspec.ValidationError as error:
        raise SettingsError(f"{name}: {error} ($ is the top of the file)") from error


def _text_of(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"classes: {file} cannot be read: {error}") from error


def _checked(classes: Mapping[str, Prompts], where: str) -> tuple[PromptClass, ...]:
    for unsafe, word in ((True, "safe"), (False, "unsafe")):
        if not any(one.unsafe is unsafe for one in classes.values()):
            raise SettingsError(f"{where}: has no class with unsafe = {str(unsafe).lower()}: all would be {word}")
    twice = _twice(prompt for one in classes.values() for prompt in one.prompts)
    if twice:
        raise SettingsError(f"{where}: the prompt {twice[0]!r} stands there twice; it would count for two")
    return tuple(PromptClass(name, one.unsafe, tuple(sorted(one.prompts))) for name, one in sorted(classes.items()))


def _twice(words: Iterable[str]) -> list[str]:
    return sorted(word for word, count in Counter(words).items() if count > 1)
