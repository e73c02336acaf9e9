from __future__ import annotations

import hashlib
import io
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.tar import TarFile, member

NAMES = st.text("abcdefghijklmnopqrstuvwxyz0123456789._", min_size=1, max_size=100).filter(lambda one: one.strip("."))


@given(NAMES, st.binary(max_size=2_000))
def test_a_member_is_what_tarfile_would_write(name: str, content: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode, entry.uname, entry.gname = len(content), 0o444, "bigdata", "bigdata"
    expected = entry.tobuf(tarfile.USTAR_FORMAT) + content + b"\0" * (-len(content) % 512)
    assert member(name, content) == expected


@pytest.mark.parametrize("name", ["", "x" * 101, "ü.jpg"])
def test_a_name_that_does_not_fit_is_an_error(name: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - two kinds, both ours
        member(name, b"")


def write(path: Path, *contents: bytes) -> TarFile:
    with TarFile(path) as tar:
        for number, content in enumerate(contents):
            tar.add(f"{number:03d}.txt", content)
    return tar


def test_the_file_is_what_tarfile_would_write(tmp_path: Path) -> None:
    contents = (b"", b"a", b"b" * 511, b"c" * 512, b"d" * 513, b"e" * 9_000)
    tar = write(tmp_path / "a.tar", *contents)
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as expected:
        for number, content in enumerate(contents):
            entry = tarfile.TarInfo(f"{number:03d}.txt")
            entry.size, entry.mode, entry.uname, entry.gname = len(content), 0o444, "bigdata", "bigdata"
            expected.addfile(entry, io.BytesIO(content))
    assert (tmp_path / "a.tar").read_bytes() == out.getvalue()
    assert tar.bytes_written == len(out.getvalue())


def test_an_empty_tar_is_a_tar(tmp_path: Path) -> None:
    write(tmp_path / "a.tar")
    with tarfile.open(tmp_path / "a.tar") as tar:
        assert tar.getnames() == []


@pytest.mark.skipif(shutil.which("tar") is None, reason="no tar program on this machine")
def test_the_tar_program_reads_it_without_a_word(tmp_path: Path) -> None:
    write(tmp_path / "a.tar", b"first", b"second" * 1_000)
    done = subprocess.run(
        ["tar", "--extract", "--verbose", "--file", "a.tar"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert (done.stdout, done.stderr) == ("000.txt\n001.txt\n", "")
    assert (tmp_path / "001.txt").read_bytes() == b"second" * 1_000


@given(st.lists(st.tuples(NAMES, st.integers(0, 150_000)), max_size=8))
def test_a_tar_is_its_members_however_they_are_gathered_into_blocks(files: list[tuple[str, int]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        with TarFile(Path(folder) / "a.tar") as tar:
            for name, size in files:
                tar.add(name, b"x" * size)
        content = (Path(folder) / "a.tar").read_bytes()
    assert content.startswith(b"".join(member(name, b"x" * size) for name, size in files))
    assert (tar.bytes_written, tar.sha256) == (len(content), hashlib.sha256(content).hexdigest())
