"""What a condition asks of the columns of a table: tests that answer yes, no or null for each row, in SQL's logic."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    import pyarrow as pa

Value: TypeAlias = float | int | str | bool
#: an array of Arrow; booleans, but for `_of_kind`
Answer: TypeAlias = Any
Test: TypeAlias = Callable[["pa.Table"], Answer]
SIGNS: Mapping[str, str] = {
    "=": "equal", "==": "equal", "<>": "not_equal", "!=": "not_equal", "<": "less", "<=": "less_equal", ">": "greater",
    ">=": "greater_equal",
}  # fmt: skip


def folded(name: str, tests: list[Test]) -> Test:
    """All tests joined by a function of two, such as "and_kleene"."""

    def test(rows: pa.Table) -> Answer:
        import pyarrow.compute as pc  # noqa: PLC0415 - heavy

        answer = tests[0](rows)
        for one in tests[1:]:
            answer = pc.call_function(name, [answer, one(rows)])
        return answer

    return test


def called(name: str, inner: Test) -> Test:
    """A test behind a function of one, such as "invert"."""

    def test(rows: pa.Table) -> Answer:
        import pyarrow.compute as pc  # noqa: PLC0415 - heavy

        return pc.call_function(name, [inner(rows)])

    return test


def compared(column: str, sign: str, value: Value) -> Test:
    """A column beside a value; `sign` is one of `SIGNS`. TypeError where the column holds other things."""

    def test(rows: pa.Table) -> Answer:
        import pyarrow as pa  # noqa: PLC0415 - heavy
        import pyarrow.compute as pc  # noqa: PLC0415 - heavy

        return pc.call_function(SIGNS[sign], [_of_kind(rows, column, value), pa.scalar(value)])

    return test


def among(column: str, values: list[Value]) -> Test:
    """A column that has one of these values."""
    return folded("or_kleene", [compared(column, "=", value) for value in values])


def like(column: str, pattern: str) -> Test:
    """A column of texts that fit a pattern: % is any text, _ any character."""

    def test(rows: pa.Table) -> Answer:
        import pyarrow.compute as pc  # noqa: PLC0415 - heavy

        return pc.match_like(_of_kind(rows, column, pattern), pattern)

    return test


def null_or_not(column: str, *, negated: bool) -> Test:
    """A column that has no value; `negated`: that has one."""

    def test(rows: pa.Table) -> Answer:
        import pyarrow.compute as pc  # noqa: PLC0415 - heavy

        return pc.is_valid(rows.column(column)) if negated else pc.is_null(rows.column(column))

    return test


def _of_kind(rows: pa.Table, column: str, value: Value) -> Answer:
    """The column, where it holds values of this kind: a text that looks like a number is not taken for one."""
    import pyarrow as pa  # noqa: PLC0415 - heavy

    values = rows.column(column)
    kind, types = values.type, pa.types
    if isinstance(value, bool):
        fits = types.is_boolean(kind)
    elif isinstance(value, str):
        fits = types.is_string(kind) or types.is_large_string(kind)
    else:
        fits = types.is_integer(kind) or types.is_floating(kind)
    if not fits and not types.is_null(kind):
        raise TypeError(f"column {column} is of type {kind}, and is compared with {value!r}")
    return values.cast(pa.scalar(value).type) if types.is_null(kind) else values
