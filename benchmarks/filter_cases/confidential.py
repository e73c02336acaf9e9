"""A run with a confidential list: what it names is gone, and nothing that was written or said tells what that was.

Then everything that must stop a run: a list that is missing, stale, cut short, of another key, or open to others; and
one that would take out implausibly much.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import CompletedProcess

from benchmarks.figures import Figures, title
from benchmarks.filter_cases.planted_lists import CLEAN, Entry, Planted, Vault, needles_of, plant
from benchmarks.leak_search import Leaks, finds_what_is_planted
from benchmarks.small_crawl import crawl, kept_urls, shard_rows, write_recipe

_FILTERS = ("candidates.url_removal", "bodies.hash_removal", "pictures.pdq_removal", "pictures.phash_removal")
_KEEPS_VECTORS = """
[[filters]]
use = "pictures.clip_similarity"
model = "pairtrawl-tiny"
threshold = -1.0
"""


def filters_with(listed: Path | None, key: Path | None, *, more: str = "") -> str:
    """The tables of a recipe that asks this list for everything that it may name, and keeps vectors."""
    tables = []
    for name in _FILTERS if listed else ():
        tables += ["[[filters]]", f'use = "{name}"', f'path = "{listed}"', *([f'key = "{key}"'] if key else []), more]
    return "keep_embeddings = true\n" + "\n".join(tables) + _KEEPS_VECTORS


def prove_confidential(work: Path, web: Path, figures: Figures) -> None:
    """In one process and on Ray: what was planted is gone, and the list is nowhere."""
    title("a run with a confidential list")
    folder = work / "confidential"
    folder.mkdir()
    planted = plant(web)
    archive = planted.web.write_archive(folder / "pages.warc.gz")
    vault = Vault(folder / "vault")
    listed = vault.compiled("listed", planted.entries)
    needles = needles_of(planted.entries) | {bytes.fromhex((vault.folder / "key").read_text()): "the key"}
    needles[(vault.folder / "key").read_bytes().strip()] = "the key"
    figures.add("confidential: the search finds every spelling that is planted, in files, gzip and tables",
                f"{len(needles)} spellings of {len(planted.entries)} entries", good=finds_what_is_planted(needles, folder / "control"))  # fmt: skip
    in_list = Leaks({needle: name for needle, name in needles.items() if name != "the key"})
    in_list.search([listed])
    figures.add(
        "confidential: entries that can be read in the compiled list", str(len(in_list.found)), good=not in_list.found
    )
    with planted.web.served() as address:
        prove_that_it_matters(
            figures, write_recipe(folder / "open.toml", address, filters_with(None, None)), archive, planted
        )
        recipe = write_recipe(folder / "screened.toml", address, filters_with(listed, vault.folder / "key"))
        for place in ("local", "ray"):
            screen(figures, recipe, archive, planted, needles, place)
        prove_fail_closed(figures, folder, address, archive, planted, vault)
        prove_breaker(figures, folder, address, archive, planted, vault)


def prove_that_it_matters(figures: Figures, recipe: Path, archive: Path, planted: Planted) -> None:
    """Without a list every planted picture is kept."""
    run = recipe.parent / "without"
    succeed(crawl(recipe, [archive], run))
    kept = set(kept_urls(run))
    listed = {one.url for one in planted.entries}
    figures.add("confidential: without the list, planted pictures kept, others kept",
                f"{len(listed & kept)} of {len(listed)}, {len(planted.clean & kept)} of {CLEAN}",
                good=kept == listed | planted.clean)  # fmt: skip


def screen(
    figures: Figures, recipe: Path, archive: Path, planted: Planted, needles: dict[bytes, str], place: str
) -> None:
    """One run with the list, and the search through everything that it left or had meanwhile."""
    run = recipe.parent / f"screened-{place}"
    leaks = Leaks(needles)
    with scratch_folder() as temporary:
        with leaks.watching([run, temporary]):
            done = crawl(recipe, [archive], run, "--place", place, TMPDIR=str(temporary), RAY_TMPDIR=str(temporary))
        succeed(done)
        leaks.search([run, temporary])
        rows_told = Leaks({text.encode(): one.what for one in planted.entries for text in (one.url, one.caption)})
        rows_told.search([run / "shards", run / "report.json", run / "report.html", temporary])
        if (run / "scratch").exists():
            rows_told.search([run / "scratch"])
    for told in (leaks, rows_told):
        told.search_text("stdout and stderr", done.stdout + done.stderr)
    for what, path in sorted(leaks.found | rows_told.found):
        print(f"  {what}: in {path}")
    figures.add(f"confidential, {place}: files and MB searched for entries, hits",
                f"{leaks.files:,}, {leaks.searched_bytes / 1e6:.0f}, {len(leaks.found)}",
                good=not leaks.found and leaks.files > 10)  # fmt: skip
    figures.add(f"confidential, {place}: addresses and captions of planted pictures in shards, report, logs, scratch",
                str(len(rows_told.found)), good=not rows_told.found)  # fmt: skip
    judge_rows(figures, run, planted, place)


def judge_rows(figures: Figures, run: Path, planted: Planted, place: str) -> None:
    """Exactly what was planted is gone, counted under the filter that took it, and has no row and no vector."""
    rows, kept = {row["url"] for row in shard_rows(run, "url")}, set(kept_urls(run))
    listed = {one.url for one in planted.entries}
    figures.add(f"confidential, {place}: planted pictures with a row, others kept",
                f"{len(listed & rows)} of {len(listed)}, {len(planted.clean & kept)} of {CLEAN}",
                good=not listed & rows and kept == planted.clean)  # fmt: skip
    reasons = json.loads((run / "report.json").read_bytes())["reasons"]
    wanted = Counter(one.filter for one in planted.entries)
    counts = {name: reasons.get(name, 0) for name in wanted}
    figures.add(f"confidential, {place}: rows withheld, by filter",
                ", ".join(f"{name} {number}" for name, number in counts.items()), good=counts == wanted)  # fmt: skip


def prove_fail_closed(
    figures: Figures, folder: Path, address: str, archive: Path, planted: Planted, vault: Vault
) -> None:
    """No list, no run: each way in which a list can be wrong."""
    needles = needles_of(planted.entries)
    for number, (what, damage) in enumerate(_damages(vault, planted.entries).items()):
        listed, key = damage(vault.folder / f"damaged-{number}.ptlist")
        recipe = write_recipe(folder / f"damaged-{number}.toml", address, filters_with(listed, key))
        run = folder / f"damaged-{number}"
        done = crawl(recipe, [archive], run)
        said = Leaks(needles)
        said.search_text("stdout and stderr", done.stdout + done.stderr)
        shards = len(list(run.rglob("*.tar")))
        named = str(listed) in done.stderr or str(key) in done.stderr
        figures.add(f"confidential, fails closed: {what}",
                    f"exit {done.returncode}, {shards} shards, {'names the file' if named else 'NAMES NO FILE'}",
                    good=done.returncode not in {0, 70} and not shards and named and not said.found)  # fmt: skip


def _damages(vault: Vault, entries: list[Entry]) -> dict[str, Callable[[Path], tuple[Path, Path]]]:
    """What can be wrong -> makes such a list of a good one; the list and the key that a recipe names."""
    key = vault.folder / "key"
    good = vault.folder / "listed.ptlist"

    def changed(path: Path, content: bytes) -> tuple[Path, Path]:
        path.write_bytes(content)
        path.chmod(0o600)
        return path, key

    def readable(path: Path) -> tuple[Path, Path]:
        changed(path, good.read_bytes())
        path.chmod(0o644)
        return path, key

    def of_other_key(path: Path) -> tuple[Path, Path]:
        changed(path, good.read_bytes())
        return path, vault.new_key(f"{path.stem}-key")

    def one_bit(path: Path) -> tuple[Path, Path]:
        content = bytearray(good.read_bytes())
        content[len(content) // 2] ^= 1
        return changed(path, bytes(content))

    return {
        "missing": lambda path: (path, key),
        "issued 8 days ago": lambda path: (vault.compiled(path.stem, entries, days_ago=8), key),
        "cut in half": lambda path: changed(path, good.read_bytes()[: good.stat().st_size // 2]),
        "cut by one byte": lambda path: changed(path, good.read_bytes()[:-1]),
        "one bit changed": one_bit,
        "empty": lambda path: changed(path, b""),
        "another key": of_other_key,
        "readable for others": readable,
    }


def prove_breaker(figures: Figures, folder: Path, address: str, archive: Path, planted: Planted, vault: Vault) -> None:
    """A list with many harmless pictures in it: nothing is committed, and nobody is told what matched."""
    harmless = [
        Entry("a harmless picture", "url", url, "url_removal", url, "") for url in sorted(planted.clean)[: CLEAN // 3]
    ]
    harmless_bodies = planted_as_hashes(planted, CLEAN // 3)
    for name, entries in (("addresses", harmless), ("bodies", harmless_bodies)):
        listed = vault.compiled(f"harmless-{name}", entries + planted.entries)
        recipe = write_recipe(folder / f"breaker-{name}.toml", address, filters_with(listed, vault.folder / "key"))
        run = folder / f"breaker-{name}"
        done = crawl(recipe, [archive], run)
        leaks = Leaks(needles_of(entries))
        leaks.search_text("stdout and stderr", done.stdout + done.stderr)
        shards = len(list(run.rglob("*.tar")))
        figures.add(f"confidential, breaker: a list that would take out {CLEAN // 3} of {len(planted.web.images)} rows ({name})",
                    f"exit {done.returncode}, {shards} shards", good=done.returncode not in {0, 70} and not shards
                    and not leaks.found and "most_share" in done.stdout + done.stderr)  # fmt: skip


def planted_as_hashes(planted: Planted, number: int) -> list[Entry]:
    """Entries for so many pictures that nobody minds."""
    urls = sorted(planted.clean)[:number]
    digests = [hashlib.sha256(planted.web.bodies[url]).hexdigest() for url in urls]
    return [
        Entry("a harmless picture", "sha256", digest, "hash_removal", url, "")
        for url, digest in zip(urls, digests, strict=True)
    ]


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """A folder for everything temporary of a run; a short name, for Ray's sockets lie in it."""
    folder = Path(tempfile.mkdtemp(prefix="pt-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def succeed(done: CompletedProcess[str]) -> None:
    """Raises where a crawl failed."""
    if done.returncode:
        raise AssertionError(done.stdout + done.stderr)
