"""A campaign in a box: a tracker, its checker and three volunteers, one of whom cheats and one of whom is killed.

    python -m examples.campaign [--folder runs/campaign] [--seed 1] [--stay]

Everything runs on this machine, on the demo's embedded web. In the end the data set is held against one that a single
process makes of the same archives: it must be the same, and hold nothing of the cheat's. `make campaign` does it.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any

from examples.campaign.archives import archives_at
from examples.campaign.cheating_child import ADVERT
from examples.campaign.comparing import differences, rows_with
from workers.demo import demo_web, inputs

ROOT = Path(__file__).resolve().parent.parent.parent
_PAIRTRAWL = (sys.executable, "-m", "workers")
HONEST, KILLED, CHEAT = "Otto", "Ada", "Mallory"
#: who is killed more often than a job takes never ends one
_SECONDS_BETWEEN_KILLS = (4.0, 25.0)
_KILLS = 5
_ROWS_PER_JOB = 300
#: all three are one network, and the disk of a small machine may be nearly full
_SETTINGS = """
[trust]
one_network = true
[admission]
room_bytes = 0
"""
#: a campaign of some fifty jobs takes two minutes on two cores; a busy machine may take longer
_PATIENCE_SECONDS = 1_500.0


@dataclass(slots=True)
class Box:
    """What runs, and where."""

    folder: Path
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    kills: int = 0

    @property
    def campaign(self) -> Path:
        """The campaign: a run folder."""
        return self.folder / "campaign"

    def begin(self, name: str, words: Sequence[str]) -> None:
        """Start a process that goes on until it is told to stop; what it prints goes to NAME.log."""
        with (self.folder / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                words, stdout=log, stderr=subprocess.STDOUT, cwd=ROOT, start_new_session=True
            )

    def kill(self, name: str) -> None:
        """As when the power goes: the process, and all that it has started."""
        process = self.processes.pop(name)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def end(self) -> None:
        """Ask everything to stop, and wait for it."""
        for process in self.processes.values():
            process.send_signal(signal.SIGTERM)
        for process in self.processes.values():
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
        self.processes.clear()

    def say(self, text: str) -> None:
        """One line, with the time."""
        print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)


def main(words: Sequence[str]) -> int:
    """Run the campaign; 0 when the data set is what it should be."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--folder", type=Path, default=Path("runs/campaign"), help="for everything; an earlier campaign in it goes"
    )
    parser.add_argument("--seed", type=int, default=random.randrange(1000), help="of the moments of the kills")
    parser.add_argument("--stay", action="store_true", help="keep the page up in the end, until Ctrl-C")
    asked = parser.parse_args(words)
    if asked.folder.exists() and any(asked.folder.iterdir()) and not (asked.folder / "campaign").is_dir():
        parser.error(
            f"--folder {asked.folder}: holds something else than an earlier campaign in a box; name another one"
        )
    shutil.rmtree(asked.folder, ignore_errors=True)
    asked.folder.mkdir(parents=True)
    box = Box(asked.folder.resolve())
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # nothing that was started is left behind
    try:
        with demo_web() as web, archives_at(Path(inputs()[0]).parent) as archives:
            return _campaign(box, web.address, archives, random.Random(asked.seed), stay=asked.stay)
    finally:
        box.end()


def _campaign(box: Box, web: str, archives: str, chance: random.Random, *, stay: bool) -> int:
    words = _recipe_words(box.folder, web)
    addresses = [archives + Path(one).name for one in inputs()]
    _tracker(box, "init", str(box.campaign), *addresses, *words, "--for-tests", "--title", "A campaign in a box",
             "--heartbeat-seconds", "2", "--lease-seconds", "20", "--hard-seconds", "600")  # fmt: skip
    settings = box.campaign / "tracker" / "settings.toml"
    settings.write_text(_SETTINGS, encoding="utf-8")
    page = _serve(box)
    box.say(f"The page: {page}")
    began = time.monotonic()
    for name in (HONEST, KILLED, CHEAT):
        _volunteer(box, name, page)
    box.say(f"{HONEST}, {KILLED} and {CHEAT} join. {CHEAT} cheats, and {KILLED} will be killed now and then.")
    _until(box, "extract", chance, page)
    subprocess.run(
        [*_PAIRTRAWL, "plan", "-o", str(box.campaign), *words, *addresses],
        cwd=ROOT,
        check=True,
        stdout=subprocess.DEVNULL,
    )
    _tracker(box, "import", str(box.campaign), "--stage", "crawl")
    _until(box, "crawl", chance, page)
    box.say(f"Everything is in the data set after {time.monotonic() - began:.0f} s.")
    (box.folder / "page.html").write_text(_get(page + "/"))
    good = _judged(box, words, addresses)
    if stay:
        box.say(f"The page stays at {page} until Ctrl-C.")
        try:
            box.processes["tracker"].wait()
        except KeyboardInterrupt:
            box.say("Stopped.")
    return 0 if good else 1


def _recipe_words(folder: Path, web: str) -> list[str]:
    """The demo's recipe and its lists in a folder of their own, as words of the command line."""
    demo = Path(str(files("workers.demo")))
    shutil.copytree(demo / "data", folder / "recipe" / "data", ignore=shutil.ignore_patterns("archives", "*.zip"))
    recipe = shutil.copy(demo / "recipe.toml", folder / "recipe")
    sets = (f'fetch.hosts={{"*.test" = "{web}"}}', f"plan.rows_per_job={_ROWS_PER_JOB}", "output.thumbnails=0")
    return ["-r", str(recipe), *(word for one in sets for word in ("--set", one))]


def _tracker(box: Box, verb: str, *words: str) -> None:
    """One command of the operator."""
    with (box.folder / "operator.log").open("ab") as log:
        subprocess.run(
            [*_PAIRTRAWL, "tracker", verb, *words], cwd=ROOT, check=True, stdout=log, stderr=subprocess.STDOUT
        )


def _serve(box: Box) -> str:
    """Start tracker and checker; returns the address of the page."""
    port = _free_port()
    box.begin("tracker", [*_PAIRTRAWL, "tracker", "serve", str(box.campaign), "--port", str(port)])
    page = f"http://127.0.0.1:{port}"
    _wait("the tracker to answer", lambda: _answers(page))
    return page


def _volunteer(box: Box, name: str, page: str) -> None:
    command = [sys.executable, "-m", "examples.campaign.cheating_volunteer"] if name == CHEAT else [*_PAIRTRAWL]
    box.begin(name, [*command, "work", page, "--name", name, "--folder", str(box.folder / name), "--cpus", "1",
                     "--allow-private", "--root"])  # fmt: skip


def _until(box: Box, stage: str, chance: random.Random, page: str) -> None:
    """Wait until all jobs of a stage are in the data set; meanwhile the power of one volunteer goes now and then."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    next_kill = time.monotonic() + chance.uniform(*_SECONDS_BETWEEN_KILLS)
    told = ""
    while True:
        jobs = {state: many for state, many in _stats(page)["jobs"].get(stage, {}).items() if many}
        line = f"{stage}: " + ", ".join(f"{many} {state}" for state, many in sorted(jobs.items()))
        if line != told:
            box.say(line)
            told = line
        if jobs and not jobs.keys() - {"committed"}:
            return
        if time.monotonic() > deadline:
            raise TimeoutError(f"{line} after {_PATIENCE_SECONDS:.0f} s; see {box.folder}/*.log")
        if time.monotonic() > next_kill and box.kills < _KILLS:
            box.kill(KILLED)
            box.kills += 1
            box.say(f"{KILLED} was killed; the same command again goes on.")
            _volunteer(box, KILLED, page)
            next_kill = time.monotonic() + chance.uniform(*_SECONDS_BETWEEN_KILLS)
        time.sleep(0.5)


def _wait(what: str, there: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 120
    while not there():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited two minutes for {what}")
        time.sleep(0.2)


def _answers(page: str) -> bool:
    try:
        _stats(page)
    except OSError:
        return False
    return True


def _stats(page: str) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(_get(page + "/v1/stats"))
    return told


def _get(address: str) -> str:
    with urllib.request.urlopen(address, timeout=30) as answer:  # noqa: S310 - our own tracker
        return bytes(answer.read()).decode()


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def _judged(box: Box, words: Sequence[str], addresses: Sequence[str]) -> bool:
    """Hold the data set against one that nobody disturbed."""
    box.say("The same archives in one process, undisturbed, to compare with ...")
    alone = box.folder / "alone"
    subprocess.run(
        [*_PAIRTRAWL, "crawl", *addresses, "-o", str(alone), *words],
        cwd=ROOT,
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    differing = differences(alone, box.campaign)
    adverts = rows_with(box.campaign, ADVERT)
    print(f"\n{'files that differ from the undisturbed data set':<60}{len(differing)}")
    print(f"{'rows with what the cheat wrote':<60}{adverts}")
    print(f"{'times that a volunteer was killed':<60}{box.kills}")
    print(f"\nThe data set is in {box.campaign}/shards, the page as it was in the end in {box.folder}/page.html,")
    print(f"and what everybody said in {box.folder}/*.log.")
    for one in differing[:10]:
        print(f"differs: {one}")
    return not differing and not adverts


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
