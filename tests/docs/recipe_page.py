"""docs/recipe.md, written from the code: every setting with its type, range, default, and the comment above it."""

from __future__ import annotations

import ast
import importlib
import inspect as python_inspect
import io
import tokenize
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import msgspec

from crawler import settings
from crawler.settings import Rebuild, Recipe
from filters import catalogue
from tests.docs.linked import linked
from tests.docs.written_types import type_in_words, value_in_toml

_OPENING = """\
# Recipe

A recipe is one TOML file that says what a data set is. Every table and every setting may be left out; a key that does not
exist is an error that names it. `--set SECTION.KEY=VALUE` sets one of them for once, `--set filters.NAME.KEY=VALUE` one of
a filter's. `pairtrawl filters list` prints the filters.

*Digest*: two runs whose recipes have the same digest over the same inputs make the same data set, and a run folder
belongs to one digest. "no" means: change it in the middle of a run, if you like. "later" means: part of the digest only
where it is not the default, for it came later than runs that can still be gone on with. Relative paths stand on the folder
of the recipe.

Written by `python tests/test_docs.py` from `crawler/settings.py` and `filters/`."""
_NO_SETTINGS = {"folder"}


def recipe_page() -> str:
    """The whole page."""
    told = _comments()
    lines = [_OPENING, "", "## Top of the file", "", *_table(Recipe, told["Recipe"], "")]
    for field in msgspec.structs.fields(Recipe):
        section = _section_of(field.type)
        if section is not None:
            lines += ["", f"## `[{field.name}]`", "", linked(_paragraph(section.__doc__))]
            lines += ["", *_table(section, told[section.__name__], field.name)]
    lines += ["", "## `[[filters]]`", "", _FILTERS]
    for entry in catalogue():
        lines += ["", f"### `{entry.name}`", "", linked(_docstring_of(entry.name))]
        if entry.settings:
            lines += ["", "| setting | type | default |", "|---|---|---|", *_filter_rows(entry.name)]
    return "\n".join(lines) + "\n"


def settings_without_a_word() -> list[str]:
    """Settings of a recipe above which no `#:` comment says what they are."""
    sections = {field.name for field in msgspec.structs.fields(Recipe) if _section_of(field.type) is not None}
    return [
        f"{section}.{name}"
        for section, fields in _comments().items()
        for name, said in fields.items()
        if not said and name not in sections | _SAID_ELSEWHERE
    ]


#: fields of `FilterChoice`, and where a recipe was read from: no settings
_SAID_ELSEWHERE = {"use", "settings", "folder"}

_FILTERS = """\
Each table names one filter by `use`, with its settings beside it. Folders must come in the order `candidates`, `bodies`,
`pictures`, for that is how they run; a filter may stand in a recipe once. What they drop, and why, is explained in
[Filters](filters.md). All their settings are part of the digest."""


def _table(section: type[msgspec.Struct], told: Mapping[str, str], name: str) -> list[str]:
    rows = ["| setting | type | default | digest | what it is |", "|---|---|---|---|---|"]
    for field in msgspec.structs.fields(section):
        if _section_of(field.type) is None and field.name not in {*_NO_SETTINGS, "filters"}:
            kind = type_in_words(field.type)
            default = value_in_toml(
                field.default if field.default is not msgspec.NODEFAULT else field.default_factory()
            )
            digest = _digest(name, field.name)
            rows.append(f"| `{field.name}` | {kind} | {default} | {digest} | {linked(_cell(told[field.name]))} |")
    return rows


def _section_of(kind: Any) -> type[msgspec.Struct] | None:
    """The table that a field of the recipe is, or None where it is a value."""
    for one in (kind, *get_args(kind)):
        if isinstance(one, type) and issubclass(one, msgspec.Struct) and one is not settings.FilterChoice:
            return one
    return None


def _digest(section: str, name: str) -> str:
    """Whether a change of a setting changes the digest, found out by changing it."""
    recipe = Recipe(rebuild=Rebuild())
    holder = getattr(recipe, section) if section else recipe
    changed = msgspec.structs.replace(holder, **{name: "something else"})
    both = msgspec.structs.replace(recipe, **{section: changed}) if section else changed
    if both.digest == recipe.digest:
        return "no"
    return "later" if (section, name) in {(one[0], one[1]) for one in settings._CAME_LATER} else "yes"


def _filter_rows(name: str) -> list[str]:
    build = importlib.import_module(f"filters.{name}").build
    hints = get_type_hints(build, include_extras=True)
    entry = next(one for one in catalogue() if one.name == name)
    return [
        f"| `{one.name}` | {type_in_words(_plain(hints[one.name]))} | "
        f"{'needed' if one.required else value_in_toml(one.default)} |"
        for one in entry.settings
    ]


def _plain(hint: Any) -> Any:
    """A hint without what is no part of a value's type."""
    return hint if get_origin(hint) is not Annotated or hint.__metadata__ else get_args(hint)[0]


def _docstring_of(name: str) -> str:
    module = importlib.import_module(f"filters.{name}")
    return python_inspect.cleandoc(module.__doc__ or "")


def _comments() -> dict[str, dict[str, str]]:
    """The `#:` comment above each field, and what stands behind it on its line, by class and field."""
    text = Path(settings.__file__).read_text(encoding="utf-8")
    comments = {
        token.start[0]: token.string
        for token in tokenize.generate_tokens(io.StringIO(text).readline)
        if token.type == tokenize.COMMENT
    }
    found: dict[str, dict[str, str]] = {}
    for node in ast.parse(text).body:
        if isinstance(node, ast.ClassDef):
            found[node.name] = {
                field.target.id: _above(field.lineno, comments)
                for field in node.body
                if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)
            }
    return found


def _above(line: int, comments: Mapping[int, str]) -> str:
    said: list[str] = []
    while comments.get(line - 1, "").startswith("#:"):
        line -= 1
        said.insert(0, comments[line].removeprefix("#:").strip())
    return " ".join(said)


def _paragraph(text: str | None) -> str:
    return python_inspect.cleandoc(text or "")


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")
