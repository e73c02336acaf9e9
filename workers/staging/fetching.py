"""Weights brought to this machine before a run: nodes that score have no internet."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from crawler.errors import SettingsError
from crawler.settings import Recipe
from filters.models.engine import OpenClipEngine, preparation_for
from filters.models.open_clip_border import hub_is_offline, weights_file, weights_sha256
from workers.assemble import engines_of


class Fetched(NamedTuple):
    """One model that is here now."""

    model: str  # as tables name it: "ViT-B-32/laion2b_s34b_b79k float32"
    weights: Path  # on this machine
    size: int  # bytes
    sha256: str  # 64 hex digits


def fetch_weights(recipe: Recipe) -> Iterator[Fetched]:
    """Bring here whatever the engines of a recipe need: weights, descriptions and tokenisers.

    What a hub keeps goes into the hub's own cache, where it is found again as long as HF_HOME says the same. Where the
    hub is switched off (HF_HUB_OFFLINE), this looks whether everything is there.

    Raises:
        SettingsError: there is no such model, or it is not here and cannot be downloaded.
        MissingPackageError: torch or open_clip is missing.
    """
    for engine in engines_of(recipe).values():
        if isinstance(engine, OpenClipEngine):
            yield _fetched(engine)


def _fetched(engine: OpenClipEngine) -> Fetched:
    try:
        weights = weights_file(engine.choice)
        preparation_for(engine.choice)
    except SettingsError as error:
        if not hub_is_offline():
            raise
        raise SettingsError(f"{error}. (HF_HUB_OFFLINE is set here, so nothing is downloaded)") from error
    return Fetched(engine.name, weights, weights.stat().st_size, weights_sha256(engine.choice))
