"""V0 of a fetch job: a raw shard, with its pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa

from crawler.picture.decode import Refused, decode_body
from crawler.picture.encode import largest_written
from crawler.raw import RawHead
from crawler.rows import arrow_schema, columns_with
from crawler.settings import Decode
from workers.tracker.checking.inside.files import required_names
from workers.tracker.checking.inside.given import check_foretold, differs, given_rows, input_of, paired
from workers.tracker.checking.inside.reports import check_stages, read_report
from workers.tracker.checking.inside.row_rules import RowRules
from workers.tracker.checking.inside.tables import opened, rows_of
from workers.tracker.checking.inside.tallies import Tallies
from workers.tracker.checking.inside.wrong import WrongError, insist
from workers.tracker.checking.orders import Look, Structure

#: where our part of the footer stands (crawler/raw.py)
_FOOTER = b"pairtrawl.raw"
_KINDS = {"jpg": "JPEG", "png": "PNG", "webp": "WEBP"}


def look_at_raw(look: Look) -> Structure:
    """Whether a raw shard is whole and answers the plan row by row; each picture is decoded, here in the cell.

    Raises:
        WrongError: it does not.
    """
    (name,) = required_names(look)
    found = input_of(look).rows
    shard = arrow_schema(columns_with(look.judges.picture_columns))
    schema = shard.remove(shard.get_field_index("key"))
    for column, kind in (("index", pa.int64()), ("image", pa.binary()), ("extension", pa.string())):
        schema = schema.append(pa.field(column, kind))
    columns = tuple(one for one in columns_with(look.judges.picture_columns) if one[0] != "key")
    rules, tallies, settings = RowRules(look, columns), Tallies(look), _as_published(look)
    with opened(Path(look.folder) / name, schema, look.bound) as file:
        head = _head(file.metadata.metadata or {}, look, name)
        insist(head.rows == found, f"{name}: of {head.rows} rows, but the job has {found}")
        insist(head.scores == look.judges.picture_columns, f"{name}: scores of other filters")
        missing = set(range(found))
        for given, row in paired(given_rows(look), rows_of(file), "index", lambda index: index):
            where = f"row {given.index}"
            missing.discard(given.index)
            stage = rules.check(row, where)
            if column_name := differs(row, given.row):
                raise WrongError(f"{where}: another {column_name} than in the plan")
            check_foretold(look, given.index, row["reason"], where)
            _check_picture(row, rules, settings, look, where, kept=not stage)
            tallies.take(row, stage)
    insist(tuple(sorted(missing)) == head.withheld, f"{name}: rows are missing that are not withheld")
    report = read_report(msgspec.to_builtins(head.report), look, name)
    check_stages(report, look, found=found, turned=tallies.reasons, withheld=len(missing))
    return Structure(figures=tallies.figures(report))


def _head(metadata: dict[bytes, bytes], look: Look, name: str) -> RawHead:
    content = metadata.get(_FOOTER, b"")
    insist(len(content) <= look.bound.marker_bytes, f"{name}: too much in its footer")
    try:
        return msgspec.json.decode(content, type=RawHead)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise WrongError(f"{name}: is no raw shard: {error}") from error


def _as_published(look: Look) -> Decode:
    """As `crawler.job.looking.as_published`, without importing what fetches."""
    recipe = look.recipe
    largest = largest_written(recipe.output, recipe.decode.pixels)
    return msgspec.structs.replace(
        recipe.decode, formats=("JPEG", "PNG", "WEBP"), pixels=largest.pixels, side_pixels=largest.side_pixels
    )


def _check_picture(
    row: dict[str, Any], rules: RowRules, settings: Decode, look: Look, where: str, *, kept: bool
) -> None:
    image, extension = row["image"], row["extension"]
    if not kept:
        insist(image is None and extension == "", f"{where}: rejected, with a picture")
        return
    insist(image is not None and extension == rules.extension(row), f"{where}: kept without its picture")
    insist(0 < len(image) <= look.bound.picture_bytes, f"{where}: a picture of {len(image)} bytes")
    decoded = decode_body(image, settings)
    if isinstance(decoded, Refused):
        raise WrongError(f"{where}: its picture cannot be decoded: {decoded.fault} {decoded.detail}")
    insist(decoded.header.format == _KINDS[extension], f"{where}: a picture of another form")
    size = (decoded.header.width, decoded.header.height)
    insist(size == (row["width"], row["height"]), f"{where}: a picture of {size}, not as its row says")
