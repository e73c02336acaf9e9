"""Conditions as people write them: what they mean, and that they mean nothing else."""

from __future__ import annotations

from contextlib import suppress

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crawler.errors import SettingsError
from workers.dataset.comparing.conditions import condition

ROWS = pa.table({
    "punsafe": pa.array([0.1, 0.5, None, 0.45, -1e-3]),
    "width": pa.array([64, 200, 300, None, 2**40], pa.int64()),
    "language": pa.array(["en", "de", None, "it's", ""]),
    "kept": pa.array([True, False, None, True, False]),
    "nothing": pa.nulls(5),
    "odd name": pa.array(["a_b", "a%b", "axb", "", None]),
})  # fmt: skip

CASES = [
    "punsafe <= 0.45", "punsafe < .45 and width >= 64", "not punsafe > 0.2", "language in ('en', 'it''s')",
    "language not in ('en')", "language is null", "language is not null and not (width > 100)", "kept = true",
    "kept <> true or punsafe is null", "width between 100 and 400", "width not between 100 and 400", "width != -3",
    "\"odd name\" like 'a%b'", "\"odd name\" like 'a_b'", "\"odd name\" not like '%b'", "nothing = 3", "nothing is null",
    "punsafe > -1e-2 AND (language = 'en' OR language = 'de' OR kept = false) and not width = 7", "width = 200.0",
    "not not kept = true", "language = '' or language = 'DE'", "width in (64, 1099511627776, 9.5)", "punsafe >= +5e-1",
]  # fmt: skip


@pytest.mark.parametrize("written", CASES)
def test_a_condition_means_what_it_means_in_sql(written: str) -> None:
    with duckdb.connect() as database:
        database.register("rows", ROWS)
        wanted = database.sql(f"SELECT coalesce(({written}), false) AS yes FROM rows").fetchall()
    assert [(one,) for one in condition(written).holds(ROWS).tolist()] == wanted


@pytest.mark.parametrize(
    "written",
    [
        "", "   ", "punsafe", "punsafe <", "punsafe < width", "1 = 1", "true", "(punsafe < 1", "punsafe < 1)", "punsafe < 1 1",
        "lower(language) = 'en'", "language = \"en\"", "language in ()", "language in ('a' 'b')", "punsafe < 1; drop table x",
        "language in (select 1)", "exists (select * from read_csv('/etc/passwd'))", "language = 'open", "punsafe between 1 or 2",
        "punsafe not < 1", "punsafe is 3", "and punsafe < 1", "punsafe < 1 -- and", "select = 1 from", "(" * 60 + "a=1" + ")" * 60,
        "a = 1 or " * 20_000 + "a = 1", "a = 'b' || 'c'", "a.b() = 1", "-punsafe < 1", "a = 1e", "a = $1",
    ],
)  # fmt: skip
def test_what_is_no_condition_is_told_and_never_tried(written: str) -> None:
    with pytest.raises(SettingsError):
        condition(written)


@pytest.mark.parametrize("written", ["language < 3", "width = '200'", "kept = 1", "punsafe like 'a'", "width = true"])
def test_columns_are_compared_with_values_of_their_kind_only(written: str) -> None:
    with pytest.raises(SettingsError, match="of type"):
        condition(written).holds(ROWS)


def test_the_columns_that_are_asked_are_known_beforehand() -> None:
    assert condition("a = 1 and (b is null or a > 3) and \"c d\" like 'x'").columns == ("a", "b", "c d")


@given(st.text("abn 'd\"o(r)=<1.,t", max_size=30))
def test_any_text_is_a_condition_or_an_error_of_the_settings(written: str) -> None:
    with suppress(SettingsError):
        condition(written)


@settings(max_examples=40)
@given(st.text(max_size=20))
def test_a_text_finds_itself_whatever_it_holds(text: str) -> None:
    rows = pa.table({"a": [text, f"{text}x", None]})
    quoted = text.replace("'", "''")
    assert condition(f"a = '{quoted}'").holds(rows).tolist() == [True, False, False]
