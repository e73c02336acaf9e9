"""A web with pictures that a list names, each by one kind, among pictures that no list names; and the lists."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import CompletedProcess

from PIL import Image

from benchmarks.corpus_pairs import different_pictures, jpeg, on_white
from benchmarks.filter_cases.copies import COPIES, again
from benchmarks.leak_search import spellings_of_digest, spellings_of_text
from benchmarks.small_crawl import SmallWeb, pairtrawl
from crawler.picture.hashes import hashes_of
from crawler.picture.pdq import LEAST_QUALITY

LARGE = 256
CLEAN = 150  # pictures that no list names
#: what is listed; ten pictures of one filter at most, for more would trip its breaker
_EXACT = ("md5", "sha1", "sha1 in base32", "sha256")
_ADDRESSES = ("url", "url_md5", "url_sha1", "url_sha256", "domain")
_PDQ = ("JPEG quality 30", "half the size", "mirrored", "rotated by 90 degrees")


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a list, and the picture that it names."""

    what: str  # a name that may be printed
    kind: str  # as lists say it
    value: str
    filter: str  # which must take the picture out
    url: str  # of the picture
    caption: str

    @property
    def spellings(self) -> set[bytes]:
        """Every way in which the entry might be written."""
        if self.kind in {"url", "domain"}:
            return spellings_of_text(self.value)
        in_hex = len(self.value) in {16, 32, 40, 64} and "base32" not in self.what
        return spellings_of_digest(bytes.fromhex(self.value) if in_hex else base64.b32decode(self.value.upper()))


@dataclass(slots=True)
class Planted:
    """The web, and what of it is listed."""

    web: SmallWeb = field(default_factory=SmallWeb)
    entries: list[Entry] = field(default_factory=list)
    clean: set[str] = field(default_factory=set)  # addresses that no list names

    def add(self, what: str, kind: str, value: str, by: str, body: bytes, url: str = "") -> None:
        """A picture that the list names."""
        number = len(self.entries)
        address = url or f"http://listed-{number}.test/{hashlib.sha256(body).hexdigest()[:10]}.jpg"
        caption = f"planted caption zq{number:03d}x of {what}"
        self.entries.append(Entry(what, kind, value, by, address, caption))
        self.web.add(address, body, caption)


def plant(web: Path) -> Planted:
    """Pictures of the corpus: some listed by every kind, and CLEAN others."""
    pictures = large_pictures(web, CLEAN + 16)
    planted = Planted()
    for number, picture in enumerate(pictures[:CLEAN]):
        url = f"http://clean.test/{number}.jpg"
        planted.web.add(url, jpeg(picture), f"a picture that nobody minds, number {number}")
        planted.clean.add(url)
    rest = iter(pictures[CLEAN:])
    for what in _EXACT:
        body = jpeg(next(rest))
        name = what.partition(" ")[0]
        digest = hashlib.new(name, body).digest()
        value = base64.b32encode(digest).decode() if "base32" in what else digest.hex()
        planted.add(what, name, value, "hash_removal", body)
    for what in _ADDRESSES:
        body = jpeg(next(rest))
        host = f"xk{what.replace('_', '')}7f3q.test"
        url = f"http://{host}/hidden/{what}-9d2c.jpg"
        value = {"url": url, "domain": host}.get(what) or hashlib.new(
            what.removeprefix("url_"), url.encode()
        ).hexdigest()
        planted.add(what, what, value, "url_removal", body, url)
    for what in _PDQ:
        picture = next(rest)
        value = f"{hashes_of(b'', picture).pdq:064x}"
        planted.add(f"pdq of a picture, {what}", "pdq", value, "pdq_removal", jpeg(COPIES[what][0](picture)))
    picture = next(rest)
    value = f"{hashes_of(b'', picture).phash:016x}"
    planted.add("phash of a picture, JPEG quality 60", "phash", value, "phash_removal", jpeg(again(picture, 60)))
    return planted


def large_pictures(web: Path, number: int) -> list[Image.Image]:
    """So many pictures of the corpus, no two of which are look-alikes."""
    found: list[Image.Image] = []
    seen: list[tuple[int, int]] = []
    for file in different_pictures(web):
        picture = on_white(file)
        if min(picture.size) < LARGE:
            continue
        hashes = hashes_of(b"", picture)
        if hashes.pdq_quality < LEAST_QUALITY + 10 or not 11 <= hashes.phash.bit_count() <= 53:
            continue
        if all((hashes.pdq ^ pdq).bit_count() > 70 and (hashes.phash ^ phash).bit_count() > 10 for pdq, phash in seen):
            found.append(picture)
            seen.append((hashes.pdq, hashes.phash))
        if len(found) == number:
            return found
    raise AssertionError(f"the corpus has {len(found)} such pictures, not {number}")


def write_source(path: Path, entries: Iterable[Entry]) -> Path:
    """A list in the open, as a table of kind and value."""
    path.write_text("kind,value\n" + "".join(f"{one.kind},{one.value}\n" for one in entries))
    path.chmod(0o600)
    return path


def needles_of(entries: Sequence[Entry]) -> dict[bytes, str]:
    """Every spelling of every entry, with a name that may be printed."""
    return {spelling: one.what for one in entries for spelling in one.spellings}


@dataclass(frozen=True, slots=True)
class Vault:
    """A folder for lists and their key, readable for us alone."""

    folder: Path

    def __post_init__(self) -> None:
        """Make it, with a key."""
        self.folder.mkdir(mode=0o700)
        self.new_key("key")

    def new_key(self, name: str) -> Path:
        """One more key."""
        said(pairtrawl(["lists", "new-key", str(self.folder / name)]))
        return self.folder / name

    def compiled(self, name: str, entries: Iterable[Entry], *, days_ago: int = 0, key: str = "key") -> Path:
        """A confidential list of these entries; its source is removed."""
        source = write_source(self.folder / f"{name}.csv", entries)
        output = self.folder / f"{name}.ptlist"
        issued = dt.datetime.now(dt.UTC).date() - dt.timedelta(days=days_ago)
        words = ["lists", "compile", str(source), "--key", str(self.folder / key), "--output", str(output)]
        said(pairtrawl([*words, "--issued", str(issued)]))
        source.unlink()
        return output


def said(done: CompletedProcess[str]) -> None:
    """Raises where a command failed."""
    if done.returncode:
        raise AssertionError(done.stdout + done.stderr)
