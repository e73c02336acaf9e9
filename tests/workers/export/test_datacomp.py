"""Subsets as DataComp's resharder makes them: the same samples under the same names, read where they lie and nowhere else."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path

import pytest

from crawler.errors import InputError
from tests.dataset_versions import a_keys, a_store
from tests.picture_shards import is_kept, key, picture_folder, uid
from workers.dataset.commits.committing import commit_run
from workers.export.datacomp import Survey, export_subset, tars_of
from workers.export.places import Place, open_folder
from workers.export.spans import members_of, renamed, spans_of
from workers.export.uid_files import uids_of
from workers.export.uid_writing import write_uids
from workers.export.versions import open_place

HERE = [2, 5, 100, 101, 104, 106]
DEAD = [3]
NOWHERE = [900, 901]


def a_subset(path: Path, numbers: list[int]) -> Path:
    import pyarrow as pa

    write_uids(path, [uids_of(pa.array(sorted(uid(number) for number in numbers)))])
    return path


def contents(tar: Path) -> dict[str, bytes]:
    with tarfile.open(tar) as archive:
        return {one.name: archive.extractfile(one).read() for one in archive}  # type: ignore[union-attr]  # all are files


def subset_of(place: Place, path: Path, to: Path, samples: int = 4) -> tuple[dict[str, int], list[Survey]]:
    heard: list[Survey] = []
    done = export_subset(place, path, to, told=lambda _: None, say=heard.append, samples_per_tar=samples)
    return dict(done), heard


@pytest.mark.parametrize("kind", ["folder", "version"])
def test_the_wanted_samples_are_in_new_tars_byte_for_byte(tmp_path: Path, kind: str) -> None:
    folder = picture_folder(tmp_path / "run")
    place: Place = open_folder(folder)
    if kind == "version":
        keys = a_keys(tmp_path / "keys")
        commit_run(a_store(tmp_path / "store", keys), keys, folder)
        place = open_place(str(tmp_path / "store"))
    done, heard = subset_of(place, a_subset(tmp_path / "uids.npy", HERE + DEAD + NOWHERE), tmp_path / "out")
    assert done == {"samples": 6, "tars": 2, "missing": 3}
    (survey,) = heard
    assert (survey.wanted, survey.absent, survey.without_picture, survey.samples.tolist()) == (9, 2, 1, [2, 4])
    whole = contents(folder / "00000.tar") | contents(folder / "00001.tar")
    wanted = {
        f"{uid(number)}-0.{ending}": whole[f"{key(number)}.{ending}"]
        for number in HERE
        for ending in ("jpg", "json", "txt")
    }
    made = [contents(tmp_path / "out" / f"{number:08d}.tar") for number in range(2)]
    assert [len(one) // 3 for one in made] == [4, 2]
    assert made[0] | made[1] == wanted
    assert [name for one in made for name in one] == list(wanted)  # in the order of the shards
    assert json.loads((tmp_path / "out" / "sizes.json").read_text()) == {"00000000.tar": 4, "00000001.tar": 2}
    assert json.loads((tmp_path / "out" / "00000001_stats.json").read_text())["successes"] == 2
    assert len(list((tmp_path / "out").glob("*.tar"))) == 2


def test_a_uid_that_is_wanted_twice_is_there_twice_under_two_names(tmp_path: Path) -> None:
    folder = picture_folder(tmp_path / "run")
    done, _ = subset_of(open_folder(folder), a_subset(tmp_path / "uids.npy", [5, 5, 6]), tmp_path / "out")
    assert done["samples"] == 3
    names = [Path(name).stem for name in contents(tmp_path / "out" / "00000000.tar")][::3]
    assert names == [f"{uid(5)}-0", f"{uid(5)}-1", f"{uid(6)}-0"]


@pytest.mark.slow
def test_webdataset_reads_the_new_tars(tmp_path: Path) -> None:
    import webdataset

    folder = picture_folder(tmp_path / "run")
    subset_of(open_folder(folder), a_subset(tmp_path / "uids.npy", HERE), tmp_path / "out")
    tars = sorted(str(path) for path in (tmp_path / "out").glob("*.tar"))
    samples = list(webdataset.WebDataset(tars, shardshuffle=False).decode("pil"))
    assert [one["json"]["content_id"] for one in samples] == [uid(number) for number in HERE]
    assert [one["jpg"].size for one in samples] == [(40 + number % 50, 30) for number in HERE]


def test_what_is_missing_is_told_before_a_tar_is_opened(tmp_path: Path) -> None:
    folder = picture_folder(tmp_path / "run")
    for tar in folder.glob("*.tar"):
        tar.unlink()
    heard: list[Survey] = []
    path = a_subset(tmp_path / "uids.npy", HERE + NOWHERE)
    with pytest.raises(InputError, match="no tar"):
        export_subset(open_folder(folder), path, tmp_path / "out", told=lambda _: None, say=heard.append)
    assert heard[0].absent == 2


def test_of_a_version_nothing_is_read_but_the_samples_that_are_wanted(tmp_path: Path) -> None:
    folder = picture_folder(tmp_path / "run")
    keys = a_keys(tmp_path / "keys")
    store = a_store(tmp_path / "store", keys)
    commit_run(store, keys, folder)
    path = a_subset(tmp_path / "uids.npy", HERE)
    subset_of(open_place(str(tmp_path / "store")), path, tmp_path / "whole")
    for shard in store.shards(store.read_commit("main")[1]):
        assert shard.tar is not None
        tar = store.objects.open_local(shard.tar)
        wanted = [span for name, span in spans_of(tar).items() if name in {key(number) for number in HERE}]
        spoilt = bytearray(b"\xff" * shard.tar.bytes)
        for span in wanted:
            spoilt[span.offset : span.offset + span.bytes] = tar.read_bytes()[span.offset : span.offset + span.bytes]
        tar.chmod(0o644)
        tar.write_bytes(spoilt)
    subset_of(open_place(str(tmp_path / "store")), path, tmp_path / "spoilt")
    for number in range(2):
        name = f"{number:08d}.tar"
        assert (tmp_path / "spoilt" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_a_subset_that_was_stopped_goes_on_and_ends_with_the_same_bytes(tmp_path: Path) -> None:
    place = open_folder(picture_folder(tmp_path / "run", shards=range(4)))
    numbers = [number for shard in range(4) for number in range(100 * shard, 100 * shard + 8) if is_kept(number)]
    path = a_subset(tmp_path / "uids.npy", numbers)
    subset_of(place, path, tmp_path / "whole", samples=5)

    def stop_at_the_third(_count: int) -> None:
        if (tmp_path / "cut" / "00000002.tar").exists():
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        export_subset(place, path, tmp_path / "cut", told=stop_at_the_third, say=lambda _: None, samples_per_tar=5)
    assert not (tmp_path / "cut" / "sizes.json").exists()
    (tmp_path / "cut" / "00000001_stats.json").unlink()  # as if it had been stopped between tar and mark
    (tmp_path / "cut" / "00000001.tar").write_bytes(b"")
    untouched = (tmp_path / "cut" / "00000000.tar").stat()
    subset_of(place, path, tmp_path / "cut", samples=5)
    assert (tmp_path / "cut" / "00000000.tar").stat().st_mtime_ns == untouched.st_mtime_ns
    names = sorted(one.name for one in (tmp_path / "whole").iterdir())
    assert sorted(one.name for one in (tmp_path / "cut").iterdir()) == names
    for name in names:
        assert (tmp_path / "cut" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes(), name


def test_samples_are_dealt_to_tars_without_loss() -> None:
    dealt = list(tars_of([3, 0, 7, 1], 4))
    assert dealt == [[(0, range(3)), (2, range(1))], [(2, range(1, 5))], [(2, range(5, 7)), (3, range(1))]]
    assert list(tars_of([], 4)) == list(tars_of([0, 0], 4)) == []


def test_a_tar_is_walked_by_its_headers_and_a_cut_or_foreign_one_is_refused(tmp_path: Path) -> None:
    tar = picture_folder(tmp_path / "run") / "00000.tar"
    with tarfile.open(tar) as archive:
        assert [(name, start) for name, start, _ in members_of(tar)] == [(one.name, one.offset) for one in archive]
    assert list(spans_of(tar)) == [key(number) for number in range(8) if is_kept(number)]
    whole = tar.read_bytes()
    last = list(spans_of(tar).values())[-1]
    tar.write_bytes(whole[: last.offset + last.bytes - 512])
    with pytest.raises(InputError, match="cut short"):
        spans_of(tar)
    tar.write_bytes(b"no tar at all" * 100)
    with pytest.raises(InputError, match="no plain file"):
        spans_of(tar)
    tar.write_bytes(whole[: last.offset] + whole)
    with pytest.raises(InputError, match="do not follow each other"):
        spans_of(tar)


def test_a_key_that_fits_into_no_header_is_refused(tmp_path: Path) -> None:
    tar = picture_folder(tmp_path / "run") / "00000.tar"
    span = spans_of(tar)[key(0)]
    sample = tar.read_bytes()[span.offset : span.offset + span.bytes]
    assert renamed(sample, key(0)) == sample
    with pytest.raises(InputError, match="too long"):
        renamed(sample, "k" * 97)
