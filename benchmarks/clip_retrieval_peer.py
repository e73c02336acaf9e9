"""Runs clip-retrieval's own command line in its own environment: not a line of its files is changed.

    PEER/bin/python benchmarks/clip_retrieval_peer.py CLOCK.json MODEL.json inference --input_dataset ...

The CPU seconds of this process at the end of each batch go to CLOCK.json: its logger is called then, and is followed by
a look at the clock. Four things are done first. Where torchvision's library was built for another torch, it fails
to load in silence, and importing torchvision then fails on operators for boxes that CLIP never calls: they are declared
(github.com/pytorch/vision/issues/9085). And open_clip is told of the architecture in MODEL.json, whose name is the
model's, by its own `add_model_config`; an empty word is none. Third, the model is set to infer, which all_clip 1.3 forgets for models of
open_clip: they come in training mode, where batch normalisation makes a picture's vector depend on its neighbours
(models without it, such as ViT-B-32, do not change).

Fourth, its clip-anytorch wants `pkg_resources.packaging`, which the setuptools that torch asks for no longer
have: it is given the package packaging under that name.

clip-retrieval starts processes that run this file again, as their `__mp_main__`: what they import must be mended, too.
"""

from __future__ import annotations

import importlib.util
import json
import sys
import time
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

_declared = torch.library.Library("torchvision", "FRAGMENT")  # takes its operators with it when it dies


def mend_torchvision() -> bool:
    """Declare what torchvision cannot load; False where its own library loads."""
    found = importlib.util.find_spec("torchvision")
    for folder in found.submodule_search_locations or () if found else ():
        for library in Path(folder).glob("_C*.so"):
            try:
                torch.ops.load_library(library)
            except OSError:
                continue
            return False
    for operator in ("nms", "qnms"):
        _declared.define(f"{operator}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    return True


def lend_packaging() -> None:
    """The module pkg_resources with the one name that clip-anytorch takes from it, where setuptools have none."""
    if importlib.util.find_spec("pkg_resources") is None:
        import packaging.version

        lent = types.ModuleType("pkg_resources")
        lent.packaging = packaging  # type: ignore[attr-defined] # that is the point
        sys.modules["pkg_resources"] = lent


mended = mend_torchvision()
lend_packaging()


def watch_batches(clock: list[float]) -> None:
    """Note the CPU seconds of this process at the end of each batch, when clip-retrieval logs it."""
    from clip_retrieval.clip_inference.logger import LoggerWriter  # type: ignore[import-not-found] # the peer's

    log = LoggerWriter.__call__

    def logged(self: Any, stats: dict[str, Any]) -> None:  # noqa: ANN401 - the peer's own
        log(self, stats)
        clock.append(time.process_time())

    LoggerWriter.__call__ = logged


def inferring(create: Callable[..., Any]) -> Callable[..., Any]:
    """open_clip's maker of models, which leaves them in training mode, with the step that its README asks callers for."""

    def created(*words: Any, **named: Any) -> Any:  # noqa: ANN401 - the peer's own
        model, *rest = create(*words, **named)
        return model.eval(), *rest

    return created


if __name__ == "__main__":
    print(f"peer: torchvision {'mended: its library does not load' if mended else 'as installed'}", flush=True)
    clock_file, config = sys.argv.pop(1), sys.argv.pop(1)
    import open_clip

    if config:
        open_clip.add_model_config(Path(config))
    open_clip.create_model_and_transforms = inferring(open_clip.create_model_and_transforms)
    torch.set_num_threads(1)
    from clip_retrieval.cli import main  # type: ignore[import-not-found] # the peer's

    times: list[float] = []
    watch_batches(times)
    main()
    Path(clock_file).write_text(json.dumps(times))
