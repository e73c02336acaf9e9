"""What every filter promises. A new file in filters/ is found here by itself; it fails until it keeps the promises.

A filter whose settings have no defaults needs a row in `LISTS`, and one that the sample records do not divide a row in
`SETTINGS` or a record in `_records`.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import importlib
import inspect
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import filters
from crawler.errors import SettingsError
from crawler.records import Candidate, Fetched, Header, Picture, Verdict
from tests.builders import a_candidate, a_fetched, a_picture, image_bytes
from tests.fakes.credentials import NOT_ALLOWED, needs_c2pa, signed_picture
from tests.fakes.onnx import needs_onnx


def noise(seed: int, size: tuple[int, int] = (96, 72)) -> Image.Image:
    """A picture of random blocks, so that it has a perceptual hash."""
    rng = np.random.default_rng(seed)
    return Image.fromarray(rng.integers(0, 256, (6, 8, 3), dtype=np.uint8)).resize(size)


def _folder(name: str) -> str:
    return name.partition(".")[0]


def _records(name: str) -> list[Any]:
    folder = _folder(name)
    if folder == "candidates":
        return [
            a_candidate(),
            a_candidate("dot"),
            a_candidate(image_url="https://removed.test/a.png"),
            a_candidate(image_url="https://images.test/a.svg"),
            a_candidate(image_url="https://images.test/a.png?X-Amz-Signature=0"),
            a_candidate("一只红色的船在湖上", page_url="not an address"),
            a_candidate("IMG_1234.jpg"),
            a_candidate("!!! ???"),
        ]
    if folder == "bodies":
        more = [a_fetched(_do_not_train())] if name == "bodies.c2pa_opt_out" else []
        return [
            *more,
            a_fetched(),
            a_fetched(b"x" * 6_000),
            a_fetched(b""),
            a_fetched(final_url="https://removed.test/a.png"),
            a_fetched(image_bytes((300, 200), (1, 2, 3), "JPEG")),
        ]
    pictures = [a_picture(), a_picture((40, 900), (255, 255, 255)), a_picture((1, 1))]
    pictures.append(a_picture(header=Header(80, 60, "PNG", 1, 1, ("c2pa: digitalCapture", "exif: Midjourney"))))
    return [*pictures, *(a_picture(pixels=noise(seed)) for seed in range(3))]


@functools.cache
def _do_not_train() -> bytes:
    return signed_picture({"c2pa.ai_training": NOT_ALLOWED})


# what a filter must be told to divide the sample records, or to do so quickly
SETTINGS: dict[str, dict[str, Any]] = {
    "pictures.aspect": {"max_ratio": 2},
    "pictures.clip_similarity": {"batch_size": 4, "threshold": 0.1},
    "pictures.unsafe_prompts": {
        "classes": {
            "boat": {"unsafe": True, "prompts": ["red square"]},
            "animal": {"unsafe": False, "prompts": ["a cat"]},
        },
        "batch_size": 4,
    },
    "pictures.unsafe_head": {"batch_size": 4},
    "pictures.watermark_head": {"batch_size": 4, "threshold": 0.5},
    "pictures.aesthetic_head": {"batch_size": 4, "threshold": 0},
    "pictures.synthetic_head": {"batch_size": 4},
    "pictures.nsfw_onnx": {"threshold": 0.05},
}
LISTS = {
    "candidates.keywords": "boat\n",
    "candidates.url_removal": "removed.test\n",
    "bodies.final_url_removal": "removed.test\n",
    "bodies.hash_removal": hashlib.md5(b"x" * 6_000).hexdigest() + "\n",
    "pictures.phash_removal": f"{a_picture(pixels=noise(1)).hashes.phash:016x}\n",
    "pictures.pdq_removal": f"{a_picture(pixels=noise(1)).hashes.pdq:064x}\n",
}
#: filters by a trained head: they are given one of random weights
HEADS = ("pictures.unsafe_head", "pictures.watermark_head", "pictures.aesthetic_head", "pictures.synthetic_head")
SEEN: dict[str, type] = {"candidates": Candidate, "bodies": Fetched, "pictures": Picture}

#: filters that need more than the core
MARKS = {
    "pictures.clip_similarity": [pytest.mark.clip],
    "pictures.unsafe_prompts": [pytest.mark.clip],
    "pictures.nsfw_onnx": [needs_onnx],
    "bodies.c2pa_opt_out": [needs_c2pa],
} | {name: [pytest.mark.clip] for name in HEADS}

every_filter = pytest.mark.parametrize(
    "name", [pytest.param(name, marks=MARKS.get(name, [])) for name in filters.names()]
)


@pytest.fixture
def settings(name: str, tmp_path: Path) -> dict[str, Any]:
    if name in HEADS:
        np.save(tmp_path / "head.npy", np.random.default_rng(0).standard_normal(128))
        return SETTINGS[name] | {"head": str(tmp_path / "head.npy")}
    if name not in LISTS:
        return SETTINGS.get(name, {})
    (tmp_path / "list.txt").write_text(LISTS[name])
    return {"path": str(tmp_path / "list.txt")}


def test_every_file_of_the_three_folders_is_found() -> None:
    root = Path(filters.__file__).parent
    files = {f"{folder}.{file.stem}" for folder in SEEN for file in (root / folder).glob("[!_]*.py")}
    assert set(filters.names()) == files


@every_filter
def test_one_verdict_per_record_in_order_the_same_alone_as_in_any_batch(name: str, settings: dict[str, Any]) -> None:
    judge = filters.load(name, settings).judge
    records = _records(name)
    together = judge(records)
    assert [type(verdict) for verdict in together] == [Verdict] * len(records)
    assert [judge([record]) for record in records] == [[verdict] for verdict in together]
    assert judge(records[::-1]) == together[::-1]
    assert judge(records + records) == together + together
    assert judge(tuple(records)) == together


@every_filter
def test_some_sample_records_stay_and_some_go(name: str, settings: dict[str, Any]) -> None:
    verdicts = filters.load(name, settings).judge(_records(name))
    assert {verdict.keep for verdict in verdicts} == {True, False}


@every_filter
def test_nothing_in_nothing_out(name: str, settings: dict[str, Any]) -> None:
    assert filters.load(name, settings).judge([]) == []


@every_filter
def test_a_filter_travels_to_another_process(name: str, settings: dict[str, Any]) -> None:
    built = filters.load(name, settings)
    records = _records(name)
    assert pickle.loads(pickle.dumps(built)).judge(records) == built.judge(records)


@every_filter
def test_whether_it_judges_embeddings_is_known_before_it_is_built(name: str, settings: dict[str, Any]) -> None:
    assert filters.judges_embeddings(name) == isinstance(filters.load(name, settings), filters.EmbeddingFilter)


@every_filter
def test_a_filter_is_frozen(name: str, settings: dict[str, Any]) -> None:
    built: Any = filters.load(name, settings)
    field = dataclasses.fields(built)[0].name
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(built, field, None)


@every_filter
def test_a_filter_says_what_it_does_and_what_it_sees(name: str, settings: dict[str, Any]) -> None:
    module = importlib.import_module(f"filters.{name}")
    first_line = (inspect.getdoc(module) or "").splitlines()[0]
    assert first_line.startswith(("Keep ", "Drop "))
    batch = inspect.signature(filters.load(name, settings).judge).parameters["batch"]
    assert batch.annotation == f"Sequence[{SEEN[_folder(name)].__name__}]"


@every_filter
def test_an_unknown_setting_is_refused(name: str, settings: dict[str, Any]) -> None:
    with pytest.raises(SettingsError, match=f"{name}: there is no setting 'no_such_setting'"):
        filters.load(name, settings | {"no_such_setting": 1})


@every_filter
def test_records_are_judged_and_never_changed(name: str, settings: dict[str, Any]) -> None:
    records = _records(name)
    pixels = [record.pixels.tobytes() for record in records if isinstance(record, Picture)]
    filters.load(name, settings).judge(records)
    assert [record.pixels.tobytes() for record in records if isinstance(record, Picture)] == pixels


@pytest.mark.parametrize("name", LISTS)
def test_what_a_removal_list_names_is_told_to_nobody(name: str, settings: dict[str, Any]) -> None:
    built = filters.load(name, settings)
    verdicts = built.judge(_records(name))
    assert [verdict.detail for verdict in verdicts] == [""] * len(verdicts)
    assert [verdict.score for verdict in verdicts] == [None] * len(verdicts)
    # the fields that hold a list have no place in tracebacks and logs
    shown = {field.name for field in dataclasses.fields(built) if field.repr}  # type: ignore[arg-type]
    assert shown <= {"radius", "turned", "resized", "most_share"}
