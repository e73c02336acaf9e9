"""From a recipe to tools: the only place where filters, models and settings are put together."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Sequence
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from crawler.archives import Etiquette
from crawler.courtesy.desk import Desk
from crawler.courtesy.local_desk import LocalDesk
from crawler.embeddings import folder_name
from crawler.errors import MissingPackageError, SettingsError
from crawler.job import JobKind, Tools
from crawler.job.judging import score_columns
from crawler.job.opening import open_web
from crawler.job.screening import Screening
from crawler.seen import NothingSeen, Seen
from crawler.settings import Recipe
from crawler.wire.resolve import NameCache
from filters import EmbeddingFilter, Engine, judges_embeddings, load
from workers.showing import showing_of

#: Given an engine, what computes in its place: under Ray a stand-in that asks a scoring actor.
Swap = Callable[[Engine], Engine]

#: what filters judge, in the order in which they run
_STAGES = ("candidates", "bodies", "pictures", "embeddings")
#: and what of that each kind of job asks
_STAGES_OF = {
    JobKind.EXTRACT: ("candidates",),
    JobKind.FETCH: ("candidates", "bodies", "pictures"),
    JobKind.SCORE: ("embeddings",),
    JobKind.CRAWL: _STAGES,
}
#: what every engine needs
_MODEL_PACKAGES = ("torch", "open_clip")


def etiquette_of(recipe: Recipe) -> Etiquette:
    """How archives are asked for: under the recipe's name, contact and certificate authorities."""
    fetch = recipe.fetch
    return Etiquette(user_agent=fetch.user_agent, contact=fetch.contact, ca_file=fetch.ca_file)


def assemble(
    recipe: Recipe,
    scratch: Path,
    *,
    kind: JobKind = JobKind.CRAWL,
    swap: Swap | None = None,
    desk: Desk | None = None,
    seen: Seen | None = None,
) -> Tools:
    """The tools of one process.

    Args:
        recipe: says which filters, and how each is set.
        scratch: folder for archives that have to be downloaded before they can be read; made if absent.
        kind: of the jobs that they are for: reading archives needs no list of pictures, which may take a gigabyte.
        swap: puts another engine in the place of each that a filter asks; None keeps the filter's own, in this process.
        desk: what this process shares with the others of the run; None where it is the only one.
        seen: what the data set holds already; None where the recipe keeps every file.

    Raises:
        SettingsError: a filter does not exist, or does not like its settings; the message names it.
    """
    scratch.mkdir(parents=True, exist_ok=True)
    built = _built(recipe, swap, _STAGES_OF[kind])
    return Tools(
        recipe=recipe,
        scratch=scratch,
        etiquette=etiquette_of(recipe),
        candidate_filters=tuple(built["candidates"]),
        body_filters=tuple(built["bodies"]),
        picture_filters=tuple(built["pictures"]),
        embedding_filters=tuple(built["embeddings"]),
        open_web=partial(open_web, recipe, desk or LocalDesk(recipe.manners), NameCache()),
        screening=Screening.of(named for stage in built.values() for named in stage),
        seen=seen or NothingSeen(),
        showing=showing_of(recipe, (*built["pictures"], *built["embeddings"])),
    )


def engines_of(recipe: Recipe) -> dict[str, Engine]:
    """Every engine that the recipe's filters may ask, once, by its name; no model is loaded.

    Raises:
        SettingsError: as `assemble`.
    """
    return _engines(_built(recipe, None, ("embeddings",))["embeddings"])


def _engines(filters: Iterable[tuple[str, EmbeddingFilter]]) -> dict[str, Engine]:
    """Raises SettingsError for two that are not the same and that tables and folders could not tell apart."""
    found: dict[str, Engine] = {}
    for name, one in filters:
        for engine in one.engines:
            known = found.setdefault(folder_name(engine.name), engine)
            if known != engine:
                raise SettingsError(
                    f"{name}: asks {engine.name} otherwise than a filter before it does: give both the same device and "
                    "batch_size, so that the model is asked once; if they are two models, give their folders two names"
                )
    return {engine.name: engine for engine in found.values()}


def make_sure(recipe: Recipe, kinds: Collection[JobKind] = (JobKind.CRAWL,)) -> list[str]:
    """Whether jobs of these kinds can be done here: asked before the first one, for archives take hours.

    Returns what its user should know: entries of lists that are left out, because they would match anything or nothing.

    Every list that a filter names is read, if jobs of these kinds ask it: models and confidential lists may be at
    different places. Weights that a hub keeps are fetched into its cache where they are not there yet; no model is
    loaded.

    Raises:
        SettingsError: a filter does not exist, does not like its settings, or its model cannot be had here.
        MissingPackageError: a filter needs a package that is not installed.
    """
    built = _built(recipe, None, [stage for stage in _STAGES if any(stage in _STAGES_OF[kind] for kind in kinds)])
    for name, one in built["embeddings"]:
        if missing := [package for package in _MODEL_PACKAGES if not _is_installed(package)]:
            raise MissingPackageError(
                f"{name}: needs {' and '.join(missing)}, not installed here: pip install 'pairtrawl[clip]'"
            )
        try:
            for engine in one.engines:
                _ = engine.provenance
        except SettingsError as error:
            raise SettingsError(f"{name}: {error}") from error
    return [
        f"{name}: entries of its lists that are not used: {', '.join(f'{why} {number:,}' for why, number in left_out)}"
        for stage in built.values()
        for name, one in stage
        if (left_out := sorted(one.listed.skipped.items() if hasattr(one, "listed") else ()))
    ]


def _is_installed(package: str) -> bool:
    try:
        return find_spec(package) is not None
    except ImportError:
        return False


def _built(recipe: Recipe, swap: Swap | None, stages: Sequence[str] = _STAGES) -> dict[str, list[tuple[str, Any]]]:
    """The recipe's filters under what they judge: candidates, bodies, pictures; or embeddings.

    Those of other stages than `stages` are not built: lists of pictures may take a gigabyte, and confidential ones are
    not where the models are.
    """
    # Read when torch is first imported, which is later. Two OpenMP threads beside busy neighbours were seven times
    # slower than one, because they wait for each other in a loop (2 cores: 2.9 images/s against 19).
    os.environ |= {"OMP_NUM_THREADS": str(recipe.resources.torch_threads), "OMP_WAIT_POLICY": "PASSIVE"}
    built: dict[str, list[tuple[str, Any]]] = {stage: [] for stage in _STAGES}
    for choice in recipe.filters:
        folder, name = choice.use.split(".")
        stage = "embeddings" if folder == "pictures" and judges_embeddings(choice.use) else folder
        if stage in stages:
            one: Any = load(choice.use, choice.settings, folder=recipe.folder)
            built[stage].append((name, one.with_engines(swap) if swap and stage == "embeddings" else one))
    for stage in stages if recipe.removals else ():
        if stage != "embeddings":
            built[stage] = [*_removed(recipe, stage), *built[stage]]  # before a row of it could be written
    if "embeddings" in stages:
        _check(recipe, built["pictures"], built["embeddings"])
    return built


def _removed(recipe: Recipe, stage: str) -> list[tuple[str, Any]]:
    """What of the register of takedowns is asked at a stage."""
    from workers.dataset.removed.removals import NAME, register_of, removed_at  # noqa: PLC0415 - most recipes have none

    register = register_of(recipe)
    found = removed_at(register, stage) if register else None
    return [(NAME, found)] if found else []


def _check(recipe: Recipe, pictures: Sequence[tuple[str, Any]], embeddings: Sequence[tuple[str, Any]]) -> None:
    """What filters must not do to each other, and what a recipe cannot ask for without them."""
    _engines(embeddings)
    columns = [column for column, _ in score_columns((*pictures, *embeddings))]
    if twice := sorted({column for column in columns if columns.count(column) > 1}):
        raise SettingsError(f"two filters give a score called {twice[0]}; the table of a shard has one such column")
    if recipe.output.keep_embeddings and not embeddings:
        raise SettingsError(
            "output.keep_embeddings: no filter of this recipe asks a model, so there are none; add "
            "pictures.clip_similarity, with threshold = -1 if it is to keep everything"
        )
