"""One sitting of a labeller, from the words of the command line to Ctrl-C."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from crawler.errors import InputError
from workers.labelling.asking import Asking
from workers.labelling.design import Sample, store_sample, stored_sample
from workers.labelling.journal import Journal
from workers.labelling.judgement import labeller_name
from workers.labelling.pictured import pictures_of
from workers.labelling.places import Place
from workers.labelling.sampling import draw_sample
from workers.labelling.sitting import Sitting
from workers.local_pages.serving import serve_local
from workers.progress import Display


@dataclass(frozen=True, slots=True)
class Asked:
    """What the command line says."""

    place: Place
    labeller: str
    pairs: int
    seed: int
    band: str
    port: int
    version: str  # of pairtrawl


def label(asked: Asked, display: Display, say: Callable[[str], None]) -> None:
    """Serve the page until Ctrl-C; what was said is on the disk, and the same command goes on.

    Raises:
        SettingsError: the labeller's name, the band or the port will not do.
        InputError: there is nothing to show.
        RunFolderError: somebody is labelling under this name already.
    """
    name = labeller_name(asked.labeller)
    sample = the_sample(asked.place, asked.pairs, asked.band, asked.seed)
    pictures = pictures_of(asked.place, sample.content_ids, display)
    if not pictures:
        raise InputError(
            f"{asked.place.address}: none of the {len(sample.content_ids):,} sampled pictures can be shown"
        )
    with Journal.open(asked.place.labels, name) as journal:
        sitting = Sitting(sample, name, journal, asked.version, pictures.keys())
        missing = len(sample.content_ids) - len(pictures)
        if missing:
            say(f"{missing:,} of {len(sample.content_ids):,} pictures cannot be shown, or may not be any more.")
        asyncio.run(serve_local(Asking(sitting, pictures).routes(), port=asked.port, say=say))
        progress = sitting.progress
        say(f"{progress.done:,} of {progress.of:,} judged by {name}; they are in {asked.place.labels}.")


def the_sample(place: Place, pairs: int, band: str, seed: int) -> Sample:
    """The sample of these words: as it was first drawn, so that all labellers are asked about the same pairs.

    Raises:
        InputError: there is nothing to sample.
        RunFolderError: the sample that is stored cannot be read.
    """
    name = Sample(seed=seed, asked=pairs, band=band, strata=()).name
    return stored_sample(place.labels, name) or store_sample(
        place.labels, draw_sample(place, asked=pairs, band=band, seed=seed)
    )
