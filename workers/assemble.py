"""From a recipe to tools: the only place where filters, models and settings are put together."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from crawler.archives import Etiquette
from crawler.courtesy.desk import Desk
from crawler.courtesy.local_desk import LocalDesk
from crawler.errors import MissingPackageError, SettingsError
from crawler.job import Tools
from crawler.job.opening import open_web
from crawler.settings import Recipe
from crawler.wire.resolve import NameCache
from filters import Engine, ModelFilter, load

#: Given a filter's name, whatever scores in its place: under Ray a stand-in for the scoring actor.
EngineFor = Callable[[str], Engine]

#: what every model filter needs
_MODEL_PACKAGES = ("torch", "open_clip")


def etiquette_of(recipe: Recipe) -> Etiquette:
    """How archives are asked for: under the recipe's name, contact and certificate authorities."""
    fetch = recipe.fetch
    return Etiquette(user_agent=fetch.user_agent, contact=fetch.contact, ca_file=fetch.ca_file)


def assemble(recipe: Recipe, scratch: Path, *, engine_for: EngineFor | None = None, desk: Desk | None = None) -> Tools:
    """The tools of one process.

    Args:
        recipe: says which filters, and how each is set.
        scratch: folder for archives that have to be downloaded before they can be read; made if absent.
        engine_for: puts another engine into each model filter; None keeps the filter's own, in this process.
        desk: what this process shares with the others of the run; None where it is the only one.

    Raises:
        SettingsError: a filter does not exist, or does not like its settings; the message names it.
    """
    scratch.mkdir(parents=True, exist_ok=True)
    built = _built(recipe, engine_for)
    return Tools(
        recipe=recipe,
        scratch=scratch,
        etiquette=etiquette_of(recipe),
        candidate_filters=tuple(built["candidates"]),
        body_filters=tuple(built["bodies"]),
        picture_filters=tuple(built["pictures"]),
        model_filters=tuple(built["models"]),
        open_web=partial(open_web, recipe, desk or LocalDesk(recipe.manners), NameCache()),
    )


def make_sure(recipe: Recipe, *, with_models: bool) -> None:
    """Whether jobs of this recipe can be done here: asked before the first one, for archives take hours.

    Every list that a filter names is read. Weights that a hub keeps are fetched into its cache where they are not there
    yet; no model is loaded.

    Raises:
        SettingsError: a filter does not exist, does not like its settings, or its model cannot be had here.
        MissingPackageError: a model filter needs a package that is not installed.
    """
    models = _built(recipe, None)["models"]
    for name, one in models if with_models else ():
        if missing := [package for package in _MODEL_PACKAGES if not _is_installed(package)]:
            raise MissingPackageError(
                f"{name}: needs {' and '.join(missing)}, not installed here: pip install 'pairtrawl[clip]'"
            )
        try:
            _ = one.provenance
        except SettingsError as error:
            raise SettingsError(f"{name}: {error}") from error


def _is_installed(package: str) -> bool:
    try:
        return find_spec(package) is not None
    except ImportError:
        return False


def _built(recipe: Recipe, engine_for: EngineFor | None) -> dict[str, list[tuple[str, Any]]]:
    """The recipe's filters under what they judge: candidates, bodies, pictures; or models."""
    # Read when torch is first imported, which is later. Two OpenMP threads beside busy neighbours were seven times
    # slower than one, because they wait for each other in a loop (2 cores: 2.9 images/s against 19).
    os.environ |= {"OMP_NUM_THREADS": str(recipe.resources.torch_threads), "OMP_WAIT_POLICY": "PASSIVE"}
    built: dict[str, list[tuple[str, Any]]] = {"candidates": [], "bodies": [], "pictures": [], "models": []}
    for choice in recipe.filters:
        folder, name = choice.use.split(".")
        one: Any = load(choice.use, choice.settings, folder=recipe.folder)
        if isinstance(one, ModelFilter):
            one = one.scored_by(engine_for(name)) if engine_for else one
            folder = "models"
        built[folder].append((name, one))
    return built
