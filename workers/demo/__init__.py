"""The embedded demo: archives, an offline web, a recipe, and the truth that was planted in them.

`demo_web()` serves the pictures on a loopback port; `demo_recipe(address)` sends every download there. Nothing leaves
the machine.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType

import msgspec

from crawler.settings import Recipe, parse_recipe
from workers.demo.web import DemoWeb, Request, demo_web

__all__ = ["DemoWeb", "Expected", "Request", "demo_recipe", "demo_web", "inputs", "truth"]


@dataclass(frozen=True, slots=True)
class Expected:
    """How one pair of the demo must end."""

    outcome: str  # "kept", or a reason: a Fault's value or a filter's file name
    #: whether text and picture were planted as belonging together; None on the odd pages. Where it is not None,
    #: `outcome` is what a perfect model would say; the small one is right on about 95 of 100.
    match: bool | None


class _Line(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    url: str
    text: str
    outcome: str
    match: bool | None = None


def demo_recipe(address: str) -> Recipe:
    """The demo's recipe, with every `*.test` host found at `address` ("127.0.0.1:PORT"), but one in a home network."""
    text = (_folder() / "recipe.toml").read_text(encoding="utf-8")
    recipe = parse_recipe(text, name="the demo's recipe", folder=str(_folder()))
    hosts = {"*.test": address, "demo-rebound.test": "192.168.0.1"}
    return msgspec.structs.replace(recipe, fetch=msgspec.structs.replace(recipe.fetch, hosts=hosts))


def inputs() -> list[str]:
    """File names of the demo's archives: two WARC files, and a WAT file of other pages."""
    return sorted(str(path) for path in (_folder() / "data/archives").glob("*.gz"))


@cache
def truth() -> Mapping[tuple[str, str], Expected]:
    """How each pair must end, by image address and text; further rows of the same pair are duplicates."""
    decode = msgspec.json.Decoder(_Line).decode
    lines = map(decode, (_folder() / "data/truth.jsonl").read_bytes().splitlines())
    return MappingProxyType({(line.url, line.text): Expected(line.outcome, line.match) for line in lines})


def _folder() -> Path:
    return Path(str(files("workers.demo")))
