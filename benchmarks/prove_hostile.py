"""`make prove-hostile`: shows that fetching and decoding can be trusted; a table of figures comes last.

    python benchmarks/prove_hostile.py [--only PART] [--corpus ../shared/corpus] [--soak 100000]

What needs the corpus, its tools, or a package that cannot be had is left out, visibly.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import io
import json
import os
import random
import re
import shutil
import socket
import subprocess
import sys
import tarfile
import tempfile
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import pyarrow.parquet as pq
from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.cases import prove_cases  # noqa: E402 - the repository's own folder comes first
from benchmarks.corpus_pairs import unpacked_web  # noqa: E402 - as above
from benchmarks.figures import Figures, title  # noqa: E402 - as above
from benchmarks.prove_main import CORPUS_RECIPE, kept_pairs, usable_pairs  # noqa: E402 - as above
from benchmarks.soak import soak  # noqa: E402 - as above
from benchmarks.torture import GROWTH_BYTES, torture  # noqa: E402 - as above
from crawler.courtesy.local_desk import LocalDesk  # noqa: E402 - as above
from crawler.fetch import Terms, fetch  # noqa: E402 - as above
from crawler.job import Job, JobKind, run_job  # noqa: E402 - as above
from crawler.job.opening import open_web  # noqa: E402 - as above
from crawler.records import Candidate, Fetched  # noqa: E402 - as above
from crawler.settings import Recipe, parse_recipe  # noqa: E402 - as above
from crawler.tables import CandidateWriter  # noqa: E402 - as above
from crawler.wire.resolve import NameCache  # noqa: E402 - as above
from tests.builders import a_candidate  # noqa: E402 - as above
from tests.checklist import HOSTILE_CASES  # noqa: E402 - as above
from workers.assemble import assemble  # noqa: E402 - as above
from workers.ray_cluster import joined  # noqa: E402 - as above
from workers.ray_pool import Actors, RayPool  # noqa: E402 - as above
from workers.run_folder import RunFolder  # noqa: E402 - as above
from workers.session import Asked, run_crawl  # noqa: E402 - as above
from workers.stop import Stop  # noqa: E402 - as above

PUBLIC = "127.0.0.2"  # plays the public web; no setting but these proofs' own allows to dial it

#: path at the fault server -> how it must end
FAULTS = {
    "/ok": "kept", "/nolength": "kept", "/http10": "kept", "/gzip": "kept", "/etag": "kept", "/imageasoctet": "kept",
    "/imageastext": "kept", "/slow/2000000": "kept", "/chain/3": "kept", "/retry429/1": "kept", "/retry503/2": "kept",
    "/botnoai": "kept", "/cookie": "kept",
    "/status/204": "http_other protocol_error", "/status/206": "http_other", "/status/404": "http_gone", "/status/410": "http_gone",
    "/status/401": "http_forbidden", "/status/402": "http_forbidden", "/status/403": "http_forbidden",
    "/status/451": "http_forbidden", "/status/500": "http_server_error",
    "/retry429/9": "http_rate_limited", "/retry503/9": "http_rate_limited",
    "/slow/600": "too_slow timeout", "/stall": "timeout", "/stallhead": "timeout", "/truncated": "body_truncated",
    "/reset": "body_truncated", "/badchunk": "body_truncated protocol_error", "/empty": "body_empty",
    "/chain/9": "too_many_redirects", "/loop": "too_many_redirects",
    "/to?u=http://169.254.169.254/latest/meta-data/": "address_refused", "/to?u=http://10.0.0.1/": "address_refused",
    "/to?u=http://127.0.0.3/": "address_refused", "/to?u=file:///etc/passwd": "url_refused",
    "/to?u=gopher://faults.test/": "url_refused", "/to?u=http://[::ffff:127.0.0.3]/": "address_refused",
    "/gzipbomb/64": "body_too_large", "/huge/1000": "body_too_large", "/endless": "body_too_large",
    "/pngbomb": "too_many_pixels", "/onepixel": "min_side", "/htmlasimage": "not_an_image", "/svg": "not_an_image",
    "/noai": "image_opted_out", "/noimageai": "image_opted_out", "/noindex": "image_opted_out",
    "/tdm": "image_opted_out", "/bighead": "kept", "/badheader": "protocol_error",
}  # fmt: skip
#: host of the fault server with a robots.txt of its own -> how an image there must end
ROBOTS = {
    "robots-deny.test": "robots_refused", "robots-agent.test": "kept", "robots-500.test": "robots_unknown",
    "robots-404.test": "kept", "robots-huge.test": "kept", "robots-redirect.test": "robots_refused",
    "robots-delay.test": "kept", "robots-slow.test": "robots_unknown timeout",
}  # fmt: skip

RECIPE = """
name = "hostile"
[fetch]
user_agent = "pairtrawl-proof/0.1"
contact = "mailto:nobody@example.org"
allow_networks = ["127.0.0.2/32"]
total_seconds = 8.0
first_byte_seconds = 4.0
read_seconds = 4.0
[manners]
seconds_between_requests = 0
requests_at_once = 2
[output]
placeholder_addresses = 0 # every address has the same picture
[[filters]]
use = "pictures.min_side"
pixels = 32
"""


def free_port(address: str) -> int:
    """A port of this address that nobody has now."""
    with socket.socket() as free:
        free.bind((address, 0))
        port: int = free.getsockname()[1]
        return port


def a_picture_file(path: Path) -> Path:
    """A PNG of some 20 kB with nothing on it but noise."""
    noise = random.Random(1).randbytes(80 * 80 * 3)  # noqa: S311 - a picture, not a secret
    out = io.BytesIO()
    Image.frombytes("RGB", (80, 80), noise).save(out, "PNG")
    path.write_bytes(out.getvalue())
    return path


@contextmanager
def fault_server(tool: Path, work: Path) -> Iterator[tuple[int, Path]]:
    """The corpus's fault server on PUBLIC: its port and its log."""
    port, log = free_port(PUBLIC), work / f"faults-{random.randrange(10**9)}.jsonl"  # noqa: S311 - a name
    words = [sys.executable, str(tool), PUBLIC, str(port), str(a_picture_file(work / "picture.png")), str(log)]
    with subprocess.Popen(words) as server:
        try:
            for _ in range(100):
                with contextlib.suppress(OSError), socket.create_connection((PUBLIC, port), 1):
                    break
                time.sleep(0.1)
            yield port, log
        finally:
            server.kill()


def recipe_at(port: int, *overrides: str) -> Recipe:
    """RECIPE, with every *.test host at this port."""
    return parse_recipe(RECIPE, overrides=[f"fetch.hosts={{'*.test' = '{PUBLIC}:{port}'}}", *overrides])


def a_table(path: Path, urls: Sequence[str]) -> Path:
    """A candidate table of these addresses."""
    rows: list[Candidate] = [a_candidate(f"picture {number}", image_url=url) for number, url in enumerate(urls)]
    with CandidateWriter(path) as table:
        table.write(rows, [None] * len(rows))
    return path


def endings(shard: Path) -> dict[str, str]:
    """How each address of a shard's table ended."""
    return {row["url"]: row["reason"] or "kept" for row in pq.read_table(shard, columns=["url", "reason"]).to_pylist()}


def prove_faults(work: Path, figures: Figures, tool: Path) -> None:
    """Every behaviour of the fault server as a crawl job, and its log as the witness of our manners."""
    title("the fault server: 51 behaviours and 8 kinds of robots.txt")
    if not tool.exists():
        figures.add("fault server", "left out: needs the corpus's tools", good=True)
        return
    wanted = {f"http://fault-{number}.test{path}": end for number, (path, end) in enumerate(FAULTS.items())}
    wanted |= {f"http://{host}/picture.png": end for host, end in ROBOTS.items()}
    wanted |= {f"http://robots-delay.test/{number}.png": "kept" for number in range(3)}
    wanted |= {"http://robots-delay.test/private/a.png": "robots_refused"}
    with fault_server(tool, work) as (port, log):
        job = Job(kind=JobKind.CRAWL, number=0, input=str(a_table(work / "faults.parquet", list(wanted))),
                  output=str(work / "faults"), recipe="proof")  # fmt: skip
        # the server makes its largest bombs when they are first asked for, and answers nobody else meanwhile
        for bomb in ("pngbomb", "gzipbomb/64"):
            urllib.request.urlopen(f"http://{PUBLIC}:{port}/{bomb}", timeout=60).close()
        log.write_text("")
        began = time.monotonic()
        report = run_job(job, assemble(recipe_at(port), work / "scratch"))
        seconds = time.monotonic() - began
        requests = [json.loads(line) for line in log.read_text().splitlines()]
    ended = endings(work / "faults" / "00000.parquet")
    wrong = {url: (ended[url], end) for url, end in wanted.items() if ended[url] not in end.split()}
    for url, (is_now, should) in wrong.items():
        print(f"  {url}: {is_now} instead of {should}")
    figures.add("fault server: rows, ended as they must", f"{len(wanted)}, {len(wanted) - len(wrong)}", good=not wrong)
    for reason, number in Counter(ended.values()).most_common():
        figures.add(f"  {reason}", str(number), good=True)
    figures.add("fault server: seconds for all of them together", f"{seconds:.0f}", good=True)
    figures.add("fault server: counts add up", str(report.stages[0].found), good=report.stages[0].found == len(wanted))
    judge_manners(figures, requests)


def judge_manners(figures: Figures, requests: Sequence[dict[str, Any]]) -> None:
    """What the server's own log says of us."""
    agents = {one["ua"] for one in requests}
    figures.add("log: user agents seen", ", ".join(sorted(map(str, agents))),
                good=agents == {"pairtrawl-proof/0.1 (+mailto:nobody@example.org)"})  # fmt: skip
    robots = Counter(one["host"] for one in requests if one["path"] == "/robots.txt")
    del robots["robots-deny.test"]  # asked for its own images, and because another host's robots.txt points there
    figures.add("log: hosts, most requests for one robots.txt", f"{len(robots)}, {max(robots.values())}",
                good=max(robots.values()) == 1)  # fmt: skip
    denied = [one for one in requests if one["host"] in {"robots-deny.test", "robots-500.test", "robots-redirect.test"}
              and one["path"] != "/robots.txt"]  # fmt: skip
    private = [one for one in requests if one["path"].startswith("/private/")]
    figures.add("log: requests where robots.txt keeps us out", str(len(denied) + len(private)),
                good=not denied and not private)  # fmt: skip
    delayed = sorted(one["t"] for one in requests if one["host"] == "robots-delay.test")[1:]  # it is read first
    gap = min(later - earlier for earlier, later in pairwise(delayed))
    figures.add("log: shortest gap at a host with Crawl-delay: 2, seconds", f"{gap:.2f}", good=gap >= 1.95)
    waited = [later["t"] - earlier["t"] for kind in ("/retry429/1", "/retry503/2")
              for earlier, later in pairwise([one for one in requests if one["path"] == kind])]  # fmt: skip
    figures.add("log: shortest wait after Retry-After: 1, seconds", f"{min(waited):.2f}", good=min(waited) >= 0.99)


def prove_silent(work: Path, figures: Figures, tool: Path) -> None:
    """A thousand hosts that never answer, asked first, and a hundred good ones."""
    title("a thousand silent hosts beside a hundred good ones")
    if not tool.exists():
        figures.add("silent hosts", "left out: needs the corpus's tools", good=True)
        return
    with fault_server(tool, work) as (port, _log):
        # robots.txt would be asked for at each host first, and the silent ones answer that
        recipe = recipe_at(port, "opt_outs.robots_txt=false", "opt_outs.tdmrep_file=false",
                           "fetch.total_seconds=60", "fetch.first_byte_seconds=60")  # fmt: skip
        seconds = asyncio.run(_silent(recipe))
    figures.add("silent hosts: 100 good images beside 1,000 silent hosts asked before them, seconds",
                f"{seconds:.1f} (a silent one is given up after 60)", good=seconds < 55)  # fmt: skip


async def _silent(recipe: Recipe) -> float:
    silent = [a_candidate(image_url=f"http://silent-{number}.test/stallhead") for number in range(1000)]
    good = [a_candidate(image_url=f"http://good-{number}.test/ok") for number in range(100)]
    terms = Terms(recipe.fetch, recipe.opt_outs)
    async with open_web(recipe, LocalDesk(recipe.manners), NameCache()) as web:
        waiting = [asyncio.create_task(fetch(candidate, web, terms)) for candidate in silent]
        await asyncio.sleep(0.1)
        began = time.monotonic()
        outcomes = await asyncio.gather(*(fetch(candidate, web, terms) for candidate in good))
        seconds = time.monotonic() - began
        for task in waiting:
            task.cancel()
        await asyncio.wait(waiting)
    if not all(isinstance(one, Fetched) for one in outcomes):
        raise AssertionError(Counter(type(one).__name__ for one in outcomes))
    return seconds


def prove_actors(work: Path, figures: Figures, tool: Path) -> None:
    """Two Ray actors, one site: the rate holds for both together."""
    title("two actors, one site")
    if not tool.exists():
        figures.add("two actors", "left out: needs the corpus's tools", good=True)
        return
    spacing = 0.4
    with fault_server(tool, work) as (port, log), joined(cpus=2):
        recipe = recipe_at(port, f"manners.seconds_between_requests={spacing}", "manners.requests_at_once=1")
        jobs = []
        for number in range(2):
            urls = [f"http://one-site.test/ok/{number}/{row}" for row in range(10)]
            table = a_table(work / f"actors-{number}.parquet", urls)
            jobs.append(
                Job(kind=JobKind.CRAWL, number=number, input=str(table), output=str(work / "actors"), recipe="proof")
            )
        with RayPool(recipe, RunFolder(work / "actors-run"), Actors(workers=2), JobKind.CRAWL) as pool:
            outcomes = list(pool.run(jobs, lambda _rows: None, Stop()))
        requests = [json.loads(line) for line in log.read_text().splitlines()]
    failures = [one.failure for one in outcomes if one.failure]
    kept = sum(one.report.stages[-1].kept for one in outcomes if one.report)
    # the first request leaves late, for everything is cold then, and the gap behind it looks short
    gaps = sorted(later["t"] - earlier["t"] for earlier, later in pairwise(requests[1:]))
    robots = sum(one["path"] == "/robots.txt" for one in requests)
    figures.add("two actors: images kept of 20, failures", f"{kept}, {len(failures)}", good=kept == 20 and not failures)
    mean = sum(gaps) / len(gaps)
    # the desk's clock has the spacing; on the way to two actors it shifts by some milliseconds, more on a busy machine
    figures.add(f"two actors: seconds between requests at the site (asked for: {spacing}), shortest, mean",
                f"{gaps[0]:.2f}, {mean:.2f}", good=gaps[0] > 0.9 * spacing and mean > 0.99 * spacing)  # fmt: skip
    figures.add("two actors: robots.txt asked for", f"{robots} time", good=robots == 1)


def run_script(words: Sequence[str]) -> tuple[str, int]:
    """Run a benchmark of ours; what it printed, and its exit status."""
    done = subprocess.run([sys.executable, *words], cwd=ROOT, check=False, stdout=subprocess.PIPE, text=True)
    print(done.stdout, flush=True)
    return done.stdout, done.returncode


def downloaded(work: Path, package: str) -> Path | None:
    """The unpacked source distribution of a package; None where the registry has none for us."""
    folder = work / package.replace("==", "-")
    words = [
        "-m",
        "pip",
        "download",
        "-q",
        "--no-binary",
        ":all:",
        "--no-deps",
        "--no-cache-dir",
        "-d",
        str(folder),
        package,
    ]
    if subprocess.run([sys.executable, *words], check=False).returncode:
        return None
    (archive,) = folder.glob("*.tar.gz")
    with tarfile.open(archive) as tar:
        tar.extractall(folder, filter="data")
    return next(path for path in folder.iterdir() if path.is_dir())


def installed_peers(work: Path, *packages: str) -> Path:
    """A folder with these packages in it, or as many of them as can be had."""
    folder = work / "peers"
    for package in packages:
        words = ["-m", "pip", "install", "-q", "--no-deps", "--target", str(folder), package]
        if subprocess.run([sys.executable, *words], check=False, stderr=subprocess.DEVNULL).returncode:
            print(f"  {package} cannot be installed here: left out")
    return folder


def prove_robots(work: Path, figures: Figures, files: int) -> None:
    """Real robots.txt files, read by us, by Google's parser and by protego."""
    title("real robots.txt files")
    source = downloaded(work, "protego==0.7.0")
    if source is None:
        figures.add("robots.txt", "left out: the files cannot be had from the registry", good=True)
        return
    some = work / "robots"
    some.mkdir()
    for path in sorted((source / "tests" / "test_data").iterdir())[:files]:
        shutil.copy(path, some)
    told, status = run_script(
        ["benchmarks/robots_cases.py", str(some), "--peers", str(installed_peers(work, "jwm.robotstxt"))]
    )
    figures.add("robots.txt: real files", str(len(list(some.iterdir()))), good=status == 0)
    for name, answer in re.findall(r"^(Google|protego): (.+)$", told, re.MULTILINE):
        block = told[told.index(f"{name}: {answer}") :].partition("\n\n")[0]
        figures.add(f"robots.txt: {name}", answer, good=name != "Google" or "NOT EXPLAINED" not in block)


def prove_x_robots(work: Path, figures: Figures) -> None:
    """X-Robots-Tag values, read by us and by the tools that people use."""
    title("X-Robots-Tag")
    peers = installed_peers(work, "img2dataset==1.47.0", "datadiligence==0.1.7")
    told, _ = run_script(["benchmarks/x_robots_peers.py", "--peers", str(peers)])
    header = next((line.split() for line in told.splitlines() if line.startswith("right")), [])
    wrong = re.findall(r"[0-9]+ of [0-9]+", next((line for line in told.splitlines() if line.startswith("wrong")), ""))
    for name, count in zip(header[1:], wrong, strict=False):
        figures.add(f"X-Robots-Tag: wrong answers of {name}", count, good=name != "pairtrawl" or count.startswith("0 "))


def prove_urls(figures: Figures) -> None:
    """The test data of the web platform for addresses and host names."""
    title("addresses, by the web platform's own test data")
    cases = json.loads((ROOT / "tests/crawler/data/wpt/urltestdata.json").read_bytes())
    words = ["-m", "pytest", "-q", "tests/crawler/test_urls.py", "-k", "web_platform_tests"]
    _, status = run_script(words)
    count = sum(isinstance(case, dict) for case in cases)
    figures.add("addresses: WHATWG cases read as browsers do", f"{count} of {count}" if not status else "not all",
                good=status == 0)  # fmt: skip


def prove_torture(work: Path, figures: Figures, corpus: Path) -> None:
    """Pillow's own test images, variants of them, and every file of the corpus, through a decoder's process."""
    title("decoders under torture")
    folders = {}
    if (pillow := downloaded(work, "pillow==13.0.0")) is not None:
        folders["pillow's tests"] = pillow / "Tests" / "images"
    if (corpus / "offline-web.tar.xz").exists():
        folders["corpus"] = unpacked_web(work, corpus)
    if not folders:
        figures.add("torture", "left out: neither Pillow's source nor the corpus can be had", good=True)
        return
    found = torture(folders, next(iter(folders)), 600)
    for source, outcomes in found["outcomes"].items():
        told = ", ".join(f"{reason} {count:,}" for reason, count in sorted(outcomes.items(), key=lambda one: -one[1]))
        figures.add(f"torture: {source}, {sum(outcomes.values()):,} files", told, good=True)
    seconds, name = found["slowest"][0]
    figures.add("torture: crashes that no limit explains", str(len(found["crashes"])), good=not found["crashes"])
    figures.add("torture: slowest file, seconds", f"{seconds:.2f} ({name})", good=seconds < 5)
    figures.add("torture: decoder's peak, our growth, MB",
                f"{found['child_peak_bytes'] / 1e6:.0f}, {found['growth_bytes'] / 1e6:.0f}",
                good=found["growth_bytes"] < GROWTH_BYTES)  # fmt: skip


def prove_soak(figures: Figures, fetches: int) -> None:
    """A hundred thousand downloads, one in ten of them from a hostile host."""
    title(f"soak: {fetches:,} downloads")
    found = soak(fetches)
    figures.add("soak: downloads, accounted for", f"{fetches:,}, {sum(found['outcomes'].values()):,}",
                good=sum(found["outcomes"].values()) == fetches)  # fmt: skip
    for reason, number in found["outcomes"].items():
        figures.add(f"  {reason}", f"{number:,}", good=True)
    figures.add(
        "soak: rows that ended otherwise than planted", str(found["unexpected"] or 0), good=not found["unexpected"]
    )
    figures.add("soak: seconds, downloads a second", f"{found['seconds']:.0f}, {found['per_second']}", good=True)
    early, late = found["memory_mb_after_20_percent"], found["memory_mb_at_the_end"]
    figures.add("soak: memory after 20 %, at the end, MB", f"{early}, {late}", good=late < 1.25 * early)
    figures.add("soak: most sockets, files and tasks left", f"{found['most_sockets']}, {found['files_left']}, "
                f"{found['tasks_left']}", good=not found["files_left"] and not found["tasks_left"])  # fmt: skip


def prove_corpus(work: Path, figures: Figures, corpus: Path) -> None:
    """The corpus's crawl through real DNS: nothing usable is lost to caution, and names are asked for once."""
    title("the corpus, through a name server")
    server = corpus.parent / "tools" / "corpus" / "serve.py"
    if not server.exists() or shutil.which("nginx") is None or os.geteuid():
        figures.add("corpus through DNS", "left out: needs the corpus, its tools, nginx, and port 80 (root)", good=True)
        return
    web, run = unpacked_web(work, corpus), work / "web-run"
    dns = free_port("127.0.0.1")
    words = [sys.executable, str(server), "start", str(web), str(run), "--port", "80", "--dns", str(dns), "--spread"]
    subprocess.run(words, check=True)
    try:
        recipe = parse_recipe(CORPUS_RECIPE, overrides=[f"fetch.name_servers=['127.0.0.1:{dns}']"])
        listing = corpus / "common-crawl-form/crawl-data/CC-MAIN-2026-47/warc.paths.gz"
        run_crawl(recipe, [str(listing)], work / "corpus", Asked(place="local"))
    finally:
        subprocess.run([sys.executable, str(server), "stop", str(run)], check=True)
    usable, kept = usable_pairs(web / "_meta" / "truth.jsonl"), kept_pairs(work / "corpus" / "shards")
    figures.add("corpus through DNS: usable pairs, kept, in both",
                f"{len(usable):,}, {len(kept):,}, {len(usable & kept):,}", good=usable == kept)  # fmt: skip
    report = msgspec.json.decode((work / "corpus" / "report.json").read_bytes())
    looked_up, asked = report["speeds"]["names_looked_up"], report["speeds"]["names_asked_of_servers"]
    figures.add("corpus through DNS: look-ups, answered without asking",
                f"{looked_up:,}, {1 - asked / looked_up:.1%}", good=asked < looked_up)  # fmt: skip


def main(words: Sequence[str]) -> int:
    """Everything, one after the other; 0 when all is as promised."""
    parser = argparse.ArgumentParser(description="Show that fetching and decoding can be trusted.")
    parser.add_argument("--corpus", type=Path, default=ROOT.parent / "shared" / "corpus", help="folder of the corpus")
    parser.add_argument("--soak", type=int, default=100_000, help="fetches of the soak")
    parser.add_argument("--robots", type=int, default=1_000, help="real robots.txt files, of 4,231")
    parser.add_argument("--only", help="one part alone")
    asked = parser.parse_args(words)
    figures = Figures()
    tool = asked.corpus.parent / "tools" / "corpus" / "faults.py"
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="prove-hostile-") as name:
        work = Path(name)
        parts: dict[str, Callable[[], object]] = {
            "checklist": lambda: prove_cases(figures, HOSTILE_CASES),
            "faults": lambda: prove_faults(work, figures, tool),
            "silent": lambda: prove_silent(work, figures, tool),
            "actors": lambda: prove_actors(work, figures, tool),
            "robots": lambda: prove_robots(work, figures, asked.robots),
            "x_robots": lambda: prove_x_robots(work, figures),
            "urls": lambda: prove_urls(figures),
            "torture": lambda: prove_torture(work, figures, asked.corpus),
            "corpus": lambda: prove_corpus(work, figures, asked.corpus),
            "soak": lambda: prove_soak(figures, asked.soak),
        }
        for part, prove in parts.items():
            if asked.only in (None, part):
                prove()
    figures.show("prove-hostile", time.monotonic() - began)
    return 0 if figures.all_good else 1


if __name__ == "__main__":
    os.environ.setdefault("PYTHONUNBUFFERED", "1")
    sys.exit(main(sys.argv[1:]))
