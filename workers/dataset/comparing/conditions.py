"""Conditions on the columns of a table, written as in SQL, but read by us: who wrote one can ask for rows alone.

No function, no file, no sub-query has a spelling here.

    punsafe <= 0.45 and (language in ('en', 'de') or language is null) and not caption like '%stock photo%'
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from crawler.errors import SettingsError
from workers.dataset.comparing.condition_tests import (
    SIGNS,
    Test,
    Value,
    among,
    called,
    compared,
    folded,
    like,
    null_or_not,
)

if TYPE_CHECKING:
    import pyarrow as pa

_TOKEN = re.compile(
    r"""\s*(?:(?P<number>[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)
    |(?P<text>'(?:[^']|'')*')
    |"(?P<quoted>(?:[^"]|"")+)"
    |(?P<word>[A-Za-z_][A-Za-z0-9_.]*)
    |(?P<sign><=|>=|<>|!=|==|[=<>(),]))""",
    re.VERBOSE,
)
_RESERVED = frozenset(["and", "or", "not", "in", "is", "null", "like", "between", "true", "false"])
#: brackets in brackets: a condition that a person wrote has three
_DEEPEST = 50
_LONGEST = 100_000


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition that was understood."""

    written: str
    columns: tuple[str, ...]  # that it asks, each once
    test: Test

    def holds(self, rows: pa.Table) -> NDArray[np.bool_]:
        """Whether it holds, for each row; where a column has no value, so that nothing can be told, it does not.

        Raises:
            SettingsError: a column is of a type that cannot be compared so.
        """
        import pyarrow as pa  # noqa: PLC0415 - heavy
        import pyarrow.compute as pc  # noqa: PLC0415 - heavy

        try:
            answer = pc.fill_null(self.test(rows), False)
        except (pa.ArrowException, TypeError) as error:
            raise SettingsError(f"{self.written}: cannot be asked of these columns: {error}") from error
        return np.array(answer.to_pylist(), np.bool_)


def condition(written: str) -> Condition:
    """Read a condition.

    Columns compare with numbers, 'texts', true and false by = <> < <= > >=, in (...), between ... and ..., like '%_',
    is null; and, or, not and brackets join. A column whose name is no word stands in "quotation marks".

    Raises:
        SettingsError: it is none; the message says where.
    """
    if len(written) > _LONGEST:
        raise SettingsError(f"a condition of {len(written):,} characters; use a file of ids")
    reading = _Reading(written)
    test = reading.either(0)
    if reading.here is not None:
        raise reading.wrong("nothing, or `and`, or `or`")
    return Condition(written, tuple(dict.fromkeys(reading.columns)), test)


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    place: int


class _Reading:
    """Where a reader is; one method for each rule of the grammar."""

    def __init__(self, written: str) -> None:
        self._written = written
        self._tokens = _tokens(written)
        self.here: _Token | None = next(self._tokens, None)
        self.columns: list[str] = []

    def wrong(self, expected: str) -> SettingsError:
        found = "its end" if self.here is None else f"{self.here.text!r} at character {self.here.place + 1}"
        return SettingsError(f"{self._written}: no condition: {expected} was expected, and there is {found}")

    def either(self, depth: int) -> Test:
        return self._joined("or", self._both, depth)

    def _both(self, depth: int) -> Test:
        return self._joined("and", self._one, depth)

    def _joined(self, word: str, rule: Callable[[int], Test], depth: int) -> Test:
        tests = [rule(depth)]
        while self._word(word):
            tests.append(rule(depth))
        return tests[0] if len(tests) == 1 else folded(f"{word}_kleene", tests)

    def _one(self, depth: int) -> Test:
        if depth > _DEEPEST:
            raise SettingsError(f"a condition of more than {_DEEPEST} brackets in brackets")
        if self._word("not"):
            return called("invert", self._one(depth + 1))
        if self._sign("("):
            inner = self.either(depth + 1)
            if not self._sign(")"):
                raise self.wrong("`)`")
            return inner
        return self._comparison(self._column())

    def _comparison(self, column: str) -> Test:
        if self._word("is"):
            negated = self._word("not")
            if not self._word("null"):
                raise self.wrong("`null`")
            return null_or_not(column, negated=negated)
        negated = self._word("not")
        if self._word("in"):
            test = among(column, self._values())
        elif self._word("like"):
            test = like(column, self._text())
        elif self._word("between"):
            low = self._value()
            if not self._word("and"):
                raise self.wrong("`and`")
            test = folded("and_kleene", [compared(column, ">=", low), compared(column, "<=", self._value())])
        elif not negated and self.here is not None and self.here.kind == "sign" and self.here.text in SIGNS:
            sign = self._next().text
            test = compared(column, sign, self._value())
        else:
            raise self.wrong("`in`, `like` or `between`" if negated else "a comparison")
        return called("invert", test) if negated else test

    def _column(self) -> str:
        if self.here is None or not (
            self.here.kind == "quoted" or (self.here.kind == "word" and self.here.text.lower() not in _RESERVED)
        ):
            raise self.wrong("a column")
        name = self._next().text
        self.columns.append(name)
        return name

    def _values(self) -> list[Value]:
        if not self._sign("("):
            raise self.wrong("`(`")
        values = [self._value()]
        while self._sign(","):
            values.append(self._value())
        if not self._sign(")"):
            raise self.wrong("`)`")
        return values

    def _value(self) -> Value:
        if self._word("true"):
            return True
        if self._word("false"):
            return False
        if self.here is not None and self.here.kind == "number":
            text = self._next().text
            return int(text) if re.fullmatch(r"[+-]?\d{1,18}", text) else float(text)
        return self._text()

    def _text(self) -> str:
        if self.here is None or self.here.kind != "text":
            raise self.wrong("a number, true, false or a 'text'")
        return self._next().text

    def _next(self) -> _Token:
        token = self.here
        assert token is not None
        self.here = next(self._tokens, None)
        return token

    def _word(self, word: str) -> bool:
        if self.here is None or self.here.kind != "word" or self.here.text.lower() != word:
            return False
        self._next()
        return True

    def _sign(self, sign: str) -> bool:
        if self.here is None or self.here.kind != "sign" or self.here.text != sign:
            return False
        self._next()
        return True


def _tokens(written: str) -> Iterator[_Token]:
    place = 0
    while written[place:].strip():
        found = _TOKEN.match(written, place)
        if found is None or found.lastgroup is None:
            raise SettingsError(f"{written}: no condition: character {place + 1} begins nothing that is known here")
        kind, text = found.lastgroup, found[found.lastgroup]
        begins = found.start(kind)
        if kind == "text":
            text = text[1:-1].replace("''", "'")
        elif kind == "quoted":
            text = text.replace('""', '"')
        yield _Token(kind, text, begins)
        place = found.end()
