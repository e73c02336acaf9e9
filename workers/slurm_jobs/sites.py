"""What is particular to one supercomputer: slurm/sites/NAME.env, one KEY=VALUE a line, also read by the batch scripts.

The file is read as text by both, never run by a shell. A variable of the caller's environment goes before the file.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from crawler.errors import SettingsError

#: where slurm/ is in a clone of the repository; scripts and site files do not come with an installed package
HOME = Path(__file__).resolve().parents[2]

_LINE = re.compile(r"(?P<key>[A-Z][A-Z0-9_]*)=(?P<value>.*)")
#: what goes into a path, an option or the environment of a job: nothing that a shell or sbatch would read otherwise
#: (sbatch --export splits at commas, --output expands %)
_PLAIN = re.compile(r"[A-Za-z0-9_./+:@=~-]+")
_OPTION = re.compile(r"--[a-z][a-z-]*(=[A-Za-z0-9_./+:@=~,*&|()\[\]-]+)?")
#: options of sbatch that decide how our scripts work; a site or a user who sets them would break a promise
_OURS = frozenset(
    ("array", "dependency", "export", "export-file", "wrap", "parsable", "job-name", "signal", "requeue", "no-requeue",
     "open-mode", "ntasks", "ntasks-per-node", "kill-on-invalid-dep", "chdir", "wait", "test-only")
)  # fmt: skip
_OPTIONS_PREFIX = "SBATCH"

#: what a site file or the caller may set, and what each means; slurm/README.md has this table
SETTINGS: Mapping[str, str] = {
    "PAIRTRAWL_INTERNET": "whether compute nodes have internet: `nodes` or `none`",
    "PAIRTRAWL_INTERNET_PARTITIONS": "partitions whose nodes have it all the same, separated by blanks",
    "PAIRTRAWL_INTERNET_ADVICE": "what to do where there is none; a sentence that a refusal shows",
    "PAIRTRAWL_CHAIN": "how a slice goes on after its walltime: `requeue` (default), `singleton` or `none`",
    "PAIRTRAWL_ARRAYS": "`no` where the site allows no job arrays: each slice is then a job",
    "PAIRTRAWL_MAX_REQUEUE": "how often a task requeues itself (20)",
    "PAIRTRAWL_WORKERS": "actors that read and fetch, in one island (as many as there is room for)",
    "PAIRTRAWL_SCORERS": "actors that hold the models, in one island (a GPU each; 1 without GPUs)",
    "PAIRTRAWL_MIN_NODES": "nodes that an island can do with, at its start and later (all); asks SLURM for --no-kill",
    "PAIRTRAWL_JOIN_S": "how long the head waits for the other nodes (300)",
    "PAIRTRAWL_DRAIN_TERM_S": "how long the launcher waits after TERM (20); less than the site's KillWait or GraceTime",
    "PAIRTRAWL_SPREAD_S": "tasks begin up to so many seconds apart (60)",
    "PAIRTRAWL_NET_SUFFIX": "appended to a node's name for the address that Ray binds; `i` is InfiniBand at JSC",
    "PAIRTRAWL_NODE_LOCAL": "disk of the node; default: the first of $LOCALSCRATCH, $SLURM_TMPDIR, $TMPDIR, /tmp",
    "PAIRTRAWL_DROP_RAW": "`yes` removes a raw shard once it is scored",
    "PAIRTRAWL_MODULES": "modules to load, separated by blanks",
    "PAIRTRAWL_VENV": "virtual environment; default: `.venv` of the clone",
    "PAIRTRAWL_ENV_PACK": "packed environment, unpacked once per node (`pairtrawl slurm pack-env`)",
    "PAIRTRAWL_CONTAINER": "image with pairtrawl inside, run by apptainer or singularity",
    "PAIRTRAWL_BIND": "further folders that the container sees, separated by commas",
    "PAIRTRAWL_COMMAND": "what is run instead of `pairtrawl`",
}


class Stage(StrEnum):
    """What can be submitted: slurm/STAGE.sbatch. In the order in which a run goes through them."""

    EXTRACT = "extract"
    PLAN = "plan"
    FETCH = "fetch"
    SCORE = "score"
    HYBRID = "hybrid"
    REBUILD = "rebuild"
    REPORT = "report"

    @property
    def sliced(self) -> bool:
        """Whether it is an array of islands; the others are one task without an island."""
        return self not in {Stage.PLAN, Stage.REPORT}

    @property
    def asks_the_web(self) -> bool:
        """Whether it cannot work without internet; extract needs it for archives that lie elsewhere only."""
        return self in {Stage.FETCH, Stage.HYBRID, Stage.REBUILD}


class Chain(StrEnum):
    """How a slice goes on after its walltime."""

    REQUEUE = "requeue"  # the batch script puts itself back into the queue
    SINGLETON = "singleton"  # several arrays of one name, one after another; the later ones find nothing to do
    NONE = "none"  # not by itself: `pairtrawl slurm retry`


@dataclass(frozen=True, slots=True)
class Site:
    """One supercomputer, as its file and the environment of the caller describe it."""

    name: str
    settings: Mapping[str, str]  # PAIRTRAWL_... of the file and of the caller
    options: Mapping[str, tuple[str, ...]]  # of sbatch, by stage; "" for all stages

    @property
    def chain(self) -> Chain:
        """How a slice goes on after its walltime.

        Raises:
            SettingsError: PAIRTRAWL_CHAIN is something else.
        """
        return _choice(Chain, "PAIRTRAWL_CHAIN", self.settings.get("PAIRTRAWL_CHAIN", "requeue"))

    @property
    def has_arrays(self) -> bool:
        """Whether the site allows job arrays."""
        return self.settings.get("PAIRTRAWL_ARRAYS", "yes") != "no"

    def options_for(self, stage: Stage) -> list[str]:
        """What the file gives to sbatch for a stage: what is for all, then what is for this one."""
        return [*self.options.get("", ()), *self.options.get(stage, ())]

    def reaches_the_web(self, partition: str | None) -> bool:
        """Whether nodes of a partition have internet; None is the partition that SLURM takes by itself.

        Raises:
            SettingsError: PAIRTRAWL_INTERNET is neither nodes nor none.
        """
        internet = self.settings.get("PAIRTRAWL_INTERNET", "")
        if internet not in {"nodes", "none"}:
            raise SettingsError(
                f"site {self.name}: say with PAIRTRAWL_INTERNET whether compute nodes have internet: nodes or none, "
                f"not {internet!r}. (A proxy would not be used: the crawler dials by itself.)"
            )
        return internet == "nodes" or partition in self.settings.get("PAIRTRAWL_INTERNET_PARTITIONS", "").split()


def read_site(name: str, environment: Mapping[str, str] | None = None, folder: Path = HOME / "slurm/sites") -> Site:
    """The site of a name: its file, and what the caller's environment says of PAIRTRAWL_ variables.

    Args:
        name: file name without .env, in `folder`; or the path of a file of one's own, with a slash in it.
        environment: the caller's; default: this process's.
        folder: where site files are.

    Raises:
        SettingsError: there is no such site, or a line of it cannot be read; the message lists those there are.
    """
    path = Path(name) if "/" in name else folder / f"{name}.env"
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        known = ", ".join(sorted(one.stem for one in folder.glob("*.env"))) or f"no site file in {folder}"
        raise SettingsError(f"--site {name}: {path} cannot be read; there are: {known}") from error
    said = parse_site(text, str(path))
    caller = os.environ if environment is None else environment
    settings = {key: value for key, value in said.items() if key in SETTINGS}
    settings |= {key: value for key, value in caller.items() if key in SETTINGS}
    options = {
        key.removeprefix(_OPTIONS_PREFIX).removeprefix("_").lower(): tuple(value.split())
        for key, value in said.items()
        if key.startswith(_OPTIONS_PREFIX)
    }
    for key, words in options.items():
        if key and key not in set(Stage):
            raise SettingsError(f"{path}: SBATCH_{key.upper()} is for no stage; there are {', '.join(Stage)}")
        for word in words:
            checked_option(word, str(path))
    return Site(name, settings, options)


def parse_site(text: str, name: str) -> dict[str, str]:
    """The variables of a site file. Blank lines and lines that begin with # say nothing.

    Raises:
        SettingsError: a line is something else; the message names it.
    """
    said: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        found = _LINE.fullmatch(line)
        if found is None or not (found["key"] in SETTINGS or found["key"].startswith(_OPTIONS_PREFIX)):
            raise SettingsError(
                f"{name}, line {number}: {line!r} is neither a PAIRTRAWL_ variable of slurm/README.md with its value, "
                "nor SBATCH_STAGE with options"
            )
        said[found["key"]] = found["value"].strip()
    return said


def checked_option(word: str, where: str) -> str:
    """An option for sbatch, --name or --name=value, that leaves alone what our scripts rely on.

    Raises:
        SettingsError: it is something else.
    """
    if not _OPTION.fullmatch(word):
        raise SettingsError(f"{where}: {word!r} is no option for sbatch; write --name=value, without spaces and quotes")
    name = word.removeprefix("--").partition("=")[0]
    if name in _OURS:
        raise SettingsError(f"{where}: --{name} is set by pairtrawl itself, the run would not go on without it")
    return word


def checked_path(path: Path, what: str) -> Path:
    """An absolute path of plain letters, as sbatch, srun and a container's --bind all read alike.

    Raises:
        SettingsError: it has a blank, a comma, a quote or another letter that one of them reads otherwise.
    """
    absolute = path.absolute()
    if not _PLAIN.fullmatch(str(absolute)) or ":" in str(absolute):
        raise SettingsError(
            f"{what} {absolute}: SLURM and containers would misread blanks, commas, colons, quotes, % and letters "
            "beyond ASCII in a path; use another one"
        )
    return absolute


def checked_inputs(inputs: list[str]) -> list[str]:
    """Inputs as they can travel in one environment variable, one a line.

    Raises:
        SettingsError: one looks like an option or has a line break, or all together are too long.
    """
    for one in inputs:
        if one.startswith("-") or not one.isprintable():
            raise SettingsError(f"input {one!r}: begins like an option, or has letters that cannot be printed")
    if sum(len(one.encode()) + 1 for one in inputs) > 100_000:  # Linux takes 128 KiB in one variable
        raise SettingsError(
            f"{len(inputs)} inputs are more than a job's environment holds; name their folder, or a listing"
        )
    return inputs


def settings_of_caller(environment: Mapping[str, str] | None = None) -> dict[str, str]:
    """The variables of `SETTINGS` that the caller's environment has; default: of this process."""
    caller = os.environ if environment is None else environment
    return {key: caller[key] for key in SETTINGS if key in caller}


def _choice(kind: type[Chain], key: str, value: str) -> Chain:
    try:
        return kind(value)
    except ValueError:
        raise SettingsError(f"{key}={value}: there are {', '.join(kind)}") from None
