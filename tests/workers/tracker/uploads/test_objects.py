from __future__ import annotations

import base64
import hashlib
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.tracker.uploads import is_upload_id, new_upload_id
from workers.tracker.uploads.checksums import ALGORITHMS, parse_checksum, sha256_of
from workers.tracker.uploads.objects import BusyError, ObjectFolder

UPLOAD = "ab" + "0" * 30
OTHER = "ab" + "1" * 30


def write(folder: ObjectFolder, upload: str, body: bytes) -> None:
    with folder.opened(upload, make=True) as found:
        assert found is not None
        found.append(body)
        found.flush()


def test_an_object_grows_is_cut_and_is_removed_with_its_folder(tmp_path: Path) -> None:
    folder = ObjectFolder(tmp_path / "objects")
    assert folder.durable_length(UPLOAD) == 0
    write(folder, UPLOAD, b"abc")
    write(folder, UPLOAD, b"def")
    write(folder, OTHER, b"other")
    assert folder.path(UPLOAD).read_bytes() == b"abcdef"
    with folder.opened(UPLOAD, make=False) as found:
        assert found is not None
        found.cut(2)
        assert (found.length, found.is_sealed) == (2, False)
    assert folder.found() == {UPLOAD: 2, OTHER: 5}
    assert folder.remove(UPLOAD)
    assert folder.remove(UPLOAD)
    assert folder.found() == {OTHER: 5}
    assert folder.remove(OTHER)
    assert list(folder.root.iterdir()) == []


def test_one_who_writes_shuts_out_all_others(tmp_path: Path) -> None:
    folder = ObjectFolder(tmp_path)
    with folder.opened(UPLOAD, make=True):
        with pytest.raises(BusyError), folder.opened(UPLOAD, make=True):
            raise AssertionError
        assert not folder.remove(UPLOAD)
    assert folder.remove(UPLOAD)


def test_who_opened_it_before_it_was_removed_writes_to_nothing_that_others_cannot_see(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = ObjectFolder(tmp_path)
    write(folder, UPLOAD, b"abc")
    really = os.open

    def overtaken(path: os.PathLike[str], flags: int, mode: int = 0o777) -> int:
        handle = really(path, flags, mode)
        folder.path(UPLOAD).unlink()  # by another process, between the opening and the lock
        return handle

    monkeypatch.setattr(os, "open", overtaken)
    with pytest.raises(BusyError), folder.opened(UPLOAD, make=False):
        raise AssertionError


def test_a_link_in_the_place_of_an_object_is_not_followed(tmp_path: Path) -> None:
    folder = ObjectFolder(tmp_path / "objects")
    (tmp_path / "secret").write_bytes(b"secret")
    folder.path(UPLOAD).parent.mkdir(parents=True)
    folder.path(UPLOAD).symlink_to(tmp_path / "secret")
    with pytest.raises(OSError, match="Too many levels"):
        folder.durable_length(UPLOAD)
    with pytest.raises(OSError, match="Too many levels"), folder.opened(UPLOAD, make=True):
        raise AssertionError
    assert (tmp_path / "secret").read_bytes() == b"secret"


@given(st.text())
def test_no_text_but_an_id_becomes_a_path(text: str) -> None:
    # invariant 25
    if not is_upload_id(text):
        with pytest.raises(ValueError, match="no upload has the id"):
            ObjectFolder(Path("objects")).path(text)


@given(st.from_regex(r"[0-9a-f]{32}\n?", fullmatch=True))
def test_every_id_has_a_path_below_the_folder(text: str) -> None:
    if is_upload_id(text):
        assert ObjectFolder(Path("objects")).path(text).parts == ("objects", text[:2], text)
    else:
        assert text.endswith("\n")
    assert is_upload_id(new_upload_id())


@given(st.text() | st.binary().map(lambda raw: "sha256 " + base64.b64encode(raw).decode()))
def test_any_header_is_a_checksum_or_none(header: str) -> None:
    checksum = parse_checksum(header)
    assert checksum is None or len(checksum.digest) == ALGORITHMS[checksum.algorithm]


@pytest.mark.parametrize("algorithm", sorted(ALGORITHMS))
def test_a_checksum_is_what_the_header_says(algorithm: str) -> None:
    digest = hashlib.new(algorithm, b"chunk").digest()
    checksum = parse_checksum(f"{algorithm} {base64.b64encode(digest).decode()}")
    assert checksum is not None
    begun = checksum.begun()
    begun.update(b"chunk")
    assert begun.digest() == checksum.digest == digest


@pytest.mark.parametrize("size", [0, 1, 2**20 - 1, 2**20, 2**20 + 1])
def test_the_hash_of_a_file_is_of_all_of_it_wherever_its_position_is(tmp_path: Path, size: int) -> None:
    body = b"x" * size
    (tmp_path / "file").write_bytes(body)
    with (tmp_path / "file").open("rb") as file:
        file.seek(0, os.SEEK_END)
        assert sha256_of(file.fileno()) == hashlib.sha256(body).hexdigest()
