"""A Re-LAION on the shared corpus: publish, find what lists name without opening a picture, re-issue, prove, purge.

The data set is a list of LAION's form over the corpus's own pictures, rebuilt, committed and published. Some pictures are
declared bad, chosen by lot. What happened in 2024 (safety.md 1.1) then happens here, by the commands of docs/takedown.md, on
three sides: the publisher, a holder who has version 1 and a diff, and an attacker who has both versions.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from PIL import Image

from benchmarks.corpus_pairs import Pair, on_white, pairs_of
from benchmarks.figures import Figures, title
from benchmarks.leak_search import Leaks, finds_what_is_planted
from benchmarks.rebuild.attacker import attack
from benchmarks.rebuild.verbs import Said, call
from benchmarks.small_crawl import SmallWeb

#: pictures that lists name, and how many of these only by PDQ of a copy that was made smaller
BAD, BAD_BY_PDQ = 12, 4
#: neutral rows for each real one. Re-LAION had 29,000; the corpus has ten thousand rows in all
BURIAL = 30
PER_SHARD = 250
#: what a policy of research removes, and one of research-safe (safety.md 1.1)
RESEARCH, SAFE = 0.95, 0.45
_POLICY = """[[policy]]
name = "punsafe > {above}"
column = "punsafe"
above = {above}
"""


@dataclass(slots=True)
class Rehearsal:
    """Everybody's folders."""

    work: Path
    pairs: list[Pair]
    bad: list[Path]  # pictures of the corpus that lists name
    bad_urls: frozenset[str]  # where these are, as often as they repeat: the corpus has some files under two addresses
    figures: Figures
    said: list[Said] = field(default_factory=list)

    @property
    def store(self) -> Path:
        """The publisher's versions."""
        return self.work / "store"

    @property
    def keys(self) -> Path:
        """The publisher's keys."""
        return self.work / "keys"

    @property
    def register(self) -> Path:
        """The publisher's register of takedowns."""
        return self.work / "register"

    def call(self, *words: str | Path, code: int = 0) -> Said:
        """A command of the publisher's."""
        said = call(*words, code=code)
        self.said.append(said)
        return said

    def dataset(self, verb: str, *words: str | Path, keys: bool = True, register: bool = False) -> Said:
        """`pairtrawl dataset VERB STORE ...` with the publisher's keys and register."""
        named: list[str | Path] = [*verb.split(), self.store, *words]
        named += ["--keys", self.keys] if keys else []
        named += ["--register", self.register] if register else []
        return self.call("dataset", *named)


def prove_rehearsal(work: Path, web: Path, figures: Figures, rows: int = 6_000) -> None:
    """From the list to the purge."""
    title("a Re-LAION, rehearsed on the corpus")
    folder = work / "rehearsal"
    folder.mkdir()
    every = list({(pair.url, pair.text): pair for pair in pairs_of(web)}.values())
    pairs = every[:: max(1, len(every) // rows)][:rows]
    bad = choose_bad(pairs)
    one = Rehearsal(folder, pairs, bad, urls_of(bad, pairs), figures)
    publish(one)
    find(one)
    reissue(one)
    prove_subset(one)
    holder_applies(one)
    attackers(one)
    purge(one)
    never_again(one)


def choose_bad(pairs: Sequence[Pair]) -> list[Path]:
    """Pictures by lot, each file that is different once; PDQ says nothing of flat ones, so that they are not among them."""
    different: dict[str, Path] = {}
    for pair in pairs:
        different.setdefault(_digest(pair.file), pair.file)
    rng = np.random.default_rng(17)
    files = [list(different.values())[place] for place in rng.permutation(len(different))]
    found: list[Path] = []
    for file in files:
        if len(found) == BAD:
            return found
        if len(found) >= BAD_BY_PDQ or _pdq(on_white(file))[1] >= 60:
            found.append(file)
    return found


def urls_of(bad: Sequence[Path], pairs: Sequence[Pair]) -> frozenset[str]:
    """The addresses of these pictures, and of files that are the same."""
    digests = {_digest(file) for file in bad}
    files = {pair.url: pair.file for pair in pairs}
    return frozenset(url for url, file in files.items() if _digest(file) in digests)


def publish(one: Rehearsal) -> None:
    """Rebuild the list, commit what came, publish version 1, and let a holder take a copy."""
    written = write_list(one)
    with served(one.pairs) as address:
        said = one.call("rebuild", written, "-o", one.work / "set", *local(address), "--policy", "refresh",
                        "--number_sample_per_shard", str(PER_SHARD), "--save_additional_columns", '["SAMPLE_ID","punsafe"]',
                        "--resize_mode", "keep_ratio_largest", "--resize_only_if_bigger", "True", "--output_format", "webdataset",
                        "--url_col", "URL", "--caption_col", "TEXT", "--thread_count", "32")  # fmt: skip
    outcomes: dict[str, int] = {}
    for table in sorted((one.work / "set").glob("*.parquet")):
        for outcome in values_of(pq.read_table(table, columns=["outcome"]), "outcome"):
            outcomes[outcome] = outcomes.get(outcome, 0) + 1
    kept = sum(number for name, number in outcomes.items() if name in {"identical", "near", "changed", "unverified"})
    one.figures.add("rehearsal: rows of the list, pictures; outcomes",
                    f"{len(one.pairs):,}, {len({pair.file for pair in one.pairs}):,}; {outcomes}",
                    good=sum(outcomes.values()) == len(one.pairs) and kept > 0.95 * len(one.pairs))  # fmt: skip
    one.figures.add("rehearsal: rebuilt in seconds, rows a second", f"{said.seconds:.0f}, {len(one.pairs) / said.seconds:.0f}", good=True)  # fmt: skip
    one.call("dataset", "init", one.store, "--keys", one.keys, "--name", "re-laion-rehearsal")
    said = one.dataset("commit", one.work / "set", "-m", "version 1")
    one.call("dataset", "tag", one.store, "v1")
    one.call("dataset", "checkout", one.store, one.work / "holder", "--version", "v1")
    one.figures.add("rehearsal: version 1", said.printed.strip().splitlines()[-1][:110], good=True)


def write_list(one: Rehearsal) -> Path:
    """A list as LAION publishes them: joined scores and the MD5 of two years ago, right for nine rows of ten."""
    rng = np.random.default_rng(5)
    count = len(one.pairs)
    safety = _planted_safety(rng, count)
    draw = rng.random(count)
    known = [None if chance < 0.05 else _md5(b"older" if chance < 0.1 else pair.file.read_bytes())
             for pair, chance in zip(one.pairs, draw, strict=True)]  # fmt: skip
    sizes = [_size(pair.file) for pair in one.pairs]
    table = pa.table({
        "SAMPLE_ID": pa.array(range(count), pa.int64()), "URL": [pair.url for pair in one.pairs],
        "TEXT": [pair.text for pair in one.pairs], "WIDTH": pa.array([w for w, _ in sizes], pa.int32()),
        "HEIGHT": pa.array([h for _, h in sizes], pa.int32()), "similarity": pa.array(rng.normal(0.3, 0.05, count)),
        "punsafe": pa.array(safety, pa.float32()), "md5": known,
    })  # fmt: skip
    pq.write_table(table, one.work / "list.parquet")
    return one.work / "list.parquet"


def _planted_safety(rng: np.random.Generator, count: int) -> NDArray[np.float64]:
    """Scores as Re-LAION found them: 1.12 % above 0.95, 3.04 % above 0.45 (safety.md 1.1)."""
    kind = rng.random(count)
    low, middle, high = (
        rng.beta(0.5, 3, count) * SAFE,
        rng.uniform(SAFE, RESEARCH, count),
        rng.uniform(RESEARCH, 1, count),
    )
    return np.where(kind < 0.0112, high, np.where(kind < 0.0304, middle, low))


def find(one: Rehearsal) -> None:
    """The lists come in; no picture can be opened, because none is there."""
    by_pdq, by_md5 = one.bad[:BAD_BY_PDQ], one.bad[BAD_BY_PDQ:]
    rng = np.random.default_rng(6)
    foreign = [rng.bytes(16).hex() for _ in range(50_000)]
    hashes, pdq = one.work / "partner.md5", one.work / "partner.pdq"
    hashes.write_text("".join(f"{line}\n" for line in sorted(foreign + [_md5(file.read_bytes()) for file in by_md5])))
    lines = [f"{_pdq(_smaller(file))[0]:064x}" for file in by_pdq] + [rng.bytes(32).hex() for _ in range(2_000)]
    pdq.write_text("".join(f"{line}\n" for line in lines))
    with tars_away(one) as away:
        said = one.dataset("takedown add", "--hashes", hashes, "--pdq", pdq, "--reason", "illegal", "--authority", "rehearsal 1",
                           "--yes-so-many", keys=False, register=True)  # fmt: skip
    found = said.number(r"([\d,]+) of [\d,]+ rows match")
    rows = sum(pair.url in one.bad_urls for pair in one.pairs)
    one.figures.add("rehearsal: rows that lists name (8 pictures by MD5, 4 by PDQ of smaller copies), found; tars out of reach meanwhile",
                    f"{rows}, {found}; {away} of {away}", good=found == rows and away > 0)  # fmt: skip
    one.figures.add(
        "rehearsal: seconds for 50,008 MD5 and 2,004 PDQ against all rows", f"{said.seconds:.1f}", good=True
    )


@contextmanager
def tars_away(one: Rehearsal) -> Iterator[int]:
    """Takes every tar of the store away, and puts it back: what is done meanwhile is done without them."""
    aside = one.work / "aside"
    moved = []
    for path in [path for path in (one.store / "objects").rglob("*") if path.is_file() and _is_tar(path)]:
        target = aside / path.relative_to(one.store)
        target.parent.mkdir(parents=True, exist_ok=True)
        path.rename(target)
        moved.append((target, path))
    try:
        yield len(moved)
    finally:
        for target, path in moved:
            target.rename(path)


def reissue(one: Rehearsal) -> None:
    """Cut at once; then research and research-safe, which can be published."""
    cut = one.dataset("takedown cut", register=True)
    one.figures.add(
        "rehearsal: cut at once", f"{cut.printed.strip().splitlines()[-1][-60:]}, {cut.seconds:.1f} s", good=True
    )
    for name, above in (("research", RESEARCH), ("research-safe", SAFE)):
        policy = one.work / f"{name}.toml"
        policy.write_text(_POLICY.format(above=above))
    research = one.dataset("reissue", "--policy", one.work / "research.toml", "--burial", str(BURIAL), "--yes-so-many",
                           "--diff", one.work / "research.diff", register=True)  # fmt: skip
    one.call("dataset", "tag", one.store, "research")
    safe = one.dataset("reissue", "--policy", one.work / "research-safe.toml", "--burial", str(BURIAL), "--as", "research-safe",
                       register=True)  # fmt: skip
    for name, said in (("research", research), ("research-safe", safe)):
        line = next(text for text in said.printed.splitlines() if "rows before" in text)
        numbers = [int(word.replace(",", "")) for word in line.split() if word[0].isdigit()]
        one.figures.add(
            f"rehearsal: {name}", f"{line.strip()}; {said.seconds:.1f} s", good=numbers[0] - numbers[1] == numbers[2]
        )
    gone = set(ids_of(one, "v1")) - set(ids_of(one, "research"))
    one.figures.add("rehearsal: rows of bad pictures in research, research-safe",
                    f"{_bad_rows(one, 'research')}, {_bad_rows(one, 'research-safe')}",
                    good=not _bad_rows(one, "research") and not _bad_rows(one, "research-safe") and bool(gone))  # fmt: skip


def prove_subset(one: Rehearsal) -> None:
    """research-safe is a part of research, which is a part of version 1: by a proof that needs no row, and by the ids."""
    for smaller, larger in (("research-safe", "research"), ("research", "v1")):
        inside, outside = ids_of(one, smaller), ids_of(one, larger)
        proof = one.work / f"{smaller}.proof"
        one.call("dataset", "prove", "subset", one.store, larger, smaller, "-o", proof)
        said = one.call("dataset", "prove", "check", proof, "--author", author_of(one))
        one.figures.add(f"rehearsal: {smaller} is a proper part of {larger}: rows; what the proof shows by itself",
                        f"{len(inside):,} of {len(outside):,}; {said.printed.strip().splitlines()[-1][:100]}",
                        good=set(inside) < set(outside))  # fmt: skip
        one.call("dataset", "prove", "subset", one.store, smaller, larger, "-o", one.work / "wrong.proof", code=2)
    one.figures.add("rehearsal: the same proof the other way round", "refused", good=True)


def author_of(one: Rehearsal) -> str:
    """The publisher's public key, as a holder knows it."""
    return str(json.loads(one.call("dataset", "show", one.store, "--json").printed)["author"])


def holder_applies(one: Rehearsal) -> None:
    """A holder's copy of version 1 becomes research, byte for byte, by the diff alone."""
    one.call("dataset", "checkout", one.store, one.work / "research", "--version", "research")
    said = one.call("dataset", "apply", one.work / "research.diff", "--local", one.work / "holder", "--author", author_of(one),
                    "--keys", one.work / "holder-keys", "--receipt", one.work / "receipt.json")  # fmt: skip
    theirs, ours = _files(one.work / "holder"), _files(one.work / "research")
    same = sum(theirs.get(name) == digest for name, digest in ours.items())
    extra = [name for name in theirs if name not in ours]
    one.figures.add("rehearsal: files of the holder's copy after the diff that are research's, byte for byte; others",
                    f"{same} of {len(ours)}; {len(extra)}; {said.seconds:.1f} s", good=same == len(ours) and not extra)  # fmt: skip
    size = sum(path.stat().st_size for path in (one.work / "research").rglob("*") if path.is_file())
    one.figures.add("rehearsal: bytes of the diff, of research; of the receipt, signed by the holder",
                    f"{(one.work / 'research.diff').stat().st_size:,}, {size:,}; {(one.work / 'receipt.json').stat().st_size:,}",
                    good=True)  # fmt: skip


def attackers(one: Rehearsal) -> None:
    """Whoever has version 1 and research, and wants to know which removals were for cause."""
    before, left = rows_of(one, "v1"), set(ids_of(one, "research"))
    gone = before.filter(pa.array([uid not in left for uid in values_of(before, "content_id")]))
    groups = gone.group_by("sha256").aggregate([])
    bad = {_digest(file) for file in one.bad}
    real = np.array([digest in bad for digest in values_of(groups, "sha256")])
    found = attack(ways_of(gone, before, values_of(groups, "sha256")), real)
    one.figures.add("rehearsal: advantage of the best simple attacker on the diff", found.told(), good=not found.leaks)
    planted = attack({"the answer": real.astype(np.float64) + np.random.default_rng(1).normal(0, 0.2, len(real))}, real)
    one.figures.add("rehearsal: the same statistic, where the answer was published with some noise", found_told(planted.advantage),
                    good=planted.leaks)  # fmt: skip


def found_told(advantage: float) -> str:
    """Of an attack that has to succeed."""
    return f"{advantage:.2f}: it would be seen"


def ways_of(gone: pa.Table, before: pa.Table, digests: Sequence[str]) -> dict[str, NDArray[np.float64]]:
    """Numbers for each removed picture: order, position, shard, host, time, scores, sizes, copies, words."""
    hosts = [str(urlsplit(url).hostname) for url in values_of(gone, "url")]
    of_all = [str(urlsplit(url).hostname) for url in values_of(before, "url")]
    size = {host: of_all.count(host) for host in set(of_all)}
    lost = {host: hosts.count(host) / size[host] for host in set(hosts)}
    plain = {
        name: np.asarray(values_of(gone, name), np.float64)
        for name in (
            "place",
            "shard",
            "punsafe",
            "fetched_at",
            "body_bytes",
            "width",
            "height",
            "original_width",
            "SAMPLE_ID",
        )
    }
    plain |= {
        "order in the diff": np.argsort(np.argsort(values_of(gone, "content_id"))).astype(np.float64),
        "share of its host that is gone": np.array([lost[host] for host in hosts]),
        "rows of its host": np.array([size[host] for host in hosts], np.float64),
        "characters of its caption": np.array([len(text) for text in values_of(gone, "caption")], np.float64),
        "characters of its address": np.array([len(text) for text in values_of(gone, "url")], np.float64),
        "area": plain["width"] * plain["height"],
    }
    rows: dict[str, list[int]] = {}
    for place, digest in enumerate(values_of(gone, "sha256")):
        rows.setdefault(digest, []).append(place)
    ways = {
        f"{word} {name}": np.array([take(values[rows[digest]]) for digest in digests], np.float64)
        for name, values in plain.items()
        for word, take in (("mean of", np.mean), ("least", np.min), ("largest", np.max))
    }
    ways["rows of the same picture"] = np.array([len(rows[digest]) for digest in digests], np.float64)
    return ways


def purge(one: Rehearsal) -> None:
    """Bytes and metadata of the bad rows leave every version; then everything is searched for them."""
    needles = needles_of(one)
    controls = finds_what_is_planted(needles, one.work / "control")
    shutil.rmtree(one.work / "control")
    there = Leaks(needles)
    there.search([one.store])
    one.figures.add("rehearsal: before the purge, needles that the search finds in the store",
                    f"{len({name for name, _ in there.found})} of {len(set(needles.values()))}; control {'found' if controls else 'NOT found'}",
                    good=controls and len({name for name, _ in there.found}) == len(set(needles.values())))  # fmt: skip
    names = [path.name for path in one.register.iterdir() if path.name.startswith("T-")]
    said = one.dataset("purge", *sorted(names), register=True)
    after = Leaks(needles)
    after.search([one.store])
    for what, path in sorted(after.found)[:10]:
        print(f"  {what}: in {path}", flush=True)
    one.figures.add("rehearsal: after it, files and MB searched, hits; seconds of the purge",
                    f"{after.files:,}, {after.searched_bytes / 1e6:,.0f}, {len(after.found)}; {said.seconds:.1f}", good=not after.found)  # fmt: skip
    for version in ("v1", "research", "research-safe"):
        said = one.call("dataset", "verify", one.store, "--version", version)
        one.figures.add(f"rehearsal: {version} still verifies", said.printed.strip().splitlines()[-1][:110], good=True)


def needles_of(one: Rehearsal) -> dict[bytes, str]:
    """What must not be found any more: bytes of the pictures as stored, digests, addresses, captions of their own."""
    urls, captions = one.bad_urls, {pair.text for pair in one.pairs if pair.url not in one.bad_urls}
    needles: dict[bytes, str] = {}
    for number, file in enumerate(one.bad):
        body = file.read_bytes()
        for kind in ("md5", "sha1", "sha256"):
            digest = hashlib.new(kind, body).hexdigest()
            needles |= dict.fromkeys((digest.encode(), bytes.fromhex(digest)), f"{kind} of picture {number}")
    for number, url in enumerate(sorted(urls)):
        needles |= dict.fromkeys((url.encode(),), f"address {number}")
    for number, text in enumerate(sorted({pair.text for pair in one.pairs if pair.url in urls} - captions)):
        if len(text) > 12:
            needles |= dict.fromkeys((text.encode(), json.dumps(text)[1:-1].encode()), f"caption {number}")
    others = b"".join(_stored(one, frozenset(pair.url for pair in one.pairs) - urls))
    for number, image in enumerate(_stored(one, urls)):
        middle = image[len(image) // 2 : len(image) // 2 + 64]
        if middle not in others:  # the corpus has drawings in two formats, which are one picture when they are stored
            needles[middle] = f"bytes of stored picture {number}"
    return needles


def never_again(one: Rehearsal) -> None:
    """A part of version 1's list is rebuilt once more, with the register: what was removed stays away."""
    rows = pq.read_table(one.work / "list.parquet").to_pylist()
    part = [row for place, row in enumerate(rows) if row["URL"] in one.bad_urls or place % 10 == 0]
    pq.write_table(pa.Table.from_pylist(part), one.work / "again.parquet")
    with served(one.pairs) as address:
        one.call("rebuild", one.work / "again.parquet", "-o", one.work / "again", *local(address), "--policy", "refresh",
                 "--output_format", "webdataset", "--url_col", "URL", "--caption_col", "TEXT", "--thread_count", "32",
                 "--removals", one.register)  # fmt: skip
    tables = [
        pq.read_table(path, columns=["url", "status"]).to_pylist()
        for path in sorted((one.work / "again").glob("*.parquet"))
    ]
    kept = [row["url"] for table in tables for row in table if row["status"] == "success"]
    bad = [url for url in kept if url in one.bad_urls]
    research = rows_of(one, "research")
    there = set(zip(values_of(research, "url"), values_of(research, "caption"), strict=True))
    expected = sum((row["URL"], row["TEXT"]) in there for row in part)
    one.figures.add("rehearsal: the old list rebuilt with the register: bad rows that came back, of; others, of those in research",
                    f"{len(bad)}, {sum(row['URL'] in one.bad_urls for row in part)}; {len(kept):,}, {expected:,}",
                    good=not bad and len(kept) >= expected > 0)  # fmt: skip


@contextmanager
def served(pairs: Sequence[Pair]) -> Iterator[str]:
    """The pictures at their own addresses."""
    web = SmallWeb()
    for url, file in {pair.url: pair.file for pair in pairs}.items():
        web.bodies[url] = file.read_bytes()
    with web.served() as address:
        yield address


def local(address: str) -> list[str]:
    """What is said of a web that stands on this machine."""
    settings = (
        'fetch.allow_networks=["127.0.0.1/32"]', f'fetch.hosts={{"*.test" = "{address}"}}', "fetch.contact=mailto:nobody@example.org",
        "manners.requests_at_once=32", "manners.seconds_between_requests=0", "output.placeholder_addresses=0",
        'decode.hashes=["md5", "sha1", "phash", "pdq"]',
    )  # fmt: skip
    return [word for setting in settings for word in ("--set", setting)]


def rows_of(one: Rehearsal, version: str) -> pa.Table:
    """All rows of a version, from a checkout, with shard and place."""
    folder = one.work / f"rows-{version}"
    if not folder.exists():
        one.call("dataset", "checkout", one.store, folder, "--version", version)
    tables = []
    for number, path in enumerate(sorted(folder.rglob("[0-9]*.parquet"))):
        table = pq.read_table(path)
        tables.append(
            table.append_column("shard", pa.array([number] * len(table))).append_column(
                "place", pa.array(range(len(table)))
            )
        )
    return pa.concat_tables(tables, promote_options="permissive")


def ids_of(one: Rehearsal, version: str) -> list[str]:
    """Ids of all rows of a version."""
    return values_of(rows_of(one, version), "content_id")


def values_of(table: pa.Table, name: str) -> list[Any]:
    """A column's values."""
    return list(table.column(name).to_pylist())


def _bad_rows(one: Rehearsal, version: str) -> int:
    return sum(url in one.bad_urls for url in values_of(rows_of(one, version), "url"))


def _stored(one: Rehearsal, urls: frozenset[str]) -> list[bytes]:
    """Bad pictures as they stand in the tars of version 1."""
    from benchmarks.rebuild.golden import images_of

    found = []
    for path in sorted((one.work / "set").glob("*.parquet")):
        rows = pq.read_table(path, columns=["key", "url", "status"]).to_pylist()
        wanted = [row["key"] for row in rows if row["url"] in urls and row["status"] == "success"]
        images = images_of(path.with_suffix(".tar")) if wanted else {}
        found += [images[key] for key in wanted]
    return found


def _files(folder: Path) -> dict[str, str]:
    return {
        path.name: _digest(path)
        for path in folder.rglob("*")
        if path.is_file() and path.suffix in {".tar", ".parquet"} and path.stem.isdigit()
    }


def _is_tar(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(265)[257:262] == b"ustar"


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _md5(body: bytes) -> str:
    return hashlib.md5(body, usedforsecurity=False).hexdigest()


def _size(file: Path) -> tuple[int, int]:
    with Image.open(file) as opened:
        return opened.size


def _smaller(file: Path) -> Image.Image:
    image = on_white(file)
    return image.resize((max(32, image.width * 3 // 4), max(32, image.height * 3 // 4)))


def _pdq(image: Image.Image) -> tuple[int, int]:
    from crawler.picture.hashes import looks_of

    looks = looks_of(image)
    return looks.pdq, looks.pdq_quality
