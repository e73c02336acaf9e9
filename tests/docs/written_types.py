"""Types and values as a reader of the reference pages knows them: words for types, TOML for values."""

from __future__ import annotations

import json
from collections.abc import Mapping
from enum import Enum
from typing import Any

import msgspec
from msgspec import inspect

_PLAIN = {inspect.StrType: "text", inspect.BoolType: "true or false", inspect.AnyType: "anything"}


def type_in_words(hint: Any) -> str:
    """Such as "whole number, 1 or more"; the same on every Python."""
    return _words(inspect.type_info(hint))


def _words(kind: inspect.Type) -> str:
    match kind:
        case inspect.IntType():
            return "whole number" + _range(kind)
        case inspect.FloatType():
            return "number" + _range(kind)
        case inspect.LiteralType(values=values):
            return " or ".join(f"`{json.dumps(value)}`" for value in values)
        case inspect.EnumType(cls=enum):
            return " or ".join(f"`{json.dumps(one.value)}`" for one in enum)
        case inspect.VarTupleType(item_type=item):
            return f"list of {_words(item)}"
        case inspect.DictType(value_type=value):
            return f"table of {_words(value)}"
        case inspect.UnionType(types=types):
            return " or ".join(_words(one) for one in types if not isinstance(one, inspect.NoneType))
        case inspect.StructType(fields=fields) | inspect.DataclassType(fields=fields):
            return f"table with {', '.join(f'`{one.encode_name}`' for one in fields)}"
    return _PLAIN[type(kind)]


def _range(kind: inspect.IntType | inspect.FloatType) -> str:
    lowest = f"{kind.ge} or more" if kind.ge is not None else f"more than {kind.gt}" if kind.gt is not None else ""
    highest = f"{kind.le:,} or less" if kind.le is not None else f"less than {kind.lt:,}" if kind.lt is not None else ""
    if kind.ge is not None and kind.le is not None:
        return f", {kind.ge} to {kind.le:,}"
    return "".join(f", {one}" for one in (lowest, highest) if one)


def value_in_toml(value: Any) -> str:
    """How a default would be written in a recipe; `none` where it can only be left out."""
    match value:
        case None:
            return "none"
        case bool():
            return "`true`" if value else "`false`"
        case Enum():
            return value_in_toml(value.value)
        case int():
            return f"`{value:_}`" if abs(value) >= 10_000 else f"`{value}`"
        case msgspec.Struct() | Mapping():
            tree = msgspec.to_builtins(value)
            return "`{}`" if not tree else f"`{{ {', '.join(f'{key} = {_inner(one)}' for key, one in tree.items())} }}`"
        case tuple() | list():
            return f"`[{', '.join(map(_inner, value))}]`"
    return f"`{_inner(value)}`"


def _inner(value: Any) -> str:
    return json.dumps(value.value if isinstance(value, Enum) else value, ensure_ascii=False)
