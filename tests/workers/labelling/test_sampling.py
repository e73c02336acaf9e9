"""Which pairs are asked about."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from rich.console import Console

from crawler.errors import InputError
from crawler.thumbnails import rank_of, thumbnails_path
from tests import picture_shards
from tests.picture_shards import is_kept, picture_folder
from workers.labelling.design import Sample, filter_of, store_sample, stored_sample
from workers.labelling.pictured import pictures_of
from workers.labelling.places import Place, filters_in_order, place_of
from workers.labelling.sampling import draw_sample, numbers_of
from workers.labelling.session import the_sample
from workers.labelling.thumbnails import random_part, thumbnails_of
from workers.progress import Display

ROWS = 40  # a shard, of which three in four are kept
QUIET = Display(Console(quiet=True))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return picture_folder(tmp_path_factory.mktemp("shards"), range(3), ROWS)


def kept_uids(shards: int = 3) -> set[str]:
    numbers = (100 * shard + row for shard in range(shards) for row in range(ROWS))
    return {picture_shards.uid(number) for number in numbers if is_kept(number)}


def test_a_sample_is_of_kept_pairs_and_says_of_how_many(folder: Path) -> None:
    (kept,) = draw_sample(place_of(str(folder)), asked=10).strata
    assert (kept.name, kept.of, len(set(kept.content_ids))) == ("kept", 90, 10)
    assert set(kept.content_ids) < kept_uids()


def test_a_sample_is_the_same_again_and_another_seed_gives_another_one(folder: Path) -> None:
    place = place_of(str(folder))
    assert draw_sample(place, asked=10) == draw_sample(place, asked=10)
    assert draw_sample(place, asked=10, seed=1).content_ids != draw_sample(place, asked=10).content_ids
    assert (
        draw_sample(place, asked=20).content_ids[:10] == draw_sample(place, asked=10).content_ids
    )  # a larger one holds it


def test_of_fewer_rows_all_are_asked_about(folder: Path) -> None:
    assert set(draw_sample(place_of(str(folder)), asked=5000).content_ids) == kept_uids()


def test_every_row_is_as_likely_as_every_other(folder: Path) -> None:
    place = place_of(str(folder))
    times = Counter(one for seed in range(60) for one in draw_sample(place, asked=9, seed=seed).content_ids)
    # each of 90 rows is expected six times
    assert len(times) > 85
    assert max(times.values()) < 18


def test_numbers_of_ids_look_random_to_both_ends() -> None:
    uids = np.arange(16 * 4096, dtype=np.uint64).view(np.uint8).reshape(-1, 16)
    numbers = numbers_of(uids, 7)
    assert len(set(numbers.tolist())) == len(uids)
    for bit in (0, 31, 63):
        assert 0.45 < ((numbers >> np.uint64(bit)) & np.uint64(1)).mean() < 0.55


def test_a_sample_that_was_drawn_stays_though_the_run_goes_on(folder: Path, tmp_path: Path) -> None:
    first = the_sample(place_of(str(folder), labels=tmp_path), 10, "all", 0)
    picture_folder(tmp_path / "more", range(5), ROWS)
    again = the_sample(place_of(str(tmp_path / "more"), labels=tmp_path), 10, "all", 0)
    assert again == first
    assert stored_sample(tmp_path, first.name) == first


def test_of_two_that_draw_at_once_the_first_one_counts(tmp_path: Path) -> None:
    first, second = (Sample(seed=0, asked=5, band="all", strata=()) for _ in range(2))
    assert store_sample(tmp_path, first) == store_sample(tmp_path, second)


def with_thumbnails(folder: Path, output: Path, most: int) -> Place:
    """The folder as a run of a recipe that keeps so many thumbnails of what `aspect` rejects; all fourth rows are that."""
    import msgspec

    from crawler.settings import parse_recipe
    from workers.run_folder import Pinned, RunFolder

    shards = output / "shards"
    shutil.copytree(folder, shards)
    recipe = parse_recipe(f'[output]\nthumbnails = {most}\n[[filters]]\nuse = "pictures.aspect"\n', name="r.toml")
    pinned = Pinned(recipe_digest=recipe.digest, recipe=recipe, sources=[], version="0")
    RunFolder(output).pin.write_bytes(msgspec.json.encode(pinned))
    for table in sorted(shards.glob("*.parquet")):
        rows = pq.read_table(table)
        reasons = [None if one == "success" else "aspect" for one in rows.column("status").to_pylist()]
        pq.write_table(
            rows.set_column(rows.schema.get_field_index("reason"), "reason", pa.array(reasons, pa.string())), table
        )
        gone = [str(one) for one, why in zip(rows.column("content_id").to_pylist(), reasons, strict=True) if why]
        hung = sorted(gone, key=rank_of)[:most]
        path = thumbnails_path(shards, table.stem)
        path.parent.mkdir(exist_ok=True)
        pq.write_table(
            pa.table({
                "content_id": hung, "filter": ["pictures.aspect"] * len(hung), "band": ["rejected"] * len(hung),
                "jpeg": [_jpeg()] * len(hung), "blurred": [number % 4 == 3 for number in range(len(hung))],
            }),
            path,
        )  # fmt: skip
    return place_of(str(output))


def _jpeg() -> bytes:
    from tests.builders import image_bytes

    return image_bytes(kind="JPEG")


def test_half_of_a_sample_is_what_filters_rejected_as_far_as_thumbnails_were_kept(folder: Path, tmp_path: Path) -> None:
    place = with_thumbnails(folder, tmp_path / "run", 100)
    kept, rejected = draw_sample(place, asked=20).strata
    assert (kept.name, len(kept.content_ids)) == ("kept", 10)
    assert (filter_of(rejected.name), len(rejected.content_ids)) == ("aspect", 10)
    assert rejected.of == round(
        30 * 24 / 30
    )  # of 30 rows the fifth part is blurred: six of ten in each shard stay... as counted


def test_of_truncated_shards_only_what_is_below_all_their_limits_is_random(folder: Path, tmp_path: Path) -> None:

    place = with_thumbnails(folder, tmp_path / "run", 4)
    there = thumbnails_of(place)
    limits = [max(rank_of(one.content_id) for one in there if one.table == table) for table in place.tables]
    chosen = random_part(there, place)
    assert chosen
    assert all(rank_of(one) <= min(limits) for one in chosen)
    # and of all rejected rows in all tables none is missing that has as small a number
    gone = {picture_shards.uid(100 * shard + row) for shard in range(3) for row in range(ROWS)} - kept_uids()
    assert set(chosen) == {one for one in gone if rank_of(one) <= min(limits)}


def test_of_a_band_that_has_nothing_the_remedy_is_told(folder: Path) -> None:
    with pytest.raises(InputError, match=r"output\.thumbnails"):
        draw_sample(place_of(str(folder)), asked=5, band="rejected")


def test_pictures_come_out_of_tars_and_thumbnails_and_blurred_ones_are_left(folder: Path, tmp_path: Path) -> None:
    place = with_thumbnails(folder, tmp_path / "run", 100)
    sample = draw_sample(place, asked=40)
    found = pictures_of(place, sample.content_ids, QUIET)
    assert set(found) == set(sample.content_ids)
    one = found[sample.strata[0].content_ids[0]]
    assert one.caption.startswith("boat ")
    assert one.host == "images.test"
    assert one.jpeg.startswith(b"\xff\xd8")
    assert not one.is_unsafe


def test_filters_judge_folder_by_folder_and_models_last() -> None:
    uses = ["pictures.clip_similarity", "candidates.text_length", "pictures.aspect", "bodies.min_bytes"]
    assert filters_in_order(uses) == ["text_length", "min_bytes", "aspect", "clip_similarity"]


def test_labels_lie_with_what_they_are_about(folder: Path, tmp_path: Path) -> None:
    assert place_of(str(folder)).labels == folder / "labels"
    assert place_of(str(folder / "00000.parquet")).labels == folder / "labels"
    assert place_of(str(folder), labels=tmp_path).labels == tmp_path
    with pytest.raises(InputError, match="--labels"):
        place_of("s3://bucket/data")
