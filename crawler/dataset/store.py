"""A store of versions: objects, signed commits, refs, tags, redactions. On this machine, or in a bucket.

Whatever is read is believed only as far as its digest or its signature goes: a store may lie on somebody else's disk.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec

from crawler.dataset import refs
from crawler.dataset.canonical import canonical
from crawler.dataset.documents import Documents, LocalDocuments
from crawler.dataset.keys import Keys
from crawler.dataset.manifest import Commit, Redaction, Shard, Stored
from crawler.dataset.objects import LocalObjects, Objects
from crawler.dataset.shard_lists import read_shards, write_shards
from crawler.dataset.signed import commit_in, redaction_in, signed_commit, signed_redaction
from crawler.errors import DatasetError, InputError, RefMovedError

STORE_FORMAT = "pairtrawl-dataset-1"


class About(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`dataset.json`: what makes a folder or a prefix a store."""

    name: str  # of the data set
    author: str  # public key of who founded it, hex
    format: str = STORE_FORMAT


@dataclass(frozen=True, slots=True)
class Store:
    """One store. Methods raise StoreUnavailableError where a bucket fails, and OSError where a disk does."""

    address: str
    about: About
    objects: Objects
    documents: Documents
    #: a folder of this machine for what can be made again: downloads, statistics
    cache: Path

    def read_commit(self, wanted: str) -> tuple[str, Commit]:
        """A version and its id, by a ref, a tag, an id, or at least six digits of one; its signature is verified.

        Raises:
            InputError: there is no such version, or several begin so.
            DatasetError: it is not what its id and its author's signature say.
        """
        found = self._find(wanted)
        return found, self._signed_commit(found)

    def write_commit(self, commit: Commit, keys: Keys) -> str:
        """Sign and store a version; returns its id. No ref is moved.

        Raises:
            ValueError: `commit.author` is not the keys' own.
        """
        found, document = signed_commit(commit, keys)
        self.documents.create(f"commits/{found}.json", document)
        return found

    def ref(self, name: str) -> str | None:
        """The commit that a line of versions has come to; None where there is no such line.

        Raises:
            InputError: this cannot be the name of one.
            DatasetError: what stands there is no id.
        """
        return refs.pointer(self.documents, "heads", name)

    def move_ref(self, name: str, expect: str | None, to: str) -> None:
        """Let a ref go from one commit to another, as one step; None where it is new.

        Raises:
            RefMovedError: it stands elsewhere: somebody else was first.
            InputError: this cannot be a name.
        """
        before = None if expect is None else expect.encode() + b"\n"
        if not self.documents.swap(refs.place("heads", name), before, to.encode() + b"\n"):
            raise RefMovedError(
                f"{self.address}: {name} is no longer at {expect[:12] if expect else 'its beginning'}: somebody else "
                "has committed. Nothing is lost; run the same command again, and it goes on from there"
            )

    def tag(self, name: str, commit: str) -> None:
        """Name a commit, for good.

        Raises:
            InputError: this cannot be a name, or is the name of another commit.
        """
        if not self.documents.create(refs.place("tags", name), commit.encode() + b"\n"):
            there = refs.pointer(self.documents, "tags", name)
            if there != commit:
                raise InputError(f"tag {name} names {str(there)[:12]} and is never moved; choose another name")

    def refs(self) -> dict[str, str]:
        """Every line of versions, and the commit that it has come to."""
        return dict(refs.pointers(self.documents, "heads"))

    def tags(self) -> dict[str, str]:
        """Every tag and its commit."""
        return dict(refs.pointers(self.documents, "tags"))

    def commits(self) -> Iterator[str]:
        """The ids of all commits, refs or not, in order."""
        for name in self.documents.names("commits/"):
            if refs.is_id(found := name[len("commits/") : -len(".json")]):
                yield found

    def history(self, commit: str) -> Iterator[tuple[str, Commit]]:
        """A commit and all that it came from, each once, the nearest first.

        Raises:
            DatasetError: one of them is missing or not what it should be.
        """
        seen, ahead = {commit}, [commit]
        while ahead:
            found = ahead.pop(0)
            read = self._signed_commit(found)
            yield found, read
            fresh = [one for one in read.parents if one not in seen]
            seen.update(fresh)
            ahead += fresh

    def shards(self, commit: Commit) -> Iterator[Shard]:
        """The shards of a version, in order, streamed.

        Raises:
            DatasetError: the list of shards is missing, or not as it should be.
        """
        return read_shards(self.objects.open_local(commit.shards))

    def write_shards(self, shards: Iterable[Shard]) -> Stored:
        """Store a list of shards, streamed.

        Raises:
            ValueError: names do not ascend.
        """
        with tempfile.TemporaryDirectory(prefix="pairtrawl-shards-") as folder:
            path = Path(folder) / "shards.jsonl"
            write_shards(shards, path)
            return self.objects.put(path)

    def redaction(self, sha256: str) -> Redaction | None:
        """What stands in for a purged object; None for one that was not. Its signature is verified.

        Where the stand-in was purged in its turn, ask for its redaction, too.

        Raises:
            DatasetError: it is not what its author's signature says.
        """
        name = f"redactions/{_digest(sha256)}.json"
        document = self.documents.read(name)
        return None if document is None else redaction_in(document, sha256, f"{self.address}: {name}")

    def write_redaction(self, redaction: Redaction, keys: Keys) -> None:
        """Sign a redaction (its author and signature are filled in) and store it.

        Raises:
            DatasetError: the object has another one already; redact what stands in for it instead.
        """
        document = signed_redaction(redaction, keys)
        name = f"redactions/{_digest(redaction.object)}.json"
        if not self.documents.create(name, document) and self.documents.read(name) != document:
            raise DatasetError(f"{self.address}: {name} is there already; redact what stands in for the object")

    def tidy(self) -> None:
        """Remove what killed processes left half-written; what living ones are writing stays."""
        self.objects.tidy()

    def _find(self, wanted: str) -> str:
        if refs.is_id(wanted):
            return wanted
        if refs.is_name(wanted):
            for kind in ("heads", "tags"):
                if found := refs.pointer(self.documents, kind, wanted):
                    return found
        if refs.is_id_prefix(wanted):
            names = list(self.documents.names(f"commits/{wanted}"))
            if len(names) == 1:
                return names[0][len("commits/") : -len(".json")]
            if names:
                raise InputError(f"{self.address}: {len(names)} versions begin with {wanted}; write more digits")
        lines = ", ".join(sorted(self.refs())) or "none yet"
        raise InputError(f"{self.address}: no version {wanted!r}; lines of versions: {lines}; or name a tag or an id")

    def _signed_commit(self, wanted: str) -> Commit:
        name = f"commits/{_digest(wanted)}.json"
        document = self.documents.read(name)
        if document is None:
            raise DatasetError(f"{self.address}: {name} is missing; restore it from a backup")
        return commit_in(document, wanted, f"{self.address}: {name}")


def open_store(address: str, *, cache: Path | None = None) -> Store:
    """The store in a folder or at `s3://BUCKET/PREFIX` (of another endpoint by AWS_ENDPOINT_URL).

    Args:
        address: where it is.
        cache: of a bucket, where downloads lie; default: a folder of this user's own.

    Raises:
        InputError: there is no store.
        DatasetError: its `dataset.json` cannot be read.
        StoreUnavailableError: the bucket cannot be reached.
        MissingPackageError: the extra s3 is not installed.
    """
    objects, documents, own = _parts(address, cache)
    held = documents.read("dataset.json")
    if held is None:
        raise InputError(f"{address}: is no store of versions; make one with `pairtrawl dataset init {address}`")
    try:
        about = msgspec.json.decode(held, type=About)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise DatasetError(f"{address}: dataset.json cannot be read: {error}; restore it from a backup") from error
    if about.format != STORE_FORMAT:
        raise DatasetError(f"{address}: is of format {about.format!r}; use a newer pairtrawl")
    return Store(address, about, objects, documents, own)


def new_store(address: str, name: str, keys: Keys, *, cache: Path | None = None) -> Store:
    """Make a store for a data set of this name; one that is there for the same name and key is what is returned.

    Raises:
        InputError: the folder holds other files, or a store of another name or author.
        StoreUnavailableError, MissingPackageError: as `open_store`.
    """
    objects, documents, own = _parts(address, cache)
    about = About(name, keys.author)
    if isinstance(objects, LocalObjects):
        _refuse_foreign_files(Path(address))
    documents.create("dataset.json", canonical(about) + b"\n")
    store = open_store(address, cache=cache)
    if store.about != about:
        raise InputError(f"{address}: holds the data set {store.about.name!r} of {store.about.author[:12]} already")
    return Store(address, about, objects, documents, own)


def _parts(address: str, cache: Path | None) -> tuple[Objects, Documents, Path]:
    if address.startswith("s3://"):
        from crawler.dataset.bucket import bucket_of  # noqa: PLC0415 - optional, and heavy
        from crawler.dataset.s3 import S3Documents, S3Objects  # noqa: PLC0415 - optional, heavy

        bucket = bucket_of(address)
        objects = S3Objects(bucket, cache or own_cache(address))
        return objects, S3Documents(bucket), objects.cache
    if "://" in address:
        raise InputError(f"{address}: a store is a folder or s3://BUCKET/PREFIX")
    local = LocalObjects(Path(address))
    return local, LocalDocuments(Path(address)), cache or Path(address) / "cache"


def own_cache(address: str) -> Path:
    """Where downloads of a bucket lie on this machine, for this user alone."""
    name = hashlib.sha256(address.encode("utf-8", "surrogateescape")).hexdigest()[:16]
    return Path.home() / ".cache" / "pairtrawl" / "dataset" / name


def _refuse_foreign_files(folder: Path) -> None:
    if folder.exists() and not (folder / "dataset.json").exists() and any(folder.iterdir()):
        raise InputError(f"{folder}: holds other files; a store begins in an empty folder")


def _digest(sha256: str) -> str:
    if not refs.is_id(sha256):
        raise DatasetError(f"{sha256!r} is not a SHA-256 in hex")
    return sha256
