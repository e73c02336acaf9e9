"""What every store of versions promises, wherever it lies; `make` gives its objects and its documents, empty."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from crawler.dataset.documents import Documents
from crawler.dataset.manifest import Stored
from crawler.dataset.objects import Objects
from crawler.errors import DatasetError


def stored(content: bytes) -> Stored:
    return Stored(hashlib.sha256(content).hexdigest(), len(content))


def check_objects(objects: Objects, folder: Path, *, large: int) -> None:
    """`large` is a size that the store writes in another way than small ones."""
    contents = [b"", b"small", bytes(range(256)) * (large // 256)]
    for content in contents:
        (folder / "file").write_bytes(content)
        assert objects.put(folder / "file") == stored(content)
        assert objects.put(folder / "file", stored(content)) == stored(content)
        assert objects.has(stored(content).sha256)
        assert objects.found(stored(content).sha256) == stored(content)
        assert objects.read(stored(content)) == content
        assert objects.open_local(stored(content)).read_bytes() == content
        assert objects.checked(stored(content)).read_bytes() == content
        objects.copy(stored(content), folder / "copy")
        assert (folder / "copy").read_bytes() == content
    assert objects.put_bytes(b"small") == stored(b"small")
    assert list(objects.listed()) == sorted(stored(content).sha256 for content in contents)
    _check_refusals(objects, folder, large)
    objects.forget(stored(b"small"))
    assert objects.read(stored(b"small")) == b"small"
    objects.delete(stored(b"small").sha256)
    objects.delete(stored(b"small").sha256)
    assert not objects.has(stored(b"small").sha256)
    assert objects.found(stored(b"small").sha256) is None
    for ask in (objects.open_local, objects.read, objects.checked):
        with pytest.raises(DatasetError, match=stored(b"small").sha256):
            ask(stored(b"small"))


def _check_refusals(objects: Objects, folder: Path, large: int) -> None:
    for size in (7, large):
        (folder / "file").write_bytes(b"x" * size)
        wrong = stored(b"y" * size)
        with pytest.raises(DatasetError, match="other bytes"):
            objects.put(folder / "file", wrong)
        assert not objects.has(wrong.sha256)
    for name in ("../../etc/passwd", "", "A" * 64):
        with pytest.raises(DatasetError, match="not a SHA-256"):
            objects.has(name)


def check_documents(documents: Documents) -> None:
    assert documents.read("refs/heads/main") is None
    assert not documents.swap("refs/heads/main", b"1", b"2")
    assert documents.read("refs/heads/main") is None
    assert documents.swap("refs/heads/main", None, b"1")
    assert not documents.swap("refs/heads/main", None, b"2")
    assert documents.swap("refs/heads/main", b"1", b"2")
    assert not documents.swap("refs/heads/main", b"1", b"3")
    assert documents.read("refs/heads/main") == b"2"
    assert documents.create("refs/tags/v1", b"2")
    assert not documents.create("refs/tags/v1", b"3")
    assert documents.read("refs/tags/v1") == b"2"
    for name in ("commits/ab.json", "commits/aa.json", "commits/b.json"):
        assert documents.create(name, b"{}")
    assert list(documents.names("commits/")) == ["commits/aa.json", "commits/ab.json", "commits/b.json"]
    assert list(documents.names("commits/a")) == ["commits/aa.json", "commits/ab.json"]
    assert list(documents.names("nothing/")) == []
    documents.delete("refs/heads/main")
    documents.delete("refs/heads/main")
    assert documents.read("refs/heads/main") is None


def check_that_one_wins(documents: Documents, *, tries: int, rounds: int) -> None:
    """So many swap at once from the same value, again and again: each time one of them gets through."""
    before: bytes | None = None
    with ThreadPoolExecutor(tries) as pool:
        for number in range(rounds):
            wanted = [b"%d by %d" % (number, one) for one in range(tries)]
            won = list(pool.map(lambda content: documents.swap("refs/heads/main", before, content), wanted))  # noqa: B023 - used at once
            assert won.count(True) == 1
            before = documents.read("refs/heads/main")
            assert before == wanted[won.index(True)]
