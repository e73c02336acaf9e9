"""The life of one task of an island: find the others, start Ray, run the driver or serve it, leave nothing behind."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

from crawler.errors import SettingsError
from workers.island.asked import listening
from workers.island.head import Driver, lead
from workers.island.part import Options, Part
from workers.island.rendezvous import meet
from workers.island.surroundings import Surroundings
from workers.island.worker import serve
from workers.telling.forms import LogForm
from workers.telling.json_lines import saying

#: verbs that have jobs for actors; others need no Ray
VERBS = ("extract", "fetch", "score", "crawl", "rebuild")


def launch(around: Surroundings, options: Options, driver: Driver, say: Callable[[str], None]) -> int:
    """Be this task of the island until the island is over. Returns the exit code: for the head, the driver's.

    128 + n is a driver that signal n has ended, 1 a Ray that failed, 3 an island that did not come together.

    Raises:
        PairtrawlError: what was asked for cannot be; the other tasks know.
    """
    rendezvous = meet(options.run, around.key)
    with listening() as asked:
        part = Part(around, options, rendezvous, asked, say)
        return lead(part, driver) if around.is_head else serve(part)


def verb(words: Sequence[str], log: LogForm = LogForm.AUTO) -> Driver:
    """The driver that runs a verb of this program on the island's Ray, and tells of it in the same form.

    Raises:
        SettingsError: there is no such verb, or it has no use for an island.
    """
    if not words or words[0] not in VERBS:
        raise SettingsError(f"an island runs {', '.join(VERBS)}: pairtrawl island --run RUN -- fetch -o RUN ...")
    form = [] if log is LogForm.AUTO or any(one.startswith("--log") for one in words) else ["--log", log.value]
    return lambda address: [sys.executable, "-m", "workers", *words, *form, "--place", "ray", "--ray-address", address]


def to_stderr(around: Surroundings, log: LogForm = LogForm.AUTO) -> Callable[[str], None]:
    """Say things in the job's log, with who says them: all nodes of an island write into the same one."""
    say = saying(log)
    return lambda text: say(f"island {around.key}, rank {around.rank} on {around.node}: {text}")
