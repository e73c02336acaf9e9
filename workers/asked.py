"""What the flags of a command asked for, and what follows from them before anything is begun."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import msgspec

from crawler.errors import SettingsError
from crawler.settings import Recipe
from workers.crawl import Here, Place
from workers.slices import Slice
from workers.stages import FETCHES, NO_RETRY, SCORES, Retry, Verb
from workers.telling.events import Sink
from workers.telling.forms import LogForm


@dataclass(frozen=True, slots=True)
class Asked:
    """The flags, as values."""

    verb: Verb = "crawl"
    fresh: bool = False
    place: str = "local"
    ray_address: str = ""
    workers: int = 2
    scorers: int = 1
    #: a Ray cluster that grows on demand is waited for so long, in seconds
    wait_for_nodes: float | None = None
    without_failed: bool = False
    drop_raw: bool = False
    scratch: Path | None = None
    slice: Slice | None = None
    #: parts of the run that ask sites at the same time; None for as many as there are slices
    islands: int | None = None
    #: who works on the slice
    owner: str = ""
    #: how often jobs that failed are begun again before the sitting ends
    job_retries: int = 0
    #: how it is told of
    log: LogForm = LogForm.AUTO
    #: the project of Weights & Biases that is told, too; "" for none
    wandb: str = ""
    #: whoever else is told how it goes
    sinks: tuple[Sink, ...] = ()
    #: what a rebuild takes over
    retry: Retry = NO_RETRY

    def __post_init__(self) -> None:
        """Raise SettingsError for flags that contradict each other."""
        if self.slice and self.fresh:
            raise SettingsError("--fresh with --slice: other slices may be at work there; start over without --slice")
        if self.ray_address and self.place != "ray":
            raise SettingsError(f"--place {self.place} with --ray-address: jobs run on a Ray cluster or they do not")


def among_islands(recipe: Recipe, asked: Asked) -> Recipe:
    """The recipe with its share of the rate at which sites are asked; how fast, not what: its digest is the same.

    The parts of the run are as many as the flag says, or else the recipe (`manners.islands`), or else the slices.
    """
    stated = recipe.manners.islands if recipe.manners.islands > 1 else None
    islands = asked.islands or stated or (asked.slice.of if asked.slice else 1)
    return msgspec.structs.replace(recipe, manners=msgspec.structs.replace(recipe.manners, islands=islands))


def check_verb(recipe: Recipe, asked: Asked) -> None:
    """Whether the verb is one for this recipe.

    Raises:
        SettingsError: it is not, or cannot take over what it is asked to.
    """
    if recipe.rebuild is None:
        if asked.verb == "rebuild":
            raise SettingsError(f"{recipe.name}: has no [rebuild] section, so it describes a crawl")
        return
    if asked.verb not in ("plan", "rebuild"):
        raise SettingsError(f"{recipe.name}: describes a rebuild, which `pairtrawl {asked.verb}` does not do")
    if asked.retry.round and recipe.output.keep_embeddings:
        raise SettingsError(f"{recipe.name}: output.keep_embeddings: shards with vectors cannot be gone over again: "
                            "those of what stays would be lost; make them anew in another folder")  # fmt: skip
    if asked.retry.round and recipe.output.thumbnails:
        raise SettingsError(f"{recipe.name}: output.thumbnails: shards with thumbnails cannot be gone over again: what "
                            "filters have rejected is not here any more; make them anew in another folder")  # fmt: skip


def remarks(recipe: Recipe, asked: Asked) -> Iterator[str]:
    """What the user should know before it begins."""
    manners = recipe.manners
    if asked.verb in FETCHES and not recipe.fetch.contact:
        yield "No contact set: site owners cannot reach you. Put `contact` under [fetch] in the recipe."
    spacing = manners.seconds_between_requests * manners.islands
    if asked.verb in FETCHES and asked.slice and spacing > manners.longest_wait_seconds:
        yield (
            f"{manners.islands:,} islands share the rate of a site: each asks it once in {spacing:,.0f} s, and rows "
            f"that would wait longer than {manners.longest_wait_seconds:,.0f} s are given up. If fewer slices run at "
            "the same time, say how many with --islands."
        )
    if asked.verb in SCORES and asked.slice and recipe.duplicates.files == "first":
        yield (
            'duplicates.files = "first": a slice cannot see what other slices keep, so each may keep a file once. '
            "Earlier runs are looked at by all."
        )


def place_of(asked: Asked, say: Callable[[str], None] = lambda _text: None) -> AbstractContextManager[Place]:
    """Where jobs will run, once it is entered; `say` is told then how one can look at it.

    Raises:
        SettingsError: there is no such place; MissingPackageError: what it needs is not installed.
    """
    match asked.place:
        case "local":
            return nullcontext(Here())
        case "ray":
            from workers.ray_pool import Actors, on_ray  # noqa: PLC0415 - heavy, and optional

            actors = Actors(workers=asked.workers, scorers=asked.scorers, wait_for_nodes=asked.wait_for_nodes)
            return on_ray(actors, asked.ray_address or None, say)
        case other:
            raise SettingsError(f"--place {other}: there are `local` and `ray`")
