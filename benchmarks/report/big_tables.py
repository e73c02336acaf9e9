"""Shard tables of any size with all columns of docs/formats.md, made up fast: for what reads millions of rows.

    python -m benchmarks.report.big_tables FOLDER ROWS

Every row could have come out of a run with the filters `min_bytes`, `min_side` (64), `aspect` (3), `clip_similarity`
(0.28) and `unsafe_prompts` (0.5): a rejected row has what was learnt before it was rejected and nothing more. Only its
hashes and its content id are random digits instead of hashes of anything.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from benchmarks.report.big_addresses import addresses
from benchmarks.report.big_captions import HOSTILE, HOSTILE_ONE_IN, LANGUAGES, Captions, a_pool
from benchmarks.report.big_columns import Column, arrow, choose, drawn, hex_digits, one_each, only, pc, some_lists
from crawler.columns import arrow_schema, columns_with
from crawler.commit import atomic_path
from crawler.records import Fault
from crawler.statuses import SUCCESS, status_of

THRESHOLD = 0.28
MOST_UNSAFE = 0.5
MIN_SIDE = 64
MOST_ASPECT = 3.0
#: score columns, as the filters of the docstring write them
SCORES = (
    ("similarity", "float"), ("similarity_model", "string"),
    ("punsafe_prompts", "float"), ("punsafe_prompts_model", "string"),
)  # fmt: skip
_MODEL = "open_clip ViT-B-32-quickgelu/openai@sha256:a3b6c0d1e2f4 float32"
#: reasons before a picture is decoded, and of a hundred thousand rows how many end so
_FAULTS: dict[str, int] = {
    Fault.PAGE_OPTED_OUT: 900, Fault.ROBOTS_REFUSED: 2_600, Fault.HOST_BUSY: 1_200,
    Fault.DNS_FAILED: 4_100, Fault.CONNECT_FAILED: 1_900, Fault.TLS_FAILED: 700, Fault.TIMEOUT: 2_300,
    Fault.HTTP_GONE: 9_800, Fault.HTTP_FORBIDDEN: 3_400, Fault.HTTP_RATE_LIMITED: 600, Fault.HTTP_SERVER_ERROR: 500,
    Fault.BODY_TOO_LARGE: 200,
}  # fmt: skip
#: reasons once there is a body
_BROKEN: dict[str, int] = {"min_bytes": 2_500, Fault.NOT_AN_IMAGE: 1_100, Fault.IMAGE_BROKEN: 150}
_BEGAN = 1_767_261_600  # 2026-01-01 10:00 UTC
_ROWS_PER_SECOND = 700
#: a run that stood still for a while, after so much of its rows
_PAUSE_SECONDS, _PAUSED_AT = 2_400, 0.6
_write: Any = pq.write_table  # its stubs do not know that columns may be named
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


def write_tables(folder: Path, rows: int, *, seed: int = 0, rows_per_table: int = 100_000) -> list[Path]:
    """Write `rows` rows as `NNNNN.parquet` in `folder`, which is made; the same arguments give the same rows.

    Two threads write, each a table at a time; about 120 MB of memory each at 100,000 rows a table.
    """
    folder.mkdir(parents=True, exist_ok=True)
    count = max(1, math.ceil(rows / rows_per_table))
    pool = a_pool(np.random.default_rng([seed, 0]))

    def write(number: int) -> Path:
        length = min(rows_per_table, rows - number * rows_per_table)
        table = a_table(number, length, of=rows, seed=seed, rows_per_table=rows_per_table, pool=pool)
        path = folder / f"{number:05d}.parquet"
        with atomic_path(path) as whole:
            _write(
                table, whole, compression="zstd", compression_level=1, row_group_size=10_000, use_dictionary=_REPEATING
            )
        return path

    with ThreadPoolExecutor(2) as threads:
        return list(threads.map(write, range(count)))


def a_table(number: int, length: int, *, of: int, seed: int, rows_per_table: int, pool: Captions) -> Column:
    """Table `number`, of `length` rows, of a run of `of` rows."""
    rng = np.random.default_rng([seed, number, 1])
    texts, strange = _texts(rng, length, pool)
    reason, sizes, scores = _fates(rng, length, strange)
    columns: dict[str, Column] = {
        **texts,
        **addresses(rng, length, number, of),
        **_outcome(reason),
        **_learnt(rng, reason, sizes, scores),
        "fetched_at": only(_times(rng, length, number * rows_per_table, of), ~np.isin(reason, _BEFORE_BODY)),
    }
    digits = max(1, math.ceil(math.log10(max(2, rows_per_table))))
    keys = np.arange(length) + 10**digits * number
    columns["key"] = pc.utf8_lpad(arrow.array(keys).cast(arrow.string()), digits + 5, "0")
    schema = arrow_schema(columns_with(SCORES))
    nothing = {name for name in schema.names if name not in columns}
    assert nothing == {"exif"}, nothing
    columns["exif"] = arrow.nulls(length, arrow.string())
    return arrow.table([columns[name].cast(schema.field(name).type) for name in schema.names], schema=schema)


#: names of the reasons, as the fates number them; the first is none
_REASONS = (SUCCESS, *map(str, _FAULTS), *map(str, _BROKEN), "min_side", "aspect", "clip_similarity", "unsafe_prompts", "placeholder")  # fmt: skip
_NUMBER = {name: place for place, name in enumerate(_REASONS)}
_BEFORE_BODY = [_NUMBER[str(one)] for one in _FAULTS]
_BEFORE_PICTURE = [*_BEFORE_BODY, *(_NUMBER[str(one)] for one in _BROKEN)]
_REPEATING = ["status", "error_message", "similarity_model", "punsafe_prompts_model", "reason", "caption_source",
              "image_source", "archive", "licence", "language", "caption_language", "caption_script", "content_type",
              "format", "frames", "other_captions.list.element.source", "page_opt_outs.list.element",
              "header_opt_outs.list.element", "made_by.list.element"]  # fmt: skip


def _texts(rng: np.random.Generator, length: int, pool: Captions) -> tuple[dict[str, Column], Bools]:
    """Captions and what is known of their languages; and which are in none that the model knows well."""
    drawn_texts = rng.integers(len(pool.texts), size=length)
    numbers = arrow.array(rng.integers(10**6, size=length)).cast(arrow.string())
    captions = pc.binary_join_element_wise(arrow.array(pool.texts).take(arrow.array(drawn_texts)), numbers, " ")
    hostile = rng.random(length) < 1 / HOSTILE_ONE_IN
    captions = pc.if_else(arrow.array(hostile), choose(rng, HOSTILE, length), captions)
    tongues = pool.languages[drawn_texts]
    names, scripts = [one[0] for one in LANGUAGES], [one[1] for one in LANGUAGES]
    declared = np.where(rng.random(length) < 0.75, tongues, 0)  # pages often say "en" and are not
    return {
        "caption": captions,
        "caption_language": one_each(names, tongues),
        "caption_script": one_each(scripts, tongues),
        "caption_language_confidence": arrow.array(np.round(rng.beta(8, 2, length), 4)),
        "language": pc.if_else(arrow.array(rng.random(length) < 0.2), "", one_each(names, declared)),
    }, tongues != 0


def _fates(rng: np.random.Generator, length: int, strange: Bools) -> tuple[NDArray[np.int64], Floats, Floats]:
    """How each row ends, as a position in `_REASONS`; width and height; similarity and unsafe score."""
    early = {**{str(one): share for one, share in _FAULTS.items()}, **{str(one): n for one, n in _BROKEN.items()}}
    names = ("", *early)
    shares = np.array([100_000 - sum(early.values()), *early.values()]) / 100_000
    reason = np.array([_NUMBER[name or SUCCESS] for name in names])[rng.choice(len(names), size=length, p=shares)]
    side = np.exp(rng.normal(6.3, 0.8, length))
    ratio = np.exp(rng.normal(0.2, 0.4, length))
    sizes = np.clip(np.rint(np.stack([side * np.sqrt(ratio), side / np.sqrt(ratio)])), 1, 12_000)
    matches = rng.random(length) < np.where(strange, 0.45, 0.62)
    similarity = np.where(matches, rng.normal(0.305, 0.035, length), rng.normal(0.19, 0.045, length))
    unsafe = rng.beta(0.5, 9, length)
    for name, fails in (
        ("min_side", sizes.min(axis=0) < MIN_SIDE),
        ("aspect", sizes.max(axis=0) > MOST_ASPECT * sizes.min(axis=0)),
        ("clip_similarity", similarity < THRESHOLD),
        ("unsafe_prompts", unsafe > MOST_UNSAFE),
        ("placeholder", rng.random(length) < 0.004),
    ):
        reason = np.where((reason == 0) & fails, _NUMBER[name], reason)
    return reason, sizes, np.stack([similarity, unsafe])


def _outcome(reason: NDArray[np.int64]) -> dict[str, Column]:
    said = [(SUCCESS, None) if name == SUCCESS else status_of(name, _DETAILS.get(name, "")) for name in _REASONS]
    return {
        "status": one_each([status for status, _ in said], reason),
        "error_message": one_each([message for _, message in said], reason),
        "reason": one_each([None, *_REASONS[1:]], reason),
    }


#: what servers said, for the words of img2dataset
_DETAILS: Mapping[str, str] = {
    Fault.HTTP_GONE: "404", Fault.HTTP_FORBIDDEN: "403", Fault.HTTP_RATE_LIMITED: "429", Fault.HTTP_SERVER_ERROR: "500",
}  # fmt: skip


def _learnt(rng: np.random.Generator, reason: NDArray[np.int64], sizes: Floats, scores: Floats) -> dict[str, Column]:
    """What is known once a body came, once it was decoded, once it was scored, and of what is kept."""
    length = len(reason)
    has_body, has_picture = ~np.isin(reason, _BEFORE_BODY), ~np.isin(reason, _BEFORE_PICTURE)
    scored = has_picture & ~np.isin(reason, [_NUMBER["min_side"], _NUMBER["aspect"]])
    rated = scored & (reason != _NUMBER["clip_similarity"])
    kept = reason == 0
    width, height = sizes
    smaller = np.minimum(1.0, 384 / np.minimum(width, height))
    weight = np.rint(np.clip(width * height * rng.lognormal(-1.8, 0.5, length), 300, 1e7))
    of_body = partial(only, where=has_body)
    of_picture = partial(only, where=has_picture)
    model = one_each([_MODEL], np.zeros(length, dtype=np.int64))
    formats = drawn(rng, {"JPEG": 74, "PNG": 13, "WEBP": 11, "GIF": 1, "AVIF": 1}, length)
    return {
        **{name: of_picture(hex_digits(rng, length, size)) for name, size in (("md5", 16), ("sha1", 20), ("phash", 8), ("pdq", 32))},
        "sha256": of_picture(hex_digits(rng, length, 32)),
        "pdq_quality": of_picture(rng.integers(101, size=length)),
        "similarity": only(scores[0], scored),
        "similarity_model": only(model, scored),
        "punsafe_prompts": only(scores[1], rated),
        "punsafe_prompts_model": only(model, rated),
        "header_opt_outs": only(some_lists(rng, {"x-robots-tag: noai": 3, "tdmrep.json: 1": 1}, length, 0.01), has_body),
        "content_type": of_body(pc.binary_join_element_wise("image/", pc.utf8_lower(formats), "")),
        "body_bytes": of_body(weight),
        "format": of_picture(formats),
        "frames": of_picture(np.where(rng.random(length) < 0.01, 2, 1)),
        "made_by": of_picture(some_lists(rng, {"iptc: trainedAlgorithmicMedia": 1, "c2pa: trainedAlgorithmicMedia": 1}, length, 0.003)),
        "original_width": of_picture(width),
        "original_height": of_picture(height),
        "width": only(np.rint(width * smaller), kept),
        "height": only(np.rint(height * smaller), kept),
    }  # fmt: skip


def _times(rng: np.random.Generator, length: int, first: int, of: int) -> NDArray[np.int64]:
    places = first + np.arange(length)
    paused = np.where(places > _PAUSED_AT * of, _PAUSE_SECONDS, 0)
    return (_BEGAN + places / _ROWS_PER_SECOND + paused + rng.exponential(20, length)).astype(np.int64)


if __name__ == "__main__":
    print(f"{len(write_tables(Path(sys.argv[1]), int(sys.argv[2])))} tables")
