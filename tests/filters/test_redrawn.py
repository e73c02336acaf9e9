"""What every filter promises that says how its verdict is drawn again: from a row it says what `judge` said, or nothing.

Random records are judged, written as rows of a table and read again. A filter with `redrawn` needs a row in `CASES`.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import filters
from crawler.job.judging import scores_of
from crawler.picture.hashes import hashes_of
from crawler.records import Candidate, Caption, Embedded, Header, Picture, Rejected, TextSource, Tongue, Verdict
from crawler.rows import Facts, Row, arrow_schema, columns_with, rejected_row
from filters.head_files import Layer
from filters.head_filter import AtLeast, AtMost, HeadFilter
from filters.heads import Head
from filters.keywords import keywords
from filters.lines import Line, lines_of
from filters.pictures.clip_similarity import ClipSimilarity, Scale
from filters.pictures.nsfw_onnx import NsfwOnnx
from filters.redrawn import Redrawn, from_on, literal, made_by_engine, redrawn_of
from filters.unsafe_rule import UnsafeRule
from tests.builders import a_candidate, a_fetched, a_picture

SCORES = ("similarity", "punsafe", "aesthetic", "psynthetic", "punsafe_onnx")


@functools.cache
def database() -> Any:
    """One for all tests: to open one takes longer than to ask it."""
    return duckdb.connect()


def said_of_rows(folder: Path, redrawn: Redrawn, rows: Sequence[Row]) -> list[bool | None]:
    """What follows from rows that were written to a table and read again."""
    scores = [(f"{name}{end}", kind) for name in SCORES for end, kind in (("", "float"), ("_model", "string"))]
    table = folder / "00000.parquet"
    numbered = [{"key": f"{number:05d}", **row} for number, row in enumerate(rows)]
    pq.write_table(pa.Table.from_pylist(numbered, schema=arrow_schema(columns_with(scores))), table)
    told = f"CASE WHEN {redrawn.maker} THEN {redrawn.sql} END"
    found = database().execute(f"SELECT {told}, * FROM read_parquet(?) ORDER BY key", [str(table)])
    names = [column[0] for column in found.description][1:]
    assert set(redrawn.reads) | set(redrawn.again_reads) <= set(names)
    answers = []
    for said, *values in found.fetchall():
        read = {name: value for name, value in zip(names, values, strict=True) if name in redrawn.again_reads}
        answers.append(redrawn.again([read])[0] if said is None and redrawn.again is not None else said)
    return answers


# records ---------------------------------------------------------------------------------------------------------

letters = st.sampled_from("aZ09 _-./éßŁ一船ロ🚢\u0301\u200b")
captions = st.one_of(
    st.text(letters, max_size=12),
    st.sampled_from(
        ["a red boat", "K I D", "IMG_1234.jpg", "click to enlarge", "http://a.test/b", "jail-bait", "bo'at;--"]
    ),
)
urls = st.sampled_from(
    ["http://images.test/a.jpg", "http://removed.test/a.png", "https://images.test/a.SVG?x=1", "https://u:p@images.test/",
     "https://images.test/a?X-Amz-Signature=0", "http://sub.removed.test/%27;--", "https://images.test/listed.jpg"]
)  # fmt: skip
tongues = st.builds(
    Tongue, st.sampled_from(["", "en", "de", "ja"]), st.sampled_from([0.0, 0.29, 0.3, 0.5, 1.0]),
    st.sampled_from(["", "Latn", "Cyrl"]),
)  # fmt: skip
candidates = st.builds(
    lambda text, url, page, tongue, other: a_candidate(
        text, image_url=url, written_src=url, page_url=page, tongue=tongue,
        other_captions=(Caption(TextSource.TITLE, other),) if other else (),
    ),
    captions, urls, st.sampled_from(["", "http://pages.test/", "http://removed.test/p", "no address"]), tongues, captions,
)  # fmt: skip
#: numbers beside a line, on it, and none
probabilities = st.sampled_from(
    [0.0, 0.1, math.nextafter(0.3, 0), 0.3, math.nextafter(0.3, 1), 0.45, 0.5, 0.951, 1.0, math.nan]
)
bodies = st.sampled_from([b"", b"x", b"x" * 4, b"x" * 5, b"listed"])
marks = st.sampled_from([(), ("exif: Midjourney",), ("c2pa: digitalCapture",), ("c2pa: digitalCapture", "PNG: x")])
sides = st.integers(1, 9)


def a_seen(
    candidate: Candidate, body: bytes, size: tuple[int, int], made_by: tuple[str, ...], upright: bool
) -> Picture:
    width, height = size
    header = Header(*(size if upright else (height, width)), "PNG", 1, 1 if upright else 6, made_by)
    fetched = a_fetched(body, candidate=candidate, final_url=candidate.image_url)
    picture = a_picture((width, height), (len(body), 0, 9 * width % 255), header=header, fetched=fetched)
    return dataclasses.replace(picture, hashes=hashes_of(body, picture.pixels))


pictures = st.builds(a_seen, candidates, bodies, st.tuples(sides, sides), marks, st.booleans())


def row_of(record: Any, scores: tuple[tuple[str, float | str], ...] = ()) -> Row:
    if isinstance(record, Candidate):
        return rejected_row(Rejected(record, "any"))
    if isinstance(record, Picture):
        facts = Facts(record.fetched, record.header, record.hashes, tuple(one for one in scores if one[1] == one[1]))
        return rejected_row(Rejected(record.fetched.candidate, "any"), facts)
    return rejected_row(
        Rejected(record.candidate, "any"), Facts(record, hashes=hashes_of(record.body, a_picture().pixels))
    )


# filters of what stands in a row as it is --------------------------------------------------------------------------


class Case(NamedTuple):
    """Settings to be tried, and records that they divide."""

    settings: tuple[dict[str, Any], ...]
    records: st.SearchStrategy[Any]


LISTS = {
    "words.txt": "boat\nkid\njail bait\n",
    "addresses.txt": "removed.test\nhttps://images.test/listed.jpg\n",
    "hashes.txt": "md5:" + hashlib.md5(b"listed").hexdigest() + "\n",
    "phashes.txt": "phash:" + "0123456789abcdef\n",
    "pdqs.txt": "pdq:" + "0123456789abcdef" * 4 + "\n",
}
fetched = st.builds(
    lambda candidate, body: a_fetched(body, candidate=candidate, final_url=candidate.image_url), candidates, bodies
)
CASES: dict[str, Case] = {
    "candidates.text_length": Case(({}, {"min_characters": 3, "max_characters": 6}, {"min_characters": 0}), candidates),
    "candidates.language": Case(
        ({}, {"languages": ["de", "ja"], "min_confidence": 0.3, "unknown": "keep"}), candidates
    ),
    "candidates.script": Case(({}, {"scripts": ["Cyrl"], "unknown": "keep"}), candidates),
    "candidates.alphanumeric": Case(({}, {"min_share": 0.9}), candidates),
    "candidates.boilerplate": Case(({}, {"kinds": ["files"]}), candidates),
    "candidates.keywords": Case(({"path": "words.txt"},), candidates),
    "candidates.url_extension": Case(({}, {"extensions": [".JPG"]}), candidates),
    "candidates.url_secret": Case(({}, {"parameters": ["x"]}), candidates),
    "candidates.url_removal": Case(({"path": "addresses.txt"},), candidates),
    "bodies.final_url_removal": Case(({"path": "addresses.txt"},), fetched),
    "bodies.hash_removal": Case(({"path": "hashes.txt"},), fetched),
    "bodies.min_bytes": Case(({"body_bytes": 5}, {"body_bytes": 1}), fetched),
    "pictures.min_side": Case(({"pixels": 5}, {"pixels": 1}), pictures),
    "pictures.aspect": Case(({"max_ratio": 1.5}, {"max_ratio": 3}, {"max_ratio": 1}), pictures),
    "pictures.synthetic": Case(({}, {"marks": ["png: *"]}), pictures),
    "pictures.phash_removal": Case(({"path": "phashes.txt", "radius": 8},), pictures),
    "pictures.pdq_removal": Case(({"path": "pdqs.txt", "turned": False, "resized": False},), pictures),
}
#: by a score: below
BY_SCORE = {
    "pictures.clip_similarity", "pictures.unsafe_prompts", "pictures.unsafe_head", "pictures.watermark_head",
    "pictures.aesthetic_head", "pictures.synthetic_head", "pictures.nsfw_onnx",
}  # fmt: skip
#: no column tells what these look at
NEVER = {"bodies.c2pa_opt_out", "pictures.near_uniform"}


def test_every_filter_is_redrawn_or_cannot_be() -> None:
    assert set(filters.names()) == CASES.keys() | BY_SCORE | NEVER
    for name in NEVER:
        build: Any = filters.load(name, {}) if name == "pictures.near_uniform" else object()
        assert redrawn_of(build) == Redrawn()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recipe's folder, with lists."""
    made = tmp_path_factory.mktemp("recipe")
    for name, text in LISTS.items():
        (made / name).write_text(text)
    return made


@pytest.mark.parametrize("name", CASES)
@settings(max_examples=3)
@given(data=st.data())
def test_what_is_redrawn_is_what_was_judged(name: str, folder: Path, data: st.DataObject) -> None:
    records = data.draw(st.lists(CASES[name].records, min_size=1, max_size=25))
    for chosen in CASES[name].settings:
        built = filters.load(name, chosen, folder=folder)
        judged = [verdict.keep for verdict in built.judge(records)]
        assert said_of_rows(folder, redrawn_of(built), [row_of(record) for record in records]) == judged


@pytest.mark.parametrize("name", CASES)
def test_what_a_row_does_not_hold_is_not_guessed(name: str, folder: Path) -> None:
    built = filters.load(name, CASES[name].settings[0], folder=folder)
    assert said_of_rows(folder, redrawn_of(built), [{"status": "filtered", "reason": "any"}]) == [None]
    assert said_of_rows(folder, Redrawn(), [row_of(a_candidate())]) == [None]


def test_a_list_of_hashes_of_addresses_may_name_what_a_page_wrote(tmp_path: Path) -> None:
    (tmp_path / "l.txt").write_text("0" * 15 + "1" + "0" * 16 + "\n")
    built = filters.load("candidates.url_removal", {"path": "l.txt", "kind": "url_md5"}, folder=tmp_path)
    assert built.judge([a_candidate()]) == [Verdict(keep=True)]
    assert said_of_rows(tmp_path, redrawn_of(built), [row_of(a_candidate())]) == [None]


def test_turned_forms_of_a_picture_are_not_in_its_row(folder: Path) -> None:
    built = filters.load("pictures.pdq_removal", {"path": "pdqs.txt"}, folder=folder)
    rows: list[Row] = [
        {"pdq": "0123456789abcdef" * 4, "pdq_quality": 100}, {"pdq": "f" * 64, "pdq_quality": 100},
        {"pdq": "0123456789abcdef" * 4, "pdq_quality": 49}, {"pdq": None, "pdq_quality": None},
    ]  # fmt: skip
    assert said_of_rows(folder, redrawn_of(built), [row | {"status": "filtered"} for row in rows]) == [
        False, None, True, None,
    ]  # fmt: skip


# filters by a score --------------------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class AnEngine:
    """A model that is only known by name."""

    name: str
    batch_size: int = 4

    @property
    def provenance(self) -> str:
        model, _, precision = self.name.rpartition(" ")
        return f"{model}@sha256:0123456789ab {precision}"


ENGINE, OTHER = AnEngine("it's/50%_ float32"), AnEngine("ViT-B-32/laion float16")


def by_rule(rule: Any, column: str, folder: Path, records: list[tuple[Candidate, float]]) -> None:
    """A rule on scores says of rows what it said of the scores."""
    redrawn = rule.redrawn(column, made_by_engine(column, ENGINE.name, "head.npy@sha256:0"))
    verdicts = [rule.verdict(score, candidate, column) for candidate, score in records]
    made = f"{ENGINE.provenance} head.npy@sha256:0"
    rows = [
        row_of(a_picture(fetched=a_fetched(b"", candidate=candidate)), scores_of(column, verdict, made))
        for (candidate, _), verdict in zip(records, verdicts, strict=True)
    ]
    # a model that gave no number leaves no score
    expected = [None if verdict.score is None else verdict.keep for verdict in verdicts]
    assert said_of_rows(folder, redrawn, rows) == expected


@settings(max_examples=4)
@given(records=st.lists(st.tuples(candidates, probabilities), min_size=1, max_size=25))
def test_safety_rules_are_redrawn_from_scores_and_captions(
    folder: Path, records: list[tuple[Candidate, float]]
) -> None:
    words = keywords("boat", "kid")
    for rule in (
        UnsafeRule(0.3),
        UnsafeRule(1.0, 0.3, words),
        UnsafeRule(0.45, 0.951, words),
        UnsafeRule(0.5, 0.1, words),
    ):
        by_rule(rule, "punsafe", folder, records)


@settings(max_examples=3)
@given(records=st.lists(st.tuples(candidates, probabilities), min_size=1, max_size=25))
def test_heads_are_redrawn_from_their_scores(folder: Path, records: list[tuple[Candidate, float]]) -> None:
    for rule in (AtLeast(0.3), AtMost(0.3)):
        by_rule(rule, "aesthetic", folder, records)


def embedded(candidate: Candidate, cosine: float, engine: AnEngine) -> Embedded:
    image, text = np.array([1, 0], np.float32), np.array([cosine, 0], np.float32)
    return Embedded(candidate, image, text, engine.provenance)


@settings(max_examples=4)
@given(
    records=st.lists(st.tuples(candidates, probabilities), min_size=1, max_size=25),
    threshold=st.sampled_from([0.3, 0.28000001907348633, float(np.float32(0.3))]),
)
def test_similarity_is_redrawn_by_the_route_of_the_caption(
    folder: Path, records: list[tuple[Candidate, float]], threshold: float
) -> None:
    one: Any = ClipSimilarity(Scale(ENGINE, threshold), (("de", Scale(OTHER, 0.45)), ("ja", Scale(OTHER, 0.45))), 0.3)  # type: ignore[arg-type] # knows no pictures
    seen = [embedded(candidate, score, one.engine_for(candidate)) for candidate, score in records]
    verdicts = one.judge_embedded(seen)
    rows = [
        row_of(
            a_picture(fetched=a_fetched(b"", candidate=picture.candidate)),
            scores_of("similarity", verdict, picture.model),
        )
        for picture, verdict in zip(seen, verdicts, strict=True)
    ]
    expected = [None if verdict.score is None else verdict.keep for verdict in verdicts]
    assert said_of_rows(folder, redrawn_of(one), rows) == expected
    strange = [row | {"similarity_model": "another@sha256:0123456789ab float32"} for row in rows]
    assert said_of_rows(folder, redrawn_of(one), strange) == [None] * len(rows)


def test_what_a_head_makes_of_vectors_is_redrawn_if_it_is_this_head(folder: Path) -> None:
    layer = Layer(0, np.array([[1.0, -1.0]]), None)
    one: Any = HeadFilter(Head("head.npy@sha256:0", (layer,), (), "none", 0), ENGINE, AtLeast(0.1), "aesthetic")  # type: ignore[arg-type] # knows no pictures
    seen = [
        embedded(a_candidate(), 0.0, ENGINE)._replace(image=np.array(image, np.float32)) for image in ([1, 0], [0, 1])
    ]
    verdicts = one.judge_embedded(seen)
    rows = [
        row_of(a_picture(), scores_of("aesthetic", verdict, f"{ENGINE.provenance} {one.made_by}"))
        for verdict in verdicts
    ]
    assert said_of_rows(folder, redrawn_of(one), rows) == [True, False]
    others = [row | {"aesthetic_model": ENGINE.provenance} for row in rows]
    assert said_of_rows(folder, redrawn_of(one), others) == [None, None]


def test_an_independent_classifier_is_redrawn_from_its_own_scores(folder: Path) -> None:
    one = NsfwOnnx(UnsafeRule(0.3))
    rows = [
        row_of(a_picture(), scores_of("punsafe_onnx", Verdict(True, score), made))
        for score, made in ((0.3, one.provenance), (0.31, one.provenance), (0.1, "other"))
    ]
    assert said_of_rows(folder, redrawn_of(one), rows) == [True, False, None]


def test_redrawing_loads_no_model(folder: Path) -> None:
    built = filters.load("pictures.clip_similarity", {"threshold": 0.3})
    rows = [
        row_of(a_picture(), scores_of("similarity", Verdict(True, 0.3), "pairtrawl-tiny@sha256:78c59187839c float32"))
    ]
    assert said_of_rows(folder, redrawn_of(built), rows) == [True]
    assert "float32" in redrawn_of(filters.load("pictures.unsafe_prompts", {})).maker


# SQL -----------------------------------------------------------------------------------------------------------------


@settings(max_examples=40)
@given(
    st.one_of(
        st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])),
        st.integers(-(2**53), 2**53),
        st.floats(),
        st.booleans(),
    )
)
def test_a_literal_is_the_value_to_the_last_bit_and_nothing_else(value: str | float) -> None:
    ((back,),) = database().execute(f"SELECT {literal(value)}").fetchall()
    assert back == value or (math.isnan(float(value)) and math.isnan(back))


def test_a_text_with_nul_is_refused() -> None:
    with pytest.raises(ValueError, match="NUL"):
        literal("a\0b")


def test_no_number_is_on_no_side_of_a_line() -> None:
    ((said,),) = database().execute(f"SELECT {from_on('s', 0.5)} FROM (SELECT 'nan'::DOUBLE AS s)").fetchall()
    assert said is False


# lines ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "chosen", "lines"),
    [
        ("pictures.clip_similarity", {}, [Line("similarity", 0.28, "from")]),
        (
            "pictures.clip_similarity",
            {"threshold": 0.26, "routes": [{"languages": ["en", "de"], "threshold": 1, "model": "gone"}]},
            [Line("similarity", 0.26, "from"), Line("similarity", 1.0, "from", "en de")],
        ),
        ("pictures.unsafe_head", {"head": "gone.npy"}, [Line("punsafe", 0.5, "below")]),
        (
            "pictures.nsfw_onnx",
            {"keyword_threshold": 0.3, "keywords": "gone.txt"},
            [Line("punsafe_onnx", 0.8, "below"), Line("punsafe_onnx", 0.3, "below", "with a listed word")],
        ),
        ("pictures.aesthetic_head", {"head": "gone.npy", "threshold": 6}, [Line("aesthetic", 6.0, "from")]),
        ("pictures.min_side", {}, [Line("shorter side", 64, "from")]),
        ("pictures.aspect", {}, [Line("aspect ratio", 3.0, "below")]),
        ("bodies.min_bytes", {}, [Line("bytes", 5000, "from")]),
        (
            "candidates.text_length",
            {"max_characters": 9},
            [Line("caption characters", 5, "from"), Line("caption characters", 9, "below")],
        ),
        ("candidates.keywords", {"path": "gone.txt"}, []),
    ],
)  # fmt: skip
def test_lines_follow_from_settings_alone(name: str, chosen: dict[str, Any], lines: list[Line]) -> None:
    assert list(lines_of(name, chosen)) == lines


def test_every_filter_by_a_score_has_a_line() -> None:
    for name in BY_SCORE:
        assert lines_of(name, {})
