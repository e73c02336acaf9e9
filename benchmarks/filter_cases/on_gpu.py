"""How much of a GPU the similarity filter's engine uses, and what holds it back: preparing, the way there, or the model."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.corpus_pairs import different_pictures, on_white
from benchmarks.figures import Figures, title
from benchmarks.filter_cases.copies import a_picture_of
from benchmarks.scoring import prepare_weights
from filters.models.choice import Device, Precision, engine_of

MODELS = ("ViT-B-32", "ViT-L-14")
PICTURES, BATCH, SECONDS = 128, 512, 3.0
#: a square product large enough for the best that the card gives
_SIDE = 8192


def prove_gpu(
    work: Path, web: Path, figures: Figures, *, device: Device = "cuda", precision: Precision = "bfloat16"
) -> None:
    """Pairs a second, and the share of the card's own best, for both models with random weights."""
    import torch

    title("scoring on a GPU")
    if device == "cuda" and not torch.cuda.is_available():
        figures.add("scoring on a GPU", "left out: torch sees no CUDA device here", good=True)
        return
    peak = peak_flops(device, getattr(torch, precision))
    name = torch.cuda.get_device_name() if device == "cuda" else device
    figures.add(f"GPU: {name}, best of a product in {precision}, TFLOP/s", f"{peak / 1e12:.1f}", good=True)
    for model in MODELS:
        measure(work, web, figures, model, device, precision, peak)


def measure(
    work: Path, web: Path, figures: Figures, model: str, device: Device, precision: Precision, peak: float
) -> None:
    """One model: what preparing gives with all cores, what the engine takes, and what share of the peak that is."""
    weights = prepare_weights(model, work)
    engine = engine_of(
        model=weights.ours[0], pretrained=weights.ours[1], precision=precision, device=device, batch_size=BATCH,
        folder=Path(),
    )  # fmt: skip
    pictures = [a_picture_of(on_white(file)) for file in different_pictures(web)[:PICTURES]]
    engine.prepare(pictures[0].pixels, "a picture")  # the first one loads the tokeniser
    began = time.process_time()
    prepared = [engine.prepare(one.pixels, one.fetched.candidate.caption.text) for one in pictures]
    prepare_rate = PICTURES / (time.process_time() - began)
    places = np.arange(BATCH) % PICTURES
    images = np.stack([prepared[place].image for place in places])
    tokens = np.stack([prepared[place].tokens for place in places])
    rate = BATCH * per_second(lambda: engine.embed(images, tokens))
    there = BATCH * per_second(lambda: there_and_back(images, device))
    of_pair = flops_of_pair(engine, images, tokens)
    cores = os.cpu_count() or 1
    limits = {"preparing, all cores": prepare_rate * cores, "the way to the card": there, "the model": rate}
    slowest = min(limits, key=lambda stage: limits[stage])
    figures.add(f"GPU, {model}: pairs a second, GFLOP a pair, share of the card's best",
                f"{rate:,.0f}, {of_pair / 1e9:.1f}, {rate * of_pair / peak:.0%}", good=True)  # fmt: skip
    figures.add(f"GPU, {model}: pairs a second that each stage could do; the limit",
                ", ".join(f"{stage} {number:,.0f}" for stage, number in limits.items()) + f"; {slowest}", good=True)  # fmt: skip


def flops_of_pair(engine: Any, images: NDArray[np.uint8], tokens: NDArray[np.int32]) -> float:  # noqa: ANN401 - any engine
    """Floating-point operations that the model spends on one picture and its caption, as torch counts them."""
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter:
        engine.embed(images, tokens)
    return float(counter.get_total_flops()) / len(images)


def peak_flops(device: str, dtype: Any) -> float:  # noqa: ANN401 - untyped torch
    """What a large product of matrices reaches on this device."""
    import torch

    side = _SIDE if device == "cuda" else 512
    one = torch.randn(side, side, device=device, dtype=dtype)

    def multiply() -> None:
        torch.mm(one, one)
        wait_for(device)

    return 2 * side**3 * per_second(multiply)


def there_and_back(images: NDArray[np.uint8], device: str) -> None:
    """A batch of pictures onto the device."""
    import torch

    torch.from_numpy(images).to(device)
    wait_for(device)


def wait_for(device: str) -> None:
    """Until the device has done what it was given."""
    import torch

    if device == "cuda":
        torch.cuda.synchronize()


def per_second(work: Callable[[], object]) -> float:
    """How often a second, once warm."""
    for _ in range(2):
        work()
    times, began = 0, time.perf_counter()
    while time.perf_counter() - began < SECONDS:
        work()
        times += 1
    return times / (time.perf_counter() - began)
