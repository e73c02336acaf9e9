"""One sitting of the command line at a run: open the folder, run the steps, write the report, say what came of it.

A sitting has the folder for itself, or works on one slice beside others that work on theirs.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec

from crawler.archives import read_listing
from crawler.commit import sweep
from crawler.errors import RunFolderError, SettingsError
from crawler.plan import MARKER
from crawler.seen.opening import OwnShards, earlier_shards
from crawler.settings import Recipe
from crawler.sources import ArchiveKind, Source, resolve_inputs
from crawler.write import shard_name
from workers.asked import Asked, among_islands, check_verb, place_of, remarks
from workers.assemble import etiquette_of, make_sure
from workers.attempt import peak_bytes
from workers.blame import Blame
from workers.crawl import Crawl, Place, Summary
from workers.dataset.removed.removals import note_in
from workers.exit_codes import ExitCode
from workers.progress import Display
from workers.report.run import write_report
from workers.run_folder import RunFolder
from workers.sitting_log import display_of, telling
from workers.sitting_told import a_console, line_printer, print_json, show, tell_end, tell_end_of_slice
from workers.slice_status import State, keeping_status
from workers.slices import SlicePin, digest_of, of_slice, pin_slices
from workers.stages import SCORES, Verb, kinds_of
from workers.stop import Stop, stop_on_signals
from workers.telling.forms import LogForm

__all__ = ["Asked", "exit_code", "find_sources", "run_crawl"]


def run_crawl(recipe: Recipe, inputs: list[str], output: Path, asked: Asked, *, as_json: bool = False) -> int:
    """Run a verb, or go on with it. Returns the exit code.

    Raises:
        PairtrawlError: settings, inputs or folder are wrong; nothing was done, and nothing was removed.
        KeyboardInterrupt: told to drop what is in flight; what is committed is kept.
    """
    check_verb(recipe, asked)
    display = display_of(asked.log, to_stderr=as_json)
    recipe = among_islands(recipe, asked)
    with stop_on_signals(display.say) as stop:
        place = place_of(asked, display.say)
        kinds = kinds_of(asked.verb, sliced=asked.slice is not None)
        for remark in (*make_sure(recipe, kinds), *remarks(recipe, asked)):
            display.say(remark)
        earlier_shards(recipe, output)
        if asked.slice:
            return _run_slice(recipe, inputs, output, _Sitting(asked, place, display, stop, as_json))
        return _run_whole(recipe, inputs, output, _Sitting(asked, place, display, stop, as_json))


def exit_code(summary: Summary, *, sliced: bool = False) -> int:
    """What the command leaves with: the worst thing that happened decides, and a bug of ours is the worst.

    A wrong input counts when all others are done. A slice that got nowhere says so, or it would be tried for ever.
    """
    if Blame.OURS in summary.blames:
        return ExitCode.OURS
    if Blame.SET_UP in summary.blames or (Blame.INPUT in summary.blames and not summary.stopped):
        return ExitCode.YOURS
    if summary.complete:
        return ExitCode.DONE
    got_nowhere = sliced and not summary.finished and not summary.taken_over
    return ExitCode.STUCK if got_nowhere else ExitCode.WORK_LEFT


def find_sources(recipe: Recipe, inputs: list[str]) -> list[Source]:
    """The archives that the command line names, or else the recipe.

    Raises:
        InputError: an input stands for nothing; SettingsError: there is no input at all.
    """
    asked = inputs or list(recipe.inputs)
    if not asked:
        raise SettingsError("no input: name archives on the command line, or put `inputs` into the recipe")
    etiquette = etiquette_of(recipe)
    with TemporaryDirectory(prefix="pairtrawl-") as folder:
        return resolve_inputs(
            asked,
            read_listing=lambda address: read_listing(address, etiquette, Path(folder)),
            list_form=recipe.list.form,
        )


@dataclass(frozen=True, slots=True)
class _Sitting:
    """What a sitting works with."""

    asked: Asked
    place: AbstractContextManager[Place]
    display: Display
    stop: Stop
    as_json: bool


def _run_whole(recipe: Recipe, inputs: list[str], output: Path, sitting: _Sitting) -> int:
    """A sitting that has the folder for itself."""
    asked, display = sitting.asked, sitting.display
    folder = RunFolder.of(output, recipe)
    # a plan may be made where no network is, after slices have read the archives
    goes_on = asked.verb in ("plan", "rebuild") and not inputs and folder.pinned() is not None
    begun = asked.verb == "score" or goes_on
    sources = _pinned_sources(folder, inputs) if begun else find_sources(recipe, inputs)
    with folder.held():
        if asked.fresh:
            folder.clear()
        folder.open(recipe, sources, version("pairtrawl"), inputs)
        note_in(folder.path, recipe)
        with telling(display, folder.timeline, recipe, asked, len(sources), sitting.stop) as ending:
            what = "list" if recipe.rebuild else "archive"
            display.say(f"{recipe.name}: {len(sources)} {what}{'s' if len(sources) != 1 else ''} into {output}/")
            summary = _crawled(recipe, sources, folder, sitting)
            report = write_report(folder, summary.peaks | {"driver": peak_bytes()})
            code = exit_code(summary)
            ending.came(code, summary, sitting.stop.why, report["stages"])
            if asked.log is LogForm.JSON:
                tell_end(display.say, report, summary, folder, why=sitting.stop.why)
    if sitting.as_json:
        print_json(report)
    elif asked.log is not LogForm.JSON:
        show(a_console(), report, summary, folder, why=sitting.stop.why)
    return code


def _crawled(recipe: Recipe, sources: list[Source], folder: RunFolder, sitting: _Sitting) -> Summary:
    """The steps of the verb; jobs that failed are begun once more as often as was asked for."""
    asked, display = sitting.asked, sitting.display
    with _scratch_of(folder, asked) as with_scratch, sitting.place as place:
        crawl = Crawl(
            recipe, sources, with_scratch, place, display, sitting.stop,
            without_failed=asked.without_failed, drop_raw=asked.drop_raw, retry=asked.retry,
        )  # fmt: skip
        summary = crawl.run(asked.verb)
        for _ in range(asked.job_retries):
            if summary.worth_another_try:
                display.say("Jobs failed; they are begun once more.")
                summary = crawl.run(asked.verb)
    return summary


def _run_slice(recipe: Recipe, inputs: list[str], output: Path, sitting: _Sitting) -> int:
    """A sitting at one slice, beside others. It reads no archive list, makes no plan and writes no report."""
    asked = sitting.asked
    part = asked.slice
    assert part is not None
    folder = RunFolder.of(output, recipe)
    if asked.verb != "extract" and folder.plan.read() is None:
        first = "the same command with --plan-only" if asked.verb == "rebuild" else "`pairtrawl plan`"
        raise RunFolderError(f"{output}: has no plan, and slices make none; run {first} first")
    known = folder.pinned() is not None
    sources = _pinned_sources(folder, inputs) if known else find_sources(recipe, inputs)
    with folder.held(shared=True):
        folder.open(recipe, sources, version("pairtrawl"), inputs, alone=False)
        note_in(folder.path, recipe)
        _pin(folder, recipe, sources, asked)
        if part.number == 0:  # one of them looks: there may be a million files, and a thousand slices
            _sweep(folder, asked.verb)
        folder = _with_own_shards(folder, recipe, asked)
        status_file, timeline = folder.slice_status(asked.verb, part), folder.slice_timeline(asked.verb, part)
        with (
            keeping_status(status_file, asked.verb, part, asked.owner) as status,
            telling(sitting.display, timeline, recipe, asked, len(sources), sitting.stop, status) as ending,
            _scratch_of(folder, asked) as folder,
            sitting.place as place,
        ):
            sitting.display.say(f"{recipe.name}: {asked.verb}, slice {part} of {output}/")
            crawl = Crawl(
                recipe, sources, folder, place, sitting.display, sitting.stop,
                drop_raw=asked.drop_raw, slice=part, is_ours=status.is_ours, retry=asked.retry,
            )  # fmt: skip
            summary = crawl.run(asked.verb)
            code = exit_code(summary, sliced=True)
            status.end(_state(summary), code)
            ending.came(code, summary, sitting.stop.why)
            if asked.log is LogForm.JSON:
                tell_end_of_slice(sitting.display.say, status.status, summary, why=sitting.stop.why)
    if sitting.as_json:
        print_json(msgspec.to_builtins(status.status))
    elif asked.log is not LogForm.JSON:
        tell_end_of_slice(line_printer(a_console()), status.status, summary, why=sitting.stop.why)
    return code


def _state(summary: Summary) -> State:
    if summary.complete:
        return "done"
    return "failed" if summary.failures else "drained"


def _pinned_sources(folder: RunFolder, inputs: list[str]) -> list[Source]:
    """The archives that the run was begun with: no list of a server is asked for, for there may be no network here.

    Raises:
        RunFolderError: there is no run in the folder, or it was begun with other inputs.
    """
    pinned = folder.pinned()
    if pinned is None:
        raise RunFolderError(f"{folder.path}: holds no run; begin it with `pairtrawl fetch`, where there is internet")
    if inputs and pinned.inputs and tuple(inputs) != pinned.inputs:
        raise RunFolderError(f"{folder.path}: was begun with the inputs {' '.join(pinned.inputs)}; name the same, "
                             "or none, or use another --output")  # fmt: skip
    return [Source(address, ArchiveKind(kind)) for address, kind in pinned.sources]


def _pin(folder: RunFolder, recipe: Recipe, sources: list[Source], asked: Asked) -> None:
    """Make sure that all slices divide the same jobs in the same way."""
    assert asked.slice is not None
    plan = "" if asked.verb == "extract" else (folder.plan.path / MARKER).read_text(encoding="utf-8")
    pin = SlicePin(
        slices=asked.slice.of,
        recipe=recipe.digest,
        sources=digest_of(f"{one.kind.value} {one.address}" for one in sources),
        plan=digest_of([plan]) if plan else "",
    )
    pin_slices(folder.slice_pin(asked.verb), pin)


def _sweep(folder: RunFolder, verb: Verb) -> None:
    """Remove half-written files of dead processes of this machine, and day-old ones, where this verb writes."""
    output = {"extract": folder.candidates, "fetch": folder.raw}.get(verb, folder.shards)
    if output.exists():
        sweep(output)


def _with_own_shards(folder: RunFolder, recipe: Recipe, asked: Asked) -> RunFolder:
    """A slice that leaves out what the data set has already sees its own shards, and must know which those are."""
    planned = folder.plan.read()
    if asked.slice is None or asked.verb not in SCORES or planned is None or recipe.duplicates.files == "keep":
        return folder
    places = of_slice([str(planned.first + place) for place in range(planned.jobs)], asked.slice)
    names = frozenset(shard_name(planned.first + place, recipe.output) for place in places)
    return replace(folder, own=OwnShards(asked.slice.name, names))


@contextmanager
def _scratch_of(folder: RunFolder, asked: Asked) -> Iterator[RunFolder]:
    """The folder with the scratch of this sitting: of its own where others are at work, or where one was asked for."""
    if asked.scratch is None and asked.slice is None:
        yield folder
        return
    name = f"{asked.verb}-{asked.slice.number:05d}" if asked.slice else asked.verb
    with folder.with_scratch(asked.scratch, name) as with_scratch:
        yield with_scratch
