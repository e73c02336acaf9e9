"""Pictures that nobody is shown: of removal lists, of takedowns, of rows that a version has no more."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pyarrow.parquet as pq
import pytest
from rich.console import Console

from crawler.dataset.uids import sorted_uids
from crawler.errors import SettingsError
from crawler.settings import parse_recipe
from tests import dataset_versions, picture_shards
from tests.picture_shards import picture_folder
from workers.labelling.pictured import pictures_of
from workers.labelling.places import Place, place_of
from workers.labelling.sampling import draw_sample
from workers.labelling.version_pictures import pictured_rows
from workers.progress import Display
from workers.report.sample_rows import uids_from
from workers.run_folder import Pinned, RunFolder

QUIET = Display(Console(quiet=True))


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of one shard, whose recipe has lists that named nothing yet when it was done."""
    folder = tmp_path_factory.mktemp("run")
    picture_folder(folder / "shards", [0], 8)
    (folder / "urls.txt").write_text("http://nowhere.test/\n")
    (folder / "files.txt").write_text("0123456789abcdef0123456789abcdef\n")
    recipe = parse_recipe(
        '[[filters]]\nuse = "candidates.url_removal"\npath = "urls.txt"\n'
        '[[filters]]\nuse = "bodies.hash_removal"\npath = "files.txt"\n'
        '[[filters]]\nuse = "pictures.phash_removal"\npath = "looks.txt"\nradius = 0\n',
        name="r.toml", folder=str(folder),
    )  # fmt: skip
    (folder / "looks.txt").write_text("0f0f0f0f0f0f0f0f\n")
    pinned = Pinned(recipe_digest=recipe.digest, recipe=recipe, sources=[], version="0")
    RunFolder(folder).pin.write_bytes(msgspec.json.encode(pinned))
    return folder


def shown(run: Path) -> set[str]:
    place = place_of(str(run))
    return set(pictures_of(place, draw_sample(place, asked=100).content_ids, QUIET))


def kept() -> set[str]:
    return {picture_shards.uid(number) for number in range(8) if picture_shards.is_kept(number)}


def test_what_no_list_names_is_shown(run: Path) -> None:
    assert shown(run) == kept()


def test_what_an_address_list_names_by_now_is_not_shown(run: Path) -> None:
    path = run / "urls.txt"
    before = path.read_text()
    path.write_text(before + picture_shards.url(2) + "\n")
    assert shown(run) == kept() - {picture_shards.uid(2)}
    path.write_text(before)


def test_what_a_hash_list_names_by_now_is_not_shown(run: Path) -> None:
    path = run / "files.txt"
    before = path.read_text()
    rows = pq.read_table(run / "shards" / "00000.parquet", columns=["content_id", "md5"]).to_pylist()
    named = next(row for row in rows if row["md5"])
    path.write_text(before + named["md5"] + "\n")
    assert named["content_id"] not in shown(run)
    path.write_text(before)


def test_where_a_list_cannot_be_read_nothing_is_shown(run: Path) -> None:
    path = run / "files.txt"
    before = path.read_text()
    path.unlink()
    with pytest.raises(SettingsError, match="hash_removal"):
        shown(run)
    path.write_text(before)


def a_version(tmp_path: Path) -> Place:
    keys = dataset_versions.a_keys(tmp_path / "keys")
    store = dataset_versions.a_store(tmp_path / "store", keys)
    dataset_versions.committed(store, keys, tmp_path / "shards", {0: range(12)})
    return place_of(str(tmp_path / "store"))


def test_a_version_of_a_data_set_is_sampled_and_read_out_of_its_objects(tmp_path: Path) -> None:
    place = a_version(tmp_path)
    assert place.labels == tmp_path / "store" / "labels"
    (stratum,) = draw_sample(place, asked=100).strata
    assert set(stratum.content_ids) == {dataset_versions.uid(number) for number in range(12) if number % 4 != 3}
    assert place.store is not None
    wanted = sorted_uids(uids_from(stratum.content_ids))
    read = (one for shard in place.shards for one in pictured_rows(place.store, shard, wanted))
    found = {row.chosen.row_id: image for row, image in read}
    assert found[dataset_versions.uid(5)] == b"picture 5" * 40
    assert set(found) == set(stratum.content_ids)


def test_pictures_of_strangers_that_cannot_be_drawn_are_left_out(tmp_path: Path) -> None:
    # the pictures of this version are no pictures at all
    place = a_version(tmp_path)
    assert pictures_of(place, draw_sample(place, asked=100).content_ids, QUIET) == {}
