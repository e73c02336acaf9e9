"""The index of a tar: what it says of where things lie is so, whoever wrote the tar."""

from __future__ import annotations

import hashlib
import io
import tarfile
from pathlib import Path

import pytest

from crawler.dataset.tar_index import index_of, read_index, written_index
from crawler.errors import DatasetError, InputError
from crawler.tar import TarFile, member
from workers.export.spans import spans_of

PICTURE = b"a picture " * 70
SAMPLE = (("0001.jpg", PICTURE), ("0001.json", b"{}"), ("0001.txt", b"a boat"))
SECOND = (("0002.txt", b"no picture"),)


def written(path: Path, *members: tuple[str, bytes], form: int = tarfile.USTAR_FORMAT) -> Path:
    with tarfile.open(path, "w", format=form) as tar:
        for name, content in members:
            header = tarfile.TarInfo(name)
            header.size = len(content)
            header.mtime = 1_700_000_000.5 if form == tarfile.PAX_FORMAT else 0  # as webdataset writes it
            tar.addfile(header, io.BytesIO(content))
    return path


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_pictures_lie_where_the_index_says_and_spans_hold_their_samples_alone(tmp_path: Path, form: int) -> None:
    path = written(tmp_path / "a.tar", *SAMPLE, *SECOND, form=form)
    first, second = index_of(path).to_pylist()
    content = path.read_bytes()
    assert (first["key"], second["key"]) == ("0001", "0002")
    assert content[first["image_offset"] :][: first["image_bytes"]] == PICTURE
    assert first["image_sha256"] == hashlib.sha256(PICTURE).hexdigest()
    assert (second["image_offset"], second["image_sha256"]) == (None, None)
    cut = content[: first["offset"]] + content[first["offset"] + first["bytes"] :]
    with tarfile.open(fileobj=io.BytesIO(cut)) as left:
        assert [(one.name, left.extractfile(one).read()) for one in left] == list(SECOND)  # type: ignore[union-attr]  # a file


def test_our_own_writer_and_tarfile_give_the_same_index(tmp_path: Path) -> None:
    with TarFile(tmp_path / "ours.tar") as tar:
        for name, content in (*SAMPLE, *SECOND):
            tar.add(name, content)
    assert index_of(tmp_path / "ours.tar").equals(index_of(written(tmp_path / "theirs.tar", *SAMPLE, *SECOND)))


def test_names_too_long_for_a_header_are_found_all_the_same(tmp_path: Path) -> None:
    long = "x" * 300
    path = written(tmp_path / "a.tar", *SAMPLE, (f"{long}.webp", PICTURE), form=tarfile.GNU_FORMAT)
    index = index_of(path)
    assert index["key"].to_pylist() == ["0001", long]
    assert index["image_sha256"][0] == index["image_sha256"][1]
    assert index["offset"][1].as_py() == index["bytes"][0].as_py()


def test_folders_in_names_are_part_of_the_key(tmp_path: Path) -> None:
    index = index_of(written(tmp_path / "a.tar", ("a.b/c.jpg", b"1"), ("a.b/c.extra.json", b"2"), ("a.b/d.jpg", b"3")))
    assert index["key"].to_pylist() == ["a.b/c", "a.b/d"]


def test_an_empty_tar_has_an_empty_index(tmp_path: Path) -> None:
    assert len(index_of(written(tmp_path / "a.tar"))) == 0


def test_a_sample_in_two_places_is_refused_by_its_key(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="'0001' do not stand together"):
        index_of(written(tmp_path / "a.tar", *SAMPLE, *SECOND, ("0001.cls", b"7")))


@pytest.mark.parametrize("left", [0, 100, 512, 700, 1100, 1800])
def test_a_tar_that_was_cut_off_is_refused_or_has_the_whole_samples(tmp_path: Path, left: int) -> None:
    path = written(tmp_path / "a.tar", *SAMPLE)
    whole = path.read_bytes()
    path.write_bytes(whole[:left])
    with pytest.raises(InputError, match=r"a\.tar"):
        index_of(path)


def test_a_link_is_no_part_of_a_data_set(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a.tar", "w") as tar:
        header = tarfile.TarInfo("0001.jpg")
        header.type, header.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(header)
    with pytest.raises(InputError, match="no regular file"):
        index_of(tmp_path / "a.tar")


def test_a_header_whose_checksum_is_wrong_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path / "a.tar", *SAMPLE)
    content = bytearray(path.read_bytes())
    content[0] ^= 1
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"a\.tar"):
        index_of(path)


def test_a_file_of_less_than_no_bytes_leads_nowhere(tmp_path: Path) -> None:
    """Its end would be its own header, which would be read for ever."""
    header = bytearray(member("0002.jpg", b""))
    header[124:136], header[148:156] = b"-0000001001\0", b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    path = tmp_path / "a.tar"
    path.write_bytes(member("0001.jpg", b"a picture") + header + bytes(1024))
    with pytest.raises(InputError, match=r"a\.tar"):
        index_of(path)
    with pytest.raises(InputError, match=r"a\.tar"):
        spans_of(path)


def test_an_index_is_read_as_it_was_written_and_nothing_else_passes_for_one(tmp_path: Path) -> None:
    index = index_of(written(tmp_path / "a.tar", *SAMPLE, *SECOND))
    (tmp_path / "index").write_bytes(written_index(index))
    assert read_index(tmp_path / "index").equals(index)
    with pytest.raises(DatasetError, match="index of a tar"):
        read_index(tmp_path / "a.tar")
