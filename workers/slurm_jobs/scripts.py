"""What is submitted for a run: calls of sbatch, decided in memory. `render` shows them, `submitting` makes them."""

from __future__ import annotations

import hashlib
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from crawler.errors import SettingsError
from workers.slurm_jobs.ledger import Ordered
from workers.slurm_jobs.sites import HOME, Chain, Site, Stage, checked_inputs, checked_option
from workers.slurm_jobs.windows import Window, expression, shares, windows

#: what a recipe with a section [rebuild] goes through: its plan is the list itself
_OF_REBUILD = frozenset((Stage.PLAN, Stage.REBUILD, Stage.REPORT))


@dataclass(frozen=True, slots=True)
class After:
    """What a call waits for: the job of an earlier call, by its place in the list; None waits for its own name."""

    how: str  # as SLURM calls it: afterok, afterany, aftercorr, singleton
    call: int | None = None


@dataclass(frozen=True, slots=True)
class Call:
    """One call of sbatch."""

    stage: Stage
    window: Window
    link: int
    options: tuple[str, ...]
    after: tuple[After, ...]
    environment: Mapping[str, str]  # beside the caller's own
    script: Path
    indices: str  # as in --array; "" where it is no array

    def words(self, job_of: Callable[[int], object]) -> list[str]:
        """The command line, once it is known which job each earlier call became."""
        waits = [one.how if one.call is None else f"{one.how}:{job_of(one.call)}" for one in self.after]
        # without it a task whose predecessor failed would wait for ever
        dependency = [f"--dependency={','.join(waits)}", "--kill-on-invalid-dep=yes"] if waits else []
        array = [f"--array={self.indices}"] if self.indices else []
        return ["sbatch", "--parsable", "--export=ALL", *self.options, *array, *dependency, str(self.script)]


def calls_for(
    run: Path, ordered: Ordered, site: Site, max_array: int, missing: Mapping[Stage, Sequence[int]] | None = None
) -> list[Call]:
    """All calls for the stages that are ordered, in the order in which they are to be made.

    Args:
        run: the run folder, absolute, of plain letters.
        ordered: what was asked for.
        site: where.
        max_array: MaxArraySize of the cluster.
        missing: by stage, the slices that are not done; default: all of all stages.

    Raises:
        SettingsError: stages, slices or options do not fit together.
    """
    stages = stages_of(ordered.stages)
    if ordered.is_rebuild and (others := set(stages) - _OF_REBUILD):
        own = ", ".join(stage for stage in Stage if stage in _OF_REBUILD)
        raise SettingsError(f"--stages: a rebuild has no {', '.join(sorted(others))}; its stages are {own}")
    if min(ordered.slices, ordered.extract_slices or 1, ordered.links) < 1:
        raise SettingsError("slices and links must be at least 1")
    size = min(ordered.window or max_array, max_array) if site.has_arrays else 1
    calls: list[Call] = []
    for stage in stages:
        slices = range(slices_of(ordered, stage)) if missing is None else missing.get(stage, ())
        calls += _calls_of(stage, list(slices), calls, _Order(run, ordered, site), size)
    return calls


def slices_of(ordered: Ordered, stage: Stage) -> int:
    """Into how many slices a stage is divided."""
    if not stage.sliced:
        return 1
    return ordered.extract_slices or ordered.slices if stage is Stage.EXTRACT else ordered.slices


def stages_of(names: Sequence[str]) -> list[Stage]:
    """The stages of a list of names, in the order of a run, none twice.

    Raises:
        SettingsError: there is no such stage, or two of them would do the same jobs.
    """
    try:
        asked = {Stage(name) for name in names}
    except ValueError as error:
        raise SettingsError(f"--stages: {error}; there are {', '.join(Stage)}") from error
    both = asked & {Stage.FETCH, Stage.HYBRID, Stage.REBUILD}
    if len(both) > 1 or (Stage.SCORE in asked and both - {Stage.FETCH}):
        raise SettingsError("--stages: hybrid and rebuild are fetch and score in one; name one of the three ways")
    return [stage for stage in Stage if stage in asked]


def render(calls: Sequence[Call]) -> str:
    """Calls as commands of a shell; JOB1 stands for the job id that the first one answers."""
    shown = []
    for call in calls:
        variables = [f"{key}={shlex.quote(value)}" for key, value in call.environment.items()]
        words = [shlex.quote(word) for word in call.words(lambda place: f"JOB{place + 1}")]
        shown.append(" \\\n  ".join([*variables, " ".join(words)]))
    return "".join(
        f"# JOB{number}: {_title(call)}\n{text}\n"
        for number, (call, text) in enumerate(zip(calls, shown, strict=True), 1)
    )


def options_of(given: Sequence[str], stage: Stage) -> list[str]:
    """Those of the options [STAGE:]--name=value that are for a stage, checked.

    Raises:
        SettingsError: one is no option for sbatch, or is one that our scripts rely on.
    """
    found = []
    for one in given:
        of, colon, option = one.partition(":--")
        if not colon:
            found.append(checked_option(one, "--sbatch"))
        elif of not in set(Stage):
            raise SettingsError(f"--sbatch {one}: there is no stage {of!r}; there are {', '.join(Stage)}")
        elif of == stage:
            found.append(checked_option(f"--{option}", "--sbatch"))
    return found


def partition_of(options: Sequence[str]) -> str | None:
    """The partition that options name; the last one counts. None: SLURM's default."""
    named = [one.partition("=")[2] for one in options if one.startswith("--partition=")]
    return named[-1] if named else None


@dataclass(frozen=True, slots=True)
class _Order:
    run: Path
    ordered: Ordered
    site: Site

    def environment(self, stage: Stage, window: Window, islands: int) -> dict[str, str]:
        """What the scripts are told, beside what the site file says, which they read themselves."""
        ordered = self.ordered
        told = dict(ordered.settings) | {
            "PAIRTRAWL_HOME": str(HOME),
            "PAIRTRAWL_RUN": str(self.run),
            "PAIRTRAWL_SITE": ordered.site,
            "PAIRTRAWL_SLICES": str(slices_of(ordered, stage if stage.sliced else Stage.EXTRACT)),
        }
        if ordered.recipe:
            told["PAIRTRAWL_RECIPE"] = ordered.recipe
        if ordered.overrides:
            told["PAIRTRAWL_SET"] = "\n".join(ordered.overrides)
        if ordered.is_rebuild:
            told["PAIRTRAWL_REBUILD"] = "yes"
        first = {Stage.PLAN} if ordered.is_rebuild else {Stage.EXTRACT, Stage.HYBRID}  # which pins the inputs
        if stage in {*first, Stage.REBUILD} and ordered.inputs:
            told["PAIRTRAWL_INPUTS"] = "\n".join(checked_inputs(ordered.inputs))
        if stage.sliced:
            told |= {"PAIRTRAWL_SLICE_OFFSET": str(window.offset), "PAIRTRAWL_ISLANDS": str(islands)}
        return dict(sorted(told.items()))

    def options(self, stage: Stage, window: Window) -> tuple[str, ...]:
        """The options of sbatch: ours, the site's, the user's; of two of one name the last one counts."""
        log = "%x-%A_%a" if stage.sliced and self.site.has_arrays else "%x-%j"
        ours = [
            f"--job-name={job_name(self.run, stage, window)}",
            f"--output={self.run}/logs/{log}.log",
        ]
        if stage.sliced:
            ours.append(f"--signal=B:USR1@{self.ordered.margin_seconds}")
            ours += ["--no-kill"] if "PAIRTRAWL_MIN_NODES" in self.site.settings else []
        return (*ours, *self.site.options_for(stage), *options_of(self.ordered.options, stage))

    def throttles(self, stage: Stage, slices: int, arrays: int) -> tuple[int, list[int | None]]:
        """How many islands run at once, and the share of that for each array; None where nothing has to hold back."""
        most = self.ordered.at_once
        if not stage.sliced or most is None or most >= slices:
            return slices, [None] * arrays
        if not self.site.has_arrays:
            raise SettingsError(
                f"site {self.site.name} allows no arrays, so SLURM cannot keep --at-once {most}: divide the run into "
                f"at most {most} slices"
            )
        return most, list(shares(most, arrays))


def _calls_of(stage: Stage, slices: list[int], earlier: list[Call], order: _Order, size: int) -> list[Call]:
    arrays = windows(slices, size)
    islands, throttles = order.throttles(stage, len(slices), len(arrays))
    links = order.ordered.links if order.site.chain is Chain.SINGLETON and stage.sliced else 1
    calls = []
    for window, throttle in zip(arrays, throttles, strict=True):
        for part, after in _parts(earlier, stage, window, order.site):
            indices = expression(part.indices, throttle) if stage.sliced and order.site.has_arrays else ""
            waits = ((After("singleton"),) if links > 1 else ()) + after
            environment, options = order.environment(stage, part, islands), order.options(stage, part)
            calls += [
                Call(stage, part, link, options, waits, environment, HOME / f"slurm/{stage}.sbatch", indices)
                for link in range(links)
            ]
    return calls


def _parts(earlier: list[Call], stage: Stage, window: Window, site: Site) -> list[tuple[Window, tuple[After, ...]]]:
    """A window with what it waits for; in two where some of its slices wait and others need not."""
    of = {kind: [place for place, call in enumerate(earlier) if call.stage is kind] for kind in Stage}
    if stage is Stage.SCORE and of[Stage.FETCH]:
        fetches = [place for place in of[Stage.FETCH] if earlier[place].window.offset == window.offset]
        fetched = {index for place in fetches for index in earlier[place].window.indices}
        waiting = tuple(index for index in window.indices if index in fetched)
        free = tuple(index for index in window.indices if index not in fetched)
        # task by task. aftercorr wants exit code 0, which a drained task has after its last requeue only; links of a
        # chain end with 75, so there the last link is waited for, however it ends. Raw shards that are missing after
        # all are the score's own 75.
        if site.chain is Chain.SINGLETON:
            after = tuple(
                After("afterany", place) for place in fetches if earlier[place].link == earlier[fetches[-1]].link
            )
        else:
            how = "aftercorr" if site.has_arrays else "afterok"
            after = tuple(After(how, place) for place in fetches)
        parts = [(Window(window.offset, waiting), after), (Window(window.offset, free), ())]
        return [(part, waits) for part, waits in parts if part.indices]
    if stage is Stage.PLAN:  # afterany: the script itself looks whether every archive is read
        return [(window, tuple(After("afterany", place) for place in of[Stage.EXTRACT]))]
    if stage is Stage.REPORT:
        last = next(
            (of[kind] for kind in (Stage.SCORE, Stage.REBUILD, Stage.HYBRID, Stage.FETCH, Stage.PLAN) if of[kind]), []
        )
        return [(window, tuple(After("afterany", place) for place in last))]
    return [(window, tuple(After("afterok", place) for place in of[Stage.PLAN]))]


def job_name(run: Path, stage: Stage, window: Window) -> str:
    """What squeue calls a job: a chain of one name must not stop another run's, so the run is in it."""
    tag = hashlib.sha256(str(run).encode()).hexdigest()[:6]
    return f"pt-{stage}-{tag}-{window.slices[0]}"


def _title(call: Call) -> str:
    if not call.stage.sliced:
        return call.stage.value
    link = f", link {call.link + 1} of its chain" if any(one.how == "singleton" for one in call.after) else ""
    return f"{call.stage}, slices {expression(call.window.slices)}{link}"
