"""Some rows of a shard, with their pictures, for checks that look at them outside."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from crawler.raw import read_rows
from crawler.rows import arrow_schema, columns_with
from crawler.write import key_of
from workers.tracker.checking.inside.files import required_names
from workers.tracker.checking.inside.given import input_of
from workers.tracker.checking.inside.reports import stage_of
from workers.tracker.checking.inside.tables import opened
from workers.tracker.checking.inside.wrong import WrongError, insist
from workers.tracker.checking.orders import Look, Sampled, SampledRow, Samples, Sampling

_BLOCK = 512
#: where rows end that were asked for, and not by a model
_ASKED_FOR = ("fetch", "decode", "filter bodies", "filter pictures")
#: of one drawn picture, and of all: larger ones are passed over
_PICTURE_BYTES = 8 * 1024 * 1024
_ALL_BYTES = 40 * 1024 * 1024


def sample(order: bytes) -> Samples:
    """Draw rows."""
    asked = msgspec.json.decode(order, type=Sampling)
    try:
        return _sampled(asked)
    except (WrongError, msgspec.ValidationError) as error:
        return Samples(wrong=str(error)[:1_000])


def _sampled(asked: Sampling) -> Samples:
    look = asked.look
    columns = (*look.judges.picture_columns, *(look.judges.embedding_columns if look.kind != "fetch" else ()))
    table = Path(look.folder) / next(name for name in required_names(look) if name.endswith(".parquet"))
    with opened(table, _schema(look, columns), look.bound) as file:
        reasons = _reasons(file)
        kept = [number for number, reason in enumerate(reasons) if reason is None]
        turned = [number for number, reason in enumerate(reasons) if reason in look.judges.embeddings]
        rejected = [
            number
            for number, reason in enumerate(reasons)
            if reason and reason not in look.judges.embeddings and stage_of(reason, look.judges) in _ASKED_FOR
        ]
        wanted = [
            _chosen(asked.kept, kept), _chosen(asked.turned_by_models, turned), _chosen(asked.rejected, rejected),
        ]  # fmt: skip
        rows = dict(_rows(file, sorted({number for numbers in wanted for number in numbers})))
    pictures = _pictures(look, kept, wanted[0], wanted[1], rows)
    scores = [name for name, kind in columns if kind == "float"]
    answers, room = [], _ALL_BYTES
    for numbers in wanted:
        drawn = []
        for number in numbers:
            picture = pictures.get(number, b"")
            if len(picture) <= min(room, _PICTURE_BYTES):
                room -= len(picture)
                drawn.append(_described(rows[number], scores, picture))
        answers.append(drawn)
    return Samples(kept=answers[0], turned_by_models=answers[1], rejected=answers[2])


def _schema(look: Look, columns: Sequence[tuple[str, str]]) -> pa.Schema:
    schema = arrow_schema(columns_with(columns))
    if look.kind != "fetch":
        return schema
    schema = schema.remove(schema.get_field_index("key"))
    for name, kind in (("index", pa.int64()), ("image", pa.binary()), ("extension", pa.string())):
        schema = schema.append(pa.field(name, kind))
    return schema


def _reasons(file: pq.ParquetFile) -> list[str | None]:
    reasons: list[str | None] = []
    for group in range(file.num_row_groups):
        reasons += file.read_row_group(group, columns=["reason"], use_threads=False)["reason"].to_pylist()
    return reasons


def _described(row: dict[str, Any], scores: Sequence[str], picture: bytes) -> Sampled:
    return Sampled(
        row=msgspec.convert(row, SampledRow),
        scores={name: row[name] for name in scores},
        made_by={name: row.get(f"{name}_model") for name in scores},
        picture=picture,
    )


def _chosen(shares: Sequence[float], numbers: Sequence[int]) -> list[int]:
    return sorted({numbers[min(int(share * len(numbers)), len(numbers) - 1)] for share in shares}) if numbers else []


def _rows(file: pq.ParquetFile, numbers: Sequence[int]) -> Iterator[tuple[int, dict[str, Any]]]:
    first = 0
    for group in range(file.num_row_groups):
        length = file.metadata.row_group(group).num_rows
        here = [number for number in numbers if first <= number < first + length]
        if here:
            table = file.read_row_group(group, use_threads=False)
            for number in here:
                (row,) = table.slice(number - first, 1).to_pylist()
                yield number, row
        first += length


def _pictures(
    look: Look, kept: Sequence[int], wanted: Sequence[int], turned: Sequence[int], rows: dict[int, dict[str, Any]]
) -> dict[int, bytes]:
    """The pictures of these rows of the table."""
    if look.kind == "fetch":
        return {number: rows[number]["image"] for number in wanted}
    tar = Path(look.folder) / next(name for name in required_names(look) if name.endswith(".tar"))
    places = {number: place for place, number in enumerate(kept)}
    found = _of_tar(tar, {places[number]: number for number in wanted})
    if turned and look.kind == "score":
        found |= _of_raw(look, {rows[number]["key"]: number for number in turned})
    return found


def _of_tar(path: Path, wanted: dict[int, int]) -> dict[int, bytes]:
    """Pictures by their row: a sample has three members, of which the first is the picture."""
    found: dict[int, bytes] = {}
    with path.open("rb") as file:
        for place in range(max(wanted, default=-1) + 1):
            size = _member_size(file, path.name)
            if place in wanted:
                insist(size <= 1 << 30, f"{path.name}: a member of {size} bytes")
                found[wanted[place]] = file.read(size)
                file.seek(-size % _BLOCK, 1)
            else:
                file.seek(size + -size % _BLOCK, 1)
            for _ in range(2):
                rest = _member_size(file, path.name)
                file.seek(rest + -rest % _BLOCK, 1)
    return found


def _member_size(file: IO[bytes], name: str) -> int:
    head = file.read(_BLOCK)
    digits = head[124:135]
    insist(len(digits) == 11 and digits.isdigit(), f"{name}: not as we write it")
    try:
        return int(digits, 8)
    except ValueError as error:
        raise WrongError(f"{name}: not as we write it") from error


def _of_raw(look: Look, wanted: dict[str, int]) -> dict[int, bytes]:
    most = max(look.recipe.plan.rows_per_job, input_of(look).rows)
    return {
        wanted[key]: pictured.image
        for index, pictured in read_rows(Path(look.input))
        if (key := key_of(look.number, index, most, look.recipe.output)) in wanted
    }
