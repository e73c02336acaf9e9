"""The border to open_clip and torchvision: no other module imports them, and their errors end here."""

from __future__ import annotations

import difflib
import functools
import importlib
import importlib.util
import json
import pickle
import threading
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from crawler.errors import MissingPackageError, SettingsError
from filters.models.choice import CONFIG_NAME, EMBEDDED, EMBEDDED_SHA256, HUB, LOCAL, ModelChoice, sha256_of
from filters.models.preparation import Preprocessing

_INSTALL = "install them with: pip install 'pairtrawl[clip]'"
#: operators that torchvision describes at import although its library, which has them, did not load
_BOX_OPERATORS = ("nms", "qnms")
#: words that a tokeniser may remember, about 30 MB; open_clip's own never forgets, and the web never stops
_WORDS_REMEMBERED = 200_000
#: what a model's description says of its pictures, besides their size
_DESCRIBED = ("mean", "std", "interpolation", "resize_mode", "fill_color")
_PRECISIONS = {"float32": "fp32", "bfloat16": "pure_bf16", "float16": "pure_fp16"}

_import_lock = threading.Lock()
_declared: list[Any] = []  # a torch.library.Library takes its operators with it when it dies


def import_open_clip() -> Any:  # noqa: ANN401 - an untyped module
    """The module open_clip, importable even where torchvision's library was built for another torch.

    Raises:
        MissingPackageError: a package is missing, or does not work.
    """
    with _import_lock:
        try:
            _heal_torchvision()
            return importlib.import_module("open_clip")
        except ImportError as error:
            raise MissingPackageError(f"CLIP filters need torch and open_clip ({error}); {_INSTALL}") from error
        except RuntimeError as error:
            # what torch and torchvision raise where their builds do not fit each other
            raise MissingPackageError(f"torch and torchvision do not fit each other ({error}); {_INSTALL}") from error


def _heal_torchvision() -> None:
    """Declare what torchvision cannot load, so that it can be imported; does nothing where its library loads.

    A torchvision built with CUDA beside a torch built without it is common on machines without a GPU. Its library then
    fails to load in silence, and its import fails on operators for boxes, which CLIP never calls
    (github.com/pytorch/vision/issues/9085).
    """
    import torch  # noqa: PLC0415 - takes seconds

    found = importlib.util.find_spec("torchvision")  # does not import it
    folders = list(found.submodule_search_locations or ()) if found is not None else []
    libraries = [file for folder in folders for file in Path(folder).glob("_C*.so")]
    if not libraries or _declared or any(_loads(library) for library in libraries):
        return
    declared = torch.library.Library("torchvision", "FRAGMENT")
    for operator in _BOX_OPERATORS:
        if not hasattr(torch.ops.torchvision, operator):
            declared.define(f"{operator}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    _declared.append(declared)


def _loads(library: Path) -> bool:
    import torch  # noqa: PLC0415 - takes seconds

    try:
        torch.ops.load_library(library)
    except OSError:
        return False
    return True


def load_model(choice: ModelChoice, precision: str, device: str) -> Any:  # noqa: ANN401 - an untyped torch module
    """The model with its weights, on `device`, set to infer.

    Raises:
        SettingsError: there is no such model, its weights cannot be had here, or they do not fit it.
        MissingPackageError: a package is missing, or does not work.
    """
    open_clip = import_open_clip()
    import torch  # noqa: PLC0415 - takes seconds
    from safetensors import SafetensorError  # noqa: PLC0415 - comes with the clip extra

    if choice.model == EMBEDDED and weights_sha256(choice) != EMBEDDED_SHA256:
        raise SettingsError(f"{choice.local_weights}: is damaged or not the file it should be; install pairtrawl again")
    if choice.staged is None:
        weights_file(choice)  # fetches what is not here, with an error of its own
    try:
        model = open_clip.create_model(
            **_asked_for(choice),
            precision=_PRECISIONS[precision],
            device=device,
            require_pretrained=True,
        )
    except (RuntimeError, OSError, ValueError, TypeError, KeyError, SafetensorError, pickle.UnpicklingError) as error:
        raise SettingsError(f"{choice.identity}: its weights and its description do not fit: {error}") from error
    # pictures come with their channels last: a ResNet whose weights lie likewise is a fifth faster, with the same bits
    return model.eval().to(memory_format=torch.channels_last)


def _asked_for(choice: ModelChoice) -> dict[str, Any]:
    """What open_clip is told: the choice as it stands, or the same model from where its weights were staged."""
    if choice.staged is None:
        return {"model_name": choice.open_clip_name, "pretrained": choice.pretrained or None}
    weights = choice.staged.weights
    if choice.has_description:
        return {"model_name": f"{LOCAL}{weights.parent}"}
    # a tag says how its model wants its pictures, which the path of a file does not
    tag = import_open_clip().get_pretrained_cfg(choice.model, choice.pretrained)
    preprocessing = {name: tag[name] for name in _DESCRIBED if name in tag}
    return {"model_name": choice.model, "pretrained": str(weights), "force_preprocess_cfg": preprocessing}


def weights_sha256(choice: ModelChoice) -> str:
    """64 hex digits of the weights file, which is fetched where it is not on this machine.

    Raises:
        SettingsError: the weights cannot be had here.
    """
    return choice.staged.sha256 if choice.staged is not None else _sha256_where_it_is(choice)


@functools.cache
def _sha256_where_it_is(choice: ModelChoice) -> str:
    return sha256_of(weights_file(choice))


def weights_file(choice: ModelChoice) -> Path:
    """The weights file on this machine, fetched from its hub into the hub's own cache where necessary.

    Raises:
        SettingsError: there is no such model or tag, or the weights cannot be had here.
    """
    if choice.local_weights is not None:
        return choice.local_weights
    if choice.model.startswith(HUB):
        return _fetched(choice, None)
    open_clip = import_open_clip()
    if open_clip.get_model_config(choice.model) is None:
        raise SettingsError(f"open_clip has no model {choice.model!r}{_near(choice.model, open_clip.list_models())}")
    tags = open_clip.list_pretrained_tags_by_model(choice.model)
    settings = open_clip.get_pretrained_cfg(choice.model, choice.pretrained)
    if not settings:
        raise SettingsError(
            f"open_clip knows no weights {choice.pretrained!r} of {choice.model}; it knows {', '.join(tags) or 'none'}"
        )
    try:
        return Path(open_clip.download_pretrained(settings))
    except (RuntimeError, OSError) as error:
        raise _cannot_fetch(choice) from error


def description_file(choice: ModelChoice) -> Path:
    """The description of a model that has one of its own, fetched from its hub where necessary.

    Raises:
        SettingsError: it cannot be had here.
    """
    return choice.model_folder / CONFIG_NAME if choice.model_folder is not None else _fetched(choice, CONFIG_NAME)


def _fetched(choice: ModelChoice, file_name: str | None) -> Path:
    import_open_clip()
    download = importlib.import_module("open_clip.pretrained").download_pretrained_from_hf
    try:
        return Path(download(choice.model.removeprefix(HUB), filename=file_name))
    except (RuntimeError, OSError) as error:
        raise _cannot_fetch(choice) from error


def hub_is_offline() -> bool:
    """Whether Hugging Face's library asks nobody here, and takes only what is in its cache (HF_HUB_OFFLINE).

    Raises:
        MissingPackageError: the library is not installed.
    """
    import_open_clip()
    return bool(importlib.import_module("huggingface_hub.constants").HF_HUB_OFFLINE)


def _cannot_fetch(choice: ModelChoice) -> SettingsError:
    return SettingsError(
        f"the weights of {choice.identity} are not on this machine and cannot be downloaded from it. Either fetch them "
        "where there is a network, such as a login node, into the cache folder of Hugging Face that this machine sees: "
        f"pairtrawl slurm fetch-weights -r RECIPE; or copy {CONFIG_NAME} and the weights into a folder here and name "
        'that: model = "local-dir:FOLDER"'
    )


def preprocessing_of(choice: ModelChoice) -> Preprocessing:
    """How the model wants its pictures, from its description alone: no weights are read.

    Raises:
        SettingsError: there is no such model, its description cannot be had here, or it is not one.
    """
    model_settings, chosen = _description(choice)
    settings = vars(importlib.import_module("open_clip.transform").PreprocessCfg())
    settings |= {name: value for name, value in chosen.items() if value is not None}
    try:
        size = model_settings["vision_cfg"].get("image_size", settings["size"])
        height, width = (size, size) if isinstance(size, int) else size
        described = {name: settings[name] for name in _DESCRIBED}
        return msgspec.convert({"height": height, "width": width} | described, Preprocessing)
    except (TypeError, ValueError) as error:
        raise SettingsError(f"{choice.identity}: describes no preprocessing that open_clip has: {error}") from error


def _description(choice: ModelChoice) -> tuple[dict[str, Any], dict[str, Any]]:
    """What open_clip knows of the model: its own settings, and those of its preprocessing."""
    open_clip = import_open_clip()
    if not choice.has_description:
        model_settings = open_clip.get_model_config(choice.model)
        if model_settings is None:
            names = open_clip.list_models()
            raise SettingsError(f"open_clip has no model {choice.model!r}{_near(choice.model, names)}")
        return model_settings, open_clip.get_pretrained_cfg(choice.model, choice.pretrained)
    file = description_file(choice)
    try:
        tree = json.loads(file.read_text(encoding="utf-8"))
        model_settings, settings = tree["model_cfg"], tree.get("preprocess_cfg", {})
        if isinstance(model_settings["vision_cfg"], dict) and isinstance(settings, dict):
            return model_settings, settings
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise SettingsError(f"{file}: is not a description of an open_clip model ({error!r})") from error
    raise SettingsError(f"{file}: is not a description of an open_clip model")


class CaptionTokenizer:
    """A model's own tokeniser; may be called from many threads."""

    def __init__(self, choice: ModelChoice) -> None:
        """Raises SettingsError or MissingPackageError where the tokeniser cannot be had here."""
        open_clip = import_open_clip()
        try:
            self._tokenizer = open_clip.get_tokenizer(choice.open_clip_name)
        except ImportError as error:
            raise MissingPackageError(f"the tokeniser of {choice.identity} needs another package: {error}") from error
        except (RuntimeError, OSError, ValueError) as error:
            raise _cannot_fetch(choice) from error
        self._lock = threading.Lock()  # tokenisers of Hugging Face refuse to be used twice at once
        is_clips_own = type(self._tokenizer) is open_clip.SimpleTokenizer
        self._is_plain = is_clips_own and self._tokenizer.reduction_fn is None
        self._words = getattr(self._tokenizer, "cache", {})
        self._always = dict(self._words)  # its special tokens

    def __call__(self, caption: str) -> NDArray[np.int32]:
        """The caption's tokens, cut or padded to the model's context length."""
        # half of a surrogate pair cannot be encoded, and pages do have them
        readable = caption.encode("utf-8", errors="replace").decode("utf-8")
        with self._lock:
            tokens = self._plainly(readable) if self._is_plain else np.asarray(self._tokenizer([readable])[0], np.int32)
            if len(self._words) > _WORDS_REMEMBERED:
                self._words.clear()
                self._words.update(self._always)
        return tokens

    def _plainly(self, caption: str) -> NDArray[np.int32]:
        """What calling CLIP's own tokeniser gives, without a tensor for each caption, which takes longer than it."""
        tokens = np.zeros(self._tokenizer.context_length, dtype=np.int32)
        inner = self._tokenizer.encode(caption)[: len(tokens) - 2]
        tokens[0] = self._tokenizer.sot_token_id
        tokens[1 : 1 + len(inner)] = inner
        tokens[1 + len(inner)] = self._tokenizer.eot_token_id
        return tokens


def _near(word: str, known: list[str]) -> str:
    close = difflib.get_close_matches(word, known, n=3, cutoff=0.5)
    return f"; did you mean {' or '.join(close)}?" if close else ""
