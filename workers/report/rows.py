"""Rows of tables, whoever wrote them, under the names and types of docs/formats.md: the report's border to DuckDB.

DuckDB streams the tables, with two threads and little memory; what does not fit spills to a folder that is gone
afterwards.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import duckdb

from crawler.errors import InputError
from crawler.statuses import SUCCESS
from filters.redrawn import literal, quoted

_TEXTS = (
    "url", "caption", "status", "reason", "content_id", "sha256", "licence", "language", "caption_language",
    "caption_source", "format",
)  # fmt: skip
_NUMBERS = ("width", "height", "original_width", "original_height", "body_bytes", "fetched_at")
_LISTS = ("page_opt_outs", "header_opt_outs")
#: what published lists call columns of ours; names are told apart without regard to case, as DuckDB does
_CALLED = {"text": "caption", "image_url": "url", "uid": "content_id"}
_WHOLE = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT")
_FRACTIONS = ("DOUBLE", "FLOAT")
#: numbers with a fraction that say how sure something is, and are no score of a pair
_NO_SCORES = frozenset(("caption_language_confidence",))
#: scores that are looked at: a table of features may have thousands of columns
_MOST_SCORES = 24
_THREADS = 2
_MEMORY = "1500MB"
#: a column that no table has
_FILE = "pairtrawl_file"

#: nothing is hidden
NOTHING: Mapping[Path, Sequence[int]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows in the view `rows`: columns of ours, scores as doubles under their own names, and the boolean `kept`.

    A column that the tables lack, or that holds something else than ours of that name, is not there.
    """

    database: Any  # of duckdb, which is untyped
    columns: frozenset[str]
    scores: tuple[str, ...]
    made_by: Mapping[str, str]  # score column -> the column that says what made it

    def has(self, *columns: str) -> bool:
        """Whether all of these columns are there."""
        return self.columns.issuperset(columns)

    def ask(self, query: str, **parameters: object) -> list[tuple[Any, ...]]:
        """The answer to a query; parameters stand in it as `$name`."""
        return [tuple(row) for row in self.database.execute(query, parameters or None).fetchall()]

    def one(self, query: str, **parameters: object) -> tuple[Any, ...]:
        """The only row of an answer."""
        (row,) = self.ask(query, **parameters)
        return row


@contextmanager
def open_rows(
    tables: Sequence[Path], *, hidden: Mapping[Path, Sequence[int]] = NOTHING, alike: bool = False
) -> Iterator[Rows]:
    """The rows of tables, but for hidden ones; without tables there are none, and no columns.

    Args:
        tables: parquet files.
        hidden: table -> rows of it that nobody is to see, by their places in the file, from 0.
        alike: they all have the columns of the first, as those of one run do: not every footer is read beforehand.

    Raises:
        InputError: here or inside: a table cannot be read.
    """
    if not tables:
        yield Rows(None, frozenset(), (), MappingProxyType({}))
        return
    with tempfile.TemporaryDirectory(prefix="pairtrawl-report-") as spill:
        settings = {"threads": _THREADS, "memory_limit": _MEMORY, "temp_directory": spill}
        try:
            with duckdb.connect(config={**settings, "preserve_insertion_order": False}) as database:
                database.execute("SET parquet_metadata_cache = true")
                yield _opened(database, tables, hidden, alike=alike)
        except duckdb.Error as error:
            raise InputError(f"{_named(tables)}: cannot be read as a table: {_first_line(error)}") from error


def _opened(
    database: Any,  # noqa: ANN401 - of duckdb, which is untyped
    tables: Sequence[Path],
    hidden: Mapping[Path, Sequence[int]],
    *,
    alike: bool,
) -> Rows:
    names = ", ".join(literal(_without_patterns(one)) for one in tables)
    with_places = any(len(places) for places in hidden.values())
    source = f"read_parquet([{names}], union_by_name={not alike}"
    source += f", filename='{_FILE}', file_row_number=true)" if with_places else ")"
    kinds = {
        str(name): str(kind)
        for name, kind, *_ in database.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()  # noqa: S608 - names are escaped
    }
    shown, scores = _shown(kinds)
    where = ""
    if with_places:
        _hide(database, hidden)
        where = f" WHERE NOT EXISTS (FROM hidden WHERE hidden.file = {_FILE} AND hidden.place = file_row_number)"
    columns = ", ".join(f"{told} AS {quoted(name)}" for name, told in shown.items())
    database.execute(f"CREATE VIEW rows AS SELECT {columns} FROM {source}{where}")  # noqa: S608 - names are escaped
    made_by = {one: f"{one}_model" for one in scores if f"{one}_model" in shown}
    return Rows(database, frozenset(shown), scores, MappingProxyType(made_by))


def _shown(kinds: Mapping[str, str]) -> tuple[dict[str, str], tuple[str, ...]]:
    """The columns of the view, each with what it is made of; and the scores among them."""
    by_name: dict[str, str] = {}
    for name in kinds:
        by_name.setdefault(name.lower(), name)
    for theirs, ours in _CALLED.items():
        if theirs in by_name:
            by_name.setdefault(ours, by_name[theirs])
    shown = {}
    for wanted, fits in ((_TEXTS, _is_text), (_NUMBERS, _is_whole), (_LISTS, _is_list)):
        for name in wanted:
            if name in by_name and fits(kinds[by_name[name]]):
                shown[name] = quoted(by_name[name])
    shown["kept"] = f"coalesce({shown['status']} = {literal(SUCCESS)}, false)" if "status" in shown else "true"
    scores = [name for name, kind in kinds.items() if _is_score(name, kind, kinds) and name.lower() not in shown]
    for name in scores[:_MOST_SCORES]:
        shown[name] = f"{quoted(name)}::DOUBLE"
        if _is_text(kinds.get(f"{name}_model", "")):
            shown[f"{name}_model"] = quoted(f"{name}_model")
    return shown, tuple(scores[:_MOST_SCORES])


def _is_score(name: str, kind: str, kinds: Mapping[str, str]) -> bool:
    """Whether a column is a score: a number with a fraction, or one that says what made it."""
    return name.lower() not in _NO_SCORES and (
        kind.startswith((*_FRACTIONS, "DECIMAL")) or (_is_whole(kind) and f"{name}_model" in kinds)
    ) and not kind.endswith("]")  # fmt: skip


def _is_text(kind: str) -> bool:
    return kind == "VARCHAR"


def _is_whole(kind: str) -> bool:
    return kind in _WHOLE


def _is_list(kind: str) -> bool:
    return kind == "VARCHAR[]"


def _hide(database: Any, hidden: Mapping[Path, Sequence[int]]) -> None:  # noqa: ANN401 - of duckdb, which is untyped
    import numpy as np  # noqa: PLC0415 - heavy
    import pyarrow as pa  # noqa: PLC0415 - heavy

    database.execute("CREATE TABLE hidden (file VARCHAR, place BIGINT)")
    for table, places in hidden.items():
        batch = pa.table({"file": [str(table)] * len(places), "place": pa.array(np.asarray(places, np.int64))})
        database.register("batch", batch)
        database.execute("INSERT INTO hidden SELECT * FROM batch")
        database.unregister("batch")


def _without_patterns(table: Path) -> str:
    """The path as DuckDB reads it, which takes some characters for patterns."""
    return re.sub(r"[*?\[]", lambda found: f"[{found[0]}]", str(table))


def _named(tables: Sequence[Path]) -> str:
    return str(tables[0]) if len(tables) == 1 else f"{tables[0]} and {len(tables) - 1} more"


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [""])[0]
