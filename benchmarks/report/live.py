"""The proof of `pairtrawl live`: a demo watched in a real Chromium, its metrics and its log read, and what it costs."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, get_args

import msgspec
from prometheus_client.parser import text_string_to_metric_families

from benchmarks.figures import Figures
from benchmarks.peer_environment import NoPeerError, peer_environment
from benchmarks.report.browser import NoBrowserError, looking
from crawler.job import Job, JobKind
from crawler.report import Report, StageCount
from workers.attempt import Outcome
from workers.progress import Display
from workers.telling.events import Event, Sink
from workers.telling.json_lines import JsonLines
from workers.telling.lines import Lines
from workers.telling.timeline import TimelineFile, read_timeline

ROOT = Path(__file__).resolve().parents[2]
_PAIRTRAWL = [sys.executable, "-m", "workers"]
#: rows of the run whose telling is measured, and of its jobs
_ROWS, _ROWS_PER_JOB = 2_000_000, 1_000
#: names that a file may have
_LINKS = 30_000
#: what may be seen of a caption, an address or this machine in what leaves it: nothing
_PRIVATE = (b"emoji", b".test/", b"http://", b"mailto:", str(ROOT).encode())
_WANDB = "wandb>=0.22"


def prove_live(work: Path, figures: Figures, *, rows: int = _ROWS) -> None:
    """Everything, in `work`; what it costs on a generated run of so many rows."""
    folder = work / "live"
    folder.mkdir(parents=True, exist_ok=True)
    _watched(folder, figures)
    _cost(folder, figures, rows)
    _many_markers(folder, figures)
    _weights_and_biases(folder, figures)


def _watched(folder: Path, figures: Figures) -> None:
    """The demo runs, somebody looks at its page, and Prometheus asks."""
    run, log, key = folder / "demo", folder / "demo.log", folder / "live.key"
    run.mkdir()
    with _live(run, key, folder / "live.out") as (address, page_process):
        words = [*_PAIRTRAWL, "demo", "--place", "local", "--log", "json", "-o", str(run)]
        with log.open("wb") as file:
            process = subprocess.Popen(words, cwd=ROOT, stderr=file, stdout=subprocess.DEVNULL)
        shown, scrapes = _look(address, key, process)
        spent = _cpu_seconds(page_process)
        process.wait(60)
    figures.add(
        "live: the demo ends while its page is open", f"exit code {process.returncode}", good=process.returncode == 0
    )
    if shown is None:
        figures.add("live: a page in Chromium", "left out: no Chromium here", good=True)
    else:
        states, rows, errors, saw_end = shown
        figures.add(
            "live: different numbers of rows seen on the page while it ran", f"{len(rows)}", good=len(rows) >= 3
        )
        figures.add(
            "live: the page says that it is done, and links the report", "yes" if saw_end else states[-1], good=saw_end
        )
        figures.add("live: complaints of the browser", f"{len(errors)}", good=not errors)
    figures.add("live: scrapes of /metrics that Prometheus' parser reads", f"{len(scrapes)}", good=len(scrapes) >= 2)
    figures.add("live: processor seconds of the page's server", f"{spent:.1f}", good=spent < 30)
    _log_is_whole(log, run, figures)


def _look(address: str, key: Path, process: subprocess.Popen[bytes]) -> tuple[Any, list[int]]:
    """The page and the metrics, once a second until the run has ended."""
    scrapes: list[int] = []
    try:
        with looking() as page:
            errors: list[str] = []
            page.on("console", lambda said: errors.append(said.text) if said.type in {"error", "warning"} else None)
            page.on("pageerror", lambda error: errors.append(str(error)))
            page.goto(address)
            states, rows, saw_end, after = [""], set(), False, 0
            while after < 20 and not saw_end:
                after += process.poll() is not None
                page.wait_for_timeout(1_000)
                told = page.locator("main").inner_text()
                rows |= set(re.findall(r"([0-9,]+) of [0-9,]+ pairs", told))
                states.append(page.get_by_role("status").inner_text())
                saw_end = "Done." in states[-1] and page.get_by_role("link", name="Open the report.").count() == 1
                scrapes += _scraped(address, key)
            return (states, rows, errors, saw_end), scrapes
    except NoBrowserError:
        while process.poll() is None:
            scrapes += _scraped(address, key)
            time.sleep(1)
        return None, scrapes


def _scraped(address: str, key: Path) -> list[int]:
    """How many samples /metrics has, as a list of one."""
    token = key.read_text(encoding="ascii").strip()
    root = address.partition("/open/")[0]
    asked = urllib.request.Request(f"{root}/metrics", headers={"Authorization": f"Bearer {token}"})  # noqa: S310 - ours
    with urllib.request.urlopen(asked, timeout=60) as answer:  # noqa: S310 - as above
        families = list(text_string_to_metric_families(answer.read().decode()))
    return [sum(len(one.samples) for one in families)]


def _log_is_whole(log: Path, run: Path, figures: Figures) -> None:
    fields = {str(kind.__struct_config__.tag): {"event", "at", *kind.__struct_fields__} for kind in get_args(Event)}
    lines = log.read_bytes().splitlines()
    told = [json.loads(line) for line in lines]
    good = all(set(one) == fields[one["event"]] for one in told)
    figures.add(
        "live: lines of the JSON log, all with the documented fields", f"{len(lines)}", good=good and bool(lines)
    )
    kept = {one["kept"] for one in told if one["event"] == "phase_ended" and one["phase"] == "fetch and filter"}
    report = json.loads((run / "report.json").read_bytes())
    figures.add("live: pairs kept, by the log and by the report", f"{kept}, {report['totals']['kept']}",
                good=kept == {report["totals"]["kept"]})  # fmt: skip
    timeline = run / "timeline.jsonl"
    figures.add(
        "live: events of the timeline",
        f"{len(read_timeline(run))} in {timeline.stat().st_size / 1e3:.0f} kB",
        good=True,
    )


def _cost(folder: Path, figures: Figures, rows: int) -> None:
    """What telling costs the driver: a run whose jobs cost nothing, with nobody told and with everybody."""
    timeline = TimelineFile(folder / "timeline.jsonl")
    said: list[str] = []
    everybody: list[Sink] = [timeline, JsonLines(io.BytesIO().write), Lines(said.append)]
    alone, told = _seconds_of(rows, []), _seconds_of(rows, everybody)
    timeline.close()
    per_row = 1e6 * (told - alone) / rows
    figures.add(f"live: processor seconds to count {rows:,} rows, nobody told", f"{alone:.2f}", good=True)
    figures.add(
        "live: the same with a timeline, a JSON log and lines", f"{told:.2f} ({per_row:.2f} us a row)", good=per_row < 5
    )


def _seconds_of(rows: int, sinks: list[Sink]) -> float:
    display = Display(sinks=sinks)
    stage = StageCount("fetch", _ROWS_PER_JOB, _ROWS_PER_JOB // 2, {"http_gone": _ROWS_PER_JOB // 2})
    jobs = rows // _ROWS_PER_JOB
    began = time.process_time()
    with display.phase("fetch", rows, "pairs", jobs=jobs, rows_per_job=_ROWS_PER_JOB) as phase:
        for number in range(jobs):
            for _ in range(_ROWS_PER_JOB):
                phase(1)
            job = Job(kind=JobKind.FETCH, number=number, input="", output="", recipe="")
            phase.note(Outcome(job=job, report=Report(job=job.name, kind="fetch", recipe="", stages=(stage,))))
    return time.process_time() - began


def _many_markers(folder: Path, figures: Figures, shards: int = 100_000) -> None:
    """A look at a run of very many shards, the first and a later one."""
    from workers.live.watching import RunWatch

    run = folder / "many"
    (run / "shards").mkdir(parents=True)
    stages = [{"stage": "fetch", "found": 10, "kept": 5, "rejected": {"http_gone": 5}}]
    report = {"job": "crawl-00000", "kind": "crawl", "recipe": "", "stages": stages}
    first = run / "shards" / "00000_stats.json"
    content = msgspec.json.encode({"report": report})
    first.write_bytes(content)
    for number in range(1, shards):
        path = run / "shards" / f"{number:05d}_stats.json"
        if number % _LINKS == 0:  # a file system has a limit
            path.write_bytes(content)
            first = path
        else:
            path.hardlink_to(first)
    watch = RunWatch(run)
    times, rows = [], 0
    for number in range(3):
        (run / "shards" / f"{shards + number:05d}_stats.json").write_bytes(content)
        began = time.process_time()
        rows = watch.look().rows_done
        times.append(time.process_time() - began)
    figures.add(
        f"live: markers read of {shards:,} shards and 3 new ones",
        f"{watch.shards.read:,}",
        good=watch.shards.read == shards + 3,
    )
    figures.add("live: processor seconds of the first look, and of later ones", f"{times[0]:.2f}, {times[-1]:.2f}",
                good=rows == 10 * (shards + 3))  # fmt: skip


def _weights_and_biases(folder: Path, figures: Figures) -> None:
    """The real wandb, offline: what it keeps to be sent later holds nothing of captions, addresses or this machine."""
    try:
        python = peer_environment(folder / "wandb", _WANDB)
    except NoPeerError as error:
        figures.add("live: Weights & Biases", f"left out: {str(error)[-200:]}", good=True)
        return
    packages = next((python.parent.parent / "lib").glob("python*/site-packages"))
    kept = folder / "offline"
    kept.mkdir()
    (folder / "page.warc").write_bytes(_archive())
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(packages)]), "WANDB_MODE": "offline", "WANDB_DIR": str(kept),
    }  # fmt: skip
    words = [*_PAIRTRAWL, "extract", str(folder / "page.warc"), "-o", str(folder / "told"), "--wandb", "probe"]
    done = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    files = [path for path in kept.rglob("*") if path.is_file() and path.suffix == ".wandb"]
    content = b"".join(path.read_bytes() for path in files)
    figures.add(
        "live: a run with --wandb, offline",
        f"exit code {done.returncode}, {len(content):,} bytes",
        good=done.returncode == 0 and bool(files),
    )
    figures.add("live: figures are in what wandb keeps", "read archives/rows", good=b"read archives/rows" in content)
    found = [word for word in _PRIVATE if word in content]
    figures.add("live: captions, addresses and paths in it", f"{len(found)} {found or ''}", good=not found)


def _archive() -> bytes:
    answer = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<img src='http://pictures.test/a.png' alt='an emoji of a boat'>"
    head = b"WARC/1.0\r\nWARC-Type: response\r\nWARC-Target-URI: http://pages.test/1\r\nWARC-Date: 2026-01-01T00:00:00Z\r\n"
    rest = b"WARC-Record-ID: <urn:uuid:00000000-0000-4000-8000-000000000001>\r\nContent-Type: application/http; msgtype=response\r\n"
    return head + rest + b"Content-Length: %d\r\n\r\n%s\r\n\r\n" % (len(answer), answer)


@contextmanager
def _live(run: Path, key: Path, out: Path) -> Iterator[tuple[str, int]]:
    """`pairtrawl live` as a process: its address with the key, and its number."""
    with out.open("wb") as file:
        process = subprocess.Popen([*_PAIRTRAWL, "live", str(run), "--token-file", str(key)], cwd=ROOT, stdout=file)
    try:
        while not (found := re.search(r"http://\S+", out.read_text())):
            assert process.poll() is None, "the live page has ended"
            time.sleep(0.2)
        yield found[0], process.pid
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(60)


def _cpu_seconds(process: int) -> float:
    import psutil

    times = psutil.Process(process).cpu_times()
    return float(times.user + times.system)
