"""One sitting at a rebuild: options and flags in, an exit code out. What happens in between is `workers.session`'s."""

from __future__ import annotations

import glob
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec

from crawler.errors import SettingsError
from crawler.list_forms import ListForm, form_of
from crawler.settings import Recipe
from crawler.stores import archive_name, local_path
from workers.asked import Asked
from workers.rebuild.adopting import Adoption
from workers.rebuild.extending import extended
from workers.rebuild.options import Options, options_of
from workers.rebuild.reporting import watching
from workers.rebuild.translating import Ours, recipe_of
from workers.recipes import recipe_or_default
from workers.run_folder import RunFolder
from workers.session import run_crawl
from workers.slices import parse_slice
from workers.stages import NO_RETRY, Retry
from workers.telling.forms import LogForm
from workers.telling.json_lines import saying


@dataclass(frozen=True, slots=True)
class Extras:
    """What was asked for beside img2dataset's options."""

    policy: str = ""
    contact: str = ""
    removals: Path | None = None
    columns: str = ""
    overrides: tuple[str, ...] = ()
    recipe: Path | None = None
    #: an output of img2dataset that is taken over
    adopt: Path | None = None
    fresh: bool = False
    place: str = ""
    ray_address: str = ""
    workers: int = 2
    wait_for_nodes: float | None = None
    #: make the plan, and no more: slices need it
    plan_only: bool = False
    slice: str = ""
    islands: int | None = None
    owner: str = ""
    scratch: Path | None = None
    as_json: bool = False
    log: LogForm = LogForm.AUTO


def rebuild(inputs: Sequence[str], given: Mapping[str, Any], extras: Extras) -> int:
    """Do what is not done yet of a rebuild. Returns the exit code of the command.

    Args:
        inputs: the lists: files, folders or addresses.
        given: img2dataset's options that were given, by name.
        extras: the rest.

    Raises:
        PairtrawlError: settings, inputs or folder are wrong; nothing was done.
    """
    base = recipe_or_default(extras.recipe, []) if extras.recipe else None
    texts = list(inputs) or ([given["url_list"]] if "url_list" in given else list(base.inputs) if base else [])
    options = options_of({**given, "url_list": texts[0]} if texts else given)
    removals = str(extras.removals.resolve()) if extras.removals else ""
    ours = Ours(extras.policy, extras.contact, removals, extras.columns, extras.overrides)
    recipe = _with_form(recipe_of(options, given.keys(), base, ours), texts)
    found = [_input_of(text, options.input_format) for text in texts]
    output = local_folder(options.output_folder)
    if options.incremental_mode == "extend":
        found = extended(RunFolder.of(output, recipe), recipe, found)
    taken_over = _taken_over(extras.adopt, output, recipe, extras.log)
    asked = _asked(options, given, extras)
    with watching(options, recipe, RunFolder.of(output, recipe).shards) as sinks:
        return run_crawl(recipe, found, output, replace(asked, sinks=sinks, retry=taken_over), as_json=extras.as_json)


def local_folder(address: str) -> Path:
    """The output folder.

    Raises:
        SettingsError: it stands in a store, where files cannot be renamed into place.
    """
    path = local_path(address)
    if path is None:
        raise SettingsError(f"output_folder: {address}: shards are written to a disk or shared file system; put them "
                            "into a store with `pairtrawl dataset commit`")  # fmt: skip
    return path


def _with_form(recipe: Recipe, inputs: Sequence[str]) -> Recipe:
    """A list whose name does not say what it is has an address a line, as img2dataset takes it."""
    if recipe.list.form is not None or any(_is_folder(one) for one in inputs):
        return recipe
    forms = {form_of(archive_name(one)) or ListForm.TXT for one in inputs}
    if len(forms) > 1:
        raise SettingsError(
            f"{' '.join(inputs)}: lists of several forms; rebuild each by itself, or give --input_format"
        )
    return msgspec.structs.replace(recipe, list=msgspec.structs.replace(recipe.list, form=forms.pop()))


def _input_of(text: str, input_format: str | None) -> str:
    """Of a folder what ends in the input format, and lies in it: what img2dataset takes."""
    path = local_path(text)
    if path is None:
        return text
    absolute = str(path.absolute())  # so that a run can be gone on with from elsewhere
    if not path.is_dir() or input_format is None:
        return absolute
    return f"{glob.escape(absolute)}/*.{input_format}"


def _is_folder(text: str) -> bool:
    path = local_path(text)
    return path is not None and path.is_dir()


def _taken_over(old: Path | None, output: Path, recipe: Recipe, log: LogForm) -> Retry:
    """What is taken over from an old output, job by job.

    Raises:
        SettingsError: it is where the new one goes.
        InputError: it has nothing that could be taken over.
    """
    if old is None:
        return NO_RETRY
    if old.resolve() == output.resolve():
        raise SettingsError(f"--adopt {old}: is the output itself; name another folder with --output, for its shards "
                            "are read while new ones are written")  # fmt: skip
    run = RunFolder.of(output, recipe)
    adoption = Adoption(old, run.path / "adopted", run.plan.job_table, exif=recipe.decode.exif, say=saying(log))
    return Retry(bases=adoption.base)


def _asked(options: Options, given: Mapping[str, Any], extras: Extras) -> Asked:
    """Where and how it runs."""
    if options.enable_wandb and extras.slice:
        raise SettingsError("enable_wandb with --slice: a slice sees a part of the figures; leave it out")
    on_ray = options.distributor == "ray" or extras.ray_address
    return Asked(
        verb="plan" if extras.plan_only else "rebuild",
        fresh=extras.fresh or options.incremental_mode == "overwrite",
        place=extras.place or ("ray" if on_ray else "local"),
        ray_address=extras.ray_address,
        workers=options.processes_count if "processes_count" in given else extras.workers,
        wait_for_nodes=extras.wait_for_nodes,
        scratch=extras.scratch,
        slice=parse_slice(extras.slice) if extras.slice else None,
        islands=extras.islands,
        owner=extras.owner,
        job_retries=options.max_shard_retry,
        log=extras.log,
    )
